package gates_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
)

func metric(t *testing.T, name string) gates.Metric {
	t.Helper()
	m, ok := gates.MetricOf(name)
	if !ok {
		t.Fatalf("no metric %s", name)
	}
	return m
}

func measured(t *testing.T, name string, values ...float64) map[string]gates.Measured {
	t.Helper()
	return map[string]gates.Measured{name: gates.Measure(metric(t, name), "test", values)}
}

func TestEvaluate(t *testing.T) {
	short := map[string]gates.Measured{"growth": gates.NotMeasured(metric(t, "growth"), "2 minutes are too short, 12 more would do", true)}
	noGo := map[string]gates.Measured{"growth": gates.NotMeasured(metric(t, "growth"), "not a Go program", false)}
	for _, c := range []struct {
		name     string
		limit    gates.Limit
		measured map[string]gates.Measured
		verdict  gates.Verdict
		value    float64 // 0: none
		reason   string
	}{
		{"a peak below", gates.Limit{Metric: "peak_rss", Max: 60e6}, measured(t, "peak_rss", 50e6, 59e6, 51e6), gates.Passed, 59e6, ""},
		{"one peak of three above", gates.Limit{Metric: "peak_rss", Max: 60e6}, measured(t, "peak_rss", 50e6, 61e6, 51e6), gates.Failed, 61e6, "1 of 3 runs above"},
		{"as much as the limit", gates.Limit{Metric: "peak_rss", Max: 60e6}, measured(t, "peak_rss", 60e6), gates.Passed, 60e6, ""},
		{"a median below with a run above", gates.Limit{Metric: "gc_pressure", Max: .5}, measured(t, "gc_pressure", .4, .45, .6), gates.Passed, .45, "1 of 3 runs are above"},
		{"a median above", gates.Limit{Metric: "gc_pressure", Max: .5}, measured(t, "gc_pressure", .4, .55, .6), gates.Failed, .55, "between 0.4 and 0.6"},
		{"a slack limit", gates.Limit{Metric: "peak_rss", Max: 200e6}, measured(t, "peak_rss", 50e6, 59e6), gates.Passed, 59e6, "slack: 70% of the limit is left free; measured 59.0 MB"},
		{"not measured", gates.Limit{Metric: "live_heap", Max: 1e6}, measured(t, "peak_rss", 1), gates.Unmeasured, 0, "not measured"},
		{"too short for a trend", gates.Limit{Metric: "growth", Max: 10}, short, gates.Warned, 0, "12 more would do"},
		{"no trend at all", gates.Limit{Metric: "growth", Max: 10}, noGo, gates.Unmeasured, 0, "not a Go program"},
		{"a run without a number", gates.Limit{Metric: "peak_rss", Max: 1e9}, measured(t, "peak_rss", 1, math.NaN(), 2), gates.Unmeasured, 0, "run 2 of 3 gave no number"},
		{"no runs", gates.Limit{Metric: "peak_rss", Max: 1e9}, measured(t, "peak_rss"), gates.Unmeasured, 0, "no run gave a value"},
		{"a metric that nobody knows", gates.Limit{Metric: "speed", Max: 1}, nil, gates.Unmeasured, 0, "no metric of that name"},
		{"a limit that is no number", gates.Limit{Metric: "peak_rss", Max: math.NaN()}, measured(t, "peak_rss", 1), gates.Unmeasured, 0, "not a number"},
		{"a limit below 0", gates.Limit{Metric: "peak_rss", Max: -1}, measured(t, "peak_rss", 1), gates.Unmeasured, 0, "0 or more"},
		{"nothing allowed, nothing there", gates.Limit{Metric: "goroutines", Max: 0}, measured(t, "goroutines", 0, 0, 0), gates.Passed, 0, ""},
		{"nothing allowed, one there", gates.Limit{Metric: "goroutines", Max: 0}, measured(t, "goroutines", 1, 1, 0), gates.Failed, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gates.Evaluate([]gates.Limit{c.limit}, c.measured)[0]
			value := 0.0
			if g.Value != nil {
				value = *g.Value
			}
			if g.Verdict != c.verdict || value != c.value || !strings.Contains(g.Reason, c.reason) || c.reason == "" && g.Reason != "" && g.Verdict == gates.Passed {
				t.Errorf("%s %v %q, want %s %v %q", g.Verdict, value, g.Reason, c.verdict, c.value, c.reason)
			}
			if (g.SetTo != nil) != strings.HasPrefix(g.Reason, "slack") {
				t.Errorf("set to %v with reason %q", g.SetTo, g.Reason)
			}
			if _, err := json.Marshal(g); err != nil {
				t.Error(err)
			}
		})
	}
}

// An absolute limit is checked with floating-point numbers: 0.4 % above is above.
func TestLimitsAreNotRounded(t *testing.T) {
	g := gates.Evaluate([]gates.Limit{{Metric: "peak_rss", Max: 100e6}}, measured(t, "peak_rss", 100.4e6))[0]
	if g.Verdict != gates.Failed || g.HeadroomPercent == nil || math.Abs(*g.HeadroomPercent+.4) > 1e-9 {
		t.Errorf("got %+v", g)
	}
}

func TestMeasure(t *testing.T) {
	m := gates.Measure(metric(t, "gc_cpu"), "runtime", []float64{5, 1, 4, 2, 3})
	if m.Median != 3 || m.Low != 1 || m.High != 5 || !slices.Equal(m.Values, []float64{5, 1, 4, 2, 3}) {
		t.Errorf("got %+v", m)
	}
	data, err := json.Marshal(gates.NotMeasured(metric(t, "growth"), "too short", true))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"median", "low", "high", "null"} {
		if strings.Contains(string(data), key) {
			t.Errorf("without a value there is a %s: %s", key, data)
		}
	}
}

func TestPresets(t *testing.T) {
	want := map[string][4]float64{"standard": {3e6, 2.5e6, .8, 10}, "strict": {2.5e6, 2e6, .6, 5}}
	for _, name := range gates.Presets() {
		limits, ok := gates.Preset(name)
		if !ok || len(limits) != 4 {
			t.Fatalf("preset %s: %v", name, limits)
		}
		for i, l := range limits {
			if l.Max != want[name][i] || l.From != name {
				t.Errorf("%s %s: %v from %s, want %v", name, l.Metric, l.Max, l.From, want[name][i])
			}
			metric(t, l.Metric)
		}
	}
	if _, ok := gates.Preset("lax"); ok {
		t.Error("there is a preset lax")
	}
}

func TestMetricsTable(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range gates.Metrics() {
		if m.Name == "" || m.Unit == "" || m.Definition == "" || seen[m.Name] {
			t.Errorf("row %+v is incomplete or there twice", m)
		}
		seen[m.Name] = true
		if m.Exact && m.Peak {
			t.Errorf("%s: a peak depends on when the collector runs, it is not exact", m.Name)
		}
	}
	for _, c := range []struct {
		unit  string
		value float64
		want  string
	}{
		{"bytes per session", 61.2e6, "61.2 MB"}, {"count", 9.985, "9.985"}, {"count", 12400, "12,400"}, {"score", .62, "0.62"},
		{"ratio", 2.7, "2.7"}, {"percent", 12, "12%"}, {"percent per hour", 3, "3.0%/h"}, {"bytes per hour", 1.2e6, "1.20 MB/h"}, {"seconds", .0012, "1.2ms"},
	} {
		if got := gates.FormatValue(c.unit, c.value); got != c.want {
			t.Errorf("%v %s prints as %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}
