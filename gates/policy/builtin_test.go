package policy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

func parse(t *testing.T, text string, o policy.Options) *policy.Policy {
	t.Helper()
	p, err := policy.Parse("heaptop.yml", []byte("version: 1\n"+text), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSuiteBecomesItsScenarios(t *testing.T) {
	const text = "scenarios:\n  - { name: long, builtin: stability, limits: { live_heap: 5 MB } }\n  - { name: own, run: ./own, limits: { peak_rss: 1 MB } }\n"
	p := parse(t, text, policy.Options{})
	suite := scenario.Suite(scenario.Stability)
	if len(suite) == 0 || len(p.Scenarios) != len(suite)+1 {
		t.Fatalf("%d scenarios, want the %d of the suite and one", len(p.Scenarios), len(suite))
	}
	for i, w := range suite {
		s := p.Scenarios[i]
		if s.Name != "long."+w.Name || s.Builtin != w.Name || s.Group != "long" || s.Sessions != w.Sessions || s.Duration != 0 || s.Preset != gates.FromStandard {
			t.Errorf("%+v", s)
		}
		if l := limitOf(s, "live_heap"); l.Max != 5e6 || l.From != gates.FromConfig {
			t.Errorf("%s has %+v", s.Name, l)
		}
	}
	for asked, want := range map[string]int{"long": len(suite), "long." + suite[0].Name: 1} {
		if p := parse(t, text, policy.Options{Scenarios: []string{asked}}); len(p.Scenarios) != want {
			t.Errorf("--scenario %s chooses %d, want %d", asked, len(p.Scenarios), want)
		}
	}
	_, err := policy.Parse("heaptop.yml", []byte("version: 1\n"+text), policy.Options{Scenarios: []string{"long.vim"}})
	if err == nil || !strings.Contains(err.Error(), "no scenario is named \"long.vim\"") {
		t.Error(err)
	}
	twice := text + "  - { name: long." + suite[0].Name + ", run: ./own, limits: { peak_rss: 1 MB } }\n"
	if _, err := policy.Parse("heaptop.yml", []byte("version: 1\n"+twice), policy.Options{}); err == nil || !strings.Contains(err.Error(), "two scenarios are named") {
		t.Error(err)
	}
}

// A workload's own budget is stronger than the preset, and weaker than what a person says; without a preset there is none.
func TestBudgetOfAWorkload(t *testing.T) {
	var of scenario.Scenario
	for _, s := range scenario.All() {
		if len(s.Budgets) > 0 {
			of = s
		}
	}
	if of.Name == "" {
		t.Fatal("no scenario has a budget: this test has nothing to look at")
	}
	budget := of.Budgets[0]
	for _, c := range []struct {
		more, from string
		max        float64
	}{
		{"", gates.FromBuiltin, budget.Max},
		{", preset: strict", gates.FromBuiltin, budget.Max},
		{", limits: { " + budget.Metric + ": 1 }", gates.FromConfig, 1},
		{", preset: none, limits: { peak_rss: 1 MB }", "", 0},
	} {
		s := parse(t, "scenarios:\n  - { name: x, builtin: "+of.Name+c.more+" }\n", policy.Options{}).Scenarios[0]
		l := limitOf(s, budget.Metric)
		if l.From != c.from || l.Max != c.max || (l.From == gates.FromBuiltin) != (l.Because == budget.Because) {
			t.Errorf("with %q: %+v", c.more, l)
		}
	}
}

func TestSessionsAreTheProgramsUnlessSaid(t *testing.T) {
	for _, c := range []struct {
		scenario string
		sessions int
		said     bool
	}{
		{"run: ./x", 1, false},
		{"run: ./x, sessions: 1", 1, true},
		{"builtin: vim_session", 1, false},
		{"builtin: vim_session, sessions: 3", 3, true},
	} {
		s := parse(t, "scenarios:\n  - { name: x, "+c.scenario+", limits: { peak_rss: 1 MB } }\n", policy.Options{}).Scenarios[0]
		if s.Sessions != c.sessions || s.SessionsSaid != c.said {
			t.Errorf("%s: %d sessions, said: %v", c.scenario, s.Sessions, s.SessionsSaid)
		}
	}
}

func limitOf(s policy.Scenario, metric string) (l gates.Limit) {
	for _, have := range s.Limits {
		if have.Metric == metric {
			l = have
		}
	}
	return l
}

// A name that the file does not have may be a built-in scenario's or a suite's: it is measured as without a policy, and
// nothing of the file's settings is on it.
func TestBuiltinIsFoundBesideThePolicy(t *testing.T) {
	const text = "runs: 3\nlimits: { peak_rss: 1 MB }\nscenarios:\n  - { name: own, run: ./own }\n  - { name: vim_session, run: ./vim }\n"
	suite := len(scenario.Suite(scenario.TerminalOperations))
	for _, c := range []struct {
		asked   []string
		brought []string
		n       int
	}{
		{[]string{"cursor_management"}, []string{"cursor_management"}, 1},
		{[]string{"own", "cursor_management"}, []string{"cursor_management"}, 2},
		{[]string{scenario.TerminalOperations, "cursor_management"}, []string{scenario.TerminalOperations, "cursor_management"}, suite},
		{[]string{"all", "demo"}, []string{"demo"}, 3},
		{[]string{"vim_session"}, nil, 1}, // the policy's own
	} {
		p := parse(t, text, policy.Options{Scenarios: c.asked})
		if len(p.Scenarios) != c.n || !slices.Equal(p.Brought, c.brought) {
			t.Errorf("%v chooses %d scenarios, want %d; brought are %v", c.asked, len(p.Scenarios), c.n, p.Brought)
		}
		for _, s := range p.Scenarios {
			own := limitOf(s, "peak_rss").From == gates.FromConfig && s.Runs == 3 && s.Run != ""
			brought := s.Kind == gates.KindBuiltin && s.Runs == 0 && s.Preset == gates.FromStandard && limitOf(s, "peak_rss").From != gates.FromConfig
			if !own && !brought {
				t.Errorf("%v: %+v", c.asked, s)
			}
		}
	}
	for asked, words := range map[string]string{
		"cursor_managemnt":    "did you mean \"cursor_management\"?",
		"terminal_operation":  "did you mean \"terminal_operations\"?",
		"owm":                 "did you mean \"own\"?",
		"something_different": "the policy has own, vim_session; heaptop scenarios lists the built-in ones",
	} {
		_, err := policy.Parse("heaptop.yml", []byte("version: 1\n"+text), policy.Options{Scenarios: []string{asked}})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %s", asked, err, words)
		}
	}
}

// The seed of a scenario is stronger than that of an environment, and that than the policy's.
func TestSeedOfAPolicy(t *testing.T) {
	const text = "seed: 5\nscenarios:\n  - { name: a, builtin: vim_session }\n  - { name: b, builtin: stability, seed: 7 }\n  - { name: c, run: ./c, limits: { peak_rss: 1 MB } }\n" +
		"environments:\n  ci: { seed: 6, scenarios: { b: { seed: 9007199254740991 } } }\n"
	for environment, want := range map[string][2]uint64{"": {5, 7}, "ci": {6, 1<<53 - 1}} {
		for _, s := range parse(t, text, policy.Options{Environment: environment}).Scenarios {
			seed := map[string]uint64{"a": want[0], "b": want[1]}[s.Name+s.Group]
			if s.Group == "b" {
				seed = want[1]
			}
			if s.Seed != seed {
				t.Errorf("%s in %q draws from %d, want %d", s.Name, environment, s.Seed, seed)
			}
		}
	}
	for _, seed := range []string{"0", "-1", "1.5", "9007199254740992", "many"} {
		_, err := policy.Parse("heaptop.yml", []byte("version: 1\nscenarios:\n  - { name: a, builtin: vim_session, seed: "+seed+" }\n"), policy.Options{})
		if err == nil || !strings.Contains(err.Error(), "is not a whole number from 1 to 9007199254740991") {
			t.Errorf("seed: %s: %v", seed, err)
		}
	}
	if _, err := policy.Parse("heaptop.yml", []byte("version: 1\nscenarios:\n  - { name: a, run: ./a, seed: 1, limits: { peak_rss: 1 MB } }\n"), policy.Options{}); err == nil || !strings.Contains(err.Error(), "seed does not go with run") {
		t.Error(err)
	}
}
