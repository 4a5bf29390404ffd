package run_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// totals are what the program printed of itself, run by run.
func totals(t *testing.T, log string) (allocs, bytes, cycles []float64) {
	t.Helper()
	for line := range strings.Lines(log) {
		var a, b, c float64
		if n, _ := fmt.Sscanf(line, "totals %g %g %g", &a, &b, &c); n == 3 {
			allocs, bytes, cycles = append(allocs, a), append(bytes, b), append(cycles, c)
		}
	}
	if len(allocs) == 0 {
		t.Fatalf("the program printed no totals: %q", log)
	}
	return allocs, bytes, cycles
}

// A program that lives for some tens of milliseconds has the totals that it prints itself.
func TestExactTotals(t *testing.T) {
	s := childScenario(t, "-hold=4000000", "-garbage=30000000")
	s.Limits, s.Runs = limit("allocs", 1e9), 3
	var log bytes.Buffer
	got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s), Log: &log}))
	allocs, size, _ := totals(t, log.String())
	for _, m := range []struct {
		metric string
		own    []float64
		slack  float64 // what printing them allocates
	}{{"allocs", allocs, 60}, {"alloc_bytes", size, 8192}} {
		values := got.Metrics[m.metric]
		if len(values.Values) != 3 || !strings.Contains(values.Source, "exit stop") {
			t.Fatalf("%s: %+v, want 3 values from the exit stop", m.metric, values)
		}
		for i, v := range values.Values {
			if v < m.own[i] || v > m.own[i]+m.slack {
				t.Errorf("%s of run %d is %.0f, and the program says %.0f", m.metric, i+1, v, m.own[i])
			}
		}
		spread := 0.001
		if samplertest.RaceDetector { // its runtime allocates as threads happen to start
			spread = 0.01
		}
		if low, high := values.Low, values.High; (high-low)/low > spread {
			t.Errorf("%s is between %.0f and %.0f, which is not exact", m.metric, low, high)
		}
	}
	heap := got.Metrics["peak_heap"]
	if heap.Median < 4e6 || heap.Median > 40e6 {
		t.Errorf("peak heap %.0f, want more than the 4 MB that stay and no more than was allocated", heap.Median)
	}
	if cpu := got.Metrics["gc_cpu"]; len(cpu.Values) != 3 || cpu.Median <= 0 || cpu.Median > 100 {
		t.Errorf("gc_cpu %+v, want a share", cpu)
	}
}

// What is allocated in the last moment before the end is in the peak.
func TestLastMoment(t *testing.T) {
	s := childScenario(t, "-late=150000000")
	s.Limits = limit("peak_rss", 100e6)
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	got := only(t, r)
	peak := got.Metrics["peak_rss"]
	if peak.Median < 150e6 || peak.Median > 600e6 { // more than half of that only with the race detector
		t.Errorf("peak RSS %.0f (%s), want 150 MB and a program", peak.Median, peak.Source)
	}
	if r.Verdict != gates.Failed || r.ExitCode != 1 || got.Gates[0].Verdict != gates.Failed {
		t.Errorf("verdict %s, exit %d, want a broken limit", r.Verdict, r.ExitCode)
	}
	if len(got.Blame) == 0 || !strings.Contains(got.Blame[0].Site, "run_test.keep child_linux_test.go:") || got.Blame[0].Of != "in_use" {
		t.Errorf("blame %+v (%s), want keep", got.Blame, got.BlameNote)
	}
	if !strings.Contains(got.BlameNote, "no other side") {
		t.Errorf("the note %q does not say that nothing was compared", got.BlameNote)
	}
}

// The small program does not get the memory of the large one that starts it.
func TestSmallProgramOfALargeOne(t *testing.T) {
	ballast := make([]byte, 200<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	s := policy.Scenario{Name: "true", Kind: gates.KindCommand, Run: "/bin/true", Sessions: 1, Runs: 3, Limits: limit("peak_rss", 10e6)}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	peak := only(t, r).Metrics["peak_rss"]
	if peak.High > 8e6 || peak.Low < 100e3 {
		t.Errorf("/bin/true has a peak of %.0f to %.0f (%s), want about a megabyte", peak.Low, peak.High, peak.Source)
	}
	if r.ExitCode != 0 {
		t.Errorf("exit code %d: %+v", r.ExitCode, only(t, r))
	}
	if ballast[4096] != 1 {
		t.Error("the ballast was collected")
	}
}

// A program's children count: totals are the sum, the peak is the largest's.
func TestTree(t *testing.T) {
	alone := childScenario(t, "-hold=4000000", "-garbage=5000000")
	alone.Limits = limit("allocs", 1e9)
	family := childScenario(t, "-hold=4000000", "-garbage=5000000", "-spawn=3")
	family.Name, family.Limits = "family", alone.Limits
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), alone, family)})
	one, four := r.Scenarios[0].Metrics["alloc_bytes"], r.Scenarios[1].Metrics["alloc_bytes"]
	if ratio := four.Median / one.Median; math.Abs(ratio-4) > 0.2 {
		t.Errorf("a program and three children allocate %.2f times what one does (%s)", ratio, four.Source)
	}
	if !strings.Contains(four.Source, "4 processes") {
		t.Errorf("source %q does not name the processes", four.Source)
	}
	if ratio := r.Scenarios[1].Metrics["peak_rss"].Median / r.Scenarios[0].Metrics["peak_rss"].Median; ratio > 2 {
		t.Errorf("the peak of four processes one after another is %.2f times that of one", ratio)
	}
}

// Live heap and goroutines are those of the checkpoint, and divided by the sessions.
func TestCheckpoint(t *testing.T) {
	s := childScenario(t, "-hold=8000000", "-garbage=20000000", "-mark=loaded")
	s.Sessions, s.Limits = 2, limit("live_heap", 8e6)
	got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}))
	live := got.Metrics["live_heap"]
	if live.Median < 4e6 || live.Median > 5e6 {
		t.Errorf("live heap %+v, want half of the 8 MB that stay, and a little", live)
	}
	if g := got.Metrics["goroutines"]; len(g.Values) != 1 || g.Median > 5 {
		t.Errorf("goroutines %+v, want a few", g)
	}
}

// A line of the output is a checkpoint too, but nothing is collected there.
func TestCheckpointByOutput(t *testing.T) {
	s := policy.Scenario{Name: "sh", Kind: gates.KindCommand, Run: "echo indexed; sleep 0.1", Sessions: 1, Runs: 1, CheckpointOn: "index(ed)",
		Limits: limit("live_heap", 1e6)}
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	g := only(t, r).Gates[0]
	if g.Verdict != gates.Unmeasured || g.Reason == "" || r.ExitCode != 2 {
		t.Errorf("gate %+v, exit %d, want unmeasured", g, r.ExitCode)
	}
}

// A run with a duration is ended, and that is no fault.
func TestDuration(t *testing.T) {
	s := childScenario(t, "-garbage=30000000", "-sleep=1h")
	s.Duration, s.Limits = 400*time.Millisecond, limit("sustained_rss", 1e9)
	got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}))
	if got.Error != "" || got.Verdict != gates.Passed {
		t.Fatalf("%s, %q, want passed", got.Verdict, got.Error)
	}
	if v := got.Metrics["allocs"]; len(v.Values) != 1 || v.Median < 30_000 {
		t.Errorf("allocs %+v, want the totals of a program that was ended", v)
	}
}

// What a tree holds for a time is the sum over its processes, beside the peak of the largest, and says so.
func TestSustainedOfATree(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := "'" + exe + "' -hold 30000000 -sleep 3s"
	s := policy.Scenario{Name: "tree", Kind: gates.KindCommand, Run: child + " & " + child + "; wait", Env: map[string]string{childEnv: "1"}, Sessions: 1, Runs: 1,
		Limits: limit("peak_rss", 1e9)}
	for end := time.Now().Add(30 * time.Second); ; { // on a busy machine the second child may be found late
		got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}))
		sustained, peak := got.Metrics["sustained_rss"], got.Metrics["peak_rss"]
		switch {
		case strings.HasSuffix(sustained.Source, gates.SumOfTree) && len(peak.Values) == 1 && sustained.Median > 1.3*peak.Median:
			return
		case time.Now().After(end):
			t.Fatalf("sustained_rss %+v, want the sum of two processes that are as large as peak_rss %+v", sustained, peak)
		}
	}
}

// Too short for a trend is a warning that says how long would do.
func TestTrendTooShort(t *testing.T) {
	s := childScenario(t, "-grow=300ms")
	s.Limits = limit("growth", 10)
	r := measure(t, run.Options{Policy: policyIn(t.TempDir(), s)})
	got := only(t, r)
	if got.Verdict != gates.Warned || r.ExitCode != 0 || got.Gates[0].Value != nil || !strings.Contains(got.Gates[0].Reason, "more would decide") {
		t.Errorf("%s, gate %+v, want a warning with the time that is needed", got.Verdict, got.Gates[0])
	}
	if got.Trend == nil || got.Trend.Verdict != "insufficient" || got.Trend.SlopePerHour != nil {
		t.Errorf("trend %+v, want insufficient and no slope", got.Trend)
	}
}

// What a shell line runs is measured, and the shell is not: it gives its place to a plain command.
func TestShellLine(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := policy.Scenario{Name: "line", Kind: gates.KindCommand, Run: "'" + exe + "' -garbage 5000000", Env: map[string]string{childEnv: "1"}, Sessions: 1, Runs: 1,
		Limits: limit("allocs", 1e9)}
	got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}))
	if source := got.Metrics["peak_rss"].Source; strings.Contains(source, " of ") {
		t.Errorf("peak RSS is %q, want the one process there is", source)
	}
	if v := got.Metrics["allocs"]; v.Median < 5000 {
		t.Errorf("allocs %+v", v)
	}
}

// A shell that becomes the program just when it is looked at is no Go program that was lost.
func TestProgramBehindAShell(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := policy.Scenario{Name: "line", Kind: gates.KindCommand, Env: map[string]string{childEnv: "1"}, Sessions: 1, Runs: 20, Limits: limit("allocs", 1e9),
		Run: "for i in 1 2 3 4 5 6 7 8; do sleep 0.001; done; exec '" + exe + "' -garbage 1000000"}
	got := only(t, measure(t, run.Options{Policy: policyIn(t.TempDir(), s)}))
	if v := got.Metrics["allocs"]; len(v.Values) != 20 {
		t.Errorf("allocs %+v, want one of each run", v)
	}
}
