package run

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// leastTrend is how long a run must be for a trend to be looked for where no limit asks for one.
const leastTrend = time.Minute

// grow judges a run's series and sets the metrics of growth. What was not decided, or is not told from 0 although it is
// above a limit, is too short and never a value.
func (o *once) grow(limits []gates.Limit, from time.Time) {
	points := slices.DeleteFunc(slices.Clone(o.series.points), func(p sampler.Point) bool { return p.Time.Before(from) })
	options := analysis.LeakOptions{Started: o.series.started}
	percent, ok := limitOf(limits, "growth")
	if ok {
		options.Material = percent / 100
	}
	l := analysis.JudgeLeak(points, options)
	o.leak, o.series.points = &l, nil // which may be large, and are not looked at again
	o.growth(l, o.series.metric, limits)
}

// growth sets the metrics of growth by a verdict on a series.
func (o *once) growth(l analysis.Leak, series string, limits []gates.Limit) {
	percent, ok := limitOf(limits, "growth")
	rate, hasRate := limitOf(limits, "growth_rate")
	if !l.Judged && !ok && !hasRate && o.took < leastTrend {
		return // nobody asked
	}
	over := hasRate && l.PerHour > rate || ok && l.Level > 0 && l.PerHour/l.Level*100 > percent
	switch {
	case !l.Judged, l.Verdict == analysis.LeakInconclusive, l.Verdict == analysis.LeakSettling, l.Level <= 0,
		l.Verdict == analysis.LeakFlat && over:
		o.tooShort("growth", "%s", leakWords(l))
		o.tooShort("growth_rate", "%s", leakWords(l))
		return
	}
	source := fmt.Sprintf("%s over %s, %s", series, l.Span.Round(time.Second), l.Verdict)
	o.set("growth", l.PerHour/l.Level*100, source)
	o.set("growth_rate", l.PerHour, source)
}

// leakWords says why there is no figure, and how long a run would have one.
func leakWords(l analysis.Leak) string {
	words := l.Reason
	if words == "" {
		words = "not told from no growth"
	}
	if l.Needed.OK && l.Needed.Value > 0 && l.Verdict == analysis.LeakInsufficient {
		more := time.Duration(math.Ceil(min(l.Needed.Value, 1e9))) * time.Second
		words += "; " + unit.Duration(more) + " more would decide"
	}
	return words
}

func limitOf(limits []gates.Limit, metric string) (float64, bool) {
	for _, l := range limits {
		if l.Metric == metric {
			return l.Max, true
		}
	}
	return 0, false
}

// trendOf is the trend of the longest run; nil where the runs were short and nobody asked for one.
func trendOf(runs []*once, limits []gates.Limit) *gates.Trend {
	var longest *once
	for _, o := range runs {
		if o.leak != nil && (longest == nil || o.took > longest.took) {
			longest = o
		}
	}
	_, percent := limitOf(limits, "growth")
	_, rate := limitOf(limits, "growth_rate")
	if longest == nil || longest.took < leastTrend && !percent && !rate {
		return nil
	}
	l := longest.leak
	t := &gates.Trend{Metric: longest.series.metric, Verdict: string(l.Verdict), Reason: l.Reason}
	if l.Verdict == analysis.LeakInsufficient {
		t.Reason = leakWords(*l)
	}
	if l.Judged {
		t.First, t.Last, t.SlopePerHour, t.Low, t.High = &l.First, &l.Last, &l.PerHour, &l.Low, &l.High
	}
	return t
}
