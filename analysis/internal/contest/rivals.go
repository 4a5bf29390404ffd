package contest

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/internal/labelled"
	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// Rivals lists rules that are in use elsewhere.
func Rivals() []Rule {
	of := func(f func(x, y []float64, limit float64) float64) func([]sampler.Point, *labelled.Series) float64 {
		return func(points []sampler.Point, s *labelled.Series) float64 {
			for len(points) > 100 && points[0].Time.Sub(s.Started) < time.Minute {
				points = points[1:] // they are spared the start of the process, as the verdict is
			}
			x, y := make([]float64, len(points)), make([]float64, len(points))
			for i, p := range points {
				x[i], y[i] = p.Time.Sub(points[0].Time).Hours(), p.Last
			}
			return f(x, y, s.Limit)
		}
	}
	return []Rule{
		{"last minus first above 10 MB", 10, of(lastMinusFirst)},
		{"least-squares slope with R² above 0.8", 0.8, of(slopeWithR2)},
		{"Mann-Kendall", 1.645, of(func(_, y []float64, _ float64) float64 { return stats.MannKendall(y) })},
		{"Mann-Kendall, corrected for autocorrelation", 1.645, of(corrected)},
		{"longest run with a tail slope, 10 %/h", 10, of(longestRun)},
	}
}

// lastMinusFirst returns megabytes.
func lastMinusFirst(_, y []float64, _ float64) float64 { return (y[len(y)-1] - y[0]) / 1e6 }

// slopeWithR2 returns the share of the variance that a rising line explains.
func slopeWithR2(x, y []float64, _ float64) float64 {
	_, slope, r2 := line(x, y)
	if slope <= 0 {
		return 0
	}
	return r2
}

// corrected returns the Mann-Kendall score of 120 means, its variance inflated for autocorrelation (Hamed and Rao, 1998).
func corrected(_, y []float64, _ float64) float64 {
	y = means(y, max(1, len(y)/120))
	x := make([]float64, len(y))
	for i := range x {
		x[i] = float64(i)
	}
	slope := stats.SenSlope(x, y)
	left := make([]float64, len(y))
	for i := range left {
		left[i] = y[i] - slope*x[i]
	}
	return stats.MannKendall(y) / math.Sqrt(stats.Inflation(left))
}

// longestRun returns the growth in percent per hour of the longest run without a fall by half, when its last quarter still
// rises by 0.3 of the slope and an hour's growth is 5 % of the limit: Coroot's rule.
func longestRun(x, y []float64, limit float64) float64 {
	from, to := 0, 0
	begin := 0
	for i := 1; i <= len(y); i++ {
		if i == len(y) || y[i] < y[i-1]/2 {
			if i-begin > to-from {
				from, to = begin, i
			}
			begin = i
		}
	}
	x, y = x[from:to], y[from:to]
	n := len(y)
	if n < 10 {
		return 0
	}
	quarter := 0
	for i := range x {
		if x[n-1]-x[i] >= 0.25 || i <= n*3/4 && n-i >= n/4 {
			quarter = min(i, n*3/4)
		}
	}
	intercept, slope, _ := line(x, y)
	_, tail, _ := line(x[quarter:], y[quarter:])
	if slope <= 0 || tail < 0.3*slope || slope < 0.05*limit {
		return 0
	}
	end := intercept + slope*x[n-1]
	if before := end - slope; before > 0 {
		return 100 * slope / before
	}
	return 100 * slope / end
}

// line fits by least squares.
func line(x, y []float64) (intercept, slope, r2 float64) {
	mx, my := stats.Mean(x), stats.Mean(y)
	var sxx, sxy, syy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		sxx += dx * dx
		sxy += dx * dy
		syy += dy * dy
	}
	if sxx == 0 || syy == 0 {
		return my, 0, 0
	}
	slope = sxy / sxx
	return my - slope*mx, slope, sxy * sxy / (sxx * syy)
}

// means returns the means of groups of k.
func means(y []float64, k int) []float64 {
	out := make([]float64, 0, len(y)/k)
	for i := len(y) % k; i+k <= len(y); i += k {
		out = append(out, stats.Mean(y[i:i+k]))
	}
	return out
}
