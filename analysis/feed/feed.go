// Package feed brings what a watcher reads to the search for leaks: each reading, and the costlier ones, heap profiles,
// goroutines and mappings, as often as a verdict and a cause need and no more. It judges nothing: analysis does.
package feed

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

// How often is read.
const (
	readings       = 300
	profiles       = 24
	fastestReading = 250 * time.Millisecond
	slowestReading = 15 * time.Second
	fastestProfile = 5 * time.Second // a profile of an endpoint stops the target
	slowestProfile = 5 * time.Minute
	warningsMost   = 20
	takeTimeout    = 15 * time.Second // for the costlier readings of one turn
	keysEvery      = time.Second
	keysBudget     = 20 * time.Millisecond // of a server's time in each keysEvery: 2 %
)

// Interval is the time between readings that a verdict over a duration needs.
func Interval(duration time.Duration) time.Duration {
	return min(max(duration/readings, fastestReading), slowestReading)
}

// Leaks feeds what a watcher reads to the search for leaks. It is a capture.Sink, and safe for concurrent use.
type Leaks struct {
	pace time.Duration // between profiles

	words func(error) string

	mu       sync.Mutex
	watch    *analysis.LeakWatch
	heap     time.Time // of the last of each sort
	routines time.Time
	maps     time.Time
	keys     time.Time
	clients  time.Time
	problems map[string]bool
	warnings []string
}

var _ capture.Sink = (*Leaks)(nil)

// New returns a feed for a watch of a duration. per is the counter of the work done, "" for none. words says what of an
// error a person needs; nil takes all of it.
func New(per sampler.Metric, duration time.Duration, words func(error) string) *Leaks {
	if words == nil {
		words = error.Error
	}
	return &Leaks{
		words: words,
		pace:  min(max(duration/profiles, fastestProfile), slowestProfile),
		watch: analysis.NewLeakWatch(per), problems: map[string]bool{},
	}
}

// Event takes a reading.
func (l *Leaks) Event(e sampler.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Snapshot != nil {
		l.watch.Add(e.Snapshot, e.Info)
		for _, w := range e.Snapshot.Warnings {
			l.note(l.words(w))
		}
	} else if e.Err != nil && !errors.Is(e.Err, sampler.ErrGone) {
		l.note(l.words(e.Err))
	}
}

// Warn keeps a warning, once.
func (l *Leaks) Warn(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(text)
}

func (l *Leaks) note(text string) {
	if !l.problems[text] && len(l.problems) < warningsMost {
		l.problems[text] = true
		l.warnings = append(l.warnings, text)
	}
}

// Heap takes a heap profile.
func (l *Leaks) Heap(p sampler.Profile) {
	heap, err := profile.ParseHeap(p)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heap = p.Time
	switch {
	case err != nil:
		l.note(err.Error())
	case heap.Empty != "":
		l.note("no allocation sites: " + heap.Empty)
	default:
		l.watch.Heap(&heap)
	}
}

// Goroutines takes the goroutines.
func (l *Leaks) Goroutines(g sampler.Goroutines) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.routines = g.Time
	l.watch.Goroutines(&g)
}

// Mappings takes the address space.
func (l *Leaks) Mappings(m sampler.Mappings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.maps = m.Time
	l.watch.Mappings(&m)
}

// Keys takes what a walk over the keys of a server found so far.
func (l *Leaks) Keys(k sampler.Keys) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch.Keys(&k)
}

// Clients takes the connections of a server.
func (l *Leaks) Clients(c sampler.Clients) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch.Clients(&c)
}

// Processes takes nothing: leaks are of one process.
func (l *Leaks) Processes(*sampler.ProcessTable) {}

// Log takes nothing: what the target prints is no evidence.
func (l *Leaks) Log([]sampler.LogLine, int) {}

// Due says what is to be read besides.
func (l *Leaks) Due(now time.Time) capture.Due {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := func(last time.Time) bool { return now.Sub(last) >= l.pace-l.pace/10 }
	return capture.Due{Heap: due(l.heap), Goroutines: due(l.routines), Mappings: due(l.maps)}
}

// Follow reads the profiles that are due between two readings, until ctx ends. They are handed to the other sinks as well.
// Of a server that tells them, keys and clients are read besides, for this feed alone.
func (l *Leaks) Follow(ctx context.Context, w *sampler.Watcher, also ...capture.Sink) {
	sinks := append([]capture.Sink{l}, also...)
	tick := time.NewTicker(fastestReading)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if l.followServer(ctx, w) {
			return
		}
		if due := l.Due(time.Now()); !due.Heap && !due.Goroutines && !due.Mappings {
			continue
		}
		within, stop := context.WithTimeout(ctx, takeTimeout)
		err := w.Do(within, func(ctx context.Context, s sampler.Session) error { return capture.Take(ctx, s, time.Now(), sinks...) })
		stop()
		if errors.Is(err, sampler.ErrGone) {
			return
		}
		l.mu.Lock()
		if err != nil && ctx.Err() == nil {
			l.note(l.words(err))
		}
		l.postpone(time.Now())
		l.mu.Unlock()
	}
}

// followServer reads the keys and the clients that are due. It reports whether the target is gone.
func (l *Leaks) followServer(ctx context.Context, w *sampler.Watcher) (gone bool) {
	now := time.Now()
	l.mu.Lock()
	last := l.watch.Last()
	tells := last != nil && last.Reading(sampler.RedisUsed).OK
	keys, clients := tells && now.Sub(l.keys) >= keysEvery, tells && now.Sub(l.clients) >= l.pace
	l.mu.Unlock()
	if !keys && !clients {
		return false
	}
	within, stop := context.WithTimeout(ctx, takeTimeout)
	defer stop()
	err := w.Do(within, func(ctx context.Context, s sampler.Session) error { return l.askServer(ctx, s, keys, clients) })
	l.mu.Lock()
	defer l.mu.Unlock()
	now = time.Now()
	if keys {
		l.keys = now
	}
	if clients {
		l.clients = now
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, sampler.ErrGone) {
		l.note(l.words(err))
	}
	return errors.Is(err, sampler.ErrGone)
}

// askServer reads the keys and the clients, of a session that can.
func (l *Leaks) askServer(ctx context.Context, s sampler.Session, keys, clients bool) error {
	var failed []error
	if k, ok := s.(sampler.KeyLister); ok && keys {
		got, err := k.BiggestKeys(ctx, keysBudget)
		if failed = append(failed, err); err == nil {
			l.Keys(got)
		}
	}
	if c, ok := s.(sampler.ClientLister); ok && clients {
		got, err := c.Clients(ctx)
		if failed = append(failed, err); err == nil {
			l.Clients(got)
		}
	}
	return errors.Join(failed...)
}

// postpone asks for what could not be read in its turn, and not at once: but soon for the address space, whose reading may
// only have been put off.
func (l *Leaks) postpone(now time.Time) {
	for _, last := range []*time.Time{&l.heap, &l.routines} {
		if now.Sub(*last) >= l.pace {
			*last = now
		}
	}
	if now.Sub(l.maps) >= l.pace {
		l.maps = now.Add(time.Second - l.pace)
	}
}

// Report judges what was seen.
func (l *Leaks) Report(j analysis.LeakJudgement) *analysis.LeakReport {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.watch.Report(j)
	r.Warnings = append(r.Warnings, l.warnings...)
	return r
}

// Work judges the work done, as analysis.LeakWatch.Work does.
func (l *Leaks) Work() (analysis.Work, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watch.Work()
}

// GrowingSites returns the allocation sites that grow, as analysis.LeakWatch.GrowingSites does.
func (l *Leaks) GrowingSites() []analysis.FoundSite {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watch.GrowingSites()
}

// Last returns the last reading, nil when there is none. It is the feed's own.
func (l *Leaks) Last() *sampler.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watch.Last()
}

// Progress says how far the watch is.
func (l *Leaks) Progress(duration time.Duration) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, to := l.watch.Span()
	text := fmt.Sprintf("%s of %s", unit.Duration(to.Sub(from).Round(time.Second)), unit.Duration(duration))
	last := l.watch.Last()
	if last == nil {
		return text
	}
	live := last.LiveHeap()
	for _, m := range []struct {
		metric sampler.Metric
		name   string
	}{{sampler.ProcessRSS, "RSS"}, {sampler.RedisUsed, "used_memory"}, {sampler.GoHeapLive, "live heap"}, {sampler.GoGoroutines, "goroutines"}} {
		if v, ok := last.Get(m.metric); ok && (m.metric != sampler.GoHeapLive || live.OK) {
			text += fmt.Sprintf(", %s %s", m.name, unit.Format(m.metric.Unit(), v))
		}
	}
	return text
}
