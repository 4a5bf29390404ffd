package capture

import (
	"errors"
	"iter"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// ErrNotRecorded says that there is nothing of that sort, or nothing so early.
var ErrNotRecorded = errors.New("not recorded")

// Latest is when the costlier readings that are known at a moment were made; zero for one that there is none of.
type Latest struct{ Heap, Goroutines, Mappings, Processes time.Time }

// Past is what was read of a target, at any moment of it: a Recording, or the Memory of a live watch. What is asked for
// a moment is the last that was read at or before it, with the time it was read; an error wraps ErrNotRecorded when
// there is none. What is returned is the caller's own. Its methods are safe for concurrent use.
type Past interface {
	// Span returns the times of the first and the last reading; zero when there is none.
	Span() (from, to time.Time)
	// At returns the reading. Where readings were thinned it is the last one of its span.
	At(t time.Time) (*sampler.Snapshot, error)
	// Next returns the time of the first reading after t, Before that of the last one before t; ok is false when there is none.
	Next(t time.Time) (at time.Time, ok bool)
	Before(t time.Time) (at time.Time, ok bool)
	InfoAt(t time.Time) (sampler.Info, error)
	HeapAt(t time.Time) (*sampler.Profile, error)
	GoroutinesAt(t time.Time) (*sampler.Goroutines, error)
	GoroutineProfileAt(t time.Time) (*sampler.Profile, error)
	MappingsAt(t time.Time) (*sampler.Mappings, error)
	ProcessesAt(t time.Time) (*sampler.ProcessTable, error)
	// Latest tells when what the five methods above return was made, and reads nothing for that.
	Latest(t time.Time) Latest
	// CyclesUntil returns the last garbage collections known at t, oldest first, sampler.MaxCycles at most.
	CyclesUntil(t time.Time) ([]sampler.GCCycle, error)
	// LogUntil returns the last lines of the target's output written by t, maxLogLines at most, and how many older ones there were.
	LogUntil(t time.Time) (lines []sampler.LogLine, dropped int, err error)
	// All yields every moment, oldest first, up to the first error.
	All() iter.Seq2[*Moment, error]
	// Load adds every reading to h, thinned ones with their extremes.
	Load(h *sampler.History) error
	// Gone says how the target ended; nil when it lived on, or that is not known.
	Gone() *sampler.Gone
}
