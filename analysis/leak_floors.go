package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// grid cuts a time into blocks of a whole number of samples, aligned to its end.
type grid struct {
	first, last time.Time
	gap, width  time.Duration
	blocks      int // whole ones
}

func gridOf(points []sampler.Point) grid {
	g := grid{first: points[0].Time, last: points[len(points)-1].Time, gap: typicalGap(points)}
	samples := int(g.last.Sub(g.first)/g.gap) + 1
	g.width = time.Duration(max(1, samples/growthBlocks)) * g.gap
	g.blocks = int((g.last.Sub(g.first) + g.gap) / g.width)
	return g
}

// block returns the block that t lies in; it is below 0 in an incomplete block at the beginning.
func (g grid) block(t time.Time) int {
	return g.blocks - 1 - int(math.Floor(float64(g.last.Sub(t)+g.gap/2)/float64(g.width)))
}

// end returns the end of a block in hours from the first point.
func (g grid) end(block int) float64 {
	return (g.last.Sub(g.first) - time.Duration(g.blocks-1-block)*g.width).Hours()
}

// floors are block minima: x is the end of each block in hours from the first point, y the minimum in the unit of the series.
// at is when that value was first read, in hours: a live heap stands still between collections, so the end of the block
// may come minutes after the reading, and later the rarer collections get. Rates need it, tests of a trend do not.
type floors struct{ x, y, at []float64 }

// floorsOf keeps the least value of each block. Outliers above are clipped: a burst only pushes up.
func floorsOf(points []sampler.Point) floors {
	g := gridOf(points)
	cells := make([]float64, 3*g.blocks)
	f := floors{x: cells[:0:g.blocks], y: cells[g.blocks : g.blocks : 2*g.blocks], at: cells[2*g.blocks : 2*g.blocks]}
	current := -1
	since := points[0].Time
	for i, p := range points {
		if i > 0 && p.Min != points[i-1].Min {
			since = p.Time
		}
		block := g.block(p.Time)
		if block < 0 {
			continue
		}
		if block != current {
			current = block
			f.x, f.y, f.at = append(f.x, g.end(block)), append(f.y, p.Min), append(f.at, since.Sub(g.first).Hours())
			continue
		}
		if end := len(f.y) - 1; p.Min < f.y[end] {
			f.y[end], f.at[end] = p.Min, since.Sub(g.first).Hours()
		}
	}
	f.y = clipOutliers(f.y)
	return f
}

// loadOf returns the mean load of every block in which points has a reading, nil when more than a tenth of them have none.
func loadOf(points, load []sampler.Point) []float64 {
	if len(load) == 0 {
		return nil
	}
	g := gridOf(points)
	sums, counts := make([]float64, g.blocks), make([]float64, g.blocks)
	for _, p := range load {
		if b := g.block(p.Time); b >= 0 && b < g.blocks && usable(p.Last) {
			sums[b] += p.Last
			counts[b]++
		}
	}
	var out []float64
	before, missing, current := math.NaN(), 0, -1
	for _, p := range points {
		b := g.block(p.Time)
		if b < 0 || b == current {
			continue
		}
		current = b
		if counts[b] > 0 {
			before = sums[b] / counts[b]
		} else {
			missing++
		}
		out = append(out, before)
	}
	if missing*10 > len(out) {
		return nil
	}
	for i := len(out) - 2; i >= 0; i-- {
		if math.IsNaN(out[i]) {
			out[i] = out[i+1]
		}
	}
	return out
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

func (f floors) slice(from, to int) floors {
	return floors{f.x[from:to], f.y[from:to], f.at[from:to]}
}

func (f floors) level() float64 { return math.Abs(stats.Mean(f.y)) }

// trend is what floors say without any model.
type trend struct {
	rest    floors  // without the head
	claimed float64 // slope of rest, per hour
	witness float64 // score of the trend test over rest
	size    float64 // 20 times its growth relative to the level, the growth limited
	tail    float64 // slope of the last third, per hour
	rises   bool    // the trend test of the last third is above 0
}

func (f floors) trend(level float64) trend {
	n := len(f.y)
	t := trend{rest: f.withoutHead()}
	t.claimed = stats.SenSlope(t.rest.x, t.rest.y)
	t.witness = math.Min(stats.MannKendall(t.rest.y), stats.MannKendall(levels(t.rest.y)))
	end := f.slice(n-n/3, n)
	t.tail = tailSlope(end)
	t.rises = stats.MannKendall(end.y) > 0
	grown := math.Max(t.claimed*(t.rest.x[len(t.rest.x)-1]-t.rest.x[0]), 0)
	if grown > 0 { // what starts at nothing has no level to compare with
		t.size = maxRelative
	}
	if level > 0 {
		t.size = math.Min(grown/level, maxRelative)
	}
	t.size *= 20
	return t
}

// lasts says whether the last third still grows by growthTail of what is claimed, and by least per hour.
func (t trend) lasts(claimed, least float64) bool {
	return t.rises && t.tail > growthTail*math.Abs(claimed) && t.tail > least
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

// tailSlope returns the slope of a short tail, robust against one level shift: where a common slope with two intercepts
// explains it much better, that slope.
func tailSlope(f floors) float64 {
	const penalty = 12 // in units of log n: a step must explain far more than chance would
	n := len(f.y)
	whole, best, slope := math.Inf(1), math.Inf(1), 0.0
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
		return slope
	}
	return stats.SenSlope(f.x, f.y)
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
