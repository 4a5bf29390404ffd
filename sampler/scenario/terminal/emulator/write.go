package emulator

import (
	"bytes"
	"slices"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/cellbuf"
	"github.com/clipperhouse/displaywidth"
)

const (
	tabWidth = 8
	// maxMarks bounds the combining characters of one cell, of which a stream may hold any number.
	maxMarks = 8
)

func (t *Terminal) print(r rune) {
	width := 1
	if r >= 0x80 {
		width = displaywidth.Rune(r)
	}
	if width == 0 {
		t.combine(r)
		return
	}
	if t.cursor.wrap || t.cursor.x+width > t.width {
		t.wrap(width)
	}
	t.cell = cellbuf.Cell{Rune: r, Width: width, Style: t.pen}
	t.screen.SetCell(t.cursor.x, t.cursor.y, &t.cell)
	t.cursor.x += width
	if t.cursor.x >= t.width {
		t.cursor.x = t.width - 1
		t.cursor.wrap = !t.noWrap
	}
}

// wrap makes room for a character that does not fit after the last.
func (t *Terminal) wrap(width int) {
	if t.noWrap {
		t.cursor.x = max(t.width-width, 0)
		return
	}
	t.cursor.x, t.cursor.wrap = 0, false
	t.lineFeed()
}

// combine adds a mark without width to the character before the cursor.
func (t *Terminal) combine(r rune) {
	x := t.cursor.x
	if !t.cursor.wrap {
		x--
	}
	line := t.screen.Line(t.cursor.y)
	if x > 0 && line[x] != nil && line[x].Empty() {
		x-- // the left half of a wide character
	}
	if x >= 0 && line[x] != nil && len(line[x].Comb) < maxMarks {
		line[x].Append(r)
	}
}

func (t *Terminal) execute(b byte) {
	switch b {
	case '\b':
		t.moveTo(t.cursor.x-1, t.cursor.y)
	case '\t':
		t.moveTo((t.cursor.x/tabWidth+1)*tabWidth, t.cursor.y)
	case '\n', '\v', '\f':
		t.cursor.wrap = false
		t.lineFeed()
	case '\r':
		t.moveTo(0, t.cursor.y)
	}
}

func (t *Terminal) esc(cmd ansi.Cmd) {
	if cmd.Intermediate() != 0 {
		return // character sets
	}
	switch cmd.Final() {
	case '7':
		t.save()
	case '8':
		t.restore()
	case 'D':
		t.lineFeed()
	case 'E':
		t.moveTo(0, t.cursor.y)
		t.lineFeed()
	case 'M':
		if t.cursor.y == t.top {
			t.scrollDown(t.top, 1)
		} else {
			t.moveTo(t.cursor.x, t.cursor.y-1)
		}
	case 'c':
		t.reset()
	}
}

func (t *Terminal) osc(cmd int, data []byte) {
	if cmd == 0 || cmd == 2 {
		_, title, _ := bytes.Cut(data, []byte(";"))
		t.title = string(title)
	}
}

func (t *Terminal) reset() {
	t.screen, t.pen, t.cursor, t.saved, t.savedPen = t.main, cellbuf.Style{}, position{}, position{}, cellbuf.Style{}
	t.top, t.bottom, t.hidden, t.noWrap, t.title = 0, t.height-1, false, false, ""
	t.erase(0, 0, t.width, t.height)
}

func (t *Terminal) save()    { t.saved, t.savedPen = t.cursor, t.pen }
func (t *Terminal) restore() { t.cursor, t.pen = t.saved, t.savedPen }

// moveTo puts the cursor there, or at the edge that is nearest.
func (t *Terminal) moveTo(x, y int) {
	t.cursor = position{x: min(max(x, 0), t.width-1), y: min(max(y, 0), t.height-1)}
}

func (t *Terminal) lineFeed() {
	if t.cursor.y == t.bottom {
		t.scrollUp(t.top, 1)
	} else if t.cursor.y < t.height-1 {
		t.cursor.y++
	}
}

// scrollUp moves the rows from there to the end of the region up by n. The rows themselves move, not their cells: the buffer's
// own way is a copy and a new blank for each.
func (t *Terminal) scrollUp(from, n int) {
	rows := t.screen.Lines[from : t.bottom+1]
	n = min(n, len(rows))
	for _, row := range rows[:n] {
		if from == 0 && t.screen == t.main {
			t.scrolled.add(row)
		}
		clear(row)
	}
	rotate(rows, n)
}

func (t *Terminal) scrollDown(from, n int) {
	rows := t.screen.Lines[from : t.bottom+1]
	n = min(n, len(rows))
	for _, row := range rows[len(rows)-n:] {
		clear(row)
	}
	rotate(rows, len(rows)-n)
}

// rotate moves the first n to the end.
func rotate(rows []cellbuf.Line, n int) {
	slices.Reverse(rows[:n])
	slices.Reverse(rows[n:])
	slices.Reverse(rows)
}

// erase blanks the cells from one column to before another, in the rows from one to before another. A background that is set
// stays on them.
func (t *Terminal) erase(x0, y0, x1, y1 int) {
	for y := y0; y < y1; y++ {
		line := t.screen.Line(y)
		t.splitWide(line, x0)
		t.splitWide(line, x1)
		for x := x0; x < x1; x++ {
			line[x] = t.blank()
		}
	}
}

// splitWide blanks both halves of a wide character that a change at x would cut.
func (t *Terminal) splitWide(line cellbuf.Line, x int) {
	if x > 0 && x < len(line) && line[x] != nil && line[x].Empty() {
		line[x-1], line[x] = nil, nil
	}
}

func (t *Terminal) blank() *cellbuf.Cell {
	if t.pen.Bg == nil {
		return nil
	}
	return &cellbuf.Cell{Rune: ' ', Width: 1, Style: cellbuf.Style{Bg: t.pen.Bg}}
}
