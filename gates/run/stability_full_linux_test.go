package run_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestStabilityFindsWhatIsPlanted watches real processes for some minutes, at the same time: the demonstration and a planted
// workload leak at one site each, another becomes slower, and their quiet twin does the same work without either.
func TestStabilityFindsWhatIsPlanted(t *testing.T) {
	if !full() {
		t.Skip("takes four minutes: HEAPTOP_FULL=1")
	}
	samplertest.NotUnderRace(t)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	bin := filepath.Join(t.TempDir(), "heaptop")
	if out, err := exec.Command(samplertest.Tool(t, "go"), "build", "-o", bin, "../../cmd/heaptop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var subjects []run.StabilitySubject
	for _, name := range []string{"leaking", "slowing", "steady"} {
		subjects = append(subjects, longSubject(t, name, plantedCommand, name, "-duration", "1h"))
	}
	for _, name := range []string{"demo", "log_streaming"} {
		command := []string{bin, "run-scenario", name}
		if name != "demo" {
			command = append(command, "--duration", "1h")
		}
		subjects = append(subjects, run.StabilitySubject{Name: name, Kind: gates.KindBuiltin, Quiet: true, Env: []string{"GODEBUG=memprofilerate=65536"}, Command: command})
	}
	r, err := run.Stability(t.Context(), run.StabilityOptions{Subjects: subjects, Duration: 4 * time.Minute, Interval: 10 * time.Second, Threshold: 10e6})
	if err != nil {
		t.Fatal(err)
	}
	leaking, slowing, steady := &r.Scenarios[0], &r.Scenarios[1], &r.Scenarios[2]
	for _, s := range r.Scenarios {
		t.Logf("%s: %s: %s", s.Name, s.Verdict, s.Stability.Reason)
		if s.Error != "" || s.Name != "demo" && (s.Stability.Operations == nil || s.Stability.Operations.Total < 1000) {
			t.Errorf("%s: %q, operations %+v", s.Name, s.Error, s.Stability.Operations)
		}
	}
	checkDemonstration(t, &r.Scenarios[3], &r.Scenarios[4])
	if leaking.Verdict != gates.Failed || !strings.Contains(leaking.Stability.Reason, "live heap grows by") {
		t.Errorf("a leak of 4 KiB an operation: %s: %s", leaking.Verdict, leaking.Stability.Reason)
	}
	named := func(c gates.StabilityCause) bool {
		return strings.Contains(c.Name, ".forget planted_linux_test.go:") && c.SharePercent != nil && *c.SharePercent > 80
	}
	if !slices.ContainsFunc(leaking.Stability.Causes, named) {
		t.Errorf("its site is not named: %+v", leaking.Stability.Causes)
	}
	if o := leaking.Stability.Operations; o.Verdict == "degrading" {
		t.Errorf("the one that leaks is not slower: %+v", o)
	}
	if slowing.Verdict != gates.Failed || !strings.Contains(slowing.Stability.Reason, "operations become fewer by") || strings.Contains(slowing.Stability.Reason, "grows by") {
		t.Errorf("rests that double in a minute: %s: %s", slowing.Verdict, slowing.Stability.Reason)
	}
	if steady.Verdict == gates.Failed || len(steady.Stability.Causes) > 0 {
		t.Errorf("the quiet twin: %s: %s; causes %+v", steady.Verdict, steady.Stability.Reason, steady.Stability.Causes)
	}
}

// checkDemonstration: the shop leaks some 4 MB a minute at one site, the log beside it does not.
func checkDemonstration(t *testing.T, demo, log *gates.Scenario) {
	t.Helper()
	if demo.Verdict != gates.Failed || !slices.ContainsFunc(demo.Stability.Causes, func(c gates.StabilityCause) bool { return strings.Contains(c.Name, "newSession") }) {
		t.Errorf("the leak is not found: %s: %s; causes %+v", demo.Verdict, demo.Stability.Reason, demo.Stability.Causes)
	}
	if m := demo.Stability.Memory; m == nil || m.Low == nil || *m.Low > 300e6 || *m.High < 200e6 {
		t.Errorf("240 MB an hour: %+v", m)
	}
	if log.Verdict == gates.Failed || log.Stability.Operations == nil || log.Stability.Operations.PerHour < 500_000 {
		t.Errorf("200 lines a second, and no leak: %s: %+v", log.Verdict, log.Stability)
	}
}
