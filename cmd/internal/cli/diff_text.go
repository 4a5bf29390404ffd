package cli

import (
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// diffText prints the report as lines of at most width cells.
func diffText(r *diffReport, width int) string {
	p := &linePrinter{width: width}
	for _, s := range r.Sides {
		p.side(s, r.Later)
	}
	if r.Filter != "" {
		p.wrapped("filter ", r.Filter)
	}
	for _, w := range r.Warnings {
		p.wrapped("! ", w)
	}
	for i := range r.Lists {
		p.list(&r.Lists[i])
	}
	return p.b.String()
}

// linePrinter collects lines, none wider than width.
type linePrinter struct {
	b     strings.Builder
	width int
}

func (p *linePrinter) line(text string) {
	p.b.WriteString(strings.TrimRight(theme.Truncate(text, p.width), " "))
	p.b.WriteByte('\n')
}

// wrapped prints a text of any length, its further lines below the first word's.
func (p *linePrinter) wrapped(prefix, text string) {
	for _, l := range theme.Wrap(text, p.width-theme.Width(prefix), maxWrapped) {
		p.line(prefix + l)
		prefix = theme.Spaces(theme.Width(prefix))
	}
}

// maxWrapped is how many lines a warning may take.
const maxWrapped = 6

// side prints when on one line and what on the next.
func (p *linePrinter) side(s diffSide, later string) {
	when, what := []string{s.Name}, []string{}
	if s.Time != "" {
		when = append(when, s.Time)
	}
	if s.Word == "to" && later != "" {
		when = append(when, later)
	}
	if s.Program != "" {
		what = append(what, s.Program)
	}
	if s.Note != "" {
		what = append(what, `"`+s.Note+`"`)
	}
	p.wrapped(theme.Pad(s.Word, 5), strings.Join(when, "  "))
	if len(what) > 0 {
		p.wrapped(theme.Spaces(5), strings.Join(what, "  "))
	}
}

func (p *linePrinter) list(l *diffList) {
	p.line("")
	p.line(l.Title)
	if l.Note != "" {
		p.wrapped("  ", l.Note)
	}
	indent := 2
	for _, c := range l.Columns[:max(len(l.Columns)-1, 0)] {
		indent += c.Width + 1
	}
	if len(l.Rows) > 0 {
		titles := make([]string, len(l.Columns))
		for i, c := range l.Columns {
			titles[i] = c.Title
		}
		p.row(l, titles)
	}
	for _, row := range l.Rows {
		p.row(l, p.fitting(row, indent))
		if row.Detail != "" {
			p.wrapped(theme.Spaces(indent+1), row.Detail)
		}
		p.stack(row.Stack, indent)
	}
	if l.More != "" {
		p.line("  " + l.More)
	}
}

// stack prints the callers of a row: the innermost frame is the row's own.
func (p *linePrinter) stack(stack []diffFrame, indent int) {
	const most = 4
	if len(stack) == 0 {
		return
	}
	for _, f := range stack[1:min(1+most, len(stack))] {
		text, room := f.Short, p.width-indent-3
		if theme.Width(text) > room {
			text = f.Narrow
		}
		p.line(theme.Spaces(indent) + " ← " + theme.TruncateLeft(text, room))
	}
}

// fitting returns the cells of a row, with the narrow form of the last one where the other has no room.
func (p *linePrinter) fitting(row diffRow, indent int) []string {
	last := len(row.Cells) - 1
	if row.Narrow == "" || theme.Width(row.Cells[last]) <= p.width-indent-1 {
		return row.Cells
	}
	return append(slices.Clone(row.Cells[:last]), row.Narrow)
}

func (p *linePrinter) row(l *diffList, cells []string) {
	var b strings.Builder
	b.WriteString("  ")
	last := len(l.Columns) - 1
	for i, c := range cells {
		if i == last {
			b.WriteString(" ")
			b.WriteString(theme.TruncateLeft(c, p.width-theme.Width(b.String())))
			break
		}
		b.WriteString(theme.PadLeft(c, l.Columns[i].Width))
		b.WriteByte(' ')
	}
	p.line(b.String())
}
