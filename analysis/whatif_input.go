package analysis

import (
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// What the collector scans besides the heap, as runtime/metrics names it.
const (
	scanStack   sampler.Metric = "/gc/scan/stack:bytes"
	scanGlobals sampler.Metric = "/gc/scan/globals:bytes"
)

// WhatIfInput is what a prediction rests on. What is unknown makes unknown what follows from it.
type WhatIfInput struct {
	LiveHeap    sampler.Reading // marked by a collection, bytes: the median
	LivePeak    sampler.Reading // and the most
	Stacks      sampler.Reading // of goroutines, as far as they are scanned, bytes
	Globals     sampler.Reading // variables with pointers, bytes
	MarkAlloc   sampler.Reading // allocated while a collection marks, bytes: the median
	AllocRate   sampler.Reading // bytes a second
	PerCycle    sampler.Reading // allocated per collection, bytes
	GCCPU       sampler.Reading // per collection: assists, dedicated marking, pauses; cpu-seconds
	CPUUsed     sampler.Reading // by the program, marking on idle processors left out; cpu-seconds a second
	Procs       sampler.Reading // GOMAXPROCS
	Cycles      sampler.Reading // collections that were watched, forced ones included
	Forced      sampler.Reading // and how many of them were
	GOGC        sampler.Reading // percent; GOGCOff
	MemoryLimit sampler.Reading // bytes; 0 where there is none
	NonHeap     sampler.Reading // what counts against the limit and is no heap object, at the heap's peak; bytes
	Watched     []WhatIfCycle   // the collections whose course is known
}

// plausible returns the input without what no program has: a file may come from a stranger.
func (in WhatIfInput) plausible() WhatIfInput {
	ok := func(v float64) bool { return v >= 0 && v < 1<<60 }
	for _, r := range []*sampler.Reading{
		&in.LiveHeap, &in.LivePeak, &in.Stacks, &in.Globals, &in.MarkAlloc, &in.AllocRate, &in.PerCycle, &in.GCCPU, &in.CPUUsed, &in.Procs,
		&in.Cycles, &in.Forced, &in.MemoryLimit, &in.NonHeap,
	} {
		if !ok(r.Value) || !r.OK {
			*r = sampler.Reading{}
		}
	}
	in.Watched = slices.DeleteFunc(slices.Clone(in.Watched), func(c WhatIfCycle) bool {
		return c.Live <= 0 || !ok(c.Live) || !ok(c.Runway) || !ok(c.Marking) || !ok(c.Beyond)
	})
	return in
}

// WhatIfCycle is the course of one collection, in bytes.
type WhatIfCycle struct {
	Live    float64 // found alive
	Runway  float64 // how long before its goal it began
	Marking float64 // allocated while it marked
	Beyond  float64 // how far the heap went beyond the goal
}

// WhatIfInputOf takes the input from two readings of one process and the collections that ended between them, oldest
// first; those before are left out, and without any, those that ended with the second reading count. A WhatIfRecord
// takes every reading and knows a little more.
func WhatIfInputOf(from, to *sampler.Snapshot, cycles ...sampler.GCCycle) WhatIfInput {
	var r WhatIfRecord
	r.Add(from)
	r.Add(to)
	if len(cycles) > 0 && from != nil {
		r.cycles = slices.DeleteFunc(slices.Clone(cycles), func(c sampler.GCCycle) bool { return !c.End.After(from.Time) })
	}
	return r.Input()
}

// WhatIfRecord collects the input of a prediction from readings of one process, in ascending order of time. The zero
// value is ready; one goroutine uses it.
type WhatIfRecord struct {
	first, last *sampler.Snapshot
	cycles      []sampler.GCCycle
	lives       []float64
	peak        float64 // of all lives ever
	nonHeap     sampler.Reading
	free        sampler.Reading
}

// mostRecorded bounds how many collections and live heaps a record keeps; of more, the oldest go.
const mostRecorded = 4096

// Add takes a reading; nil is none. Collections that ended before the first reading are left out.
func (r *WhatIfRecord) Add(s *sampler.Snapshot) {
	if s == nil {
		return
	}
	if r.first == nil {
		r.first = s.Clone()
	} else {
		r.cycles = append(r.cycles, s.Cycles...)
		if extra := len(r.cycles) - mostRecorded; extra > 0 {
			r.cycles = slices.Delete(r.cycles, 0, extra)
		}
	}
	r.last = s.Clone()
	if live, ok := s.Get(sampler.GoHeapLive); ok && live > 0 && (len(r.lives) == 0 || r.lives[len(r.lives)-1] != live) {
		r.lives, r.peak = append(r.lives, live), max(r.peak, live)
		if len(r.lives) > mostRecorded {
			r.lives = slices.Delete(r.lives, 0, 1)
		}
	}
	if rest := nonHeap(s); rest.OK && (!r.nonHeap.OK || rest.Value < r.nonHeap.Value) {
		r.nonHeap = rest
	}
	if free := s.Reading(sampler.GoClassFree); free.OK && (!r.free.OK || free.Value < r.free.Value) {
		r.free = free
	}
}

// First is the first reading; nil before there is one.
func (r *WhatIfRecord) First() *sampler.Snapshot { return r.first }

// Last is the last reading; nil before there is one.
func (r *WhatIfRecord) Last() *sampler.Snapshot { return r.last }

// LeastFree is the least that any reading told of free memory of the heap that is not returned to the system, in bytes.
func (r *WhatIfRecord) LeastFree() sampler.Reading { return r.free }

// nonHeap is what counts against GOMEMLIMIT besides heap objects. Unused parts of spans are in it, which are fewest when
// the heap is at its peak: so the least of several readings counts.
func nonHeap(s *sampler.Snapshot) sampler.Reading {
	total, ok := s.Get(sampler.GoClassTotal)
	if !ok {
		return sampler.Reading{}
	}
	for _, m := range []sampler.Metric{sampler.GoClassReleased, sampler.GoClassFree, sampler.GoClassObjects} {
		v, ok := s.Get(m)
		if !ok {
			return sampler.Reading{}
		}
		total -= v
	}
	return sampler.Known(max(total, 0))
}

// Span is the time between the first and the last reading.
func (r *WhatIfRecord) Span() time.Duration {
	if r.first == nil {
		return 0
	}
	return r.last.Time.Sub(r.first.Time)
}

// Input returns what the readings tell.
func (r *WhatIfRecord) Input() WhatIfInput {
	if r.first == nil {
		return WhatIfInput{}
	}
	s := r.last
	in := WhatIfInput{Stacks: s.Reading(scanStack), Globals: s.Reading(scanGlobals), Procs: s.Reading(sampler.GoMaxProcs), NonHeap: r.nonHeap}
	if !in.Stacks.OK {
		in.Stacks = s.Reading(sampler.GoClassStacks)
	}
	if percent, ok := s.Get(sampler.GoGCPercent); ok {
		in.GOGC = sampler.Known(percent)
		if percent > 1<<31 || percent < 0 {
			in.GOGC = sampler.Known(GOGCOff)
		}
	}
	if limit := s.Reading(sampler.GoMemLimit); bounded(limit) {
		in.MemoryLimit = limit
	} else if limit.OK {
		in.MemoryLimit = sampler.Known(0)
	}
	r.live(&in)
	r.rates(&in)
	return in.plausible()
}

// live fills in what the collections found alive, and the course of each.
func (r *WhatIfRecord) live(in *WhatIfInput) {
	lives := slices.Clone(r.lives)
	var during []float64
	for _, c := range r.cycles {
		if c.Live.OK && c.Live.Value > 0 {
			lives = append(lives, c.Live.Value)
		}
		if c.Before.OK && c.After.OK && c.After.Value >= c.Before.Value {
			during = append(during, c.After.Value-c.Before.Value)
		}
	}
	if len(lives) > 0 {
		in.LiveHeap, in.LivePeak = sampler.Known(stats.Median(lives)), sampler.Known(max(r.peak, slices.Max(lives)))
	}
	if len(during) > 0 {
		in.MarkAlloc = sampler.Known(stats.Median(during))
	}
	in.Watched = r.courses(in)
}

// pacerMemory is how many collections the pacer's estimate of the runway looks back: it is the largest of them.
const pacerMemory = 5

// courses returns the course of each automatic collection that is known in full.
func (r *WhatIfRecord) courses(in *WhatIfInput) []WhatIfCycle {
	var out []WhatIfCycle
	times := r.runwayTimes()
	for i := range r.cycles {
		c := &r.cycles[i]
		known := c.Live.OK && c.Goal.OK && c.Before.OK && c.After.OK
		if !known || c.Kind == "forced" || c.Live.Value <= 0 || c.After.Value < c.Before.Value {
			continue
		}
		w := WhatIfCycle{
			Live: c.Live.Value, Runway: max(c.Goal.Value-c.Before.Value, 0), Marking: c.After.Value - c.Before.Value,
			Beyond: max(c.After.Value-c.Goal.Value, 0),
		}
		if times > 0 {
			w.Runway = r.unbound(w.Runway, times, i, in)
		}
		out = append(out, w)
	}
	return out
}

// unbound returns the runway as the pacer wanted it, where a bound kept it shorter: see gcControllerState.endCycle.
func (r *WhatIfRecord) unbound(runway, times float64, i int, in *WhatIfInput) float64 {
	c, share := &r.cycles[i], in.GOGC.Value/100
	if !in.GOGC.OK || share < 0 {
		return runway
	}
	live := (c.Goal.Value - share*(in.Stacks.Value+in.Globals.Value)) / (1 + share)
	if way := c.Goal.Value - live; way <= 0 || runway < (1-earliestTrigger)*0.95*way {
		return runway
	}
	most := 0.0
	for _, before := range r.cycles[max(0, i-pacerMemory):i] {
		if before.Before.OK && before.After.OK {
			most = max(most, before.After.Value-before.Before.Value)
		}
	}
	return max(runway, times*most)
}

// runwayTimes is by how much the runway is longer than what is allocated while marking: the pacer reckons with a quarter of
// the processors to mark, and idle ones have helped. 0 where the processor times are not known.
func (r *WhatIfRecord) runwayTimes() float64 {
	d := delta{r.first, r.last, true}
	idle, dedicated := d.of(sampler.GoCPUGCIdle), d.of(sampler.GoCPUGCDedicated)
	if !d.ok || dedicated <= 0 {
		return 0
	}
	return min(1+idle/dedicated, 4)
}

// rates fills in what was counted between the first reading and the last. The runtime brings its processor times up to
// date when a collection ends, so they are about whole collections, and are divided by the time they cover themselves.
func (r *WhatIfRecord) rates(in *WhatIfInput) {
	seconds := r.last.RuntimeTime().Sub(r.first.RuntimeTime()).Seconds()
	if seconds <= 0 {
		return
	}
	d := delta{r.first, r.last, true}
	if bytes := d.of(sampler.GoHeapAllocs); d.ok {
		in.AllocRate = sampler.Known(bytes / seconds)
	}
	d.ok = true
	cycles := d.of(sampler.GoCyclesTotal)
	if !d.ok {
		return
	}
	in.Cycles = sampler.Known(cycles)
	if forced := d.of(sampler.GoCyclesForced); d.ok {
		in.Forced = sampler.Known(forced)
	}
	d.ok = true
	total, idle, idleMark := d.of(sampler.GoCPUTotal), d.of(sampler.GoCPUIdle), d.of(sampler.GoCPUGCIdle)
	work := d.of(sampler.GoCPUGCAssist) + d.of(sampler.GoCPUGCDedicated) + d.of(sampler.GoCPUGCPause)
	if !d.ok || cycles < 1 || total <= 0 || !in.Procs.OK || in.Procs.Value < 1 {
		return
	}
	covered := total / in.Procs.Value
	in.GCCPU = sampler.Known(work / cycles)
	in.CPUUsed = sampler.Known((total - idle - idleMark) / covered)
	if in.AllocRate.OK && in.Forced.Value == 0 {
		in.PerCycle = sampler.Known(in.AllocRate.Value * covered / cycles)
	}
}
