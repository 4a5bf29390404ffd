package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// The tests named TestFault... hold docs/faults.md: each breaks one thing under the whole program and asserts the words, the
// exit code, and what is on disk afterwards.

// faultWait is how long a command under a fault may take before it counts as hung.
const faultWait = 60 * time.Second

// outcome is what a command wrote, and how it ended.
type outcome struct {
	t           testing.TB
	args        []string
	out, stderr string
	code        int
}

// run runs a command to its end. One that hangs fails the test.
func run(t testing.TB, env []string, path string, args ...string) outcome {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), faultWait)
	defer stop()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(append(os.Environ(), "XDG_STATE_HOME="+t.TempDir(), "NO_COLOR=1"), env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("%q: %v", args, err)
	}
	o := outcome{t, args, out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		t.Fatalf("%q hangs:\n%s", args, o.stderr)
	}
	if strings.Contains(o.stderr, "goroutine ") || strings.Contains(o.stderr, "panic:") {
		t.Errorf("%q panics:\n%s", args, o.stderr)
	}
	return o
}

// ends checks the exit code and words on stderr.
func (o outcome) ends(code int, words ...string) {
	o.t.Helper()
	if o.code != code {
		o.t.Errorf("%q: exit %d, want %d\n%s", o.args, o.code, code, o.stderr)
	}
	for _, w := range words {
		if !strings.Contains(o.stderr, w) {
			o.t.Errorf("%q does not say %q on stderr:\n%s", o.args, w, o.stderr)
		}
	}
}

// reading is one line of --format json.
type reading struct {
	Target   struct{ Name, Source string }
	Metrics  map[string]float64
	Warnings []string
}

// readings are the lines of --format json, at least one.
func (o outcome) readings() []reading {
	o.t.Helper()
	var all []reading
	for d := json.NewDecoder(strings.NewReader(o.out)); ; {
		var r reading
		err := d.Decode(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			o.t.Fatalf("line %d of %q: %v", len(all)+1, o.args, err)
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		o.t.Fatalf("%q printed no reading:\n%s", o.args, o.stderr)
	}
	return all
}

// last is the last reading.
func (o outcome) last() reading {
	o.t.Helper()
	all := o.readings()
	return all[len(all)-1]
}

// watchFor is a second of JSON lines.
func watchFor(args ...string) []string {
	return append([]string{"--format", "json", "--interval", "100ms", "--duration", "1s"}, args...)
}

// victim starts a process that is ended with the test.
func victim(t testing.TB, path string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	return cmd
}

// goVictim starts a Go program that has no endpoint and no agent, and waits until it has a Go heap.
func goVictim(t testing.TB, bin string) *exec.Cmd {
	t.Helper()
	cmd := victim(t, bin, "run-scenario", "demo")
	until(t, "the demo serves", func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		return err == nil && strings.Contains(string(status), "Threads:") && !strings.Contains(string(status), "Threads:\t1\n")
	})
	return cmd
}

func asRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// replays checks that a recording holds exactly the lines that were printed.
func replays(t testing.TB, bin, recording, lines string) {
	t.Helper()
	again := run(t, nil, bin, "replay", "--format", "json", recording)
	again.ends(0)
	if again.out != lines {
		t.Errorf("the recording replays %d lines, %d were printed", strings.Count(again.out, "\n"), strings.Count(lines, "\n"))
	}
}

func TestFaultTargetIsStopped(t *testing.T) {
	bin := heaptop(t)
	cmd := goVictim(t, bin)
	pid := fmt.Sprint(cmd.Process.Pid)
	run(t, nil, bin, watchFor(pid)...).ends(0) // it has a Go heap by then
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	o := run(t, nil, bin, watchFor(pid)...)
	o.ends(0, "process "+pid+" is stopped (SIGSTOP, or Ctrl-Z): it does nothing until somebody continues it")
	if l := o.last(); l.Metrics["/process/rss:bytes"] <= 0 || l.Metrics["/gc/heap/live:bytes"] <= 0 || l.Target.Source != "memory" {
		t.Errorf("read from %s: %v", l.Target.Source, l.Metrics)
	}
	file := filepath.Join(t.TempDir(), "stopped.heapsnap")
	run(t, nil, bin, "snapshot", "-o", file, pid).ends(0)
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("no snapshot of a stopped process: %v", err)
	}
	run(t, nil, bin, "--headless", "--duration", "1s", "--limit", "peak_rss=4GB", pid).ends(0, "exit 0: passed")
	if o := run(t, nil, bin, "--headless", "--duration", "1s", "--limit", "allocs=1", pid); !strings.Contains(o.out, "stopped") {
		t.Errorf("a stopped target is not called so:\n%s", o.out)
	} else {
		o.ends(2, "exit 2: could not measure")
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if o := run(t, nil, bin, watchFor(pid)...); strings.Contains(o.stderr, "is stopped") {
		t.Errorf("continued, and still called stopped:\n%s", o.stderr)
	}
}

func TestFaultTargetIsKilled(t *testing.T) {
	bin, dir := heaptop(t), t.TempDir()
	recording, boxes := filepath.Join(dir, "killed.heaprec"), filepath.Join(dir, "boxes")
	o := run(t, nil, bin, "--format", "json", "--interval", "50ms", "--record", recording, "--snapshot-dir", boxes, "--", "sh", "-c", "sleep 0.5; kill -KILL $$")
	o.ends(2, "sh killed by SIGKILL at", "what was read before its end: "+boxes, "into "+recording, "exit 2: could not measure")
	replays(t, bin, recording, o.out)

	// The same with a process that heaptop did not start.
	cmd := victim(t, "sleep", "60")
	time.AfterFunc(500*time.Millisecond, func() { cmd.Process.Kill() })
	o = run(t, nil, bin, "--format", "json", "--interval", "50ms", fmt.Sprint(cmd.Process.Pid))
	o.ends(2, "killed by SIGKILL at")
	if len(o.readings()) < 3 {
		t.Errorf("%d readings in half a second", len(o.readings()))
	}
}

func TestFaultTargetRunsAnotherProgram(t *testing.T) {
	bin := heaptop(t)
	recording := filepath.Join(t.TempDir(), "exec.heaprec")
	o := run(t, nil, bin, "--format", "json", "--interval", "50ms", "--record", recording, "--", "sh", "-c", "sleep 0.4; exec sleep 0.6")
	o.ends(0, "exited 0 at")
	replays(t, bin, recording, o.out)
	for _, r := range o.readings() {
		// At the moment of the exec a process has no memory: that is said, and no RSS is made up.
		if rss, ok := r.Metrics["/process/rss:bytes"]; ok && rss <= 0 || !ok && len(r.Warnings) == 0 {
			t.Errorf("a reading without RSS: %v", r)
		}
	}

	// A Go program takes a shell's place: what only a Go program has is there from then on, on a busy machine later.
	for _, lasting := range []string{"5s", "30s"} {
		cmd := victim(t, "sh", "-c", "sleep 1; exec "+bin+" run-scenario demo")
		o = run(t, nil, bin, "--format", "json", "--interval", "100ms", "--duration", lasting, fmt.Sprint(cmd.Process.Pid))
		o.ends(0)
		if first := o.readings()[0]; first.Metrics["/gc/heap/live:bytes"] > 0 {
			t.Errorf("a shell with a Go heap: %v", first)
		}
		l := o.last()
		if l.Metrics["/gc/heap/live:bytes"] > 0 {
			return
		}
		t.Logf("after %s it is %s read from %s, with %v", lasting, l.Target.Name, l.Target.Source, l.Metrics)
	}
	t.Error("a shell that has become a Go program is not read as one")
}

func TestFaultTargetForksManyChildren(t *testing.T) {
	n := 500
	if os.Getenv("HEAPTOP_FULL") == "1" {
		n = 10000
	}
	bin := heaptop(t)
	loop := fmt.Sprintf("i=0; while [ $i -lt %d ]; do sleep 1000 & i=$((i+1)); done; echo $! >last; wait", n)
	dir := t.TempDir()
	cmd := exec.Command(bin, "--format", "json", "--interval", "200ms", "--record", "many.heaprec", "--", "sh", "-c", loop)
	cmd.Dir = dir
	out, err := os.Create(filepath.Join(dir, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lastChild := 0
	deadline := time.Now().Add(5 * time.Minute)
	for lastChild == 0 && time.Now().Before(deadline) {
		text, _ := os.ReadFile(filepath.Join(dir, "last"))
		fmt.Sscan(string(text), &lastChild)
		time.Sleep(20 * time.Millisecond)
	}
	// A tree is listed anew within five seconds, or it is said that it is not.
	told := func(text string) bool {
		lines := strings.Split(text, "\n")
		if len(lines) < 2 {
			return false
		}
		l := outcome{t: t, args: cmd.Args, out: lines[len(lines)-2]}.last() // what follows the last line break may be half a line
		return l.Metrics["/tree/processes:processes"] == float64(n+1) ||
			slices.ContainsFunc(l.Warnings, func(w string) bool { return strings.Contains(w, "the newest are not in the sums of the tree") })
	}
	until(t, fmt.Sprintf("all %d processes are in the tree, or it is said that they are not", n+1), func() bool {
		text, err := os.ReadFile(out.Name())
		return err == nil && told(string(text))
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit %d:\n%s", code, stderr.String())
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	replays(t, bin, filepath.Join(dir, "many.heaprec"), string(text))
	until(t, "the children are ended too", func() bool { return dead(lastChild) })
}

func TestFaultTargetChangesItsUser(t *testing.T) {
	asRoot(t)
	samplertest.Tool(t, "setpriv")
	bin := heaptop(t)
	o := run(t, nil, bin, "--format", "json", "--interval", "50ms", "--", "sh", "-c",
		"sleep 0.3; exec setpriv --reuid 65534 --regid 65534 --clear-groups sleep 2")
	o.ends(0, "exited 0 at")
	// PSS is read within a budget of time, hence not in each reading.
	if !slices.ContainsFunc(o.readings(), func(r reading) bool { return r.Target.Name == "sleep" && r.Metrics["/process/pss:bytes"] > 0 }) {
		t.Errorf("as root, no reading after the change has PSS:\n%s", o.out)
	}

	// Seen by a user who loses the right to look: what everybody may read goes on, what not is absent, with the reason.
	cmd := victim(t, "sleep", "60")
	o = run(t, nil, "setpriv", append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups", reachable(t, bin)}, watchFor(fmt.Sprint(cmd.Process.Pid))...)...)
	o.ends(0, "smaps_rollup: permission denied", "Run heaptop as root to see PSS")
	l := o.last()
	if _, ok := l.Metrics["/process/pss:bytes"]; ok || l.Metrics["/process/rss:bytes"] <= 0 {
		t.Errorf("another user reads %v", l.Metrics)
	}
}

// reachable returns the path of a copy of the program that every user may start.
func reachable(t testing.TB, bin string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "heaptop-fault-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "heaptop")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(bin, path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
