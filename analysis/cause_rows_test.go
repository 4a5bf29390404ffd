package analysis_test

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// A site that leaks 32 MB an hour has about that rate and the verdict; so have goroutines that stay, one a minute. Nothing
// is said before there were enough profiles.
func TestTrendsOfSitesAndGoroutines(t *testing.T) {
	p := newProgram(3)
	p.leak = func(hours float64) float64 { return 32e6 * hours }
	p.blocks = func(hours float64) int { return int(hours * 60) }
	w := analysis.NewLeakWatch("")
	if w.SiteTrends() != nil || w.GroupTrends() != nil {
		t.Error("trends of nothing")
	}
	p.watch(w, began)
	sites := w.SiteTrends()
	for key, r := range sites {
		if strings.Contains(key, "part.site00") {
			if !r.Grows || r.Hint || r.PerHour < 20e6 || r.PerHour > 44e6 || r.Low > r.PerHour || r.High < r.PerHour {
				t.Errorf("the leaking site: %+v", r)
			}
			if r.Since.Before(began) || r.Since.After(began.Add(5*60*1e9)) {
				t.Errorf("it was there from the beginning, and since is %v", r.Since)
			}
			delete(sites, key)
		}
	}
	if len(sites) != 39 {
		t.Errorf("%d other sites, want 39", len(sites))
	}
	grow := 0
	for _, r := range w.GroupTrends() {
		if r.Grows && r.PerHour > 50 && r.PerHour < 70 {
			grow++
		}
	}
	if grow != 1 {
		t.Errorf("%d groups grow by one a minute, want 1: %+v", grow, w.GroupTrends())
	}
	if _, ok := w.Judge(sampler.ProcessRSS, analysis.LeakJudgement{Live: true}); !ok {
		t.Error("RSS was read and cannot be judged")
	}
}

func BenchmarkSiteTrends(b *testing.B) {
	p := newProgram(3)
	w := analysis.NewLeakWatch("")
	p.watch(w, began)
	b.ReportAllocs()
	for b.Loop() {
		w.SiteTrends()
	}
}
