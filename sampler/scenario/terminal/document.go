package terminal

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// documentLines is the longest a file of the editor becomes: who edits for long deletes as well.
	documentLines = 400
	// undoDepth is how many changes can be taken back.
	undoDepth = 50
)

// document is a file that is edited.
type document struct {
	name     string
	lines    []string
	row, col int
	top      int // the first line on the screen
	modified bool
	undo     []change // the oldest first
}

// change is what one edit did: at a line, old became new.
type change struct {
	at       int
	old, new []string
}

func newDocument(n int, function func() []string) *document {
	d := &document{name: fmt.Sprintf("lib/module_%d.ex", n)}
	for len(d.lines) < 60 {
		d.lines = append(d.lines, function()...)
	}
	return d
}

// replace puts lines in the place of n others, and remembers how to take that back.
func (d *document) replace(at, n int, lines []string) {
	if len(d.undo) == undoDepth {
		copy(d.undo, d.undo[1:])
		d.undo = d.undo[:undoDepth-1]
	}
	d.undo = append(d.undo, change{at, slices.Clone(d.lines[at : at+n]), lines})
	d.lines = slices.Replace(d.lines, at, at+n, lines...)
	d.modified = true
	d.goTo(at, d.col)
}

// takeBack undoes the last change.
func (d *document) takeBack() bool {
	if len(d.undo) == 0 {
		return false
	}
	last := d.undo[len(d.undo)-1]
	d.undo[len(d.undo)-1] = change{}
	d.undo = d.undo[:len(d.undo)-1]
	d.lines = slices.Replace(d.lines, last.at, last.at+len(last.new), last.old...)
	d.goTo(last.at, d.col)
	return true
}

// insert puts lines below the cursor. Where the file would become too long, as many at its other end are deleted first.
func (d *document) insert(lines []string) {
	if over := len(d.lines) + len(lines) - documentLines; over > 0 {
		at := 0
		if d.row < len(d.lines)/2 {
			at = len(d.lines) - over
		}
		row := d.row
		d.replace(at, over, nil)
		if at == 0 {
			row -= over
		}
		d.goTo(row, d.col)
	}
	d.replace(min(d.row+1, len(d.lines)), 0, lines)
}

// substitute replaces every occurrence, and says how many there were on how many lines.
func (d *document) substitute(from, to string) (found, lines int) {
	first, last := -1, -1
	for i, line := range d.lines {
		if n := strings.Count(line, from); n > 0 {
			found += n
			lines++
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return 0, 0
	}
	changed := slices.Clone(d.lines[first : last+1])
	for i, line := range changed {
		changed[i] = strings.ReplaceAll(line, from, to)
	}
	d.replace(first, len(changed), changed)
	d.goTo(last, 0)
	return found, lines
}

// goTo puts the cursor on a place of the text, the nearest to the one asked for.
func (d *document) goTo(row, col int) {
	d.row = min(max(row, 0), max(len(d.lines)-1, 0))
	d.col = min(max(col, 0), max(len(d.line())-1, 0))
}

// line is the text that the cursor is in.
func (d *document) line() string {
	if d.row >= len(d.lines) {
		return ""
	}
	return d.lines[d.row]
}

// follow moves the view so that the cursor is in it.
func (d *document) follow(rows int) {
	d.top = min(d.top, d.row)
	d.top = max(d.top, d.row-rows+1)
}
