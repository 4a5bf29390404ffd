package goproc

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestStatistics compares what we read with what the target's own runtime says at the same moment, for every way to
// build a program.
func TestStatistics(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			if v.name == "race" && testing.Short() {
				t.Skip("the race runtime takes a minute to build")
			}
			if strings.Contains(v.name, "GOAMD64") && runtime.GOARCH != "amd64" {
				t.Skip("for amd64")
			}
			c := startTarget(t, v)
			compareStatistics(t, c, c.open(Options{}))
		})
	}
}

func compareStatistics(t *testing.T, c *child, s *Session) {
	t.Helper()
	for _, prepare := range []string{"gc", "leak 100", "free", "limit 200000000", "gogc 50", "procs 3", "gogc -1"} {
		c.ask("%s", prepare)
		eventually(t, "after "+prepare+", ours and the target's", func() string {
			var snap sampler.Snapshot
			if err := s.Read(context.Background(), &snap); err != nil {
				t.Fatal(err)
			}
			m, err := s.MemStats(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			own := c.ask("stats")
			return diffMetrics(&snap, own) + diffMemStats(m, &own.MemStats)
		})
	}
}

func diffMetrics(snap *sampler.Snapshot, own answer) string {
	var b strings.Builder
	for _, s := range snap.Samples {
		want, ok := own.Metrics[string(s.Metric)]
		switch s.Metric {
		case sampler.GoGoroutines:
			want, ok = float64(own.Goroutines), true
		case sampler.GoPauseTotal:
			want, ok = float64(own.MemStats.PauseTotalNs)/1e9, true
		}
		if !ok && s.Metric != GCPhase && !since(s.Metric) {
			fmt.Fprintf(&b, "  %s: the target's runtime has no such metric\n", s.Metric)
		}
		// Being asked costs the target a few hundred bytes.
		if ok && math.Abs(s.Value-want) > slack(s.Metric) {
			fmt.Fprintf(&b, "  %-45s ours %.0f, the target's %.0f\n", s.Metric, s.Value, want)
		}
	}
	h, ok := snap.Histogram(sampler.GoGCPauses)
	if !ok || !slices.Equal(h.Counts, own.Histogram) || !slices.Equal(h.Buckets[1:len(h.Buckets)-1], own.Buckets) {
		fmt.Fprintf(&b, "  pauses: ours %v, the target's %v\n", h.Counts, own.Histogram)
	}
	return b.String()
}

// since says whether a metric is one that older releases keep but do not publish.
func since(m sampler.Metric) bool {
	return slices.Contains([]sampler.Metric{sampler.GoHeapLive, sampler.GoGCPercent, sampler.GoMemLimit, "/gc/scan/heap:bytes",
		"/gc/scan/stack:bytes", "/gc/scan/globals:bytes", "/gc/scan/total:bytes"}, m)
}

func slack(m sampler.Metric) float64 {
	switch {
	case strings.HasPrefix(string(m), "/gc/heap/allocs"), m == sampler.GoHeapCount, m == sampler.GoClassObjects, m == sampler.GoClassUnused,
		m == sampler.GoHeapGoal:
		return 16 << 10
	}
	return 0
}

func diffMemStats(ours, own *runtime.MemStats) string {
	var b strings.Builder
	loose := map[string]uint64{"Alloc": 4096, "TotalAlloc": 4096, "HeapAlloc": 4096, "Mallocs": 20, "Frees": 20, "HeapObjects": 20, "NextGC": 16 << 10}
	o, w := reflect.ValueOf(*ours), reflect.ValueOf(*own)
	for i := range o.NumField() {
		name := o.Type().Field(i).Name
		a, x := o.Field(i), w.Field(i)
		switch {
		case name == "BySize":
		case a.CanUint():
			if max(a.Uint(), x.Uint())-min(a.Uint(), x.Uint()) > loose[name] {
				fmt.Fprintf(&b, "  MemStats.%-14s ours %d, the target's %d\n", name, a.Uint(), x.Uint())
			}
		case !reflect.DeepEqual(a.Interface(), x.Interface()):
			fmt.Fprintf(&b, "  MemStats.%-14s ours %v, the target's %v\n", name, a, x)
		}
	}
	for i := range ours.BySize {
		a, x := ours.BySize[i], own.BySize[i]
		if a.Size != x.Size || max(a.Mallocs, x.Mallocs)-min(a.Mallocs, x.Mallocs) > 20 || a.Frees != x.Frees {
			fmt.Fprintf(&b, "  MemStats.BySize[%d] ours %v, the target's %v\n", i, a, x)
		}
	}
	return b.String()
}

func TestReadDoesNotAllocate(t *testing.T) {
	c := startTarget(t, stripped())
	s := c.open(Options{})
	var snap sampler.Snapshot
	read := func() {
		if err := s.Read(context.Background(), &snap); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("a reading allocates %v times, want 0", n)
	}
}
