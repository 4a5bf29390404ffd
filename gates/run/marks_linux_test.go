package run_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/agent"
)

// markedCommand makes this binary a program of a user's that marks its phases and sessions. It holds 8 MB for its 8 sessions,
// and in its warm-up it held 64 MB more.
const markedCommand = "marked"

func playMarked() int {
	agent.Sessions(8)
	agent.Phase("baseline")
	agent.Checkpoint("begin")
	agent.Phase("warm-up")
	held = nil
	keep(64 << 20)
	turnover(30)
	held = nil
	agent.Phase("work")
	keep(8 << 20)
	turnover(120)
	agent.Checkpoint("alive")
	fmt.Println(len(held), "blocks")
	runtime.KeepAlive(held)
	agent.Phase("tear-down")
	return 0
}

// turnover makes garbage and collects it, for some milliseconds a time.
func turnover(times int) {
	for range times {
		for range 200 {
			last = make([]byte, 1000)
		}
		agent.Worked(200)
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
	}
}

func runMarked(t *testing.T, change func(*policy.Scenario)) *gates.Scenario {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := policy.Scenario{Name: "marked", Kind: gates.KindCommand, Command: []string{exe, markedCommand}, Env: map[string]string{childEnv: "1"}, Sessions: 1, Runs: 1,
		Timeout: time.Minute, Limits: limit("peak_heap", 1e9)}
	change(&s)
	return only(t, measure(t, run.Options{Policy: &policy.Policy{Scenarios: []policy.Scenario{s}}}))
}

// What a program says of itself is what its figures are made of, unless the policy says otherwise.
func TestMarksOfAUsersProgram(t *testing.T) {
	const mib = 1 << 20
	near := func(s *gates.Scenario, metric string, low, high float64) {
		t.Helper()
		if m := s.Metrics[metric]; len(m.Values) != 1 || m.Median < low || m.Median > high {
			t.Errorf("%s is %v %s, want %.0f to %.0f", metric, m.Values, m.Missing, low, high)
		}
	}
	own := runMarked(t, func(*policy.Scenario) {})
	if own.Sessions != 8 {
		t.Errorf("%d sessions, want the 8 that the program says: %q", own.Sessions, own.Error)
	}
	near(own, "live_heap", mib, 1.3*mib)
	near(own, "sustained_heap", 0.9*mib, 1.5*mib)
	near(own, "peak_heap", 8*mib, 12*mib)

	said := runMarked(t, func(s *policy.Scenario) { s.Sessions, s.SessionsSaid, s.Warmup = 2, true, time.Nanosecond })
	if said.Sessions != 2 {
		t.Errorf("%d sessions, want the 2 of the policy", said.Sessions)
	}
	near(said, "live_heap", 4*mib, 5*mib)
	if m := said.Metrics["peak_heap"]; len(m.Values) == 1 && !strings.Contains(m.Source, "checkpoint begin") {
		t.Errorf("peak_heap is from %q", m.Source)
	}
}
