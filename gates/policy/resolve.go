package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/nearest"
)

// resolve works the parts of a file into each other: the top, the environment, the scenario, the flags.
func (r *reader) resolve(f *file, o Options) *Policy {
	p := &Policy{}
	r.checkNames(f)
	env := r.environmentOf(f, o.Environment)
	places := map[string]*entry{}
	var every []Scenario
	for i := range f.scenarios {
		e := &f.scenarios[i]
		if e.name == "" || e.kind == "" {
			continue // told already
		}
		layers := []settings{f.settings, env.settings, e.settings}
		if i := slices.Index(env.names, e.name); i >= 0 {
			layers = append(layers, env.scenarios[i].value)
		}
		for _, s := range r.members(e, layers) {
			places[s.Name] = e
			every = append(every, s)
		}
	}
	r.checkMembers(every, places)
	r.ineffective(f)
	r.overheads(every, places)
	r.acceptances(p, f, every, o.Now)
	r.unused(p, f, env)
	p.Scenarios = r.chosen(p, every, o.Scenarios)
	if len(r.problems) == 0 {
		r.finish(p, o.Flags, places)
	}
	return p
}

// checkNames refuses two scenarios of one name, and environments that name scenarios which are not there.
func (r *reader) checkNames(f *file) {
	var names []string
	first := map[string]place{}
	for _, e := range f.scenarios {
		if e.name == "" {
			continue
		}
		if before, twice := first[e.name]; twice {
			r.problem(e.at, "two scenarios are named %q, the first on line %d", e.name, before.line)
			continue
		}
		first[e.name] = e.at
		names = append(names, e.name)
	}
	for _, env := range f.environments {
		for i, name := range env.value.names {
			if !slices.Contains(names, name) {
				r.problem(env.value.scenarios[i].at, "%s", unknownScenario(name, names))
			}
		}
	}
}

func unknownScenario(name string, known []string) string {
	near := nearest.DidYouMean(name, known)
	if near == "" && len(known) > 0 {
		near = ": known are " + strings.Join(known, ", ")
	}
	return fmt.Sprintf("no scenario is named %q%s", clip(name), near)
}

// environmentOf returns the environment that was chosen; an empty one when none was.
func (r *reader) environmentOf(f *file, name string) environment {
	if name == "" {
		return environment{}
	}
	if i := slices.Index(f.names, name); i >= 0 {
		return f.environments[i].value
	}
	switch near := nearest.DidYouMean(name, f.names); {
	case len(f.names) == 0:
		r.problem(place{}, "no environment %q: the policy has none", clip(name))
	case near != "":
		r.problem(place{}, "no environment %q%s", clip(name), near)
	default:
		r.problem(place{}, "no environment %q: known are %s", clip(name), strings.Join(f.names, ", "))
	}
	return environment{}
}

// last returns the value that the strongest layer sets, or the one that holds when none does.
func last[T any](layers []settings, of func(*settings) *located[T], otherwise T) T {
	for i := len(layers) - 1; i >= 0; i-- {
		if v := of(&layers[i]); v != nil {
			return v.value
		}
	}
	return otherwise
}

// take sets what the strongest layer says, where the key goes with the entry.
func take[T any](e *entry, name string, layers []settings, of func(*settings) *located[T], to *T) {
	if e.refuses(name) == "" {
		*to = last(layers, of, *to)
	}
}

// assemble makes a scenario of its entry and the layers of settings, the weakest first.
func (r *reader) assemble(e *entry, layers []settings) Scenario {
	s := Scenario{
		Name: e.name, Kind: e.kind, Build: e.build, Dir: e.dir,
	}
	switch e.kind {
	case gates.KindCommand:
		s.Run = e.what
	case gates.KindBench:
		s.Bench = e.what
	case gates.KindBuiltin:
		s.Builtin = e.what
	case gates.KindTarget:
		s.Target = e.what
	case gates.KindOverhead:
		if e.overhead != nil {
			s.Overhead = &Overhead{e.overhead.of.value, e.overhead.over.value, e.overhead.metric.value, e.overhead.redis}
		}
	}
	take(e, "sessions", layers, func(s *settings) *located[int] { return s.sessions }, &s.Sessions)
	take(e, "runs", layers, func(s *settings) *located[int] { return s.runs }, &s.Runs)
	take(e, "preset", layers, func(s *settings) *located[string] { return s.preset }, &s.Preset)
	take(e, "timeout", layers, func(s *settings) *located[time.Duration] { return s.timeout }, &s.Timeout)
	take(e, "seed", layers, func(s *settings) *located[uint64] { return s.seed }, &s.Seed)
	take(e, "duration", layers, func(s *settings) *located[time.Duration] { return s.duration }, &s.Duration)
	take(e, "warmup", layers, func(s *settings) *located[time.Duration] { return s.warmup }, &s.Warmup)
	take(e, "checkpoint_on", layers, func(s *settings) *located[string] { return s.checkpoint }, &s.CheckpointOn)
	if e.refuses("env") == "" {
		for _, l := range layers {
			if len(l.env) > 0 && s.Env == nil {
				s.Env = map[string]string{}
			}
			maps.Copy(s.Env, l.env)
		}
	}
	s.SessionsSaid = s.Sessions > 0
	s.setSessions()
	s.setLimits(e, layers)
	r.setCompare(&s, e, layers)
	return s
}

// ofScenario is the place of a scenario's own settings among the layers.
const ofScenario = 2

// setLimits takes of each metric the limit of the strongest layer, where the scenario measures it. The threshold of an
// overhead in a server is the limit of its ratio, in the scenario's own layer.
func (s *Scenario) setLimits(e *entry, layers []settings) {
	for i, layer := range layers {
		if i == ofScenario && e.hasThreshold() {
			s.Limits = slices.DeleteFunc(s.Limits, func(l gates.Limit) bool { return l.Metric == overheadRatio })
		}
		for _, l := range layer.limits {
			s.limit(l.value)
		}
	}
}

// limit sets the limit of a metric in place of the one that was, where the scenario measures it.
func (s *Scenario) limit(l gates.Limit) {
	if !s.Measures(l.Metric) {
		return
	}
	if i := slices.IndexFunc(s.Limits, func(o gates.Limit) bool { return o.Metric == l.Metric }); i >= 0 {
		s.Limits[i] = l
		return
	}
	s.Limits = append(s.Limits, l)
}

// setCompare takes each setting of a comparison from the strongest layer that has it.
func (r *reader) setCompare(s *Scenario, e *entry, layers []settings) {
	ref := func(of func(*comparison) *located[string]) string {
		v := last(layers, func(s *settings) *located[string] { return of(&s.compare) }, none)
		if v == none {
			return ""
		}
		return v
	}
	if twoSided(s.Kind) {
		s.Against = ref(func(c *comparison) *located[string] { return c.against })
		s.Anchor = ref(func(c *comparison) *located[string] { return c.anchor })
	}
	s.Compare = gates.CompareSettings{
		MaxIncrease:    last(layers, func(s *settings) *located[float64] { return s.compare.maxIncrease }, 0),
		WarnIncrease:   last(layers, func(s *settings) *located[float64] { return s.compare.warnIncrease }, 0),
		OnInconclusive: last(layers, func(s *settings) *located[string] { return s.compare.onInconclusive }, ""),
	}
	for _, l := range layers {
		if len(l.compare.perMetric) > 0 && s.Compare.PerMetric == nil {
			s.Compare.PerMetric = map[string]float64{}
		}
		for metric, increase := range l.compare.perMetric {
			s.Compare.PerMetric[metric] = increase.value
		}
		if l.compare.gated != nil {
			s.Compare.Gated = []string{}
			for _, metric := range l.compare.gated {
				s.Compare.Gated = append(s.Compare.Gated, metric.value)
			}
		}
	}
	r.sameRefs(s, layers)
	r.checkWarn(s, e, layers)
}

// sameRefs refuses an anchor that is what is compared with anyway.
func (r *reader) sameRefs(s *Scenario, layers []settings) {
	if s.Anchor == "" || s.Anchor != s.Against {
		return
	}
	for _, l := range layers {
		if c := l.compare; c.anchor != nil && c.anchor.value == s.Anchor {
			r.problem(c.anchor.at, "anchor and against are both %s: the same would be compared twice: take one away", s.Anchor)
		}
	}
}

// checkWarn refuses to warn of more than what fails.
func (r *reader) checkWarn(s *Scenario, e *entry, layers []settings) {
	most := s.Compare.MaxIncrease
	if most == 0 {
		most = gates.DefaultMaxIncrease
	}
	where := last(layers, func(s *settings) *located[place] {
		if s.compare.warnIncrease == nil {
			return nil
		}
		return &located[place]{value: s.compare.warnIncrease.at}
	}, e.at)
	if own := layers[ofScenario].compare.maxIncrease; s.Compare.WarnIncrease > most && own == nil {
		r.problem(where, "warn_increase of %g%% is above max_increase of %g%%: growth would fail before it warns", 100*s.Compare.WarnIncrease, 100*most)
	}
}
