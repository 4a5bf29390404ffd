package run

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// TestStabilityOfRedis watches a server by what it tells of itself, for a second, which decides nothing.
func TestStabilityOfRedis(t *testing.T) {
	url, cli, _ := redisServer(t)
	cli("EVAL", "for i=1,20000 do redis.call('SET', 'key:'..i, string.rep('x', 500)) end", "0")
	target, err := sampler.ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	var used []float64
	r, err := Stability(t.Context(), StabilityOptions{
		Subjects: []StabilitySubject{{Name: "cache", Kind: gates.KindTarget, Target: target}}, Duration: time.Second, Interval: time.Second, Threshold: 10e6,
		Progress: func(p StabilityProgress) {
			if p.Used.OK {
				used = append(used, p.Used.Value)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := strconv.ParseFloat(infoFields(cli("INFO", "memory"))["used_memory"], 64)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Scenarios[0].Stability
	if r.Verdict != gates.Warned || s == nil || s.Memory == nil || s.Memory.Metric != string(sampler.RedisUsed) || math.Abs(s.Memory.Final-want) > 0.05*want {
		t.Fatalf("%s: %+v, redis-cli says %.0f", r.Verdict, s, want)
	}
	if len(used) == 0 || math.Abs(used[0]-want) > 0.05*want {
		t.Errorf("the progress tells %v, redis-cli says %.0f", used, want)
	}
	judged := map[string]bool{}
	for _, row := range s.Series {
		judged[row.Metric] = true
	}
	if !judged[string(sampler.RedisUsed)] || !judged[string(sampler.RedisClients)] || !judged[string(sampler.ProcessRSS)] {
		t.Errorf("judged are %v", judged)
	}
}

// TestCausesOfAServer are told as what they are: a sort of keys is no mapping.
func TestCausesOfAServer(t *testing.T) {
	row := analysis.FoundRow{Name: "session:*", Note: "40 keys", Numbers: map[string]float64{"growth_bytes_per_hour": 5e6, "share_percent": 90}}
	for rows, want := range map[string]string{"keys": "keys", "client": "client", "part": "part", "mapping": causeMapping, "": causeMapping} {
		c := rowCause(&analysis.Finding{RowsOf: rows, Rows: []analysis.FoundRow{row}}, &row)
		if c.Kind != want || c.RatePerHour == nil || *c.RatePerHour != 5e6 || c.Note != "40 keys" {
			t.Errorf("rows of %q: %+v, want the kind %s", rows, c, want)
		}
	}
}
