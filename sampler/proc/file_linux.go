package proc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// Sizes of files are bounded: what the kernel writes is small, what else lies there is not read.
const (
	firstBuffer = 8 << 10
	maxFile     = 1 << 20
)

// file is a descriptor that is kept open and read from its beginning again and again. The zero file is closed.
type file struct {
	fd   int
	open bool
	path string // for messages
	err  error  // why it cannot be read; kept, so that a lasting failure costs nothing
	no   unix.Errno
}

// openFile opens name below the directory dir; path is its whole name. A failure is told by every later read.
func openFile(dir int, name, path string) file {
	f := file{path: path}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		f.err = explain("open", path, err)
		return f
	}
	f.fd, f.open = fd, true
	return f
}

// read returns the whole file; the bytes are valid until buf is used again. It does not allocate unless buf is too
// small or the failure is a new one.
func (f *file) read(buf *[]byte) ([]byte, error) {
	if !f.open {
		return nil, f.err
	}
	b, no := readAll(f.fd, buf)
	if no != 0 {
		if no != f.no || f.err == nil {
			f.no, f.err = no, explain("read", f.path, no)
		}
		return nil, f.err
	}
	return b, nil
}

func (f *file) close() {
	if f.open {
		_ = unix.Close(f.fd) // nothing was written, so nothing can be lost
		f.open = false
	}
}

// readAll reads a file of the kernel's that comes in one piece: what does not fill the buffer is the whole of it.
func readAll(fd int, buf *[]byte) ([]byte, unix.Errno) {
	for {
		n, no := pread(fd, *buf, 0)
		if no != 0 {
			return nil, no
		}
		if n < len(*buf) || len(*buf) >= maxFile {
			return (*buf)[:n], 0
		}
		*buf = make([]byte, 4*len(*buf))
	}
}

// pread is pread(2), begun again when a signal interrupts it.
func pread(fd int, b []byte, offset int64) (int, unix.Errno) {
	for {
		n, err := unix.Pread(fd, b, offset)
		if err == nil {
			return n, 0
		}
		if no := errno(err); no != unix.EINTR {
			return 0, no
		}
	}
}

// readOnce opens, reads and closes the file of this name below dir, without allocating. name ends with a zero byte.
func readOnce(dir int, name []byte, buf *[]byte) ([]byte, unix.Errno) {
	fd, no := openRaw(dir, name, unix.O_RDONLY|unix.O_NONBLOCK)
	if no != 0 {
		return nil, no
	}
	b, no := readAll(fd, buf)
	_ = unix.Close(fd)
	return b, no
}

// openRaw is openat(2) for a name that ends with a zero byte. unix.Openat copies its argument to add that byte, which
// would be one allocation a process and tick.
func openRaw(dir int, name []byte, flags int) (int, unix.Errno) {
	if len(name) == 0 || name[len(name)-1] != 0 {
		return -1, unix.EINVAL
	}
	for {
		fd, _, no := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&name[0])),
			uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		if no == 0 {
			return int(fd), 0
		}
		if no != unix.EINTR {
			return -1, no
		}
	}
}

// readNumbers appends the entries of an open directory whose names are numbers, in ascending order: processes of
// /proc, threads of a task directory.
func readNumbers(fd int, buf []byte, into []int) ([]int, unix.Errno) {
	if _, err := unix.Seek(fd, 0, 0); err != nil {
		return into, errno(err)
	}
	begin := len(into)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil {
			if no := errno(err); no != unix.EINTR {
				return into, no
			}
			continue
		}
		if n <= 0 {
			break
		}
		into = appendNumbers(into, buf[:n])
	}
	if found := into[begin:]; !slices.IsSorted(found) {
		slices.Sort(found)
	}
	return into, 0
}

// Offsets in struct linux_dirent64: inode, offset, record length, type, name.
const (
	direntLength = 16
	direntName   = 19
)

// appendNumbers reads directory entries as getdents64(2) writes them.
func appendNumbers(into []int, b []byte) []int {
	for len(b) > direntName {
		length := int(b[direntLength]) | int(b[direntLength+1])<<8
		if length <= direntName || length > len(b) {
			return into
		}
		if v, ok := leadingNumber(b[direntName:length]); ok {
			into = append(into, v)
		}
		b = b[length:]
	}
	return into
}

// leadingNumber reads a name that ends with a zero byte and is all digits.
func leadingNumber(name []byte) (int, bool) {
	v := 0
	for i, c := range name {
		if c == 0 {
			return v, i > 0
		}
		if c < '0' || c > '9' || v > 1<<30 {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return 0, false
}

// keepLimits is how many descriptors may be kept, by the process table and by the tree of a session: together half of
// what the process may open, and 4,096 at most, because each costs the kernel 5.6 KiB.
func keepLimits() (table, tree int) {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 0, 0
	}
	all := int(min(r.Cur/2, 4096))
	return all - all/16, all / 16
}

func errno(err error) unix.Errno {
	var no unix.Errno
	if errors.As(err, &no) {
		return no
	}
	return unix.EIO
}

// explain wraps a failure. Missing permission becomes sampler.ErrPermission, so that callers need not know numbers.
func explain(doing, path string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s %s: %w", doing, path, sampler.ErrPermission)
	}
	return fmt.Errorf("%s %s: %w", doing, path, err)
}

// vanished says that an error means that the process is no more.
func vanished(err error) bool {
	return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT)
}
