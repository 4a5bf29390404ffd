package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// unprintable returns the first character of a text that acts on a terminal or turns its direction, "" when there is none.
func unprintable(text string) string {
	for _, r := range text {
		if r == '\n' || r == '\t' {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Sprintf("%q", r)
		}
	}
	if !utf8.ValidString(text) {
		return "invalid UTF-8"
	}
	return ""
}

// TestSecurityHostileProcess watches and measures a process whose name, path, arguments, environment and output are made to
// hurt, and looks at every face of it.
func TestSecurityHostileProcess(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	evil := "a\x1b]0;own\x07\n\u202e\x9b2J\xff<b>|`"
	path := filepath.Join(dir, evil)
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, sleep, 0o700); err != nil {
		t.Skipf("no file of that name can be made: %v", err)
	}
	t.Setenv("HEAPTOP_TEST_EVIL", evil)
	huge := "0.001" + strings.Repeat("0", 100_000)
	cmd := victim(t, path, append([]string{"600"}, huge, huge, huge, huge, huge, huge, huge, huge, huge, huge)...)
	pid := fmt.Sprint(cmd.Process.Pid)
	for _, args := range [][]string{
		{"--format", "text", "--duration", "300ms", "--interval", "100ms", pid}, watchFor(pid),
		{"--format", "text", "--duration", "300ms", "--interval", "100ms", "--", path, "5"},
		{"debug", "analyze", pid}, {"debug", "analyze", "--format", "markdown", pid},
		{"snapshot", "-o", filepath.Join(dir, "a.heapsnap"), pid}, {"debug", "analyze", filepath.Join(dir, "a.heapsnap")},
	} {
		o := run(t, nil, bin, args...)
		o.ends(0)
		if bad := unprintable(o.out + o.stderr); bad != "" {
			t.Errorf("%q prints %s", args, bad)
		}
	}
	run(t, nil, bin, watchFor(evil)...).ends(0) // by its name

	formats := []string{"text", "json", "markdown", "html", "junit", "metrics", "influx", "datadog", "openmetrics", "github", "benchfmt"}
	args := []string{"--headless", "--runs", "1", "--limit", "peak_rss=1B"}
	for _, f := range formats {
		args = append(args, "--format", f+"="+filepath.Join(dir, "report."+f))
	}
	o := run(t, nil, bin, append(args, "--", path, "0.1")...)
	o.ends(1)
	if bad := unprintable(o.out + o.stderr); bad != "" {
		t.Errorf("headless prints %s: %q", bad, o.out+o.stderr)
	}
	command := regexp.MustCompile(`(?m)^::`)
	for _, f := range formats {
		text, err := os.ReadFile(filepath.Join(dir, "report."+f))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if bad := unprintable(string(text)); bad != "" && f != "json" && f != "datadog" {
			t.Errorf("the report as %s has %s", f, bad)
		}
		if strings.ContainsAny(string(text), "\x1b\x07") {
			t.Errorf("the report as %s has an escape character", f)
		}
		if f != "github" && command.Match(text) {
			t.Errorf("the report as %s has a command of GitHub's", f)
		}
	}

	screen := on(t, []string{"NO_COLOR=1"}, bin, pid)
	screen.shows("1 Memory")
	screen.shows("cost ")
	screen.typed("2", "2 Processes")
	screen.press("q")
	if code := screen.exits(); code != 0 {
		t.Errorf("the dashboard: exit %d", code)
	}
	for _, bad := range []string{"\x1b]0;own", "\x07", "\u202e", "\xff", "\u009b2J"} {
		if strings.Contains(screen.text(), bad) {
			t.Errorf("%q reached the terminal", bad)
		}
	}
}
