package cli_test

import (
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
		case budget >= 0 && (g.From != gates.FromBuiltin || g.Limit != of.Budgets[budget].Max || !strings.Contains(g.Reason, of.Budgets[budget].Because)):
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
