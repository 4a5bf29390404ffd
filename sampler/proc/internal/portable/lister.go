package portable

import (
	"context"
	"fmt"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/process"

	"github.com/alloc-dev/heaptop/sampler"
)

// lister implements sampler.Lister.
type lister struct {
	known, next map[int]known
}

// known is what is asked once for a process.
type known struct {
	created int64
	row     sampler.Process
}

// NewLister returns a reader of the process table.
func NewLister() sampler.Lister { return &lister{known: map[int]known{}, next: map[int]known{}} }

// List implements sampler.Lister. Processes that may not be read are in the table without numbers.
func (l *lister) List(ctx context.Context, o sampler.ListOptions, into *sampler.ProcessTable) error {
	now := time.Now()
	into.Time, into.Processes, into.Warnings = now, into.Processes[:0], into.Warnings[:0]
	all, err := process.ProcessesWithContext(ctx)
	if err != nil {
		return fmt.Errorf("list processes: %w", classify(err))
	}
	slices.SortFunc(all, func(a, b *process.Process) int { return int(a.Pid) - int(b.Pid) })
	for _, p := range all {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		k, ok := l.identify(ctx, p)
		if !ok {
			continue
		}
		row := k.row
		readRow(ctx, p, &row, o.All || o.PIDs[row.PID])
		l.next[row.PID] = k
		into.Processes = append(into.Processes, row)
	}
	l.known, l.next = l.next, l.known
	clear(l.next)
	into.Machine = sampler.Machine{CPUs: runtime.NumCPU()}
	if err := readMachine(ctx, &into.Machine); err != nil {
		into.Warnings = append(into.Warnings, err)
	}
	into.Took = time.Since(now)
	return nil
}

// identify asks for name, command and user where they are not known.
func (l *lister) identify(ctx context.Context, p *process.Process) (known, bool) {
	created, err := p.CreateTimeWithContext(ctx)
	if err != nil {
		return known{}, false
	}
	if k, ok := l.known[int(p.Pid)]; ok && k.created == created {
		return k, true
	}
	k := known{created: created, row: sampler.Process{PID: int(p.Pid), Started: time.UnixMilli(created)}}
	k.row.Name, _ = p.NameWithContext(ctx) // what cannot be asked stays empty
	k.row.Command, _ = p.CmdlineWithContext(ctx)
	k.row.User, _ = p.UsernameWithContext(ctx)
	return k, true
}

// readRow reads the numbers of one process; what cannot be read stays unknown.
func readRow(ctx context.Context, p *process.Process, row *sampler.Process, costly bool) {
	if v, err := p.PpidWithContext(ctx); err == nil {
		row.PPID = int(v)
	}
	if v, err := p.StatusWithContext(ctx); err == nil && len(v) > 0 {
		row.State = stateLetter(v[0])
	}
	if m, err := p.MemoryInfoWithContext(ctx); err == nil {
		row.RSS = sampler.Known(float64(m.RSS))
		if peak, ok := systemPeak(row.PID, m); ok && costly {
			row.Peak = sampler.Known(peak)
		}
		if m.Swap > 0 {
			row.Swap = sampler.Known(float64(m.Swap))
		}
	}
	if v, err := p.NumThreadsWithContext(ctx); err == nil {
		row.Threads = sampler.Known(float64(v))
	}
	if v, err := p.TimesWithContext(ctx); err == nil {
		row.CPU = sampler.Known(v.User + v.System)
	}
}

// stateLetter returns the letter that ps shows for a state of gopsutil's, 0 for one that has none.
func stateLetter(state string) byte {
	switch state {
	case process.Running:
		return 'R'
	case process.Blocked:
		return 'D'
	case process.Idle:
		return 'I'
	case process.Sleep:
		return 'S'
	case process.Stop:
		return 'T'
	case process.Zombie:
		return 'Z'
	}
	return 0
}

// Close implements sampler.Lister.
func (l *lister) Close() error { return nil }

// Find returns the running processes whose name, or the last part of whose first argument, is name.
func Find(ctx context.Context, name string) ([]sampler.Process, error) {
	var table sampler.ProcessTable
	if err := NewLister().List(ctx, sampler.ListOptions{}, &table); err != nil {
		return nil, err
	}
	var found []sampler.Process
	for _, p := range table.Processes {
		first, _, _ := strings.Cut(p.Command, " ")
		base := path.Base(strings.ReplaceAll(first, `\`, "/"))
		if (p.Name == name || base == name) && p.State != 'Z' && p.PID != os.Getpid() {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no process named %q: %w", name, sampler.ErrNotFound)
	}
	return found, nil
}
