package analysis

import (
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// longest is the most that a series spans; of a longer one the end is judged. A duration holds no more than 292 years.
const longest = 100 * 365 * 24 * time.Hour

// finitePoints leaves out what is no number or does not ascend in time, and what lies more than 100 years back. It returns
// its argument when all is well.
func finitePoints(points []sampler.Point) []sampler.Point {
	for i := range points {
		if i > 0 && !points[i].Time.After(points[i-1].Time) || !usable(points[i].Min) || !usable(points[i].Last) {
			points = collectFinite(points)
			break
		}
	}
	if n := len(points); n > 0 && points[n-1].Time.Sub(points[0].Time) > longest {
		return points[firstFrom(points, points[n-1].Time.Add(-longest)):]
	}
	return points
}

func collectFinite(points []sampler.Point) []sampler.Point {
	kept := make([]sampler.Point, 0, len(points))
	for _, p := range points {
		if usable(p.Min) && usable(p.Last) && (len(kept) == 0 || p.Time.After(kept[len(kept)-1].Time)) {
			kept = append(kept, p)
		}
	}
	return kept
}

// usable says whether v is a number that may be squared.
func usable(v float64) bool { return math.Abs(v) < 1e100 }

// dropHead leaves out the first 5 % of a series and what lies close to the process's own start.
func dropHead(points []sampler.Point, started time.Time, span time.Duration) []sampler.Point {
	if len(points) == 0 {
		return nil
	}
	from := points[0].Time.Add(time.Duration(growthHead * float64(span)))
	if up := started.Add(startup(span)); begins(started, points) && up.After(from) {
		from = up
	}
	return points[firstFrom(points, from):]
}

// begins says whether started is the known beginning of the process that points are of. Nothing begins after it was read:
// then the clock was set back since.
func begins(started time.Time, points []sampler.Point) bool {
	return !started.IsZero() && len(points) > 0 && !started.After(points[len(points)-1].Time)
}

// firstFrom returns the index of the first point that does not lie before t.
func firstFrom(points []sampler.Point, t time.Time) int {
	i, _ := slices.BinarySearchFunc(points, t, func(p sampler.Point, t time.Time) int { return p.Time.Compare(t) })
	return i
}

// until returns the points of the first share of the time.
func until(points []sampler.Point, share float64) []sampler.Point {
	span := points[len(points)-1].Time.Sub(points[0].Time)
	return points[:firstFrom(points, points[0].Time.Add(time.Duration(share*float64(span))+1))]
}

// startup is how much of a process's beginning says nothing about its future.
func startup(span time.Duration) time.Duration {
	if span < 5*time.Minute {
		return 20 * time.Second
	}
	return time.Minute
}

// tooShort returns why points cannot be judged and how much longer they must be watched, "" when they can.
func tooShort(points, kept []sampler.Point, started time.Time, span time.Duration) (reason string, more time.Duration) {
	if len(points) < 2 {
		return "watched too briefly: " + unit.Duration(growthSpan) + " needed", growthSpan
	}
	spare := growthSpan / 50 // a watch of a minute ends with a reading some ms before that
	if len(kept) >= growthSamples && span >= growthSpan-spare {
		return "", 0
	}
	gap := typicalGap(points)
	lasting := (growthSamples - 1) * gap
	need := max(growthSpan, time.Duration(float64(lasting)/(1-growthHead)))
	if begins(started, points) {
		need = max(need, started.Add(startup(need)).Sub(points[0].Time)+lasting)
	}
	if need <= span+spare { // readings are missing in between
		need = span + time.Duration(growthSamples-len(kept))*gap
	}
	return unit.Duration(span.Round(time.Second)) + " watched, " + unit.Duration(need.Round(time.Second)) + " needed", need - span
}

func typicalGap(points []sampler.Point) time.Duration {
	gaps := make([]float64, len(points)-1)
	for i := range gaps {
		gaps[i] = float64(points[i+1].Time.Sub(points[i].Time))
	}
	return max(time.Duration(stats.Median(gaps)), 1)
}

// stretch is the part of a series that one process made.
type stretch struct {
	points  []sampler.Point
	started time.Time // zero: not known
}

// stretches splits a series where the process was replaced.
func stretches(points []sampler.Point, o LeakOptions) []stretch {
	restarts := slices.Clone(o.Restarts)
	slices.SortFunc(restarts, time.Time.Compare)
	var parts []stretch
	born := time.Time{}
	for _, r := range restarts {
		i := firstFrom(points, r)
		if i > 0 {
			parts = append(parts, stretch{points[:i], born})
		}
		points, born = points[i:], r
	}
	if len(points) > 0 {
		parts = append(parts, stretch{points, born})
	}
	for i := range parts {
		p := &parts[i]
		if o.Started.After(p.started) && !o.Started.After(p.points[len(p.points)-1].Time) {
			p.started = o.Started
		}
	}
	return parts
}
