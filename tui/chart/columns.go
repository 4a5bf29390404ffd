package chart

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Columns spreads points over n columns that divide the time from from to to evenly: each column has the largest
// reading in it. A column between two readings has the earlier one, because that is what was known then; one before the
// first reading, within a gap, or long after the last reading is NaN.
func Columns(points []sampler.Point, from, to time.Time, n int) []float64 {
	if n <= 0 {
		return nil
	}
	cols := make([]float64, n)
	for i := range cols {
		cols[i] = math.NaN()
	}
	span := to.Sub(from)
	if span <= 0 || len(points) == 0 {
		return cols
	}
	at := func(t time.Time) int {
		return int(float64(t.Sub(from)) / float64(span) * float64(n))
	}
	step := typicalStep(points)
	before := -1
	for i, p := range points {
		c := min(at(p.Time), n-1)
		if c < 0 || p.Time.After(to) {
			continue
		}
		if i > 0 && !p.Gap && before >= 0 {
			hold(cols[before:c], points[i-1].Last)
		}
		if math.IsNaN(cols[c]) || p.Max > cols[c] {
			cols[c] = p.Max
		}
		before = c
	}
	last := points[len(points)-1]
	if before >= 0 && to.Sub(last.Time) <= 3*step {
		hold(cols[before:], last.Last)
	}
	return cols
}

// hold fills the columns after the first one that have nothing of their own.
func hold(cols []float64, v float64) {
	for i := 1; i < len(cols); i++ {
		if math.IsNaN(cols[i]) {
			cols[i] = v
		}
	}
}

// typicalStep is the smallest time between neighbours among the last few points, at least a second.
func typicalStep(points []sampler.Point) time.Duration {
	step := time.Duration(math.MaxInt64 / 4)
	for i := max(1, len(points)-8); i < len(points); i++ {
		if d := points[i].Time.Sub(points[i-1].Time); d > 0 {
			step = min(step, d)
		}
	}
	if step > time.Hour*24 {
		return time.Second
	}
	return max(step, time.Second)
}

// Constant returns n columns of one value: for limits. A value that is not finite gives columns without a reading.
func Constant(v float64, n int) []float64 {
	cols := make([]float64, max(n, 0))
	for i := range cols {
		cols[i] = v
	}
	return cols
}
