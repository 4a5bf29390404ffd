package policy

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/alloc-dev/heaptop/sampler/nearest"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// text reads a text that is not empty.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	n, done, ok := r.enter(n)
	defer done()
	if !ok {
		return "", false
	}
	var s string
	switch n := n.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		r.problem(at(n), "%s wants a text: write it in quotes, %q", what, clip(n.GetToken().Value))
		return "", false
	default:
		r.problem(at(n), "%s wants a text, not %s", what, kindOf(n))
		return "", false
	}
	if strings.TrimSpace(s) == "" {
		r.problem(at(n), "%s is empty", what)
		return "", false
	}
	return s, true
}

// value reads a text or a number, as its text and, for numbers, its value.
func (r *reader) value(n ast.Node, what string) (s string, number float64, isNumber, ok bool) {
	n, done, ok := r.enter(n)
	defer done()
	if !ok {
		return "", 0, false, false
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, 0, false, true
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return n.GetToken().Value, float64(v), true, true
		case uint64:
			return n.GetToken().Value, float64(v), true, true
		}
	case *ast.FloatNode:
		return n.GetToken().Value, n.Value, true, true
	case *ast.InfinityNode, *ast.NanNode:
		r.problem(at(n), "%s: %s is no number to measure against", what, n.GetToken().Value)
		return "", 0, false, false
	}
	r.problem(at(n), "%s wants a number or a size, not %s", what, kindOf(n))
	return "", 0, false, false
}

// seed reads what the workloads draw from.
func (r *reader) seed(n ast.Node) (uint64, bool) {
	s, v, isNumber, ok := r.value(n, "seed")
	if !ok {
		return 0, false
	}
	if !isNumber || v != math.Trunc(v) || v < 1 || v > float64(maxSeed) {
		r.problem(at(n), "seed: %q is not a whole number from 1 to %d", clip(s), maxSeed)
		return 0, false
	}
	return uint64(v), true
}

// whole reads a whole number from least to most.
func (r *reader) whole(n ast.Node, what string, least, most int) (int, bool) {
	s, v, isNumber, ok := r.value(n, what)
	if !ok {
		return 0, false
	}
	if !isNumber || v != math.Trunc(v) || v < float64(least) || v > float64(most) {
		r.problem(at(n), "%s: %q is not a whole number from %d to %d", what, clip(s), least, most)
		return 0, false
	}
	return int(v), true
}

// span reads a duration from least to most; a bare number is seconds.
func (r *reader) span(n ast.Node, what string, least, most time.Duration) (time.Duration, bool) {
	s, v, isNumber, ok := r.value(n, what)
	if !ok {
		return 0, false
	}
	if isNumber {
		s = strconv.FormatFloat(v, 'f', -1, 64)
	}
	d, err := unit.ParseDuration(s)
	if err != nil {
		r.problem(at(n), "%s: %v", what, err)
		return 0, false
	}
	if d < least || d > most {
		r.problem(at(n), "%s: %s is not within %s to %s", what, d, least, most)
		return 0, false
	}
	return d, true
}

// choice reads one of a few words.
func (r *reader) choice(n ast.Node, what string, known []string) (string, bool) {
	s, ok := r.text(n, what)
	if !ok {
		return "", false
	}
	if !slices.Contains(known, s) {
		near := nearest.DidYouMean(s, known)
		if near == "" {
			near = ": want " + strings.Join(known, ", ")
		}
		r.problem(at(n), "%s: unknown %q%s", what, clip(s), near)
		return "", false
	}
	return s, true
}

// share reads a percentage with its sign as a fraction: "10%" is 0.1. It lies within 0 and most.
func (r *reader) share(n ast.Node, what string, most float64) (float64, bool) {
	s, _, isNumber, ok := r.value(n, what)
	if !ok {
		return 0, false
	}
	if isNumber {
		r.problem(at(n), "%s: %q lacks its sign: want a percentage such as 10%%", what, s)
		return 0, false
	}
	v, err := parsePercent(s)
	if err != nil {
		r.problem(at(n), "%s: %v", what, err)
		return 0, false
	}
	if v/100 > most {
		r.problem(at(n), "%s: %s is more than %g%%", what, clip(s), most*100)
		return 0, false
	}
	return v / 100, true
}

// matching reads a text that is whole within a pattern. want says in words what the pattern is.
func (r *reader) matching(n ast.Node, what, pattern, want string) (string, bool) {
	s, ok := r.text(n, what)
	if ok && !regexp.MustCompile(pattern).MatchString(s) {
		r.problem(at(n), "%s %q: want %s", what, clip(s), want)
		return "", false
	}
	return s, ok
}

// expression reads a regular expression.
func (r *reader) expression(n ast.Node, what string) (string, bool) {
	s, ok := r.text(n, what)
	if !ok {
		return "", false
	}
	if _, err := regexp.Compile(s); err != nil {
		r.problem(at(n), "%s: %v", what, err)
		return "", false
	}
	return s, true
}
