package terminal

import (
	"fmt"
	"strconv"
	"strings"
)

// scheme is the colours of an editor's text, as parameters of a sequence.
type scheme struct{ name, keyword, literal, comment, number string }

func schemes() [3]scheme {
	return [3]scheme{
		{"default", "34", "32", "33", "35"},
		{"desert", "1;38;5;143", "38;5;217", "2;38;5;110", "38;5;167"},
		{"evening", "1;38;2;255;255;96", "38;2;255;160;160", "3;38;2;128;160;255", "38;2;255;192;203"},
	}
}

// draw brings the screen up to date: rows whose bytes would be the same as before are not sent.
func (v *Vim) draw() {
	d := v.file()
	d.follow(vimRows)
	for y := range vimRows {
		v.row(y, v.textRow(d, d.top+y))
	}
	flag := ""
	if d.modified {
		flag = " [+]"
	}
	left, right := d.name+flag, fmt.Sprintf("%d,%d  %d lines  %d commands", d.row+1, d.col+1, len(d.lines), v.done)
	gap := max(vimWidth-len(left)-len(right), 1)
	v.row(vimRows, fmt.Appendf(v.scratch[:0], "\x1b[7m%s%*s%s\x1b[0m", left, gap, "", right))
	v.row(vimRows+1, append(v.scratch[:0], v.message...))
	fmt.Fprintf(v.term, "\x1b[%d;%dH", d.row-d.top+1, min(d.col+lineNumber, vimWidth-1)+1)
}

// row draws a row unless it is there already.
func (v *Vim) row(y int, content []byte) {
	v.scratch = content
	if string(content) == v.drawn[y] {
		return
	}
	v.drawn[y] = string(content)
	// Blanked first: after a row of the full width that would take its last character.
	fmt.Fprintf(v.term, "\x1b[%d;1H\x1b[K%s", y+1, content)
}

// lineNumber is the columns before the text.
const lineNumber = 5

func (v *Vim) textRow(d *document, i int) []byte {
	b := v.scratch[:0]
	if i >= len(d.lines) {
		return append(b, "\x1b[34m~\x1b[0m"...)
	}
	b = fmt.Appendf(b, "\x1b[38;5;240m%4d \x1b[0m", i+1)
	line := d.lines[i]
	return highlight(b, line[:min(len(line), vimWidth-lineNumber)], v.schemes[v.scheme])
}

// highlight appends a line with its words in their colours.
func highlight(b []byte, line string, s scheme) []byte {
	for line != "" {
		n, colour := token(line, s)
		if colour == "" {
			b = append(b, line[:n]...)
		} else {
			b = append(b, "\x1b["...)
			b = append(b, colour...)
			b = append(b, 'm')
			b = append(b, line[:n]...)
			b = append(b, "\x1b[0m"...)
		}
		line = line[n:]
	}
	return b
}

// token returns the length of the first token of a line, 1 or more, and its colour.
func token(line string, s scheme) (n int, colour string) {
	switch c := line[0]; {
	case c == '#':
		return len(line), s.comment
	case c == '\'':
		if end := strings.IndexByte(line[1:], '\''); end >= 0 {
			return end + 2, s.literal
		}
		return len(line), s.literal
	case !inWord(c):
		return 1, ""
	}
	for n < len(line) && inWord(line[n]) {
		n++
	}
	switch word := line[:n]; word {
	case "def", "do", "end":
		return n, s.keyword
	default:
		if _, err := strconv.Atoi(word); err == nil {
			return n, s.number
		}
		return n, ""
	}
}

func inWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
