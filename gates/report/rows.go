package report

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
)

// row is a line of the table: a metric of a scenario, or another comparison of the metric above.
type row struct {
	metric, value, limit, baseline, change, verdict string
	worst                                           gates.Verdict // passed where nothing was judged
	note                                            string        // about the row; "" where it explains itself
}

// rows returns the table of a scenario: every metric that was measured, limited or compared. What does not exist is empty.
func rows(s *gates.Scenario) []row {
	names := order(s)
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		seen[n] = true
	}
	also := func(metric string) {
		if !seen[metric] {
			seen[metric] = true
			names = append(names, metric)
		}
	}
	limits, comparisons := map[string]*gates.Gate{}, map[string][]*gates.Comparison{}
	for i := range s.Gates {
		g := &s.Gates[i]
		also(g.Metric)
		if was := limits[g.Metric]; was == nil || severity(g.Verdict) > severity(was.Verdict) {
			limits[g.Metric] = g
		}
	}
	for i := range s.Comparisons {
		c := &s.Comparisons[i]
		also(c.Metric)
		comparisons[c.Metric] = append(comparisons[c.Metric], c)
	}
	var out []row
	for _, metric := range names {
		out = append(out, metricRows(metric, s.Metrics[metric], limits[metric], comparisons[metric])...)
	}
	for i := range out {
		if out[i].metric == "sustained_rss" {
			out[i].note = aboveItsPeak(s)
		}
	}
	return out
}

// aboveItsPeak says why what was sustained is above the peak; "" where it is not.
func aboveItsPeak(s *gates.Scenario) string {
	sustained, peak := s.Metrics["sustained_rss"], s.Metrics["peak_rss"]
	if !measured(sustained) || !measured(peak) || !(sustained.Median > peak.Median) || !strings.Contains(sustained.Source, gates.SumOfTree) {
		return ""
	}
	return gates.SumOfTree + "; peak_rss is that of the largest"
}

func metricRows(metric string, m gates.Measured, limit *gates.Gate, comparisons []*gates.Comparison) []row {
	if !measured(m) && limit == nil && len(comparisons) == 0 {
		return nil // watched, and not there
	}
	first := row{metric: name(metric), worst: gates.Passed}
	if measured(m) {
		first.value = quantity(m.Unit, m.Median)
	}
	if limit != nil {
		first.limit, first.verdict, first.worst = quantity(limit.Unit, limit.Limit), name(string(limit.Verdict)), limit.Verdict
		if there(limit.Value) {
			first.value = quantity(limit.Unit, *limit.Value)
		}
	}
	out := []row{first}
	unit := m.Unit
	if limit != nil {
		unit = cmp.Or(unit, limit.Unit)
	}
	for i, c := range comparisons {
		if i > 0 {
			out = append(out, row{metric: "  " + name(c.Against), worst: gates.Passed})
		}
		compare(&out[i], c, unit)
	}
	return out
}

// compare puts a comparison into its row. The verdict of the row is the worse of the limit's and its own; a comparison
// that only watches does not count.
func compare(r *row, c *gates.Comparison, unit string) {
	if there(c.Baseline) {
		r.baseline = quantity(unit, *c.Baseline)
	}
	// A limit may hold for the largest of the runs, and a change is one of medians: what stands beside the baseline is
	// the median, but where the limit failed.
	if there(c.Current) && (r.value == "" || there(c.Baseline) && r.worst == gates.Passed) {
		r.value = quantity(unit, *c.Current)
	}
	if there(c.ChangePercent) {
		r.change = signed(*c.ChangePercent)
	}
	word, means := name(c.Verdict), c.Means()
	if !c.Gated {
		word, means = "("+word+")", gates.Passed
	}
	if c.Accepted != "" && slices.Contains([]string{gates.Grew, gates.Regressed}, c.Verdict) {
		word = "accepted"
	}
	if r.verdict == "" || r.worst == gates.Passed && (c.Gated || c.Verdict != gates.Stable) || severity(means) > severity(r.worst) {
		r.verdict, r.worst = word, means
	}
}
