package analysis

import (
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// RowTrend is what one allocation site or one group of goroutines did while it was watched.
type RowTrend struct {
	PerHour float64   // estimated rate: bytes or goroutines an hour
	Low     float64   // its 95 % interval; both are 0 unless Grows
	High    float64   // the same
	Grows   bool      // it rises, its last third carries on, and sampling does not explain it
	Hint    bool      // Grows, but by less than the resolution of the profile
	Since   time.Time // the first reading that had it
}

// GrowingSites returns the allocation sites that grow by the heap profiles so far, the surest first, whether or not the
// live heap as a whole grows. It is empty while there are too few profiles to tell.
func (w *LeakWatch) GrowingSites() []FoundSite {
	if w.last == nil {
		return nil
	}
	f := Finding{Evidence: map[string]float64{}}
	w.blameSites(&f, LeakJudgement{})
	return slices.DeleteFunc(f.Sites, func(s FoundSite) bool { return s.Verdict == notProven })
}

// SiteTrends returns the trend of each allocation site of the last profiles, by profile.Site.Key. It is nil while there are
// too few profiles to tell. It takes some milliseconds for a thousand sites.
func (w *LeakWatch) SiteTrends() map[string]RowTrend {
	if w.heap == nil || w.last == nil {
		return nil
	}
	rate := float64(w.heap.Rate)
	if rate <= 0 {
		rate = usualRate
	}
	out := w.sites.trends(w.settled(), leastProfiles, rate)
	for key, r := range out {
		r.Hint = r.Grows && r.PerHour*w.sites.span(w.settled()).Hours() < 4*rate
		out[key] = r
	}
	return out
}

// GroupTrends returns the same of each group of goroutines, by profile.GoroutineRow.Key.
func (w *LeakWatch) GroupTrends() map[string]RowTrend {
	if w.last == nil {
		return nil
	}
	return w.groups.trends(w.settled(), leastExact, 0)
}

// trends tells what each row does. The rate of a row that grows is that of the suspects; of another it is a straight
// line's, 0 where the line's own error explains it.
func (p *panel) trends(from time.Time, least int, rate float64) map[string]RowTrend {
	start, x := p.since(from)
	if len(x) < least {
		return nil
	}
	grows := map[string]suspect{}
	for _, s := range p.suspects(from, least, rate) {
		grows[s.key] = s
	}
	out := make(map[string]RowTrend, len(p.rows))
	y := make([]float64, len(x))
	for key, row := range p.rows {
		r := RowTrend{Since: p.firstOf(row)}
		if s, ok := grows[key]; ok {
			r.PerHour, r.Low, r.High, r.Grows = s.slope.Slope, s.slope.Low, s.slope.High, true
		} else {
			clear(y)
			if start < len(row) {
				copy(y, row[start:])
			}
			r.PerHour = plainRate(x, y)
		}
		out[key] = r
	}
	return out
}

// firstOf is the time of the first reading that had the row.
func (p *panel) firstOf(row []float64) time.Time {
	for i, v := range row {
		if v != 0 {
			return p.times[i]
		}
	}
	return time.Time{}
}

// plainRate is the slope of a straight line, 0 where it lies within twice its error.
func plainRate(x, y []float64) float64 {
	line, ok := stats.Fit(x, y)
	if !ok || math.Abs(line.Slope) <= 2*slopeError(x, y) {
		return 0
	}
	return line.Slope
}

// Judge judges one series that is kept: RSS, the live heap, goroutines. ok is false for one that was never read.
func (w *LeakWatch) Judge(m sampler.Metric, o LeakJudgement) (l Leak, ok bool) {
	k := w.tracks[m]
	if k == nil {
		return l, false
	}
	return JudgeLeak(k.points, w.options(o)), true
}
