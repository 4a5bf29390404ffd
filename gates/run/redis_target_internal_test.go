package run

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// targetReport measures a server as a running target.
func targetReport(t *testing.T, url string, d time.Duration, f policy.Flags) *gates.Report {
	t.Helper()
	p, err := policy.Of(f, policy.Scenario{Name: "cache", Kind: gates.KindTarget, Target: url, Duration: d})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), Options{Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRedisTarget gates a server's own memory, and compares it with what redis-cli and the kernel tell.
func TestRedisTarget(t *testing.T) {
	url, cli, server := redisServer(t)
	cli("EVAL", "for i=1,20000 do redis.call('SET', 'key:'..i, string.rep('x', 500)) end", "0")
	cli("EVAL", "redis.call('SET', 'gone', string.rep('x', 20000000)); redis.call('DEL', 'gone')", "0") // a peak that is over
	limits := policy.Flags{Runs: 1, Limits: []gates.Limit{
		{Metric: "used_memory", Max: 40e6, From: gates.FromFlag}, {Metric: "peak_used_memory", Max: 20e6, From: gates.FromFlag},
		{Metric: "peak_rss", Max: 200e6, From: gates.FromFlag},
	}}
	r := targetReport(t, url, 2500*time.Millisecond, limits)
	s := r.Scenarios[0]
	info := infoFields(cli("INFO", "memory"))
	for metric, field := range map[string]string{"used_memory": "used_memory", "peak_used_memory": "used_memory_peak", "sustained_rss": "used_memory_rss"} {
		want, err := strconv.ParseFloat(info[field], 64)
		if m := s.Metrics[metric]; err != nil || len(m.Values) != 1 || math.Abs(m.Median-want) > 0.05*want {
			t.Errorf("%s is %+v, redis-cli says %s %v", metric, m, info[field], err)
		}
	}
	if m := s.Metrics["peak_rss"]; m.Median < 30e6 || !strings.Contains(m.Source, "VmHWM") {
		t.Errorf("peak_rss of process %d: %+v", server.Process.Pid, m)
	}
	if _, there := s.Metrics["peak_heap"]; there {
		t.Errorf("a Redis server has a Go heap: %+v", s.Metrics["peak_heap"])
	}
	verdicts := map[string]gates.Verdict{}
	for _, g := range s.Gates {
		verdicts[g.Metric] = g.Verdict
	}
	if r.ExitCode != 1 || fmt.Sprint(verdicts) != "map[peak_rss:passed peak_used_memory:failed used_memory:passed]" {
		t.Errorf("exit %d, gates %v, error %q", r.ExitCode, verdicts, s.Error)
	}
}

// TestRedisTargetThatCannotBeMeasured is exit code 2, says why, and never tells the password.
func TestRedisTargetThatCannotBeMeasured(t *testing.T) {
	limits := policy.Flags{Runs: 1, Limits: []gates.Limit{{Metric: "used_memory", Max: 1e6, From: gates.FromFlag}}}
	r := targetReport(t, "redis://me:hunter2@127.0.0.1:1", time.Second, limits)
	if s := r.Scenarios[0]; r.ExitCode != 2 || !strings.Contains(s.Error, "127.0.0.1:1") || strings.Contains(fmt.Sprintf("%+v", r), "hunter2") {
		t.Errorf("exit %d, error %q", r.ExitCode, s.Error)
	}
	url, cli, server := redisServer(t)
	go func() {
		for t.Context().Err() == nil {
			if list := cli("CLIENT", "LIST"); strings.Contains(list, "memory|stats") || strings.Contains(list, "cmd=info") {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		_ = server.Process.Kill()
	}()
	if s := targetReport(t, url, 5*time.Minute, limits).Scenarios[0]; s.Verdict != gates.Unmeasured || !strings.Contains(s.Error, "before its time was over") {
		t.Errorf("a server that was killed: %s, %q", s.Verdict, s.Error)
	}
}
