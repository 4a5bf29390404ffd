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
	only    []Metric // nil for all
	series  map[Metric]*Series
	cycles  []GCCycle // the last MaxCycles of it are kept; what was handed out is never written to again
	dropped int
	last    time.Time // of the last snapshot
}

// NewHistory returns an empty history of the metrics that are named, and of all when none is. A Series takes 10 KiB from
// its first reading on and 70 KiB after a day: name those that will be asked for.
func NewHistory(only ...Metric) *History {
	return &History{only: only, series: make(map[Metric]*Series)}
}

// Add appends each sample of s to its series, at the time of s, and its garbage collections. A live heap that is not known yet
// is none. It keeps no memory of s.
// When s is more than a minute older than the snapshot before, the clock was set back, and the history starts anew: what
// it has lies in the future, and a Series takes nothing that is older than its last reading.
func (h *History) Add(s *Snapshot) {
	if h.last.Sub(s.Time.Round(0)) > setBack { // by the wall clock, as series are
		h.Reset()
	}
	h.last = s.Time.Round(0)
	for _, sample := range s.Samples {
		if sample.Metric == GoHeapLive && !s.LiveHeap().OK {
			continue
		}
		series := h.series[sample.Metric]
		if series == nil {
			if h.only != nil && !slices.Contains(h.only, sample.Metric) {
				continue
			}
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
		if len(h.cycles) >= 2*MaxCycles {
			h.cycles = append(make([]GCCycle, 0, 2*MaxCycles), h.Cycles()...)
		}
		h.cycles = append(h.cycles, c)
	}
}

// Dropped returns how many samples were not kept because there were MaxMetrics metrics already.
func (h *History) Dropped() int { return h.dropped }

// Series returns the readings of m, nil when m was never read. The series grows with the history.
func (h *History) Series(m Metric) *Series { return h.series[m] }

// Metrics returns the metrics that have a series, in alphabetical order.
func (h *History) Metrics() []Metric { return slices.Sorted(maps.Keys(h.series)) }

// Cycles returns the last garbage collections, oldest first. They are shared with the history, which goes on without
// changing them, and must not be changed.
func (h *History) Cycles() []GCCycle {
	return slices.Clip(h.cycles[max(len(h.cycles)-MaxCycles, 0):])
}

// Reset forgets everything. A Series handed out before stays as it was and grows no more.
func (h *History) Reset() { *h = *NewHistory(h.only...) }
