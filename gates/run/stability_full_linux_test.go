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

// TestStabilityFindsThePlantedLeak watches the demonstration for two minutes, which leaks some 4 MB a minute at one site,
// and beside it a session that does not.
func TestStabilityFindsThePlantedLeak(t *testing.T) {
	if !full() {
		t.Skip("takes two minutes: HEAPTOP_FULL=1")
	}
	bin := filepath.Join(t.TempDir(), "heaptop")
	if out, err := exec.Command(samplertest.Tool(t, "go"), "build", "-o", bin, "../../cmd/heaptop").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	subject := func(name string, args ...string) run.StabilitySubject {
		return run.StabilitySubject{Name: name, Kind: gates.KindBuiltin, Quiet: true, Env: []string{"GODEBUG=memprofilerate=65536"},
			Command: append([]string{bin, "run-scenario", name}, args...)}
	}
	r, err := run.Stability(t.Context(), run.StabilityOptions{
		Subjects: []run.StabilitySubject{subject("demo"), subject("log_streaming", "--duration", "1h")}, Duration: 130 * time.Second, Interval: 10 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	demo, log := r.Scenarios[0], r.Scenarios[1]
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
