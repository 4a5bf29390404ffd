//go:build unix

package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestRedisSuiteInterrupted sends SIGINT while documents are in the server: they are deleted, those of others are not, the
// report is written and says so, and the exit code is 130.
func TestRedisSuiteInterrupted(t *testing.T) {
	t.Parallel()
	sock := redisServer(t)
	client := samplertest.Tool(t, "redis-cli")
	keys := func() string {
		out, err := exec.Command(client, "-s", sock, "DBSIZE").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	others := keys()
	report := filepath.Join(t.TempDir(), "r.json")
	run := exec.Command(heaptop(t), "--headless", "--suite", "redis-overhead", "--allow-nonempty", "--representation", "hash", "--output", report, "redis+unix://"+sock)
	var out, errs strings.Builder
	run.Stdout, run.Stderr = &out, &errs
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(60 * time.Second); keys() == others; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = run.Process.Kill()
			t.Fatalf("nothing was ever written:\n%s", errs.String())
		}
	}
	if err := run.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = run.Wait()
	if code := run.ProcessState.ExitCode(); code != 130 || !strings.Contains(errs.String(), "heaptop: exit 130: interrupted") {
		t.Errorf("exit %d, want 130:\n%s", code, errs.String())
	}
	if got := keys(); got != others {
		t.Errorf("%s keys are in the database, %s were before", got, others)
	}
	var r struct {
		ExitCode  int    `json:"exit_code"`
		Verdict   string `json:"verdict"`
		Scenarios []struct{ Error string }
	}
	data, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil || r.Verdict != "unmeasured" || len(r.Scenarios) != 1 || r.Scenarios[0].Error != "interrupted by Ctrl-C" {
		t.Errorf("the report is %+v, %v", r, err)
	}
	if strings.Contains(out.String(), "METRIC:") {
		t.Errorf("figures of a run that was interrupted:\n%s", out.String())
	}
}
