package analysis

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// maxFilter bounds what a person can mean by a filter, in bytes.
const maxFilter = 4096

// Match says whether a process passes.
type Match func(p *sampler.Process) bool

// Filter is a parsed filter for the process table. The zero Filter lets everything pass.
type Filter struct {
	text  string
	terms []Match
	costs bool
}

// FilterError says what is wrong with a filter, and where.
type FilterError struct {
	Column  int // in characters, from 1
	Message string
}

// Error names the column.
func (e *FilterError) Error() string {
	return fmt.Sprintf("filter, column %d: %s", e.Column, e.Message)
}

// Match reports whether p passes every term. A comparison with what is not known never passes.
func (f Filter) Match(p *sampler.Process) bool {
	for _, term := range f.terms {
		if !term(p) {
			return false
		}
	}
	return true
}

// Empty reports whether the filter lets everything pass.
func (f Filter) Empty() bool { return len(f.terms) == 0 }

// NeedsStatus reports whether the filter asks for swap or peak: sampler.ListOptions.All must then be set.
func (f Filter) NeedsStatus() bool { return f.costs }

// String returns the filter as it was typed.
func (f Filter) String() string { return f.text }

// ParseFilter reads a filter such as `mem>1gb user=root name~api`. Terms stand apart by space and all of them must hold.
// A term is a key, one of < <= > >= = != ~ and a value, or a bare word, which the name or the command must contain. Keys
// are mem (or rss), peak, swap, cpu (time used so far: 90s), pid, ppid, threads, and the texts name, command (or cmd),
// user, container and state. Texts compare without regard to case; ~ means contains. A value, or a bare word with one of
// these signs in it, is put in double quotes. Errors are of type *FilterError.
func ParseFilter(text string) (Filter, error) {
	if len(text) > maxFilter {
		return Filter{}, &FilterError{1, fmt.Sprintf("longer than %d bytes", maxFilter)}
	}
	f := Filter{text: text}
	for s := (scanner{text: text}); ; {
		t, more, err := s.next()
		if err != nil {
			return Filter{}, err
		}
		if !more {
			return f, nil
		}
		match, costs, err := t.match()
		if err != nil {
			return Filter{}, err
		}
		f.terms = append(f.terms, match)
		f.costs = f.costs || costs
	}
}

// term is what stands between two spaces. op is "" for a bare word, which is the value.
type term struct {
	key, op, value   string
	column, valueCol int
}

// scanner cuts a filter into terms.
type scanner struct {
	text string
	at   int
}

const operators = "<>=!~"

func (s *scanner) column() int { return utf8.RuneCountInString(s.text[:s.at]) + 1 }

func (s *scanner) next() (t term, more bool, err error) {
	for s.at < len(s.text) {
		r, size := utf8.DecodeRuneInString(s.text[s.at:])
		if !unicode.IsSpace(r) {
			break
		}
		s.at += size
	}
	if s.at == len(s.text) {
		return t, false, nil
	}
	t.column = s.column()
	t.valueCol = t.column
	word, quoted, err := s.word(operators)
	if err != nil {
		return t, false, err
	}
	t.op, err = s.operator()
	switch {
	case err != nil:
		return t, false, err
	case t.op == "":
		t.value = word
		return t, true, nil
	case quoted || word == "":
		return t, false, &FilterError{t.column, fmt.Sprintf("%q needs a key before it: %s", t.op, knownKeys)}
	}
	t.key, t.valueCol = strings.ToLower(word), s.column()
	if t.value, quoted, err = s.word(""); err != nil {
		return t, false, err
	}
	if t.value == "" && !quoted {
		return t, false, &FilterError{t.valueCol, fmt.Sprintf("%s%s needs a value after it", t.key, t.op)}
	}
	return t, true, nil
}

// word reads to a space or one of the stop characters, or a quoted text.
func (s *scanner) word(stop string) (word string, quoted bool, err error) {
	if strings.HasPrefix(s.text[s.at:], `"`) {
		end := strings.IndexByte(s.text[s.at+1:], '"')
		if end < 0 {
			return "", false, &FilterError{s.column(), `the quote is not closed: add a " at the end`}
		}
		word = s.text[s.at+1 : s.at+1+end]
		s.at += end + 2
		return word, true, nil
	}
	end := strings.IndexFunc(s.text[s.at:], func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(stop, r) })
	if end < 0 {
		end = len(s.text) - s.at
	}
	word = s.text[s.at : s.at+end]
	s.at += end
	return word, false, nil
}

func (s *scanner) operator() (string, error) {
	rest := s.text[s.at:]
	for _, op := range []string{"<=", ">=", "!=", "==", "<", ">", "=", "~"} {
		if strings.HasPrefix(rest, op) {
			s.at += len(op)
			return strings.Replace(op, "==", "=", 1), nil
		}
	}
	if strings.HasPrefix(rest, "!") {
		return "", &FilterError{s.column(), `"!" alone means nothing: != is "is not"`}
	}
	return "", nil
}

const knownKeys = "mem, peak, swap, cpu, pid, ppid, threads, name, command, user, container, state"

func (t term) match() (m Match, costs bool, err error) {
	if t.op == "" {
		want := strings.ToLower(t.value)
		return func(p *sampler.Process) bool { return contains(p.Name, want) || contains(p.Command, want) }, false, nil
	}
	if read, ok := numberKey(t.key); ok {
		m, err = t.number(read)
		return m, t.key == "swap" || t.key == "peak", err
	}
	if read, ok := textKey(t.key); ok {
		m, err = t.textual(read)
		return m, false, err
	}
	return nil, false, &FilterError{t.column, fmt.Sprintf("unknown key %q: known are %s; put a word in quotes to search for it", clip(t.key), knownKeys)}
}

// numeric is a key whose value is a number: where it stands in a row, and how it is written.
type numeric struct {
	read  func(p *sampler.Process) sampler.Reading
	parse func(string) (float64, error)
}

func numberKey(key string) (numeric, bool) {
	switch key {
	case "mem", "rss":
		return numeric{func(p *sampler.Process) sampler.Reading { return p.RSS }, unit.ParseBytes}, true
	case "peak":
		return numeric{func(p *sampler.Process) sampler.Reading { return p.Peak }, unit.ParseBytes}, true
	case "swap":
		return numeric{func(p *sampler.Process) sampler.Reading { return p.Swap }, unit.ParseBytes}, true
	case "cpu":
		return numeric{func(p *sampler.Process) sampler.Reading { return p.CPU }, parseSeconds}, true
	case "threads":
		return numeric{func(p *sampler.Process) sampler.Reading { return p.Threads }, parseWhole}, true
	case "pid":
		return numeric{func(p *sampler.Process) sampler.Reading { return sampler.Known(float64(p.PID)) }, parseWhole}, true
	case "ppid":
		return numeric{func(p *sampler.Process) sampler.Reading { return sampler.Known(float64(p.PPID)) }, parseWhole}, true
	}
	return numeric{}, false
}

func (t term) number(key numeric) (Match, error) {
	if t.op == "~" {
		return nil, &FilterError{t.column, fmt.Sprintf("~ is for texts: %s takes < <= > >= = !=", t.key)}
	}
	want, err := key.parse(t.value)
	if err != nil {
		return nil, &FilterError{t.valueCol, fmt.Sprintf("%s: %v", t.key, err)}
	}
	op := t.op
	return func(p *sampler.Process) bool {
		is := key.read(p)
		return is.OK && compare(is.Value, op, want)
	}, nil
}

func compare(is float64, op string, want float64) bool {
	switch op {
	case "<":
		return is < want
	case "<=":
		return is <= want
	case ">":
		return is > want
	case ">=":
		return is >= want
	case "!=":
		return is != want
	}
	return is == want
}

func textKey(key string) (func(p *sampler.Process) string, bool) {
	switch key {
	case "name":
		return func(p *sampler.Process) string { return p.Name }, true
	case "command", "cmd":
		return func(p *sampler.Process) string { return p.Command }, true
	case "user":
		return func(p *sampler.Process) string { return p.User }, true
	case "container":
		return func(p *sampler.Process) string { return p.Container }, true
	case "state":
		return func(p *sampler.Process) string {
			if p.State == 0 {
				return ""
			}
			return string(rune(p.State))
		}, true
	}
	return nil, false
}

func (t term) textual(read func(p *sampler.Process) string) (Match, error) {
	want := strings.ToLower(t.value)
	switch t.op {
	case "=":
		return func(p *sampler.Process) bool { return strings.EqualFold(read(p), want) }, nil
	case "!=":
		return func(p *sampler.Process) bool { return !strings.EqualFold(read(p), want) }, nil
	case "~":
		return func(p *sampler.Process) bool { return contains(read(p), want) }, nil
	}
	return nil, &FilterError{t.column, fmt.Sprintf("%s is for numbers: %s takes = != ~", t.op, t.key)}
}

// contains reports whether text contains lower, which is in lower case, without regard to case.
func contains(text, lower string) bool {
	return strings.Contains(text, lower) || strings.Contains(strings.ToLower(text), lower)
}

func parseSeconds(s string) (float64, error) {
	if strings.HasSuffix(s, "%") {
		return 0, fmt.Errorf("%q is a share: the key means CPU time used so far, such as 90s or 10m", clip(s))
	}
	d, err := unit.ParseDuration(s)
	return d.Seconds(), err
}

func parseWhole(s string) (float64, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", clip(s))
	}
	return float64(n), nil
}

// clip shortens what a stranger typed so that the message stays a line.
func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "..."
	}
	return s
}
