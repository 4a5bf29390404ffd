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

// confine puts a process into a control group of that name, where that is possible.
func confine(t testing.TB, pid int, name string) {
	t.Helper()
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
		root = filepath.Join(root, "memory") // version 1
	}
	group := filepath.Join(root, fmt.Sprintf("heaptop-test-%d-%s", os.Getpid(), name))
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Logf("no control group of a hostile name: %v", err)
		return
	}
	t.Cleanup(func() { // before the process is ended, which is moved out
		_ = os.WriteFile(filepath.Join(root, "cgroup.procs"), []byte(fmt.Sprint(pid)), 0o644)
		until(t, "the control group is removed", func() bool { return os.Remove(group) == nil })
	})
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(fmt.Sprint(pid)), 0o644); err != nil {
		t.Logf("not in a control group of a hostile name: %v", err)
	}
}

// TestSecurityLongHostileNames: a program whose file has a name of 255 bytes of escape characters is watched and measured,
// and what is kept of it has names that do no harm.
func TestSecurityLongHostileNames(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	name := strings.Repeat("\x1b]0;x\x07\x9b\u202e\n", 30)[:255]
	path := filepath.Join(dir, name)
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, sleep, 0o700); err != nil {
		t.Skipf("no file of that name can be made: %v", err)
	}
	pid := fmt.Sprint(victim(t, path, "600").Process.Pid)
	state := filepath.Join(dir, "state")
	for _, args := range [][]string{
		watchFor(pid), {"snapshot", "--snapshot-dir", state, pid}, {"debug", "analyze", pid},
		{"--headless", "--runs", "1", "--limit", "peak_rss=1GB", "--", path, "0.1"},
	} {
		o := run(t, nil, bin, args...)
		o.ends(0)
		if bad := unprintable(o.out + o.stderr); bad != "" {
			t.Errorf("%q prints %s", args, bad)
		}
	}
	kept, err := os.ReadDir(state)
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d snapshots, %v", len(kept), err)
	}
	if bad := unprintable(kept[0].Name()); bad != "" {
		t.Errorf("the snapshot is called %q", kept[0].Name())
	}
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
	for i := range 9 {
		t.Setenv(fmt.Sprintf("HEAPTOP_TEST_EVIL%d", i), strings.Repeat(evil, 110_000/len(evil))) // with the arguments 2 MB, the most that Linux permits
	}
	huge := "0.001" + strings.Repeat("0", 100_000)
	cmd := victim(t, path, append([]string{"600"}, huge, huge, huge, huge, huge, huge, huge, huge, huge, huge)...)
	confine(t, cmd.Process.Pid, "b\x1b]0;own\x07\u202e\x9b2J\xff<b>|`")
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
		if bad := unprintable(string(text)); bad != "" {
			t.Errorf("the report as %s has %s", f, bad)
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
