package theme

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// maxClean is how many bytes of a foreign text are looked at. A command line may have megabytes; no screen has room for them.
const maxClean = 4096

// maxMarks is how many combining marks may follow each other: enough for every written language, too few to paint over
// the lines above and below.
const maxMarks = 3

// Clean makes text from a stranger safe to print on one line of a terminal: escape sequences are taken out, control
// characters are shown as their pictures (␊ for a newline), bytes that are no UTF-8 and invisible characters (zero-width,
// writing-direction, private and unassigned ones) as �, other spaces as a space. What lies beyond 4,096 bytes is cut with
// an ellipsis. A text that would vanish altogether is shown with its escape codes made visible instead. Printable ASCII
// is returned as it is, without a copy.
func Clean(s string) string {
	if len(s) <= maxClean && printableASCII(s) {
		return s
	}
	cut := len(s) > maxClean
	if cut {
		s = s[:maxClean]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	clean := visible(ansi.Strip(validUTF8(s)))
	if strings.TrimSpace(clean) == "" && s != "" {
		clean = visible(s)
	}
	if cut {
		clean += Ellipsis
	}
	return clean
}

// validUTF8 replaces each byte that belongs to no character: the stripper would drop them without a trace.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// visible replaces each character that has no picture of its own.
func visible(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	marks := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks || i == size {
				r = utf8.RuneError
			}
		} else {
			marks = 0
		}
		b.WriteRune(picture(r))
	}
	return b.String()
}

// picture returns what stands for r on the screen.
func picture(r rune) rune {
	switch {
	case r < 0x20:
		return '␀' + r
	case r == 0x7f:
		return '␡'
	case r < 0x7f:
		return r
	case unicode.Is(unicode.Zs, r):
		return ' '
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF, r == 0x3164, r == 0xFFA0, r == 0x115F, r == 0x1160, r == 0x2800:
		return utf8.RuneError // variation selectors change the width of what stands before them; fillers are invisible
	case !unicode.IsPrint(r):
		return utf8.RuneError
	}
	return r
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
