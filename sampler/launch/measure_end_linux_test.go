package launch_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/launch"
)

// modes runs a test traced and untraced.
func modes(t *testing.T, test func(t *testing.T, noTrace string)) {
	t.Run("traced", func(t *testing.T) { test(t, "") })
	t.Run("untraced", func(t *testing.T) { test(t, "the test says so") })
}

// stubborn ignores SIGTERM, has a daemon in a session of its own, and says when all are there.
const stubborn = `trap '' TERM
	(setsid sh -c 'trap "" TERM; while :; do sleep 60; done' </dev/null >/dev/null 2>&1 &)
	echo ready; while :; do sleep 60; done`

func TestTimeoutEndsTheWholeTree(t *testing.T) {
	modes(t, func(t *testing.T, noTrace string) {
		began := time.Now()
		m := measure(t, launch.MeasureOptions{Args: shell(stubborn), Timeout: 300 * time.Millisecond, Grace: 200 * time.Millisecond, NoTrace: noTrace})
		if m.Cause != launch.EndTimeout || rootExit(t, m).Signal != "SIGKILL" {
			t.Errorf("%s, %+v", m.Cause, rootExit(t, m))
		}
		if took := time.Since(began); took < 500*time.Millisecond {
			t.Errorf("over after %s, before the timeout and the grace", took)
		}
		if len(m.Exits) < 3 {
			t.Errorf("exits %+v, want the daemon's among them", m.Exits)
		}
		allDead(t, m)
	})
}

func allDead(t *testing.T, m *launch.Measurement) {
	t.Helper()
	for _, e := range m.Exits {
		if !dead(e.PID) {
			t.Errorf("%s (%d) still lives", e.Name, e.PID)
		}
	}
	for _, w := range m.Warnings {
		t.Errorf("warning: %v", w)
	}
}

func TestPoliteEndIsTheProgramsOwn(t *testing.T) {
	modes(t, func(t *testing.T, noTrace string) {
		var out bytes.Buffer
		m := measure(t, launch.MeasureOptions{
			Args:    shell(`trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done`),
			Timeout: 300 * time.Millisecond, Grace: 20 * time.Second, Stdout: &out, NoTrace: noTrace,
		})
		if m.Cause != launch.EndTimeout || rootExit(t, m).ExitCode != 0 || out.String() != "bye\n" {
			t.Errorf("%s, %+v, output %q", m.Cause, rootExit(t, m), out.String())
		}
	})
}

func TestCancelLeavesNothing(t *testing.T) {
	modes(t, func(t *testing.T, noTrace string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out := writer(func(b []byte) (int, error) {
			if bytes.Contains(b, []byte("ready")) {
				cancel()
			}
			return len(b), nil
		})
		m, err := launch.Measure(ctx, launch.MeasureOptions{Args: shell(stubborn), Grace: 100 * time.Millisecond, Stdout: out, NoTrace: noTrace})
		if err != nil {
			t.Fatal(err)
		}
		if m.Cause != launch.EndInterrupted {
			t.Errorf("cause %s", m.Cause)
		}
		allDead(t, m)
		if _, err := launch.Measure(ctx, launch.MeasureOptions{Args: shell("exit 0")}); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that is over: %v", err)
		}
	})
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func TestAFloodOfOutputIsNeitherKeptNorHeld(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var n int64
	o := play("flood")
	o.Env = append(o.Env, "FLOOD_MIB=128")
	if os.Getenv("HEAPTOP_FULL") != "" {
		o.Env = append(o.Env, "FLOOD_MIB=1024")
	}
	o.Stdout = writer(func(b []byte) (int, error) {
		n += int64(len(b))
		if n > 64*mib {
			return 0, errors.New("enough") // the program must not notice
		}
		return len(b), nil
	})
	m := measure(t, o)
	runtime.ReadMemStats(&after)
	if m.Cause != launch.EndExited || n <= 64*mib {
		t.Errorf("%s after %d bytes", m.Cause, n)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8*mib {
		t.Errorf("%d bytes were allocated to pass the output", grown)
	}
}

func TestInputAndOutputPass(t *testing.T) {
	var out, errs bytes.Buffer
	o := play("echo")
	text := strings.Repeat("0123456789", 50_000)
	o.Stdin, o.Stdout, o.Stderr = strings.NewReader(text), &out, &errs
	if m := measure(t, o); m.Cause != launch.EndExited || out.String() != text {
		t.Errorf("%s, %d bytes passed of %d, errors %q", m.Cause, out.Len(), len(text), errs.String())
	}
	out.Reset()
	dir := t.TempDir()
	t.Setenv("ADDED", "inherited")
	measure(t, launch.MeasureOptions{Args: shell("pwd; env | grep ^ADDED=; echo two >&2; cat"), Dir: dir, Env: []string{"ADDED=added"}, Stdout: &out, Stderr: &errs})
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != real+"\nADDED=added\n" || errs.String() != "two\n" {
		t.Errorf("output %q, errors %q", out.String(), errs.String())
	}
}

func TestUntracedTreeIsPolled(t *testing.T) {
	// The command goes on once all three were found.
	found := make(chan string, 100)
	m := measure(t, launch.MeasureOptions{
		Args:    shell("sleep 60 & (sleep 60; exit 0) & setsid sleep 60 & read -r line; exit 0"),
		Started: func(c launch.Child) { found <- c.Name },
		Stdin: reader(func([]byte) (int, error) {
			for n := 0; n < 3; {
				if <-found == "sleep" {
					n++
				}
			}
			return 0, io.EOF
		}),
		NoTrace: "the test says so",
	})
	if got := len(exitsOf(m, "sleep")); got != 3 {
		t.Errorf("%d ends of sleep, want 3: %+v", got, m.Exits)
	}
	for _, e := range m.Exits {
		if e.Exact {
			t.Errorf("%+v says it is exact, untraced", e)
		}
	}
	if root := rootExit(t, m); !root.PeakRSS.OK || root.PeakRSS.Value > 50*mib {
		t.Errorf("root %+v", root)
	}
	if !m.PeakTree.Sum.OK || len(m.PeakTree.Processes) < 3 || m.PeakTree.Processes[0].RSS > m.PeakTree.Sum.Value {
		t.Errorf("peak of the tree %+v", m.PeakTree)
	}
}

func TestAProgramThatTracesItselfIsLeftAlone(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("no strace")
	}
	for _, script := range []string{"exec strace -f -o /dev/null sh -c 'sleep 0.1; exit 5'", "strace -f -o /dev/null sh -c 'sleep 0.1; exit 5'"} {
		var errs bytes.Buffer
		m := measure(t, launch.MeasureOptions{Args: shell(script), Stderr: &errs})
		if e := rootExit(t, m); e.ExitCode != 5 {
			t.Fatalf("%q ended as %+v: %s", script, e, errs.String())
		}
		if !strings.Contains(m.Untraced, "ptrace") {
			t.Errorf("%q: untraced %q does not say why", script, m.Untraced)
		}
		if len(exitsOf(m, "strace")) == 0 {
			t.Errorf("%q: exits %+v", script, m.Exits)
		}
		allDead(t, m)
	}
}

func TestAProgramWithRightsOfItsFileKeepsThem(t *testing.T) {
	su, err := exec.LookPath("su")
	if err != nil || os.Geteuid() == 0 {
		t.Skip("no su, or this user has all rights anyway")
	}
	m := measure(t, launch.MeasureOptions{Args: []string{su, "--version"}})
	if m.Traced || !strings.Contains(m.Untraced, "set-user-id") || m.Cause != launch.EndExited {
		t.Errorf("traced %v, %q, %s", m.Traced, m.Untraced, m.Cause)
	}
	m = measure(t, launch.MeasureOptions{Args: shell(su + " --version; exit 0")})
	if len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0].Error(), "su is a set-user-id program") {
		t.Errorf("warnings %v", m.Warnings)
	}
}

func TestWhereTracingIsForbiddenTheCommandRunsAllTheSame(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("no strace")
	}
	// A heaptop that is traced itself cannot trace: a process has one tracer.
	cmd := exec.Command("strace", "-f", "-o", "/dev/null", os.Args[0], "heaptop")
	cmd.Env = append(os.Environ(), partEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := string(out); !strings.HasPrefix(got, "failed 4 false this system does not let heaptop trace") {
		t.Errorf("it says %q", got)
	}
}

func TestItsOwnCgroup(t *testing.T) {
	m := measure(t, play("late"))
	if m.NoCgroup != "" {
		t.Skip(m.NoCgroup)
	}
	if m.PeakCgroup.Value < 300*mib || m.PeakCgroup.Value > 400*mib {
		t.Errorf("peak %+v, want 300 MiB and a little", m.PeakCgroup)
	}
	var text bytes.Buffer // other tests make groups at the same time: the command says which is its own
	measure(t, launch.MeasureOptions{Args: shell("cat /proc/self/cgroup"), Stdout: &text})
	own := 0
	for line := range strings.Lines(text.String()) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), ":/")
		if !strings.Contains(path, "/heaptop-") {
			continue
		}
		own++
		for _, below := range []string{"", "memory/"} {
			if _, err := os.Stat("/sys/fs/cgroup/" + below + path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is left behind: %v", path, err)
			}
		}
	}
	if own == 0 {
		t.Errorf("it had no cgroup of its own: %s", text.String())
	}
}

func TestRunningOutOfMemoryIsSaid(t *testing.T) {
	limit := limitedGroup(t, 100*mib)
	script := `echo $$ >` + limit + `/cgroup.procs; ` + os.Args[0] + ` touch; exit $?`
	for _, c := range []struct {
		script string
		want   launch.End
	}{
		{script, launch.EndOutOfMemory},
		{strings.Replace(script, "; exit $?", "; exit 0", 1), launch.EndExited},
		{strings.Replace(script, os.Args[0], "exec "+os.Args[0], 1), launch.EndOutOfMemory},
	} {
		o := play("")
		o.Args = shell(c.script)
		m := measure(t, o)
		killed := 0
		for _, e := range m.Exits {
			if e.OOM {
				killed++
			}
		}
		if m.Cause != c.want || killed != 1 {
			t.Errorf("%q: %s, want %s; %+v", c.script, m.Cause, c.want, m.Exits)
		}
		if c.want == launch.EndExited && len(m.Warnings) == 0 {
			t.Errorf("%q: a child was killed and nothing says so", c.script)
		}
	}
}

// limitedGroup makes a control group with a memory limit, where this user may.
func limitedGroup(t *testing.T, bytes int) string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skip(err)
	}
	for line := range strings.Lines(string(data)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		if controllers != "memory" {
			continue
		}
		dir, err := os.MkdirTemp("/sys/fs/cgroup/memory"+path, "test-")
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { until(t, "the test's control group is removed", func() bool { return os.Remove(dir) == nil }) })
		if err := os.WriteFile(dir+"/memory.limit_in_bytes", []byte(strconv.Itoa(bytes)), 0); err != nil {
			t.Skip(err)
		}
		return dir
	}
	t.Skip("no memory controller of version 1")
	return ""
}

func TestNothingIsLeftOfManyMeasurements(t *testing.T) {
	before := runtime.NumGoroutine()
	fds := entries(t, "/proc/self/fd")
	temp := t.TempDir() // other tests make folders at the same time
	t.Setenv("TMPDIR", temp)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 5 {
				m, err := launch.Measure(t.Context(), launch.MeasureOptions{Args: shell("/bin/true | cat; sleep 0.01 & wait")})
				if err != nil || m.Cause != launch.EndExited || len(m.Warnings) > 0 {
					t.Errorf("%v: %+v", err, m)
				}
			}
		})
	}
	wait.Wait()
	until(t, "the goroutines are over", func() bool { return runtime.NumGoroutine() <= before+1 })
	if now := entries(t, "/proc/self/fd"); now > fds+2 {
		t.Errorf("%d descriptors, %d before", now, fds)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
