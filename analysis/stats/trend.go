package stats

import (
	"math"
	"slices"
)

// maxPoints bounds the points whose pairs are looked at: 512 points have 130,816 pairs.
const maxPoints = 512

// Slope is a rate of change with its 95 % interval.
type Slope struct {
	Slope     float64 // median of the slopes of all pairs, in units of y per unit of x
	Low, High float64 // rank interval, its variance inflated for autocorrelation
	Inflation float64 // the factor of that, 1 for independent residuals, never below 1
	N         int     // points the estimate rests on
}

// TheilSen returns the Theil-Sen slope of y over x: the median of the slopes between all pairs of points, which a quarter
// of bad points cannot move far. The interval is Sen's (order statistics by Kendall's S), its variance multiplied by the
// factor of Hamed and Rao (1998) for residuals that depend on their neighbours. x must ascend; points with an equal x
// form no pair. Beyond 512 points, medians of equal groups of neighbours take their place. ok is false when fewer than
// two different x exist.
func TheilSen(x, y []float64) (s Slope, ok bool) {
	x, y = reduce(x, y)
	slopes := pairSlopes(x, y)
	if len(slopes) == 0 {
		return Slope{}, false
	}
	s.N = len(x)
	s.Slope = medianInPlace(slopes)
	s.Inflation = Inflation(residuals(x, y, s.Slope))
	half := 1.96 * math.Sqrt(kendallVariance(y)*s.Inflation)
	n := len(slopes)
	low := clampIndex(math.Floor((float64(n)-half)/2), n)
	high := clampIndex(math.Ceil((float64(n)+half)/2), n)
	s.Low, s.High = nth(slopes, low), nth(slopes, high)
	return s, true
}

// SenSlope returns the Theil-Sen slope alone, 0 when fewer than two different x exist.
func SenSlope(x, y []float64) float64 {
	slopes := pairSlopes(reduce(x, y))
	if len(slopes) == 0 {
		return 0
	}
	return medianInPlace(slopes)
}

// MannKendall returns the standard score of the Mann-Kendall trend test, corrected for ties and for continuity: positive
// for a series that rises. It is 0 for fewer than three values and for a constant series. Independence is assumed.
func MannKendall(y []float64) float64 {
	if len(y) < 3 {
		return 0
	}
	rising := 0
	for i, a := range y {
		for _, b := range y[i+1:] {
			switch {
			case b > a:
				rising++
			case b < a:
				rising--
			}
		}
	}
	variance := kendallVariance(y)
	switch {
	case variance <= 0 || rising == 0:
		return 0
	case rising > 0:
		return float64(rising-1) / math.Sqrt(variance)
	}
	return float64(rising+1) / math.Sqrt(variance)
}

// Inflation returns the factor by which dependence between neighbours raises the variance of Kendall's S over these
// residuals (Hamed and Rao, 1998: significant autocorrelations of their ranks). It is never below 1: it guards against
// false certainty and grants none.
func Inflation(residuals []float64) float64 {
	n := len(residuals)
	if n < 8 {
		return 1
	}
	r := ranks(residuals)
	middle := float64(n+1) / 2
	total := 0.0
	for i := range r {
		r[i] -= middle
		total += r[i] * r[i]
	}
	if total == 0 {
		return 1
	}
	bound := 1.96 / math.Sqrt(float64(n))
	sum := 0.0
	for lag := 1; lag <= n-3; lag++ {
		c := 0.0
		for i := lag; i < n; i++ {
			c += r[i] * r[i-lag]
		}
		if c /= total; math.Abs(c) > bound {
			f := float64(n - lag)
			sum += f * (f - 1) * (f - 2) * c
		}
	}
	f := float64(n)
	return math.Max(1, 1+2/(f*(f-1)*(f-2))*sum)
}

// Line is a straight line fitted by least squares.
type Line struct {
	Intercept, Slope float64
	SE               float64 // standard error of Slope for errors of the first autoregressive order
	Phi              float64 // their correlation with the neighbour, 0 to 0.95
}

// Fit fits a line by least squares. The standard error allows for residuals that depend on their neighbour: their first
// autocorrelation, corrected for the bias of short series, inflates the variance. ok is false when fewer than four
// points or fewer than two different x are given.
func Fit(x, y []float64) (l Line, ok bool) {
	n := len(x)
	if n < 4 {
		return Line{}, false
	}
	mx, my := Mean(x), Mean(y)
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	if sxx == 0 {
		return Line{}, false
	}
	l.Slope = sxy / sxx
	l.Intercept = my - l.Slope*mx
	var squares, lagged, before float64
	for i := range x {
		e := y[i] - l.Intercept - l.Slope*x[i]
		squares += e * e
		lagged += e * before
		before = e
	}
	if squares > 0 {
		phi := lagged / squares
		phi += (1 + 4*phi) / float64(n) // a fitted line takes this much out of the first autocorrelation
		l.Phi = math.Min(math.Max(phi, 0), 0.95)
	}
	l.SE = math.Sqrt(squares / float64(n-2) / sxx * (1 + l.Phi) / (1 - l.Phi))
	return l, true
}

func pairSlopes(x, y []float64) []float64 {
	n := len(x)
	slopes := make([]float64, 0, n*(n-1)/2)
	for i := range x {
		for j := i + 1; j < n; j++ {
			if dx := x[j] - x[i]; dx > 0 {
				slopes = append(slopes, (y[j]-y[i])/dx)
			}
		}
	}
	return slopes
}

func residuals(x, y []float64, slope float64) []float64 {
	r := make([]float64, len(y))
	for i := range y {
		r[i] = y[i] - slope*(x[i]-x[0])
	}
	return r
}

// kendallVariance is the variance of Kendall's S without a trend, corrected for ties.
func kendallVariance(y []float64) float64 {
	n := float64(len(y))
	v := n * (n - 1) * (2*n + 5)
	eachTie(slices.Sorted(slices.Values(y)), func(from, to int) {
		t := float64(to - from)
		v -= t * (t - 1) * (2*t + 5)
	})
	return math.Max(v, 0) / 18
}

// ranks returns the place of each value in sorted order from 1, equal values sharing the mean of their places.
func ranks(x []float64) []float64 {
	r := make([]float64, len(x))
	for i, twice := range Ranks(x) {
		r[i] = float64(twice) / 2
	}
	return r
}

// eachTie calls f with every run of equal values in sorted, single ones included.
func eachTie(sorted []float64, f func(from, to int)) {
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && sorted[to] == sorted[from] {
			to++
		}
		f(from, to)
		from = to
	}
}

// reduce returns the points as they are, or the medians of equal groups of neighbours when there are too many for pairs.
func reduce(x, y []float64) (rx, ry []float64) {
	n := len(x)
	if n <= maxPoints {
		return x, y
	}
	rx, ry = make([]float64, maxPoints), make([]float64, maxPoints)
	for i := range rx {
		from, to := i*n/maxPoints, (i+1)*n/maxPoints
		rx[i], ry[i] = Median(x[from:to]), Median(y[from:to])
	}
	return rx, ry
}

func clampIndex(v float64, n int) int {
	return int(math.Min(math.Max(v, 0), float64(n-1)))
}
