package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

const mib = 1 << 20

// near fails when two readings of one thing differ by more than the tolerance, in bytes.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("%s is %.2f MiB, want %.2f MiB ± %.2f", what, got/mib, want/mib, tolerance/mib)
	}
}

// until repeats a condition until it holds or the time is up.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s: %s", what)
		}
	}
}

func TestAChildOfKnownSize(t *testing.T) {
	c := start(t)
	c.do(t, "open 0")
	s := watch(t, c.pid)
	s.rollupBudget.share = 1e9 // at every reading
	before, warnings := readAllSamples(t, s)
	if len(warnings) > 0 {
		t.Logf("warnings: %q", warnings)
	}
	c.do(t, "grow 64")
	c.do(t, "open 10")
	after, _ := readAllSamples(t, s)

	for _, m := range []sampler.Metric{sampler.ProcessRSS, sampler.ProcessAnon, sampler.ProcessPSS, sampler.ProcessUSS, sampler.TreeRSS} {
		near(t, "growth of "+string(m), after[m]-before[m], 64*mib, 2*mib)
	}
	near(t, "RSS against smaps_rollup", after[sampler.ProcessRSS], kernel(t, c.pid, "smaps_rollup", "Rss"), mib)
	near(t, "PSS", after[sampler.ProcessPSS], kernel(t, c.pid, "smaps_rollup", "Pss"), mib)
	if huge, ok := after[sampler.ProcessHuge]; ok { // absent where the kernel is built without them
		near(t, "huge pages", huge, kernel(t, c.pid, "smaps_rollup", "AnonHugePages"), 2*mib)
	}
	near(t, "peak", after[sampler.ProcessPeakRSS], kernel(t, c.pid, "status", "VmHWM"), mib)
	parts := after[sampler.ProcessAnon] + after[sampler.ProcessFile] + after[sampler.ProcessShmem]
	near(t, "sum of the parts", parts, after[sampler.ProcessRSS], mib)
	near(t, "machine", after[sampler.MachineMemory], machineTotal(t), 0)

	if faults := after[sampler.ProcessMinorFaults] - before[sampler.ProcessMinorFaults]; faults < 16 {
		t.Errorf("%v faults while 64 MiB were touched", faults)
	}
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", c.pid))
	if got := after[sampler.ProcessFDs]; got != float64(len(entries)) || got < before[sampler.ProcessFDs]+10 {
		t.Errorf("%v files, /proc lists %d, %v before 10 were opened", got, len(entries), before[sampler.ProcessFDs])
	}
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.pid))
	if got := after[sampler.ProcessThreads]; got != float64(len(tasks)) {
		t.Errorf("%v threads, /proc lists %d", got, len(tasks))
	}
}

func machineTotal(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	var kib float64
	if _, err := fmt.Sscanf(string(b), "MemTotal: %f kB", &kib); err != nil {
		t.Fatal(err)
	}
	return kib * 1024
}

// A spike between two readings is in the peak; a reset starts anew, and writes nothing to the target.
func TestPeaks(t *testing.T) {
	c := start(t)
	c.do(t, "open 0")
	s := watch(t, c.pid)
	first, _ := readAllSamples(t, s)
	c.do(t, "spike 96")
	spiked, _ := readAllSamples(t, s)
	near(t, "RSS after the spike", spiked[sampler.ProcessRSS], first[sampler.ProcessRSS], 3*mib)
	near(t, "peak", spiked[sampler.ProcessPeakRSS], first[sampler.ProcessRSS]+96*mib, 3*mib)

	mark := kernel(t, c.pid, "status", "VmHWM")
	s.ResetPeaks()
	c.do(t, "grow 8")
	c.do(t, "spike 16") // below the kernel's mark: only what is sampled can be known
	reset, _ := readAllSamples(t, s)
	near(t, "peak after the reset", reset[sampler.ProcessPeakRSS], first[sampler.ProcessRSS]+8*mib, 3*mib)
	if now := kernel(t, c.pid, "status", "VmHWM"); now != mark {
		t.Errorf("the reset changed the kernel's mark from %v to %v", mark, now)
	}
	c.do(t, "spike 128") // above it
	higher, _ := readAllSamples(t, s)
	near(t, "peak after a higher spike", higher[sampler.ProcessPeakRSS], first[sampler.ProcessRSS]+136*mib, 3*mib)
}

// The last peak that is read agrees with what GNU time is told when the process ends.
func TestPeakAgainstGNUTime(t *testing.T) {
	samplertest.Tool(t, "/usr/bin/time")
	report := filepath.Join(t.TempDir(), "report")
	c := start(t, "/usr/bin/time", "-f", "%M", "-o", report)
	c.do(t, "spike 80")
	var pid int
	until(t, "the child of time", func() bool {
		found, err := Find(context.Background(), filepath.Base(os.Args[0]))
		i := slices.IndexFunc(found, func(p sampler.Process) bool { return p.PPID == c.pid })
		if err == nil && i >= 0 {
			pid = found[i].PID
		}
		return pid != 0
	})
	got, _ := readAllSamples(t, watch(t, pid))
	c.stop()
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	kib, err := strconv.ParseFloat(string(bytes.TrimSpace(b)), 64)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "peak", got[sampler.ProcessPeakRSS], kib*1024, 2*mib)
}

func TestTreeOfAChild(t *testing.T) {
	for _, c := range []struct {
		name       string
		noChildren bool
	}{{"by lists of children", false}, {"by the parents of all processes", true}} {
		t.Run(c.name, func(t *testing.T) {
			root := start(t)
			pid, err := strconv.Atoi(root.do(t, "fork"))
			if err != nil {
				t.Fatal(err)
			}
			s := watch(t, root.pid)
			s.tree.noChildren, s.tree.budget.share = c.noChildren, 1e9
			got, _ := readAllSamples(t, s)
			if n := got[sampler.TreeProcesses]; n != 2 {
				t.Errorf("%v processes, want 2", n)
			}
			until(t, "the RSS of the tree is that of both, which still start", func() bool {
				got, _ = readAllSamples(t, s)
				sum := kernel(t, root.pid, "status", "VmRSS") + kernel(t, pid, "status", "VmRSS")
				return math.Abs(got[sampler.TreeRSS]-sum) <= 2*mib
			})

			if err := exec.Command("kill", "-9", strconv.Itoa(pid)).Run(); err != nil {
				t.Fatal(err)
			}
			until(t, "the child is gone from the tree", func() bool {
				got, _ = readAllSamples(t, s)
				return got[sampler.TreeProcesses] == 1
			})
			near(t, "RSS of the rest", got[sampler.TreeRSS], got[sampler.ProcessRSS], 0)
		})
	}
}

func TestTheEndIsNoticed(t *testing.T) {
	c := start(t)
	c.do(t, "open 0")
	s := watch(t, c.pid)
	readAllSamples(t, s)
	fmt.Fprintln(c.in, "quit 7")
	var gone *sampler.Gone
	until(t, "the session says that the process has ended", func() bool {
		return errors.As(s.Read(context.Background(), new(sampler.Snapshot)), &gone)
	})
	// Nobody waits for the child yet, so that it is a zombie and its code can be read.
	if gone.ExitCode != sampler.Known(7) || gone.OOM || time.Since(gone.At) > time.Minute {
		t.Errorf("end: %+v, want exit code 7", gone)
	}
}

// A process that its parent has waited for is gone from /proc; from Linux 6.15 on the kernel still tells how it ended.
func TestTheEndOfAProcessThatWasWaitedFor(t *testing.T) {
	for _, x := range []struct {
		name string
		end  func(c *exec.Cmd, in io.Closer) error
		want sampler.Gone
	}{
		{"exited", func(_ *exec.Cmd, in io.Closer) error { return in.Close() }, sampler.Gone{ExitCode: sampler.Known(7)}},
		{"killed", func(c *exec.Cmd, _ io.Closer) error { return c.Process.Kill() }, sampler.Gone{Signal: "SIGKILL"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := exec.Command("sh", "-c", "read line; exit 7")
			in, err := c.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			s := watch(t, c.Process.Pid)
			readAllSamples(t, s)
			if err := x.end(c, in); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait() // the code is what the session is asked for
			var gone *sampler.Gone
			if err := s.Read(context.Background(), new(sampler.Snapshot)); !errors.As(err, &gone) {
				t.Fatalf("after the end: %v", err)
			}
			if known := gone.ExitCode.OK || gone.Signal != ""; !known && !kernelFrom(t, 6, 15) {
				t.Skip("this kernel does not tell how another's child ended")
			}
			if gone.ExitCode != x.want.ExitCode || gone.Signal != x.want.Signal {
				t.Errorf("end: %+v, want %+v", gone, x.want)
			}
		})
	}
}

// kernelFrom reports whether the kernel is of this release or a later one.
func kernelFrom(t *testing.T, major, minor int) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	var a, b int
	if _, err := fmt.Sscanf(string(text), "%d.%d", &a, &b); err != nil {
		t.Fatal(err)
	}
	return a > major || a == major && b >= minor
}

// A shell becomes another program: the name follows, and PSS is read from the new address space.
func TestExec(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read line; exec sleep 1000")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var s *session
	until(t, "the shell runs", func() bool {
		s = watch(t, cmd.Process.Pid)
		return s.Describe().Name == "sh"
	})
	s.rollupBudget.share = 1e9
	readAllSamples(t, s)
	fmt.Fprintln(in, "go")
	until(t, "the name is sleep", func() bool {
		readAllSamples(t, s)
		return s.Describe().Name == "sleep"
	})
	if got := s.Describe().Command; got != "sleep 1000" {
		t.Errorf("command %q, want sleep 1000", got)
	}
	got, warnings := readAllSamples(t, s)
	if _, ok := got[sampler.ProcessPSS]; !ok {
		t.Errorf("no PSS after exec; warnings: %q", warnings)
	}
}

func TestMappingsOfAChild(t *testing.T) {
	c := start(t)
	c.do(t, "grow 48")
	s := watch(t, c.pid)
	s.smapsBudget.share = 1e-6 // minutes for milliseconds, however slow this machine is
	m, err := s.Mappings(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var rss, anonymous float64
	stack, binary := false, false
	for i, x := range m.List {
		rss += x.RSS
		if x.Name == "" || strings.HasPrefix(x.Name, "[anon") {
			anonymous += x.Anon
		}
		stack = stack || x.Stack
		binary = binary || x.Name == os.Args[0]
		if i > 0 && x.RSS > m.List[i-1].RSS {
			t.Errorf("%q stands below a smaller one", x.Name)
		}
	}
	near(t, "sum of the mappings", rss, kernel(t, c.pid, "smaps_rollup", "Rss"), mib)
	if anonymous < 48*mib {
		t.Errorf("%.1f MiB of anonymous memory, want 48 at least", anonymous/mib)
	}
	if !stack || !binary {
		t.Errorf("stack found: %v, binary found: %v", stack, binary)
	}
	if _, err := s.Mappings(context.Background()); !errors.Is(err, sampler.ErrBudget) {
		t.Errorf("at once again: %v, want ErrBudget", err)
	}
}
