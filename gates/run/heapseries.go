package run

import (
	"cmp"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// heapSeries is what the readings of a Go process told of its heap, in their order.
type heapSeries struct {
	most   float64 // heap objects: of all readings, and of what collections found when they began
	mostBy string  // what most was read from
	live   []sampler.Point
	cycles []sampler.Point   // the live heap after each collection that was seen
	last   uint64            // the number of the last of them
	from   *sampler.Snapshot // the first reading
}

// add takes a reading. It keeps no memory of s but of the first.
func (h *heapSeries) add(s *sampler.Snapshot) {
	if v, ok := s.Get(sampler.GoClassObjects); ok {
		if h.from == nil {
			h.from = s.Clone()
		}
		if v > h.most {
			h.most, h.mostBy = v, "a reading"
		}
	}
	for _, c := range s.Cycles {
		if c.Before.OK && c.Before.Value > h.most {
			h.most, h.mostBy = c.Before.Value, "the start of a collection"
		}
		if c.Live.OK && c.Number > h.last {
			h.last = c.Number
			h.cycles = appendPoint(h.cycles, pointAt(c.End, c.Live.Value))
		}
	}
	if live := s.LiveHeap(); live.OK {
		h.live = appendPoint(h.live, pointAt(s.RuntimeTime(), live.Value))
	}
}

func pointAt(at time.Time, v float64) sampler.Point {
	return sampler.Point{Time: at, Min: v, Max: v, Last: v}
}

// after returns the values of the points from a time on.
func after(points []sampler.Point, from time.Time) []float64 {
	var out []float64
	for _, p := range points {
		if !p.Time.Before(from) {
			out = append(out, p.Last)
		}
	}
	return out
}

// weighted returns the 75th percentile of a series over time: readings come at a pace that changes, so each counts for as
// long as it stood.
func weighted(points []sampler.Point, from, end time.Time) (value float64, n int) {
	type stretch struct{ value, seconds float64 }
	var all []stretch
	total := 0.0
	for i, p := range points {
		if p.Time.Before(from) {
			continue
		}
		until := end
		if i+1 < len(points) {
			until = points[i+1].Time
		}
		s := max(until.Sub(p.Time).Seconds(), 0)
		total += s
		all = append(all, stretch{p.Last, s})
	}
	if len(all) == 0 {
		return 0, 0
	}
	slices.SortFunc(all, func(a, b stretch) int { return cmp.Compare(a.value, b.value) })
	sum := 0.0
	for _, s := range all {
		if sum += s.seconds; sum >= quarters*total {
			return s.value, len(all)
		}
	}
	return all[len(all)-1].value, len(all)
}

const quarters = 0.75

// quantile75 is the 75th percentile of values that count alike.
func quantile75(values []float64) float64 { return stats.Quantile(values, quarters) }
