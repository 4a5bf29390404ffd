package theme

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
)

func colours(p termenv.Profile, dark bool) *Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(p)
	return New(r, dark)
}

func TestStylesMatchLipgloss(t *testing.T) {
	for _, dark := range []bool{true, false} {
		th := colours(termenv.TrueColor, dark)
		for name, s := range map[string]Style{"good": th.Good, "title": th.Title, "selected": th.Selected, "series": th.Series(7)} {
			if got, want := s.Render("heap 1"), s.Lipgloss().Render("heap 1"); got != want {
				t.Errorf("%s (dark %v): %q, lipgloss writes %q", name, dark, got, want)
			}
		}
	}
}

func TestNoColourMeansNoEscape(t *testing.T) {
	th := Plain()
	body := th.Bad.Render("bad") + th.Selected.Render("row") + th.Series(2).Render("line")
	if out := th.Panel("Title", body, 30, 4, true); strings.Contains(out, "\x1b") {
		t.Errorf("escape code without colour: %q", out)
	}
}

func TestFocusIsVisibleWithoutColour(t *testing.T) {
	th := Plain()
	if th.Panel("GC", "", 20, 3, true) == th.Panel("GC", "", 20, 3, false) {
		t.Error("a focused panel looks like any other without colour")
	}
}

func TestPanelLooks(t *testing.T) {
	got := Plain().Frame(Frame{Title: "Cycles", Note: "by time", Foot: "2 of 9", Focused: true}, "one\ntwo", 34, 4)
	want := strings.Join([]string{
		"╭ ▸ Cycles ──────────── by time ─╮",
		"│ one                            │",
		"│ two                            │",
		"╰─────────────────────── 2 of 9 ─╯",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPanelIsExactToTheCell(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := []string{"", "a", "größe", "数据库服务器", "\x1b[31mred\x1b[0m text", "👩‍👩‍👧 family", strings.Repeat("long ", 40), "e\u0301"}
	pick := func() string { return words[rnd.IntN(len(words))] }
	for _, th := range []*Theme{Plain(), colours(termenv.TrueColor, true)} {
		for range 3000 {
			w, h := rnd.IntN(90)+1, rnd.IntN(12)+1
			f := Frame{Title: Clean(pick()), Note: Clean(pick()), Foot: Clean(pick()), Focused: rnd.IntN(2) == 0}
			out := th.Frame(f, pick()+"\n"+pick()+"\n"+pick(), w, h)
			assertBlock(t, out, w, h)
			if t.Failed() {
				t.Fatalf("%+v at %dx%d", f, w, h)
			}
		}
	}
}

func TestTextHelpersAreExact(t *testing.T) {
	words := []string{"", "plain", "größe", "数据库服务器名", "\x1b[31mred\x1b[0m", "👩‍👩‍👧👩‍👩‍👧", "a数b据c"}
	for _, s := range words {
		for w := range 20 {
			for name, got := range map[string]string{"Pad": Pad(s, w), "PadLeft": PadLeft(s, w), "Center": Center(s, w)} {
				if n := ansi.StringWidth(got); n != w {
					t.Errorf("%s(%q, %d) takes %d cells", name, s, w, n)
				}
			}
			if n := ansi.StringWidth(TruncateLeft(s, w)); n > w {
				t.Errorf("TruncateLeft(%q, %d) takes %d cells: %q", s, w, n, TruncateLeft(s, w))
			}
		}
	}
	if got := TruncateLeft("internal/cache/lru.go", 10); got != "…he/lru.go" {
		t.Errorf("TruncateLeft keeps %q", got)
	}
}

// TestFastWidthIsTheWidth compares the short way with the general one, for each character it claims to know, alone and
// among others.
func TestFastWidthIsTheWidth(t *testing.T) {
	var known []rune
	for r := rune(0x20); r < 0x30000; r++ {
		if n, ok := simpleWidth(string(r)); ok {
			if want := ansi.StringWidth(string(r)); n != want {
				t.Errorf("%U takes %d cells, not %d", r, want, n)
			}
			known = append(known, r)
		}
	}
	if len(known) < 500 {
		t.Errorf("only %d characters are known", len(known))
	}
	rnd := rand.New(rand.NewPCG(9, 9))
	th := colours(termenv.TrueColor, true)
	for range 5000 {
		var b strings.Builder
		for range rnd.IntN(12) {
			text := string(known[rnd.IntN(len(known))])
			if rnd.IntN(3) == 0 {
				text = th.Selected.Render(text)
			}
			b.WriteString(text)
		}
		if n, ok := simpleWidth(b.String()); !ok || n != ansi.StringWidth(b.String()) {
			t.Fatalf("%q takes %d cells, not %d (%v)", b.String(), ansi.StringWidth(b.String()), n, ok)
		}
	}
}

func TestWrap(t *testing.T) {
	lines := Wrap("not a Go program: only the system's figures are shown here", 20, 2)
	if len(lines) != 2 || !strings.HasSuffix(lines[1], Ellipsis) {
		t.Errorf("%q", lines)
	}
	for _, l := range lines {
		if Width(l) > 20 {
			t.Errorf("%q is wider than 20", l)
		}
	}
}

func TestWrapLeavesNumbersWithTheirUnits(t *testing.T) {
	const text = "RSS 92.0 MB is 2.8 times the live heap of 33.4 MB: 20.9 MiB free, 549 kB stacks, 3 Bytes"
	for w := 10; w < 90; w++ {
		lines := Wrap(text, w, 20)
		for _, l := range lines {
			if Width(l) > w {
				t.Errorf("%q is wider than %d", l, w)
			}
			for _, unit := range []string{"MB", "MiB", "kB"} {
				if strings.HasPrefix(l, unit) {
					t.Errorf("at %d cells a line begins with the unit of the number above: %q", w, lines)
				}
			}
		}
		if got := strings.Join(lines, " "); got != text {
			t.Errorf("at %d cells the text became %q", w, got)
		}
	}
	if lines := Wrap(text, 86, 2); len(lines) != 2 || lines[1] != "Bytes" {
		t.Errorf("a word that begins like a unit is none: %q", lines)
	}
}

func TestWrapLeavesFlagsWhole(t *testing.T) {
	const text = "unless --black-box=false or -x is given, and a well-known word"
	for w := 18; w < 70; w++ {
		lines := Wrap(text, w, 20)
		for _, l := range lines {
			if strings.HasSuffix(l, "--") || strings.HasSuffix(l, "black-") || Width(l) > w {
				t.Errorf("at %d cells: %q", w, lines)
			}
		}
	}
}

func TestJoin(t *testing.T) {
	if got, want := Join(1, "aa\nbb", "c"), "aa c\nbb  "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestShareJudges(t *testing.T) {
	th := colours(termenv.TrueColor, true)
	if th.Share(0.95).Render("9") != th.Bad.Render("9") || th.Share(0.8).Render("8") != th.Warn.Render("8") || th.Share(0.2).Render("2") != "2" {
		t.Error("a share of a limit is not judged at 0.75 and 0.9")
	}
}

func assertBlock(t *testing.T, s string, w, h int) {
	t.Helper()
	lines := strings.Split(s, "\n")
	if len(lines) != h {
		t.Errorf("%d lines, want %d", len(lines), h)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n != w {
			t.Errorf("line %d takes %d cells, want %d: %q", i, n, w, l)
		}
	}
}
