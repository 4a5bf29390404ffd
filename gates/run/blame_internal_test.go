package run

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// Where a side records no stacks, the sizes of the objects that became more are named, and it is said why.
func TestSizesInPlaceOfSites(t *testing.T) {
	then := &siteReading{note: "this program records no allocation stacks", sizes: map[uint32]uint64{64: 1000, 128: 500}, large: 1 << 20}
	now := &siteReading{note: then.note, sizes: map[uint32]uint64{64: 3000, 128: 500, 32: 1}, large: 1 << 20}
	got, note := culprits("alloc_bytes", then, now, "")
	if len(got) != 1 || got[0].Site != "objects of 64 B" || got[0].ChangeBytes != 128_000 || got[0].SharePercent < 99 || !strings.Contains(note, "no allocation stacks") {
		t.Errorf("%+v, %q, want the 2,000 objects of 64 bytes", got, note)
	}
	if got, _ := culprits("alloc_bytes", now, now, ""); len(got) != 0 {
		t.Errorf("%+v, and nothing changed", got)
	}
	half := &siteReading{end: &profile.Heap{}, peak: &profile.Heap{}}
	if _, note := culprits("peak_heap", then, half, ""); !strings.Contains(note, "on the other side") {
		t.Errorf("%q does not say that it is the other side", note)
	}
}

// The worst gated regression is explained, else the first broken limit, and nothing that is accepted or only watched.
func TestAccused(t *testing.T) {
	change := func(v float64) *float64 { return &v }
	s := &gates.Scenario{Comparisons: []gates.Comparison{
		{Metric: "peak_rss", Gated: true, Verdict: gates.Regressed, ChangePercent: change(11), Against: "a"},
		{Metric: "allocs", Gated: true, Verdict: gates.Regressed, ChangePercent: change(40), Against: "b"},
		{Metric: "peak_heap", Gated: true, Verdict: gates.Regressed, ChangePercent: change(90), Accepted: "an index"},
		{Metric: "sustained_rss", Verdict: gates.Regressed, ChangePercent: change(99)},
	}, Gates: []gates.Gate{{Metric: "gc_cpu", Verdict: gates.Failed}}}
	if m, against := accused(s); m != "allocs" || against != "b" {
		t.Errorf("%s against %s, want allocs", m, against)
	}
	s.Comparisons = nil
	if m, _ := accused(s); m != "gc_cpu" {
		t.Errorf("%q, want the broken limit", m)
	}
	s.Gates[0].Verdict = gates.Passed
	if m, _ := accused(s); m != "" {
		t.Errorf("%q is to be explained, and nothing is wrong", m)
	}
}

func TestSiteName(t *testing.T) {
	f := sampler.Frame{Function: "example.com/prog/cache.(*LRU).Add", File: "example.com/prog/cache/lru.go", Line: 88}
	for module, want := range map[string]string{"example.com/prog": "cache.(*LRU).Add cache/lru.go:88", "": "cache.(*LRU).Add lru.go:88", "other": "cache.(*LRU).Add lru.go:88"} {
		if got := siteName(f, module); got != want {
			t.Errorf("in %q: %q, want %q", module, got, want)
		}
	}
}

// A finer sampling joins the user's own settings.
func TestFiner(t *testing.T) {
	t.Setenv("GODEBUG", "gctrace=1,memprofilerate=1")
	if got := finer(nil); len(got) != 1 || got[0] != "GODEBUG=gctrace=1,memprofilerate=16384" {
		t.Errorf("%q", got)
	}
	if got := finer([]string{"GODEBUG=madvdontneed=0"}); got[0] != "GODEBUG=madvdontneed=0,memprofilerate=16384" {
		t.Errorf("%q", got)
	}
}
