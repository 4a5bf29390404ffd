package policy

import (
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/alloc-dev/heaptop/gates"
	ratios "github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/sampler"
)

// redisPattern is what the URL of a server looks like.
const redisPattern = `^(rediss?|redis\+unix)://\S+$`

// overheadRatio is the metric of overheads.
const overheadRatio = "overhead_ratio"

// The largest ratio and size that a budget may be.
const (
	maxRatio = 1e6
	maxBytes = 1 << 40
)

// overhead reads the section overhead: of two scenarios, or of documents in a server.
func (r *reader) overhead(n ast.Node) *overhead {
	o, before := &overhead{}, len(r.problems)
	set := RedisOverhead{}
	var budgeted []located[string]
	of := func(name string, to *located[string]) key {
		return key{name, func(r *reader, n ast.Node) {
			if v, ok := r.text(n, name); ok {
				*to = located[string]{v, at(n)}
			}
		}}
	}
	seen := r.mapping(n, "overhead", append([]key{
		of("of", &o.of),
		of("over", &o.over),
		{"metric", func(r *reader, n ast.Node) {
			if m, ok := r.metric(n, "metric"); ok {
				o.metric = located[string]{m.Name, at(n)}
			}
		}},
	}, set.keys(&budgeted)...))
	if _, redis := seen["redis"]; redis {
		o.redis, o.threshold = &set, seen["threshold"]
		if len(r.problems) == before {
			r.notStored(&set, seen, budgeted)
		}
		for _, k := range []string{"of", "over", "metric"} {
			if where, ok := seen[k]; ok {
				r.problem(where, "overhead has redis and %s: it is of documents in a server, or of two scenarios", k)
			}
		}
		return o
	}
	for _, k := range set.keys(&budgeted) {
		if where, ok := seen[k.name]; ok {
			r.problem(where, "%s goes with redis: want overhead: { redis: redis://localhost:6379/15 }", k.name)
		}
	}
	for _, k := range []string{"of", "over", "metric"} {
		if _, ok := seen[k]; !ok && seen != nil {
			r.problem(at(n), "overhead has no %s: want { of: SCENARIO, over: SCENARIO, metric: METRIC }, or { redis: URL }", k)
		}
	}
	return o
}

// notStored refuses what is said of a representation that no document is stored as.
func (r *reader) notStored(o *RedisOverhead, seen map[string]place, budgeted []located[string]) {
	stored := ratios.Asked(o.Representations)
	for _, b := range budgeted {
		if !slices.Contains(stored, b.value) {
			r.problem(b.at, "a budget for %s has no effect, for representations leaves it out: add %s there, or take the budget away", b.value, b.value)
		}
	}
	for _, k := range []string{"threshold", "max_vs_string"} {
		if where, ok := seen[k]; ok && !o.asksJSON() {
			r.problem(where, "%s is of json, which representations leaves out, and has no effect: add json there, or take %s away", k, k)
		}
	}
}

// asksJSON says whether documents are to be stored as json.
func (o *RedisOverhead) asksJSON() bool {
	return slices.Contains(ratios.Asked(o.Representations), ratios.JSON)
}

// inServer says whether the scenario is what documents take in a server.
func (s *Scenario) inServer() bool { return s.Overhead != nil && s.Overhead.Redis != nil }

// setThreshold makes the limit of the ratio, wherever it is from, the threshold of an overhead in a server.
func (s *Scenario) setThreshold() {
	if !s.inServer() {
		return
	}
	i := slices.IndexFunc(s.Limits, func(l gates.Limit) bool { return l.Metric == overheadRatio })
	if i < 0 {
		return
	}
	own := *s.Overhead.Redis
	own.Threshold = s.Limits[i].Max
	s.Overhead, s.Limits = &Overhead{Redis: &own}, slices.Delete(slices.Clone(s.Limits), i, i+1)
}

// hasThreshold says whether the entry is an overhead in a server that has a threshold.
func (e *entry) hasThreshold() bool {
	return e.overhead != nil && e.overhead.redis != nil && e.overhead.redis.Threshold > 0
}

// keys are those of an overhead in a server. budgeted takes the representations that have a budget.
func (o *RedisOverhead) keys(budgeted *[]located[string]) []key {
	return []key{
		{"redis", func(r *reader, n ast.Node) {
			if v, ok := r.text(n, "redis"); ok {
				if o.URL = v; CheckRedis(v) != nil {
					r.problem(at(n), "redis: want a URL such as redis://localhost:6379/15")
				}
			}
		}},
		{"threshold", func(r *reader, n ast.Node) { o.Threshold = r.positive(n, "threshold", maxRatio) }},
		{"max_vs_string", func(r *reader, n ast.Node) { o.MaxVsString = r.positive(n, "max_vs_string", maxRatio) }},
		{"representations", func(r *reader, n ast.Node) {
			r.filled(n, "representations")
			r.list(n, "representations", func(n ast.Node) {
				if v, ok := r.choice(n, "representations", ratios.Representations()); ok {
					o.Representations = append(o.Representations, v)
				}
			})
		}},
		{"allow_nonempty", func(r *reader, n ast.Node) { o.AllowNonempty = r.truth(n, "allow_nonempty") }},
		{"budgets", func(r *reader, n ast.Node) { o.Budgets = r.budgets(n, budgeted) }},
	}
}

// CheckRedis refuses what is no URL of a Redis server. The error does not repeat it, for it may hold a password.
func CheckRedis(url string) error {
	t, err := sampler.ParseTarget(url)
	if err == nil && (t.Kind != sampler.KindRedis || !regexp.MustCompile(redisPattern).MatchString(url)) {
		err = sampler.ErrUnsupported
	}
	return err
}

// budgets reads a mapping from documents to representations to budgets. budgeted takes the places of the representations.
func (r *reader) budgets(n ast.Node, budgeted *[]located[string]) map[string]map[string]ratios.Budget {
	r.filled(n, "budgets")
	out := map[string]map[string]ratios.Budget{}
	var documents []key
	for _, document := range ratios.Names() {
		documents = append(documents, key{document, func(r *reader, n ast.Node) {
			out[document] = map[string]ratios.Budget{}
			var as []key
			for _, representation := range ratios.Representations() {
				as = append(as, key{representation, func(r *reader, n ast.Node) { out[document][representation] = r.budget(n) }})
			}
			r.filled(n, "the budget of "+document)
			for representation, where := range r.mapping(n, "a document of budgets", as) {
				*budgeted = append(*budgeted, located[string]{representation, where})
			}
		}})
	}
	r.mapping(n, "budgets", documents)
	return out
}

// budget reads one budget. One that was measured says when.
func (r *reader) budget(n ast.Node) ratios.Budget {
	b := ratios.Budget{From: gates.FromConfig}
	seen := r.mapping(n, "a budget", []key{
		{"max", func(r *reader, n ast.Node) { b.Max = r.positive(n, "max", maxRatio) }},
		{"bytes", func(r *reader, n ast.Node) { b.Bytes = r.positive(n, "bytes", maxBytes) }},
		{"measured", func(r *reader, n ast.Node) { b.Measured = r.positive(n, "measured", maxRatio) }},
		{"date", func(r *reader, n ast.Node) {
			s, ok := r.matching(n, "date", datePattern, "a day such as 2026-11-22")
			if !ok {
				return
			}
			if _, err := time.Parse(time.DateOnly, s); err != nil {
				r.problem(at(n), "date: %q is no day", s)
			}
			b.Date = s
		}},
	})
	if seen == nil {
		return b
	}
	if b.Max == 0 && b.Bytes == 0 {
		r.problem(at(n), "a budget has no max and no bytes: nothing would be judged")
	}
	if (b.Measured > 0) != (b.Date != "") {
		r.problem(at(n), "a budget has measured and date, or neither: what was measured, and when")
	}
	return b
}

// positive reads a number above 0.
func (r *reader) positive(n ast.Node, what string, most float64) float64 {
	s, v, isNumber, ok := r.value(n, what)
	if ok && (!isNumber || v <= 0 || v > most) {
		r.problem(at(n), "%s: %q is not a number above 0 and of at most %g", what, clip(s), most)
		return 0
	}
	return v
}

// truth reads true or false.
func (r *reader) truth(n ast.Node, what string) bool {
	n, done, ok := r.enter(n)
	defer done()
	if !ok {
		return false
	}
	b, isBool := n.(*ast.BoolNode)
	if !isBool {
		r.problem(at(n), "%s wants true or false, not %s", what, kindOf(n))
		return false
	}
	return b.Value
}
