package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Growth is a verdict over one series: does it grow for good, and how fast.
type Growth struct {
	PerHour   float64       // estimated rate, units of the series per hour
	Low, High float64       // its 95 % interval
	Span      time.Duration // watched, from the first point to the last
	Level     float64       // mean of the floors that the rate is judged by
	Score     float64       // evidence: trend plus size; growthScore is the threshold; below 0 the end of the series does not rise
	OK        bool          // the series was long enough to be judged
	Growing   bool          // it grows, and has done so at every look over the last 40 % of the time
	Reason    string        // when !OK what is missing: "12 s watched, 1m04s needed"
}

const (
	growthSamples  = 60               // after the head is dropped
	growthSpan     = 60 * time.Second // and no less time than that
	growthBlocks   = 48               // floors at least, where there are as many samples
	growthHead     = 0.05             // of the series is dropped: what follows the start of watching
	growthScore    = 8.0              // what the evidence must reach
	growthTail     = 0.35             // of the claimed rate must be left in the last third
	growthMaterial = 0.03             // of the level per hour: slower growth is not called so
	maxWitness     = 9.0              // the most that the trend test adds to the score
	maxRelative    = 0.3              // growth beyond this share of the level adds nothing more
)

// GrowthOf judges a series that is free of a process start, or whose start is not known: GrowthSince with a zero time.
func GrowthOf(points []sampler.Point) Growth { return GrowthSince(points, time.Time{}) }

// GrowthSince judges whether a series grows: the live heap after each collection, RSS, goroutines, descriptors. Points
// must ascend in time; 240 over the time to be judged are enough and 60 the least. What lies within 60 s of started (20 s
// in a series shorter than 5 minutes) is left out, and the first 5 % in any case.
//
// It is the cheap form of the leak test, made for every tick: block minima (the floors, which a sawtooth of collections
// and bursts leave alone), outliers clipped, a head steeper than the rest cut, then the Mann-Kendall score of what remains
// plus 20 times its relative growth. It fits no model of warm-up, period or load. A cache that fills looks like a leak
// while it fills, and the verdict is withdrawn when it stays. Growth that stopped in the last third is none.
func GrowthSince(points []sampler.Point, started time.Time) Growth {
	points = finitePoints(points)
	var g Growth
	if len(points) > 0 {
		g.Span = points[len(points)-1].Time.Sub(points[0].Time)
	}
	kept := dropHead(points, started, g.Span)
	if reason := tooShort(points, kept, started, g.Span); reason != "" {
		g.Reason = reason
		return g
	}
	f := floorsOf(kept)
	if len(f.y) < 24 {
		g.Reason = "readings are too unevenly spaced to judge"
		return g
	}
	g.OK = true
	g.Level = math.Abs(stats.Mean(f.y))
	g.Score = f.score()
	g.Growing = g.Score >= growthScore && persists(kept)
	g.PerHour, g.Low, g.High = f.rate()
	return g
}

func finitePoints(points []sampler.Point) []sampler.Point {
	for i := range points {
		if !usable(points, i) {
			kept := make([]sampler.Point, 0, len(points))
			for j := range points {
				if usable(points, j) {
					kept = append(kept, points[j])
				}
			}
			return kept
		}
	}
	return points
}

func usable(points []sampler.Point, i int) bool {
	v := points[i].Min
	return !math.IsNaN(v) && math.Abs(v) < 1e300 && (i == 0 || points[i].Time.After(points[i-1].Time))
}

func dropHead(points []sampler.Point, started time.Time, span time.Duration) []sampler.Point {
	if len(points) == 0 {
		return nil
	}
	from := points[0].Time.Add(time.Duration(growthHead * float64(span)))
	if up := started.Add(startup(span)); !started.IsZero() && up.After(from) {
		from = up
	}
	for i := range points {
		if !points[i].Time.Before(from) {
			return points[i:]
		}
	}
	return nil
}

// startup is how much of a process's beginning says nothing about its future.
func startup(span time.Duration) time.Duration {
	if span < 5*time.Minute {
		return 20 * time.Second
	}
	return time.Minute
}

// tooShort returns why points cannot be judged, "" when they can.
func tooShort(points, kept []sampler.Point, started time.Time, span time.Duration) string {
	if len(points) < 2 {
		return "watched too briefly: " + unit.Duration(growthSpan) + " needed"
	}
	if len(kept) >= growthSamples && span >= growthSpan {
		return ""
	}
	gap := typicalGap(points)
	lasting := (growthSamples - 1) * gap
	need := max(growthSpan, time.Duration(float64(lasting)/(1-growthHead)))
	if !started.IsZero() {
		need = max(need, started.Add(startup(need)).Sub(points[0].Time)+lasting)
	}
	if need <= span { // readings are missing in between
		need = span + time.Duration(growthSamples-len(kept))*gap
	}
	return unit.Duration(span.Round(time.Second)) + " watched, " + unit.Duration(need.Round(time.Second)) + " needed"
}

func typicalGap(points []sampler.Point) time.Duration {
	gaps := make([]float64, len(points)-1)
	for i := range gaps {
		gaps[i] = float64(points[i+1].Time.Sub(points[i].Time))
	}
	return max(time.Duration(stats.Median(gaps)), 1)
}

// floors are block minima: x in hours from the first point, y in the unit of the series.
type floors struct{ x, y []float64 }

// floorsOf cuts the time into blocks of a whole number of samples, aligned to the end, and keeps the least value of each.
// Outliers above are clipped: a burst only pushes up.
func floorsOf(points []sampler.Point) floors {
	first, last := points[0].Time, points[len(points)-1].Time
	gap := typicalGap(points)
	samples := int(last.Sub(first)/gap) + 1
	width := time.Duration(max(1, samples/growthBlocks)) * gap
	blocks := int((last.Sub(first) + gap) / width) // whole ones
	f := floors{make([]float64, 0, blocks), make([]float64, 0, blocks)}
	current := -1
	for _, p := range points {
		block := blocks - 1 - int((last.Sub(p.Time)+gap/2)/width)
		if block < 0 {
			continue // an incomplete block at the beginning
		}
		if block == current {
			end := len(f.y) - 1
			f.y[end] = math.Min(f.y[end], p.Min)
			continue
		}
		current = block
		f.x = append(f.x, (last.Sub(first) - time.Duration(blocks-1-block)*width).Hours())
		f.y = append(f.y, p.Min)
	}
	f.y = clipOutliers(f.y)
	return f
}

// clipOutliers lowers what stands out above the median of its neighbourhood (three on each side) by more than four times
// the noise, which the differences of neighbours tell.
func clipOutliers(y []float64) []float64 {
	steps := make([]float64, 0, len(y))
	for i := 1; i < len(y); i++ {
		steps = append(steps, math.Abs(y[i]-y[i-1]))
	}
	if len(steps) == 0 {
		return y
	}
	noise := stats.Median(steps)/0.954 + 1e-4*math.Abs(stats.Mean(y))
	out := make([]float64, len(y))
	for i, v := range y {
		around := stats.Median(y[max(0, i-3):min(len(y), i+4)])
		out[i] = math.Min(v, around+4*noise)
	}
	return out
}

// withoutHead cuts the head while its quarter rises more than twice as steeply as the rest: a twelfth at a time, at most
// half. A warm-up goes, a leak stays.
func (f floors) withoutHead() floors {
	n := len(f.y)
	step := max(1, n/12)
	from := 0
	for from+step <= n/2 {
		rest := f.slice(from, n)
		quarter := len(rest.y) / 4
		if quarter < 3 {
			break
		}
		head, tail := rest.slice(0, quarter), rest.slice(quarter, len(rest.y))
		steep := stats.SenSlope(head.x, head.y)
		if steep <= 0 || steep <= 2*stats.SenSlope(tail.x, tail.y) {
			break
		}
		from += step
	}
	return f.slice(from, n)
}

func (f floors) slice(from, to int) floors { return floors{f.x[from:to], f.y[from:to]} }

// score returns the evidence for growth, -1 when the last third does not carry on.
func (f floors) score() float64 {
	n := len(f.y)
	if n < 12 {
		return -1
	}
	level := math.Abs(stats.Mean(f.y))
	rest := f.withoutHead()
	claimed := stats.SenSlope(rest.x, rest.y)
	tail := f.slice(n-n/3, n)
	left, stepped := tailSlope(tail)
	z := stats.MannKendall(tail.y)
	if stepped {
		z = math.Min(z, 1.5)
	}
	if !(left > growthTail*math.Abs(claimed) && z > 0 && left > growthMaterial*level) {
		return -1
	}
	relative := maxRelative
	if level > 0 {
		grown := claimed * (rest.x[len(rest.x)-1] - rest.x[0])
		relative = math.Min(math.Max(grown/level, 0), maxRelative)
	}
	return math.Min(math.Min(stats.MannKendall(rest.y), stats.MannKendall(levels(rest.y))), maxWitness) + 20*relative
}

// persists looks back: the score must have been reached at every tenth over the last 40 % of the time, as it would have
// been judged then.
func persists(points []sampler.Point) bool {
	for tenths := 6; tenths < 10; tenths++ {
		if floorsOf(points[:len(points)*tenths/10]).score() < growthScore {
			return false
		}
	}
	return true
}

// levels leaves out floors that repeat their neighbour exactly. A live heap that was read ten times between two
// collections is one observation, not ten.
func levels(y []float64) []float64 {
	out := make([]float64, 0, len(y))
	for i, v := range y {
		if i == 0 || v != y[i-1] {
			out = append(out, v)
		}
	}
	return out
}

// rate returns the mean of the Theil-Sen and the least-squares slope without the head, and the union of their intervals.
func (f floors) rate() (perHour, low, high float64) {
	rest := f.withoutHead()
	sen, ok := stats.TheilSen(rest.x, rest.y)
	if !ok {
		return 0, 0, 0
	}
	perHour, low, high = sen.Slope, sen.Low, sen.High
	if line, ok := stats.Fit(rest.x, rest.y); ok {
		const quantile = 2.02 // of Student's t at about 40 degrees of freedom
		perHour = (sen.Slope + line.Slope) / 2
		low = math.Min(low, line.Slope-quantile*line.SE)
		high = math.Max(high, line.Slope+quantile*line.SE)
	}
	return perHour, low, high
}

// tailSlope returns the slope of a short tail, robust against one level shift: where a common slope with two intercepts
// explains it much better, that slope, and stepped is true.
func tailSlope(f floors) (slope float64, stepped bool) {
	const penalty = 12 // in units of log n: a step must explain far more than chance would
	n := len(f.y)
	whole, best := math.Inf(1), math.Inf(1)
	for k := 0; k <= n-2; k++ {
		if k == 1 {
			continue
		}
		squares, b := stepFit(f, k)
		if k == 0 {
			whole = squares
		}
		if squares < best {
			best, slope = squares, b
		}
	}
	level := stats.Mean(f.y)
	floor := 4e-6 * level * level * float64(n)
	if floor > 0 && float64(n)*math.Log((whole+floor)/(best+floor)) > penalty*math.Log(float64(n)) {
		return slope, true
	}
	return stats.SenSlope(f.x, f.y), false
}

// stepFit fits one slope with an intercept before and one from point k on, and returns what remains, squared and summed.
func stepFit(f floors, k int) (squares, slope float64) {
	var sxx, sxy, syy float64
	for _, part := range []floors{f.slice(0, k), f.slice(k, len(f.y))} {
		if len(part.y) == 0 {
			continue
		}
		mx, my := stats.Mean(part.x), stats.Mean(part.y)
		for i := range part.y {
			dx, dy := part.x[i]-mx, part.y[i]-my
			sxx += dx * dx
			sxy += dx * dy
			syy += dy * dy
		}
	}
	if sxx == 0 {
		return syy, 0
	}
	return math.Max(syy-sxy*sxy/sxx, 0), sxy / sxx
}
