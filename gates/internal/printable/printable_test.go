package printable_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/alloc-dev/heaptop/gates/internal/printable"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"main.load":          "main.load",
		"a\nb\tc":            "a␊b␉c",
		"\x1b[31mred\x7f":    "␛[31mred␡",
		"tail\u202egnp.exe":  "tail�gnp.exe",
		"zero\u200bwidth":    "zero�width",
		"no\u00a0break":      "no break",
		"bad \xff byte":      "bad � byte",
		"größe 大きさ":          "größe 大きさ",
		"separator\u2028end": "separator�end",
	} {
		if got := printable.Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	long := printable.Line(strings.Repeat("ä", printable.Most))
	if !utf8.ValidString(long) || !strings.HasSuffix(long, "ä…") || len(long) > printable.Most+3 {
		t.Errorf("a long text has %d bytes and ends in %q", len(long), long[len(long)-6:])
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x00\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable.Line(s)
		if !utf8.ValidString(got) || printable.Line(got) != got && len(got) <= printable.Most {
			t.Fatalf("%q: %q is no UTF-8, or changes when cleaned again", s, got)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q: %q has %U", s, got, r)
			}
		}
	})
}
