package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// ineffective refuses what is set where nothing would read it: what an environment says of one scenario, and what stands for
// all at the top or in an environment and goes with none.
func (r *reader) ineffective(f *file) {
	if len(f.scenarios) == 0 || slices.ContainsFunc(f.scenarios, func(e entry) bool { return e.kind == "" }) {
		return // told already; it cannot be known what goes with them
	}
	r.uncompared(f)
	r.shared(&f.settings, f.scenarios)
	for i := range f.environments {
		env := &f.environments[i].value
		r.shared(&env.settings, f.scenarios)
		for j, name := range env.names {
			if k := slices.IndexFunc(f.scenarios, func(e entry) bool { return e.name == name }); k >= 0 {
				r.followed(&env.scenarios[j].value, &f.scenarios[k])
			}
		}
	}
}

// uncompared refuses what is said of the comparison of metrics that nothing in the file has compared.
func (r *reader) uncompared(f *file) {
	layers := []*settings{&f.settings}
	for i := range f.scenarios {
		layers = append(layers, &f.scenarios[i].settings)
	}
	for i := range f.environments {
		env := &f.environments[i].value
		layers = append(layers, &env.settings)
		for j := range env.scenarios {
			layers = append(layers, &env.scenarios[j].value)
		}
	}
	var compare gates.CompareSettings
	for _, l := range layers {
		for _, metric := range l.compare.gated {
			compare.Gated = append(compare.Gated, metric.value)
		}
	}
	said := func(metric string, where place) {
		if !compare.Compares(metric) {
			r.problem(where, "%s is a change itself, and is compared only where compare.gated names it: name it there, or give it a limit", metric)
		}
	}
	for _, l := range layers {
		for metric, increase := range l.compare.perMetric {
			said(metric, increase.at)
		}
	}
	for _, a := range f.accept {
		said(a.Metric, a.metric)
	}
}

// followed refuses settings for one scenario that do not go with it.
func (r *reader) followed(s *settings, e *entry) {
	for _, name := range slices.Sorted(maps.Keys(s.keys)) {
		if why := e.refuses(name); why != "" {
			r.problem(s.keys[name], "%s", why)
		}
	}
	for _, m := range s.metrics() {
		if why := e.unmeasured(m.value); why != "" {
			r.problem(m.at, "%s", why)
		}
	}
	if twoSided(e.kind) || e.refuses("compare") != "" {
		return
	}
	for _, c := range s.compare.refs() {
		why := "a target, which cannot be built at another commit"
		if e.kind == gates.KindOverhead {
			why = "an overhead, which is compared with another commit by its two scenarios"
		}
		r.problem(c.at, "%s has no effect on %s: take it away, or compare with a stored report by --baseline", c.value, why)
	}
}

// shared refuses settings for all scenarios that go with none of them.
func (r *reader) shared(s *settings, list []entry) {
	every := func(refuses func(e *entry) bool) bool {
		return !slices.ContainsFunc(list, func(e entry) bool { return !refuses(&e) })
	}
	of := map[string]bool{}
	for _, f := range forms() {
		for _, name := range f.also {
			of[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.keys)) {
		if (of[name] || name == "compare") && every(func(e *entry) bool { return e.refuses(name) != "" }) {
			r.problem(s.keys[name], "%s goes with none of the scenarios and has no effect: %s", name, goesWith(name))
		}
	}
	for _, m := range s.metrics() {
		if every(func(e *entry) bool { return e.unmeasured(m.value) != "" }) {
			r.problem(m.at, "%s is measured of none of the scenarios and has no effect: take it away", m.value)
		}
	}
	if every(func(e *entry) bool { return !twoSided(e.kind) }) && !every(func(e *entry) bool { return e.refuses("compare") != "" }) {
		for _, c := range s.compare.refs() {
			r.problem(c.at, "%s has no effect: no scenario can be built at another commit: take it away, or compare with a stored report by --baseline", c.value)
		}
	}
}

// goesWith says which kinds of scenarios have a key.
func goesWith(name string) string {
	var kinds []string
	for _, f := range forms() {
		if slices.Contains(f.also, name) {
			kinds = append(kinds, f.key)
		}
	}
	if len(kinds) == 0 {
		return "take it away"
	}
	return "it goes with " + strings.Join(kinds, ", ") + "; take it away"
}

// refuses says why a key does not go with the scenario, "" where it does.
func (e *entry) refuses(name string) string {
	f := formOf(e.kind)
	allowed := append([]string{"name", "limits", "compare", f.key}, f.also...)
	server := e.overhead != nil && e.overhead.redis != nil
	switch {
	case !slices.Contains(allowed, name):
		return fmt.Sprintf("%s does not go with %s: %s has %s", name, f.key, f.words, strings.Join(allowed, ", "))
	case name == "compare" && server:
		return "compare does not go with redis, take it away: documents are held against threshold, max_vs_string and budgets, and their trend is against the report of --baseline"
	case name == "runs" && e.kind == gates.KindOverhead && e.overhead != nil && !server:
		return "runs does not go with an overhead of two scenarios: say it of those"
	case name == "seed" && (&Scenario{Builtin: e.what}).serves():
		return "seed does not go with builtin: " + e.what + ", which draws nothing: take it away"
	case name == "sessions" && e.kind == gates.KindTarget && ofRedis(e.what):
		return "sessions does not go with a Redis server: nothing that is measured of it is divided by them: take it away"
	}
	return ""
}

// unmeasured says why a metric is not measured of the scenario, "" where it is.
func (e *entry) unmeasured(metric string) string {
	f := formOf(e.kind)
	switch {
	case !Measures(e.kind, metric):
		return metric + " is not measured of " + f.words
	case e.kind == gates.KindTarget && e.what != "" && !MeasuresTarget(e.what, metric):
		return metric + " is not measured of " + targetWords(e.what)
	case e.overhead != nil && e.overhead.redis != nil && !e.overhead.redis.asksJSON():
		return metric + " is of json, which representations leaves out: add json there"
	}
	return ""
}

// metrics are those that the settings name, each with its place: of limits, per_metric and gated.
func (s *settings) metrics() []located[string] {
	var out []located[string]
	for _, l := range s.limits {
		out = append(out, located[string]{l.value.Metric, l.at})
	}
	for _, name := range slices.Sorted(maps.Keys(s.compare.perMetric)) {
		out = append(out, located[string]{name, s.compare.perMetric[name].at})
	}
	return append(out, s.compare.gated...)
}

// refs are the keys that name a commit, each with its place.
func (c *comparison) refs() []located[string] {
	var out []located[string]
	if c.against != nil && c.against.value != none {
		out = append(out, located[string]{"against", c.against.at})
	}
	if c.anchor != nil && c.anchor.value != none {
		out = append(out, located[string]{"anchor", c.anchor.at})
	}
	return out
}

// ofRedis says whether a target is a Redis server.
func ofRedis(target string) bool {
	t, err := sampler.ParseTarget(target)
	return err == nil && t.Kind == sampler.KindRedis
}
