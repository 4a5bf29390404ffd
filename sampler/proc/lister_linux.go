package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// NewLister returns a reader of the process table. A row costs one pread of stat on a kept descriptor; processes beyond
// the limit of descriptors are opened, read and closed, which takes about twice as long. The error wraps
// sampler.ErrPermission where /proc may not be read.
func NewLister(o Options) (sampler.Lister, error) {
	keep, _ := keepLimits()
	return newLister(o, keep)
}

// lister implements sampler.Lister.
type lister struct {
	host       *host
	identifier *identifier
	machine    machine
	page       float64
	keep, kept int

	rows, spare []*row // in ascending order of process id
	pids        []int
	dents       []byte
	buf         []byte
	name        []byte
	hidden      error
}

// row is a process of the table, with what is kept of it between readings.
type row struct {
	process sampler.Process
	base    string // last part of the first argument
	start   uint64
	fd      int // of its stat, -1 when it is not kept
	asking  asking
}

func newLister(o Options, keep int) (*lister, error) {
	h, err := openHost(o)
	if err != nil {
		return nil, err
	}
	l := &lister{
		host: h, identifier: newIdentifier(h), machine: openMachine(h), page: float64(os.Getpagesize()), keep: keep,
		dents: make([]byte, 64<<10), buf: make([]byte, firstBuffer),
	}
	if h.mounts.hidepid && os.Geteuid() != 0 {
		l.hidden = fmt.Errorf("processes of other users are missing: %s is mounted with hidepid: %w", h.root, sampler.ErrPermission)
	}
	return l, nil
}

// List implements sampler.Lister. Processes that start or end meanwhile are in the table or not; those that have ended
// but whose parent has not taken notice are in it with state 'Z'.
func (l *lister) List(ctx context.Context, o sampler.ListOptions, into *sampler.ProcessTable) error {
	now := time.Now()
	into.Time, into.Processes, into.Warnings = now, into.Processes[:0], into.Warnings[:0]
	var no unix.Errno
	if l.pids, no = readNumbers(l.host.dir, l.dents, l.pids[:0]); no != 0 {
		return explain("list", l.host.root, no)
	}
	if l.hidden != nil {
		into.Warnings = append(into.Warnings, l.hidden)
	}
	if err := l.update(ctx, now, into); err != nil {
		return err
	}
	l.addStatus(o, into)
	var noMeminfo, noPressure error
	into.Machine, noMeminfo, noPressure = l.machine.read(&l.buf)
	for _, err := range []error{noMeminfo, noPressure} {
		if err != nil {
			into.Warnings = append(into.Warnings, err)
		}
	}
	into.Took = time.Since(now)
	return nil
}

// update merges the processes that exist with the rows, both in ascending order of process id, and reads each.
func (l *lister) update(ctx context.Context, now time.Time, into *sampler.ProcessTable) error {
	old, next := l.rows, l.spare[:0]
	defer func() {
		l.rows, l.spare = next, l.rows[:0]
		clear(l.spare[:cap(l.spare)]) // do not hold rows of processes that have ended
	}()
	unread, why := 0, error(nil)
	for i, pid := range l.pids {
		if i&255 == 0 && ctx.Err() != nil {
			next = append(next, old...)
			return fmt.Errorf("list processes: %w", ctx.Err())
		}
		for len(old) > 0 && old[0].process.PID < pid {
			l.evict(old[0])
			old = old[1:]
		}
		var r *row
		if len(old) > 0 && old[0].process.PID == pid {
			r, old = old[0], old[1:]
		}
		r, err := l.refresh(pid, r, now)
		if r != nil {
			next = append(next, r)
			into.Processes = append(into.Processes, r.process)
		} else if err != nil {
			unread, why = unread+1, err
		}
	}
	for _, r := range old {
		l.evict(r)
	}
	if unread > 0 {
		into.Warnings = append(into.Warnings, fmt.Errorf("%d processes could not be read; the last: %w", unread, why))
	}
	return nil
}

// refresh reads the row of a process; r is what was known, nil for a new one. It returns nil when the process has ended,
// and an error besides when it could not be read for another reason.
func (l *lister) refresh(pid int, r *row, now time.Time) (*row, error) {
	var st stat
	if r != nil {
		err := l.read(r, &st)
		if err == nil && st.start == r.start {
			l.fill(r, &st, now)
			return r, nil
		}
		l.evict(r) // it has ended, and its id may be in use again
		if err != nil && !vanished(err) {
			return nil, err
		}
	}
	r = &row{fd: -1}
	r.process.PID = pid
	if l.kept < l.keep {
		l.setName(pid)
		if fd, no := openRaw(l.host.dir, l.name, unix.O_RDONLY|unix.O_NONBLOCK); no == 0 {
			r.fd = fd
			l.kept++
		}
	}
	if err := l.read(r, &st); err != nil {
		l.evict(r)
		if vanished(err) {
			return nil, nil
		}
		return nil, err
	}
	r.start = st.start
	l.fill(r, &st, now)
	return r, nil
}

// read reads and parses the stat of a row.
func (l *lister) read(r *row, st *stat) error {
	var b []byte
	var no unix.Errno
	if r.fd >= 0 {
		b, no = readAll(r.fd, &l.buf)
	} else {
		l.setName(r.process.PID)
		b, no = readOnce(l.host.dir, l.name, &l.buf)
	}
	if no != 0 {
		return explain("read", l.statPath(r.process.PID), no)
	}
	if err := parseStat(b, st); err != nil {
		return fmt.Errorf("read %s: %w", l.statPath(r.process.PID), err)
	}
	return nil
}

func (l *lister) statPath(pid int) string { return l.host.path(strconv.Itoa(pid) + "/stat") }

func (l *lister) setName(pid int) {
	l.name = append(strconv.AppendInt(l.name[:0], int64(pid), 10), "/stat\x00"...)
}

// fill takes over what stat says, and asks for the identity where that is due. st.comm lies in the buffer that asking
// uses, so it is taken first.
func (l *lister) fill(r *row, st *stat, now time.Time) {
	p := &r.process
	renamed := p.Name != string(st.comm)
	if renamed {
		p.Name = string(st.comm)
	}
	p.PPID, p.State, p.Kernel = st.ppid, st.state, st.kernel()
	p.RSS = sampler.Known(float64(st.rss) * l.page)
	p.Threads = sampler.Known(float64(st.threads))
	p.CPU = sampler.Known(float64(st.utime+st.stime) / ticksPerSecond)
	p.Peak, p.Swap = sampler.Reading{}, sampler.Reading{}
	if !r.asking.asked {
		p.Started = l.host.started(r.start)
	}
	if !r.asking.due(renamed, p.Command == "" && !p.Kernel && p.State != 'Z', now.Sub(p.Started)) {
		return
	}
	id := l.identifier.ask(p.PID, p.Kernel, &l.buf)
	p.Command, p.User, p.Container, r.base = id.command, id.user, id.container, id.base
}

// addStatus reads the costlier columns of the rows that are asked for.
func (l *lister) addStatus(o sampler.ListOptions, into *sampler.ProcessTable) {
	if !o.All && len(o.PIDs) == 0 {
		return
	}
	for i := range into.Processes {
		p := &into.Processes[i]
		if (!o.All && !o.PIDs[p.PID]) || p.Kernel {
			continue
		}
		var st status
		if l.identifier.status(p.PID, &l.buf, &st) == 0 {
			p.Peak, p.Swap = st.peak, st.swap
		}
	}
}

func (l *lister) evict(r *row) {
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
		l.kept--
	}
}

// Close gives all descriptors back.
func (l *lister) Close() error {
	for _, r := range l.rows {
		l.evict(r)
	}
	l.rows = nil
	if l.host.dir >= 0 {
		l.machine.close()
		l.host.close()
		l.host.dir = -1
	}
	return nil
}

// find returns the running processes of this name, but not ourselves.
func (l *lister) find(ctx context.Context, name string) ([]sampler.Process, error) {
	var table sampler.ProcessTable
	if err := l.List(ctx, sampler.ListOptions{}, &table); err != nil {
		return nil, err
	}
	var found []sampler.Process
	for _, r := range l.rows {
		p := r.process
		if (p.Name == name || r.base == name) && p.State != 'Z' && p.PID != os.Getpid() {
			found = append(found, p)
		}
	}
	return slices.Clip(found), nil
}

// Find returns the running processes whose name, or the last part of whose first argument, is exactly name, in ascending
// order of process id. The kernel cuts names after 15 bytes; the argument is whole. The calling process is left out.
// The error wraps sampler.ErrNotFound when there is none, and sampler.ErrPermission when there is none among those that
// are not hidden from this user.
func Find(ctx context.Context, name string) ([]sampler.Process, error) {
	return findIn(ctx, Options{}, name)
}

func findIn(ctx context.Context, o Options, name string) (found []sampler.Process, err error) {
	l, err := newLister(o, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	found, err = l.find(ctx, name)
	if err == nil && len(found) == 0 && l.hidden != nil {
		return nil, fmt.Errorf("no process named %q is shown to this user: %w", name, l.hidden)
	}
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("no process named %q: %w", name, sampler.ErrNotFound)
	}
	return found, err
}
