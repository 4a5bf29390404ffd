package analysis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// leaking is a made-up program that leaks 1 MB/s and is watched for 75 s, and tells another profile
// every eight seconds.
type leaking struct {
	age    time.Duration // of the process when the watch begins
	sites  int           // that share the leak
	uneven bool          // all is leaked in the first two thirds of the profiles, though not of the heap
}

func (l leaking) watch() *analysis.LeakWatch {
	w := analysis.NewLeakWatch("")
	info := sampler.Info{PID: 1, GoVersion: "go1.26.8", Started: began.Add(-l.age)}
	for i := range 300 {
		at := began.Add(time.Duration(i) * 250 * time.Millisecond)
		leaked := float64(i) * 25e4
		s := &sampler.Snapshot{Time: at}
		s.Add(sampler.GoHeapLive, 2e7+leaked)
		s.Add(sampler.GoClassObjects, 2e7+2*leaked)
		s.Add(sampler.GoCyclesTotal, float64(i))
		w.Add(s, info)
		if i%32 != 31 {
			continue
		}
		if l.uneven {
			leaked = min(leaked, 40e6)
		}
		h := &profile.Heap{Time: at, Rate: 512 << 10}
		add := func(function string, bytes float64) {
			h.Sites = append(h.Sites, profile.Site{
				Function: function, File: "/src/main.go", Line: 7, InUseBytes: bytes,
				Stack: []sampler.Frame{{Function: function, File: "/src/main.go", Line: 7}},
			})
			h.TotalInUse += bytes
		}
		add("main.load", 2e7+float64(i)) // so that each differs
		for k := range l.sites {
			add(fmt.Sprintf("main.keep%02d", k), leaked/float64(l.sites))
		}
		w.Heap(h)
	}
	return w
}

// TestTheSiteThatHoldsWhatWasAdded: where the live heap is proven to grow, and no site is, the one that holds most of what was
// added is named and said not to be proven; it is not counted among those that grow.
func TestTheSiteThatHoldsWhatWasAdded(t *testing.T) {
	const keep = "main.keep00 main.go:7"
	for _, c := range []struct {
		name          string
		program       leaking
		threshold     float64
		site, verdict string
		says, proven  string
	}{
		{"long-lived", leaking{age: time.Hour, sites: 1}, 0, keep, "growing", "", keep},
		{"it has just begun", leaking{age: time.Millisecond, sites: 1}, 0, keep, "not proven", "A proof takes 8 heap profiles that differ, and there were 7 after the first 20s of the program", ""},
		{"uneven", leaking{age: time.Hour, sites: 1, uneven: true}, 0, keep, "not proven", "No allocation site is proven to grow throughout", ""},
		{"spread over many", leaking{age: time.Millisecond, sites: 60}, 0, "", "", "A proof takes 8 heap profiles that differ, and there were 7 after the first 20s of the program", ""},
		{"less than the threshold", leaking{age: time.Millisecond, sites: 1}, 1e9, "", "", "A proof takes 8 heap profiles that differ", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := c.program.watch()
			f := findingOf(t, w.Report(analysis.LeakJudgement{Threshold: c.threshold}), string(sampler.GoHeapLive))
			details := strings.Join(f.Details, " ")
			if f.Verdict != analysis.LeakGrowing || !strings.Contains(details, c.says) {
				t.Fatalf("%s: %s, want %q", f.Verdict, details, c.says)
			}
			named := strings.Contains(details, keep+" by ")
			switch {
			case c.site == "" && len(f.Sites) == 0 && !named:
			case c.site == "" || len(f.Sites) != 1 || f.Sites[0].Site != c.site || f.Sites[0].Verdict != c.verdict || named != (c.verdict == "not proven"):
				t.Errorf("%+v are named, %s; want %q, %s", f.Sites, details, c.site, c.verdict)
			case f.Sites[0].SharePercent < 90 || *f.Sites[0].GrownBytes < 20e6 || (f.Sites[0].Low == nil) != (c.verdict == "not proven"):
				t.Errorf("%s has %v %% of the growth, %v bytes", c.site, f.Sites[0].SharePercent, *f.Sites[0].GrownBytes)
			}
			if list := w.GrowingSites(); (len(list) > 0) != (c.proven != "") {
				t.Errorf("%+v grow, want %q", list, c.proven)
			}
		})
	}
}
