package proc

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// witness is a descriptor of the process itself. Linux 6.15 and later tell through it how the process ended, also when it is
// nobody's child here and has been waited for; older kernels do not. It is -1 where there is none.
type witness int

// pidfdInfo is the kernel's struct pidfd_info in its first version, of linux/pidfd.h.
type pidfdInfo struct {
	mask, _  uint64
	_        [11]uint32
	exitCode int32
}

const (
	pidfdInfoExit = 1 << 3     // PIDFD_INFO_EXIT
	pidfdGetInfo  = 0xc040ff0b // PIDFD_GET_INFO, _IOWR(0xff, 11, struct pidfd_info)
)

// openWitness opens a descriptor of the process. It is open before the process's stat is read through its folder, so that
// both are of one process.
func openWitness(pid int) witness {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1
	}
	return witness(fd)
}

// tell fills in how the process ended, when the kernel says.
func (w witness) tell(g *sampler.Gone) {
	if w < 0 {
		return
	}
	info := pidfdInfo{mask: pidfdInfoExit}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(w), pidfdGetInfo, uintptr(unsafe.Pointer(&info)))
	if errno == 0 && info.mask&pidfdInfoExit != 0 {
		ending(&stat{exitCode: uint64(uint32(info.exitCode)), hasExitCode: true}, true, g)
	}
}

func (w *witness) close() {
	if *w >= 0 {
		_ = unix.Close(int(*w))
		*w = -1
	}
}
