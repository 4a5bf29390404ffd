package goproc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// procMemory reads a process with process_vm_readv, many pieces a call, and through /proc/PID/mem where the call is
// forbidden, as some containers do.
//
// The descriptor on /proc/PID/mem is bound to the address space and not to the process id: once the process has ended
// or executed another program it reads nothing. That is how a used-again id is told from the target.
type procMemory struct {
	pid    int
	exe    string // the link in /proc that a process has until it ends
	mem    *os.File
	probe  uint64 // an address that is always mapped
	viaMem bool
	local  []unix.Iovec
	remote []unix.RemoteIovec
	one    [1]byte

	calls, bytes uint64 // what reading has cost so far
}

// openMemory opens the address space of a process. The error wraps the kernel's.
func openMemory(root string, pid int) (*procMemory, error) {
	dir := fmt.Sprintf("%s/%d", root, pid)
	f, err := os.Open(dir + "/mem")
	if err != nil {
		return nil, err
	}
	return &procMemory{pid: pid, exe: dir + "/exe", mem: f}, nil
}

// Close gives the descriptor back.
func (m *procMemory) Close() error { return m.mem.Close() }

func (m *procMemory) gone(reason string) error {
	return fmt.Errorf("process %d: %w", m.pid, &sampler.Gone{At: time.Now(), Reason: reason})
}

func (m *procMemory) alive() error {
	if m.probe == 0 {
		return nil
	}
	_, err := m.mem.ReadAt(m.one[:], int64(m.probe))
	if errors.Is(err, io.EOF) {
		if _, err := os.Readlink(m.exe); err == nil {
			return m.gone("the process executed another program")
		}
		return m.gone("the process ended")
	}
	return nil
}

func (m *procMemory) read(reqs []request) error {
	for i := range reqs {
		reqs[i].ok = false
	}
	for i := 0; i < len(reqs); {
		if m.viaMem {
			return m.readMem(reqs[i:])
		}
		done, err := m.readv(reqs[i:])
		if err != nil {
			return err
		}
		i += done
	}
	return nil
}

// readv makes one call over the first requests and returns how many are settled: those that came, and the one that did
// not, so that the next call starts behind it.
func (m *procMemory) readv(reqs []request) (settled int, err error) {
	m.local, m.remote = m.local[:0], m.remote[:0]
	n := min(len(reqs), batch)
	for i := range reqs[:n] {
		r := &reqs[i]
		if len(r.buf) == 0 {
			n = i
			break
		}
		m.local = append(m.local, unix.Iovec{Base: &r.buf[0], Len: uint64(len(r.buf))})
		m.remote = append(m.remote, unix.RemoteIovec{Base: uintptr(r.addr), Len: len(r.buf)})
	}
	if n == 0 {
		reqs[0].ok = true // nothing was asked for
		return 1, nil
	}
	got, err := unix.ProcessVMReadv(m.pid, m.local, m.remote, 0)
	m.calls++
	switch {
	case err == nil:
	case errors.Is(err, unix.EFAULT), errors.Is(err, unix.EIO), errors.Is(err, unix.ENOMEM), errors.Is(err, unix.EINVAL):
		got = 0
	case errors.Is(err, unix.ESRCH):
		return 0, m.gone("the process ended")
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		m.viaMem = true
		return 0, nil
	default:
		return 0, fmt.Errorf("read memory of process %d: %w", m.pid, err)
	}
	m.bytes += uint64(got)
	i := 0
	for ; i < n && got >= len(reqs[i].buf); i++ {
		got -= len(reqs[i].buf)
		reqs[i].ok = true
	}
	if i < n {
		i++
	}
	return i, nil
}

func (m *procMemory) readMem(reqs []request) error {
	for i := range reqs {
		r := &reqs[i]
		m.calls++
		n, err := m.mem.ReadAt(r.buf, int64(r.addr))
		m.bytes += uint64(n)
		r.ok = n == len(r.buf)
		switch {
		case r.ok:
		case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
			return fmt.Errorf("read memory of process %d: %w: %w", m.pid, sampler.ErrPermission, err)
		case errors.Is(err, io.EOF) && n == 0:
			if err := m.alive(); err != nil {
				return err
			}
		}
	}
	return nil
}

// write stores b at addr. Reading and writing need the same permission.
func (m *procMemory) write(addr uint64, b []byte) error {
	local := []unix.Iovec{{Base: &b[0], Len: uint64(len(b))}}
	remote := []unix.RemoteIovec{{Base: uintptr(addr), Len: len(b)}}
	n, err := unix.ProcessVMWritev(m.pid, local, remote, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", sampler.ErrPermission, err)
	}
	if n != len(b) {
		return fmt.Errorf("only %d of %d bytes were written", n, len(b))
	}
	return nil
}
