package gates

import (
	"math"
	"math/rand/v2"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// Outlook is what a comparison of a metric will cost and find, judged by earlier runs of one program.
type Outlook struct {
	Exact bool    // 3 runs a side will do, while nothing changes
	Noise float64 // the standard deviation of the runs, as a fraction
	Runs  float64 // both sides together on average, while nothing changes
	// Found is the growth, a fraction, that is called a regression in 95 of 100 comparisons. It is 0 when none up to a
	// doubling is.
	Found float64
}

const (
	foreseen   = 200 // comparisons that are played for a figure
	foundShare = .95
)

// Foresee plays comparisons with noise as wide as that of the values, of which it needs two. The same values give the
// same answer. ok is false for fewer, for values that are not above 0, and for metrics that nobody knows.
func Foresee(s CompareSettings, metric string, values []float64) (o Outlook, ok bool) {
	m := s.compared(metric)
	logs, positive := pair{blocks: []stats.Block{{A: values}}}.logs()
	if m == nil || len(values) < 2 || !positive {
		return Outlook{}, false
	}
	s.Gated = []string{metric}
	o.Noise = deviation(logs[0].A)
	if m.Exact && repeats(values) {
		o.Exact, o.Runs, o.Found = true, 2*exactRuns, m.maximum+exactRange
		return o, true
	}
	_, o.Runs = s.rehearse(metric, o.Noise, 0)
	low, high := 0.0, 1.0
	if share, _ := s.rehearse(metric, o.Noise, high); share < foundShare {
		return o, true
	}
	for range 8 {
		middle := (low + high) / 2
		if share, _ := s.rehearse(metric, o.Noise, middle); share < foundShare {
			low = middle
		} else {
			high = middle
		}
	}
	o.Found = high
	return o, true
}

// rehearse plays comparisons, and returns in which share a growth was called a regression, after how many runs on average.
func (s CompareSettings) rehearse(metric string, noise, growth float64) (found, runs float64) {
	for i := range uint64(foreseen) {
		lot := rand.New(rand.NewPCG(i, 1))
		c := NewComparer(s, []string{metric}, i)
		for sides := c.Next(); len(sides) > 0; sides = c.Next() {
			for _, side := range sides {
				v := math.Exp(noise * lot.NormFloat64())
				if side == Current {
					v *= 1 + growth
				}
				runs++
				if c.Add(side, Run{metric: v}) != nil {
					return 0, 0 // a noise so wide that it overflows
				}
			}
		}
		if c.Verdict(metric) == Regressed {
			found++
		}
	}
	return found / foreseen, runs / foreseen
}

// deviation is the standard deviation.
func deviation(x []float64) float64 {
	mean, squares := stats.Mean(x), 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(squares / float64(len(x)-1))
}
