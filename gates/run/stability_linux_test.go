package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler"
)

// longSubject is a workload of this binary.
func longSubject(t *testing.T, name string, args ...string) run.StabilitySubject {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return run.StabilitySubject{Name: name, Kind: gates.KindCommand, Command: append([]string{exe}, args...), Env: []string{childEnv + "=1"}}
}

// TestStabilityForReal watches two workloads at the same time for two seconds, with all that is kept of them.
func TestStabilityForReal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir()) // where the agents are
	var mu sync.Mutex
	heard := map[string]int{}
	r, err := run.Stability(t.Context(), run.StabilityOptions{
		Subjects: []run.StabilitySubject{longSubject(t, "busy", plantedCommand, "busy", "-duration", "1h"), longSubject(t, "asleep", "-sleep", "1h", "-hold", "20000000")},
		Duration: 2 * time.Second, Interval: time.Second, Folder: dir, Threshold: 10e6,
		Progress: func(p run.StabilityProgress) { mu.Lock(); defer mu.Unlock(); heard[p.Subject]++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != gates.Warned || r.ExitCode != 0 || len(r.Scenarios) != 2 {
		t.Fatalf("two seconds decide nothing, and fail nothing: %s, exit %d, %d scenarios", r.Verdict, r.ExitCode, len(r.Scenarios))
	}
	busy, asleep := r.Scenarios[0], r.Scenarios[1]
	if s := busy.Stability; !strings.Contains(s.Reason, "too short to decide: at least") || s.NeededS == nil || *s.NeededS < 30 || s.WatchedS < 1.5 {
		t.Errorf("busy: %+v", s)
	}
	if o := busy.Stability.Operations; o == nil || o.Total <= 0 || o.PerHour <= 0 {
		t.Errorf("the work is not counted: %+v", o)
	}
	if asleep.Stability.Operations != nil {
		t.Errorf("nobody counts the work of asleep: %+v", asleep.Stability.Operations)
	}
	if m := asleep.Stability.Moments; len(m) < 2 || m[0].RSS == nil || *m[0].RSS < 1e6 {
		t.Errorf("asleep: moments %+v", m)
	}
	for _, s := range r.Scenarios {
		if m := s.Metrics["peak_cgroup"]; len(m.Values) != 0 || m.Missing == "" {
			t.Errorf("%s: peak_cgroup: %+v, want none: this test is in the workload's cgroup", s.Name, m)
		}
		if len(s.Stability.Files) < 3 || heard[s.Name] < 3 {
			t.Errorf("%s: files %v, heard of %d times", s.Name, s.Stability.Files, heard[s.Name])
		}
		for _, name := range s.Stability.Files {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := gates.ReadReport("it", data); err != nil || again.Scenarios[0].Stability.Reason != busy.Stability.Reason {
		t.Errorf("the report cannot be read again: %v", err)
	}
}

// TestStabilityOfTheDead is unmeasured, says how it ended, and has what was seen.
func TestStabilityOfTheDead(t *testing.T) {
	t.Parallel()
	r, err := run.Stability(t.Context(), run.StabilityOptions{
		Subjects: []run.StabilitySubject{
			longSubject(t, "dies", "-sleep", "1500ms", "-exit", "3"),
			longSubject(t, "ends", "-sleep", "10ms"),
			{Name: "missing", Kind: gates.KindCommand, Command: []string{"/there/is/no/such/program"}},
			{Name: "nobody", Kind: gates.KindTarget, Target: sampler.Target{Kind: sampler.KindProcess, PID: 1 << 22}},
		},
		Duration: time.Minute, Interval: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != gates.Unmeasured || r.ExitCode != 2 {
		t.Errorf("%s, exit %d", r.Verdict, r.ExitCode)
	}
	for i, words := range []string{"exit", "s of 1m00s: exited 0", "no such command", ""} {
		if s := r.Scenarios[i]; s.Verdict != gates.Unmeasured || s.Error == "" || !strings.Contains(s.Error, words) {
			t.Errorf("%s: %s: %q", s.Name, s.Verdict, s.Error)
		}
	}
	if s := r.Scenarios[0].Stability; s == nil || s.WatchedS < 0.5 || !strings.Contains(s.Ended, "exit") {
		t.Errorf("what was seen before its end: %+v", s)
	}
}

// TestStabilityInterrupted has a report of what was seen.
func TestStabilityInterrupted(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	r, err := run.Stability(ctx, run.StabilityOptions{
		Subjects: []run.StabilitySubject{longSubject(t, "busy", plantedCommand, "busy", "-duration", "1h")}, Duration: 10 * time.Minute, Interval: time.Second,
		Progress: func(p run.StabilityProgress) {
			if p.Watched > time.Second {
				cancel(stop)
			}
		},
	})
	if !errors.Is(err, stop) || r == nil || len(r.Scenarios) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if s := r.Scenarios[0]; s.Error != "" || s.Stability == nil || s.Stability.WatchedS < 1 || !strings.Contains(s.Stability.Reason, "interrupted after") {
		t.Errorf("%+v", s)
	}
}

// TestStabilityWithLoad starts the load generator beside a shell's child, and tells of its failure.
func TestStabilityWithLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	subject := longSubject(t, "server")
	subject.Line = "sleep 0.1; " + subject.Command[0] + " -sleep 1h -hold 30000000"
	subject.Command = nil
	o := run.StabilityOptions{Subjects: []run.StabilitySubject{subject}, Duration: 2 * time.Second, Interval: time.Second}
	o.Load = "echo $HEAPTOP_SCENARIO $HEAPTOP_PID > " + filepath.Join(dir, "load") + "; sleep 1h"
	r, err := run.Stability(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Scenarios[0]
	if s.Verdict != gates.Warned || s.Stability.Load != o.Load {
		t.Errorf("%+v", s)
	}
	if i := slices.IndexFunc(s.Stability.Series, func(t gates.StabilityTrend) bool {
		return t.Metric == string(sampler.GoHeapLive) || t.Metric == string(sampler.GoClassObjects)
	}); i < 0 {
		t.Errorf("the Go program below the shell is not what was judged: %+v", s.Stability.Series)
	}
	if said, err := os.ReadFile(filepath.Join(dir, "load")); err != nil || !strings.HasPrefix(string(said), "server ") || strings.TrimSpace(string(said)) == "server" {
		t.Errorf("the load generator was told %q, %v", said, err)
	}
	o.Load, o.Duration = "sleep 0.2; echo no such server >&2; exit 7", time.Minute
	r, err = run.Stability(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Scenarios[0]; s.Verdict != gates.Unmeasured || !strings.Contains(s.Error, "load generator") || !strings.Contains(s.Error, "no such server") {
		t.Errorf("a load generator that fails: %s: %q", s.Verdict, s.Error)
	}
}
