package run_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// A run that did not end well is told apart, is unmeasured, and never passes.
func TestFaults(t *testing.T) {
	kept := limit("peak_rss", 1e9)
	for _, c := range []struct {
		name   string
		change func(*policy.Scenario)
		want   []string
	}{
		{"exit code", func(s *policy.Scenario) { s.Command = append(s.Command, "-exit=7") }, []string{"exited 7", "its last words: totals"}},
		{"crash", func(s *policy.Scenario) { s.Command = append(s.Command, "-kill") }, []string{"crashed", "SIGKILL"}},
		{"panic", func(s *policy.Scenario) { s.Command = append(s.Command, "-panic") }, []string{"exited 2", "panic: boom"}},
		{"killed in a shell", func(s *policy.Scenario) { s.Command, s.Run = nil, "kill -9 $$" }, []string{"crashed", "SIGKILL"}},
		{"timeout", func(s *policy.Scenario) {
			s.Command, s.Timeout = append(s.Command, "-sleep=1h"), 300*time.Millisecond
		}, []string{"longer than the timeout"}},
		{"no such command", func(s *policy.Scenario) { s.Command = []string{"./nosuch"} }, []string{"nosuch"}},
		{"no such folder", func(s *policy.Scenario) { s.Dir = "nosuch" }, []string{"nosuch"}},
		{"build", func(s *policy.Scenario) { s.Build = "echo boom >&2; exit 3" }, []string{"build child", "exit status 3", "boom"}},
		{"no such target", func(s *policy.Scenario) {
			s.Command, s.Kind, s.Target = nil, gates.KindTarget, "heaptop-nosuch"
		}, []string{"heaptop-nosuch"}},
		{"nobody answers", func(s *policy.Scenario) {
			s.Command, s.Kind, s.Target = nil, gates.KindTarget, "http://127.0.0.1:1"
		}, []string{"127.0.0.1:1"}},
		{"no benchmark", func(s *policy.Scenario) { s.Command, s.Kind, s.Bench = nil, gates.KindBench, "./nosuch" }, []string{"nosuch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			isolate(t)
			s := childScenario(t)
			s.Limits = kept
			c.change(&s)
			r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
			got := only(t, r)
			if got.Verdict != gates.Unmeasured || r.Verdict != gates.Unmeasured || r.ExitCode != 2 {
				t.Errorf("verdict %s, exit %d, want unmeasured", got.Verdict, r.ExitCode)
			}
			for _, w := range c.want {
				if !strings.Contains(got.Error, w) {
					t.Errorf("error %q does not say %q", got.Error, w)
				}
			}
			for _, g := range got.Gates {
				if g.Verdict == gates.Passed {
					t.Errorf("gate %+v passed", g)
				}
			}
		})
	}
}

// A fault in a later run makes the whole unmeasured: no run is dropped.
func TestLaterRunFails(t *testing.T) {
	s := childScenario(t)
	count := filepath.Join(t.TempDir(), "count")
	s.Command, s.Run, s.Runs = nil, "echo x >> "+count+"; test $(wc -l < "+count+") -lt 3", 5
	s.Limits = limit("peak_rss", 1e9)
	got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}))
	if got.Verdict != gates.Unmeasured || !strings.Contains(got.Error, "run 3") || got.Runs != 2 {
		t.Errorf("%s, %q, %d runs, want unmeasured by the third", got.Verdict, got.Error, got.Runs)
	}
}

// Ctrl-C ends the command and all of its children; the report has what was done before.
func TestInterrupt(t *testing.T) {
	isolate(t)
	first := childScenario(t)
	first.Name, first.Limits = "first", limit("peak_rss", 1e9)
	second := childScenario(t, "-stubborn", "-linger", "-sleep=1h")
	second.Name, second.Limits = "second", first.Limits
	third := first
	third.Name = "third"
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	why := errors.New("Ctrl-C")
	started := make(chan struct{})
	go func() {
		<-started
		for len(children(t, "-stubborn")) == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		cancel(why)
	}()
	r, err := run.Run(ctx, run.Options{Policy: policyIn(t.TempDir(), first, second, third), Progress: func(p run.Progress) {
		if p.Scenario == "second" && p.Run == 1 {
			close(started)
		}
	}})
	if !errors.Is(err, why) || r == nil {
		t.Fatalf("Run returns %v, %v, want the cause and a report", r, err)
	}
	if len(r.Scenarios) != 2 || r.Scenarios[0].Verdict != gates.Passed || r.Scenarios[1].Verdict != gates.Unmeasured ||
		!strings.Contains(r.Scenarios[1].Error, "interrupted") || r.ExitCode != 2 {
		t.Errorf("report %+v, want the first scenario passed and the second interrupted", r.Scenarios)
	}
	for _, arg := range []string{"-stubborn", "1h"} {
		if left := children(t, arg); len(left) > 0 {
			t.Errorf("processes are left: %v", left)
		}
	}
}

// children are the processes of this test binary's that were started with an argument.
func children(t *testing.T, arg string) (pids []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Error(err)
	}
	own, _ := os.Readlink("/proc/self/exe")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		exe, _ := os.Readlink("/proc/" + e.Name() + "/exe")
		line, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if exe == own && strings.Contains(string(line), "\x00"+arg+"\x00") || exe == own && strings.HasSuffix(string(line), arg+"\x00") && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// What is wrong with a stored baseline is said before anything is run.
func TestWrongBaselines(t *testing.T) {
	dir := t.TempDir()
	s := childScenario(t)
	s.Name, s.Limits, s.Runs, s.SessionsSaid = "child", limit("peak_rss", 1e9), 3, true
	report := measure(t, run.Options{Policy: policyIn(dir, s)})
	good, err := report.JSON()
	if err != nil {
		t.Fatal(err)
	}
	text := string(good)
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"truncated", text[:len(text)*2/3], "baseline"},
		{"foreign", `{"schema":"other/v1"}`, "schema"},
		{"next version", strings.Replace(text, "report/v1", "report/v2", 1), "schema"},
		{"other scenario", strings.Replace(text, `"name": "child"`, `"name": "another"`, 1), "another"},
		{"other kind", strings.Replace(text, `"kind": "command"`, `"kind": "bench"`, 1), "kind"},
		{"other sessions", strings.Replace(text, `"sessions": 1`, `"sessions": 4`, 1), "sessions"},
		{"unmeasured", strings.Replace(text, `"runs": 3`, `"error": "crashed", "runs": 3`, 1), "crashed"},
		{"a text", "hello", ""},
		{"two values", text + text, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "baseline.json")
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			ran := false
			_, err := run.Run(t.Context(), run.Options{Policy: policyIn(dir, s), Baseline: path, Progress: func(run.Progress) { ran = true }})
			if !errors.Is(err, run.ErrUsage) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one of usage that says %q", err, c.want)
			}
			if ran {
				t.Error("something was run with a baseline that is none")
			}
		})
	}
	for _, path := range []string{filepath.Join(dir, "nosuch.json"), t.TempDir()} {
		if _, err := run.Run(t.Context(), run.Options{Policy: policyIn(dir, s), Baseline: path}); !errors.Is(err, run.ErrUsage) {
			t.Errorf("baseline %s: %v, want an error of usage", path, err)
		}
	}
}

// A report is the baseline of a later one; one of another metric, or with a value missing, does not pass.
func TestStoredBaseline(t *testing.T) {
	samplertest.NotUnderRace(t)
	dir := t.TempDir()
	s := childScenario(t, "-garbage=30000000", "-hold=3000000")
	s.Limits, s.Runs, s.Compare.Gated = limit("peak_rss", 1e9), 3, []string{"allocs", "alloc_bytes"}
	report := measure(t, run.Options{Policy: policyIn(dir, s)})
	store := func(change func(string) string) string {
		t.Helper()
		data, err := report.JSON()
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "child.json"), []byte(change(string(data))), 0o644); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	same := store(func(s string) string { return s })
	r := measure(t, run.Options{Policy: policyIn(dir, s), Baseline: same})
	if c := comparison(t, only(t, r), "allocs"); c.Verdict != gates.Stable || r.ExitCode != 0 {
		t.Errorf("compared with itself: %+v, exit %d, want stable", c, r.ExitCode)
	}
	if len(r.Warnings) == 0 || !strings.Contains(strings.Join(r.Warnings, ""), "drift") {
		t.Errorf("warnings %q do not say that drift is not excluded", r.Warnings)
	}
	elsewhere := store(func(s string) string { return strings.Replace(s, `"cpu": "`, `"cpu": "another `, 1) })
	if r := measure(t, run.Options{Policy: policyIn(dir, s), Baseline: elsewhere}); !strings.Contains(strings.Join(r.Warnings, ""), "another CPU") {
		t.Errorf("warnings %q do not name the other CPU", r.Warnings)
	}
	more := s
	more.Command = append(more.Command[:1:1], "-garbage=40000000", "-hold=3000000")
	if r := measure(t, run.Options{Policy: policyIn(dir, more), Baseline: same}); r.ExitCode != 1 || comparison(t, only(t, r), "allocs").Verdict != gates.Regressed {
		t.Errorf("a third more garbage: exit %d, %+v", r.ExitCode, only(t, r).Comparisons)
	}
	renamed := store(func(s string) string { return strings.Replace(s, `"allocs": {`, `"mallocs": {`, 1) })
	if r := measure(t, run.Options{Policy: policyIn(dir, s), Baseline: renamed}); r.ExitCode != 2 {
		t.Errorf("a renamed metric: exit %d, want unmeasured: %+v", r.ExitCode, only(t, r).Comparisons)
	}
	fresh := s
	fresh.Name = "newcomer"
	if r := measure(t, run.Options{Policy: policyIn(dir, s, fresh), Baseline: same}); r.Scenarios[1].Verdict != gates.Warned {
		t.Errorf("a scenario that the baseline does not have: %+v, want a warning", r.Scenarios[1])
	}
}

// A policy without a gate passes nothing.
func TestZeroGates(t *testing.T) {
	s := childScenario(t)
	s.Limits = nil
	if r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}); r.ExitCode != 2 {
		t.Errorf("exit code %d without a gate, want 2", r.ExitCode)
	}
	if _, err := run.Run(t.Context(), run.Options{Policy: &policy.Policy{}}); err == nil {
		t.Error("a policy without a scenario was run")
	}
	unknown := childScenario(t)
	unknown.Limits = limit("peak_rsss", 1)
	if r := measure(t, run.Options{Policy: policyIn(t.TempDir(), unknown)}); r.ExitCode != 2 {
		t.Errorf("exit code %d with a metric that does not exist, want 2", r.ExitCode)
	}
	notGo := policy.Scenario{Name: "true", Kind: gates.KindCommand, Run: "/bin/true", Runs: 1, Limits: limit("peak_heap", 1e9)}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), notGo)})
	if g := only(t, r).Gates[0]; g.Verdict != gates.Unmeasured || !strings.Contains(g.Reason, "no process of this run is a Go program") || r.ExitCode != 2 {
		t.Errorf("the heap of a program without one: %+v, exit %d, want unmeasured", g, r.ExitCode)
	}
}

// A program may write as much as it likes: only the end is kept.
func TestMuchOutput(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := policy.Scenario{Name: "zeros", Kind: gates.KindCommand, Run: "head -c 300000000 /dev/zero", Runs: 1, Limits: limit("peak_rss", 1e9)}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	runtime.ReadMemStats(&after)
	if r.ExitCode != 0 {
		t.Errorf("exit %d, %+v", r.ExitCode, only(t, r))
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 64<<20 {
		t.Errorf("%d bytes were allocated for 300 MB of output", grown)
	}
}
