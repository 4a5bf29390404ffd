package goruntime

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// FuzzAgent: whatever answers at an agent's socket, the readings have names that a Go program's have, the collections are in
// order, and there are no more than the runtime has.
func FuzzAgent(f *testing.F) {
	f.Add([]byte(`{"samples":{"/gc/heap/live:bytes":1,"/sched/goroutines:goroutines":2},"buckets":["-Inf","0","+Inf"],"counts":[0,1],"numgc":1,` +
		`"cycles":[{"n":1,"end":5,"pause":7,"live":1,"goal":2,"kind":"forced"}]}`))
	f.Add([]byte(`{"samples":{"/process/rss:bytes":1,"\u001b[31m:bytes":-1e308,"/gc/":0},"buckets":["NaN"],"counts":[1]}`))
	f.Add([]byte(`{"cycles":[{"n":9,"pause":-1,"live":-1},{"n":3}],"counts":[1],"buckets":["2","1"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a := &agentClient{}
		if json.Unmarshal(b, &a.reply) != nil {
			return
		}
		var s sampler.Snapshot
		a.reply.add(&s)
		if err := a.histogram(&s); err == nil && len(a.reply.Counts) > 0 && len(s.Histograms) != 1 {
			t.Errorf("%q: %d histograms", b, len(s.Histograms))
		}
		a.cycles(&s)
		checkAgent(t, &s)
	})
}

// checkAgent checks what an agent told.
func checkAgent(t *testing.T, s *sampler.Snapshot) {
	t.Helper()
	name := regexp.MustCompile(`^/(cgo|cpu|gc|memory|sched|sync|work)(/[A-Za-z0-9/_-]*)?:[A-Za-z0-9/_-]+$`)
	for _, v := range s.Samples {
		if !name.MatchString(string(v.Metric)) || len(v.Metric) > 100 {
			t.Errorf("metric %q", v.Metric)
		}
	}
	last := uint64(0)
	for _, c := range s.Cycles {
		if c.Number <= last || c.Pause.Value < 0 || c.Live.Value < 0 || c.Goal.Value < 0 {
			t.Errorf("behind collection %d: %+v", last, c)
		}
		last = c.Number
	}
	for _, h := range s.Histograms {
		for i, edge := range h.Buckets {
			if math.IsNaN(edge) || i > 0 && edge < h.Buckets[i-1] {
				t.Errorf("buckets %v", h.Buckets)
			}
		}
	}
	if len(s.Samples) > 500 || len(s.Cycles) > 256 {
		t.Errorf("%d samples, %d collections", len(s.Samples), len(s.Cycles))
	}
}

// FuzzEndpointURL: an address is a page of pprof's, or an error that does not tell the password.
func FuzzEndpointURL(f *testing.F) {
	f.Add("localhost:6060", "hunter2")
	f.Add("http://[::1]:1/a/debug/pprof/heap?x=1&debug=1#f", "hunter2")
	f.Add("https://%zz", "hunter2")
	f.Add("h:port/\x7f", "hunter2")
	f.Fuzz(func(t *testing.T, address, password string) {
		u, err := parsePprofURL(address)
		if err == nil && (u.base.Host == "" || !strings.HasSuffix(u.base.Path, "/debug/pprof/")) {
			t.Errorf("%q is %v", address, u.base)
		}
		secret := regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(password, "")
		if len(secret) < 8 || strings.Contains(address, secret) || strings.ContainsAny(address, "/:@") {
			return
		}
		for _, text := range []string{"http://me:" + secret + "@" + address, "me:" + secret + "@" + address} {
			if _, err := parsePprofURL(text); err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells the password: %v", err)
			}
		}
	})
}
