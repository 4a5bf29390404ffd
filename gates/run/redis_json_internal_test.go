package run

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// jsonModule names a module of a real RedisJSON, which is not in Debian and has a licence of its own: the tests of it run where
// somebody has one, and are skipped elsewhere whatever else is required.
const jsonModule = "HEAPTOP_REDISJSON"

// TestRealRedisJSON stores documents in a server with a real module and compares them with what redis-cli prints.
func TestRealRedisJSON(t *testing.T) {
	module := os.Getenv(jsonModule)
	if module == "" {
		t.Skipf("%s names no module such as rejson.so: see docs/redis-overhead.md", jsonModule)
	}
	url, cli, _ := redisServer(t, "--loadmodule", module)
	b := bench(t, policy.RedisOverhead{URL: url}, usual()...)
	if err := errors.Join(b.measure(t.Context()), b.clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	overhead.Summarize(&b.report)
	if !strings.Contains(b.report.Server.JSON, "JSON") {
		t.Errorf("module %q", b.report.Server.JSON)
	}
	for i, d := range b.report.Documents {
		s := d.Stored[1]
		if s.As != "json" || s.Memory == nil || s.Low == nil || *s.High != *s.Low {
			t.Errorf("%s: %+v, want one figure that repeats", d.Name, s)
			continue
		}
		key := strings.Repeat("k", redisKeyBytes)
		cli("JSON.SET", key, "$", b.documents[i].Text)
		if want, err := strconv.ParseFloat(cli("MEMORY", "USAGE", key, "SAMPLES", "0"), 64); err != nil || *s.Memory != want {
			t.Errorf("%s as json takes %g, redis-cli says %g %v", d.Name, *s.Memory, want, err)
		}
		cli("DEL", key)
	}
	if keys := cli("DBSIZE"); keys != "0" {
		t.Errorf("%s keys are left", keys)
	}
}

// TestRedisSlowLog measures a server that notes every command, as it does on a machine that is very busy: where the figures do
// not agree then, the report says why.
func TestRedisSlowLog(t *testing.T) {
	samplertest.NotUnderRace(t)
	url, _, _ := redisServer(t, "--slowlog-log-slower-than", "0", "--slowlog-max-len", "4000")
	b := bench(t, policy.RedisOverhead{URL: url, Representations: []string{"hash"}}, "large")
	if err := errors.Join(b.measure(t.Context()), b.clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	overhead.Summarize(&b.report)
	b.noteSlow()
	if len(b.warnings) != 1 || !strings.Contains(b.warnings[0], "commands in its slow log") || b.slow < 1000 {
		t.Errorf("%d slow commands, warnings %q, want them named as the cause", b.slow, b.warnings)
	}
}
