package gates

import (
	"fmt"
	"math"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

const (
	exactRuns  = 3    // a side
	exactRange = .001 // of the median: a side that spreads more is not exact
	rounding   = 1e-9 // of a fraction, that arithmetic may add
)

// exact says whether each side repeats itself closely enough for a metric that should.
func (p pair) exact(m Metric) bool {
	if !m.Exact || len(p.base) < exactRuns || len(p.now) < exactRuns {
		return false
	}
	return repeats(p.base) && repeats(p.now)
}

func repeats(x []float64) bool {
	r := spread(x)
	return r == 0 || r < exactRange*math.Abs(stats.Median(x))
}

// judgeExact compares the medians. What lies within the noise band (the wider of the two ranges, one step of the values,
// 0.1 %) is no change; beyond it the change is what it is.
func judgeExact(m *compared, p pair, quantum float64) outcome {
	base, now := stats.Median(p.base), stats.Median(p.now)
	o := outcome{method: methodExact, pair: p, verdict: Stable}
	band := max(spread(p.base), spread(p.now), quantum, exactRange*math.Abs(base))
	change := now - base
	if base <= 0 {
		return o.withoutPercent(base, now, band)
	}
	low, high := (change-band)/base, (change+band)/base
	share := change / base
	o.change, o.low, o.high = &share, &low, &high
	beyond := math.Abs(change) > band*(1+rounding)
	switch {
	case beyond && share >= m.maximum-rounding:
		o.verdict = Regressed
	case beyond && share > m.warn+rounding:
		o.verdict = Grew
	case beyond && share < -m.warn-rounding:
		o.verdict = Improved
	case !beyond && share >= m.maximum-rounding:
		smallest := 2 * quantum / base
		o.verdict, o.smallest = Inconclusive, &smallest
		o.reason = fmt.Sprintf("values come in steps of %s; a change of one step cannot be told from rounding", m.Format(quantum))
	}
	return o
}

// withoutPercent judges a change from a baseline that no percentage can be taken of.
func (o outcome) withoutPercent(base, now, band float64) outcome {
	switch {
	case math.Abs(now-base) <= band:
	case base < 0:
		o.verdict, o.reason = Inconclusive, "the baseline is below 0: no percentage of it exists"
	case now > base:
		o.verdict, o.reason = Regressed, "the baseline is 0: no percentage of it exists, any growth is above every limit"
	default:
		o.verdict = Improved
	}
	return o
}
