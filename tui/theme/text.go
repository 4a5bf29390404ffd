package theme

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Width returns how many cells the text takes on the screen. Escape codes take none.
func Width(s string) int {
	if n, ok := simpleWidth(s); ok {
		return n
	}
	return ansi.StringWidth(s)
}

// simpleWidth measures text of characters that take one cell each, and colours; ok is false when s holds anything else.
// A frame measures each of its lines several times, and the general way, which knows clusters and wide letters, took
// two thirds of its time.
func simpleWidth(s string) (cells int, ok bool) {
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= 0x20 && c < 0x7f:
			cells++
			i++
		case c == 0x1b:
			n := colourCode(s[i:])
			if n == 0 {
				return 0, false
			}
			i += n
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !oneCell(r) || size == 1 { // a byte that is no character
				return 0, false
			}
			cells++
			i += size
		}
	}
	return cells, true
}

// colourCode returns the length of the colour code that s begins with, 0 for anything else.
func colourCode(s string) int {
	if len(s) < 3 || s[1] != '[' {
		return 0
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// oneCell tells of the characters that screens are drawn with, and of Latin, Greek and Cyrillic letters, that each
// takes one cell and joins no neighbour.
func oneCell(r rune) bool {
	switch {
	case r >= 0xa1 && r < 0x300:
		return r != 0xad && r != 0xa9 && r != 0xae
	case r >= 0x391 && r <= 0x3ff, r >= 0x400 && r <= 0x481:
		return true
	case r >= 0x2010 && r <= 0x2027, r >= 0x2039 && r <= 0x203a, r >= 0x2190 && r <= 0x2193:
		return true
	case r >= 0x2400 && r <= 0x2421, r >= 0x2500 && r <= 0x25a0, r == '▲', r == '▼', r == '▸', r == '●':
		return true
	}
	return r == utf8.RuneError
}

// Truncate cuts the text to at most w cells; what is cut is marked by an ellipsis. Escape codes are kept.
func Truncate(s string, w int) string {
	if w <= 0 {
		return ""
	}
	if n, ok := simpleWidth(s); ok && n <= w {
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

// shortestPath is how many cells of a path Shorten leaves at least.
const shortestPath = 16

// Shorten fits a message into w cells: its paths, which may be long, are cut in their middle before its end is lost, for an
// error says its cause last. What does not fit even with shorter paths is cut before the cause, where that takes half the room at
// most; what has no long path at its end. The text has no escape codes.
func Shorten(s string, w int) string {
	over := Width(s) - w
	if w <= 0 || over <= 0 {
		return Truncate(s, w)
	}
	words := strings.Split(s, " ")
	for over > 0 {
		longest, cells := -1, shortestPath
		for i, word := range words {
			if n := Width(word); n > cells && strings.ContainsAny(word, `/\`) {
				longest, cells = i, n
			}
		}
		if longest < 0 {
			break
		}
		keep := max(cells-over, shortestPath)
		words[longest] = cutMiddle(words[longest], keep)
		over -= cells - keep
	}
	s = strings.Join(words, " ")
	if at := strings.LastIndex(s, ": "); at >= 0 && strings.Contains(s, Ellipsis) && Width(s) > w && Width(s[at:]) <= w/2 {
		return Truncate(s[:at], w-Width(s[at:])) + s[at:]
	}
	return Truncate(s, w)
}

// cutMiddle keeps the beginning and twice as much of the end, whose file name tells most.
func cutMiddle(s string, w int) string {
	head := (w - 1) / 3
	return ansi.Truncate(s, head, "") + TruncateLeft(s, w-head)
}

// Pad makes the text exactly w cells wide, cut or filled on the right.
func Pad(s string, w int) string {
	s, missing := cut(s, w)
	if missing == 0 {
		return s
	}
	return s + Spaces(missing)
}

// PadLeft makes the text exactly w cells wide, cut on the right or filled on the left: for numbers.
func PadLeft(s string, w int) string {
	s, missing := cut(s, w)
	if missing == 0 {
		return s
	}
	return Spaces(missing) + s
}

// cut truncates the text to w cells and tells how many of them it leaves.
func cut(s string, w int) (text string, missing int) {
	if w <= 0 {
		return "", 0
	}
	if n, ok := simpleWidth(s); ok && n <= w {
		return s, w - n
	}
	s = ansi.Truncate(s, w, Ellipsis)
	return s, max(w-Width(s), 0)
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
	lines := strings.Split(ansi.Wrap(keepFlags(keepUnits(s)), w, ""), "\n")
	for i, line := range lines {
		line = strings.ReplaceAll(strings.ReplaceAll(line, noBreak, " "), hyphen, "-")
		lines[i] = Truncate(strings.TrimRight(line, " "), w)
	}
	if len(lines) > limit {
		lines = lines[:limit]
		last := lines[limit-1]
		lines[limit-1] = strings.TrimRight(ansi.Truncate(last, w-1, ""), " ") + Ellipsis
	}
	return lines
}

const (
	noBreak = "\u00a0" // a space at which no line is broken
	hyphen  = "\u2011" // the same of a hyphen
)

// keepFlags binds the hyphens of words that begin with one, so that a flag stays whole.
func keepFlags(s string) string {
	if !strings.HasPrefix(s, "-") && !strings.Contains(s, " -") {
		return s
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		if strings.HasPrefix(w, "-") {
			words[i] = strings.ReplaceAll(w, "-", hyphen)
		}
	}
	return strings.Join(words, " ")
}

// keepUnits binds each number to the unit of bytes after it, so that both stand on one line.
func keepUnits(s string) string {
	var b strings.Builder
	from := 0
	for i := 1; i < len(s)-1; i++ {
		if s[i] == ' ' && s[i-1] >= '0' && s[i-1] <= '9' && isUnit(s[i+1:]) {
			b.WriteString(s[from:i])
			b.WriteString(noBreak)
			from = i + 1
		}
	}
	if from == 0 {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// isUnit reports whether a text begins with a unit of bytes as a word of its own.
func isUnit(s string) bool {
	if s != "" && strings.IndexByte("kKMGT", s[0]) >= 0 {
		s = strings.TrimPrefix(s[1:], "i")
	}
	rest, ok := strings.CutPrefix(s, "B")
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && (rest == "" || !unicode.IsLetter(next) && !unicode.IsDigit(next))
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
