package gates_test

import (
	"math"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
)

func TestCompareStored(t *testing.T) {
	around := func(level float64, n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = level * (1 + .01*float64(i*7%5-2))
		}
		return out
	}
	for _, c := range []struct {
		name      string
		metric    string
		base, now []float64
		want      string
		method    string
		reason    string
	}{
		{"the same", "peak_rss", around(50e6, 6), around(50e6, 6), gates.Stable, "stored", ""},
		{"6 %", "peak_rss", around(50e6, 8), around(53e6, 8), gates.Grew, "stored", ""},
		{"20 %", "peak_rss", around(50e6, 6), around(60e6, 6), gates.Regressed, "stored", ""},
		{"20 % less", "peak_rss", around(50e6, 6), around(40e6, 6), gates.Improved, "stored", ""},
		{"unequal numbers of runs", "peak_rss", around(50e6, 5), around(60e6, 12), gates.Regressed, "stored", ""},
		{"too few runs to prove 20 %", "peak_rss", around(50e6, 3), around(60e6, 3), gates.Inconclusive, "stored", "3 and 3 runs"},
		{"one run", "peak_rss", []float64{50e6}, around(60e6, 3), gates.Inconclusive, "stored", "1 and 3 runs"},
		{"exact", "allocs", []float64{1e6, 1e6, 1e6}, []float64{1.11e6, 1.11e6, 1.11e6}, gates.Regressed, "exact", ""},
		{"gone", "allocs", []float64{1e6}, nil, string(gates.Unmeasured), "stored", "only the baseline has it"},
		{"new", "allocs", nil, []float64{1e6}, string(gates.Unmeasured), "stored", "the baseline does not have it"},
		{"not a number", "allocs", []float64{1e6, math.NaN()}, []float64{1e6}, string(gates.Unmeasured), "stored", "not a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := gates.CompareStored(gates.CompareSettings{Against: "baseline"}, map[string][]float64{c.metric: c.base}, map[string][]float64{c.metric: c.now})
			if len(got) != 1 || got[0].Verdict != c.want || got[0].Method != c.method || !strings.Contains(got[0].Reason, c.reason) || got[0].Against != "baseline" {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

func TestCompareStoredKnowsWhatIsMissing(t *testing.T) {
	values := []float64{1, 1, 1}
	got := gates.CompareStored(gates.CompareSettings{}, map[string][]float64{"gc_cpu": values, "speed": values}, map[string][]float64{"speed": values})
	if len(got) != 0 {
		t.Errorf("a watched metric on one side, and an unknown one: %+v", got)
	}
	got = gates.CompareStored(gates.CompareSettings{Gated: []string{"live_heap"}}, nil, map[string][]float64{"allocs": values})
	if len(got) != 1 || got[0].Verdict != string(gates.Unmeasured) || got[0].Metric != "live_heap" {
		t.Errorf("gated by name and nowhere: %+v", got)
	}
}

func TestStoredRuns(t *testing.T) {
	for _, baseline := range []int{3, 4, 5, 6, 8, 10, 20} {
		n := gates.StoredRuns(baseline)
		base, now := make([]float64, baseline), make([]float64, n)
		for i := range base {
			base[i] = 50e6 + float64(i)
		}
		for i := range now {
			now[i] = 70e6 + float64(i)
		}
		got := gates.CompareStored(gates.CompareSettings{}, map[string][]float64{"peak_rss": base}, map[string][]float64{"peak_rss": now})
		if n < 3 || got[0].Verdict != gates.Regressed {
			t.Errorf("%d runs against %d stored ones cannot prove +40 %%: %+v", n, baseline, got[0])
		}
	}
	if n := gates.StoredRuns(1); n != 0 {
		t.Errorf("%d runs against a single one are said to do", n)
	}
}

func TestIdentical(t *testing.T) {
	s := gates.Scenario{Comparisons: gates.Identical([]string{"allocs", "peak_rss", "gc_cpu", "speed"})}
	s.Judge()
	if len(s.Comparisons) != 3 || s.Verdict != gates.Passed || s.Comparisons[0].Verdict != gates.Stable || s.Comparisons[0].Runs != [2]int{} {
		t.Errorf("got %s: %+v", s.Verdict, s.Comparisons)
	}
}

func TestEnvironmentWarnings(t *testing.T) {
	here := gates.Environment{OS: "linux", Arch: "amd64", CPU: "a", Kernel: "6.1", Go: "go1.26.1", CPUs: 2}
	there := here
	there.CPU, there.Kernel, there.Go, there.GOGC = "b", "6.2", "go1.25.1", "50"
	if got := gates.EnvironmentWarnings(here, here); len(got) != 1 || !strings.Contains(got[0], "drift") {
		t.Errorf("the same machine: %q", got)
	}
	got := strings.Join(gates.EnvironmentWarnings(there, here), "\n")
	for _, want := range []string{"CPU: b, now a", "kernel: 6.2, now 6.1", "Go: go1.25.1, now go1.26.1", "GOGC: 50, now 100", "drift"} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %q:\n%s", want, got)
		}
	}
}
