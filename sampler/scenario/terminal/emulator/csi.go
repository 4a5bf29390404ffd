package emulator

import (
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/cellbuf"
)

// csi does a control sequence. Parameters are bounded by the screen before they are used.
func (t *Terminal) csi(cmd ansi.Cmd, params ansi.Params) {
	if cmd.Intermediate() != 0 {
		return
	}
	switch cmd.Prefix() {
	case '?':
		t.modes(cmd.Final(), params)
		return
	case 0:
	default:
		return
	}
	if t.move(cmd.Final(), params) {
		return
	}
	switch cmd.Final() {
	case 'J':
		t.eraseScreen(number(params, 0, 0))
	case 'K':
		t.eraseLine(number(params, 0, 0))
	case 'm':
		cellbuf.ReadStyle(params, &t.pen)
	case 'r':
		t.region(number(params, 0, 1), number(params, 1, t.height))
	case 's':
		t.save()
	case 'u':
		t.restore()
	default:
		t.shift(cmd.Final(), number(params, 0, 1))
	}
}

// number is the parameter at an index, 0 to maxSide; other where it is missing.
func number(params ansi.Params, i, other int) int {
	n, _, ok := params.Param(i, other)
	if !ok {
		return other
	}
	return min(max(n, 0), maxSide)
}

// move does the sequences that only move the cursor.
func (t *Terminal) move(final byte, params ansi.Params) bool {
	n := max(number(params, 0, 1), 1)
	x, y := t.cursor.x, t.cursor.y
	switch final {
	case 'A':
		t.moveTo(x, y-n)
	case 'B', 'e':
		t.moveTo(x, y+n)
	case 'C', 'a':
		t.moveTo(x+n, y)
	case 'D':
		t.moveTo(x-n, y)
	case 'E':
		t.moveTo(0, y+n)
	case 'F':
		t.moveTo(0, y-n)
	case 'G', '`':
		t.moveTo(n-1, y)
	case 'd':
		t.moveTo(x, n-1)
	case 'H', 'f':
		t.moveTo(max(number(params, 1, 1), 1)-1, n-1)
	default:
		return false
	}
	return true
}

// shift does the sequences that insert, delete and scroll.
func (t *Terminal) shift(final byte, n int) {
	n = max(n, 1)
	inRegion := t.cursor.y >= t.top && t.cursor.y <= t.bottom
	switch final {
	case 'L':
		if inRegion {
			t.scrollDown(t.cursor.y, n)
		}
	case 'M':
		if inRegion {
			t.deleteLines(n)
		}
	case 'S':
		t.scrollUp(t.top, n)
	case 'T':
		t.scrollDown(t.top, n)
	case '@':
		t.insertCells(n)
	case 'P':
		t.deleteCells(n)
	case 'X':
		t.erase(t.cursor.x, t.cursor.y, min(t.cursor.x+n, t.width), t.cursor.y+1)
	}
}

// deleteLines is a scroll of which nothing is kept.
func (t *Terminal) deleteLines(n int) {
	limit := t.scrolled.limit
	t.scrolled.limit = 0
	t.scrollUp(t.cursor.y, n)
	t.scrolled.limit = limit
}

func (t *Terminal) insertCells(n int) {
	line := t.screen.Line(t.cursor.y)
	n = min(n, t.width-t.cursor.x)
	t.splitWide(line, t.cursor.x)
	t.splitWide(line, t.width-n)
	copy(line[t.cursor.x+n:], line[t.cursor.x:])
	for x := t.cursor.x; x < t.cursor.x+n; x++ {
		line[x] = t.blank()
	}
}

func (t *Terminal) deleteCells(n int) {
	line := t.screen.Line(t.cursor.y)
	n = min(n, t.width-t.cursor.x)
	t.splitWide(line, t.cursor.x)
	t.splitWide(line, t.cursor.x+n)
	copy(line[t.cursor.x:], line[t.cursor.x+n:])
	for x := t.width - n; x < t.width; x++ {
		line[x] = t.blank()
	}
}

func (t *Terminal) eraseScreen(how int) {
	switch how {
	case 0:
		t.eraseLine(0)
		t.erase(0, t.cursor.y+1, t.width, t.height)
	case 1:
		t.erase(0, 0, t.width, t.cursor.y)
		t.eraseLine(1)
	case 2:
		t.erase(0, 0, t.width, t.height)
	case 3:
		t.scrolled = scrollback{limit: t.scrolled.limit}
	}
}

func (t *Terminal) eraseLine(how int) {
	x0, x1 := t.cursor.x, t.width
	switch how {
	case 1:
		x0, x1 = 0, t.cursor.x+1
	case 2:
		x0 = 0
	}
	t.erase(x0, t.cursor.y, x1, t.cursor.y+1)
}

// region sets the rows that scroll, from 1; one that holds fewer than two rows is ignored.
func (t *Terminal) region(top, bottom int) {
	top, bottom = max(top, 1), min(bottom, t.height)
	if bottom == 0 {
		bottom = t.height
	}
	if top >= bottom {
		return
	}
	t.top, t.bottom = top-1, bottom-1
	t.moveTo(0, 0)
}

// modes sets and resets the private modes that change what is seen.
func (t *Terminal) modes(final byte, params ansi.Params) {
	if final != 'h' && final != 'l' {
		return
	}
	on := final == 'h'
	for i := range params {
		switch number(params[i:], 0, 0) {
		case 7:
			t.noWrap = !on
		case 25:
			t.hidden = !on
		case 47:
			t.alternate(on)
		}
		// 1047 and 1049 are above what number lets through
		switch n, _, _ := params.Param(i, 0); n {
		case 1047, 1049:
			t.alternate(on)
		}
	}
}

// alternate shows the other screen, blank, or the main one as it was left.
func (t *Terminal) alternate(on bool) {
	if on == t.Alternate() {
		return
	}
	if !on {
		t.screen, t.cursor = t.main, t.left
		return
	}
	if t.other == nil {
		t.other = cellbuf.NewBuffer(t.width, t.height)
	}
	t.screen, t.left = t.other, t.cursor
	t.erase(0, 0, t.width, t.height)
}
