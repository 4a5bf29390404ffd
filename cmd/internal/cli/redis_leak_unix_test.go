//go:build unix

package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestRedisLeak fills a server with sessions that nobody deletes, and lets heaptop debug leaks find that and name them. It
// takes 75 seconds, and so is part of the full run.
func TestRedisLeak(t *testing.T) {
	samplertest.Full(t)
	t.Parallel()
	sock, client := redisServer(t), samplertest.Tool(t, "redis-cli")
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		const some = "for k=1,20 do redis.call('SET', 'session:'..redis.call('INCR', 'n'), string.rep('x', 900)) end"
		for {
			select {
			case <-over:
				return
			case <-time.After(300 * time.Millisecond):
				_ = exec.Command(client, "-s", sock, "EVAL", some, "0").Run() // at the test's end the server is gone
			}
		}
	}()
	defer func() { close(over); <-done }()
	file := filepath.Join(t.TempDir(), "leaks.json")
	run := exec.Command(heaptop(t), "debug", "leaks", "--monitoring-duration", "75s", "--format", "json", "--output", file, "redis+unix://"+sock)
	out, _ := run.CombinedOutput()
	if code := run.ProcessState.ExitCode(); code != 1 {
		t.Fatalf("exit %d, want 1, a leak is proven:\n%s", code, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Findings []struct {
			Title string `json:"title"`
		} `json:"findings"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, f := range r.Findings {
		titles = append(titles, f.Title)
	}
	all := strings.Join(titles, "\n")
	if !strings.Contains(all, "(used_memory) grows by") || !strings.Contains(all, "Keys of one sort grow: session:*") {
		t.Errorf("found\n%s", all)
	}
}
