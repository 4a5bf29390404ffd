package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// How often a leak watch reads: as often as a verdict and a cause need, and no more.
const (
	leakReadings     = 300
	leakProfiles     = 24
	fastestReading   = 250 * time.Millisecond
	slowestReading   = 15 * time.Second
	fastestProfile   = 5 * time.Second // a profile of an endpoint stops the target
	slowestProfile   = 5 * time.Minute
	leakWarningsMost = 20
)

// leakWatch feeds what a watcher reads to the search for leaks. It is a capture.Sink.
type leakWatch struct {
	pace time.Duration // between profiles

	mu       sync.Mutex
	watch    *analysis.LeakWatch
	heap     time.Time // of the last of each sort
	routines time.Time
	maps     time.Time
	problems map[string]bool
	warnings []string
}

var _ capture.Sink = (*leakWatch)(nil)

func newLeakWatch(per string, duration time.Duration) *leakWatch {
	return &leakWatch{
		pace:  min(max(duration/leakProfiles, fastestProfile), slowestProfile),
		watch: analysis.NewLeakWatch(sampler.Metric(per)), problems: map[string]bool{},
	}
}

// Event takes a reading.
func (l *leakWatch) Event(e sampler.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Snapshot != nil {
		l.watch.Add(e.Snapshot, e.Info)
		for _, w := range e.Snapshot.Warnings {
			l.warn(plainly(w))
		}
	} else if e.Err != nil && !errors.Is(e.Err, sampler.ErrGone) {
		l.warn(plainly(e.Err))
	}
}

// warn keeps a warning once.
func (l *leakWatch) warn(text string) {
	if !l.problems[text] && len(l.problems) < leakWarningsMost {
		l.problems[text] = true
		l.warnings = append(l.warnings, text)
	}
}

// Heap takes a heap profile.
func (l *leakWatch) Heap(p sampler.Profile) {
	heap, err := profile.ParseHeap(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heap = p.Time
	switch {
	case err != nil:
		l.warn(err.Error())
	case heap.Empty != "":
		l.warn("no allocation sites: " + heap.Empty)
	default:
		l.watch.Heap(&heap)
	}
}

// Goroutines takes the goroutines.
func (l *leakWatch) Goroutines(g sampler.Goroutines) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.routines = g.Time
	l.watch.Goroutines(&g)
}

// Mappings takes the address space.
func (l *leakWatch) Mappings(m sampler.Mappings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.maps = m.Time
	l.watch.Mappings(&m)
}

// Processes takes nothing: leaks are of one process.
func (l *leakWatch) Processes(*sampler.ProcessTable) {}

// Log takes nothing: what the target prints is no evidence.
func (l *leakWatch) Log([]sampler.LogLine, int) {}

// Due says what is to be read besides.
func (l *leakWatch) Due(now time.Time) capture.Due {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := func(last time.Time) bool { return now.Sub(last) >= l.pace-l.pace/10 }
	return capture.Due{Heap: due(l.heap), Goroutines: due(l.routines), Mappings: due(l.maps)}
}

// follow reads the profiles that are due between two readings, until ctx ends.
func (l *leakWatch) follow(ctx context.Context, w *sampler.Watcher) {
	tick := time.NewTicker(fastestReading)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if due := l.Due(time.Now()); !due.Heap && !due.Goroutines && !due.Mappings {
			continue
		}
		within, stop := context.WithTimeout(ctx, takeTimeout)
		err := w.Do(within, func(ctx context.Context, s sampler.Session) error { return capture.Take(ctx, s, time.Now(), l) })
		stop()
		if errors.Is(err, sampler.ErrGone) {
			return
		}
		l.mu.Lock()
		if err != nil && ctx.Err() == nil {
			l.warn(plainly(err))
		}
		l.postpone(time.Now())
		l.mu.Unlock()
	}
}

// postpone asks for what could not be read in its turn, and not at once: but soon for the address space, whose reading may
// only have been put off.
func (l *leakWatch) postpone(now time.Time) {
	for _, last := range []*time.Time{&l.heap, &l.routines} {
		if now.Sub(*last) >= l.pace {
			*last = now
		}
	}
	if now.Sub(l.maps) >= l.pace {
		l.maps = now.Add(time.Second - l.pace)
	}
}

// report judges what was seen.
func (l *leakWatch) report(j analysis.LeakJudgement) *analysis.LeakReport {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.watch.Report(j)
	r.Warnings = append(r.Warnings, l.warnings...)
	return r
}

// progress says how far the watch is.
func (l *leakWatch) progress(duration time.Duration) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, to := l.watch.Span()
	text := fmt.Sprintf("%s of %s", unit.Duration(to.Sub(from).Round(time.Second)), unit.Duration(duration))
	last := l.watch.Last()
	for _, m := range []struct {
		metric sampler.Metric
		name   string
	}{{sampler.ProcessRSS, "RSS"}, {sampler.GoHeapLive, "live heap"}, {sampler.GoGoroutines, "goroutines"}} {
		if v, ok := last.Get(m.metric); ok {
			text += fmt.Sprintf(", %s %s", m.name, unit.Format(m.metric.Unit(), v))
		}
	}
	return text
}

// runWatch watches a target that lives.
func (o *leaks) runWatch(ctx context.Context) error {
	if o.target.Kind == sampler.KindEndpoint && !o.given {
		o.duration *= 2
	}
	interval := o.interval
	if interval == 0 {
		interval = min(max(o.duration/leakReadings, fastestReading), slowestReading)
	}
	view := &live{env: o.env, target: o.target, mode: modeLive, format: "text", interval: interval, duration: o.duration}
	b := newBackend(view)
	defer b.close(ctx)
	target, err := view.resolve(ctx, b)
	if err != nil {
		return cause(ctx, err)
	}
	opened, err := b.open(ctx, target)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = opened.session.Close() }() // it only read
	s := &subject{info: opened.info(), session: opened.session, backend: b, ctx: ctx}
	view.introduce(withoutWishes(s.info))
	l := newLeakWatch(o.per, o.duration)
	end := o.watch(ctx, l, opened, interval)
	if l.watch.Last() == nil {
		return end
	}
	s.info = opened.info()
	judgement := analysis.LeakJudgement{Material: o.material, Limits: o.limits, Threshold: o.threshold, AskHolders: askHolders(s)}
	var problems []string
	if o.holders {
		judgement.Walk, problems = o.walk(ctx, s, end)
	}
	report := l.report(judgement)
	report.Warnings = append(report.Warnings, problems...)
	if end != nil {
		report.Warnings = append(report.Warnings, "the watch ended early: "+end.Error())
	}
	return o.conclude(report, s.describe(), l.watch.Last().Time, end)
}

// withoutWishes leaves out what would let a person do more with a target that tells all that a leak's cause needs.
func withoutWishes(info sampler.Info) sampler.Info {
	if info.Source == freeSource {
		info.Hints = nil
	}
	return info
}

// askHolders says how to learn who holds the objects.
func askHolders(s *subject) string {
	w, ok := s.session.(sampler.WalkChecker)
	switch {
	case !ok || w.CanWalk() != nil:
		return ""
	case s.info.Target.Kind == sampler.KindCommand:
		return "--holders also tells who keeps the objects alive."
	}
	return fmt.Sprintf("Who keeps the objects alive: heaptop debug hotspots --holders %d", s.info.PID)
}

// watch reads until the time is over; the error says why it ended before.
func (o *leaks) watch(ctx context.Context, l *leakWatch, opened *opened, interval time.Duration) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	bar := newProgress(o.env.Err)
	defer bar.clear()
	run := &lines{opened: opened, duration: o.duration, interval: interval, stderr: o.env.Err}
	timer := time.AfterFunc(o.duration+run.slack(), func() { stop(errOver) })
	defer timer.Stop()
	watcher := sampler.NewWatcher(opened.session, sampler.WatchOptions{Interval: interval})
	followed := make(chan struct{})
	go func() { defer close(followed); l.follow(ctx, watcher) }()
	err := watcher.Run(ctx, func(ev sampler.Event) {
		ev = opened.refine(ev)
		l.Event(ev)
		if ev.Snapshot == nil {
			run.failed = ev.Err
			return
		}
		run.readings++
		bar.say(time.Now(), "watched "+ev.Info.Name+" for "+l.progress(o.duration))
		if run.over(ev) {
			stop(errOver)
		}
	})
	stop(errOver)
	<-followed
	switch why := context.Cause(ctx); {
	case err != nil:
		bar.clear()
		return run.ended(opened.info().Name)
	case run.readings == 0 && run.failed != nil:
		return run.failed
	case errors.Is(why, errOver):
		return nil
	default:
		return why
	}
}

// walk tells who holds the objects, or why that cannot be told.
func (o *leaks) walk(ctx context.Context, s *subject, end error) (*sampler.HeapWalk, []string) {
	if end != nil {
		return nil, []string{"who holds the objects was not asked, because the watch ended early"}
	}
	var notes analysis.Findings
	walk, err := s.walk(ctx, o.env, &notes)
	if err != nil {
		return nil, []string{"who holds the objects cannot be told: " + plainly(err)}
	}
	return walk, notes.Warnings
}

// runRecording judges a recording as a whole.
func (o *leaks) runRecording(ctx context.Context) error {
	f, err := openPast(o.target.Path)
	if err != nil {
		return err
	}
	defer func() { _ = f.done() }() // it was only read
	from, to := f.past.Span()
	l := newLeakWatch(o.per, to.Sub(from))
	if f.note != "" {
		l.warn(f.note)
	}
	if err := l.replay(ctx, f.past); err != nil {
		return cause(ctx, err)
	}
	info, err := f.past.InfoAt(to)
	if err != nil {
		return &usageError{err, ""}
	}
	if gone := f.past.Gone(); gone != nil {
		l.warn("then it ended: " + gone.Error())
	}
	info.Target, info.Source = o.target, capture.Source{}.Name()
	s := &subject{info: info}
	report := l.report(analysis.LeakJudgement{Material: o.material, Limits: o.limits, Threshold: o.threshold})
	return o.conclude(report, s.describe(), to, nil)
}

// replay hands over all readings of a recording, and the profiles in between as they come.
func (l *leakWatch) replay(ctx context.Context, past capture.Past) error {
	var heap, routines, maps time.Time
	for m, err := range past.All() {
		switch {
		case err != nil:
			return &usageError{err, ""}
		case ctx.Err() != nil:
			return ctx.Err()
		}
		l.Event(sampler.Event{Snapshot: m.Snapshot, Info: m.Info, Err: m.Err})
		if m.Snapshot == nil {
			continue
		}
		at := m.Snapshot.Time
		due := l.Due(at)
		errs := []error{
			fresh(due.Heap, at, &heap, past.HeapAt, func(p *sampler.Profile) time.Time { return p.Time }, func(p *sampler.Profile) { l.Heap(*p) }),
			fresh(due.Goroutines, at, &routines, past.GoroutinesAt, func(g *sampler.Goroutines) time.Time { return g.Time }, func(g *sampler.Goroutines) { l.Goroutines(*g) }),
			fresh(due.Mappings, at, &maps, past.MappingsAt, func(m *sampler.Mappings) time.Time { return m.Time }, func(m *sampler.Mappings) { l.Mappings(*m) }),
		}
		if err := errors.Join(errs...); err != nil {
			return &usageError{err, ""}
		}
	}
	return nil
}

// fresh hands over what was recorded by the time, unless it is what was handed over last.
func fresh[T any](due bool, at time.Time, last *time.Time, read func(time.Time) (*T, error), when func(*T) time.Time, hand func(*T)) error {
	if !due {
		return nil
	}
	v, err := read(at)
	switch {
	case errors.Is(err, capture.ErrNotRecorded):
		return nil
	case err != nil:
		return err
	case when(v).After(*last):
		*last = when(v)
		hand(v)
	}
	return nil
}
