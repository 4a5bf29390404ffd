package goproc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	startPatience = time.Second // how long a process may take from its exec to a running runtime
	startPoll     = 5 * time.Millisecond
	execTries     = 3
)

// attach opens the executable and the memory of a process and finds the runtime in it.
func attach(ctx context.Context, o Options, t sampler.Target) (*Session, error) {
	dir := filepath.Join(o.Proc, strconv.Itoa(t.PID))
	for try := 0; ; try++ {
		s, err := attachOnce(ctx, o, t, dir)
		if err == nil || !errors.Is(err, errReplaced) || try == execTries {
			return s, err
		}
	}
}

// errReplaced says that the process executed another program while it was being opened.
var errReplaced = fmt.Errorf("it executed another program while it was opened: %w", sampler.ErrGone)

func attachOnce(ctx context.Context, o Options, t sampler.Target, dir string) (_ *Session, err error) {
	exe, err := os.Open(dir + "/exe")
	if err != nil {
		return nil, explain(o.Proc, t.PID, dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, exe.Close())
		}
	}()
	im, err := openImage(exe)
	if err != nil {
		return nil, err
	}
	mem, err := openMemory(o.Proc, t.PID)
	if err != nil {
		return nil, explain(o.Proc, t.PID, dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, mem.Close())
		}
	}()
	if !sameExecutable(dir, exe) {
		return nil, errReplaced
	}
	slide, err := readSlide(dir, im)
	if err != nil {
		return nil, explain(o.Proc, t.PID, dir, err)
	}
	p, err := awaitProgram(ctx, mem, im, slide)
	if err != nil {
		return nil, explain(o.Proc, t.PID, dir, err)
	}
	mem.probe = p.vars["runtime.memstats"].addr
	return newSession(o, t, p, mem, exe)
}

// awaitProgram waits for the runtime of a process that was only just started.
func awaitProgram(ctx context.Context, mem memory, im *image, slide uint64) (*program, error) {
	deadline := time.Now().Add(startPatience)
	for {
		p, err := newProgram(mem, im, slide)
		if !errors.Is(err, errNotReady) || time.Now().After(deadline) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(startPoll):
		}
	}
}

func sameExecutable(dir string, exe *os.File) bool {
	now, err := os.Stat(dir + "/exe")
	if err != nil {
		return false
	}
	then, err := exe.Stat()
	return err == nil && os.SameFile(now, then)
}

const (
	auxEntry = 9 // AT_ENTRY
	maxAuxv  = 4096
)

// readSlide returns by how much a position-independent executable was moved: the kernel told the process its true entry
// point, and the file has the one it was linked for. That needs no path, which another mount namespace would hide.
func readSlide(dir string, im *image) (uint64, error) {
	path := dir + "/auxv"
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	entry, ok := auxiliary(b, auxEntry)
	slide := entry - im.elf.Entry
	switch {
	case len(b) == 0: // the kernel's answer for a process that has ended
		return 0, fmt.Errorf("read %s: empty: %w", path, fs.ErrNotExist)
	case !ok:
		return 0, fmt.Errorf("read %s: no entry point: %w", path, sampler.ErrUnsupported)
	case slide%4096 != 0:
		return 0, fmt.Errorf("read %s: entry point %#x does not fit the executable's %#x: %w", path, entry, im.elf.Entry, sampler.ErrUnsupported)
	}
	return slide, nil
}

// auxiliary returns an entry of the auxiliary vector, which is pairs of words.
func auxiliary(b []byte, key uint64) (value uint64, ok bool) {
	for i := 0; i+16 <= min(len(b), maxAuxv); i += 16 {
		if u64(b, i) == key {
			return u64(b, i+8), true
		}
	}
	return 0, false
}
