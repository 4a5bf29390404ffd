//go:build unix

package cli_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// console is a program on a terminal that shows nothing and answers no question.
type console struct {
	t      testing.TB
	master *os.File
	slave  *os.File // kept open, so that its settings can be read after the program's end
	cmd    *exec.Cmd
	began  time.Time
	before unix.Termios
	ended  chan struct{}

	mu     sync.Mutex
	screen bytes.Buffer // everything the program wrote
}

// on starts a program on a terminal of 100x30.
func on(t testing.TB, env []string, path string, args ...string) *console {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, master: master, slave: slave, ended: make(chan struct{})}
	c.before = c.settings()
	c.cmd = exec.Command(path, args...)
	c.cmd.Env = append(os.Environ(), append([]string{"TERM=xterm-256color", "COLORTERM=truecolor", "NO_COLOR=", "CI=", "XDG_STATE_HOME=" + t.TempDir()}, env...)...)
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = slave, slave, slave
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	c.began = time.Now()
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go c.read()
	go func() { c.cmd.Wait(); close(c.ended) }()
	t.Cleanup(func() {
		c.cmd.Process.Kill()
		<-c.ended
		slave.Close()
		master.Close()
	})
	return c
}

func (c *console) read() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := c.master.Read(buffer)
		c.mu.Lock()
		c.screen.Write(buffer[:n])
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.screen.String()
}

func (c *console) settings() unix.Termios {
	c.t.Helper()
	t, err := unix.IoctlGetTermios(int(c.slave.Fd()), getTermios)
	if err != nil {
		c.t.Fatal(err)
	}
	return *t
}

// shows waits until the program has written text.
func (c *console) shows(text string) {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(c.text(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("%q is not on the screen after 30 s:\n%q", text, c.text())
		}
	}
}

func (c *console) press(keys string) {
	c.t.Helper()
	if _, err := io.WriteString(c.master, keys); err != nil {
		c.t.Fatal(err)
	}
}

// endOfOutput is written behind what the program wrote, to know that all of it was read.
const endOfOutput = "<end of output>"

// exits waits for the end, and for all that was written, and returns the exit code.
func (c *console) exits() int {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		c.t.Fatalf("still running after 30 s:\n%q", c.text())
	}
	if _, err := io.WriteString(c.slave, endOfOutput); err != nil {
		c.t.Fatal(err)
	}
	c.shows(endOfOutput)
	return c.cmd.ProcessState.ExitCode()
}

// restored checks that the terminal is as it was: its settings, the main screen, the cursor, no mouse reports.
func (c *console) restored() {
	c.t.Helper()
	if after := c.settings(); after != c.before {
		c.t.Errorf("the terminal's settings changed from %+v to %+v", c.before, after)
	}
	c.shows(leaveScreen)
	for _, s := range []struct{ on, off string }{
		{enterScreen, leaveScreen},
		{"\x1b[?25l", "\x1b[?25h"},
		{"\x1b[?1002h", "\x1b[?1002l"},
		{"\x1b[?2004h", "\x1b[?2004l"},
	} {
		out := c.text()
		if on := strings.LastIndex(out, s.on); on >= 0 && strings.LastIndex(out, s.off) < on {
			c.t.Errorf("%q was not followed by %q", s.on, s.off)
		}
	}
}

const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
)

func dead(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestADumbTerminalGetsLines(t *testing.T) {
	c := on(t, []string{"TERM=dumb"}, heaptop(t), "--duration", "50ms", "--interval", "50ms", "--", "sleep", "5")
	if code := c.exits(); code != 0 {
		t.Errorf("exit %d", code)
	}
	c.shows("this terminal (TERM=dumb) cannot place text: lines of text instead of the dashboard")
	if out := c.text(); strings.Contains(out, "\x1b") || !strings.Contains(out, "NEAREST LIMIT") {
		t.Errorf("%q", out)
	}
}

func TestNoEscapeByteAndNoWaitWithoutTheDashboard(t *testing.T) {
	for _, args := range [][]string{
		{"version"}, {"help"}, {"--help"}, {"completion", "bash"}, {"--format", "nonsense"}, {"2147483647"},
		{"--format", "json", "--duration", "50ms", "--interval", "50ms", "--", "sleep", "5"},
		{"--format", "text", "--duration", "50ms", "--interval", "50ms", "--", "sleep", "5"},
		{"--headless", "--suite", "nonsense"}, {"--headless", "--runs", "1", "--limit", "peak_rss=64MB", "--", "true"},
		{"--headless", "--runs", "2", "--limit", "peak_rss=64kB", "--", "sh", "-c", "echo x; sleep 0.1"},
		{"check", "--limit", "peak_rss=64MB", "--", "true"}, {"report", "none.json"}, {"baseline", "show", "none"},
	} {
		c := on(t, nil, heaptop(t), args...)
		c.exits()
		took := time.Since(c.began)
		if out := c.text(); strings.ContainsRune(out, '\x1b') {
			t.Errorf("%q writes an escape byte: %q", args, out)
		} else if out == endOfOutput {
			t.Errorf("%q writes nothing", args)
		}
		// Waiting for a terminal that does not answer takes 5 s.
		if took > 2*time.Second {
			t.Errorf("%q took %s", args, took)
		}
		t.Logf("%q took %s", args, took.Round(time.Millisecond))
	}
}

func TestQuitLeavesTheTerminalAsItWas(t *testing.T) {
	for _, key := range []string{"q", "\x03"} {
		c := on(t, nil, heaptop(t), "--", "sleep", "60")
		c.shows(enterScreen)
		c.shows("sleep")
		c.press(key)
		if code := c.exits(); code != 0 {
			t.Errorf("%q: exit %d, want 0:\n%q", key, code, c.text())
		}
		c.restored()
	}
}

func TestSignalsLeaveTheTerminalAsItWas(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		pidFile := t.TempDir() + "/pid"
		c := on(t, nil, heaptop(t), "--", "sh", "-c", "echo $$ >"+pidFile+"; sleep 60")
		c.shows(enterScreen)
		pid := readPID(t, pidFile)
		if err := c.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code := c.exits(); code != 130 {
			t.Errorf("%s: exit %d, want 130:\n%q", sig, code, c.text())
		}
		c.restored()
		if !dead(pid) {
			t.Errorf("%s: the command is still alive", sig)
		}
		c.shows("exit 130: interrupted")
	}
}

func TestDurationEndsTheDashboard(t *testing.T) {
	c := on(t, nil, heaptop(t), "--duration", "300ms", "--", "sleep", "60")
	if code := c.exits(); code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	c.restored()
}

func TestSecondInterruptKills(t *testing.T) {
	pidFile := t.TempDir() + "/pid"
	c := on(t, nil, heaptop(t), "--format", "text", "--", "sh", "-c", "trap '' INT TERM; echo $$ >"+pidFile+"; while :; do sleep 1; done")
	pid := readPID(t, pidFile)
	c.shows("RSS")
	began := time.Now()
	c.press("\x03")
	time.Sleep(100 * time.Millisecond) // two signals that come together are one
	if dead(pid) {
		t.Fatal("the first interrupt killed a command that ignores it")
	}
	c.press("\x03")
	if code := c.exits(); code != 130 {
		t.Errorf("exit %d, want 130", code)
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("took %s: it waited for the grace", took)
	}
	until(t, "the command is dead", func() bool { return dead(pid) })
}

// colours matches the escape codes that set a colour.
var colours = regexp.MustCompile("\x1b\\[([0-9]+;)*(3[0-8]|4[0-8]|9[0-7])(;[0-9]+)*m")

func TestNoColorMeansNoColour(t *testing.T) {
	colour := func(env ...string) bool {
		c := on(t, env, heaptop(t), "--theme", "dark", "--", "sleep", "60")
		c.shows("sleep")
		c.press("q")
		c.exits()
		return colours.MatchString(c.text())
	}
	if !colour() {
		t.Error("no colour without NO_COLOR: nothing is proven")
	}
	if colour("NO_COLOR=1") {
		t.Error("NO_COLOR=1, and there is colour")
	}
}

func TestDashboardAsksTheTerminalNothing(t *testing.T) {
	c := on(t, nil, heaptop(t), "--", "sleep", "60")
	c.shows("sleep")
	c.press("q")
	c.exits()
	for _, question := range []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c"} {
		if strings.Contains(c.text(), question) {
			t.Errorf("the terminal is asked %q", question)
		}
	}
}

// TestStartToFirstFrame measures how long a person waits. The bound of 150 ms is for an idle machine; here a busy one
// must stay within 2 s.
func TestStartToFirstFrame(t *testing.T) {
	best := time.Hour
	for range 5 {
		c := on(t, nil, heaptop(t), "--", "sleep", "60")
		c.shows(enterScreen)
		c.shows("Memory")
		best = min(best, time.Since(c.began))
		c.press("q")
		c.exits()
	}
	t.Logf("start to first frame: %s", best.Round(time.Millisecond))
	if best > 2*time.Second {
		t.Errorf("the first frame took %s", best)
	}
}

func readPID(t testing.TB, path string) int {
	t.Helper()
	pid := 0
	until(t, "a process id in "+path, func() bool {
		data, err := os.ReadFile(path)
		if err != nil || !bytes.HasSuffix(data, []byte("\n")) {
			return false
		}
		for _, b := range bytes.TrimSpace(data) {
			pid = pid*10 + int(b-'0')
		}
		return true
	})
	return pid
}
