// Package printable makes texts of strangers safe to print on one line of a report or a page. It does not escape: what
// means something in Markdown or HTML is the business of who writes those. It keeps no width, as reports are not columns.
package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Most is how many bytes of a text Line keeps.
const Most = 2000

// Line makes a text safe to print on one line: control characters as their pictures (␊ for a newline), what is no UTF-8,
// invisible or turns the direction of writing as �, other spaces as a space. Beyond Most bytes it is cut with an
// ellipsis.
func Line(s string) string {
	cut := len(s) > Most
	if cut {
		end := Most
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	s = strings.Map(picture, s)
	if cut {
		s += "…"
	}
	return s
}

// picture returns what stands for r.
func picture(r rune) rune {
	switch {
	case r < 0x20:
		return '␀' + r
	case r == 0x7f:
		return '␡'
	case unicode.Is(unicode.Zs, r):
		return ' '
	case !unicode.IsPrint(r):
		return utf8.RuneError
	}
	return r
}
