package analysis

import (
	"math"

	"github.com/alloc-dev/heaptop/sampler"
)

// Pauses is a distribution of stop-the-world pauses. Times are in seconds. A histogram knows its events by bucket only:
// each figure is the upper edge of the bucket the event lies in, so the truth is that or less (the runtime's buckets are
// up to a quarter wide).
type Pauses struct {
	P50, P99, Max float64
	Count         uint64
	Bars          []Bar // ascending, without gaps, from the shortest pause to the longest
}

// Bar is the number of events in [Low, High).
type Bar struct {
	Low, High float64 // finite
	Count     uint64
}

// PausesOf returns the distribution of h, less what since already held where since is not nil and belongs to the same
// counters (else it is ignored: the process was replaced), drawn with at most bars bars. ok is false when h holds no
// event in that time, or is malformed.
func PausesOf(h sampler.Histogram, since *sampler.Histogram, bars int) (p Pauses, ok bool) {
	if !wellFormed(h) {
		return Pauses{}, false
	}
	counts := countsSince(h, since)
	first, last := -1, -1
	for i, c := range counts {
		if c == 0 {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		if p.Count+c < p.Count {
			return Pauses{}, false // more events than a counter can hold
		}
		p.Count += c
	}
	if first < 0 {
		return Pauses{}, false
	}
	p.P50, p.P99 = quantileOf(h.Buckets, counts, p.Count, 0.5), quantileOf(h.Buckets, counts, p.Count, 0.99)
	p.Max = upperEdge(h.Buckets, last)
	p.Bars = barsOf(h.Buckets, counts, first, last, bars)
	return p, true
}

func wellFormed(h sampler.Histogram) bool {
	if len(h.Counts) == 0 || len(h.Buckets) != len(h.Counts)+1 {
		return false
	}
	for i := 1; i < len(h.Buckets); i++ {
		if !(h.Buckets[i-1] < h.Buckets[i]) {
			return false
		}
	}
	n := len(h.Buckets)
	return n > 2 || !math.IsInf(h.Buckets[0], 0) || !math.IsInf(h.Buckets[1], 0)
}

func countsSince(h sampler.Histogram, since *sampler.Histogram) []uint64 {
	if since == nil || len(since.Counts) != len(h.Counts) {
		return h.Counts
	}
	counts := make([]uint64, len(h.Counts))
	for i, c := range h.Counts {
		if c < since.Counts[i] {
			return h.Counts
		}
		counts[i] = c - since.Counts[i]
	}
	return counts
}

func quantileOf(buckets []float64, counts []uint64, total uint64, q float64) float64 {
	rank := uint64(math.Ceil(q * float64(total)))
	seen := uint64(0)
	for i, c := range counts {
		seen += c
		if c > 0 && seen >= rank {
			return upperEdge(buckets, i)
		}
	}
	return upperEdge(buckets, len(counts)-1)
}

// upperEdge is the end of bucket i, or its beginning where the end is infinite: the one finite thing known of it.
func upperEdge(buckets []float64, i int) float64 {
	if math.IsInf(buckets[i+1], 0) {
		return buckets[i]
	}
	return buckets[i+1]
}

func lowerEdge(buckets []float64, i int) float64 {
	if math.IsInf(buckets[i], 0) {
		return math.Min(0, buckets[i+1])
	}
	return buckets[i]
}

// barsOf merges equal numbers of neighbouring buckets. The runtime's buckets widen with the pause, and so do the bars.
func barsOf(buckets []float64, counts []uint64, first, last, bars int) []Bar {
	if bars < 1 {
		return nil
	}
	each := (last - first + bars) / bars
	var out []Bar
	for i := first; i <= last; i += each {
		end := min(i+each-1, last)
		b := Bar{Low: lowerEdge(buckets, i), High: upperEdge(buckets, end)}
		for _, c := range counts[i : end+1] {
			b.Count += c
		}
		out = append(out, b)
	}
	return out
}
