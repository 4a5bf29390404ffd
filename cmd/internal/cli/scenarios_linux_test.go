package cli_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// Every built-in workload is measured as a user has it, for a moment: none is unmeasured, and each gives the figures that
// its gates are about.
func TestEveryBuiltinScenarioIsMeasured(t *testing.T) {
	samplertest.NotUnderRace(t)
	bin := heaptop(t)
	for _, suite := range scenario.Suites() {
		t.Run(suite, func(t *testing.T) {
			r := measureSuite(t, bin, "--suite", suite, "--runs", "1", "--duration", "100ms", "--preset", "standard")
			var names []string
			for i := range r.Scenarios {
				names = append(names, r.Scenarios[i].Name)
				checkBuiltin(t, &r.Scenarios[i])
			}
			var want []string
			for _, s := range scenario.Suite(suite) {
				want = append(want, s.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("measured were %q, want %q", names, want)
			}
		})
	}
}

func checkBuiltin(t *testing.T, s *gates.Scenario) {
	t.Helper()
	of, _ := scenario.Find(s.Name)
	if s.Error != "" || s.Sessions != of.Sessions || s.Runs != 1 {
		t.Errorf("%s: %d sessions, %d runs, error %q", s.Name, s.Sessions, s.Runs, s.Error)
	}
	for _, metric := range []string{"peak_rss", "peak_heap", "live_heap", "allocs", "alloc_bytes", "gc_pressure"} {
		m := s.Metrics[metric]
		if len(m.Values) != 1 || m.Median <= 0 && metric != "gc_pressure" {
			t.Errorf("%s: %s is %v %s", s.Name, metric, m.Values, m.Missing)
		}
	}
	for _, g := range s.Gates {
		budget := slices.IndexFunc(of.Budgets, func(b scenario.Budget) bool { return b.Metric == g.Metric })
		switch {
		case budget < 0 && g.From != gates.FromStandard:
			t.Errorf("%s: the limit of %s is from %s", s.Name, g.Metric, g.From)
		case budget >= 0 && (g.From != gates.FromBuiltin || g.Limit != of.Budgets[budget].Max ||
			g.Value != nil && !strings.Contains(g.Reason, of.Budgets[budget].Because)): // without a value the reason is why there is none
			t.Errorf("%s: %+v, want the budget %+v", s.Name, g, of.Budgets[budget])
		}
	}
}

// measureSuite runs heaptop --headless and reads its report, whatever the verdict.
func measureSuite(t *testing.T, bin string, args ...string) *gates.Report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	cmd := exec.Command(bin, append([]string{"--headless", "--format", "json=" + file}, args...)...)
	cmd.Dir = t.TempDir() // no policy
	out, runErr := cmd.CombinedOutput()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v, %v\n%s", runErr, err, out)
	}
	r, err := gates.ReadReport(file, data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The guide's table of figures, between these lines.
const (
	guide      = "../../../docs/scenarios.md"
	tableBegin = "<!-- figures: made by TestBuiltinScenariosRepeat -->\n"
	tableEnd   = "<!-- end of figures -->\n"
)

// spreadLimit is by how much the allocations of one workload may differ over its runs: 0.5 %.
const spreadLimit = 0.005

// What a workload allocates is its own doing, and the same every time: the gates on allocations stand on that. The full test
// measures all of them ten times, and with -update writes the guide's table.
func TestBuiltinScenariosRepeat(t *testing.T) {
	samplertest.NotUnderRace(t)
	bin := heaptop(t)
	runs, asked := "3", []string{"small_buffer_create", "plugin_communication", "concurrent_buffers"}
	full := os.Getenv("HEAPTOP_FULL") != ""
	if full {
		runs, asked = "10", nil
		for _, suite := range scenario.Suites() {
			for _, s := range scenario.Suite(suite) {
				asked = append(asked, s.Name)
			}
		}
	}
	r := measureSuite(t, bin, "--scenario", strings.Join(asked, ","), "--runs", runs)
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		m := s.Metrics["allocs"]
		if s.Error != "" || len(m.Values) == 0 {
			t.Errorf("%s: %s%s", s.Name, s.Error, m.Missing)
		} else if spread := spreadOf(m.Values); spread > spreadLimit {
			t.Errorf("%s: allocations differ by %.2f%%: %v", s.Name, 100*spread, m.Values)
		}
	}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegin)
	table, after, ends := strings.Cut(rest, tableEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the figures", guide)
	}
	if full && flag.Lookup("update").Value.String() == "true" {
		table = figures(r)
		if err := os.WriteFile(guide, []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range scenario.All() {
		if s.New != nil && !strings.Contains(table, "| "+s.Name+" |") {
			t.Errorf("%s has no figures of %s: HEAPTOP_FULL=1 go test ./cmd/internal/cli -run %s -update makes them", guide, s.Name, t.Name())
		}
	}
}

// spreadOf is the largest value less the smallest, as a share of the smallest.
func spreadOf(values []float64) float64 {
	return (slices.Max(values) - slices.Min(values)) / slices.Min(values)
}

// figures is the guide's table.
func figures(r *gates.Report) string {
	var b strings.Builder
	b.WriteString("| scenario | sessions | peak_heap | sustained_heap | live_heap | gc_pressure | allocs | spread of allocs |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		fmt.Fprintf(&b, "| %s | %d", s.Name, s.Sessions)
		for _, name := range []string{"peak_heap", "sustained_heap", "live_heap", "gc_pressure", "allocs"} {
			m := s.Metrics[name]
			switch {
			case len(m.Values) == 0:
				b.WriteString(" | -")
			case name == "peak_heap":
				fmt.Fprintf(&b, " | %s", gates.FormatValue(strings.TrimSuffix(m.Unit, " per session"), slices.Max(m.Values)))
			case m.Unit == "count": // the median of an even number of runs may be a half
				fmt.Fprintf(&b, " | %s", gates.FormatValue(m.Unit, math.Round(m.Median)))
			default:
				fmt.Fprintf(&b, " | %s", gates.FormatValue(strings.TrimSuffix(m.Unit, " per session"), m.Median))
			}
		}
		spread := "-"
		if m := s.Metrics["allocs"]; len(m.Values) > 0 {
			spread = fmt.Sprintf("%.3f %%", 100*spreadOf(m.Values))
		}
		fmt.Fprintf(&b, " | %s |\n", spread)
	}
	return b.String()
}
