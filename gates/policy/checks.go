package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
)

// overheads checks that each overhead names two other scenarios which measure its metric, and marks those that are there
// for it.
func (r *reader) overheads(list []Scenario, places map[string]*entry) {
	for n, s := range list {
		o := places[s.Name].overhead
		if o == nil {
			continue
		}
		for _, side := range []located[string]{o.of, o.over} {
			if side.value == "" {
				continue
			}
			i := slices.IndexFunc(list, func(s Scenario) bool { return s.Name == side.value })
			switch {
			case i < 0:
				r.problem(side.at, "%s", unknownScenario(side.value, namesOf(list)))
			case list[i].Kind == gates.KindOverhead:
				r.problem(side.at, "%s is an overhead itself: want a scenario that is run", side.value)
			case list[i].Kind == gates.KindBench:
				r.problem(side.at, "%s is a benchmark, of which each is measured as a scenario of its own: want a command, a built-in workload or a target", side.value)
			case i > n:
				r.problem(side.at, "%s is measured after this: put it above the overhead", side.value)
			case o.metric.value != "" && !list[i].Measures(o.metric.value):
				r.problem(o.metric.at, "%s is not measured of %s, which is %s", o.metric.value, side.value, formOf(list[i].Kind).words)
			}
		}
		if o.of.value != "" && o.of.value == o.over.value {
			r.problem(o.over.at, "of and over are the same scenario: the ratio is always 1")
		}
	}
}

func namesOf(list []Scenario) []string {
	names := make([]string, 0, len(list))
	for _, s := range list {
		names = append(names, s.Name)
	}
	return names
}

// acceptances gives each entry of accept to its scenario. One whose day has passed no longer holds, and is told.
func (r *reader) acceptances(p *Policy, f *file, list []Scenario, now time.Time) {
	for _, a := range f.accept {
		if a.Scenario == "" || a.Metric == "" {
			continue // told already
		}
		// The benchmarks of a package are scenarios of their own: "parser/Decode".
		of, part, _ := strings.Cut(a.Scenario, "/")
		i := slices.IndexFunc(list, func(s Scenario) bool { return s.Name == of && (part == "" || s.Kind == gates.KindBench) })
		switch {
		case i < 0:
			r.problem(a.scenario, "%s", unknownScenario(a.Scenario, namesOf(list)))
		case list[i].inServer():
			r.problem(a.scenario, "%s is documents in a server, which are compared with nothing: raise threshold, max_vs_string or a budget", a.Scenario)
		case !list[i].Measures(a.Metric):
			r.problem(a.metric, "%s is not measured of %s", a.Metric, formOf(list[i].Kind).words)
		case !now.IsZero() && !a.Until.IsZero() && !now.Before(a.Until):
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s:%d: accepted growth of %s in %s expired after %s and no longer holds (%s)",
				r.file, a.until.line, a.Metric, a.Scenario, a.Until.AddDate(0, 0, -1).Format(time.DateOnly), clip(a.Because)))
		default:
			list[i].Accept = append(list[i].Accept, a.Accept)
		}
	}
}

// unused tells settings of the chosen environment that a scenario's own make void.
func (r *reader) unused(p *Policy, f *file, env environment) {
	for _, l := range env.limits {
		for _, e := range f.scenarios {
			own := slices.ContainsFunc(e.limits, func(o located[gates.Limit]) bool { return o.value.Metric == l.value.Metric }) ||
				l.value.Metric == overheadRatio && e.hasThreshold()
			if own && !slices.Contains(env.names, e.name) {
				p.Warnings = append(p.Warnings, fmt.Sprintf("%s:%d: scenario %s has a limit of its own on %s, which stays: name the scenario in the environment to change it",
					r.file, l.at.line, e.name, l.value.Metric))
			}
		}
	}
}

// chosen returns the scenarios of these names, and with each overhead those that it compares. What the file has none of that
// name for, and heaptop brings, comes last.
func (r *reader) chosen(p *Policy, list []Scenario, names []string) []Scenario {
	if len(names) == 0 || slices.Equal(names, []string{all}) {
		return list
	}
	want := map[string]bool{}
	for _, name := range names {
		if !wanted(list, name, want) {
			r.bring(p, name, list)
		}
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(s Scenario) bool { return !want[s.Name] })
	for _, name := range p.Brought {
		for _, s := range Builtin(name) {
			if !slices.ContainsFunc(kept, func(o Scenario) bool { return o.Name == s.Name }) {
				kept = append(kept, s)
			}
		}
	}
	return kept
}

// wanted marks what a name stands for in the file: a scenario, one of a suite, the whole suite, or all. It reports whether
// there is any.
func wanted(list []Scenario, name string, want map[string]bool) bool {
	found := false
	for _, s := range list {
		if name != all && name != s.Name && (s.Group == "" || name != s.Group) {
			continue
		}
		found, want[s.Name] = true, true
		if o := s.Overhead; o != nil && o.Redis == nil {
			want[o.Of], want[o.Over] = true, true
		}
	}
	return found
}

// finish works in the flags, and refuses a policy with a scenario that nothing judges.
func (r *reader) finish(p *Policy, f Flags, places map[string]*entry) {
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		s.apply(f)
		s.Helper = slices.ContainsFunc(p.Scenarios, func(o Scenario) bool {
			return o.Overhead != nil && (o.Overhead.Of == s.Name || o.Overhead.Over == s.Name)
		}) && !s.gated(f)
	}
	for _, l := range f.Limits {
		if !slices.ContainsFunc(p.Scenarios, func(s Scenario) bool { return s.Measures(l.Metric) }) {
			r.problem(place{}, "--limit %s: none of the scenarios measures it", l.Metric)
		}
	}
	if f.Against != "" && f.Against != none && !slices.ContainsFunc(p.Scenarios, func(s Scenario) bool { return twoSided(s.Kind) }) {
		r.problem(place{}, "--against %s: none of the scenarios can be built at another commit: compare with a stored report by --baseline", f.Against)
		return
	}
	if f.NoGates {
		return
	}
	for _, s := range p.Scenarios {
		if s.Helper || s.gated(f) {
			continue
		}
		r.ungated(&s, places[s.Name], f)
	}
}

// ungated refuses a scenario that nothing can fail.
func (r *reader) ungated(s *Scenario, e *entry, f Flags) {
	const never = "so it could never fail"
	lacks := "has no limit, no preset, and is compared with nothing, " + never
	step := ": give it limits, or compare: { against: auto }"
	switch {
	case s.compared(f):
		lacks, step = "has no limit, no preset, and nothing that its comparison measures is gated, "+never, ": give it limits, or name a metric of it in compare.gated"
	case !twoSided(s.Kind):
		step = ": give it limits"
	}
	if e == nil {
		r.problem(place{}, "%s %s", s.Name, lacks)
		return
	}
	r.problem(e.at, "scenario %q %s%s", s.Name, lacks, step)
}

// gated says whether anything can fail the scenario.
func (s *Scenario) gated(f Flags) bool {
	if len(s.Limits) > 0 || s.inServer() {
		return true
	}
	return s.compared(f) && slices.ContainsFunc(s.Compare.GatedMetrics(), s.Measures)
}

// compared says whether the scenario is compared with anything.
func (s *Scenario) compared(f Flags) bool {
	return f.Baseline && !s.inServer() || s.Against != "" || s.Anchor != ""
}

// twoSided says whether scenarios of a kind can be built and run at another commit.
func twoSided(kind gates.Kind) bool { return kind != gates.KindTarget && kind != gates.KindOverhead }

// apply works in the command line's settings, and the preset's limits below all others.
func (s *Scenario) apply(f Flags) {
	if f.Preset != "" {
		s.Preset = f.Preset
	}
	if s.Preset == "" && s.Kind == gates.KindBuiltin {
		s.Preset = gates.FromStandard
	}
	if s.Preset == none {
		s.Preset = ""
	}
	own := s.Limits
	s.Limits = nil
	preset, _ := gates.Preset(s.Preset)
	for _, l := range slices.Concat(preset, s.budgets(), own, f.Limits) {
		s.limit(l)
	}
	s.setThreshold()
	if f.Baseline {
		s.Against, s.Anchor = "", ""
	}
	if f.Against != "" && twoSided(s.Kind) {
		s.Against = f.Against
		if f.Against == none {
			s.Against, s.Anchor = "", ""
		}
	}
	if f.Runs > 0 || f.AutoRuns {
		s.Runs = f.Runs
	}
	also := formOf(s.Kind).also
	if f.Duration > 0 && slices.Contains(also, "duration") {
		s.Duration = f.Duration
	}
	if s.Duration == 0 && (s.Kind == gates.KindTarget || s.serves()) {
		s.Duration = DefaultDuration
	}
	if f.OnInconclusive != "" {
		s.Compare.OnInconclusive = f.OnInconclusive
	}
	if f.CheckpointOn != "" && slices.Contains(also, "checkpoint_on") {
		s.CheckpointOn = f.CheckpointOn
	}
}
