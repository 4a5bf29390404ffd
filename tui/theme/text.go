package theme

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Width returns how many cells the text takes on the screen. Escape codes take none.
func Width(s string) int {
	if printableASCII(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// Truncate cuts the text to at most w cells; what is cut is marked by an ellipsis. Escape codes are kept.
func Truncate(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if len(s) <= w && printableASCII(s) {
		return s
	}
	return ansi.Truncate(s, w, Ellipsis)
}

// TruncateLeft keeps the end of the text, at most w cells of it: for paths and qualified names, whose end tells most.
func TruncateLeft(s string, w int) string {
	if w <= 0 {
		return ""
	}
	full := Width(s)
	if full <= w {
		return s
	}
	cut := ansi.TruncateLeft(s, full-w+1, Ellipsis)
	return ansi.Truncate(cut, w, "")
}

// Pad makes the text exactly w cells wide, cut or filled on the right.
func Pad(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = Truncate(s, w)
	return s + Spaces(w-Width(s))
}

// PadLeft makes the text exactly w cells wide, cut on the right or filled on the left: for numbers.
func PadLeft(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = Truncate(s, w)
	return Spaces(w-Width(s)) + s
}

// Center makes the text exactly w cells wide, with the space on both sides.
func Center(s string, w int) string {
	if w <= 0 {
		return ""
	}
	s = Truncate(s, w)
	return Pad(Spaces((w-Width(s))/2)+s, w)
}

const blanks = "                                                                                                                                "

// Spaces returns n blanks, none for n below 1.
func Spaces(n int) string {
	switch {
	case n <= 0:
		return ""
	case n <= len(blanks):
		return blanks[:n]
	}
	return strings.Repeat(" ", n)
}

// Fit makes a block of exactly h lines of exactly w cells: lines are cut or filled, missing ones added, excess ones dropped.
func Fit(s string, w, h int) string {
	if w <= 0 || h <= 0 {
		return ""
	}
	var b strings.Builder
	b.Grow(len(s) + h)
	for i := range h {
		line, rest, _ := strings.Cut(s, "\n")
		s = rest
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(Pad(line, w))
	}
	return b.String()
}

// Wrap breaks a sentence into lines of at most w cells, at blanks where it can, and returns at most limit lines; when
// words are left over, the last line ends with an ellipsis.
func Wrap(s string, w, limit int) []string {
	if w <= 0 || limit <= 0 {
		return nil
	}
	lines := strings.Split(ansi.Wrap(s, w, ""), "\n")
	for i := range lines {
		lines[i] = Truncate(strings.TrimRight(lines[i], " "), w)
	}
	if len(lines) > limit {
		lines = lines[:limit]
		last := lines[limit-1]
		lines[limit-1] = Truncate(last, w-1) + Ellipsis
	}
	return lines
}

// Join puts blocks beside each other, gap cells apart. Each block has lines of one width, as Fit makes them; all have the
// same number of lines.
func Join(gap int, blocks ...string) string {
	split := make([][]string, len(blocks))
	rows := 0
	for i, block := range blocks {
		split[i] = strings.Split(block, "\n")
		rows = max(rows, len(split[i]))
	}
	var b strings.Builder
	for r := range rows {
		if r > 0 {
			b.WriteByte('\n')
		}
		for i, lines := range split {
			if i > 0 {
				b.WriteString(Spaces(gap))
			}
			if r < len(lines) {
				b.WriteString(lines[r])
			} else {
				b.WriteString(Spaces(Width(lines[0])))
			}
		}
	}
	return b.String()
}
