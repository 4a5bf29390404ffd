package policy

import (
	"time"

	"github.com/alloc-dev/heaptop/gates"
)

// Grammar is what the reader accepts where a value must be more than of its type. The schema is made from it, so that an
// editor and the reader do not disagree.
type Grammar struct {
	// Regular expressions of whole values: the name of a scenario, a git ref, the name of a variable of the environment,
	// a day, and the URL of a Redis server. Number is that of a number, as a part of others.
	Name, Ref, Variable, Day, Redis, Number string
	// Auto and None are words that stand for something else than a name.
	Auto, None string

	MaxRuns, MaxSessions int
	MaxSeed              uint64
	MaxSpan              time.Duration // of duration, warmup and timeout
	MaxRatio             float64       // of a limit of an overhead
	MaxBytes             float64       // of a document

	Builtins []string // the words of builtin
	Metrics  []string // the names of all metrics
	Forms    []Form   // the kinds of scenarios
}

// Form is how one kind of scenario is written.
type Form struct {
	Key  string // says what it is
	Kind gates.Kind
	Also []string // keys that it may have besides name, limits and compare
}

// Quantity is how a limit is written.
type Quantity struct {
	Pattern string // a regular expression of the text
	Example string
	Bare    bool    // a number without a unit will do
	Most    float64 // a limit must be below; 0 for no bound
}

// GrammarOf returns what this version reads. The caller may change it.
func GrammarOf() Grammar {
	g := Grammar{
		Name: namePattern, Ref: refPattern, Variable: envPattern, Day: datePattern, Redis: redisPattern, Number: digits,
		Auto: auto, None: none,
		MaxRuns: maxRuns, MaxSessions: maxSessions, MaxSeed: maxSeed, MaxSpan: maxSpan, MaxRatio: maxRatio, MaxBytes: maxBytes,
		Builtins: builtins(), Metrics: metricNames(),
	}
	for _, f := range forms() {
		g.Forms = append(g.Forms, Form{f.key, f.kind, f.also})
	}
	return g
}

// QuantityOf returns how a limit of a metric is written.
func QuantityOf(m gates.Metric) Quantity {
	q := quantityOf(m)
	return Quantity{q.pattern, q.example, q.bare, q.most}
}
