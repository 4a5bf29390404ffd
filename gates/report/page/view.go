package page

import (
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"

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

// viewer builds views and counts the identifiers.
type viewer struct {
	limits limits
	last   int
}

func newView(p *Page, l limits) *view {
	b := &viewer{limits: l}
	v := &view{Title: clean(p.Title), Verdict: verdict(p.Verdict), Facts: facts(p.Facts), Contents: len(p.Parts) > 1}
	if v.Title == "" {
		v.Title = "heaptop"
	}
	for _, n := range p.Notes {
		v.Notes = append(v.Notes, clean(n))
	}
	parts := p.Parts
	if len(parts) > l.parts {
		v.Notes = append(v.Notes, leftOut(len(parts)-l.parts, "section"))
		parts = parts[:l.parts]
	}
	for _, part := range parts {
		pv := partView{ID: b.id("s"), Title: clean(part.Title), Note: clean(part.Note), Verdict: verdict(part.Verdict), Folded: part.Folded}
		pv.Blocks = b.blocks(part.Blocks)
		v.Parts = append(v.Parts, pv)
	}
	return v
}

func (b *viewer) id(prefix string) string {
	b.last++
	return prefix + strconv.Itoa(b.last)
}

func (b *viewer) blocks(blocks []Block) []blockView {
	out := make([]blockView, 0, len(blocks))
	for i, block := range blocks {
		if i == b.limits.parts {
			return append(out, blockView{Text: &textView{Tone: "faint", Text: leftOut(len(blocks)-i, "block")}})
		}
		switch x := block.(type) {
		case Text:
			out = append(out, blockView{Text: &textView{Tone: toneClass(x.Tone), Sign: sign(x.Tone), Text: clean(x.Text)}})
		case Facts:
			out = append(out, blockView{Facts: facts(x)})
		case *Table:
			out = append(out, blockView{Table: b.table(x)})
		case *Chart:
			out = append(out, blockView{Chart: b.chart(x)})
		case *Flame:
			out = append(out, blockView{Flame: b.flame(x)})
		}
	}
	return out
}

// manyRows is from where on a table can be filtered.
const manyRows = 20

func (b *viewer) table(t *Table) *tableView {
	v := &tableView{ID: b.id("t"), Caption: clean(t.Caption), More: clean(t.More)}
	for _, c := range t.Columns {
		cv := columnView{Title: clean(c.Title), Hint: clean(c.Hint), Number: c.Number}
		if c.Number {
			cv.Kind = "n"
		} else if c.Code {
			cv.Kind = "c"
		}
		v.Hints = v.Hints || cv.Hint != ""
		v.Columns = append(v.Columns, cv)
	}
	rows := t.Rows
	if len(rows) > b.limits.rows {
		v.More = strings.TrimSpace(v.More + " " + leftOut(len(rows)-b.limits.rows, "more row"))
		rows = rows[:b.limits.rows]
	}
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
		v.Cells[i] = cell(c, columns[i].Kind)
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

func cell(c Cell, kind string) cellView {
	v := cellView{Text: clean(c.Text), Link: address(c.Link)}
	if c.Value != nil && !math.IsNaN(*c.Value) && !math.IsInf(*c.Value, 0) {
		v.Value = exact(*c.Value)
	}
	classes := make([]string, 0, 3)
	if kind != "" {
		classes = append(classes, kind)
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

func facts(list []Fact) []factView {
	out := make([]factView, 0, len(list))
	for _, f := range list {
		out = append(out, factView{Name: clean(f.Name), Value: clean(f.Value), Code: f.Code, Link: address(f.Link)})
	}
	return out
}

func verdict(v *Verdict) *verdictView {
	if v == nil {
		return nil
	}
	return &verdictView{Tone: toneClass(v.Tone), Sign: sign(v.Tone), Word: clean(v.Word), Text: clean(v.Text)}
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
	if link == "" || clean(link) != link {
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
