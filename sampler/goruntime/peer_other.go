//go:build !linux

package goruntime

import "net"

// peerPID returns 0: only Linux is asked whose socket it is.
func peerPID(net.Conn) int { return 0 }
