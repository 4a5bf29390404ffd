package gates

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// intervalLevel is what each end of the interval of a change may be wrong by: the interval holds 94 %.
const intervalLevel = .03

// evidence is what the runs say about one noisy metric, on the logarithmic scale.
type evidence struct {
	metric   *compared
	pair     pair
	blocks   []stats.Block
	estimate float64
	growth   float64 // the probability of what was seen, had it grown no more than warn
	proven   bool    // growth above warn
}

// weigh tests a metric's blocks for growth. settled is set instead where no test is possible.
func weigh(m *compared, p pair) (e *evidence, settled *outcome) {
	blocks, ok := p.logs()
	if !ok {
		o := outcome{method: methodBlocks, pair: p, verdict: Inconclusive, reason: "some values are not above 0: no percentage of them exists"}
		if p.allZero() {
			o.verdict, o.reason = Stable, ""
		}
		return nil, &o
	}
	return &evidence{metric: m, pair: p, blocks: blocks, estimate: stats.ShiftEstimate(blocks),
		growth: stats.Randomisation(blocks, math.Log1p(m.warn)).Upper}, nil
}

// prove marks what is proven at a look. Up to MaxGated gated metrics have alpha each. With more of them the level of
// MaxGated is shared out by Holm's procedure (Holm 1979), alpha staying the most for any; those that an earlier look
// proved count as proven. Watched metrics, which fail nothing, have alpha each.
func prove(all []*evidence, alpha float64, gated, earlier int) {
	slices.SortStableFunc(all, func(a, b *evidence) int { return cmp.Compare(a.growth, b.growth) })
	left, open := gated-earlier, true
	for _, e := range all {
		level := alpha
		if e.metric.gated {
			level = share(alpha, left)
			left--
		}
		e.proven = e.growth <= level && (open || !e.metric.gated)
		if e.metric.gated && !e.proven {
			open = false
		}
	}
}

// share returns what one of so many metrics may spend.
func share(alpha float64, metrics int) float64 {
	return alpha * MaxGated / float64(max(metrics, MaxGated))
}

// judge decides a metric at a look; "" where more runs are needed.
func (e *evidence) judge(s stage) (verdict string, p float64) {
	maximum, warn := math.Log1p(e.metric.maximum), math.Log1p(e.metric.warn)
	large := e.estimate >= maximum-rounding
	if e.proven && large {
		return Regressed, e.growth
	}
	below := stats.Randomisation(e.blocks, maximum).Lower
	switch {
	case large || below > s.beta:
	case e.proven:
		return Grew, e.growth
	default:
		shrunk := stats.Randomisation(e.blocks, -warn).Lower
		if shrunk <= s.alpha || shrunk <= s.beta && e.estimate <= -maximum+rounding {
			return Improved, shrunk
		}
		return Stable, below
	}
	if s.last && e.proven {
		return Grew, e.growth
	}
	if s.last {
		return Inconclusive, e.growth
	}
	return "", e.growth
}

// outcome writes down a verdict with the estimate, its interval and what could have been proven at level alpha.
func (e *evidence) outcome(verdict string, p, alpha float64) outcome {
	o := outcome{method: methodBlocks, pair: e.pair, verdict: verdict, p: &p, evidence: e, alpha: alpha}
	if verdict == Inconclusive {
		o.reason = fmt.Sprintf("%d and %d runs prove neither a growth above %s nor one below %s",
			len(e.pair.base), len(e.pair.now), percent(e.metric.warn), percent(e.metric.maximum))
	}
	return o
}

// measure computes what only a report needs.
func (o *outcome) measure() {
	e := o.evidence
	if e == nil {
		return
	}
	set := func(to **float64, shift float64) {
		v := math.Expm1(shift)
		*to = &v
	}
	set(&o.change, e.estimate)
	if low, ok := stats.ShiftAbove(e.blocks, intervalLevel); ok {
		set(&o.low, low)
	}
	if high, ok := stats.ShiftBelow(e.blocks, intervalLevel); ok {
		set(&o.high, high)
	}
	if provable, ok := stats.ShiftAbove(e.blocks, o.alpha); ok && o.alpha > 0 {
		set(&o.smallest, math.Log1p(e.metric.warn)+math.Max(e.estimate-provable, 0))
	}
}

// judge judges every undecided metric at a look.
func (c *Comparer) judge(s stage) {
	var all []*evidence
	gated, earlier := 0, 0
	for _, m := range c.metrics {
		if m.verdict != "" {
			if m.gated && m.outcome.method == methodBlocks {
				gated++
				if m.verdict == Regressed || m.verdict == Grew {
					earlier++
				}
			}
			continue
		}
		e := c.settle(m, s)
		if e == nil {
			continue
		}
		all = append(all, e)
		if m.gated {
			gated++
		}
	}
	prove(all, s.alpha, gated, earlier)
	for _, e := range all {
		if verdict, p := e.judge(s); verdict != "" {
			e.metric.decide(e.outcome(verdict, p, share(s.alpha, gated)))
		}
	}
}

// settle decides a metric that needs no test, and weighs the runs of one that does. It returns nil where there is
// nothing to test now.
func (c *Comparer) settle(m *compared, s stage) *evidence {
	p, lack := c.pair(m, len(c.blocks))
	if lack != nil {
		m.decide(*lack)
		return nil
	}
	if p.exact(m.Metric) {
		o := judgeExact(m, p, c.settings.quantum(m.Metric, p.base, p.now))
		// Three runs a side fall apart by chance in 1 of 20 cases, for a program that has two ways to go. So what
		// would warn or fail is confirmed by one block more.
		if s.opening && m.gated && (o.verdict == Regressed || o.verdict == Grew) {
			return nil
		}
		m.decide(o)
		return nil
	}
	if s.opening {
		return nil
	}
	e, settled := weigh(m, p)
	if settled != nil {
		m.decide(*settled)
		return nil
	}
	return e
}

func (m *compared) decide(o outcome) { m.verdict, m.outcome = o.verdict, o }

// unfinished is what can be said about a metric that no look decided: watched ones when the gated ones were done, and
// all when the runs were cut short.
func (c *Comparer) unfinished(m *compared, blocks int) outcome {
	p, lack := c.pair(m, blocks)
	if len(p.base) == 0 && len(c.runs) == 0 {
		return outcome{verdict: string(Unmeasured), reason: "nothing was run"}
	}
	if lack != nil {
		return *lack
	}
	reason := "the runs were cut short"
	if c.over {
		reason = "the gated metrics were decided before this one"
	}
	o := outcome{method: methodBlocks, pair: p, verdict: Inconclusive, reason: reason}
	if blocks == 0 {
		return o
	}
	if e, settled := weigh(m, p); settled == nil {
		o = e.outcome(Inconclusive, e.growth, c.plan[c.at].alpha)
		o.reason = reason
	}
	return o
}
