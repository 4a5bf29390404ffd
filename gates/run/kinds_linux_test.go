package run_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// A running program is measured for a time, from its first reading on, and goes on.
func TestTarget(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-hold=30000000", "-grow=1m")
	cmd.Env = append(os.Environ(), childEnv+"=1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	s := policy.Scenario{Name: "target", Kind: gates.KindTarget, Target: fmt.Sprint(cmd.Process.Pid), Sessions: 1, Duration: time.Second,
		Limits: []gates.Limit{{Metric: "peak_rss", Max: 25e6, From: gates.FromConfig}, {Metric: "growth", Max: 10, From: gates.FromConfig}}}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	got := only(t, r)
	if got.Runs != 1 || r.ExitCode != 1 || got.Gates[0].Verdict != gates.Failed || got.Gates[1].Verdict != gates.Warned {
		t.Errorf("exit %d, gates %+v, want a broken limit and a trend that is too short; error %q", r.ExitCode, got.Gates, got.Error)
	}
	for metric, least := range map[string]float64{"peak_rss": 30e6, "allocs": 1, "alloc_bytes": 64 << 10, "peak_heap": 64 << 10} {
		if m := got.Metrics[metric]; len(m.Values) != 1 || m.Median < least {
			t.Errorf("%s: %+v, want at least %g", metric, m, least)
		}
	}
	if m := got.Metrics["peak_cgroup"]; len(m.Values) != 0 || m.Missing == "" {
		t.Errorf("peak_cgroup: %+v, want none: this test is in the target's cgroup", m)
	}
	if len(got.Blame) == 0 || !strings.Contains(got.Blame[0].Site, "run_test.keep") {
		t.Errorf("blame %+v (%s), want keep", got.Blame, got.BlameNote)
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the target was ended: %v", err)
	}
}

// What a stopped target holds is measured, with a warning. What only a running one changes is not.
func TestTargetIsStopped(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := exec.Command(exe, "-hold=3000000", "-grow=1m")
	program.Env = append(os.Environ(), childEnv+"=1")
	for _, cmd := range []*exec.Cmd{exec.Command("sleep", "60"), program} {
		t.Run(filepath.Base(cmd.Path), func(t *testing.T) {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Kill()
				cmd.Wait()
			}()
			runs := policy.Scenario{Name: "target", Kind: gates.KindTarget, Target: fmt.Sprint(cmd.Process.Pid), Duration: time.Second,
				Limits: []gates.Limit{{Metric: "peak_rss", Max: 1e9, From: gates.FromConfig}}}
			if got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), runs)})); len(got.Warnings) > 0 || got.Verdict != gates.Passed {
				t.Errorf("while it runs: %s, warnings %q", got.Verdict, got.Warnings) // and a Go program has a heap from then on
			}
			if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), runs)}))
			warning := fmt.Sprintf("process %d is stopped (SIGSTOP, or Ctrl-Z): it does nothing until somebody continues it; so it was all the time", cmd.Process.Pid)
			if !slices.Equal(got.Warnings, []string{warning}) || got.Verdict != gates.Passed {
				t.Errorf("%s, warnings %q, want %q", got.Verdict, got.Warnings, warning)
			}
			for _, metric := range []string{"growth", "gc_cpu", "allocs", "goroutines"} {
				if m := got.Metrics[metric]; len(m.Values) > 0 {
					t.Errorf("%s of a target that did nothing: %v", metric, m.Values)
				}
				runs.Limits = append(runs.Limits, gates.Limit{Metric: metric, Max: 10, From: gates.FromConfig})
			}
			r := measure(t, run.Options{Policy: policyIn(t.TempDir(), runs)})
			for _, g := range only(t, r).Gates[1:] {
				if g.Verdict != gates.Unmeasured {
					t.Errorf("%s: %s, %s", g.Metric, g.Verdict, g.Reason)
				}
			}
			if r.ExitCode != 2 {
				t.Errorf("exit %d", r.ExitCode)
			}
		})
	}
}

// A target that ends before its time is over is unmeasured.
func TestTargetEnds(t *testing.T) {
	cmd := exec.Command("sleep", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go cmd.Wait()
	s := policy.Scenario{Name: "target", Kind: gates.KindTarget, Target: fmt.Sprint(cmd.Process.Pid), Duration: time.Minute, Limits: limit("peak_rss", 1e9)}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	// On a busy machine it has ended before it is opened.
	if got := only(t, r); r.ExitCode != 2 || !strings.Contains(got.Error, "before its time was over") && !strings.Contains(got.Error, "no such target") {
		t.Errorf("exit %d, error %q, want unmeasured", r.ExitCode, got.Error)
	}
}

// An overhead is the ratio of two scenarios; helpers are in no report.
func TestOverhead(t *testing.T) {
	large, small := childScenario(t, "-garbage=30000000"), childScenario(t, "-garbage=10000000")
	large.Name, small.Name, large.Helper, small.Helper = "large", "small", true, true
	ratio := policy.Scenario{Name: "ratio", Kind: gates.KindOverhead, Overhead: &policy.Overhead{Of: "large", Over: "small", Metric: "alloc_bytes"},
		Limits: limit("overhead_ratio", 2.5)}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), large, small, ratio)})
	got := only(t, r)
	if m := got.Metrics["overhead_ratio"]; len(m.Values) != 1 || math.Abs(m.Median-3) > 0.2 || r.ExitCode != 1 {
		t.Errorf("ratio %+v, exit %d, want 3 above the limit of 2.5", m, r.ExitCode)
	}
	broken := small
	broken.Command = append(broken.Command, "-exit=1")
	r = measure(t, run.Options{Policy: policyIn(t.TempDir(), large, broken, ratio)})
	if got := only(t, r); r.ExitCode != 2 || !strings.Contains(got.Error, "small") || !strings.Contains(got.Error, "exited 1") {
		t.Errorf("exit %d, error %q, want unmeasured by the scenario below", r.ExitCode, got.Error)
	}
}

// A built-in workload runs in a child of this binary for its time.
func TestBuiltin(t *testing.T) {
	self := []string{"/bin/sh", "-c", `test "$0" = demo && exec sleep 60`}
	s := policy.Scenario{Name: "shop", Kind: gates.KindBuiltin, Builtin: "demo", Sessions: 1, Runs: 1, Duration: 300 * time.Millisecond, Limits: limit("peak_rss", 1e9)}
	if got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s), Self: self})); got.Verdict != gates.Passed {
		t.Errorf("%s, %q", got.Verdict, got.Error)
	}
	if got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})); got.Verdict != gates.Unmeasured {
		t.Errorf("without a command for built-in workloads: %s", got.Verdict)
	}
}

// The self-test is red where the configuration can turn red, and only there.
func TestSelftest(t *testing.T) {
	samplertest.NotUnderRace(t)
	isolate(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(childEnv, "1") // for the children with ballast
	s := childScenario(t, "-garbage=20000000", "-hold=5000000")
	s.Against, s.Compare.Gated = "HEAD", []string{"allocs"}
	s.Limits = append(limit("peak_rss", 100e6), limit("live_heap", 1e6)...)
	proofs, err := run.Selftest(t.Context(), run.Options{Policy: policyIn(t.TempDir(), s), Seed: 3, Ballast: []string{exe, "-carry"}})
	if err != nil {
		t.Fatal(err)
	}
	red := map[string]bool{}
	for _, p := range proofs {
		red[p.Metric+": "+p.What] = p.Red
		if p.Red == (p.Metric == "live_heap") {
			t.Errorf("%+v", p)
		}
	}
	for _, want := range []string{"peak_rss: recorded samples, raised above the limit", "live_heap: recorded samples, raised above the limit",
		"allocs: recorded samples, scaled by 1.15 against themselves", "peak_rss: a program that carries 110 MB", "peak_rss: programs that carry 1.15 times as much as others"} {
		if _, found := red[want]; !found {
			t.Errorf("nothing was planted as %q: %+v", want, proofs)
		}
	}
}
