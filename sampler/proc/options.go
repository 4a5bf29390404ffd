package proc

import (
	"context"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Options says where to read. The zero value reads the running system.
type Options struct {
	// Root is the directory of the proc file system, "/proc" when empty.
	Root string
	// CgroupRoot is the directory under which cgroup version 2, or version 1 with a directory for each controller, is
	// mounted. When empty, the mounts of the running system say where.
	CgroupRoot string
}

// Source opens processes by their id: targets of KindProcess, and of KindCommand once they run. The zero value is
// ready for use, and safe for concurrent use.
type Source struct {
	Options Options
}

// Name returns "proc".
func (Source) Name() string { return "proc" }

// Open begins to watch the process t.PID. The session also is a sampler.Describer and a sampler.PeakResetter, and on
// Linux a sampler.Mapper. The error wraps sampler.ErrNotFound when there is no such process, sampler.ErrPermission when
// the system hides it, sampler.ErrUnsupported when the target is no process.
func (s Source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if (t.Kind != sampler.KindProcess && t.Kind != sampler.KindCommand) || t.PID < 1 {
		return nil, fmt.Errorf("open %s as a process: %w", t, sampler.ErrUnsupported)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open process %d: %w", t.PID, err)
	}
	return open(ctx, s.Options, t)
}

// WithinCgroupOf reports whether the calling process is in the cgroup that counts the memory of process pid, or in one below
// it: then what that cgroup tells is not of the process and its children alone. The error says why that is not known; it
// wraps sampler.ErrNotFound when there is no such process, and sampler.ErrUnsupported where there are no cgroups. It is
// safe for concurrent use.
func WithinCgroupOf(pid int, o Options) (bool, error) { return withinCgroupOf(pid, o) }

// budget bounds the share of time that goes into a reading which costs much or costs the target: after a reading that
// took d, the next may begin d/share later. The zero value allows nothing.
type budget struct {
	share float64
	next  time.Time
}

func (b *budget) allows(now time.Time) bool { return b.share > 0 && !now.Before(b.next) }

// spend records a reading that began at now.
func (b *budget) spend(now time.Time, took time.Duration) {
	b.next = now.Add(time.Duration(float64(took) / b.share))
}

// Shares of time. The two that hold the target's mmap_lock add up to the 0.5 % that a target is promised; they are
// separate so that PSS, which is read at every chance, does not starve the mappings.
const (
	rollupShare = 0.0025
	smapsShare  = 0.0025
	treeShare   = 0.001
	fdsShare    = 0.001
)
