package gates

import (
	"strconv"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// How a comparison was made.
const (
	methodExact     = "exact"
	methodBlocks    = "blocks"
	methodStored    = "stored"
	methodIdentical = "identical"
)

// outcome is what became of a metric; fractions of the baseline.
type outcome struct {
	verdict, reason, method string
	pair                    pair
	change, low, high       *float64
	p, smallest             *float64
	evidence                *evidence
	alpha                   float64
}

// comparison writes an outcome the way a report holds it.
func (o outcome) comparison(m *compared, s CompareSettings) Comparison {
	o.measure()
	c := Comparison{
		Metric: m.Name, Verdict: o.verdict, Method: o.method, Reason: o.reason, P: o.p, Gated: m.gated,
		Runs:        [2]int{len(o.pair.base), len(o.pair.now)},
		MaxIncrease: 100 * m.maximum, WarnIncrease: 100 * m.warn,
		ChangePercent: percentage(o.change), LowPercent: percentage(o.low), HighPercent: percentage(o.high),
		SmallestProvable: percentage(o.smallest),
		Against:          s.Against, OnInconclusive: s.onInconclusive(),
	}
	if len(o.pair.base) > 0 {
		v := stats.Median(o.pair.base)
		c.Baseline = &v
	}
	if len(o.pair.now) > 0 {
		v := stats.Median(o.pair.now)
		c.Current = &v
	}
	c.Severity = c.severity(false)
	return c
}

// severity of a regression: critical from one and a half times the limit on, or when an absolute limit is broken too.
func (c Comparison) severity(broken bool) string {
	switch {
	case c.Verdict != Regressed || c.Accepted != "":
		return ""
	case broken, c.ChangePercent == nil, *c.ChangePercent >= 1.5*c.MaxIncrease-100*rounding:
		return SeverityCritical
	}
	return SeverityWarning
}

func percentage(share *float64) *float64 {
	if share == nil {
		return nil
	}
	v := 100 * *share
	if !finite(v) {
		return nil
	}
	return &v
}

// percent prints a fraction: "2%", "0.5%".
func percent(share float64) string {
	return strconv.FormatFloat(100*share, 'g', 4, 64) + "%"
}
