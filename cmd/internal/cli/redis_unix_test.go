//go:build unix

package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// redisServer starts a redis-server of the test's own with keys in it, and returns its socket.
func redisServer(t *testing.T, args ...string) string {
	t.Helper()
	sock, _ := samplertest.RedisServer(t, args...)
	const fill = "for i=1,5000 do redis.call('SET', 'key:'..i, string.rep('x', 500)) end; redis.call('SET', 'biggest', string.rep('y', 700000))"
	if out, err := exec.Command(samplertest.Tool(t, "redis-cli"), "-s", sock, "EVAL", fill, "0").CombinedOutput(); err != nil {
		t.Fatalf("fill the server: %v: %s", err, out)
	}
	return sock
}

// TestRedis reads a server in every mode, and from the files that they leave.
func TestRedis(t *testing.T) {
	url := "redis+unix://" + redisServer(t, "--maxmemory", "64mb")
	dir, bin := t.TempDir(), heaptop(t)
	run := func(code int, args ...string) string {
		t.Helper()
		c := exec.Command(bin, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
		out, err := c.CombinedOutput()
		if c.ProcessState == nil || c.ProcessState.ExitCode() != code {
			t.Fatalf("heaptop %q: %v, want exit %d:\n%s", args, err, code, out)
		}
		return string(out)
	}
	has := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is missing in:\n%s", w, out)
			}
		}
	}
	has(run(0, "--format", "text", "--interval", "200ms", "--duration", "1s", "--record", "r.heaprec", url), "redis-server", "of 67.1 MB (maxmemory)")
	has(run(0, "--format", "text", "r.heaprec"), "67.1 MB (maxmemory)")
	has(run(0, "debug", "analyze", url), "data set", "tables of keys", "unexplained", "maxmemory")
	has(run(0, "debug", "analyze", "r.heaprec"), "data set", "tables of keys")
	has(run(0, "debug", "leaks", "--monitoring-duration", "1s", url), "memory in use (used_memory): ", "s watched, 1m00s needed")
	has(run(0, "stability", "--duration", "1s", "--interval", "1s", url), "too short to decide", "memory in use (used_memory) from", ", used_memory ")
	run(0, "snapshot", "-o", "a.heapsnap", url)
	run(0, "snapshot", "-o", "b.heapsnap", url)
	has(run(0, "diff", "a.heapsnap", "b.heapsnap"), "data set")
	var s struct {
		Metrics map[string]float64 `json:"metrics"`
	}
	c := exec.Command(bin, "--format", "json", "--interval", "200ms", "--duration", "500ms", url)
	c.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(strings.NewReader(string(out))).Decode(&s); err != nil {
		t.Fatal(err)
	}
	if s.Metrics["/redis/keys:keys"] != 5001 || s.Metrics["/redis/used_memory:bytes"] < 5000*500 || s.Metrics["/process/rss:bytes"] < s.Metrics["/redis/used_memory_dataset:bytes"] {
		t.Errorf("read %v", s.Metrics)
	}
}

// TestRedisDashboard looks at a real server under load on a real terminal.
func TestRedisDashboard(t *testing.T) {
	bench := samplertest.Tool(t, "redis-benchmark")
	sock := redisServer(t)
	load := exec.Command(bench, "-s", sock, "-q", "-r", "20000", "-n", "100000000", "-d", "100", "-c", "5", "-t", "set,get")
	if err := load.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = load.Process.Kill()
		_ = load.Wait()
	})
	c := on(t, []string{"NO_COLOR=1"}, heaptop(t), "redis+unix://"+sock)
	c.shows("data set")
	c.shows("/s") // the rate of commands
	c.press("2")
	c.shows("Biggest keys")
	c.shows("key:") // of the walk, which a busy server slows down
	c.press("3")
	c.shows("Lazy free")
	c.press("g")
	c.shows("purged at")
	c.press("q")
	if code := c.exits(); code != 0 {
		t.Errorf("exit %d", code)
	}
	c.restored()
}
