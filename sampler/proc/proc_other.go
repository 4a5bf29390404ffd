//go:build !linux

package proc

import (
	"context"
	"errors"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc/internal/portable"
)

// errRoot says that captured files of Linux are read on Linux only.
var errRoot = errors.New("another root of /proc can be read on Linux only")

func open(ctx context.Context, o Options, t sampler.Target) (sampler.Session, error) {
	if o != (Options{}) {
		return nil, fmt.Errorf("open %s: %w: %w", t, errRoot, sampler.ErrUnsupported)
	}
	return portable.Open(ctx, t)
}

func withinCgroupOf(pid int, _ Options) (bool, error) {
	return false, fmt.Errorf("read the cgroup of process %d: %w", pid, sampler.ErrUnsupported)
}

// NewLister returns a reader of the process table, by gopsutil.
func NewLister(o Options) (sampler.Lister, error) {
	if o != (Options{}) {
		return nil, fmt.Errorf("list processes: %w: %w", errRoot, sampler.ErrUnsupported)
	}
	return portable.NewLister(), nil
}

// Find returns the running processes whose name, or the last part of whose first argument, is exactly name, in ascending
// order of process id. The calling process is left out. The error wraps sampler.ErrNotFound when there is none.
func Find(ctx context.Context, name string) ([]sampler.Process, error) {
	return portable.Find(ctx, name)
}
