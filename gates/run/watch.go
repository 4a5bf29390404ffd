package run

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/proc"
)

const (
	attachAge   = 10 * time.Millisecond // what lives shorter is opened at its end alone
	maxSampled  = 64                    // processes of a tree that are read between; all are read at their end
	maxProcs    = 4096                  // processes that are remembered
	maxPoints   = 1 << 16               // readings of one series
	attachments = 2                     // processes that are opened at a time
)

// pace says how long to wait for the next reading when the run has lasted so long: what a short run does is seen, and a
// long one is not disturbed.
func pace(since time.Duration) time.Duration {
	switch {
	case since < 500*time.Millisecond:
		return 5 * time.Millisecond
	case since < 10*time.Second:
		return 20 * time.Millisecond
	case since < time.Minute:
		return 100 * time.Millisecond
	case since < 20*time.Minute:
		return time.Second
	}
	return 5 * time.Second
}

// watch reads the processes of one run while they live and as they end.
type watch struct {
	profiles bool // allocation sites are read at the end

	mu      sync.Mutex
	began   time.Time
	root    int
	living  map[int]*process
	all     []*process // every Go process, and those of which that is not known
	dropped int        // processes beyond what is remembered
	unread  []string   // Go programs that turned into another one before their totals could be read

	rss      []sampler.Point
	slots    chan struct{}
	attached sync.WaitGroup
	marks    []mark
}

// mark is what a process's memory said at a checkpoint.
type mark struct {
	name       string
	at         time.Time
	goroutines sampler.Reading
}

func newWatch(profiles bool) *watch {
	return &watch{profiles: profiles, living: map[int]*process{}, slots: make(chan struct{}, attachments)}
}

// started hears of a new process, or of one that has become another program.
func (w *watch) started(c launch.Child) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.root == 0 {
		w.root, w.began = c.PID, c.Started
	}
	if before := w.living[c.PID]; before != nil {
		w.replace(before, c.Started)
	}
	w.add(c)
}

func (w *watch) add(c launch.Child) *process {
	p := &process{child: c}
	if len(w.all) >= maxProcs {
		w.dropped++
		return p
	}
	w.living[c.PID] = p
	w.all = append(w.all, p)
	return p
}

// replace forgets a program that became another one at a time. It may be in use: it is told and closed from aside. What
// was opened only after that time is the new program, which is opened again as itself.
func (w *watch) replace(p *process, at time.Time) {
	if stop := p.opening.Load(); stop != nil {
		(*stop)()
	}
	w.attached.Go(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ended = true
		lost := p.session != nil && p.opened.Before(at)
		p.release()
		w.mu.Lock()
		defer w.mu.Unlock()
		if lost {
			w.unread = append(w.unread, p.child.Name)
			return
		}
		w.all = slices.DeleteFunc(w.all, func(q *process) bool { return q == p })
	})
}

// atExit reads a process's totals. It stands still meanwhile.
func (w *watch) atExit(c launch.Child) {
	w.mu.Lock()
	p := w.living[c.PID]
	if p == nil {
		p = w.add(c)
	}
	delete(w.living, c.PID)
	w.mu.Unlock()
	p.exit(c, w.profiles)
	if p.notGo { // shells and compilers by the thousand
		w.mu.Lock()
		w.all = slices.DeleteFunc(w.all, func(q *process) bool { return q == p })
		w.mu.Unlock()
	}
}

// sample reads until ctx ends.
func (w *watch) sample(ctx context.Context) {
	var system sampler.Session
	defer func() {
		if system != nil {
			shut(system)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var snap sampler.Snapshot
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		root, began := w.tick(ctx)
		if system == nil && root != 0 {
			if s, err := (proc.Source{}).Open(ctx, sampler.Target{Kind: sampler.KindProcess, PID: root}); err == nil {
				system = s
			}
		}
		if system != nil && system.Read(ctx, &snap) == nil {
			if v, ok := treeRSS(&snap); ok {
				w.rss = appendPoint(w.rss, pointAt(snap.Time, v))
			}
		}
		timer.Reset(pace(time.Since(began)))
	}
}

func treeRSS(s *sampler.Snapshot) (float64, bool) {
	if v, ok := s.Get(sampler.TreeRSS); ok {
		return v, true
	}
	return s.Get(sampler.ProcessRSS)
}

// tick reads every process that is open, and has those opened that have lived for a moment.
func (w *watch) tick(ctx context.Context) (root int, began time.Time) {
	w.mu.Lock()
	living := make([]*process, 0, min(len(w.living), maxSampled))
	for _, p := range w.living {
		if len(living) < maxSampled {
			living = append(living, p)
		}
	}
	root, began = w.root, w.began
	w.mu.Unlock()
	if began.IsZero() {
		began = time.Now()
	}
	for _, p := range living {
		if p.read(ctx, w.profiles) || time.Since(p.child.Started) < attachAge {
			continue
		}
		select {
		case w.slots <- struct{}{}:
			w.attached.Go(func() {
				defer func() { <-w.slots }()
				p.attach(ctx)
			})
		default:
		}
	}
	return root, began
}

// checkpoint reads the process that made a checkpoint, or for one that has no process the largest.
func (w *watch) checkpoint(name string, c launch.Child) error {
	w.mu.Lock()
	p := w.living[c.PID]
	w.mu.Unlock()
	m := mark{name: name, at: time.Now()}
	if p != nil {
		p.attach(context.Background())
		if p.read(context.Background(), false) {
			p.mu.Lock()
			m.goroutines = p.snap.Reading(sampler.GoGoroutines)
			p.mu.Unlock()
		}
	}
	w.mu.Lock()
	w.marks = append(w.marks, m)
	w.mu.Unlock()
	return nil
}

// close waits for what reads and gives everything back.
func (w *watch) close() {
	w.attached.Wait()
	for _, p := range w.all {
		p.close()
	}
}

// main returns the Go process whose heap was the largest, nil when there was none that could be read.
func (w *watch) main() *process {
	var largest *process
	for _, p := range w.all {
		if p.total != nil && (largest == nil || p.heap.most > largest.heap.most) {
			largest = p
		}
	}
	return largest
}

// isGo reports whether a process runs a Go program, by its file.
func isGo(pid int) bool {
	_, err := buildinfo.ReadFile(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil
}

// appendPoint keeps a series within bounds: a full one loses every second reading.
func appendPoint(points []sampler.Point, p sampler.Point) []sampler.Point {
	if len(points) >= maxPoints {
		for i := range points[:len(points)/2] {
			points[i] = points[2*i]
		}
		points = points[:len(points)/2]
	}
	return append(points, p)
}
