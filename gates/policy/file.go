package policy

import (
	"regexp"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// Version is what a policy says of itself.
const Version = 1

// Patterns that the schema has too.
const (
	namePattern = `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`
	nameWords   = "at most 100 letters, digits, _, - and ."
	refPattern  = `^[A-Za-z0-9_@/][A-Za-z0-9_@{}^~./+-]{0,199}$`
	refWords    = `a git ref, "auto" or "none"`
	envPattern  = `^[A-Za-z_][A-Za-z0-9_]*$`
	datePattern = `^\d{4}-\d{2}-\d{2}$`
)

// Bounds of what is set.
const (
	maxRuns     = 1000
	maxSessions = 1_000_000
	maxSpan     = 7 * 24 * time.Hour
	maxShare    = 100               // 10,000 %
	maxSeed     = uint64(1)<<53 - 1 // JSON readers with floating point do not change it
)

// located is a value that was set, and where. A nil pointer to one means that nothing was said.
type located[T any] struct {
	value T
	at    place
}

func set[T any](v T, n ast.Node) *located[T] { return &located[T]{v, at(n)} }

// settings are what may stand at the top, in an environment and in a scenario.
type settings struct {
	keys       map[string]place
	limits     []located[gates.Limit]
	compare    comparison
	preset     *located[string]
	runs       *located[int] // 0: auto
	duration   *located[time.Duration]
	warmup     *located[time.Duration]
	timeout    *located[time.Duration]
	sessions   *located[int]
	seed       *located[uint64]
	checkpoint *located[string]
	env        map[string]string
}

// comparison is the section compare.
type comparison struct {
	against, anchor, onInconclusive *located[string]
	maxIncrease, warnIncrease       *located[float64]
	perMetric                       map[string]located[float64]
	gated                           []located[string] // nil: nothing was said
}

// entry is one scenario as the file has it.
type entry struct {
	settings
	at       place
	name     string
	kind     gates.Kind
	build    string
	what     string // the command, package, workload or target
	dir      string
	overhead *overhead
}

type overhead struct {
	of, over, metric located[string]
	redis            *RedisOverhead
	threshold        place // where redis has one
}

// environment is one of environments.
type environment struct {
	settings
	scenarios []located[settings]
	names     []string // of scenarios
}

// acceptance is one entry of accept.
type acceptance struct {
	gates.Accept
	at, scenario, metric, until place
}

// file is the whole policy before its parts are worked into each other.
type file struct {
	settings
	scenarios    []entry
	environments []located[environment]
	names        []string // of environments
	accept       []acceptance
}

// policyFile reads the root of a policy.
func (r *reader) policyFile(root ast.Node) *file {
	f := &file{}
	keys := append([]key{
		{"version", func(r *reader, n ast.Node) {
			if v, ok := r.whole(n, "version", 1, 1<<31-1); ok && v != Version {
				r.problem(at(n), "version %d: this heaptop reads version %d", v, Version)
			}
		}},
		{"scenarios", func(r *reader, n ast.Node) {
			r.list(n, "scenarios", func(n ast.Node) { f.scenarios = append(f.scenarios, r.scenario(n)) })
		}},
		{"environments", func(r *reader, n ast.Node) { r.environments(n, f) }},
		{"accept", func(r *reader, n ast.Node) {
			r.list(n, "accept", func(n ast.Node) { f.accept = append(f.accept, r.acceptance(n)) })
		}},
	}, f.settingKeys()...)
	seen := r.mapping(root, "a policy", keys)
	if f.keys = seen; seen == nil {
		return f
	}
	if _, ok := seen["version"]; !ok {
		r.problem(at(root), "there is no version: write version: %d", Version)
	}
	if where, ok := seen["scenarios"]; !ok {
		r.problem(at(root), "there are no scenarios: nothing would be measured")
	} else if len(f.scenarios) == 0 {
		r.problem(where, "scenarios is empty: nothing would be measured")
	}
	return f
}

// settingKeys are the keys that may stand in every place.
func (s *settings) settingKeys() []key {
	return []key{
		{"limits", func(r *reader, n ast.Node) {
			r.filled(n, "limits")
			r.perMetric(n, "limits", func(m gates.Metric, where place, value ast.Node) {
				if v, ok := r.limit(value, m); ok {
					s.limits = append(s.limits, located[gates.Limit]{gates.Limit{Metric: m.Name, Max: v, From: gates.FromConfig}, where})
				}
			})
		}},
		{"compare", func(r *reader, n ast.Node) { r.compare(n, &s.compare) }},
		{"preset", func(r *reader, n ast.Node) {
			if v, ok := r.choice(n, "preset", append(gates.Presets(), none)); ok {
				s.preset = set(v, n)
			}
		}},
		{"runs", func(r *reader, n ast.Node) {
			if v, _, isNumber, ok := r.value(n, "runs"); ok && !isNumber && v == auto {
				s.runs = set(0, n)
			} else if ok && !isNumber {
				r.problem(at(n), "runs: %q is not auto, and not a number from 1 to %d", clip(v), maxRuns)
			} else if v, ok := r.whole(n, "runs", 1, maxRuns); ok {
				s.runs = set(v, n)
			}
		}},
		{"duration", spanKey("duration", time.Millisecond, &s.duration)},
		{"warmup", spanKey("warmup", 0, &s.warmup)},
		{"timeout", spanKey("timeout", time.Millisecond, &s.timeout)},
		{"sessions", func(r *reader, n ast.Node) {
			if v, ok := r.whole(n, "sessions", 1, maxSessions); ok {
				s.sessions = set(v, n)
			}
		}},
		{"seed", func(r *reader, n ast.Node) {
			if v, ok := r.seed(n); ok {
				s.seed = set(v, n)
			}
		}},
		{"checkpoint_on", func(r *reader, n ast.Node) {
			if v, ok := r.expression(n, "checkpoint_on"); ok {
				s.checkpoint = set(v, n)
			}
		}},
		{"env", func(r *reader, n ast.Node) { s.env = r.variables(n) }},
	}
}

func spanKey(name string, least time.Duration, to **located[time.Duration]) func(*reader, ast.Node) {
	return func(r *reader, n ast.Node) {
		if v, ok := r.span(n, name, least, maxSpan); ok {
			*to = set(v, n)
		}
	}
}

// variables reads the section env: numbers and truth values are taken as they are written.
func (r *reader) variables(n ast.Node) map[string]string {
	r.filled(n, "env")
	env := map[string]string{}
	name := regexp.MustCompile(envPattern)
	r.pairs(n, "env", func(key string, where place, value ast.Node) {
		if !name.MatchString(key) {
			r.problem(where, "%q is no name of a variable", clip(key))
			return
		}
		value, done, ok := r.enter(value)
		defer done()
		if !ok {
			return
		}
		switch v := value.(type) {
		case *ast.StringNode:
			env[key] = v.Value
		case *ast.LiteralNode:
			env[key] = v.Value.Value
		case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
			env[key] = v.GetToken().Value
		default:
			r.problem(where, "%s wants a text, not %s", key, kindOf(value))
		}
	})
	return env
}

// compare reads the section compare.
func (r *reader) compare(n ast.Node, c *comparison) {
	ref := func(name string, to **located[string]) key {
		return key{name, func(r *reader, n ast.Node) {
			if v, ok := r.matching(n, name, refPattern, refWords); ok {
				*to = set(v, n)
			}
		}}
	}
	increase := func(name string, to **located[float64]) key {
		return key{name, func(r *reader, n ast.Node) {
			if v, ok := r.increase(n, name); ok {
				*to = set(v, n)
			}
		}}
	}
	r.filled(n, "compare")
	r.mapping(n, "compare", []key{
		ref("against", &c.against),
		ref("anchor", &c.anchor),
		increase("max_increase", &c.maxIncrease),
		increase("warn_increase", &c.warnIncrease),
		{"on_inconclusive", func(r *reader, n ast.Node) {
			if v, ok := r.choice(n, "on_inconclusive", OnInconclusive()); ok {
				c.onInconclusive = set(v, n)
			}
		}},
		{"per_metric", func(r *reader, n ast.Node) {
			r.filled(n, "per_metric")
			c.perMetric = map[string]located[float64]{}
			r.perMetric(n, "per_metric", func(m gates.Metric, where place, value ast.Node) {
				if v, ok := r.increase(value, m.Name); ok {
					c.perMetric[m.Name] = located[float64]{v, where}
				}
			})
		}},
		{"gated", func(r *reader, n ast.Node) {
			c.gated = []located[string]{}
			r.list(n, "gated", func(n ast.Node) {
				if m, ok := r.metric(n, "gated"); ok {
					c.gated = append(c.gated, located[string]{m.Name, at(n)})
				}
			})
		}},
	})
}

// increase reads a growth that is allowed. 0 would make every noise a growth.
func (r *reader) increase(n ast.Node, what string) (float64, bool) {
	v, ok := r.share(n, what, maxShare)
	if ok && v == 0 {
		r.problem(at(n), "%s: 0%% allows no growth at all, which nothing can be measured to; 1%% is the least that makes sense", what)
		return 0, false
	}
	return v, ok
}

// OnInconclusive are the words of on_inconclusive.
func OnInconclusive() []string {
	return []string{gates.InconclusivePass, gates.InconclusiveWarn, gates.InconclusiveFail}
}

// Words that stand for something else than a name.
const (
	auto = "auto"
	none = "none"
	all  = "all"
)

// target reads what is watched, and refuses what heaptop cannot measure over time.
func (r *reader) target(n ast.Node) (string, bool) {
	_, _, isNumber, ok := r.value(n, "target")
	if !ok {
		return "", false
	}
	if isNumber {
		if v, ok := r.whole(n, "target", 1, 1<<31-1); ok {
			return sampler.Target{Kind: sampler.KindProcess, PID: v}.String(), true
		}
		return "", false
	}
	s, ok := r.text(n, "target")
	if !ok {
		return "", false
	}
	if err := CheckTarget(s); err != nil {
		r.problem(at(n), "%v", err)
		return "", false
	}
	return s, true
}
