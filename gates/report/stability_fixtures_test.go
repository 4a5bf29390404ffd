package report_test

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

// stable is a workload that was watched for long and did nothing wrong.
func stable(t testing.TB) gates.Scenario {
	s := scenario(t, "vim_session", gates.KindBuiltin, map[string][]float64{"growth": {0.2}, "peak_rss": {31e6}}, map[string]float64{"growth": 10})
	s.Stability = &gates.Stability{
		Verdict: gates.Passed, Reason: "growth is excluded for the live heap", PlannedS: 1800, WatchedS: 1800,
		Memory:    &gates.MemoryGrowth{Metric: "/gc/heap/live:bytes", Name: "the live heap", Initial: 1.2e6, Final: 1.25e6, Growth: 5e4, RatePerHour: ptr(2400), Low: ptr(-1200), High: ptr(6000)},
		Threshold: &gates.GrowthThreshold{Limit: 10e6, Grown: ptr(1200), Verdict: gates.Passed},
		Series:    []gates.StabilityTrend{{Metric: "/gc/heap/live:bytes", Name: "the live heap", Unit: "bytes", Verdict: "flat", RatePerHour: ptr(2400), Low: ptr(-1200), High: ptr(6000)}},
		Operations: &gates.Operations{Metric: "/work/operations:operations", Total: 90_000, PerHour: 180_000, Verdict: gates.Steady, LimitPercent: 10, ChangePercent: ptr(-0.1),
			LowPercent: ptr(-0.6), HighPercent: ptr(0.4), CPU: &gates.OpsCPU{SecondsPerOp: 300e-6, Verdict: gates.Steady, ChangePercent: ptr(1.5), LowPercent: ptr(-2), HighPercent: ptr(4)}},
		Moments: []gates.Moment{{AtS: 0, RSS: ptr(28e6), Operations: ptr(0)}, {AtS: 1800, RSS: ptr(31e6), Operations: ptr(90_000)}},
	}
	return s
}

// leaking is one that leaks, becomes slower and has hostile names.
func leaking(t testing.TB) gates.Scenario {
	s := scenario(t, "serv\x1b[31mer|@team", gates.KindCommand, map[string][]float64{"growth": {24}}, map[string]float64{"growth": 10})
	s.Stability = &gates.Stability{
		Verdict: gates.Failed, Reason: "The live heap grows by 24 MB an hour (22 MB to 26 MB); operations become fewer by 30 % an hour (25 to 36 %)",
		PlannedS: 3600, WatchedS: 900, Ended: "interrupted by Ctrl-C",
		Memory:    &gates.MemoryGrowth{Metric: "/gc/heap/live:bytes", Name: "the live heap", Initial: 90e6, Final: 112e6, Growth: 22e6, RatePerHour: ptr(24e6), Low: ptr(22e6), High: ptr(26e6)},
		Threshold: &gates.GrowthThreshold{Limit: 10e6, Grown: ptr(21e6), Verdict: gates.Failed, Reason: "the live heap grew by 21.0 MB, more than the threshold of 10.0 MB"},
		Series: []gates.StabilityTrend{
			{Metric: "/gc/heap/live:bytes", Name: "the live heap", Unit: "bytes", Verdict: "growing", First: ptr(91e6), Last: ptr(112e6), RatePerHour: ptr(24e6), Low: ptr(22e6), High: ptr(26e6)},
			{Metric: "/sched/goroutines:goroutines", Name: "the number of goroutines", Unit: "goroutines", Verdict: "insufficient", NeededS: ptr(54), Reason: "6.0s watched, 1m00s needed"},
		},
		Causes: []gates.StabilityCause{
			{Kind: "allocation site", Series: "/gc/heap/live:bytes", Name: "main.(*Cache).Add cache.go:88", RatePerHour: ptr(20e6), Low: ptr(18e6), High: ptr(22e6), SharePercent: ptr(83.5)},
			{Kind: "mapping", Series: "/process/outside_go_heap:bytes", Name: "</td>`\x1b]0;x\x07", RatePerHour: ptr(1e6), Note: "3 mappings"},
		},
		Operations: &gates.Operations{Metric: "/http/requests:requests", Total: 1234, PerHour: 4936, Verdict: gates.Degrading, LimitPercent: 10, ChangePercent: ptr(-30),
			LowPercent: ptr(-36), HighPercent: ptr(-25), Reason: "7.2 % of the rate is lost"},
		Load: "hey -z 40m http://localhost:8080/ `id`", Files: []string{"stability_server_2026-11-22T01-02-03Z.heaprec"},
	}
	return s
}

// TestStabilityThatFalls holds that a fall is no growth of a negative size, and that a heap of which nothing was known at
// first does not begin at the first reading.
func TestStabilityThatFalls(t *testing.T) {
	s := stable(t)
	m := s.Stability.Memory
	m.RatePerHour, m.Low, m.High, m.InitialAtS = ptr(-6.2e9), ptr(-6.33e9), ptr(-6.06e9), ptr(12)
	s.Stability.Series = []gates.StabilityTrend{
		{Metric: "/process/outside_go_heap:bytes", Name: "memory outside the Go heap", Unit: "bytes", Verdict: "flat", RatePerHour: m.RatePerHour, Low: m.Low, High: m.High},
		{Metric: "/process/open_files:files", Name: "the number of open files", Unit: "files", Verdict: "flat", RatePerHour: ptr(-2), Low: ptr(-5), High: ptr(1)},
	}
	r := reports(t)["stability"]
	r.Scenarios = []gates.Scenario{s}
	for name, write := range map[string]func(*strings.Builder, *gates.Report) error{
		"text":     func(b *strings.Builder, r *gates.Report) error { return report.Text(b, r) },
		"markdown": func(b *strings.Builder, r *gates.Report) error { return report.Markdown(b, r) },
		"html":     func(b *strings.Builder, r *gates.Report) error { return report.HTML(b, r) },
	} {
		var b strings.Builder
		if err := write(&b, r); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "6.20 GB") || strings.Contains(b.String(), "6.06 GB") || !strings.Contains(b.String(), "does not grow") || !strings.Contains(b.String(), "first known") {
			t.Errorf("%s:\n%s", name, b.String())
		}
		if name != "html" && !strings.Contains(b.String(), "the number of open files is flat") {
			t.Errorf("%s: what stays where it is must be flat:\n%s", name, b.String())
		}
	}
}

// TestStabilityIsTold holds what a person must see: the verdict, the figures, the site, and nothing that acts on a terminal.
func TestStabilityIsTold(t *testing.T) {
	r := reports(t)["stability"]
	for name, write := range map[string]func(*strings.Builder) error{
		"text":     func(b *strings.Builder) error { return report.Text(b, r) },
		"markdown": func(b *strings.Builder) error { return report.Markdown(b, r) },
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"watched 30m00s", "watched 15m00s of 1h00m", "24.0 MB an hour (22.0 MB to 26.0 MB)", "cache.go:88", "180,000 an hour", "degrading: -30% an hour"} {
			if !strings.Contains(b.String(), words) {
				t.Errorf("%s: no %q in\n%s", name, words, b.String())
			}
		}
		if strings.ContainsAny(b.String(), "\x1b\x07") {
			t.Errorf("%s: control characters of a stranger", name)
		}
	}
}
