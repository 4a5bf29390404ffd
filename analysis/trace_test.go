package analysis_test

import (
	"bytes"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// tracePoint reads this test as a source would: the runtime's counters, its last collections, its heap profile.
func tracePoint(t *testing.T) analysis.TracePoint {
	t.Helper()
	read := []metrics.Sample{
		{Name: string(sampler.GoHeapAllocs)}, {Name: string(sampler.GoHeapAllocCount)}, {Name: string(sampler.GoHeapFrees)},
		{Name: string(sampler.GoCyclesTotal)}, {Name: string(sampler.GoHeapLive)},
	}
	var b bytes.Buffer
	at := time.Now()
	if err := pprof.Lookup("heap").WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	heap, err := profile.ParseHeap(sampler.Profile{Time: at, Data: b.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	var ends debug.GCStats
	debug.ReadGCStats(&ends)
	p := analysis.TracePoint{Heap: &heap, Snapshot: &sampler.Snapshot{Time: time.Now()}}
	metrics.Read(read)
	for _, s := range read {
		p.Snapshot.Add(sampler.Metric(s.Name), float64(s.Value.Uint64()))
	}
	for i := min(len(ends.PauseEnd), 20) - 1; i >= 0; i-- {
		p.Cycles = append(p.Cycles, sampler.GCCycle{End: ends.PauseEnd[i]})
	}
	return p
}

// churn allocates n times and keeps nothing.
//
//go:noinline
func churn(n, size int) {
	for range n {
		runtime.KeepAlive(make([]byte, size))
	}
}

//go:noinline
func keep(n, size int) (all [][]byte) {
	for range n {
		all = append(all, make([]byte, size))
	}
	return all
}

func siteOf(t *testing.T, tr *analysis.Trace, function string) analysis.TraceSite {
	t.Helper()
	var sum analysis.TraceSite
	for _, s := range tr.Sites {
		if strings.HasSuffix(s.Frame.Function, "."+function) {
			sum.Bytes += s.Bytes
			sum.Objects += s.Objects
			sum.Uncertainty += s.Uncertainty
			sum.InUseBytes += s.InUseBytes
			sum.Lifetime = s.Lifetime
			sum.Frame = s.Frame
		}
	}
	if sum.Bytes == 0 {
		t.Fatalf("%s did not allocate: %+v, %v", function, tr.Sites, tr.Notes)
	}
	return sum
}

// TestTraceOfThisProgram traces allocations whose size and number are known.
func TestTraceOfThisProgram(t *testing.T) {
	runtime.GC()
	runtime.GC()
	from := tracePoint(t)
	if asOf, ok := from.AsOf(); !ok || asOf.After(from.Heap.Time) {
		t.Fatalf("the profile of %v is as of %v %v", from.Heap.Time, asOf, ok)
	}
	const short, shortSize, long, longSize = 40_000, 4096, 40, 2 << 20
	churn(short, shortSize)
	kept := keep(long, longSize)
	runtime.GC()
	runtime.GC()
	to := tracePoint(t)
	runtime.KeepAlive(kept)
	tr := analysis.TraceBetween(from, to)

	counted := to.Snapshot.Reading(sampler.GoHeapAllocs).Value - from.Snapshot.Reading(sampler.GoHeapAllocs).Value
	if !tr.Bytes.OK || tr.Bytes.Value != counted || counted < short*shortSize+long*longSize {
		t.Errorf("allocated %v, the runtime counted %v", tr.Bytes, counted)
	}
	if tr.Collections.Value < 2 || tr.Unchanged || !tr.SitesTo.After(tr.SitesFrom) {
		t.Errorf("%v collections, unchanged %v, sites of %v to %v", tr.Collections, tr.Unchanged, tr.SitesFrom, tr.SitesTo)
	}
	a := siteOf(t, &tr, "churn")
	if d := math.Abs(a.Bytes - short*shortSize); d > 2*a.Uncertainty || a.Uncertainty > short*shortSize/5 {
		t.Errorf("churn allocated %.0f ± %.0f, want %d", a.Bytes, a.Uncertainty, short*shortSize)
	}
	if a.Lifetime.Bound != analysis.LifetimeBelow {
		t.Errorf("what churn allocates lives %v, want below a time", a.Lifetime)
	}
	b := siteOf(t, &tr, "keep")
	if d := math.Abs(b.Bytes - long*longSize); d > 2*b.Uncertainty+longSize {
		t.Errorf("keep allocated %.0f ± %.0f, want %d", b.Bytes, b.Uncertainty, long*longSize)
	}
	if b.Lifetime.Bound != analysis.LifetimeAbove {
		t.Errorf("what keep allocates lives %v, want above a time", b.Lifetime)
	}
	large := 0.0
	for _, l := range tr.Large {
		if l.Size == longSize && strings.HasSuffix(l.Frame.Function, ".keep") {
			large += l.Count
		}
	}
	if large < long*3/4 || large > long*5/4 {
		t.Errorf("%v large objects were seen, want about %d: %+v", large, long, tr.Large)
	}
}

// TestTracerResolution: between collections nothing new is published, and what was allocated then is told once, later.
func TestTracerResolution(t *testing.T) {
	var r analysis.Tracer
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	runtime.GC()
	if _, ok := r.Next(tracePoint(t)); ok {
		t.Fatal("a trace of one point")
	}
	churn(20_000, 1024)
	tr, ok := r.Next(tracePoint(t))
	if !ok || !tr.Unchanged || len(tr.Sites) != 0 || !strings.Contains(strings.Join(tr.Notes, "\n"), "below the resolution") {
		t.Errorf("without a collection: %v %+v", ok, tr)
	}
	if tr.Bytes.Value < 20_000*1024 {
		t.Errorf("the runtime's own count has %v", tr.Bytes)
	}
	churn(20_000, 1024)
	runtime.GC()
	runtime.GC()
	tr, _ = r.Next(tracePoint(t))
	if s := siteOf(t, &tr, "churn"); math.Abs(s.Bytes-40_000*1024) > 2*s.Uncertainty {
		t.Errorf("churn allocated %.0f ± %.0f in both intervals, want %d", s.Bytes, s.Uncertainty, 40_000*1024)
	}
	if tr, _ = r.Next(tracePoint(t)); !tr.Unchanged {
		t.Errorf("told twice: %+v", tr.Sites)
	}
}

func TestTraceOfLittle(t *testing.T) {
	at := func(sec int64, metrics map[sampler.Metric]float64) analysis.TracePoint {
		s := snapshot(metrics)
		s.Time = time.Unix(sec, 0)
		return analysis.TracePoint{Snapshot: s}
	}
	native := analysis.TraceBetween(at(1, nil), at(2, nil))
	if native.Bytes.OK || len(native.Notes) == 0 || native.Lifetime.Bound != analysis.LifetimeUnknown {
		t.Errorf("a program that is not Go: %+v", native)
	}
	anew := analysis.TraceBetween(at(1, map[sampler.Metric]float64{sampler.GoHeapAllocs: 100}), at(2, map[sampler.Metric]float64{sampler.GoHeapAllocs: 10}))
	if anew.Bytes.OK {
		t.Errorf("a counter that fell: %+v", anew)
	}
	steady := map[sampler.Metric]float64{sampler.GoHeapAllocs: 0, sampler.GoHeapLive: 60}
	later := map[sampler.Metric]float64{sampler.GoHeapAllocs: 100, sampler.GoHeapLive: 60}
	tr := analysis.TraceBetween(at(0, steady), at(10, later))
	if want := (analysis.Lifetime{Seconds: 6, Bound: analysis.LifetimeAbout}); tr.Lifetime != want { // 60 in use, 10 a second
		t.Errorf("lifetime %+v, want %+v", tr.Lifetime, want)
	}
	if got := tr.Lifetime.String(); got != "about 6.0s" {
		t.Errorf("in words: %q", got)
	}
	if empty := analysis.TraceBetween(analysis.TracePoint{}, analysis.TracePoint{}); empty.Bytes.OK || empty.Lifetime.String() != "unknown" {
		t.Errorf("of nothing: %+v", empty)
	}
}
