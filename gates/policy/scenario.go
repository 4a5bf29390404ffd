package policy

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// form is how one kind of scenario is written: the key that says what it is, and the keys that it may have besides name,
// limits and compare.
type form struct {
	key   string
	kind  gates.Kind
	words string // of a person: "a command"
	also  []string
}

// forms is the table of the kinds.
func forms() []form {
	process := []string{"env", "preset", "runs", "duration", "warmup", "timeout", "sessions", "checkpoint_on"}
	return []form{
		{"run", gates.KindCommand, "a command", append([]string{"build", "dir"}, process...)},
		{"bench", gates.KindBench, "a benchmark", []string{"build", "dir", "env", "runs", "timeout"}},
		{"builtin", gates.KindBuiltin, "a built-in workload", append([]string{"seed"}, process...)},
		{"target", gates.KindTarget, "a target that runs already", []string{"preset", "runs", "duration", "warmup", "sessions"}},
		{"overhead", gates.KindOverhead, "an overhead", []string{"runs"}},
	}
}

func formOf(kind gates.Kind) form {
	list := forms()
	return list[slices.IndexFunc(list, func(f form) bool { return f.kind == kind })]
}

// Measures says whether scenarios of a kind measure a metric: operations are of benchmarks, and the ratio is of overheads.
func Measures(kind gates.Kind, metric string) bool {
	switch metric {
	case "allocs_per_op", "bytes_per_op":
		return kind == gates.KindBench
	case "overhead_ratio":
		return kind == gates.KindOverhead
	case "used_memory", "peak_used_memory":
		return kind == gates.KindTarget
	}
	return kind != gates.KindBench && kind != gates.KindOverhead
}

// Measures says whether the scenario measures a metric.
func (s *Scenario) Measures(metric string) bool {
	if s.inServer() {
		return metric == overheadRatio && s.Overhead.Redis.asksJSON()
	}
	if s.Kind == gates.KindTarget && s.Target != "" {
		return MeasuresTarget(s.Target, metric)
	}
	return Measures(s.Kind, metric)
}

// MeasuresTarget says whether a metric is measured of a target: a Redis server has no Go heap, and only it has used_memory.
func MeasuresTarget(target, metric string) bool {
	t, err := sampler.ParseTarget(target)
	isRedis := err == nil && t.Kind == sampler.KindRedis
	switch metric {
	case "used_memory", "peak_used_memory":
		return isRedis
	case "peak_rss", "peak_cgroup", "sustained_rss", "growth", "growth_rate":
		return true
	}
	return !isRedis && Measures(gates.KindTarget, metric)
}

// targetWords says what a target is where a metric is not measured of it.
func targetWords(target string) string {
	if t, err := sampler.ParseTarget(target); err == nil && t.Kind == sampler.KindRedis {
		return "a Redis server"
	}
	return "a target that is no Redis server"
}

// CheckTarget refuses what cannot be measured over time, whatever it is.
func CheckTarget(s string) error {
	t, err := sampler.ParseTarget(s)
	switch {
	case err != nil:
		return err
	case t.Kind == sampler.KindFile:
		return fmt.Errorf("target %s is a file: it has been measured already, see heaptop %s", clip(s), clip(s))
	}
	return nil
}

// scenario reads one of scenarios.
func (r *reader) scenario(n ast.Node) entry {
	e := entry{at: at(n)}
	text := func(name string, to *string) key {
		return key{name, func(r *reader, n ast.Node) {
			if v, ok := r.text(n, name); ok {
				*to = v
			}
		}}
	}
	keys := append([]key{
		{"name", func(r *reader, n ast.Node) {
			if v, ok := r.matching(n, "name", namePattern, nameWords); ok {
				e.name, e.at = v, at(n)
			}
		}},
		text("build", &e.build),
		text("run", &e.what),
		{"bench", func(r *reader, n ast.Node) {
			if v, ok := r.matching(n, "bench", `^[^-\s]\S*$`, "a package such as ./parser or ./..."); ok {
				e.what = v
			}
		}},
		{"builtin", func(r *reader, n ast.Node) {
			if v, ok := r.choice(n, "builtin", builtins()); ok {
				e.what = v
			}
		}},
		{"target", func(r *reader, n ast.Node) {
			if v, ok := r.target(n); ok {
				e.what = v
			}
		}},
		{"overhead", func(r *reader, n ast.Node) { e.overhead = r.overhead(n) }},
		{"dir", func(r *reader, n ast.Node) { e.dir = r.dir(n) }},
	}, e.settingKeys()...)
	e.keys = r.mapping(n, "a scenario", keys)
	if e.keys == nil {
		return e
	}
	if _, ok := e.keys["name"]; !ok {
		r.problem(e.at, "the scenario has no name")
	}
	r.kind(&e)
	return e
}

// kind finds out what the scenario is, and refuses keys that do not go with that.
func (r *reader) kind(e *entry) {
	var found []form
	var known []string
	for _, f := range forms() {
		known = append(known, f.key)
		if _, ok := e.keys[f.key]; ok {
			found = append(found, f)
		}
	}
	switch len(found) {
	case 0:
		r.problem(e.at, "the scenario does not say what to measure: want one of %s", strings.Join(known, ", "))
		return
	case 1:
	default:
		r.problem(e.keys[found[1].key], "%s and %s: a scenario is one of %s", found[0].key, found[1].key, strings.Join(known, ", "))
		return
	}
	e.kind = found[0].kind
	r.followed(&e.settings, e)
	for _, l := range e.limits {
		if l.value.Metric == overheadRatio && e.hasThreshold() {
			r.problem(l.at, "overhead_ratio and threshold, on line %d, are one limit: say it once", e.overhead.threshold.line)
		}
	}
}

// dir reads the folder of a scenario. It is relative to the policy's, for with --against it is looked for in the other
// side's checkout too.
func (r *reader) dir(n ast.Node) string {
	s, ok := r.text(n, "dir")
	if ok && (filepath.IsAbs(s) || s[0] == '/' || s[0] == '\\') {
		r.problem(at(n), "dir %q: want a folder relative to that of the policy, for the other side of a comparison has it elsewhere", clip(s))
		return ""
	}
	return s
}

// environments reads the section environments.
func (r *reader) environments(n ast.Node, f *file) {
	r.pairs(n, "environments", func(name string, where place, value ast.Node) {
		if value == nil || value.Type() == ast.NullType {
			r.problem(where, "%s has no value", clip(name))
			return
		}
		e := environment{}
		keys := append(e.settingKeys(), key{"scenarios", func(r *reader, n ast.Node) {
			r.pairs(n, "scenarios of an environment", func(name string, where place, value ast.Node) {
				s := settings{}
				if value == nil || value.Type() == ast.NullType {
					r.problem(where, "%s has no value", clip(name))
					return
				}
				r.filled(value, clip(name))
				s.keys = r.mapping(value, "a scenario of an environment", s.settingKeys())
				e.scenarios, e.names = append(e.scenarios, located[settings]{s, where}), append(e.names, name)
			})
		}})
		e.keys = r.mapping(value, "an environment", keys)
		f.environments, f.names = append(f.environments, located[environment]{e, where}), append(f.names, name)
	})
}

// acceptance reads one entry of accept.
func (r *reader) acceptance(n ast.Node) acceptance {
	a := acceptance{at: at(n)}
	seen := r.mapping(n, "an entry of accept", []key{
		{"scenario", func(r *reader, n ast.Node) { a.Scenario, _ = r.text(n, "scenario"); a.scenario = at(n) }},
		{"metric", func(r *reader, n ast.Node) {
			m, _ := r.metric(n, "metric")
			a.Metric, a.metric = m.Name, at(n)
		}},
		{"up_to", func(r *reader, n ast.Node) { a.UpTo, _ = r.increase(n, "up_to") }},
		{"until", func(r *reader, n ast.Node) {
			s, ok := r.matching(n, "until", datePattern, "a day such as 2027-03-01")
			if !ok {
				return
			}
			day, err := time.Parse(time.DateOnly, s)
			if err != nil {
				r.problem(at(n), "until: %q is no day", s)
				return
			}
			a.Until, a.until = day.AddDate(0, 0, 1), at(n) // that day still counts
		}},
		{"because", func(r *reader, n ast.Node) { a.Because, _ = r.text(n, "because") }},
	})
	for _, k := range []string{"scenario", "metric", "up_to", "until", "because"} {
		if _, ok := seen[k]; !ok && seen != nil {
			r.problem(a.at, "the entry of accept has no %s: growth is accepted with scenario, metric, up_to, until and because", k)
		}
	}
	return a
}

// CheckRef refuses what git would not take for the name of a commit, whatever it is.
func CheckRef(ref string) error {
	if !regexp.MustCompile(refPattern).MatchString(ref) {
		return fmt.Errorf("want %s", refWords)
	}
	return nil
}
