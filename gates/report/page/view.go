package page

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alloc-dev/heaptop/gates/internal/printable"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// view is a page as the template reads it: every text cleaned, every block with its own identifier.
type view struct {
	Title, Policy string
	CSS           template.CSS
	Script        template.JS
	Verdict       *verdictView
	Facts         []factView
	Notes         []string
	Parts         []partView
	Contents      bool // there is more than one section to go to
}

type verdictView struct{ Tone, Sign, Word, Text string }

type factView struct {
	Name, Value, Link string
	Code              bool
}

type partView struct {
	ID, Title, Note string
	Verdict         *verdictView
	Folded          bool
	Blocks          []blockView
}

// blockView has one of its fields set.
type blockView struct {
	Text  *textView
	Facts []factView
	Table *tableView
	Chart *chartView
	Flame *flameView
}

type textView struct{ Tone, Sign, Text string }

type tableView struct {
	ID, Caption, More string
	Columns           []columnView
	Rows              []rowView
	Hints, Filter     bool
}

type columnView struct {
	Title, Hint, Kind string
	Number            bool
}

type rowView struct {
	Cells  []cellView
	Detail []blockView
	Name   string // what the detail is of
	Span   int
}

type cellView struct {
	Text, Class, Value, Link string
	Head                     bool
}

// viewer builds views, counts the identifiers, and keeps how much of the limits was used.
type viewer struct {
	limits, used limits
	last         int
}

// newView returns what the template reads, and how much of the limits it used.
func newView(p *Page, l limits) (*view, limits) {
	b := &viewer{limits: l}
	v := &view{Title: b.clean(p.Title), Verdict: b.verdict(p.Verdict), Facts: b.facts(p.Facts), Contents: len(p.Parts) > 1}
	if v.Title == "" {
		v.Title = "heaptop"
	}
	notes, more := atMost(p.Notes, l.parts, &b.used.parts, "note")
	for _, n := range notes {
		v.Notes = append(v.Notes, b.clean(n))
	}
	parts, fewer := atMost(p.Parts, l.parts, &b.used.parts, "section")
	for _, left := range []string{more, fewer} {
		if left != "" {
			v.Notes = append(v.Notes, left)
		}
	}
	for _, part := range parts {
		pv := partView{ID: b.id("s"), Title: b.clean(part.Title), Note: b.clean(part.Note), Verdict: b.verdict(part.Verdict), Folded: part.Folded}
		pv.Blocks = b.blocks(part.Blocks)
		v.Parts = append(v.Parts, pv)
	}
	return v, b.used
}

// clean makes a text of a stranger safe to print, and short enough; escaping is the template's.
func (b *viewer) clean(s string) string {
	s = printable.Line(s)
	if len(s) <= b.limits.text {
		return s
	}
	end := b.limits.text
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// printer returns a format whose texts are clean.
func (b *viewer) printer(format func(float64) string) func(float64) string {
	return func(v float64) string { return b.clean(format(v)) }
}

// atMost returns the first of a list, and what is said about the others. It notes how many there are.
func atMost[T any](list []T, most int, used *int, what string) ([]T, string) {
	*used = max(*used, len(list))
	if len(list) <= most {
		return list, ""
	}
	return list[:most], leftOut(len(list)-most, what)
}

func (b *viewer) id(prefix string) string {
	b.last++
	return prefix + strconv.Itoa(b.last)
}

func (b *viewer) blocks(blocks []Block) []blockView {
	out := make([]blockView, 0, len(blocks))
	blocks, left := atMost(blocks, b.limits.parts, &b.used.parts, "block")
	for _, block := range blocks {
		switch x := block.(type) {
		case Text:
			out = append(out, blockView{Text: &textView{Tone: toneClass(x.Tone), Sign: sign(x.Tone), Text: b.clean(x.Text)}})
		case Facts:
			out = append(out, blockView{Facts: b.facts(x)})
		case *Table:
			out = append(out, blockView{Table: b.table(x)})
		case *Chart:
			out = append(out, blockView{Chart: b.chart(x)})
		case *Flame:
			out = append(out, blockView{Flame: b.flame(x)})
		}
	}
	if left != "" {
		out = append(out, blockView{Text: &textView{Tone: "faint", Text: left}})
	}
	return out
}

// manyRows is from where on a table can be filtered.
const manyRows = 20

func (b *viewer) table(t *Table) *tableView {
	v := &tableView{ID: b.id("t"), Caption: b.clean(t.Caption), More: b.clean(t.More)}
	for _, c := range t.Columns {
		cv := columnView{Title: b.clean(c.Title), Hint: b.clean(c.Hint), Number: c.Number}
		if c.Number {
			cv.Kind = "n"
		} else if c.Code {
			cv.Kind = "c"
		}
		v.Hints = v.Hints || cv.Hint != ""
		v.Columns = append(v.Columns, cv)
	}
	rows, left := atMost(t.Rows, b.limits.rows, &b.used.rows, "more row")
	v.More = strings.TrimSpace(v.More + " " + left)
	v.Filter = len(rows) > manyRows
	v.Rows = make([]rowView, 0, len(rows))
	for _, r := range rows {
		v.Rows = append(v.Rows, b.row(r, v.Columns))
	}
	return v
}

func (b *viewer) row(r Row, columns []columnView) rowView {
	v := rowView{Span: len(columns), Cells: make([]cellView, len(columns))}
	for i := range columns {
		c := Cell{}
		if i < len(r.Cells) {
			c = r.Cells[i]
		}
		v.Cells[i] = b.cell(c, columns[i].Kind)
		v.Cells[i].Head = i == 0
	}
	if len(r.Detail) > 0 {
		v.Detail = b.blocks(r.Detail)
		if len(v.Cells) > 0 {
			v.Name = v.Cells[0].Text
		}
	}
	return v
}

// wideText is from how many characters on a cell is broken into lines, which are not narrow then.
const wideText = 32

func (b *viewer) cell(c Cell, kind string) cellView {
	v := cellView{Text: b.clean(c.Text), Link: address(c.Link)}
	if c.Value != nil && !math.IsNaN(*c.Value) && !math.IsInf(*c.Value, 0) {
		v.Value = exact(*c.Value)
	}
	classes := make([]string, 0, 3)
	if kind != "" {
		classes = append(classes, kind)
	}
	if utf8.RuneCountInString(v.Text) > wideText && kind != "n" {
		classes = append(classes, "w")
	}
	if tone := toneClass(c.Tone); tone != "" {
		classes = append(classes, tone)
	}
	if c.Share > 0 { // false for NaN
		share := max(1, int(math.Round(min(c.Share, 1)*100)))
		classes = append(classes, "s", "s"+strconv.Itoa(share))
	}
	v.Class = strings.Join(classes, " ")
	return v
}

func (b *viewer) facts(list []Fact) []factView {
	list, left := atMost(list, b.limits.parts, &b.used.parts, "fact")
	out := make([]factView, 0, len(list))
	for _, f := range list {
		out = append(out, factView{Name: b.clean(f.Name), Value: b.clean(f.Value), Code: f.Code, Link: address(f.Link)})
	}
	if left != "" {
		out = append(out, factView{Name: "More", Value: left})
	}
	return out
}

func (b *viewer) verdict(v *Verdict) *verdictView {
	if v == nil {
		return nil
	}
	return &verdictView{Tone: toneClass(v.Tone), Sign: sign(v.Tone), Word: b.clean(v.Word), Text: b.clean(v.Text)}
}

// toneClass is the class of a tone, empty for Plain and what is no tone.
func toneClass(t Tone) string {
	names := [...]string{"", "good", "warn", "bad", "faint", "up", "down"}
	if t < 0 || int(t) >= len(names) {
		return ""
	}
	return names[t]
}

// sign is what tells a tone without colour.
func sign(t Tone) string {
	signs := [...]string{"", "✓", "!", "✗", "", "▲", "▼"}
	if t < 0 || int(t) >= len(signs) {
		return ""
	}
	return signs[t]
}

// address returns an address that may be linked: http or https, with a host and no password. Otherwise it is empty.
func address(link string) string {
	if link == "" || printable.Line(link) != link {
		return ""
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

// leftOut says how much is not on the page for its size.
func leftOut(n int, what string) string {
	verb := " is left out"
	if n != 1 {
		what, verb = what+"s", " are left out"
	}
	return fmt.Sprintf("%s %s%s, to keep the page small.", unit.Count(float64(n)), what, verb)
}

// exact prints a number with all its digits, without an exponent where people would not write one.
func exact(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
