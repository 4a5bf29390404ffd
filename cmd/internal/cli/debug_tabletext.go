package cli

import (
	"strings"

	"github.com/alloc-dev/heaptop/tui/theme"
)

const (
	tableGap  = 2  // cells between columns
	mostCell  = 16 // cells of a number
	leastName = 18 // cells for the names: columns are left out before there are fewer
)

// tableText prints a table in textCells.
type tableText struct {
	b      *strings.Builder
	widths []int
	name   int // cells for the names
}

// newTableText prints an empty line and the titles. Columns are as wide as what is in them.
func newTableText(b *strings.Builder, t *table) *tableText {
	l := &tableText{b: b, name: textCells - tableGap}
	for i, title := range t.titles {
		w := min(theme.Width(theme.Clean(title)), mostCell)
		for j := range t.rows {
			if i < len(t.rows[j].cells) {
				w = max(w, min(theme.Width(theme.Clean(t.rows[j].cells[i])), mostCell))
			}
		}
		if l.name-w-tableGap < leastName {
			break
		}
		l.widths = append(l.widths, w)
		l.name -= w + tableGap
	}
	upper := make([]string, len(t.titles))
	for i := range upper {
		upper[i] = strings.ToUpper(t.titles[i])
	}
	b.WriteByte('\n')
	l.line(upper, theme.Truncate(strings.ToUpper(theme.Clean(t.of)), l.name))
	return l
}

// line prints the cells and a text that is short enough. Cells that are missing are empty.
func (l *tableText) line(cells []string, text string) {
	var line strings.Builder
	for i, w := range l.widths {
		cell := ""
		if i < len(cells) {
			cell = theme.Truncate(theme.Clean(cells[i]), w)
		}
		line.WriteString(theme.Spaces(tableGap) + theme.PadLeft(cell, w))
	}
	line.WriteString(theme.Spaces(tableGap) + text)
	l.b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// row prints a row, its note behind the name and below it.
func (l *tableText) row(r *tableRow) {
	name, note := theme.Clean(r.name), theme.Clean(r.note)
	if note == "" {
		l.line(r.cells, theme.TruncateLeft(name, l.name))
		return
	}
	const indent, mostLines = 2, 6
	name = theme.TruncateLeft(name, l.name-indent) + " ·"
	for i, text := range theme.Wrap(name+" "+note, l.name-indent, mostLines) {
		if i == 0 {
			l.line(r.cells, text)
		} else {
			l.line(nil, theme.Spaces(indent)+text)
		}
	}
}

// site prints a row whose name is a function and its line: below each other where they do not fit beside each other.
func (l *tableText) site(r *tableRow) {
	name, place, _ := strings.Cut(theme.Clean(r.name), " ")
	if theme.Width(name)+1+theme.Width(place) <= l.name {
		l.line(r.cells, name+" "+place)
		return
	}
	l.line(r.cells, theme.TruncateLeft(name, l.name))
	l.line(nil, theme.TruncateLeft(place, l.name))
}
