package sampler

import (
	"maps"
	"slices"
	"time"
)

// setBack is how much earlier than the last snapshot the next one must be to prove that the clock was set back.
const setBack = time.Minute

// What a History keeps at most. A target that invents metrics must not be able to fill our memory.
const (
	MaxMetrics = 1024
	MaxCycles  = 512
)

// History keeps what was read of one target: a Series for each metric, and the last garbage collections. Its memory is
// bounded: it keeps the first MaxMetrics metrics and the last MaxCycles collections. It is not safe for concurrent use.
type History struct {
	series  map[Metric]*Series
	cycles  []GCCycle // ring
	oldest  int
	dropped int
	last    time.Time // of the last snapshot
}

// NewHistory returns an empty history.
func NewHistory() *History { return &History{series: make(map[Metric]*Series)} }

// Add appends each sample of s to its series, at the time of s, and its garbage collections. It keeps no memory of s.
// When s is more than a minute older than the snapshot before, the clock was set back, and the history starts anew: what
// it has lies in the future, and a Series takes nothing that is older than its last reading.
func (h *History) Add(s *Snapshot) {
	if h.last.Sub(s.Time.Round(0)) > setBack { // by the wall clock, as series are
		h.Reset()
	}
	h.last = s.Time.Round(0)
	for _, sample := range s.Samples {
		series := h.series[sample.Metric]
		if series == nil {
			if len(h.series) >= MaxMetrics {
				h.dropped++
				continue
			}
			series = NewSeries()
			h.series[sample.Metric] = series
		}
		series.Add(s.Time, sample.Value)
	}
	for _, c := range s.Cycles {
		if len(h.cycles) < MaxCycles {
			h.cycles = append(h.cycles, c)
			continue
		}
		h.cycles[h.oldest] = c
		h.oldest = (h.oldest + 1) % MaxCycles
	}
}

// Dropped returns how many samples were not kept because there were MaxMetrics metrics already.
func (h *History) Dropped() int { return h.dropped }

// Series returns the readings of m, nil when m was never read. The series grows with the history.
func (h *History) Series(m Metric) *Series { return h.series[m] }

// Metrics returns the metrics that have a series, in alphabetical order.
func (h *History) Metrics() []Metric { return slices.Sorted(maps.Keys(h.series)) }

// Cycles returns the last garbage collections, oldest first, in memory of the caller's own.
func (h *History) Cycles() []GCCycle {
	return append(slices.Clone(h.cycles[h.oldest:]), h.cycles[:h.oldest]...)
}

// Reset forgets everything. A Series handed out before stays as it was and grows no more.
func (h *History) Reset() { *h = *NewHistory() }
