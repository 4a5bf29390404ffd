package capture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// RecordingSchema is what the header says of the recordings this package writes and reads.
const RecordingSchema = "heaptop.recording/v1"

// RecordingExtension ends the names of recordings.
const RecordingExtension = ".heaprec"

// Rates says how far apart the costlier readings are kept, at the least. A zero stands for the default.
type Rates struct {
	Heap       time.Duration // 10 s
	Goroutines time.Duration // 10 s
	Mappings   time.Duration // 30 s
	Processes  time.Duration // 10 s
	// Rows is how many processes of a table are kept, those with the largest RSS: 50 when 0, none when negative.
	Rows int
}

func (r Rates) withDefaults() Rates {
	for _, d := range []struct {
		of   *time.Duration
		when time.Duration
	}{{&r.Heap, 10 * time.Second}, {&r.Goroutines, 10 * time.Second}, {&r.Mappings, 30 * time.Second}, {&r.Processes, 10 * time.Second}} {
		if *d.of <= 0 {
			*d.of = d.when
		}
	}
	if r.Rows == 0 {
		r.Rows = 50
	}
	return r
}

// Sink keeps what is read of a target: a Recorder, or a Memory. Its methods are safe for concurrent use.
type Sink interface {
	// Event keeps a reading, or that there was none and why; an error that wraps sampler.ErrGone is the target's end.
	Event(e sampler.Event)
	// These keep a costlier reading, unless the last one of its sort that was kept is too recent by the sink's Rates.
	Heap(p sampler.Profile)
	Goroutines(g sampler.Goroutines)
	Mappings(m sampler.Mappings)
	Processes(t *sampler.ProcessTable)
	// Log keeps the lines that are new since the last call; it is given what sampler.Output's Log returns.
	Log(lines []sampler.LogLine, dropped int)
	// Due says which of the costlier readings would be kept at that time.
	Due(now time.Time) Due
}

// Due is a choice of costlier readings.
type Due struct{ Heap, Goroutines, Mappings, Processes bool }

// Take makes the costlier readings that are due for one of the sinks, of those the session can make, and hands them to
// all of them. The caller sees to it that nobody else uses the session: run it in Watcher.Do. It returns what could not
// be read, but neither what the session cannot do at all nor what its time budget put off.
func Take(ctx context.Context, s sampler.Session, now time.Time, sinks ...Sink) error {
	var due Due
	for _, sink := range sinks {
		d := sink.Due(now)
		due.Heap, due.Goroutines, due.Mappings = due.Heap || d.Heap, due.Goroutines || d.Goroutines, due.Mappings || d.Mappings
	}
	var failed []error
	if p, ok := s.(sampler.HeapProfiler); ok && due.Heap {
		failed = append(failed, give(ctx, "heap profile", p.HeapProfile, sinks, Sink.Heap))
	}
	if p, ok := s.(sampler.GoroutineProfiler); ok && due.Goroutines {
		failed = append(failed, give(ctx, "goroutines", p.Goroutines, sinks, Sink.Goroutines))
	}
	if p, ok := s.(sampler.Mapper); ok && due.Mappings {
		failed = append(failed, give(ctx, "mappings", p.Mappings, sinks, Sink.Mappings))
	}
	return errors.Join(failed...)
}

// give reads, and hands what was read to the sinks.
func give[T any](ctx context.Context, what string, read func(context.Context) (T, error), sinks []Sink, hand func(Sink, T)) error {
	got, err := read(ctx)
	switch {
	case errors.Is(err, sampler.ErrUnsupported), errors.Is(err, sampler.ErrBudget):
		return nil
	case err != nil:
		return fmt.Errorf("read the %s to record: %w", what, err)
	}
	for _, sink := range sinks {
		hand(sink, got)
	}
	return nil
}

// pace remembers when the last reading of each sort was kept.
type pace struct {
	rates Rates
	last  [kindCount]time.Time
}

func (p *pace) every(k kind) time.Duration {
	switch k {
	case kindHeap:
		return p.rates.Heap
	case kindGoroutines:
		return p.rates.Goroutines
	case kindMappings:
		return p.rates.Mappings
	default:
		return p.rates.Processes
	}
}

// due reports whether a reading of sort k at that time is to be kept. A little early is not too early, and after the
// clock was set back it is time.
func (p *pace) due(k kind, now time.Time) bool {
	if k == kindProcesses && p.rates.Rows < 0 {
		return false
	}
	last, every := p.last[k], p.every(k)
	return last.IsZero() || now.Before(last.Add(-every)) || !now.Before(last.Add(every-every/10))
}

// take is due, and if so remembers that the reading is kept.
func (p *pace) take(k kind, at time.Time) bool {
	if !p.due(k, at) {
		return false
	}
	p.last[k] = at
	return true
}

func (p *pace) dues(now time.Time) Due {
	return Due{
		Heap: p.due(kindHeap, now), Goroutines: p.due(kindGoroutines, now),
		Mappings: p.due(kindMappings, now), Processes: p.due(kindProcesses, now),
	}
}

// momentOf returns what an event is as a moment; gone is not nil for the target's end.
func momentOf(e sampler.Event, now time.Time) (m *Moment, gone *sampler.Gone) {
	switch {
	case e.Snapshot != nil:
		return &Moment{Snapshot: e.Snapshot.Clone(), Info: e.Info, From: e.Snapshot.Time, Count: 1}, nil
	case errors.As(e.Err, &gone):
		return nil, gone
	case errors.Is(e.Err, sampler.ErrGone):
		return nil, &sampler.Gone{At: now, Reason: words(e.Err)}
	}
	return &Moment{Info: e.Info, Err: e.Err, From: now, Count: 1}, nil
}
