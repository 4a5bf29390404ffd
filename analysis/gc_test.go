package analysis_test

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

func cpu(at int, total, idle, idleMark, assist, dedicated, pause float64) *sampler.Snapshot {
	s := snapshot(map[sampler.Metric]float64{
		sampler.GoCPUTotal: total, sampler.GoCPUIdle: idle, sampler.GoCPUGCIdle: idleMark,
		sampler.GoCPUGCAssist: assist, sampler.GoCPUGCDedicated: dedicated, sampler.GoCPUGCPause: pause,
		sampler.GoCyclesTotal: float64(at), sampler.GoHeapAllocs: float64(at) * 50 * mb,
	})
	s.Time = time.Unix(int64(at), 0)
	return s
}

func TestGCBetween(t *testing.T) {
	from := cpu(10, 100, 50, 5, 1, 2, 0.5)
	tests := []struct {
		name              string
		to                *sampler.Snapshot
		percent, pressure sampler.Reading
	}{
		// 40 s in all, 18 idle and 2 of idle marking: of 20 s used, 1 + 3.5 + 0.5 went to the collector
		{"a quarter", cpu(20, 140, 68, 7, 2, 5.5, 1), sampler.Known(25), sampler.Known(0.5)},
		{"beyond the limiter", cpu(20, 140, 68, 7, 9, 8, 2.5), sampler.Known(80), sampler.Known(1)},
		{"no collection", cpu(20, 140, 68, 5, 1, 2, 0.5), sampler.Known(0), sampler.Known(0)},
		{"nothing was used", cpu(20, 120, 70, 5, 1, 2, 0.5), sampler.Reading{}, sampler.Reading{}},
		{"started anew", cpu(20, 3, 1, 0, 0, 0, 0), sampler.Reading{}, sampler.Reading{}},
	}
	for _, test := range tests {
		g := analysis.GCBetween(from, test.to)
		if g.CPUPercent != test.percent || g.Pressure != test.pressure {
			t.Errorf("%s: %+v %+v, want %+v %+v", test.name, g.CPUPercent, g.Pressure, test.percent, test.pressure)
		}
		if g.CyclesPerMin != sampler.Known(60) || g.AllocRate != sampler.Known(50*mb) || g.Interval != 10*time.Second {
			t.Errorf("%s: %+v", test.name, g)
		}
	}
	late := cpu(20, 140, 68, 7, 2, 5.5, 1)
	late.Time = late.Time.Add(4 * time.Second)
	late.Runtime = time.Unix(20, 0)
	if g := analysis.GCBetween(from, late); g.AllocRate != sampler.Known(50*mb) || g.Interval != 10*time.Second {
		t.Errorf("of figures told again 4 s later: %+v", g)
	}
	if g := analysis.GCBetween(cpu(20, 140, 68, 7, 2, 5.5, 1), late); g.AllocRate.OK {
		t.Errorf("between a reading and the same told again: %+v", g)
	}
	little := &sampler.Snapshot{Time: time.Unix(20, 0)}
	for name, g := range map[string]analysis.GC{"nothing read": analysis.GCBetween(from, little), "no first": analysis.GCBetween(nil, from), "no time": analysis.GCBetween(from, from)} {
		if g.CPUPercent.OK || g.Pressure.OK || g.CyclesPerMin.OK || g.AllocRate.OK {
			t.Errorf("%s: %+v claims to know", name, g)
		}
	}
}

func TestPausesOf(t *testing.T) {
	h := sampler.Histogram{Buckets: []float64{math.Inf(-1), 0, 1, 2, 4, 8, math.Inf(1)}, Counts: []uint64{0, 0, 90, 9, 0, 1}}
	p, ok := analysis.PausesOf(h, nil, 10)
	want := analysis.Pauses{P50: 2, P99: 4, Max: 8, Count: 100, Bars: []analysis.Bar{{Low: 1, High: 2, Count: 90}, {Low: 2, High: 4, Count: 9}, {Low: 4, High: 8}, {Low: 8, High: 8, Count: 1}}}
	if !ok || p.P50 != want.P50 || p.P99 != want.P99 || p.Max != want.Max || p.Count != want.Count || !slices.Equal(p.Bars, want.Bars) {
		t.Errorf("%+v, want %+v", p, want)
	}
	since := sampler.Histogram{Buckets: h.Buckets, Counts: []uint64{0, 0, 90, 0, 0, 0}}
	if p, ok := analysis.PausesOf(h, &since, 2); !ok || p.Count != 10 || p.P50 != 4 || len(p.Bars) != 2 || p.Bars[0].Count != 9 {
		t.Errorf("since a mark: %+v", p)
	}
	since.Counts[0] = 5
	if p, _ := analysis.PausesOf(h, &since, 2); p.Count != 100 {
		t.Errorf("counters of another process were taken off: %+v", p)
	}
	nan := slices.Clone(h.Buckets)
	nan[2] = math.NaN()
	for name, bad := range map[string]sampler.Histogram{
		"empty": {}, "no events": {Buckets: []float64{0, 1}, Counts: []uint64{0}}, "a boundary missing": {Buckets: []float64{0, 1}, Counts: []uint64{1, 2}},
		"not ascending": {Buckets: []float64{1, 0}, Counts: []uint64{3}}, "no number": {Buckets: nan, Counts: h.Counts},
		"endless": {Buckets: []float64{math.Inf(-1), math.Inf(1)}, Counts: []uint64{1}}, "overflow": {Buckets: []float64{0, 1, 2}, Counts: []uint64{math.MaxUint64, 2}},
	} {
		if p, ok := analysis.PausesOf(bad, nil, 5); ok {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// The runtime's own count of collections is the independent reading: each has two pauses.
func TestPausesOfThisProcess(t *testing.T) {
	read := func() sampler.Histogram {
		list := []metrics.Sample{{Name: string(sampler.GoGCPauses)}}
		metrics.Read(list)
		f := list[0].Value.Float64Histogram()
		return sampler.Histogram{Buckets: slices.Clone(f.Buckets), Counts: slices.Clone(f.Counts)}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC() // ends one that may be under way
	var before, after runtime.MemStats
	first := read()
	runtime.ReadMemStats(&before)
	for range 10 {
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	p, ok := analysis.PausesOf(read(), &first, 12)
	if cycles := uint64(after.NumGC - before.NumGC); !ok || p.Count != 2*cycles {
		t.Errorf("%d pauses in %d collections", p.Count, cycles)
	}
	sum := uint64(0)
	for _, b := range p.Bars {
		sum += b.Count
	}
	if sum != p.Count || len(p.Bars) > 12 || p.P50 > p.P99 || p.P99 > p.Max {
		t.Errorf("%+v", p)
	}
	if total := float64(after.PauseTotalNs-before.PauseTotalNs) / 1e9; p.Max*float64(p.Count) < total {
		t.Errorf("%d pauses of at most %v s cannot make %v s", p.Count, p.Max, total)
	}
}
