package launch

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// packets says that a pipe's reader sees each write of the command as it was made.
const packets = true

// newPipe returns a pipe in packet mode: one Read returns what one write of the command wrote, up to 4,096 bytes of it.
// The reading end can be interrupted by Close.
func newPipe() (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_DIRECT); err != nil {
		return nil, nil, fmt.Errorf("make a pipe in packet mode: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		_ = unix.Close(fds[0])
		_ = unix.Close(fds[1])
		return nil, nil, fmt.Errorf("make a pipe in packet mode: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "packets"), os.NewFile(uintptr(fds[1]), "packets"), nil
}
