package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

func ptr(v float64) *float64 { return &v }

// reports are one of each kind that the golden files hold.
func reports(t testing.TB) map[string]*gates.Report {
	t.Helper()
	of := func(scenarios ...gates.Scenario) *gates.Report {
		r := &gates.Report{
			Schema: gates.ReportSchema,
			Tool:   gates.Tool{Version: "v1.2.3", Go: "go1.26.8"},
			Environment: gates.Environment{OS: "linux", Arch: "amd64", Kernel: "6.8.0", CPU: "Example CPU @ 2.40GHz", CPUs: 2, MemoryBytes: 8 << 30, Go: "go1.26.8",
				Commit: "0123456789abcdef0123456789abcdef01234567", Branch: "feature/index"},
			StartedAt: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC), FinishedAt: time.Date(2026, 11, 22, 1, 3, 3, 0, time.UTC),
			Seed: 7, Scenarios: scenarios,
		}
		r.Judge()
		return r
	}
	interrupted := scenario(t, "import", gates.KindCommand, nil, nil)
	interrupted.Error = "interrupted: context canceled"
	broken := scenario(t, "server", gates.KindTarget, nil, map[string]float64{"peak_rss": 64e6, "allocs": 1000})
	broken.Error = "the workload ended with exit status 1 in run 1 of 5"
	broken.Comparisons = []gates.Comparison{{Metric: "peak_rss", Runs: [2]int{0, 3}, Verdict: string(gates.Unmeasured), MaxIncrease: 10, WarnIncrease: 2, Gated: true,
		Against: "main 89abcdef0123", Reason: "the baseline has no value"}}
	interruptedReport := of(passing(t), interrupted)
	interruptedReport.Warnings = []string{"interrupted: what was measured until then is reported"}
	return map[string]*gates.Report{
		"passed":      of(passing(t)),
		"warned":      of(passing(t), warned(t)),
		"failed":      of(passing(t), warned(t), failed(t)),
		"unmeasured":  of(passing(t), broken),
		"interrupted": interruptedReport,
		"stability":   of(stable(t), leaking(t)),
	}
}

func scenario(t testing.TB, name string, kind gates.Kind, values map[string][]float64, limits map[string]float64) gates.Scenario {
	t.Helper()
	s := gates.Scenario{Name: name, Kind: kind, DurationS: 12.25, Metrics: map[string]gates.Measured{}}
	var list []gates.Limit
	for _, m := range gates.Metrics() { // in the order of the table
		if v, ok := values[m.Name]; ok {
			s.Metrics[m.Name] = gates.Measure(m, "test", v)
			s.Runs = max(s.Runs, len(v))
		}
		if v, ok := limits[m.Name]; ok {
			list = append(list, gates.Limit{Metric: m.Name, Max: v, From: gates.FromConfig})
		}
	}
	s.Gates = gates.Evaluate(list, s.Metrics)
	return s
}

func passing(t testing.TB) gates.Scenario {
	s := scenario(t, "parse", gates.KindBench, map[string][]float64{"allocs_per_op": {9.5, 9.5, 9.5}, "bytes_per_op": {4096, 4096, 4096}},
		map[string]float64{"allocs_per_op": 10})
	s.Comparisons = []gates.Comparison{{Metric: "allocs_per_op", Baseline: ptr(9.5), Current: ptr(9.5), ChangePercent: ptr(0), Runs: [2]int{3, 3},
		Verdict: gates.Stable, MaxIncrease: 1, WarnIncrease: 0.5, Gated: true, Against: "main 89abcdef0123", Method: "exact"}}
	s.Warnings = []string{"the baseline was built by another release of Go"}
	return s
}

func warned(t testing.TB) gates.Scenario {
	growth, _ := gates.MetricOf("growth")
	s := scenario(t, "index", gates.KindCommand, map[string][]float64{"peak_rss": {40e6, 41e6, 39e6, 40e6}, "live_heap": {1.5e6, 1.5e6, 1.5e6, 1.5e6}}, nil)
	s.Metrics["growth"] = gates.NotMeasured(growth, "12s are too short for a trend; 4m more would decide", true)
	s.Gates = gates.Evaluate([]gates.Limit{{Metric: "peak_rss", Max: 100e6, From: gates.FromFlag}, {Metric: "growth", Max: 10, From: gates.FromStandard}}, s.Metrics)
	s.Sessions = 4
	s.Comparisons = []gates.Comparison{
		{Metric: "peak_rss", Baseline: ptr(38e6), Current: ptr(40e6), ChangePercent: ptr(5.3), LowPercent: ptr(-6), Runs: [2]int{20, 20}, Verdict: gates.Inconclusive,
			SmallestProvable: ptr(11.4), MaxIncrease: 10, WarnIncrease: 2, Gated: true, Against: "main 89abcdef0123", Method: "blocks"},
		{Metric: "live_heap", Baseline: ptr(1.4e6), Current: ptr(1.5e6), ChangePercent: ptr(7.1), LowPercent: ptr(7), HighPercent: ptr(7.2), Runs: [2]int{3, 3},
			Verdict: gates.Regressed, MaxIncrease: 5, WarnIncrease: 2, Gated: true, Against: "main 89abcdef0123", Accepted: "the new index"},
	}
	s.Warnings = []string{"another program used the CPU during run 3"}
	return s
}

func failed(t testing.TB) gates.Scenario {
	s := scenario(t, "import", gates.KindCommand, map[string][]float64{"peak_rss": {72e6, 72.5e6, 71e6}, "allocs": {11200, 11200, 11201}, "gc_pressure": {.25, .25, .25},
		"gc_pause_p99": {.00025, .0003, .0002}, "peak_heap": {64000001, 63e6, 63e6}}, map[string]float64{"peak_rss": 64e6, "gc_pressure": 0.3, "peak_heap": 64e6})
	s.Comparisons = []gates.Comparison{
		{Metric: "allocs", Baseline: ptr(10000), Current: ptr(11200), ChangePercent: ptr(12), LowPercent: ptr(11.9), HighPercent: ptr(12.1), Runs: [2]int{3, 3},
			Verdict: gates.Regressed, MaxIncrease: 5, WarnIncrease: 2, Gated: true, Against: "main 89abcdef0123", Method: "exact"},
		{Metric: "gc_pressure", Baseline: ptr(.2), Current: ptr(.25), ChangePercent: ptr(25), Runs: [2]int{3, 3}, Verdict: gates.Regressed, MaxIncrease: 10, WarnIncrease: 2},
	}
	s.Blame = []gates.Blame{
		{Site: "cache.(*LRU).Add cache/lru.go:88", ChangeBytes: 18.4e6, SharePercent: 61.2, Of: "allocated"},
		{Site: "main.load[go.shape.string] main.go:17", ChangeBytes: 3.1e6, SharePercent: 10.4, Of: "allocated"},
	}
	s.BlameNote = "measured in one more run, which sampled allocations more finely"
	s.Trend = &gates.Trend{Metric: "/gc/heap/live:bytes", SlopePerHour: ptr(72e6), Low: ptr(60e6), High: ptr(84e6), Verdict: "growing"}
	return s
}

// hostile is a report with names that mean something in one format or another, and texts that are too long.
func hostile(t testing.TB) *gates.Report {
	r := reports(t)["failed"]
	names := []string{"a|b`c\\", "<b>@root</b> #1 www.x.org http://x", "new\nline\r\x1b[31m", "quote\"d', =,", "bad \xff utf8", "::error::x", strings.Repeat("long ", 1000), strings.Repeat("long ", 1000) + "2",
		"]]>&amp;", " ", "\u202e right", "trailing\\", "a b", "a_b", "a:b", "a/b-8"}
	base := failed(t)
	for _, n := range names {
		s := base
		s.Name = n
		s.BlameNote, s.Blame = n, []gates.Blame{{Site: n + " x.go:1", ChangeBytes: 1, SharePercent: 1}}
		s.Warnings = []string{n}
		s.Metrics = map[string]gates.Measured{n: {Unit: n, Definition: n, Values: []float64{1, 2}, Median: 1.5, Low: 1, High: 2}, "peak_rss": base.Metrics["peak_rss"]}
		s.Gates = append([]gates.Gate{{Metric: n, Limit: 1, Op: "<=", Verdict: gates.Failed, Value: ptr(2), Reason: n, From: n, Unit: n}}, base.Gates...)
		r.Scenarios = append(r.Scenarios, s)
	}
	r.Environment.Branch, r.Environment.CPU = "x\ny: z", "\x00"
	r.Judge()
	return r
}

func render(t testing.TB, name string, r *gates.Report) string {
	t.Helper()
	for _, f := range report.Formats() {
		if f.Name == name {
			var b strings.Builder
			if err := f.Write(&b, r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return b.String()
		}
	}
	t.Fatalf("no format %s", name)
	return ""
}
