package gates_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
)

func ptr(v float64) *float64 { return &v }

func TestScenarioVerdicts(t *testing.T) {
	gate := func(v gates.Verdict) gates.Gate { return gates.Gate{Metric: "peak_rss", Verdict: v} }
	compared := func(verdict, onInconclusive string, gated bool) gates.Comparison {
		return gates.Comparison{Metric: "allocs", Verdict: verdict, OnInconclusive: onInconclusive, Gated: gated, MaxIncrease: 10, ChangePercent: ptr(12)}
	}
	type list = []gates.Comparison
	for _, c := range []struct {
		name        string
		err         string
		gates       []gates.Gate
		comparisons list
		want        gates.Verdict
		code        int
	}{
		{"all well", "", []gates.Gate{gate(gates.Passed)}, list{compared(gates.Stable, "", true)}, gates.Passed, 0},
		{"no gate", "", nil, nil, gates.Unmeasured, 2},
		{"only watched", "", nil, list{compared(gates.Regressed, "", false)}, gates.Unmeasured, 2},
		{"a broken limit", "", []gates.Gate{gate(gates.Passed), gate(gates.Failed)}, nil, gates.Failed, 1},
		{"a regression", "", []gates.Gate{gate(gates.Passed)}, list{compared(gates.Regressed, "", true)}, gates.Failed, 1},
		{"a watched regression", "", []gates.Gate{gate(gates.Passed)}, list{compared(gates.Regressed, "", false)}, gates.Passed, 0},
		{"grew", "", nil, list{compared(gates.Grew, "", true)}, gates.Warned, 0},
		{"improved", "", nil, list{compared(gates.Improved, "", true)}, gates.Passed, 0},
		{"inconclusive", "", nil, list{compared(gates.Inconclusive, "", true)}, gates.Warned, 0},
		{"inconclusive passes", "", nil, list{compared(gates.Inconclusive, gates.InconclusivePass, true)}, gates.Passed, 0},
		{"inconclusive fails", "", nil, list{compared(gates.Inconclusive, gates.InconclusiveFail, true)}, gates.Failed, 1},
		{"not compared", "", []gates.Gate{gate(gates.Passed)}, list{compared(string(gates.Unmeasured), gates.InconclusivePass, true)}, gates.Unmeasured, 2},
		{"not measured and broken", "", []gates.Gate{gate(gates.Failed), gate(gates.Unmeasured)}, nil, gates.Unmeasured, 2},
		{"died", "exit status 3", []gates.Gate{gate(gates.Passed)}, nil, gates.Unmeasured, 2},
		{"a verdict that nobody knows", "", []gates.Gate{gate("fine")}, nil, "fine", 2},
		{"a comparison that nobody knows", "", nil, list{compared("fine", "", true)}, gates.Unmeasured, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := gates.Report{Scenarios: []gates.Scenario{{Name: "s", Error: c.err, Gates: c.gates, Comparisons: c.comparisons}}}
			r.Judge()
			if r.Scenarios[0].Verdict != c.want || r.ExitCode != c.code {
				t.Errorf("%s and exit code %d, want %s and %d", r.Scenarios[0].Verdict, r.ExitCode, c.want, c.code)
			}
		})
	}
	empty := gates.Report{}
	if empty.Judge(); empty.Verdict != gates.Unmeasured || empty.ExitCode != 2 {
		t.Errorf("no scenario: %s, exit code %d", empty.Verdict, empty.ExitCode)
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct {
		change float64
		broken gates.Verdict
		want   string
	}{
		{12, gates.Passed, gates.SeverityWarning},
		{14.9, gates.Passed, gates.SeverityWarning},
		{15, gates.Passed, gates.SeverityCritical},
		{12, gates.Failed, gates.SeverityCritical},
	} {
		s := gates.Scenario{Gates: []gates.Gate{{Metric: "peak_rss", Verdict: c.broken}},
			Comparisons: []gates.Comparison{{Metric: "peak_rss", Verdict: gates.Regressed, MaxIncrease: 10, ChangePercent: ptr(c.change), Gated: true}}}
		s.Judge()
		if got := s.Comparisons[0].Severity; got != c.want || s.Verdict != gates.Failed {
			t.Errorf("+%v %%, limit %s: %q and %s, want %q and failed", c.change, c.broken, got, s.Verdict, c.want)
		}
	}
}

func TestAcceptedGrowth(t *testing.T) {
	now := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	entry := gates.Accept{Scenario: "import", Metric: "peak_rss", UpTo: .15, Until: now.AddDate(0, 1, 0), Because: "new index"}
	for _, c := range []struct {
		name             string
		scenario         string
		verdict          string
		change           float64
		at               time.Time
		want             gates.Verdict
		accepted         string
		reason, warnings string
	}{
		{"within", "import", gates.Regressed, 14, now, gates.Passed, "new index", "", ""},
		{"grown within", "import", gates.Grew, 5, now, gates.Passed, "new index", "", ""},
		{"above the ceiling", "import", gates.Regressed, 15.1, now, gates.Failed, "", "more than the 15% that are accepted (new index)", ""},
		{"over", "import", gates.Regressed, 14, now.AddDate(0, 1, 0), gates.Failed, "", "accepting it ended on 2027-03-01", "ended on 2027-03-01"},
		{"over and gone", "import", gates.Stable, 0, now.AddDate(1, 0, 0), gates.Passed, "", "", "ended on 2027-03-01"},
		{"not needed", "import", gates.Stable, 0, now, gates.Passed, "", "", "was not needed"},
		{"another scenario", "export", gates.Regressed, 14, now, gates.Failed, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := gates.Scenario{Name: c.scenario, Comparisons: []gates.Comparison{{Metric: "peak_rss", Verdict: c.verdict, ChangePercent: ptr(c.change), MaxIncrease: 10, Gated: true}}}
			s.Warnings = gates.ApplyAccepts(s.Name, s.Comparisons, []gates.Accept{entry}, c.at)
			s.Judge()
			got := s.Comparisons[0]
			warnings := strings.Join(s.Warnings, "; ")
			if s.Verdict != c.want || got.Accepted != c.accepted || got.Reason != c.reason || !strings.Contains(warnings, c.warnings) || c.warnings == "" && warnings != "" {
				t.Errorf("%s, %+v, warnings %q", s.Verdict, got, warnings)
			}
			if got.Verdict != c.verdict {
				t.Errorf("accepting turned %s into %s", c.verdict, got.Verdict)
			}
		})
	}
}
