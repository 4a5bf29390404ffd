//go:build !unix

package agent

import (
	"errors"
	"fmt"
	"net"
)

// listenUnix refuses: here the mode of a folder does not keep other users out of a socket.
func listenUnix(path string) (net.Listener, error) {
	return nil, fmt.Errorf("agent: listen on %s: %w: set Options.Addr to a loopback address", path, errors.ErrUnsupported)
}
