//go:build unix

package launch_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

func sh(t *testing.T, script string, o launch.Options) *launch.Process {
	t.Helper()
	o.Args = []string{"/bin/sh", "-c", script}
	p, err := launch.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func wait(t *testing.T, p *launch.Process) *sampler.Gone {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the command did not end in 20 s")
	}
	return p.Gone()
}

// until polls the condition, for at most 20 s.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}

func text(lines []sampler.LogLine) string {
	var b strings.Builder
	for _, l := range lines {
		if l.Stderr {
			b.WriteString("err ")
		}
		b.WriteString(l.Text + "\n")
	}
	return b.String()
}

func TestEndIsExact(t *testing.T) {
	for _, c := range []struct {
		script, want string
	}{
		{"exit 0", "exited 0"},
		{"exit 7", "exited 7"},
		{"kill -KILL $$", "killed by SIGKILL"},
		{"kill -TERM $$", "killed by SIGTERM"},
	} {
		g := wait(t, sh(t, c.script, launch.Options{}))
		if !errors.Is(g, sampler.ErrGone) || !strings.HasPrefix(g.Error(), c.want) {
			t.Errorf("%q ended as %q, want %q", c.script, g, c.want)
		}
		if time.Since(g.At) > time.Minute {
			t.Errorf("%q ended at %s", c.script, g.At)
		}
	}
}

func TestGoneIsNilWhileItRuns(t *testing.T) {
	p := sh(t, "sleep 60", launch.Options{})
	if g := p.Gone(); g != nil {
		t.Fatalf("gone: %v", g)
	}
	p.Stop(nil)
	if g := p.Gone(); g == nil || g.Signal != "SIGTERM" {
		t.Fatalf("after Stop: %v, want SIGTERM", g)
	}
}

func TestStartErrorsSayWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		is   error
		says string
	}{
		{nil, sampler.ErrNotFound, "no command is given"},
		{[]string{"heaptop-no-such-command"}, sampler.ErrNotFound, "no such command in PATH"},
		{[]string{filepath.Join(dir, "missing")}, sampler.ErrNotFound, "no such command"},
		{[]string{plain}, sampler.ErrPermission, "may not execute"},
	} {
		_, err := launch.Start(launch.Options{Args: c.args})
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %v, want %q", c.args, err, c.says)
		}
	}
}

func TestLogKeepsBothStreams(t *testing.T) {
	p := sh(t, `echo one; echo two >&2; printf 'no break'`, launch.Options{})
	wait(t, p)
	lines, dropped := p.Log()
	got := text(lines)
	for _, want := range []string{"one\n", "err two\n", "no break\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("log lacks %q:\n%s", want, got)
		}
	}
	if dropped != 0 {
		t.Errorf("dropped %d", dropped)
	}
}

func TestLogIsBounded(t *testing.T) {
	p := sh(t, `yes 0123456789 | head -n 5000; head -c 20000 /dev/zero | tr '\0' x`, launch.Options{})
	wait(t, p)
	lines, dropped := p.Log()
	if len(lines) != 2000 {
		t.Errorf("kept %d lines, want 2000", len(lines))
	}
	if len(lines)+dropped != 5005 { // 20,000 bytes without a break are 5 lines of at most 4,096
		t.Errorf("kept %d and dropped %d, want 5005 together", len(lines), dropped)
	}
	for _, l := range lines {
		if len(l.Text) > 4096 {
			t.Errorf("a line of %d bytes", len(l.Text))
		}
	}
	if last := lines[len(lines)-1].Text; last != strings.Repeat("x", 20000-4*4096) {
		t.Errorf("the last line has %d bytes", len(last))
	}
}

func TestOutputTakesBothStreams(t *testing.T) {
	var out bytes.Buffer
	wait(t, sh(t, "echo one; echo two >&2", launch.Options{Output: &out}))
	if got := out.String(); !strings.Contains(got, "one\n") || !strings.Contains(got, "two\n") {
		t.Errorf("output %q", got)
	}
}

// upper changes what passes and holds it until it is closed.
type upper struct {
	next io.Writer
	held bytes.Buffer
}

func (u *upper) Write(b []byte) (int, error) { return u.held.Write(bytes.ToUpper(b)) }

func (u *upper) Close() error {
	_, err := u.next.Write(u.held.Bytes())
	return err
}

func TestFilterTakesStderrAloneAndIsClosed(t *testing.T) {
	p := sh(t, "echo one; echo two >&2", launch.Options{
		FilterStderr: func(next io.Writer, _ bool) io.Writer { return &upper{next: next} },
	})
	wait(t, p)
	lines, _ := p.Log()
	if got := text(lines); !strings.Contains(got, "one\n") || !strings.Contains(got, "err TWO\n") {
		t.Errorf("log:\n%s", got)
	}
}

// writes counts the calls of Write and their bytes.
type writes struct{ sizes []int }

func (w *writes) Write(b []byte) (int, error) {
	w.sizes = append(w.sizes, len(b))
	return len(b), nil
}

func TestFilterSeesEachWriteWhereItIsSaid(t *testing.T) {
	var w writes
	var said bool
	wait(t, sh(t, "for i in 1 22 333; do printf $i >&2; done", launch.Options{
		FilterStderr: func(_ io.Writer, packets bool) io.Writer { said = packets; return &w },
	}))
	if want := []int{1, 2, 3}; said && !slices.Equal(w.sizes, want) {
		t.Errorf("writes of %v bytes, want %v", w.sizes, want)
	}
	if total := len(w.sizes); total == 0 || runtime.GOOS == "linux" && !said {
		t.Errorf("%d writes, packets %v", total, said)
	}
}

func TestFilterDoesNotWaitForChildrenThatKeepThePipe(t *testing.T) {
	var w writes
	began := time.Now()
	p := sh(t, "sleep 60 & echo x >&2", launch.Options{FilterStderr: func(io.Writer, bool) io.Writer { return &w }})
	wait(t, p)
	if took := time.Since(began); took > 10*time.Second || len(w.sizes) != 1 {
		t.Errorf("took %s for %v", took, w.sizes)
	}
	p.Stop(nil)
}

func TestInputIsNeverTheTerminal(t *testing.T) {
	p := sh(t, "cat; readlink /proc/$$/fd/0", launch.Options{})
	wait(t, p)
	lines, _ := p.Log()
	if got := text(lines); !strings.Contains(got, "/dev/null") {
		t.Skipf("no /proc to ask: %q", got)
	}
}

func TestEnvironmentIsAdded(t *testing.T) {
	t.Setenv("HEAPTOP_LAUNCH_TEST", "inherited")
	p := sh(t, `echo $HEAPTOP_LAUNCH_TEST $ADDED`, launch.Options{Env: []string{"ADDED=added"}})
	wait(t, p)
	if lines, _ := p.Log(); text(lines) != "inherited added\n" {
		t.Errorf("log %q", text(lines))
	}
}

// dead reports whether no such process runs; one that only waits to be reaped by init counts as dead.
func dead(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && bytes.Contains(data, []byte(") Z "))
}

// pids waits for the command to print n process ids and returns them.
func pids(t *testing.T, p *launch.Process, n int) []int {
	t.Helper()
	var found []int
	until(t, "the command prints its process ids", func() bool {
		lines, _ := p.Log()
		found = found[:0]
		for _, f := range strings.Fields(text(lines)) {
			if pid, err := strconv.Atoi(f); err == nil {
				found = append(found, pid)
			}
		}
		return len(found) >= n
	})
	return found
}

func TestStopEndsTheWholeFamily(t *testing.T) {
	p := sh(t, `sleep 60 & echo $!; setsid sleep 61 & echo $!; wait`, launch.Options{})
	family := append(pids(t, p, 2), p.PID())
	p.Stop(nil)
	for _, pid := range family {
		until(t, "process "+strconv.Itoa(pid)+" is dead", func() bool { return dead(pid) })
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	p := sh(t, `trap '' TERM INT; echo $$; while :; do sleep 1; done`, launch.Options{Grace: 200 * time.Millisecond})
	pids(t, p, 1)
	began := time.Now()
	p.Stop(os.Interrupt)
	if g := p.Gone(); g == nil || g.Signal != "SIGKILL" {
		t.Errorf("ended as %v, want SIGKILL", g)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("killed after %s, before the grace was over", took)
	}
}

func TestStopSendsEachProcessOneSignal(t *testing.T) {
	p := sh(t, `trap 'echo got' TERM; echo $$; while :; do sleep 60 & wait $!; done`, launch.Options{Grace: 500 * time.Millisecond})
	pids(t, p, 1)
	p.Stop(nil)
	lines, _ := p.Log()
	if n := strings.Count(text(lines), "got"); n != 1 {
		t.Errorf("the command got SIGTERM %d times, want once:\n%s", n, text(lines))
	}
}

func TestStopAfterTheEndTakesTheChildrenLeftBehind(t *testing.T) {
	p := sh(t, `sleep 60 >/dev/null 2>&1 & echo $!`, launch.Options{})
	left := pids(t, p, 1)[0]
	wait(t, p)
	if dead(left) {
		t.Fatal("the child ended with the command: nothing to test")
	}
	p.Stop(nil)
	until(t, "the child left behind is dead", func() bool { return dead(left) })
	if g := p.Gone(); !g.ExitCode.OK || g.ExitCode.Value != 0 {
		t.Errorf("the command ended as %v, want exited 0", g)
	}
}

func TestKillInterruptsStop(t *testing.T) {
	p := sh(t, `trap '' TERM; echo $$; while :; do sleep 1; done`, launch.Options{Grace: time.Hour})
	pids(t, p, 1)
	stopped := make(chan struct{})
	go func() { p.Stop(nil); close(stopped) }()
	p.Kill()
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Fatal("Stop still waits 20 s after Kill")
	}
}
