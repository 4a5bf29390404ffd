package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

// FuzzFormats puts foreign texts and numbers wherever a report has room for them: every format stays readable by its own
// readers, or, where it cannot hold a number, says so.
func FuzzFormats(f *testing.F) {
	f.Add("import", "peak_rss", "bytes", "why", 1.5, 2.5, int64(1_800_000_000))
	f.Add("a|b`c\\", "x y:z", "bytes per \"hour\"", "<script>\n::error::@all", -1e308, 1e-300, int64(0))
	f.Add("\xff\xfe", "", "", "\x1b[2J", 0.0, 1e21, int64(-1))
	f.Add(strings.Repeat("w", 5000), "9", "seconds", strings.Repeat("`", 100), 1e300, 0.004, int64(1<<62))
	f.Fuzz(func(t *testing.T, scenario, metric, unit, text string, a, b float64, at int64) {
		g := gates.Gate{Metric: metric, Op: "<=", Limit: a, Value: &b, Unit: unit, Verdict: gates.Failed, HeadroomPercent: &a, From: text, Reason: text}
		c := gates.Comparison{Metric: metric, Baseline: &a, Current: &b, ChangePercent: &a, LowPercent: &b, HighPercent: &a, SmallestProvable: &b, P: &a, Gated: true,
			Verdict: gates.Regressed, Severity: text, Against: text, Reason: text, MaxIncrease: b}
		silent := gates.Comparison{Metric: text, Verdict: gates.Inconclusive, Gated: true, OnInconclusive: "fail"}
		one := gates.Scenario{Name: scenario, Kind: gates.KindCommand, Error: text, Verdict: gates.Failed, Runs: int(at), DurationS: a,
			Metrics: map[string]gates.Measured{metric: {Unit: unit, Definition: text, Values: []float64{a, b}, Median: a, Low: a, High: b},
				text: {Unit: text, Missing: text}, "live_heap": {Unit: "bytes per session", Values: []float64{b}, Median: b, Low: b, High: b}},
			Gates: []gates.Gate{g, {Metric: text, Verdict: gates.Unmeasured, Reason: text}}, Comparisons: []gates.Comparison{c, silent, c},
			Blame: []gates.Blame{{Site: text + " x.go:7", ChangeBytes: a, SharePercent: b}}, BlameNote: text,
			Trend: &gates.Trend{Metric: metric, SlopePerHour: &a, Low: &b, Verdict: "growing"}, Warnings: []string{text}}
		two := one
		two.Name, two.Verdict, two.Error = text, gates.Verdict(text), ""
		r := &gates.Report{Schema: gates.ReportSchema, Verdict: gates.Verdict(text), ExitCode: int(at), Warnings: []string{text}, FinishedAt: time.Unix(at, 0), StartedAt: time.Unix(at, 0),
			Environment: gates.Environment{OS: text, Arch: unit, CPU: scenario, Commit: text, Branch: metric}, Scenarios: []gates.Scenario{one, two, one}}
		for _, format := range report.Formats() {
			var out strings.Builder
			if err := format.Write(&out, r); err != nil {
				if out.Len() > 0 {
					t.Errorf("%s wrote %d bytes before it failed: %v", format.Name, out.Len(), err)
				}
				continue // JSON of a number that is none, Datadog without a time
			}
			switch {
			case format.Name == "json": // which holds what no run could have written, and is refused on reading
			case format.Name == "junit" && !strings.Contains(out.String(), "timestamp="): // Ant's schema wants it, Jenkins' does not
			default:
				checkValid(t, format.Name, out.String(), r)
			}
		}
	})
}
