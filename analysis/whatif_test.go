package analysis_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

const mib = 1 << 20

// shop is a program with 50 MiB live heap that allocates 10 MiB/s, and collects for 20 ms of CPU each time.
func shop() analysis.WhatIfInput {
	return analysis.WhatIfInput{
		LiveHeap: sampler.Known(50 * mib), LivePeak: sampler.Known(50 * mib), Stacks: sampler.Known(4 * mib), Globals: sampler.Known(1 * mib),
		AllocRate: sampler.Known(10 * mib), GCCPU: sampler.Known(0.02), CPUUsed: sampler.Known(0.1), Procs: sampler.Known(2),
		Cycles: sampler.Known(10), Forced: sampler.Known(0), GOGC: sampler.Known(100), MemoryLimit: sampler.Known(0), NonHeap: sampler.Known(10 * mib),
	}
}

// The heap goal is that of Go's GC guide and of runtime/mgcpacer.go.
func TestPeakIsTheHeapGoal(t *testing.T) {
	in := shop()
	small := in
	small.LiveHeap, small.LivePeak, small.Stacks, small.Globals = sampler.Known(1*mib), sampler.Known(1*mib), sampler.Known(0), sampler.Known(0)
	for _, c := range []struct {
		name  string
		in    analysis.WhatIfInput
		gogc  int
		limit float64
		want  float64
	}{
		{"live and all that is scanned", in, 100, 0, 50 + 55},
		{"half of it", in, 50, 0, 50 + 27.5},
		{"four times", in, 400, 0, 50 + 220},
		{"the least heap", small, 100, 0, 4},
		{"the least heap goes with GOGC", small, 400, 0, 16},
		{"a limit: less what is no heap, less 3 %", in, 100, 100 * mib, 90 * 0.97},
		{"a limit that is far", in, 100, 1000 * mib, 105},
		{"GOGC off under a limit", in, analysis.GOGCOff, 210 * mib, 200 * 0.97},
		{"a small limit keeps 1 MiB free", small, analysis.GOGCOff, 20 * mib, 9},
	} {
		w := c.in.At(c.gogc, c.limit)
		if !w.PeakHeap.OK || math.Abs(w.PeakHeap.Value/mib-c.want) > 0.01 {
			t.Errorf("%s: peak %v, want %g MiB", c.name, w.PeakHeap, c.want)
		}
	}
}

// A program that allocates slowly while marking ends it before the goal: marking begins at 95 % of the way, or 4 MiB before.
func TestSlowAllocationPeaksBelowTheGoal(t *testing.T) {
	in := shop()
	in.Watched = []analysis.WhatIfCycle{{Live: 50 * mib, Runway: 1 * mib, Marking: 1 * mib}}
	if w := in.At(100, 0); math.Abs(w.PeakHeap.Value/mib-103.25) > 0.01 { // 95 % of the way from 50 to 105, and 1 MiB
		t.Errorf("peak %.2f MiB, want 103.25", w.PeakHeap.Value/mib)
	}
	if w := in.At(400, 0); math.Abs(w.PeakHeap.Value/mib-267) > 0.01 { // 4 MiB before 270, and 1 MiB
		t.Errorf("peak %.2f MiB, want 267", w.PeakHeap.Value/mib)
	}
	in.Watched[0].Runway = 8 * mib // it has time to spare: idle processors mark too
	if w := in.At(100, 0); w.PeakHeap.Value != 98*mib {
		t.Errorf("peak %.2f MiB, want 98", w.PeakHeap.Value/mib)
	}
	in.Watched[0].Runway, in.Watched[0].Marking = 30*mib, 30*mib
	if w := in.At(100, 0); w.PeakHeap.Value != 105*mib {
		t.Errorf("peak %.2f MiB, want the goal", w.PeakHeap.Value/mib)
	}
	in.Watched[0].Beyond = 2 * mib
	if w := in.At(100, 0); w.PeakHeap.Value != 107*mib {
		t.Errorf("peak %.2f MiB, want 2 more than the goal", w.PeakHeap.Value/mib)
	}
}

func TestGCCPUGoesWithTheCollections(t *testing.T) {
	in := shop()
	now := in.At(100, 0)
	perSecond := 10.0 / 55 * 0.02 // collections a second, times what each takes
	if want := 100 * perSecond / 0.1; math.Abs(now.GCPercent.Value-want) > 0.001 {
		t.Errorf("now %.3f %%, want %.3f %%", now.GCPercent.Value, want)
	}
	// Half the room, twice the collections; what the program does besides stays as it is.
	others := 0.1 - perSecond
	if half, want := in.At(50, 0), 100*2*perSecond/(others+2*perSecond); math.Abs(half.GCPercent.Value-want) > 0.001 {
		t.Errorf("GOGC=50: %.3f %%, want %.3f %%", half.GCPercent.Value, want)
	}
}

// Collections that come more often than the model says do so with other settings too.
func TestPredictionIsCalibrated(t *testing.T) {
	in := shop()
	often := in
	often.PerCycle = sampler.Known(44 * mib) // the model says 55
	if a, b := in.At(200, 0).GCPercent.Value, often.At(200, 0).GCPercent.Value; b <= a {
		t.Errorf("more collections than the model: %.3f %% is not more than %.3f %%", b, a)
	}
}

func TestDeathSpiralIsNamed(t *testing.T) {
	in := shop()
	for _, limit := range []float64{40 * mib, 59 * mib, 60 * mib} { // 50 live, 10 besides
		w := in.At(100, limit)
		if !w.Spiral || w.PeakHeap.OK || w.GCPercent.OK || !strings.Contains(w.Note, "death spiral") {
			t.Errorf("limit %.0f MiB: %+v", limit/mib, w)
		}
	}
	// It fits, but collecting would need more than half of both processors: 10 MiB/s by 0.02 MiB, 20 ms each.
	tight := in
	tight.GCCPU = sampler.Known(2)
	if w := tight.At(100, 75*mib); !w.Spiral {
		t.Errorf("too much work: %+v", w)
	}
	// It fits, but one collection follows the other: what is allocated while marking fills the room.
	busy := in
	busy.MarkAlloc = sampler.Known(14 * mib)
	if w := busy.At(100, 75*mib); !w.Spiral {
		t.Errorf("no room: %+v", w)
	}
	if w := in.At(100, 90*mib); w.Spiral || !w.GCPercent.OK {
		t.Errorf("there is room: %+v", w)
	}
}

// What is not known makes unknown what follows from it, and nothing else.
func TestUnknownInputMakesUnknownOutput(t *testing.T) {
	for name, c := range map[string]struct {
		lose      func(*analysis.WhatIfInput)
		peak, cpu bool
	}{
		"live heap":       {func(in *analysis.WhatIfInput) { in.LiveHeap = sampler.Reading{} }, false, false},
		"allocation rate": {func(in *analysis.WhatIfInput) { in.AllocRate = sampler.Reading{} }, true, false},
		"GC CPU":          {func(in *analysis.WhatIfInput) { in.GCCPU = sampler.Reading{} }, true, false},
		"CPU used":        {func(in *analysis.WhatIfInput) { in.CPUUsed = sampler.Reading{} }, true, false},
		"what is no heap": {func(in *analysis.WhatIfInput) { in.NonHeap = sampler.Reading{} }, true, true},
	} {
		in := shop()
		c.lose(&in)
		if w := in.At(200, 0); w.PeakHeap.OK != c.peak || w.GCPercent.OK != c.cpu {
			t.Errorf("without the %s: %+v", name, w)
		}
	}
	in := shop()
	in.NonHeap = sampler.Reading{}
	if w := in.At(100, 100*mib); w.PeakHeap.OK || w.Spiral {
		t.Errorf("a limit without what counts against it: %+v", w)
	}
	for _, lose := range []func(*analysis.WhatIfInput){
		func(in *analysis.WhatIfInput) { in.LiveHeap = sampler.Reading{} },
		func(in *analysis.WhatIfInput) { in.GOGC = sampler.Reading{} },
		func(in *analysis.WhatIfInput) { in.MemoryLimit = sampler.Reading{} },
	} {
		in := shop()
		lose(&in)
		if rows := analysis.WhatIfCurve(in); len(rows) != 0 {
			t.Errorf("a curve from nothing: %+v", rows)
		}
	}
}

func TestCurveMarksThePresentSetting(t *testing.T) {
	for _, gogc := range []float64{100, 30, 1000, analysis.GOGCOff} {
		in := shop()
		in.GOGC = sampler.Known(gogc)
		if gogc == analysis.GOGCOff {
			in.MemoryLimit = sampler.Known(200 * mib)
		}
		now, last := 0, 0.0
		for _, w := range analysis.WhatIfCurve(in) {
			if w.Current {
				now++
				if float64(w.GOGC) != gogc || w.MemoryLimit != in.MemoryLimit.Value {
					t.Errorf("GOGC=%g: the present setting is %s", gogc, w.GOGCText())
				}
			}
			if w.GOGC > 0 && w.MemoryLimit == 0 {
				if w.PeakHeap.Value <= last {
					t.Errorf("GOGC=%g: the curve falls at %s", gogc, w.GOGCText())
				}
				last = w.PeakHeap.Value
			}
		}
		if now != 1 {
			t.Errorf("GOGC=%g: %d rows are the present setting", gogc, now)
		}
	}
}

// More room is never a lower peak, however much the live heap changes from one collection to the next.
func TestCurveNeverFalls(t *testing.T) {
	in := shop()
	for i := range 7 {
		in.Watched = append(in.Watched, analysis.WhatIfCycle{Live: float64(20+13*i%31) * mib, Runway: float64(3*i) * mib, Marking: float64(i) * mib})
	}
	last := 0.0
	for g := 10; g < 1000; g += 10 {
		w := in.At(g, 0)
		if w.PeakHeap.Value < last {
			t.Fatalf("GOGC=%d: %.0f is less than %.0f", g, w.PeakHeap.Value, last)
		}
		last = w.PeakHeap.Value
	}
}

func TestOffWithoutALimitNeverCollects(t *testing.T) {
	in := shop()
	w := in.At(analysis.GOGCOff, 0)
	if w.PeakHeap.OK || w.GCPercent != sampler.Known(0) || !strings.Contains(w.Note, "10.5 MB/s") {
		t.Errorf("%+v", w)
	}
}

// reading makes a snapshot with what a prediction needs.
func reading(at time.Time, cycles, allocs, gcCPU, used float64, more map[sampler.Metric]float64) *sampler.Snapshot {
	s := &sampler.Snapshot{Time: at}
	seconds := at.Sub(time.Unix(1000, 0)).Seconds()
	for m, v := range map[sampler.Metric]float64{
		sampler.GoHeapLive: 50 * mib, sampler.GoHeapAllocs: allocs, sampler.GoCyclesTotal: cycles, sampler.GoCyclesForced: 0,
		sampler.GoGCPercent: 100, sampler.GoMemLimit: math.MaxInt64, sampler.GoMaxProcs: 2,
		sampler.GoCPUTotal: 2 * seconds, sampler.GoCPUIdle: 2*seconds - used - 1, sampler.GoCPUGCIdle: 1,
		sampler.GoCPUGCAssist: gcCPU / 4, sampler.GoCPUGCDedicated: gcCPU / 2, sampler.GoCPUGCPause: gcCPU / 4,
		sampler.GoClassTotal: 140 * mib, sampler.GoClassReleased: 5 * mib, sampler.GoClassFree: 15 * mib, sampler.GoClassObjects: 100 * mib,
		sampler.GoClassStacks: 4 * mib, "/gc/scan/stack:bytes": 2 * mib, "/gc/scan/globals:bytes": 1 * mib,
	} {
		s.Add(m, v)
	}
	for m, v := range more {
		s.Set(m, v)
	}
	return s
}

func TestInputOfTwoReadings(t *testing.T) {
	begin := time.Unix(1000, 0)
	from := reading(begin.Add(10*time.Second), 5, 1000*mib, 1, 10, nil)
	to := reading(begin.Add(30*time.Second), 15, 1200*mib, 1.2, 12, map[sampler.Metric]float64{sampler.GoClassObjects: 110 * mib})
	to.Cycles = []sampler.GCCycle{
		{Live: sampler.Known(40 * mib), Before: sampler.Known(70 * mib), After: sampler.Known(72 * mib)}, {Live: sampler.Known(60 * mib)},
	}
	in := analysis.WhatIfInputOf(from, to)
	for name, c := range map[string]struct {
		got  sampler.Reading
		want float64
	}{
		"live":    {in.LiveHeap, 50 * mib},
		"most":    {in.LivePeak, 60 * mib},
		"marking": {in.MarkAlloc, 2 * mib},
		"rate":    {in.AllocRate, 10 * mib},
		"cycle":   {in.PerCycle, 20 * mib},
		"cost":    {in.GCCPU, 0.02},
		"used":    {in.CPUUsed, 0.1},
		"gogc":    {in.GOGC, 100},
		"limit":   {in.MemoryLimit, 0},
		"besides": {in.NonHeap, 10 * mib}, // of two readings the least
		"stacks":  {in.Stacks, 2 * mib},
	} {
		if !c.got.OK || math.Abs(c.got.Value-c.want) > 1e-9*math.Max(1, c.want) {
			t.Errorf("%s: %v, want %g", name, c.got, c.want)
		}
	}
}

func TestInputTakesTheCollectionsBetween(t *testing.T) {
	begin := time.Unix(1000, 0)
	from, to := reading(begin.Add(10*time.Second), 5, 1000*mib, 1, 10, nil), reading(begin.Add(30*time.Second), 15, 1200*mib, 1.2, 12, nil)
	cycle := func(second int, before, after float64) sampler.GCCycle {
		return sampler.GCCycle{End: begin.Add(time.Duration(second) * time.Second), Live: sampler.Known(50 * mib), Goal: sampler.Known(102 * mib),
			Before: sampler.Known(before * mib), After: sampler.Known(after * mib)}
	}
	in := analysis.WhatIfInputOf(from, to, cycle(5, 90, 99), cycle(15, 96, 100), cycle(25, 98, 101))
	if len(in.Watched) != 2 || in.Watched[0] != (analysis.WhatIfCycle{Live: 50 * mib, Runway: 6 * mib, Marking: 4 * mib}) {
		t.Errorf("%+v", in.Watched)
	}
	// The goal is 103: they would begin at 97 and 99, and come to 101 and 102.
	if w := in.At(100, 0); w.PeakHeap.Value != 102*mib {
		t.Errorf("peak %.2f MiB, want 102", w.PeakHeap.Value/mib)
	}
}

// A process that took the place of another, one reading, and none: no rates.
func TestInputWithoutRates(t *testing.T) {
	at := time.Unix(1010, 0)
	a, b := reading(at, 5, 1000*mib, 1, 10, nil), reading(at.Add(time.Second), 2, 100*mib, 0.5, 5, nil)
	for name, in := range map[string]analysis.WhatIfInput{
		"another process": analysis.WhatIfInputOf(a, b), "one reading": analysis.WhatIfInputOf(a, nil), "the same": analysis.WhatIfInputOf(a, a),
	} {
		if in.GCCPU.OK || in.AllocRate.OK && in.AllocRate.Value < 0 || in.PerCycle.OK {
			t.Errorf("%s: %+v", name, in)
		}
		if !in.LiveHeap.OK {
			t.Errorf("%s: the live heap is known", name)
		}
	}
	if in := analysis.WhatIfInputOf(nil, nil); in.LiveHeap.OK || in.GOGC.OK || in.NonHeap.OK || len(analysis.WhatIfCurve(in)) != 0 {
		t.Errorf("from nothing: %+v", in)
	}
}

// Off is 2^64-1 in runtime/metrics.
func TestGOGCOffIsRecognised(t *testing.T) {
	s := reading(time.Unix(1010, 0), 1, 1, 1, 1, map[sampler.Metric]float64{sampler.GoGCPercent: math.MaxUint64, sampler.GoMemLimit: 512 * mib})
	in := analysis.WhatIfInputOf(s, nil)
	if in.GOGC != sampler.Known(analysis.GOGCOff) || in.MemoryLimit != sampler.Known(512*mib) {
		t.Errorf("GOGC %v, limit %v", in.GOGC, in.MemoryLimit)
	}
}

// Whatever a source tells, what comes out is a number or unknown.
func TestCurveOfStrangeInput(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	number := func() float64 {
		values := []float64{0, 1, -1, 1e-300, 1e300, math.MaxUint64, 50 * mib, random.Float64() * 1e9}
		return values[random.IntN(len(values))]
	}
	some := func() sampler.Reading { return sampler.Reading{Value: number(), OK: random.IntN(5) > 0} }
	for range 20000 {
		in := analysis.WhatIfInput{
			LiveHeap: some(), LivePeak: some(), Stacks: some(), Globals: some(), MarkAlloc: some(), AllocRate: some(), PerCycle: some(),
			GCCPU: some(), CPUUsed: some(), Procs: some(), GOGC: sampler.Known(float64(random.IntN(1000) - 1)), MemoryLimit: some(), NonHeap: some(),
		}
		for range random.IntN(4) {
			in.Watched = append(in.Watched, analysis.WhatIfCycle{Live: number(), Runway: number(), Marking: number(), Beyond: number()})
		}
		for _, w := range analysis.WhatIfCurve(in) {
			for _, r := range []sampler.Reading{w.PeakHeap, w.GCPercent, sampler.Known(w.MemoryLimit)} {
				if r.OK && (math.IsNaN(r.Value) || math.IsInf(r.Value, 0)) || !r.OK && r.Value != 0 {
					t.Fatalf("%+v of %+v", w, in)
				}
			}
		}
	}
}

func BenchmarkWhatIfCurve(b *testing.B) {
	in := shop()
	b.ReportAllocs()
	for b.Loop() {
		analysis.WhatIfCurve(in)
	}
}
