package tab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func readAt(t *testing.T, file string, line int) sourceText {
	t.Helper()
	return readSource(theme.Plain(), sampler.Frame{Function: "f", File: file, Line: line})().(sourceText)
}

func written(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSourceKeepsTheLinesAroundTheFrame(t *testing.T) {
	var b strings.Builder
	for range 1000 {
		b.WriteString("\tx := 1 // one\n")
	}
	got := readAt(t, written(t, "a.go", b.String()), 500)
	if got.err != nil {
		t.Fatal(got.err)
	}
	if got.first != 500-sourceAround || len(got.lines) != 2*sourceAround+1 {
		t.Errorf("kept %d lines from line %d", len(got.lines), got.first)
	}
	if got.lines[0] != "    x := 1 // one" {
		t.Errorf("the line became %q", got.lines[0])
	}
}

func TestSourceThatIsNotAtHandSaysWhy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "folder.go")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file string
		line       int
		want       string
	}{
		{"no file named", "", 1, "names no file"},
		{"missing", "/src/nobody/has/this.go", 1, "is not on this machine"},
		{"folder", dir, 1, "is not a regular file"},
		{"another version", written(t, "short.go", "package a\n"), 99, "built from another version"},
		{"negative line", written(t, "short.go", "package a\n"), -1, "built from another version"},
		{"binary", written(t, "b.go", "\x7fELF\x00\x00"), 1, "is not text"},
		{"no source", "/etc/passwd", 1, "not called as source files are"},
		{"escape codes", "/src/\x1b[2J.go", 1, "is not on this machine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readAt(t, c.file, c.line)
			if got.err == nil || !strings.Contains(got.err.Error(), c.want) {
				t.Errorf("got %v, want %q", got.err, c.want)
			}
			if got.err != nil && strings.Contains(got.err.Error(), "\x1b") {
				t.Errorf("an escape code in %q", got.err)
			}
		})
	}
}

func TestHugeSourceIsReadInPart(t *testing.T) {
	got := readAt(t, written(t, "huge.go", strings.Repeat(strings.Repeat("a", 99)+"\n", sourceMost/100+1000)), sourceMost/100+500)
	if got.err == nil {
		t.Errorf("a line beyond the %d bytes that are read was found: %d lines", sourceMost, len(got.lines))
	}
	if got = readAt(t, written(t, "wide.go", strings.Repeat("b", 1<<20)), 1); len(got.lines) != 1 || ansi.StringWidth(got.lines[0]) > sourceCells {
		t.Errorf("a line of a million letters was kept: %d lines", len(got.lines))
	}
}

func TestHighlightColoursGo(t *testing.T) {
	lines := []string{"func f() { // note", "\treturn `raw", "text` + \"s\"", "/* a", "b */ x := 12"}
	out := highlight(colourTheme(), lines, true)
	for i, want := range []string{"func f() { // note", "    return `raw", "text` + \"s\"", "/* a", "b */ x := 12"} {
		if got := ansi.Strip(out[i]); got != want {
			t.Errorf("line %d became %q", i, got)
		}
	}
	th := colourTheme()
	for i, want := range []string{th.Accent.Render("func"), th.Accent.Render("return"), th.Label.Render("text`"), th.Faint.Render("/* a"), th.Faint.Render("b */")} {
		if !strings.Contains(out[i], want) {
			t.Errorf("line %d lacks %q: %q", i, want, out[i])
		}
	}
}

// Whatever a file holds, it comes out in as many lines, none too wide, without a control character.
func FuzzHighlight(f *testing.F) {
	f.Add("package a\n\nfunc f() {}\n")
	f.Add("\"open\n`open\n/* open\n'")
	f.Add("\x1b[31m\x00\xff\xfe\u202e世界\r\n\t")
	th := theme.Plain()
	f.Fuzz(func(t *testing.T, content string) {
		lines := strings.Split(content, "\n")
		for _, isGo := range []bool{true, false} {
			out := highlight(th, lines, isGo)
			if len(out) != len(lines) {
				t.Fatalf("%d lines became %d", len(lines), len(out))
			}
			for _, line := range out {
				if ansi.StringWidth(line) > sourceCells || strings.ContainsAny(line, "\x1b\x00\r\n\x07") {
					t.Fatalf("unsafe line %q", line)
				}
			}
		}
	})
}
