package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/nearest"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// quantity is how a limit of one unit is written.
type quantity struct {
	parse   func(string) (float64, error)
	bare    bool    // a number without a unit is meant in one way only
	most    float64 // what is measured can never be more; 0: there is no such value
	pattern string  // what the schema accepts; parse is as strict
	example string
}

// Patterns of numbers and sizes, as the schema has them.
const (
	digits     = `(\d+\.?\d*|\.\d+)`
	sizePart   = digits + `\s*([kKmMgGtT]?[iI]?[bB])?`
	anyTime    = `\s*/\s*`
	patternEnd = `\s*$`
)

// quantityOf returns how limits of a metric are written.
func quantityOf(m gates.Metric) quantity {
	switch {
	case strings.HasPrefix(m.Unit, "bytes per hour"):
		return quantity{parse: unit.ParseRate, pattern: `^\s*` + sizePart + anyTime + `\w+` + patternEnd, example: "10 MB/h"}
	case strings.HasPrefix(m.Unit, "bytes"):
		return quantity{parse: unit.ParseBytes, bare: true, pattern: `^\s*` + sizePart + patternEnd, example: "256 MB"}
	case strings.HasPrefix(m.Unit, "percent per hour"):
		return quantity{parse: parsePercentRate, pattern: `^\s*` + digits + `\s*%` + anyTime + `\w+` + patternEnd, example: "5 %/h"}
	case strings.HasPrefix(m.Unit, "percent"):
		return quantity{parse: parsePercent, most: 100, pattern: `^\s*` + digits + `\s*%` + patternEnd, example: "10%"}
	case strings.HasPrefix(m.Unit, "second"):
		return quantity{parse: parseSeconds, bare: true, pattern: `^\s*[0-9.a-zµμ]+` + patternEnd, example: "10ms"}
	case strings.HasPrefix(m.Unit, "score"):
		return quantity{parse: parsePlain, bare: true, most: 1, pattern: `^\s*` + digits + patternEnd, example: "0.8"}
	case strings.HasPrefix(m.Unit, "ratio"):
		return quantity{parse: parseRatio, bare: true, pattern: `^\s*` + digits + `\s*x?` + patternEnd, example: "2.7"}
	}
	return quantity{parse: parsePlain, bare: true, pattern: `^\s*` + digits + patternEnd, example: "1000"}
}

// ParseLimit reads the limit of a metric as a policy and --limit have it: a size ("256 MB", "64MiB"), a percentage with its
// sign ("10%"), a rate ("5 %/h", "10 MB/h"), a duration ("10ms") or a plain number, as the metric's unit wants. It returns
// it in the metric's unit. A unit that does not fit, a negative or endless number, and a limit that could never fail are
// errors that say what is wanted.
func ParseLimit(m gates.Metric, s string) (float64, error) {
	q := quantityOf(m)
	v, err := q.parse(s)
	if err != nil {
		return 0, fmt.Errorf("%s is in %s, such as %s: %w", m.Name, m.Unit, q.example, err)
	}
	return v, q.check(m, v)
}

func (q quantity) check(m gates.Metric, v float64) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("%s: want a number, such as %s", m.Name, q.example)
	case v < 0:
		return fmt.Errorf("%s: a limit below 0", m.Name)
	case q.most > 0 && v >= q.most:
		return fmt.Errorf("%s is at most %g: a limit of %g could never fail", m.Name, q.most, v)
	}
	return nil
}

// limit reads the limit of a metric from a node.
func (r *reader) limit(n ast.Node, m gates.Metric) (float64, bool) {
	s, v, isNumber, ok := r.value(n, m.Name)
	if !ok {
		return 0, false
	}
	q := quantityOf(m)
	var err error
	switch {
	case isNumber && q.bare:
		err = q.check(m, v)
	case isNumber && v < 0:
		err = fmt.Errorf("%s: a limit below 0", m.Name)
	case isNumber:
		err = fmt.Errorf("%s is in %s: %q lacks its unit, such as %s", m.Name, m.Unit, s, q.example)
	default:
		v, err = ParseLimit(m, s)
	}
	if err != nil {
		r.problem(at(n), "%v", err)
		return 0, false
	}
	return v, true
}

// metricNames are the names of all gate metrics.
func metricNames() []string {
	var names []string
	for _, m := range gates.Metrics() {
		names = append(names, m.Name)
	}
	return names
}

// UnknownMetric says that there is no metric of that name, and which was meant or which there are.
func UnknownMetric(name string) error {
	near := nearest.DidYouMean(name, metricNames())
	if near == "" {
		near = ": known are " + strings.Join(metricNames(), ", ")
	}
	return fmt.Errorf("unknown metric %q%s", clip(name), near)
}

// metric reads the name of a metric.
func (r *reader) metric(n ast.Node, what string) (gates.Metric, bool) {
	name, ok := r.text(n, what)
	if !ok {
		return gates.Metric{}, false
	}
	m, ok := gates.MetricOf(name)
	if !ok {
		r.problem(at(n), "%v", UnknownMetric(name))
	}
	return m, ok
}

// perMetric calls read for each entry of a mapping from metrics.
func (r *reader) perMetric(n ast.Node, what string, read func(m gates.Metric, where place, value ast.Node)) {
	r.pairs(n, what, func(name string, where place, value ast.Node) {
		m, ok := gates.MetricOf(name)
		switch {
		case !ok:
			r.problem(where, "%v", UnknownMetric(name))
		case value == nil || value.Type() == ast.NullType:
			r.problem(where, "%s has no value", name)
		default:
			read(m, where, value)
		}
	})
}

// plain reads digits with at most one point. What else ParseFloat knows (exponents, infinities, hexadecimal) is refused.
func plain(s string) (float64, error) {
	s = strings.TrimSpace(s)
	if rest, negative := strings.CutPrefix(s, "-"); negative && rest != "" {
		return 0, fmt.Errorf("%q: a number below 0", clip(s))
	}
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, fmt.Errorf("%q is not a number", clip(s))
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", clip(s))
	}
	return v, nil
}

func parsePlain(s string) (float64, error) { return plain(s) }

func parseRatio(s string) (float64, error) {
	return plain(strings.TrimSuffix(strings.TrimSpace(s), "x"))
}

// parsePercent reads "10%" as 10.
func parsePercent(s string) (float64, error) {
	number, found := strings.CutSuffix(strings.TrimSpace(s), "%")
	if !found {
		return 0, fmt.Errorf("%q lacks its sign: want a percentage such as 10%%", clip(s))
	}
	return plain(number)
}

// parsePercentRate reads "5 %/h" as 5, percent per hour.
func parsePercentRate(s string) (float64, error) {
	percent, per, found := strings.Cut(s, "/")
	if !found {
		return 0, fmt.Errorf("%q: want a percentage per time, as in 5 %%/h", clip(s))
	}
	v, err := parsePercent(percent)
	if err != nil {
		return 0, err
	}
	perHour, err := unit.ParseRate("1 B/" + per)
	if err != nil {
		return 0, fmt.Errorf("%q: time %q is not one of s, min, h, d", clip(s), clip(strings.TrimSpace(per)))
	}
	return v * perHour, nil
}

func parseSeconds(s string) (float64, error) {
	d, err := unit.ParseDuration(s)
	return d.Seconds(), err
}
