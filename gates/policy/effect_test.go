package policy_test

import (
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// The threshold of an overhead in a server is the limit of its ratio: weaker layers give way to it, stronger ones take its
// place, and no limit besides contradicts it.
func TestThresholdIsALimit(t *testing.T) {
	const server = "redis: redis://localhost:6379/15"
	entry := func(more string) string {
		return "limits: { overhead_ratio: 4 }\nscenarios:\n  - { name: cost, overhead: { " + server + more + " } }\n" +
			"environments: { near: { scenarios: { cost: { limits: { overhead_ratio: 2 } } } }, far: { limits: { overhead_ratio: 5 } } }\n"
	}
	flag := policy.Flags{Limits: []gates.Limit{{Metric: "overhead_ratio", Max: 1.5, From: gates.FromFlag}}}
	for _, c := range []struct {
		name, text string
		o          policy.Options
		want       float64
	}{
		{"nothing is said", "scenarios:\n  - { name: cost, overhead: { " + server + " } }\n", policy.Options{}, 0},
		{"of all scenarios", entry(""), policy.Options{}, 4},
		{"the scenario's own", entry(", threshold: 3"), policy.Options{}, 3},
		{"of an environment", entry(", threshold: 3"), policy.Options{Environment: "far"}, 3},
		{"of an environment, nothing of the scenario's own", entry(""), policy.Options{Environment: "far"}, 5},
		{"of the scenario in an environment", entry(", threshold: 3"), policy.Options{Environment: "near"}, 2},
		{"of the command line", entry(", threshold: 3"), policy.Options{Environment: "near", Flags: flag}, 1.5},
	} {
		p := parse(t, c.text, c.o)
		s := p.Scenarios[0]
		if got := s.Overhead.Redis.Threshold; got != c.want || len(s.Limits) != 0 {
			t.Errorf("%s: threshold %g and limits %v, want %g and none", c.name, got, s.Limits, c.want)
		}
		if told := len(p.Warnings) > 0; told != (c.name == "of an environment") {
			t.Errorf("%s: warnings %q", c.name, p.Warnings)
		}
	}
}

// What is set for all need not go with each: it is enough that one scenario follows it.
func TestSharedSettingsGoWithSome(t *testing.T) {
	p := parse(t, `limits: { allocs_per_op: 3, peak_rss: 1 MB, used_memory: 2 MB }
compare: { against: main, gated: [allocs_per_op, peak_rss], per_metric: { allocs_per_op: 5% } }
seed: 3
timeout: 5m
sessions: 9
preset: strict
runs: 3
scenarios:
  - { name: a, run: ./a }
  - { name: p, bench: ./p }
  - { name: vim, builtin: vim_session }
  - { name: cache, target: "redis://localhost:6379" }
  - { name: cost, overhead: { redis: redis://localhost:6379/15 }, runs: 7 }
environments: { ci: {}, nightly: { compare: { against: none } } }
`, policy.Options{})
	for _, s := range p.Scenarios {
		timed, preset := s.Name != "cache" && s.Name != "cost", s.Name != "p" && s.Name != "cost"
		if said := s.Sessions == 9; said != (s.Name == "a" || s.Name == "vim") || (s.Timeout > 0) != timed || (s.Preset != "") != preset || (s.Seed > 0) != (s.Name == "vim") {
			t.Errorf("%s follows what does not go with it, or not what does: %+v", s.Name, s)
		}
	}
	if cost := p.Scenarios[4]; cost.Runs != 7 {
		t.Errorf("the overhead in a server runs %d times, want the 7 of its own", cost.Runs)
	}
	for _, s := range p.Scenarios {
		for _, l := range s.Limits {
			if !s.Measures(l.Metric) {
				t.Errorf("%s has a limit on %s, which is not measured of it", s.Name, l.Metric)
			}
		}
	}
	targets := "compare: { against: none, max_increase: 5% }\nscenarios:\n  - { name: api, target: 4242, limits: { peak_rss: 1 MB }, compare: { anchor: none } }\n"
	parse(t, targets, policy.Options{}) // none takes nothing away that was there, and says what holds
}

// A target is compared with a stored report alone.
func TestTargetWithABaseline(t *testing.T) {
	const text = "scenarios:\n  - { name: api, target: 4242 }\n"
	parse(t, text, policy.Options{Flags: policy.Flags{Baseline: true}})
	if said := refused(t, "version: 1\n"+text, policy.Options{Flags: policy.Flags{Against: "main"}}); said !=
		"heaptop.yml: --against main: none of the scenarios can be built at another commit: compare with a stored report by --baseline" {
		t.Error(said)
	}
	both := "compare: { against: main }\nlimits: { peak_rss: 1 MB }\nscenarios:\n  - { name: api, target: 4242 }\n  - { name: a, run: ./a }\n"
	for _, o := range []policy.Options{{}, {Flags: policy.Flags{Against: "main"}}} {
		if s := parse(t, both, o).Scenarios; s[0].Against != "" || s[1].Against != "main" {
			t.Errorf("the target is compared with %q and the command with %q", s[0].Against, s[1].Against)
		}
	}
}
