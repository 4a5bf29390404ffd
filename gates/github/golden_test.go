package github_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/github"
)

// goldenReports are what a pull request, or a night, can end with.
func goldenReports() map[string]*gates.Report {
	bytesOf := func(values ...float64) gates.Measured {
		m, _ := gates.MetricOf("peak_rss")
		return gates.Measure(m, "the kernel", values)
	}
	metric, _ := gates.MetricOf("peak_heap")
	report := func(list ...gates.Scenario) *gates.Report {
		r := &gates.Report{
			Schema: gates.ReportSchema, Tool: gates.Tool{Version: "v0.3.1", Go: "go1.26.8"}, Seed: 7,
			Environment: gates.Environment{OS: "linux", Arch: "amd64", CPU: "AMD EPYC 7763", CPUs: 4, Kernel: "6.8.0", Go: "go1.26.8", Commit: strings.Repeat("c", 40), Branch: "change"},
			StartedAt:   time.Date(2026, 11, 22, 20, 20, 0, 0, time.UTC), FinishedAt: time.Date(2026, 11, 22, 20, 21, 30, 0, time.UTC), Scenarios: list,
		}
		r.Judge()
		return r
	}
	limits := []gates.Limit{{Metric: "peak_rss", Max: 64e6, From: gates.FromConfig}, {Metric: "peak_heap", Max: 40e6, From: gates.FromStandard}}
	scenario := func(name string, metrics map[string]gates.Measured, more func(*gates.Scenario)) gates.Scenario {
		s := gates.Scenario{Name: name, Kind: gates.KindCommand, Runs: 3, DurationS: 4.5, Metrics: metrics, Gates: gates.Evaluate(limits[:len(metrics)], metrics)}
		if more != nil {
			more(&s)
		}
		return s
	}
	small := func() map[string]gates.Measured {
		return map[string]gates.Measured{"peak_rss": bytesOf(45e6, 45.2e6, 45.1e6)}
	}
	regressed := scenario("import", small(), func(s *gates.Scenario) {
		s.Comparisons = []gates.Comparison{
			{Metric: "peak_rss", Baseline: ptr(40e6), Current: ptr(45.1e6), ChangePercent: ptr(12.75), LowPercent: ptr(11.2), HighPercent: ptr(14), Runs: [2]int{9, 9},
				Verdict: gates.Regressed, Severity: gates.SeverityWarning, MaxIncrease: 10, WarnIncrease: 2, Gated: true, Against: "main 89abcdef0123"},
			{Metric: "allocs", Baseline: ptr(5200), Current: ptr(2600), ChangePercent: ptr(-50), LowPercent: ptr(-50), HighPercent: ptr(-50), Runs: [2]int{9, 9}, Verdict: gates.Improved,
				MaxIncrease: 10, Gated: true, Against: "main 89abcdef0123"},
		}
		s.Blame = []gates.Blame{
			{Site: "cache.(*LRU).Add cache/lru.go:88", ChangeBytes: 4.4e6, SharePercent: 86}, {Site: "bytes.growSlice buffer.go:249", ChangeBytes: .6e6, SharePercent: 12},
		}
	})
	failed := scenario("serve", map[string]gates.Measured{"peak_rss": bytesOf(70e6, 71e6, 71.3e6)}, nil)
	unmeasured := scenario("replay", map[string]gates.Measured{"peak_rss": bytesOf(45e6), "peak_heap": gates.NotMeasured(metric, "it is no Go program", false)}, func(s *gates.Scenario) {
		s.Warnings = []string{"the machine was busy: 3 other processes took 80 % of it"}
	})
	broken := gates.Scenario{Name: "build", Kind: gates.KindCommand, Error: "the build failed: exit status 2; its last words: undefined: x"}
	return map[string]*gates.Report{
		"passed":     report(scenario("import", small(), nil), scenario("serve", small(), nil)),
		"failed":     report(scenario("import", small(), nil), failed),
		"regressed":  report(regressed, scenario("serve", small(), nil)),
		"unmeasured": report(unmeasured, broken),
		"everything": report(regressed, failed, unmeasured, broken),
		"hostile":    reportOf(hostileNames()[:21]...),
		"nothing":    report(),
	}
}

// TestGoldenTexts compares what people read with files; -update writes them. Read them where they are rendered.
func TestGoldenTexts(t *testing.T) {
	o := github.CommentOptions{Key: "memory", Repo: "o/r", Commit: strings.Repeat("b", 40), Artifacts: "https://github.com/o/r/actions/runs/1"}
	night := o
	night.Drift = []string{"import.peak_rss rose on 2026-11-20 (3f2a81c0d9e4): +7.74% (+6.32% to +9.54%), 40.7 MB to 43.8 MB", "@root <b>serve</b> crept up"}
	for name, r := range goldenReports() {
		for kind, text := range map[string]string{"comment": github.Comment(r, o), "issue": github.Issue(r, night), "summary": github.Summary(r, night, 1<<20)} {
			if name != "everything" && name != "hostile" && kind == "issue" {
				continue // but for the marker it is the summary
			}
			path := filepath.Join("testdata", "golden", name+"_"+kind+".md")
			if *update {
				write(t, path, []byte(text))
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal([]byte(text), want) {
				t.Errorf("%s is another; go test ./gates/github -run Golden -update writes it:\n%s", path, text)
			}
			if len(text) > github.MaxComment {
				t.Errorf("%s has %d bytes", path, len(text))
			}
			checkRendered(t, text)
		}
	}
}
