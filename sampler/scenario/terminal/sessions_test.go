package terminal_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler/scenario"
	"github.com/alloc-dev/heaptop/sampler/scenario/terminal"
	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// TestGoldenScreens keeps what the three sessions show after so many steps, with colours as sequences.
func TestGoldenScreens(t *testing.T) {
	for _, name := range []string{"vim_session", "log_streaming", "interactive_shell"} {
		for _, n := range []int{1, 60, 500} {
			t.Run(fmt.Sprintf("%s_%d", name, n), func(t *testing.T) {
				s, _ := scenario.Find(name)
				w := begin(t, s, 1)
				steps(t, w, n)
				term := w.(terminal.Screened).Screens()[0]
				x, y, _ := term.Cursor()
				got := fmt.Sprintf("%s\ncursor %d,%d\n", strings.ReplaceAll(strings.ReplaceAll(term.Render(), "\r\n", "\n"), "\x1b", "^["), x, y)
				path := filepath.Join("testdata", fmt.Sprintf("%s_%d.golden", name, n))
				if *update {
					if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("the screen is another (-want +got); -update writes it anew:\n%s", diff)
				}
			})
		}
	}
}

// row is the first row, from some on, that a pattern matches.
func row(term *emulator.Terminal, pattern string) (y int, groups []string) {
	re := regexp.MustCompile(pattern)
	_, height := term.Size()
	for y := range height {
		if m := re.FindStringSubmatch(term.Row(y)); m != nil {
			return y, m
		}
	}
	return -1, nil
}

func TestVimReplacesColoursNavigatesAndUndoes(t *testing.T) {
	v, err := terminal.NewVim(3)
	if err != nil {
		t.Fatal(err)
	}
	term := v.Screens()[0]
	const text, status, command = 38, 38, 39
	did := map[string]int{}
	_, keyword := row(term, `^ *\d+ def`)
	if keyword == nil {
		t.Fatal("no function is shown")
	}
	for range 1000 {
		rows := make([]string, text)
		for y := range rows {
			rows[y] = term.Row(y)
		}
		colours := colourOf(term, "def ")
		before := rows
		if err := v.Step(); err != nil {
			t.Fatal(err)
		}
		said := term.Row(command)
		x, y, _ := term.Cursor()
		switch {
		case strings.HasPrefix(said, ":%s/"):
			did["replaced"]++
			from, to, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(strings.Fields(said)[0], ":%s/"), "/g"), "/")
			if y, _ := row(term, `^ *\d+ .*`+from); y >= 0 && y < text {
				t.Fatalf("%s: row %d is still %q", said, y, term.Row(y))
			}
			if !strings.Contains(term.Row(y), to) {
				t.Fatalf("%s: the cursor's line is %q", said, term.Row(y))
			}
		case strings.HasPrefix(said, ":colorscheme "):
			now := colourOf(term, "def ")
			if now != "" && colours != "" {
				did["coloured"]++
				if now == colours {
					t.Fatalf("%s: a keyword is still %q", said, now)
				}
			}
		case regexp.MustCompile(`^:\d+$`).MatchString(said):
			did["navigated"]++
			// The cursor is where the status line says.
			m := regexp.MustCompile(`(\d+),(\d+)  \d+ lines`).FindStringSubmatch(term.Row(status))
			if m == nil || !strings.HasPrefix(strings.TrimSpace(term.Row(y)), m[1]) || fmt.Sprint(x-4) != m[2] && x < 119 {
				t.Fatalf("%s: the cursor is at %d,%d on %q, the status line is %q", said, x, y, term.Row(y), term.Row(status))
			}
		case said == "-- INSERT --":
			if strings.Join(before, "\n") != textOf(term, text) {
				did["written"]++
			}
		case said == "1 change undone":
			did["undone"]++
		case strings.HasSuffix(said, "fewer lines"):
			did["deleted"]++
		case strings.HasSuffix(said, " lines"), said == ":wnext":
			did["other file"]++
		}
	}
	for _, what := range []string{"replaced", "coloured", "navigated", "written", "undone", "deleted", "other file"} {
		if did[what] < 5 {
			t.Errorf("%s %d times in 1000 steps", what, did[what])
		}
	}
}

func textOf(term *emulator.Terminal, rows int) string {
	all := strings.Split(term.Text(), "\n")
	return strings.Join(all[:rows], "\n")
}

// colourOf is the sequence of the first character of a text where it first stands; "" where it does not.
func colourOf(term *emulator.Terminal, text string) string {
	y, _ := row(term, `^ *\d+ `+text)
	if y < 0 {
		return ""
	}
	c := term.Cell(strings.Index(term.Row(y), text), y)
	return c.Style.Sequence()
}

func TestLogScrollsInTheColoursOfItsLevels(t *testing.T) {
	l, err := terminal.NewLog(3)
	if err != nil {
		t.Fatal(err)
	}
	term := l.Screens()[0]
	colours := map[string]string{"INFO": "\x1b[32m", "DEBUG": "\x1b[36m", "WARN": "\x1b[33m", "ERROR": "\x1b[31m"}
	levels := map[string]int{}
	for i := range 1200 {
		if err := l.Step(); err != nil {
			t.Fatal(err)
		}
		y, m := row(term, fmt.Sprintf(`^\[.*Z\] (\w+): Log entry %d `, i+1))
		if m == nil || y < 45 {
			t.Fatalf("line %d is at row %d", i+1, y)
		}
		levels[m[1]]++
		if c := term.Cell(0, y); c.Style.Sequence() != colours[m[1]] {
			t.Fatalf("%s is %q", m[1], c.Style.Sequence())
		}
		if i > 0 {
			if above, _ := row(term, fmt.Sprintf(`: Log entry %d `, i)); above >= y {
				t.Fatalf("line %d is at row %d, the next at %d", i, above, y)
			}
		}
	}
	want := fmt.Sprintf(" 1200 lines  INFO %d DEBUG %d WARN %d ERROR %d", levels["INFO"], levels["DEBUG"], levels["WARN"], levels["ERROR"])
	if got := term.Row(49); got != want {
		t.Errorf("the last row is %q, not %q", got, want)
	}
	if n := len(term.Scrolled()); n != 1000 {
		t.Errorf("%d lines can be scrolled back to", n)
	}
}

func TestShellRecallsCompletesAndForgets(t *testing.T) {
	s, err := terminal.NewShell(3)
	if err != nil {
		t.Fatal(err)
	}
	term := s.Screens()[0]
	did := map[string]int{}
	for range 1500 {
		before := s.History()
		known := map[string]bool{}
		for _, line := range before[max(len(before)-5, 0):] {
			known[line] = true
		}
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
		entered := s.History()[len(s.History())-1]
		if known[entered] {
			did["recalled"]++
		}
		x, y, _ := term.Cursor()
		if last := term.Row(y); !regexp.MustCompile(`^user@host:~(/\w+)?\$$`).MatchString(last) || x != len(last)+1 {
			t.Fatalf("after %q the cursor is at %d,%d on %q", entered, x, y, last)
		}
		// What was entered stands above, unless it was a long output or cleared it.
		if y, _ := row(term, regexp.QuoteMeta("$ "+entered)+"$"); y >= 0 {
			did["shown"]++
		}
		if _, m := row(term, `^\w[\w.]*  \w[\w. ]*$`); m != nil {
			did["choices listed"]++
		}
		if strings.HasPrefix(entered, "cat ") {
			did["printed"]++
		}
	}
	for what, least := range map[string]int{"recalled": 150, "shown": 1000, "choices listed": 5, "printed": 50} {
		if did[what] < least {
			t.Errorf("%s %d times in 1500 commands", what, did[what])
		}
	}
	if n := len(s.History()); n != 200 {
		t.Errorf("the history has %d commands", n)
	}
	if n := len(term.Scrolled()); n != 500 {
		t.Errorf("%d lines can be scrolled back to", n)
	}
}
