package sampler

import (
	"slices"
	"time"
)

// Sample is one reading: finite, in the unit its metric names.
type Sample struct {
	Metric Metric
	Value  float64
}

// Reading is a number that may be unknown. The zero Reading is unknown, so that what nobody read never looks like 0.
type Reading struct {
	Value float64
	OK    bool
}

// Known returns a Reading that was made.
func Known(v float64) Reading { return Reading{Value: v, OK: true} }

// Pointer returns the value for a field of JSON that is left out where it is nil: nil for what is not known.
func (r Reading) Pointer() *float64 {
	if !r.OK {
		return nil
	}
	return &r.Value
}

// Histogram is a distribution as runtime/metrics has it: Counts[i] events lie in [Buckets[i], Buckets[i+1]), so there
// is one bucket boundary more than counts. The outer boundaries may be infinite. Counts only grow while the target lives.
type Histogram struct {
	Metric  Metric
	Buckets []float64
	Counts  []uint64
}

// GCCycle is one garbage collection that ended. What the source cannot tell is unknown.
type GCCycle struct {
	Number uint64
	End    time.Time
	Kind   string  // "automatic", "forced", "periodic"; "" where the source cannot tell
	Before Reading // heap in use when the cycle began, bytes
	After  Reading // heap in use when marking ended, bytes
	Live   Reading // marked, bytes
	Goal   Reading // the heap goal the cycle ran under, bytes
	Pause  Reading // all stop-the-world time of the cycle, seconds
	CPU    Reading // share since the program began of the CPU time its processors could give, used or not, percent
}

// Snapshot is everything that was read at one instant. A Session fills it and reuses its memory at the next reading:
// keep one with Clone.
type Snapshot struct {
	Time       time.Time     // when the reading began
	Took       time.Duration // what the reading itself cost
	Runtime    time.Time     // when the Go runtime's figures were read, where that was before Time; RuntimeTime tells
	Samples    []Sample      // each metric at most once
	Histograms []Histogram
	Cycles     []GCCycle // collections that ended since the session's previous reading, oldest first
	Warnings   []error   // what could not be read, and why
}

// Reset empties the snapshot for a reading that begins at t, and keeps its memory.
func (s *Snapshot) Reset(t time.Time) {
	s.Time, s.Took, s.Runtime = t, 0, time.Time{}
	s.Samples, s.Histograms = s.Samples[:0], s.Histograms[:0]
	s.Cycles, s.Warnings = s.Cycles[:0], s.Warnings[:0]
}

// RuntimeTime returns when the Go runtime's figures were read. A source that may be asked every few seconds only tells its
// last answer again in between; rates of the runtime's counters are taken over the time between two answers.
func (s *Snapshot) RuntimeTime() time.Time {
	if s.Runtime.IsZero() || s.Runtime.After(s.Time) {
		return s.Time
	}
	return s.Runtime
}

// Add appends a sample. Call it once for a metric; Set replaces.
func (s *Snapshot) Add(m Metric, v float64) { s.Samples = append(s.Samples, Sample{m, v}) }

// Set replaces the metric's sample, or appends one.
func (s *Snapshot) Set(m Metric, v float64) {
	for i := range s.Samples {
		if s.Samples[i].Metric == m {
			s.Samples[i].Value = v
			return
		}
	}
	s.Add(m, v)
}

// Warn records what could not be read.
func (s *Snapshot) Warn(err error) { s.Warnings = append(s.Warnings, err) }

// Get returns the metric's value; ok is false when it was not read.
func (s *Snapshot) Get(m Metric) (value float64, ok bool) {
	for i := range s.Samples {
		if s.Samples[i].Metric == m {
			return s.Samples[i].Value, true
		}
	}
	return 0, false
}

// Reading returns the metric as a Reading, unknown when it was not read.
func (s *Snapshot) Reading(m Metric) Reading {
	v, ok := s.Get(m)
	return Reading{v, ok}
}

// LiveHeap returns what the last garbage collection found alive, in bytes. Before the first one nobody knows, and the
// runtime says 0: then it is unknown.
func (s *Snapshot) LiveHeap() Reading {
	if cycles := s.Reading(GoCyclesTotal); cycles.OK && cycles.Value == 0 {
		return Reading{}
	}
	return s.Reading(GoHeapLive)
}

// Histogram returns the metric's distribution; ok is false when it was not read.
func (s *Snapshot) Histogram(m Metric) (h Histogram, ok bool) {
	for _, h := range s.Histograms {
		if h.Metric == m {
			return h, true
		}
	}
	return Histogram{}, false
}

// Clone returns a copy that shares no memory with s.
func (s *Snapshot) Clone() *Snapshot {
	c := *s
	c.Samples = slices.Clone(s.Samples)
	c.Cycles = slices.Clone(s.Cycles)
	c.Warnings = slices.Clone(s.Warnings)
	c.Histograms = make([]Histogram, len(s.Histograms))
	for i, h := range s.Histograms {
		c.Histograms[i] = Histogram{h.Metric, slices.Clone(h.Buckets), slices.Clone(h.Counts)}
	}
	return &c
}
