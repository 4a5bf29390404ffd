package theme

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestClean(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "api-server", "api-server"},
		{"empty", "", ""},
		{"accents and wide letters", "größe 数据", "größe 数据"},
		{"colour", "\x1b[31mevil\x1b[0m", "evil"},
		{"title", "a\x1b]0;owned\x07b", "ab"},
		{"only an escape", "\x1b[2J", "␛[2J"},
		{"unterminated title swallows nothing", "\x1b]0;worker", "␛]0;worker"},
		{"newline and tab", "a\nb\tc\r", "a␊b␉c␍"},
		{"delete", "a\x7fb", "a␡b"},
		{"bytes that are no text", "a\xff\xfeb", "a��b"},
		{"C1 control", "a\u0085b\u009b31m", "a�b�31m"},
		{"C1 control as a byte", "a\x9b31mb", "a�31mb"},
		{"right to left override", "gpj.\u202eexe", "gpj.�exe"},
		{"zero width", "a\u200bb\ufeff", "a�b�"},
		{"line separator", "a\u2028b", "a�b"},
		{"no-break space", "a\u00a0b\u3000c", "a b c"},
		{"stacked marks", "e" + strings.Repeat("\u0301", 6), "e\u0301\u0301\u0301���"},
		{"leading mark", "\u0301a", "�a"},
		{"invisible fillers", "\u3164\u2800", "��"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Clean(tt.in); got != tt.want {
				t.Errorf("Clean(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestCleanBoundsItsWork(t *testing.T) {
	got := Clean(strings.Repeat("x", 10<<20))
	if len(got) > maxClean+len(Ellipsis) || !strings.HasSuffix(got, Ellipsis) {
		t.Errorf("10 MiB of name became %d bytes", len(got))
	}
}

func TestCleanLeavesPrintableASCIIUncopied(t *testing.T) {
	name := "postgres: checkpointer"
	if n := testing.AllocsPerRun(100, func() { _ = Clean(name) }); n != 0 {
		t.Errorf("%v allocations for a plain name", n)
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a", "\x1b[31m", "\x9b31m", "\u202e", "\x1b]8;;http://x\x1b\\a", "e\u0301\u0301\u0301\u0301", "👩‍👩‍👧", "\xf0\x9f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if !utf8.ValidString(got) {
			t.Fatalf("not UTF-8: %q", got)
		}
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%U went through: %q", r, got)
			}
		}
		if ansi.Strip(got) != got {
			t.Fatalf("an escape sequence went through: %q", got)
		}
		if s != "" && got == "" {
			t.Fatalf("%q vanished", s)
		}
		if Clean(got) != got && len(got) < maxClean {
			t.Fatalf("not stable: %q became %q", got, Clean(got))
		}
	})
}
