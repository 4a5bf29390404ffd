package policy

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/alloc-dev/heaptop/sampler/nearest"
)

// What a file may hold. A policy of 1,000 scenarios has less than 200 kB.
const (
	maxSize   = 512 << 10
	maxNodes  = 100_000 // once aliases are followed
	maxDepth  = 16
	maxIndent = 64 * maxDepth
)

// place is where something stands in the file; the zero place is nowhere.
type place struct{ line, column int }

// reader walks over the nodes of one file and collects what is wrong.
type reader struct {
	file     string
	problems Problems
	nodes    int
	depth    int
	anchors  map[string]ast.Node
	open     []string // aliases that are being followed
}

func (r *reader) problem(at place, format string, args ...any) {
	if len(r.problems) < 10*mostProblems {
		r.problems = append(r.problems, Problem{r.file, at.line, at.column, fmt.Sprintf(format, args...)})
	}
}

func at(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return at(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return at(n.Key)
	}
	return atToken(n.GetToken())
}

func atToken(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

// document returns the root of the file; ok is false, with a problem, when there is none to read.
func (r *reader) document(data []byte) (root ast.Node, ok bool) {
	if len(data) > maxSize {
		r.problem(place{}, "a policy of %d kB; at most %d kB are read", len(data)/1024, maxSize/1024)
		return nil, false
	}
	if at, ok := invalidText(data); !ok {
		r.problem(at, "is no text in UTF-8")
		return nil, false
	}
	tokens := lexer.Tokenize(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	if deep := tooDeep(tokens); deep != nil {
		r.problem(atToken(deep), "is nested deeper than %d levels", maxDepth)
		return nil, false
	}
	if second := secondDocument(tokens); second != nil {
		r.problem(atToken(second), "a second document: a policy is one")
		return nil, false
	}
	parsed, err := parser.Parse(tokens, 0)
	if err != nil {
		r.problem(syntax(err))
		return nil, false
	}
	for _, d := range parsed.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType {
			return d.Body, true
		}
	}
	r.problem(place{}, "is empty: heaptop check --help shows a policy")
	return nil, false
}

// invalidText returns the place of the first byte that is not of a text.
func invalidText(data []byte) (place, bool) {
	line, column := 1, 1
	for len(data) > 0 {
		c, size := utf8.DecodeRune(data)
		if c == utf8.RuneError && size <= 1 || c == 0 {
			return place{line, column}, false
		}
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
		data = data[size:]
	}
	return place{}, true
}

// tooDeep returns the first token that is nested deeper than a policy can be, before a parser that calls itself sees it.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, line, entries := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			// "- - - a" nests on one line; other blocks need a line and an indent for each level.
			if t.Position.Line != line {
				line, entries = t.Position.Line, 0
			}
			entries++
		}
		if flow > maxDepth || entries > maxDepth || t.Type == token.MappingValueType && t.Position.IndentNum > maxIndent {
			return t
		}
	}
	return nil
}

// secondDocument returns the mark behind which a second document begins. The parser takes long over many.
func secondDocument(tokens token.Tokens) *token.Token {
	begun := false
	for _, t := range tokens {
		switch t.Type {
		case token.DocumentHeaderType, token.DocumentEndType:
			if begun {
				return t
			}
		case token.CommentType, token.DirectiveType:
			continue
		}
		begun = true
	}
	return nil
}

// syntax returns the place and the words of the parser's error, which brings a picture of the source besides.
func syntax(err error) (at place, format, text string) {
	var detail *yaml.SyntaxError
	if !errors.As(err, &detail) {
		line, _, _ := strings.Cut(err.Error(), "\n")
		return place{}, "%s", line
	}
	return atToken(detail.Token), "%s", detail.Message
}

// enter counts a node, and follows anchors and aliases to what they stand for. done is called when the node was read; ok
// is false, with a problem, when there is nothing to read.
func (r *reader) enter(n ast.Node) (node ast.Node, done func(), ok bool) {
	none := func() {}
	r.nodes++
	if r.nodes == maxNodes {
		r.problem(at(n), "more than %d values, once aliases are followed", maxNodes)
	}
	if r.nodes >= maxNodes {
		return nil, none, false
	}
	switch n := n.(type) {
	case *ast.TagNode:
		r.problem(at(n), "tags such as %s are not read here", clip(n.GetToken().Value))
		return nil, none, false
	case *ast.AnchorNode:
		r.anchors[n.Name.String()] = n.Value
		return r.enter(n.Value)
	case *ast.AliasNode:
		name := n.Value.String()
		target, found := r.anchors[name]
		if !found {
			r.problem(at(n), "no value before this is named &%s", clip(name))
			return nil, none, false
		}
		if slices.Contains(r.open, name) {
			r.problem(at(n), "*%s stands within what it names", clip(name))
			return nil, none, false
		}
		r.open = append(r.open, name)
		node, inner, ok := r.enter(target)
		return node, func() { inner(); r.open = r.open[:len(r.open)-1] }, ok
	case nil:
		return nil, none, false
	}
	return n, none, true
}

// key is one that a mapping may have, and what reads its value.
type key struct {
	name string
	read func(r *reader, n ast.Node)
}

// mapping reads a mapping that may have these keys. what names it in problems: "a scenario". It returns where each key
// stands, which tells those that are there; nil when it is no mapping.
func (r *reader) mapping(n ast.Node, what string, keys []key) map[string]place {
	names := make([]string, 0, len(keys))
	for _, k := range keys {
		names = append(names, k.name)
	}
	seen := map[string]place{}
	ok := r.pairs(n, what, func(name string, where place, value ast.Node) {
		i := slices.Index(names, name)
		if i < 0 {
			near := nearest.DidYouMean(name, names)
			if near == "" {
				near = ": " + what + " has " + strings.Join(names, ", ")
			}
			r.problem(where, "unknown key %q%s", clip(name), near)
			return
		}
		seen[name] = where
		if value == nil || value.Type() == ast.NullType {
			r.problem(where, "%s has no value", name)
			return
		}
		keys[i].read(r, value)
	})
	if !ok {
		return nil
	}
	return seen
}

// pairs calls read for each key and value of a mapping, in order; ok is false, with a problem, when it is none.
func (r *reader) pairs(n ast.Node, what string, read func(key string, where place, value ast.Node)) (ok bool) {
	n, done, ok := r.enter(n)
	defer done()
	if !ok {
		return false
	}
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.problem(at(n), "%s wants keys and values, not %s", what, kindOf(n))
		return false
	}
	if r.depth++; r.depth > maxDepth {
		r.problem(at(n), "is nested deeper than %d levels", maxDepth)
		return false
	}
	defer func() { r.depth-- }()
	used := map[string]place{}
	for _, v := range values {
		k, ok := v.Key.(*ast.StringNode)
		switch {
		case v.Key.Type() == ast.MergeKeyType:
			r.problem(at(v.Key), "merge keys are not read here: write the keys out, so that each has a line of its own")
			continue
		case !ok:
			r.problem(at(v.Key), "%s cannot have the key %q: want a plain word", what, clip(v.Key.String()))
			continue
		}
		if first, twice := used[k.Value]; twice {
			r.problem(at(k), "%q is there twice, first on line %d", clip(k.Value), first.line)
			continue
		}
		used[k.Value] = at(k)
		read(k.Value, at(k), v.Value)
	}
	return true
}

// filled refuses a mapping or list of nothing where that could be taken for none of what is set elsewhere.
func (r *reader) filled(n ast.Node, what string) {
	n, done, ok := r.enter(n)
	defer done()
	if !ok {
		return
	}
	m, isMapping := n.(*ast.MappingNode)
	s, isList := n.(*ast.SequenceNode)
	if isMapping && len(m.Values) == 0 || isList && len(s.Values) == 0 {
		r.problem(at(n), "%s is empty, which changes nothing: leave it out", what)
	}
}

// list calls read for each entry of a list. A single value is not taken for a list of one.
func (r *reader) list(n ast.Node, what string, read func(n ast.Node)) {
	n, done, ok := r.enter(n)
	defer done()
	if !ok {
		return
	}
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		r.problem(at(n), "%s wants a list, not %s", what, kindOf(n))
		return
	}
	if r.depth++; r.depth > maxDepth {
		r.problem(at(n), "is nested deeper than %d levels", maxDepth)
		return
	}
	defer func() { r.depth-- }()
	for _, v := range s.Values {
		if v == nil || v.Type() == ast.NullType {
			r.problem(at(n), "%s has an entry that is empty", what)
			continue
		}
		read(v)
	}
}

// kindOf names a node in problems.
func kindOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode, *ast.StringNode:
		return fmt.Sprintf("%q", clip(n.GetToken().Value))
	}
	return "this"
}

// clip shortens what a stranger wrote so that the message stays a line.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
