// Package emulator is a terminal in memory: bytes go in, and a screen of cells with text, colours and a cursor is what a
// person would see. The workloads of package terminal draw on it.
//
// It joins the cell buffer of charmbracelet/x/cellbuf with the parser of charmbracelet/x/ansi, both of which the program
// links anyway. What was compared, an empty 80x24 screen and a stream of coloured and wide text on a busy machine:
//
//	                              empty      text in          why not
//	charmbracelet/x/vt            4.7 MB     1.2 to 1.8 MB/s  one buffer of its parser is larger than a session's whole
//	                                                          budget, and it keeps 10,000 lines: 23 MB after a second
//	ultraviolet.Buffer, x/ansi    294 KB     not measured     another module, of which the screen needs one type
//	hinshun/vt10x                 63 KB      5 to 11 MB/s     wide characters take one cell; no change since 2022
//	cellbuf.Buffer, x/ansi        28 KB      9 to 23 MB/s     chosen
//
// What the screen then shows is compared with tmux by a test.
//
// It answers no questions of programs (device status, colours), knows no mouse and no images, and a hyperlink or a character
// set is skipped: no workload sends them.
package emulator

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/cellbuf"
)

// Limits of a terminal.
const (
	maxSide = 1000
	// stringBytes is how much of an operating system command is kept, a title mostly. The parser's own 64 KiB would be most
	// of a small screen.
	stringBytes = 4096
	paramCount  = 32
)

// Terminal is one screen. One goroutine uses it.
type Terminal struct {
	width, height int
	parser        *ansi.Parser
	main, other   *cellbuf.Buffer // other is made when a program first asks for the alternate screen
	screen        *cellbuf.Buffer // the one that is shown: main or other
	pen           cellbuf.Style
	cell          cellbuf.Cell // what is printed now; the buffer keeps a copy
	cursor, saved position
	savedPen      cellbuf.Style
	left          position // of the cursor on the main screen while the other is shown
	top, bottom   int      // the rows that scroll, bottom included
	hidden        bool
	noWrap        bool
	title         string
	scrolled      scrollback
}

type position struct {
	x, y int
	// wrap says that the last column was written: the next character begins a line.
	wrap bool
}

// New returns an empty terminal of so many columns and rows, 1 to 1000 each, that keeps the text of the last lines which scrolled
// away at its top.
func New(width, height, lines int) (*Terminal, error) {
	if width < 1 || height < 1 || width > maxSide || height > maxSide || lines < 0 {
		return nil, fmt.Errorf("make a terminal of %dx%d that keeps %d lines: the sides are 1 to %d", width, height, lines, maxSide)
	}
	t := &Terminal{width: width, height: height, parser: &ansi.Parser{}, main: cellbuf.NewBuffer(width, height), scrolled: scrollback{limit: lines}}
	t.screen = t.main
	t.bottom = height - 1
	t.parser.SetParamsSize(paramCount)
	t.parser.SetDataSize(stringBytes)
	t.parser.SetHandler(ansi.Handler{Print: t.print, Execute: t.execute, HandleCsi: t.csi, HandleEsc: t.esc, HandleOsc: t.osc})
	return t, nil
}

// Size returns columns and rows.
func (t *Terminal) Size() (width, height int) { return t.width, t.height }

// Write shows what a program printed. It takes any bytes and never fails.
func (t *Terminal) Write(p []byte) (int, error) {
	t.parser.Parse(p)
	return len(p), nil
}

// Print is Write of a string, without a copy.
func (t *Terminal) Print(s string) {
	for i := range len(s) {
		t.parser.Advance(s[i])
	}
}

// Cursor returns column and row, from 0, and whether it is shown.
func (t *Terminal) Cursor() (x, y int, shown bool) { return t.cursor.x, t.cursor.y, !t.hidden }

// Title returns what a program named the window.
func (t *Terminal) Title() string { return t.title }

// Alternate says whether the alternate screen is shown.
func (t *Terminal) Alternate() bool { return t.screen != t.main }

// Cell returns what stands at a place; outside the screen and where nothing was written it is a blank.
func (t *Terminal) Cell(x, y int) cellbuf.Cell {
	if c := t.screen.Cell(x, y); c != nil {
		return *c
	}
	return cellbuf.BlankCell
}

// Row returns the text of a row without the blanks at its end.
func (t *Terminal) Row(y int) string {
	if y < 0 || y >= t.height {
		return ""
	}
	return rowText(t.screen.Line(y))
}

// Text returns the rows of the screen, joined by line feeds.
func (t *Terminal) Text() string {
	rows := make([]string, t.height)
	for y := range rows {
		rows[y] = t.Row(y)
	}
	return strings.Join(rows, "\n")
}

// Scrolled returns the text of the lines that scrolled away and are kept, the oldest first.
func (t *Terminal) Scrolled() []string { return t.scrolled.lines() }

// Render returns the screen as the bytes that draw it elsewhere: text with its colours, rows joined by CR LF.
func (t *Terminal) Render() string {
	var b strings.Builder
	b.Grow(t.width * t.height)
	for y := range t.height {
		if y > 0 {
			b.WriteString("\r\n")
		}
		renderRow(&b, t.screen.Line(y))
	}
	return b.String()
}

func renderRow(b *strings.Builder, line cellbuf.Line) {
	var pen cellbuf.Style
	last := len(line)
	for last > 0 && line[last-1] == nil {
		last--
	}
	for _, c := range line[:last] {
		if c == nil {
			c = &cellbuf.Cell{Rune: ' ', Width: 1}
		}
		if c.Empty() { // the right half of a wide character
			continue
		}
		if !c.Style.Equal(&pen) {
			b.WriteString(c.Style.DiffSequence(pen))
			pen = c.Style
		}
		b.WriteRune(c.Rune)
		for _, r := range c.Comb {
			b.WriteRune(r)
		}
	}
	if !pen.Empty() {
		b.WriteString(ansi.ResetStyle)
	}
}

func rowText(line cellbuf.Line) string {
	var b strings.Builder
	b.Grow(len(line))
	for _, c := range line {
		switch {
		case c == nil:
			b.WriteByte(' ')
		case !c.Empty():
			b.WriteRune(c.Rune)
			for _, r := range c.Comb {
				b.WriteRune(r)
			}
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// scrollback keeps the text of the last lines, in a ring.
type scrollback struct {
	limit int
	kept  []string
	next  int // the place of the oldest once the ring is full
}

func (s *scrollback) add(line cellbuf.Line) {
	switch {
	case s.limit == 0:
	case len(s.kept) < s.limit:
		s.kept = append(s.kept, rowText(line))
	default:
		s.kept[s.next] = rowText(line)
		s.next = (s.next + 1) % s.limit
	}
}

func (s *scrollback) lines() []string {
	return append(append([]string(nil), s.kept[s.next:]...), s.kept[:s.next]...)
}
