package emulator_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

const width, height = 20, 6

func terminal(t testing.TB, w, h, lines int) *emulator.Terminal {
	t.Helper()
	term, err := emulator.New(w, h, lines)
	if err != nil {
		t.Fatal(err)
	}
	return term
}

// streams is what programs print and what a person then sees.
func streams() []struct {
	name, in string
	rows     []string // the first
	x, y     int
} {
	return []struct {
		name, in string
		rows     []string
		x, y     int
	}{
		{"text", "hello", []string{"hello"}, 5, 0},
		{"lines", "one\r\ntwo\nthree", []string{"one", "two", "   three"}, 8, 2},
		{"wrap", strings.Repeat("x", 22), []string{strings.Repeat("x", 20), "xx"}, 2, 1},
		{"no wrap", "\x1b[?7l" + strings.Repeat("x", 25) + "y", []string{strings.Repeat("x", 19) + "y"}, 19, 0},
		{"the last column is not yet the next row", strings.Repeat("x", 20) + "\rA", []string{"A" + strings.Repeat("x", 19)}, 1, 0},
		{"wide", "a世界b", []string{"a世界b"}, 6, 0},
		{"half of a wide one overwritten", "世界\x1b[1;2Hx", []string{" x界"}, 2, 0},
		{"wide at the edge", strings.Repeat("x", 19) + "世", []string{strings.Repeat("x", 19), "世"}, 2, 1},
		{"combining", "e\u0301a", []string{"e\u0301a"}, 2, 0},
		{"tab and backspace", "a\tb\bc", []string{"a       c"}, 9, 0},
		{"scroll", "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7", []string{"2", "3", "4", "5", "6", "7"}, 1, 5},
		{"cursor", "\x1b[3;5HX\x1b[AY\x1b[2DZ\x1b[4GW", []string{"", "   WZY", "    X"}, 4, 1},
		{"relative", "\x1b[2B\x1b[3CX\x1b[EY\x1b[2FZ\x1b[5dV", []string{"", "Z", "   X", "Y", " V"}, 2, 4},
		{"beyond the edges", "\x1b[99;99Hx\x1b[99A\x1b[99Dy", []string{"y", "", "", "", "", strings.Repeat(" ", 19) + "x"}, 1, 0},
		{"save and restore", "\x1b[2;2H\x1b7\x1b[HA\x1b8B", []string{"A", " B"}, 2, 1},
		{"erase to the end of the line", "abcdef\x1b[1;4H\x1b[K", []string{"abc"}, 3, 0},
		{"erase from its begin", "abcdef\x1b[1;4H\x1b[1K", []string{"    ef"}, 3, 0},
		{"erase the screen below", "a\r\nbb\r\nc\x1b[2;2H\x1b[J", []string{"a", "b"}, 1, 1},
		{"erase the screen above", "a\r\nbbb\r\nc\x1b[2;2H\x1b[1J", []string{"", "  b", "c"}, 1, 1},
		{"clear", "abc\x1b[2J\x1b[Hx", []string{"x"}, 1, 0},
		{"insert and delete lines", "1\r\n2\r\n3\r\n4\x1b[2;1H\x1b[LA\x1b[4;1H\x1b[M", []string{"1", "A", "2", "4"}, 0, 3},
		{"insert and delete characters", "abcdef\x1b[1;2H\x1b[2@XY\x1b[2P\x1b[X", []string{"aXY ef"[:3] + " ef"}, 3, 0},
		{"region", "\x1b[2;4r\x1b[1;1Htop\x1b[2;1Ha\r\nb\r\nc\r\nd\r\ne", []string{"top", "c", "d", "e"}, 1, 3},
		{"reverse index", "\x1b[2;4r\x1b[2;1Ha\r\nb\x1b[2;1H\x1bMx", []string{"", "x", "a", "b"}, 1, 1},
		{"scroll up and down", "1\r\n2\r\n3\x1b[2S\x1b[T", []string{"", "3"}, 1, 2},
		{"alternate", "main\x1b[?1049hother\x1b[?1049l!", []string{"main!"}, 5, 0},
		{"title", "\x1b]2;a title\ax\x1b]0;other\x1b\\y", []string{"xy"}, 2, 0},
		{"colours take no room", "\x1b[1;31mred\x1b[0m \x1b[38;5;214mx\x1b[48;2;1;2;3my\x1b[m", []string{"red xy"}, 6, 0},
		{"unknown sequences are skipped", "\x1b[>1;2c\x1b(B\x1b[5n\x1bP1$qm\x1b\\ok\x1b[?2004h", []string{"ok"}, 2, 0},
	}
}

func TestScreen(t *testing.T) {
	for _, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			term := terminal(t, width, height, 0)
			term.Print(s.in)
			rows := strings.Split(term.Text(), "\n")
			want := append(slices.Clone(s.rows), make([]string, height-len(s.rows))...)
			if !slices.Equal(rows, want) {
				t.Errorf("the screen is\n%q, not\n%q", rows, want)
			}
			if x, y, _ := term.Cursor(); x != s.x || y != s.y {
				t.Errorf("the cursor is at %d,%d, not %d,%d", x, y, s.x, s.y)
			}
			again := terminal(t, width, height, 0)
			again.Print(term.Render())
			if again.Text() != term.Text() || again.Render() != term.Render() {
				t.Errorf("what Render draws is another screen:\n%q\n%q", term.Render(), again.Render())
			}
		})
	}
}

// TestScreenIsThatOfTmux shows the same streams in tmux, which is independent of all that is used here.
func TestScreenIsThatOfTmux(t *testing.T) {
	tmux := samplertest.Tool(t, "tmux")
	dir, err := os.MkdirTemp("", "tmux") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	run := func(args ...string) (string, error) {
		cmd := exec.Command(tmux, append([]string{"-u", "-f", os.DevNull, "-S", filepath.Join(dir, "s")}, args...)...)
		cmd.Env = append(os.Environ(), "TERM=xterm-256color", "LC_ALL=C.UTF-8", "TMUX=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	t.Cleanup(func() { run("kill-server") })
	if out, err := run("new-session", "-d", "-x", "80", "-y", "24", "sleep 600"); err != nil {
		t.Fatalf("start tmux: %v: %s", err, out)
	}
	if out, err := run("set-option", "-g", "status", "off"); err != nil {
		t.Fatalf("hide the status line of tmux: %v: %s", err, out)
	}
	for i, s := range streams() {
		if s.name == "wide at the edge" || s.name == "half of a wide one overwritten" {
			continue // what is left beside a cut character is each terminal's own
		}
		t.Run(s.name, func(t *testing.T) {
			file := filepath.Join(dir, fmt.Sprint(i))
			// The title at the end says that all is drawn.
			if err := os.WriteFile(file, []byte(s.in+"\x1b]2;done\a"), 0o600); err != nil {
				t.Fatal(err)
			}
			window := fmt.Sprintf("w%d", i)
			command := fmt.Sprintf("stty raw -echo; cat %s; sleep 600", file)
			if out, err := run("new-session", "-d", "-s", window, "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command); err != nil {
				t.Fatalf("open a window: %v: %s", err, out)
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
				if title, _ := run("display-message", "-p", "-t", window, "#{pane_title}"); strings.TrimSpace(title) == "done" {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("tmux did not draw it")
				}
			}
			got, err := run("display-message", "-p", "-t", window, "#{pane_width}x#{pane_height} #{cursor_x},#{cursor_y}")
			if err != nil {
				t.Fatal(err)
			}
			term := terminal(t, width, height, 0)
			term.Print(s.in)
			x, y, _ := term.Cursor()
			// tmux says that the cursor is behind the last column while the wrap waits.
			if want := fmt.Sprintf("%dx%d %d,%d", width, height, x, y); strings.TrimSpace(got) != want && x < width-1 {
				t.Errorf("tmux: %s, here %s", got, want)
			}
			out, err := run("capture-pane", "-p", "-t", window)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimRight(out, "\n"); got != strings.TrimRight(term.Text(), "\n") {
				t.Errorf("tmux shows\n%s\nhere is\n%s", got, term.Text())
			}
			run("kill-session", "-t", window)
		})
	}
}

func TestColours(t *testing.T) {
	term := terminal(t, width, height, 0)
	term.Print("\x1b[1;31ma\x1b[22;38;5;214mb\x1b[48;2;1;2;3mc\x1b[7;4md\x1b[0me\x1b[44m\x1b[K")
	if c := term.Cell(0, 0); c.Style.Fg != ansi.Red || c.Style.Sequence() != "\x1b[1;31m" {
		t.Errorf("a is %q", c.Style.Sequence())
	}
	if c := term.Cell(1, 0); c.Style.Fg != ansi.IndexedColor(214) {
		t.Errorf("b is %q", c.Style.Sequence())
	}
	if c := term.Cell(2, 0); c.Style.Sequence() != "\x1b[38;5;214;48;2;1;2;3m" {
		t.Errorf("c is %q", c.Style.Sequence())
	}
	if c := term.Cell(4, 0); !c.Style.Empty() {
		t.Errorf("e is %q", c.Style.Sequence())
	}
	if c := term.Cell(10, 0); c.Style.Bg != ansi.Blue {
		t.Errorf("what was erased is %q", c.Style.Sequence())
	}
}

func TestScrolledIsBounded(t *testing.T) {
	term := terminal(t, width, height, 10)
	for i := range 100 {
		fmt.Fprintf(term, "%d\r\n", i)
	}
	want := strings.Fields("85 86 87 88 89 90 91 92 93 94")
	if got := term.Scrolled(); !slices.Equal(got, want) {
		t.Errorf("kept are %q, not %q", got, want)
	}
	term.Print("\x1b[3J")
	if got := term.Scrolled(); len(got) != 0 {
		t.Errorf("still there: %q", got)
	}
}

func TestTitleAndModes(t *testing.T) {
	term := terminal(t, width, height, 0)
	term.Print("\x1b]2;a; title\a\x1b[?25l\x1b[?1049h")
	if _, _, shown := term.Cursor(); shown || !term.Alternate() || term.Title() != "a; title" {
		t.Errorf("cursor %v, alternate %v, title %q", shown, term.Alternate(), term.Title())
	}
	term.Print("x\x1bc")
	if _, _, shown := term.Cursor(); !shown || term.Alternate() || term.Title() != "" || strings.TrimSpace(term.Text()) != "" {
		t.Error("a reset does not reset")
	}
}

func TestSizesAreBounded(t *testing.T) {
	for _, s := range [][3]int{{0, 1, 0}, {1, 0, 0}, {1001, 1, 0}, {1, 1001, 0}, {1, 1, -1}} {
		if _, err := emulator.New(s[0], s[1], s[2]); err == nil {
			t.Errorf("a terminal of %v is made", s)
		}
	}
}

// FuzzTerminal shows any bytes: no panic, the cursor stays on the screen, and what Render draws is the same screen.
func FuzzTerminal(f *testing.F) {
	for _, s := range streams() {
		f.Add([]byte(s.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		term := terminal(t, width, height, 3)
		term.Write(in)
		if x, y, _ := term.Cursor(); x < 0 || y < 0 || x >= width || y >= height {
			t.Fatalf("the cursor is at %d,%d", x, y)
		}
		if n := len(term.Scrolled()); n > 3 {
			t.Fatalf("%d lines are kept", n)
		}
		again := terminal(t, width, height, 0)
		again.Print(term.Render())
		if again.Text() != term.Text() {
			t.Errorf("what Render draws is another screen:\n%q\n%q", term.Text(), again.Text())
		}
	})
}

func BenchmarkTerminal(b *testing.B) {
	in := []byte(strings.Repeat("\x1b[31mhello \x1b[1;38;5;214mwörld 世界\x1b[0m\r\n", 100))
	term := terminal(b, 80, 24, 0)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		term.Write(in)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		terminal(b, 80, 24, 0)
	}
}
