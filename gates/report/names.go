package report

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/internal/printable"
)

// What of a stranger's texts is written at most, in bytes.
const (
	maxName = 180
	maxText = printable.Most
)

// line makes a text safe to print on one line, as printable.Line does.
func line(s string) string { return printable.Line(s) }

// name is line for names: a long one is cut, and its hash tells it from others that begin alike.
func name(s string) string {
	if len(s) <= maxName {
		return line(s)
	}
	h := fnv.New32a()
	h.Write([]byte(s))
	return line(strings.ToValidUTF8(s[:maxName-12], "")) + fmt.Sprintf("…%08x", h.Sum32())
}

// named is a scenario under the name that it has in one format.
type named struct {
	label string
	*gates.Scenario
}

// scenarios returns the scenarios of a report with labels: their names, safe to print and then as form makes them, each
// different from the others.
func scenarios(r *gates.Report, form func(string) string) []named {
	out := make([]named, 0, len(r.Scenarios))
	taken := make(map[string]bool, len(r.Scenarios))
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		label := form(name(s.Name))
		if label == "" {
			label = "unnamed"
		}
		plain := label
		for n := 2; taken[label]; n++ {
			label = plain + "~" + strconv.Itoa(n)
			if n > 2 && taken[label] {
				n += len(out) / 2 // thousands of one name are told apart in few steps
			}
		}
		taken[label] = true
		out = append(out, named{label, s})
	}
	return out
}

// order returns the names of a scenario's metrics, those of the table of metrics first and in its order.
func order(s *gates.Scenario) []string {
	known := gates.Metrics()
	rank := make(map[string]int, len(known))
	for i, m := range known {
		rank[m.Name] = i - len(known)
	}
	names := slices.Sorted(maps.Keys(s.Metrics))
	slices.SortStableFunc(names, func(a, b string) int { return rank[a] - rank[b] })
	return names
}

// identifier keeps letters, digits and underscores of ASCII; everything else becomes an underscore, and so does a digit at
// the beginning.
func identifier(s string) string {
	id := strings.Map(func(r rune) rune {
		if r == '_' || r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, name(s))
	if id == "" || id[0] >= '0' && id[0] <= '9' {
		id = "_" + id
	}
	return id
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// there reports whether a number exists.
func there(v *float64) bool { return v != nil && finite(*v) }

// number prints a value with all its digits and no more, without an exponent where people would not write one.
func number(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= absurd) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// quantity prints a value with its unit. The unit may come from a stranger.
func quantity(unit string, v float64) string {
	if math.Abs(v) >= absurd {
		return number(v) + " " + name(unit)
	}
	return name(gates.FormatValue(name(unit), v))
}

// absurd is what no memory, time or count comes near; from there on numbers are printed with an exponent.
const absurd = 1e21
