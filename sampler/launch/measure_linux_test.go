package launch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

const mib = 1 << 20

// measure measures a command and fails the test when that fails, or takes a minute.
func measure(t *testing.T, o launch.MeasureOptions) *launch.Measurement {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := launch.Measure(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("not over in a minute: %+v", m)
	}
	return m
}

// traced skips where this system lets nobody trace.
func traced(t *testing.T, m *launch.Measurement) *launch.Measurement {
	t.Helper()
	if !m.Traced {
		t.Skipf("not traced: %s", m.Untraced)
	}
	return m
}

func shell(script string) []string { return []string{"/bin/sh", "-c", script} }

// play returns a command that runs a part of programs_linux_test.go.
func play(part string) launch.MeasureOptions {
	return launch.MeasureOptions{Args: []string{os.Args[0], part}, Env: []string{partEnv + "=1"}}
}

func rootExit(t *testing.T, m *launch.Measurement) launch.Exit {
	t.Helper()
	e, ok := m.Exit()
	if !ok {
		t.Fatalf("the command's end was not seen: %+v", m.Exits)
	}
	return e
}

// exitsOf returns the ends of programs of a name.
func exitsOf(m *launch.Measurement, name string) []launch.Exit {
	return slices.DeleteFunc(slices.Clone(m.Exits), func(e launch.Exit) bool { return e.Name != name })
}

// ownMark reads VmHWM of this process.
func ownMark(t *testing.T) float64 {
	t.Helper()
	return mark(t, "/proc/self/status")
}

func mark(t *testing.T, path string) float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "VmHWM:")
	n, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return float64(n) * 1024
}

func TestPeakIsTheCommandsOwnNotHeaptops(t *testing.T) {
	ballast := make([]byte, 200*mib)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	if own := ownMark(t); own < 200*mib {
		t.Fatalf("this process has %.0f bytes: nothing to test", own)
	}
	e := rootExit(t, traced(t, measure(t, launch.MeasureOptions{Args: []string{"/bin/true"}})))
	if !e.PeakRSS.OK || !e.Exact || e.PeakRSS.Value < 100<<10 || e.PeakRSS.Value > 20*mib {
		t.Errorf("peak %+v exact %v, want a few MiB", e.PeakRSS, e.Exact)
	}
	// That is the trap: the same command by what a parent is told.
	cmd := exec.Command("/bin/true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if r := cmd.ProcessState.SysUsage().(*syscall.Rusage); r.Maxrss*1024 < 200*mib {
		t.Logf("ru_maxrss is %d KiB here: this kernel has no such floor", r.Maxrss)
	}
	untraced := measure(t, launch.MeasureOptions{Args: []string{"/bin/true"}, NoTrace: "the test says so"})
	if untraced.Traced || untraced.Untraced != "the test says so" || untraced.MaxRSS.OK {
		t.Errorf("untraced: %v %q, ru_maxrss %+v taken though it is not above heaptop's", untraced.Traced, untraced.Untraced, untraced.MaxRSS)
	}
	if big, ok := untraced.Largest(); ok && big.PeakRSS.Value > 20*mib {
		t.Errorf("untraced peak %+v, want none or a few MiB", big.PeakRSS)
	}
	runtime.KeepAlive(ballast)
}

func TestPeakOfTheLastMillisecondsIsSeen(t *testing.T) {
	e := rootExit(t, traced(t, measure(t, play("late"))))
	if e.PeakRSS.Value < 300*mib || e.PeakRSS.Value > 360*mib {
		t.Errorf("peak %.0f MiB, want 300 and the runtime's own", e.PeakRSS.Value/mib)
	}
}

func TestUntracedPeakAboveHeaptopsIsTheKernels(t *testing.T) {
	o := play("late")
	o.NoTrace = "the test says so"
	m := measure(t, o)
	if own := ownMark(t); own > 250*mib {
		t.Skipf("this process itself had %.0f MiB", own/mib)
	}
	e, ok := m.Largest()
	if !ok || e.PeakRSS.Value < 300*mib || e.PeakRSS.Value > 360*mib || e.PID != m.Root.PID {
		t.Errorf("largest %+v, want 300 MiB of the command", e)
	}
}

func TestPeakIsWhatTheProgramReadsOfItself(t *testing.T) {
	var out bytes.Buffer
	o := play("mark")
	o.Stdout = &out
	e := rootExit(t, traced(t, measure(t, o)))
	said, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
	if err != nil {
		t.Fatal(err)
	}
	if e.PeakRSS.Value < said-mib || e.PeakRSS.Value > said*1.05+mib {
		t.Errorf("peak %.0f, the program read %.0f of itself before it ended", e.PeakRSS.Value, said)
	}
}

func TestAtExitFindsTheMemoryOfAShortLivedProgram(t *testing.T) {
	var found, missing int
	o := play("short")
	o.AtExit = func(c launch.Child) {
		memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", c.Thread))
		if err != nil {
			t.Errorf("memory of %d: %v", c.PID, err)
			return
		}
		defer memory.Close()
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", c.Thread))
		if err != nil {
			t.Error(err)
		}
		for line := range strings.Lines(string(maps)) {
			var from, to int64
			if n, _ := fmt.Sscanf(line, "%x-%x rw", &from, &to); n != 2 || !strings.Contains(line, " rw-p ") {
				continue
			}
			b := make([]byte, min(to-from, 64*mib))
			if n, err := memory.ReadAt(b, from); err != nil && n == 0 {
				missing++
			} else if bytes.Contains(b[:n], []byte("needle-in-the-"+"haystack")) {
				found++
			}
		}
	}
	m := traced(t, measure(t, o))
	if found == 0 {
		t.Errorf("what the program had in its memory was not found at its end; %d mappings could not be read", missing)
	}
	if took := m.Ended.Sub(m.Started); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestEveryProcessOfTheTreeIsNamed(t *testing.T) {
	var mu sync.Mutex
	var started, ended []string
	m := traced(t, measure(t, launch.MeasureOptions{
		Args:    shell("/bin/true; sleep 0.05 & ls / >/dev/null; (exit 4); cat </dev/null | sort; wait; exit 7"),
		Started: func(c launch.Child) { mu.Lock(); started = append(started, c.Name); mu.Unlock() },
		AtExit:  func(c launch.Child) { mu.Lock(); ended = append(ended, c.Name); mu.Unlock() },
	}))
	for _, name := range []string{"true", "sleep", "ls", "cat", "sort"} {
		found := exitsOf(m, name)
		if len(found) != 1 || !found[0].Exact || found[0].ExitCode != 0 || found[0].Parent != m.Root.PID {
			t.Errorf("%s ended as %+v", name, found)
		}
		if !slices.Contains(started, name) || !slices.Contains(ended, name) {
			t.Errorf("%s: started %v, ended %v", name, started, ended)
		}
	}
	root := rootExit(t, m)
	if root.ExitCode != 7 || m.Cause != launch.EndFailed || root.Parent != os.Getpid() {
		t.Errorf("the command ended as %+v, %s", root, m.Cause)
	}
	sub := slices.ContainsFunc(m.Exits, func(e launch.Exit) bool { return e.ExitCode == 4 && e.Parent == m.Root.PID && e.PeakRSS.OK })
	if !sub {
		t.Errorf("the subshell is not among %+v", m.Exits)
	}
}

func TestCausesAreToldApart(t *testing.T) {
	for _, c := range []struct {
		script, signal string
		want           launch.End
		code           int
	}{
		{"exit 0", "", launch.EndExited, 0},
		{"exit 9", "", launch.EndFailed, 9},
		{"kill -SEGV $$", "SIGSEGV", launch.EndCrashed, -1},
		{"kill -KILL $$", "SIGKILL", launch.EndCrashed, -1},
	} {
		for _, why := range []string{"", "the test says so"} {
			m := measure(t, launch.MeasureOptions{Args: shell(c.script), NoTrace: why})
			e := rootExit(t, m)
			if m.Cause != c.want || e.Signal != c.signal || e.ExitCode != c.code || e.OOM {
				t.Errorf("%q, untraced %q: %s, %+v", c.script, why, m.Cause, e)
			}
		}
	}
}

func TestSignalsReachTheProgramUnchanged(t *testing.T) {
	var out bytes.Buffer
	m := traced(t, measure(t, launch.MeasureOptions{Stdout: &out, Args: shell(`
		for s in URG USR1 USR2 TRAP TERM INT HUP CONT WINCH; do trap "echo $s" $s; done
		for s in URG USR1 USR2 TRAP TERM INT HUP CONT WINCH; do kill -$s $$; done
		trap '' PIPE; kill -PIPE $$; echo end`)}))
	if got, want := out.String(), "URG\nUSR1\nUSR2\nTRAP\nTERM\nINT\nHUP\nCONT\nWINCH\nend\n"; got != want {
		t.Errorf("the program got\n%s want\n%s", got, want)
	}
	if m.Cause != launch.EndExited {
		t.Errorf("ended as %s", m.Cause)
	}
}

func TestAStoppedProgramStaysStopped(t *testing.T) {
	var out bytes.Buffer
	traced(t, measure(t, launch.MeasureOptions{Stdout: &out, Args: shell(`
		sh -c 'kill -STOP $$; echo continued' & p=$!
		until grep -q '^State:.[Tt]' /proc/$p/status; do sleep 0.01; done
		sleep 0.1; echo stopped; kill -CONT $p; wait`)}))
	if got := out.String(); got != "stopped\ncontinued\n" {
		t.Errorf("output %q", got)
	}
}

func TestGoProgramWithManyThreadsIsNotDisturbed(t *testing.T) {
	var out bytes.Buffer
	o := play("threads")
	o.Stdout = &out
	m := traced(t, measure(t, o))
	if e := rootExit(t, m); e.ExitCode != 0 || !e.Exact || len(m.Exits) != 1 {
		t.Errorf("ended as %+v", m.Exits)
	}
	if out.String() != "done\n" {
		t.Errorf("output %q", out.String())
	}
}

func TestAMainThreadThatEndsFirstDoesNotHideThePeak(t *testing.T) {
	var thread, readable int
	o := play("leader")
	o.AtExit = func(c launch.Child) {
		thread = c.Thread
		if mark(t, fmt.Sprintf("/proc/%d/status", c.Thread)) > 60*mib {
			readable++
		}
	}
	m := traced(t, measure(t, o))
	e := rootExit(t, m)
	if thread == e.PID {
		t.Skip("the main thread did not run the goroutine that ends it")
	}
	if e.ExitCode != 0 && e.ExitCode != 6 || e.PeakRSS.Value < 60*mib || !e.Exact || readable != 1 {
		t.Errorf("%+v, readable %d", e, readable)
	}
}

func TestAChildThatNeverRanAnythingIsNotCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none")
	if err := os.WriteFile(path, []byte("\x7fELF no program"), 0o700); err != nil {
		t.Fatal(err)
	}
	calls := 0
	o := play("noexec")
	o.Env = append(o.Env, "NO_PROGRAM="+path)
	o.AtExit = func(launch.Child) { calls++ }
	m := traced(t, measure(t, o))
	if len(m.Exits) != 1 || calls != 1 || m.Cause != launch.EndExited {
		t.Errorf("%s, %d calls, exits %+v: want the program's own alone", m.Cause, calls, m.Exits)
	}
	if m.PeakTree.Sum.Value > 100*mib {
		t.Errorf("peak of the tree %.0f MiB: shared memory is counted twice", m.PeakTree.Sum.Value/mib)
	}
}

func TestExecFromAnotherThreadKeepsBothPeaks(t *testing.T) {
	m := traced(t, measure(t, play("exec")))
	if len(m.Exits) != 2 {
		t.Fatalf("exits %+v, want the program before and the program after", m.Exits)
	}
	before, after := m.Exits[0], m.Exits[1]
	if !before.Replaced || before.PeakRSS.Value < 60*mib || before.PID != after.PID {
		t.Errorf("before: %+v, want a peak above 60 MiB", before)
	}
	if after.Replaced || after.Name != "true" || after.PeakRSS.Value > 20*mib {
		t.Errorf("after: %+v, want a few MiB of true", after)
	}
}

func TestExecOfAChildKeepsThePeakThatNobodySaw(t *testing.T) {
	o := play("")
	o.Args = shell(os.Args[0] + " mainexec; exit 0")
	m := traced(t, measure(t, o))
	e, ok := m.Largest()
	if !ok || e.PeakRSS.Value < 300*mib || e.PeakRSS.Value > 360*mib || !e.Replaced || e.PID == m.Root.PID {
		t.Errorf("largest %+v, want 300 MiB of the program that became true", e)
	}
}

func TestExecChainFromTheMainThreadKeepsTheLargest(t *testing.T) {
	m := traced(t, measure(t, launch.MeasureOptions{Args: shell("exec sh -c 'exec /bin/true'")}))
	var names []string
	for _, e := range m.Exits {
		names = append(names, e.Name)
	}
	if !slices.Equal(names, []string{"sh", "sh", "true"}) || m.Cause != launch.EndExited {
		t.Errorf("programs %q, %s", names, m.Cause)
	}
}

func TestZombiesAndOrphansDoNotHoldTheEnd(t *testing.T) {
	// The inner shell becomes a program that never waits for its child; the daemon is left to init by its parent.
	m := traced(t, measure(t, launch.MeasureOptions{
		Args: shell(`sh -c '/bin/true & exec sleep 0.3'; (setsid sleep 60 </dev/null >/dev/null 2>&1 &); exit 0`), Grace: 5 * time.Second,
	}))
	if len(exitsOf(m, "true")) != 1 || m.Cause != launch.EndExited {
		t.Errorf("%s: %+v", m.Cause, m.Exits)
	}
	if len(m.Left) != 1 || m.Left[0].PID == m.Root.PID {
		t.Errorf("left behind %+v, want the daemon", m.Left)
	}
	for _, e := range m.Exits {
		if !dead(e.PID) {
			t.Errorf("%s (%d) still lives", e.Name, e.PID)
		}
	}
}

func TestMissingCommand(t *testing.T) {
	_, err := launch.Measure(t.Context(), launch.MeasureOptions{Args: []string{"/no/such/command"}})
	if !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	path := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := launch.Measure(t.Context(), launch.MeasureOptions{Args: []string{path}}); !errors.Is(err, sampler.ErrPermission) {
		t.Errorf("error %v", err)
	}
	if _, err := launch.Measure(t.Context(), launch.MeasureOptions{Args: []string{"/bin/true"}, Dir: "/no/such/folder"}); err == nil {
		t.Error("a folder that is not there gives no error")
	}
}
