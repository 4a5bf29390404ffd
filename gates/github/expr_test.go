package github_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// expressions evaluates what stands between ${{ and }} in the workflows: paths, strings, comparisons, and the few functions
// that they use. Anything else fails the test, so that a workflow cannot outgrow it unseen.
type expressions struct {
	t        *testing.T
	contexts map[string]any // github, inputs, steps, needs
	failed   bool
}

var placeholder = regexp.MustCompile(`\$\{\{(.*?)\}\}`)

// expand replaces the expressions in a text.
func (e *expressions) expand(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(s string) string { return show(e.eval(s[3 : len(s)-2])) })
}

// holds evaluates an if. Without a function of status in it, success() is meant as well.
func (e *expressions) holds(condition string) bool {
	condition = strings.TrimSpace(condition)
	if m := placeholder.FindStringSubmatch(condition); m != nil {
		condition = strings.TrimSpace(m[1])
	}
	status := regexp.MustCompile(`\b(success|failure|cancelled|always)\(\)`).MatchString(condition)
	if !status && e.failed {
		return false
	}
	return condition == "" || truth(e.eval(condition))
}

func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	}
	return true
}

func show(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(v)
}

var token1 = regexp.MustCompile(`^\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|\(|\)|,|[A-Za-z_][A-Za-z0-9_.-]*|[0-9]+)`)

func (e *expressions) eval(text string) any {
	var tokens []string
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := token1.FindStringSubmatch(rest)
		if m == nil {
			e.t.Fatalf("the test cannot read the expression %q", text)
		}
		tokens, rest = append(tokens, m[1]), rest[len(m[0]):]
	}
	p := &parser{e, tokens}
	v := p.or()
	if len(p.rest) > 0 {
		e.t.Fatalf("the test cannot read the end %q of the expression %q", p.rest, text)
	}
	return v
}

type parser struct {
	*expressions
	rest []string
}

func (p *parser) is(token string) bool {
	if len(p.rest) == 0 || p.rest[0] != token {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) or() any {
	v := p.and()
	for p.is("||") {
		if w := p.and(); !truth(v) {
			v = w
		}
	}
	return v
}

func (p *parser) and() any {
	v := p.compare()
	for p.is("&&") {
		if w := p.compare(); truth(v) {
			v = w
		}
	}
	return v
}

func (p *parser) compare() any {
	v := p.one()
	switch {
	case p.is("=="):
		return show(v) == show(p.one())
	case p.is("!="):
		return show(v) != show(p.one())
	}
	return v
}

func (p *parser) one() any {
	switch {
	case p.is("!"):
		return !truth(p.one())
	case p.is("("):
		v := p.or()
		p.is(")")
		return v
	case len(p.rest) == 0:
		p.t.Fatal("an expression ends too early")
	}
	word := p.rest[0]
	p.rest = p.rest[1:]
	if strings.HasPrefix(word, "'") {
		return strings.ReplaceAll(word[1:len(word)-1], "''", "'")
	}
	if !p.is("(") {
		return p.path(word)
	}
	var args []any
	for !p.is(")") {
		args = append(args, p.or())
		p.is(",")
	}
	switch word {
	case "failure":
		return p.failed
	case "success":
		return !p.failed
	case "cancelled":
		return false
	case "fromJSON":
		var v any
		if err := json.Unmarshal([]byte(show(args[0])), &v); err != nil {
			p.t.Fatal(err)
		}
		return v
	case "contains":
		return slices.ContainsFunc(args[0].([]any), func(v any) bool { return show(v) == show(args[1]) })
	}
	p.t.Fatalf("the test does not know the function %s", word)
	return nil
}

func (p *parser) path(word string) any {
	if word == "true" || word == "false" {
		return word == "true"
	}
	parts := strings.Split(word, ".")
	if _, known := p.contexts[parts[0]]; !known {
		p.t.Fatalf("the test does not know the context of %s", word)
	}
	var v any = p.contexts
	for _, part := range parts {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}
