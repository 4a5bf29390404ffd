package analysis

import (
	"fmt"
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// A heap of which most is kept is collected when it has doubled, then when it has doubled again: ever more rarely, however
// long one watches. By time it cannot be judged. By collections it can: each found more alive than the one before.
const (
	leastLevels  = 4   // collections that such a verdict needs
	manyLevels   = 6   // and from which on it does not matter how much of what was allocated stayed
	leastStayed  = .5  // else this share
	leastRisen   = 2   // of the steps between them, those after the start of the process
	leastGrown   = 1.6 // how many times the first level the last one must be
	leastCovered = .45 // of the time watched must have passed at the last one
)

// shapeCollected is the shape of a live heap that was judged so.
const shapeCollected = "a step at each collection"

// level is what a collection found alive, with all that was allocated until then.
type level struct {
	at              time.Time
	live, allocated float64
}

// collected calls a live heap growing that each collection found larger, at a rate that carries on, in a program that goes
// on allocating. It leaves l alone and returns false where that is not so.
func (w *LeakWatch) collected(l *Leak, material float64) bool {
	levels, allocs := w.levels(), w.tracks[sampler.GoHeapAllocs]
	n := len(levels)
	if n < leastLevels || levels[n-1].live < leastGrown*levels[0].live {
		return false
	}
	stayed := (levels[n-1].live - levels[0].live) / (levels[n-1].allocated - levels[0].allocated)
	if math.IsNaN(stayed) || stayed < 0 || n < manyLevels && stayed < leastStayed {
		return false
	}
	first, last, end := levels[0], levels[n-1], allocs.points[len(allocs.points)-1]
	began := allocs.points[0].Time
	if last.at.Sub(began).Seconds() < leastCovered*end.Time.Sub(began).Seconds() {
		return false
	}
	rate := perHour(first.live, last.live, last.at.Sub(first.at))
	low, high, risen := rate, rate, 0
	alive := make([]float64, n)
	alive[0] = first.live
	for i, next := range levels[1:] {
		now := levels[i]
		alive[i+1] = next.live
		step := perHour(now.live, next.live, next.at.Sub(now.at))
		if next.live <= now.live || 3*(i+2) > 2*n && step < growthTail*rate {
			return false
		}
		if !now.at.Before(w.risenFrom()) {
			low, high, risen = math.Min(low, step), math.Max(high, step), risen+1
		}
	}
	mean := stats.Mean(alive)
	goesOn := perHour(last.allocated, end.Last, end.Time.Sub(last.at)) >= growthTail*perHour(first.allocated, last.allocated, last.at.Sub(first.at))
	if risen < leastRisen || !goesOn || low < material*mean {
		return false
	}
	*l = Leak{
		Verdict: LeakGrowing, Judged: true, PerHour: rate, Low: low, High: high, First: first.live, Last: last.live, Level: mean, Span: l.Span,
		Structure: maxBayes, Trend: stats.MannKendall(alive), Size: 20 * maxRelative, Lasting: true, Certain: true, Shape: shapeCollected,
		Reason: fmt.Sprintf("each of %d collections found more alive, %s in all; of %s that was allocated meanwhile %s stayed", n,
			unit.Change(last.live-first.live), unit.Bytes(last.allocated-first.allocated), unit.Percent(stayed)),
	}
	l.Score = l.Structure + l.Trend + l.Size
	return true
}

// levels lists what the collections of the watch found alive, one for each reading that saw a new one.
func (w *LeakWatch) levels() []level {
	live, cycles, allocs := w.tracks[sampler.GoHeapLive], w.tracks[sampler.GoCyclesTotal], w.tracks[sampler.GoHeapAllocs]
	if live == nil || cycles == nil || allocs == nil || len(live.points) != len(cycles.points) || len(live.points) != len(allocs.points) {
		return nil
	}
	var out []level
	for i, p := range cycles.points {
		if i > 0 && p.Last != cycles.points[i-1].Last { // what was alive at first was found some time before
			out = append(out, level{p.Time, live.points[i].Last, allocs.points[i].Last})
		}
	}
	return out
}

// risenFrom is when the start of the process is over, as for the time-based judgement.
func (w *LeakWatch) risenFrom() time.Time {
	s := w.started()
	if s.IsZero() || s.After(w.last.Time) {
		return w.first
	}
	return s.Add(startup(w.last.Time.Sub(w.first)))
}

func perHour(from, to float64, span time.Duration) float64 { return (to - from) / span.Hours() }
