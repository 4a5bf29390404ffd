//go:build !linux

package launch

import "net"

// peerPID knows nothing here: the program's own word counts.
func peerPID(net.Conn) int { return 0 }
