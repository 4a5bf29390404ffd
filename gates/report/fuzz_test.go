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
		one.Stability = &gates.Stability{Verdict: gates.Verdict(text), Reason: text, PlannedS: a, WatchedS: b, Ended: text, NeededS: &a,
			Memory:     &gates.MemoryGrowth{Metric: metric, Name: text, Initial: a, Final: b, Growth: a, RatePerHour: &b, Low: &a, High: &b},
			Threshold:  &gates.GrowthThreshold{Limit: a, Grown: &b, Verdict: gates.Verdict(text), Reason: text},
			Series:     []gates.StabilityTrend{{Metric: metric, Name: text, Unit: unit, Verdict: text, First: &a, Last: &b, RatePerHour: &a, Low: &b, High: &a, PerWork: &b, NeededS: &a, Reason: text}},
			Causes:     []gates.StabilityCause{{Kind: text, Series: metric, Name: text, RatePerHour: &a, Low: &b, High: &a, SharePercent: &b, Stack: []string{text}, Note: text}},
			Operations: &gates.Operations{Metric: metric, Total: a, PerHour: b, Verdict: text, ChangePercent: &a, LowPercent: &b, HighPercent: &a, CPU: &gates.OpsCPU{SecondsPerOp: a, Verdict: text, ChangePercent: &b}},
			Load:       text, Moments: []gates.Moment{{AtS: a, RSS: &b}, {AtS: b, Live: &a, Operations: &b}, {AtS: 1, Goroutines: &a}}, Files: []string{text}}
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

// FuzzOverhead does the same with the overhead of documents, for those formats that hold foreign texts of it as prose.
func FuzzOverhead(f *testing.F) {
	f.Add("tiny", "json", "basic", 1.5, 2.5, 22)
	f.Add("<b>x</b>", "a|b`c", "]]>&amp;\x1b[2J", -1e308, 1e-300, -1)
	f.Fuzz(func(t *testing.T, document, as, text string, a, b float64, length int) {
		o := &gates.OverheadReport{Formula: text, Server: gates.OverheadServer{Name: text, Version: text, JSON: text}, Against: text,
			Documents: []gates.OverheadDocument{{Name: document, Category: text, Description: text, TextBytes: length, Stored: []gates.OverheadStored{
				{As: as, Encoding: text, Values: []float64{a, b}, Memory: &a, OverheadText: &b, OverheadString: &a, Missing: text, Budget: &gates.OverheadBudget{Max: a, Measured: b, Date: text}}}}},
			Summary: []gates.OverheadSummary{{As: text, Overall: &a, Small: &b, Categories: []gates.OverheadCategory{{Name: text, Mean: a, Documents: 1}}, Best: &gates.OverheadCase{Document: document, Ratio: a}, Worst: &gates.OverheadCase{}, Missing: text}},
			Trend:   []gates.OverheadTrend{{As: text, Document: text, Current: &a, Baseline: &b, ChangePercent: &a, Status: text}}}
		r := &gates.Report{Schema: gates.ReportSchema, Scenarios: []gates.Scenario{{Name: text, Kind: gates.KindOverhead, Overhead: o}, {Name: document, Overhead: o, Error: text}}}
		r.Judge()
		for _, format := range []string{"markdown", "html"} {
			checkValid(t, format, render(t, format, r), r)
		}
	})
}
