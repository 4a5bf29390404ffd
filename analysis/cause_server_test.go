package analysis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// servedFor feeds a watch with n seconds of a server whose data set grows by sessions a second.
func servedFor(n int, sessions float64, keys bool) *analysis.LeakReport {
	w := analysis.NewLeakWatch("")
	info := sampler.Info{Target: sampler.Target{Kind: sampler.KindRedis}, Name: "redis-server"}
	scanned := 0
	groups := map[string]sampler.KeyGroup{}
	for i := range n {
		at := samplertest.DefaultStart().Add(time.Duration(i) * time.Second)
		noise := float64(i*7919%1000) * 20
		live := 50_000 + sessions*float64(i)
		used := 20e6 + live*100 + noise
		s := &sampler.Snapshot{}
		s.Reset(at)
		for _, x := range []sampler.Sample{
			{Metric: sampler.ProcessRSS, Value: used*1.2 + 8e6}, {Metric: sampler.RedisUsed, Value: used}, {Metric: sampler.RedisOverhead, Value: 12e6},
			{Metric: sampler.RedisStartup, Value: 9e5}, {Metric: sampler.RedisTableMain, Value: 8e6}, {Metric: sampler.RedisAllocated, Value: used},
			{Metric: sampler.RedisActive, Value: used * 1.05}, {Metric: sampler.RedisResident, Value: used * 1.1}, {Metric: sampler.RedisKeys, Value: live + 50_000},
			{Metric: sampler.RedisClients, Value: 5}, {Metric: sampler.ProcessCPU, Value: float64(i) / 10},
		} {
			s.Add(x.Metric, x.Value)
		}
		w.Add(s, info)
		if !keys {
			continue
		}
		for kind, share := range map[string]float64{"session:* hash": live / (live + 50_000), "user:* string": 50_000 / (live + 50_000)} {
			name, of, _ := strings.Cut(kind, " ")
			g := groups[kind]
			count := int(2000 * share)
			g.Pattern, g.Type, g.Keys, g.Bytes = name, of, g.Keys+count, g.Bytes+float64(count)*100
			groups[kind] = g
		}
		scanned += 2000
		k := &sampler.Keys{Time: at, Scanned: scanned, Total: sampler.Known(live + 50_000)}
		for _, g := range groups {
			k.Groups = append(k.Groups, g)
		}
		k.List = []sampler.KeySize{{Key: "queue:7", Type: "list", Bytes: 1e6 + sessions*50*float64(i)}, {Key: "rank", Type: "zset", Bytes: 3e6}}
		if i > n/2 {
			k.List = append(k.List, sampler.KeySize{Key: "found later", Type: "list", Bytes: 2e6})
		}
		w.Keys(k)
		w.Clients(&sampler.Clients{Time: at, List: []sampler.Client{
			{Addr: "10.0.0.1:5000", Name: "worker", Memory: sampler.Known(20e3)}, {Addr: "10.0.0.2:1", Memory: sampler.Known(1e5 + sessions*20*float64(i))},
		}})
	}
	return w.Report(analysis.LeakJudgement{})
}

func TestLeakOfAServer(t *testing.T) {
	t.Parallel()
	r := servedFor(300, 200, true)
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %q %s", f.Series, f.Title, f.Verdict))
		for _, row := range f.Rows {
			got = append(got, "  "+f.RowsOf+": "+row.Name+" "+row.Note)
		}
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		`/redis/used_memory:bytes "Memory in use (used_memory) grows by 7`, "  part: data set", `/process/rss:bytes "Resident memory (RSS) grows by`,
		`Keys of one sort grow: session:* hash by 7`, "  keys: session:* hash 1", `Single keys grow: queue:7 list by 36`, `The memory of clients grows: 10.0.0.2 by 14`,
		"  client: 10.0.0.2 1 client",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not among the findings:\n%s", want, all)
		}
	}
	for _, wrong := range []string{"user:*", "rank", "found later", "worker", "tables of keys"} {
		if strings.Contains(all, wrong) {
			t.Errorf("%s does not grow, and is named:\n%s", wrong, all)
		}
	}
	if r.Verdict != analysis.LeakGrowing {
		t.Errorf("verdict %s", r.Verdict)
	}
}

func TestServerThatDoesNotLeak(t *testing.T) {
	t.Parallel()
	r := servedFor(300, 0, true)
	if r.Verdict != analysis.LeakFlat || len(r.Findings) != 3 {
		t.Errorf("verdict %s of %d series: %+v", r.Verdict, len(r.Findings), r.Findings)
	}
}

// TestLeakOfAServerWithoutKeys is what a recording tells: what grows, and that the keys are not known.
func TestLeakOfAServerWithoutKeys(t *testing.T) {
	t.Parallel()
	r := servedFor(300, 200, false)
	if f := r.Findings[0]; r.Verdict != analysis.LeakGrowing || !strings.Contains(strings.Join(f.Details, " "), "A recording does not keep them") {
		t.Errorf("verdict %s: %+v", r.Verdict, f.Details)
	}
}
