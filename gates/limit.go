package gates

import (
	"fmt"
	"slices"
)

// Limit is a budget: the most that a metric may measure, in the metric's unit.
type Limit struct {
	Metric string
	Max    float64
	From   string // FromStandard, FromStrict, FromBuiltin, FromConfig or FromFlag
	// Because says why the limit is what it is, "" where nothing is said. It becomes a part of the gate's reason.
	Because string
}

// Where limits come from.
const (
	FromStandard = "standard"
	FromStrict   = "strict"
	FromBuiltin  = "builtin" // a built-in workload's own budget, where the presets do not fit it
	FromConfig   = "config"
	FromFlag     = "flag"
)

// slackHeadroom is the share of a limit beyond which what is left free is called slack.
const slackHeadroom = 0.5

// Presets returns the names of the presets.
func Presets() []string { return []string{FromStandard, FromStrict} }

// Preset returns the limits of a preset; ok is false when there is none of that name.
func Preset(name string) (limits []Limit, ok bool) {
	switch name {
	case FromStandard:
		return preset(name, 3e6, 2.5e6, 0.8, 10), true
	case FromStrict:
		return preset(name, 2.5e6, 2e6, 0.6, 5), true
	}
	return nil, false
}

func preset(name string, peak, sustained, pressure, growth float64) []Limit {
	return []Limit{
		{Metric: "peak_heap", Max: peak, From: name},
		{Metric: "sustained_heap", Max: sustained, From: name},
		{Metric: "gc_pressure", Max: pressure, From: name},
		{Metric: "growth", Max: growth, From: name},
	}
}

// Evaluate judges limits against what was measured. The limit of a peak is broken by any run above it, of anything else
// by the median. A limit without a value is unmeasured and says why; where the runs were too short for a trend or a
// steady state (Measured.Short) it is a warning. A limit of which more than half is left free says what could be set.
func Evaluate(limits []Limit, measured map[string]Measured) []Gate {
	out := make([]Gate, 0, len(limits))
	for _, l := range limits {
		out = append(out, evaluate(l, measured))
	}
	return out
}

func evaluate(l Limit, measured map[string]Measured) Gate {
	g := Gate{Metric: l.Metric, Op: "<=", Limit: l.Max, From: l.From, Verdict: Unmeasured}
	metric, known := MetricOf(l.Metric)
	if !known {
		g.Reason = "there is no metric of that name"
		return g
	}
	g.Unit = metric.Unit
	m, found := measured[l.Metric]
	switch {
	case !finite(l.Max) || l.Max < 0:
		g.Limit, g.Reason = 0, "the limit is not a number of 0 or more"
		return g
	case !found:
		g.Reason = "not measured"
		return g
	case len(m.Values) == 0:
		g.Reason = m.Missing
		if g.Reason == "" {
			g.Reason = "not measured"
		}
		if m.Short && metric.Steady {
			g.Verdict = Warned
		}
		return g
	}
	value, above := m.Median, 0
	if metric.Peak {
		value = slices.Max(m.Values)
	}
	for _, v := range m.Values {
		if v > l.Max {
			above++
		}
	}
	g.Value, g.Verdict = &value, Passed
	if value > l.Max {
		g.Verdict = Failed
	}
	if l.Max > 0 {
		headroom := (l.Max - value) / l.Max * 100
		g.HeadroomPercent = &headroom
	}
	g.explain(metric, m, above)
	switch {
	case l.Because != "" && g.Reason == "":
		g.Reason = l.Because
	case l.Because != "":
		g.Reason += "; " + l.Because
	}
	return g
}

// explain writes the reason of a gate that has a value.
func (g *Gate) explain(metric Metric, m Measured, above int) {
	n := len(m.Values)
	switch {
	case g.Verdict == Failed && metric.Peak && n > 1:
		g.Reason = fmt.Sprintf("%d of %d runs above the limit", above, n)
	case g.Verdict == Failed && n > 1:
		g.Reason = fmt.Sprintf("median of %d runs, between %s and %s", n, metric.Format(m.Low), metric.Format(m.High))
	case g.Verdict == Passed && !metric.Peak && above > 0:
		g.Reason = fmt.Sprintf("the median holds, %d of %d runs are above the limit", above, n)
	case g.HeadroomPercent != nil && *g.HeadroomPercent > 100*slackHeadroom:
		most := slices.Max(m.Values)
		g.SetTo = &most
		g.Reason = fmt.Sprintf("slack: %.0f%% of the limit is left free; measured %s", *g.HeadroomPercent, metric.Format(most))
	}
}
