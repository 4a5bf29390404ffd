package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/nearest"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// builtins are the words of builtin: the workloads, and the suites.
func builtins() []string {
	var names []string
	for _, s := range scenario.All() {
		names = append(names, s.Name)
	}
	return append(names, scenario.Suites()...)
}

// Builtin returns the built-in scenario of that name, or all those of the suite of that name, as they are without a policy;
// none where there is neither.
func Builtin(name string) []Scenario {
	list := scenario.Suite(name)
	if w, ok := scenario.Find(name); ok {
		list = []scenario.Scenario{w}
	}
	var out []Scenario
	for _, w := range list {
		s := Scenario{Name: w.Name, Kind: gates.KindBuiltin, Builtin: w.Name}
		s.setSessions()
		out = append(out, s)
	}
	return out
}

// bring adds a built-in scenario or suite to what was chosen, or says that there is none of that name either.
func (r *reader) bring(p *Policy, name string, list []Scenario) {
	if len(Builtin(name)) == 0 {
		known := namesOf(list)
		for _, s := range list {
			if s.Group != "" && !slices.Contains(known, s.Group) {
				known = append(known, s.Group)
			}
		}
		r.problem(place{}, "%s", unknownName(name, known))
		return
	}
	if !slices.Contains(p.Brought, name) {
		p.Brought = append(p.Brought, name)
	}
}

// unknownName is for a name that may be one of the file or a built-in one.
func unknownName(name string, known []string) string {
	near := nearest.DidYouMean(name, slices.Concat(known, builtins()))
	if near == "" && len(known) > 0 {
		near = ": the policy has " + strings.Join(known, ", ") + "; heaptop scenarios lists the built-in ones"
	}
	return fmt.Sprintf("no scenario is named %q%s", clip(name), near)
}

// members are the scenarios of an entry: itself, or one for each workload of the suite that it names. Those are named after
// the entry and the workload, "terminal.small_buffer", and are settled by what is said of the entry.
func (r *reader) members(e *entry, layers []settings) []Scenario {
	s := r.assemble(e, layers)
	suite := scenario.Suite(s.Builtin)
	if len(suite) == 0 {
		return []Scenario{s}
	}
	var out []Scenario
	for _, w := range suite {
		own := *e
		own.name, own.what = e.name+"."+w.Name, w.Name
		m := r.assemble(&own, layers)
		m.Group = e.name
		out = append(out, m)
	}
	return out
}

// checkMembers refuses a scenario that has the name of a suite's member.
func (r *reader) checkMembers(list []Scenario, places map[string]*entry) {
	for _, s := range list {
		if s.Group == "" && slices.ContainsFunc(list, func(o Scenario) bool { return o.Group != "" && o.Name == s.Name }) {
			r.problem(places[s.Name].at, "two scenarios are named %q, one of them of a suite of built-in workloads", s.Name)
		}
	}
}

// setSessions takes the sessions of a built-in workload where nothing is said.
func (s *Scenario) setSessions() {
	if w, ok := scenario.Find(s.Builtin); ok && s.Sessions == 0 {
		s.Sessions = w.Sessions
	}
	s.Sessions = max(s.Sessions, 1)
}

// serves says whether the scenario is a built-in workload that goes on until it is ended.
func (s *Scenario) serves() bool {
	w, ok := scenario.Find(s.Builtin)
	return ok && w.Serve != nil
}

// budgets are the limits of a built-in workload's own. They take the place of those of a preset, so there are none without.
func (s *Scenario) budgets() []gates.Limit {
	w, _ := scenario.Find(s.Builtin)
	if s.Preset == "" {
		return nil
	}
	var out []gates.Limit
	for _, b := range w.Budgets {
		out = append(out, gates.Limit{Metric: b.Metric, Max: b.Max, From: gates.FromBuiltin, Because: b.Because})
	}
	return out
}
