package analysis

import (
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// WhatIf is what one setting of the collector would cost a program that goes on as it was watched.
type WhatIf struct {
	GOGC        int             // percent; GOGCOff where it is off
	MemoryLimit float64         // GOMEMLIMIT in bytes; 0 where there is none
	PeakHeap    sampler.Reading // heap objects in use at the end of marking, bytes
	GCPercent   sampler.Reading // GC CPU of the CPU the program would use, 0 to 100, as GC.CPUPercent
	// Spiral says that the heap does not fit the limit: the collector would work all the time, up to the half of the CPU
	// at which the runtime's limiter stops it, and the heap would grow beyond the limit nevertheless.
	Spiral  bool
	Current bool   // the setting the program runs with
	Note    string // why a figure is unknown, or what happens; "" where the numbers say all
}

// GOGCOff stands for GOGC=off.
const GOGCOff = -1

// Constants of the runtime's pacer, runtime/mgcpacer.go of Go 1.19 to 1.26.
const (
	leastHeap        = 4 << 20 // defaultHeapMinimum, at GOGC=100
	earliestTrigger  = 0.7     // of the way from the live heap to the goal: minTriggerRatio
	latestTrigger    = 0.95    // maxTriggerRatio
	limitHeadroom    = 0.03    // of the goal stays free under a limit: memoryLimitHeapGoalHeadroomPercent
	leastHeadroom    = 1 << 20 // and no less: memoryLimitMinHeapGoalHeadroom
	limiterOfProcs   = 0.5     // of all processors is the most the collector takes before the limiter stops it
	forcedEverySec   = 120     // a collection begins after this long whatever the heap does: forcegcperiod
	mostMarkingShare = 0.9     // of the heap between two collections, allocated during marking: more is the spiral
)

// WhatIfCurve predicts peak heap and GC CPU for GOGC from 25 to 800 and off, each with the present GOMEMLIMIT, and for
// memory limits around what the program needs now. It is empty where the live heap, GOGC or GOMEMLIMIT is not known.
//
// The heap goal is that of the runtime: live + (live + stacks + globals) * GOGC/100, at least 4 MiB * GOGC/100, and under
// a memory limit at most the limit less what is no heap and 3 % (Go's GC guide; runtime/mgcpacer.go). Marking begins a
// runway before the goal, between 70 and 95 % of the way to it, and may end before the heap is there: each collection
// that was watched is played again under the other setting, with the runway it had and what was allocated while it
// marked. A collection costs what one costs now: the live heap, stacks and globals are the same whatever the setting. So
// GC CPU goes with the number of collections, which is the allocation rate over what may be allocated between two.
//
// What it leaves out: that a program with more free CPU may allocate more, that caches of the processor suffer from a
// larger heap, and that what is forced (runtime.GC) comes in any case.
func WhatIfCurve(in WhatIfInput) []WhatIf {
	in = in.plausible()
	if !in.LiveHeap.OK || !in.GOGC.OK || !in.MemoryLimit.OK {
		return nil
	}
	gogc, limit := int(in.GOGC.Value), in.MemoryLimit.Value
	var out []WhatIf
	placed := false
	add := func(g int) {
		w := in.At(g, limit)
		w.Current = g == gogc
		placed = placed || w.Current
		out = append(out, w)
	}
	for _, g := range []int{25, 50, 75, 100, 150, 200, 400, 800, GOGCOff} {
		if !placed && gogc != GOGCOff && (gogc < g || g == GOGCOff) {
			add(gogc)
		}
		if g != gogc || !placed {
			add(g)
		}
	}
	return append(out, in.limits()...)
}

// limits is the rows for memory limits: below what the program needs with the GOGC it has, as the limit then rules, and
// above it with GOGC off, which is how a limit is used to trade memory for CPU.
func (in *WhatIfInput) limits() []WhatIf {
	need := in.need()
	if !need.OK {
		return nil
	}
	var out []WhatIf
	for _, part := range []float64{0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 2, 3} {
		g := GOGCOff
		if part < 1 {
			g = int(in.GOGC.Value)
		}
		out = append(out, in.At(g, roundLimit(part*need.Value)))
	}
	return out
}

// need is what counts against GOMEMLIMIT at the peak with the present setting: where a limit rules already, the limit.
func (in *WhatIfInput) need() sampler.Reading {
	peak := in.At(int(in.GOGC.Value), in.MemoryLimit.Value).PeakHeap
	switch {
	case !in.NonHeap.OK:
		return sampler.Reading{}
	case peak.OK:
		return sampler.Known(peak.Value + in.NonHeap.Value)
	case in.MemoryLimit.Value > 0:
		return in.MemoryLimit
	}
	return sampler.Reading{}
}

// roundLimit makes a limit that a person would type: whole MiB, of large ones two digits and a half.
func roundLimit(bytes float64) float64 {
	mib := bytes / (1 << 20)
	step := math.Max(math.Pow(10, math.Floor(math.Log10(math.Max(mib, 10)))-1)/2, 1)
	return math.Max(math.Round(mib/step)*step, 1) * (1 << 20)
}

// At predicts one setting: gogc in percent or GOGCOff, limit in bytes, 0 for none. What the input does not know is unknown.
func (in *WhatIfInput) At(gogc int, limit float64) WhatIf {
	w := WhatIf{GOGC: gogc, MemoryLimit: limit}
	if !in.LiveHeap.OK {
		w.Note = "the live heap is not known"
		return w
	}
	if limit > 0 && !in.NonHeap.OK {
		w.Note = "what else counts against the limit is not known"
		return w
	}
	goal, limited := in.goal(in.livePeak(), gogc, limit)
	if math.IsInf(goal, 1) {
		w.GCPercent = sampler.Known(0)
		w.Note = "it would never collect"
		if in.AllocRate.OK && in.AllocRate.Value > 0 {
			w.Note += ": the heap would grow by " + unit.Rate(in.AllocRate.Value)
		}
		return w
	}
	if limited && goal <= in.livePeak() {
		return w.spiral("what is alive does not fit the limit: the collector would work all the time")
	}
	w.PeakHeap = sampler.Known(in.highest(gogc, limit))
	in.cost(&w)
	if limited && gogc != GOGCOff && !w.Spiral && w.Note == "" {
		w.Note = "the limit rules"
	}
	return w
}

// cost fills in the GC CPU, and recognises the spiral.
func (in *WhatIfInput) cost(w *WhatIf) {
	room := in.room(w.GOGC, w.MemoryLimit)
	tighter := !in.GOGC.OK || room < in.room(int(in.GOGC.Value), in.MemoryLimit.Value) // than what works now
	if in.MarkAlloc.OK && w.MemoryLimit > 0 && tighter && in.MarkAlloc.Value > mostMarkingShare*room {
		*w = w.spiral("the next collection would be due before one has ended")
		return
	}
	if !in.AllocRate.OK || !in.GCCPU.OK || !in.CPUUsed.OK {
		return
	}
	perSecond := in.perSecond(room) * in.GCCPU.Value
	if in.Procs.OK && perSecond > limiterOfProcs*in.Procs.Value {
		*w = w.spiral("the collector would need more than half of the CPU, where the runtime stops it")
		return
	}
	others := in.CPUUsed.Value - in.collecting()
	if !(others > 0) {
		w.Note = "the program used too little CPU to tell"
		return
	}
	if percent := 100 * perSecond / (others + perSecond); percent >= 0 && percent <= 100 {
		w.GCPercent = sampler.Known(percent)
	}
}

func (w WhatIf) spiral(why string) WhatIf {
	return WhatIf{GOGC: w.GOGC, MemoryLimit: w.MemoryLimit, Spiral: true, Note: "death spiral: " + why}
}

// perSecond is the collections in a second when room bytes are allocated from one to the next. The calibration is what
// the program was seen to do at its present setting over what the model says of it.
func (in *WhatIfInput) perSecond(room float64) float64 {
	return math.Max(in.AllocRate.Value/(room*in.calibration()), 1.0/forcedEverySec)
}

// collecting is the GC CPU of a second as it is now: as it was seen where that is known.
func (in *WhatIfInput) collecting() float64 {
	if in.PerCycle.OK && in.PerCycle.Value > 0 {
		return in.AllocRate.Value / in.PerCycle.Value * in.GCCPU.Value
	}
	return in.perSecond(in.room(int(in.GOGC.Value), in.MemoryLimit.Value)) * in.GCCPU.Value
}

func (in *WhatIfInput) calibration() float64 {
	if !in.PerCycle.OK || !in.GOGC.OK || !in.MemoryLimit.OK {
		return 1
	}
	room := in.room(int(in.GOGC.Value), in.MemoryLimit.Value)
	if math.IsInf(room, 1) || room <= 0 {
		return 1
	}
	return math.Min(math.Max(in.PerCycle.Value/room, 0.5), 2)
}

// room is what is allocated from the end of one collection's marking to the end of the next one's, on average.
func (in *WhatIfInput) room(gogc int, limit float64) float64 {
	sum := 0.0
	collections := in.collections(in.LiveHeap.Value)
	for i := range collections {
		c := &collections[i]
		goal, _ := in.goal(c.Live, gogc, limit)
		sum += c.peak(goal) - c.Live
	}
	return sum / float64(len(collections))
}

// rarePeak is the share of collections that may peak higher than is predicted. With twenty and more of them the highest is
// one that the system let wait, not one that the setting made.
const rarePeak = 0.05

// highest is the highest peak of the collections that were watched, had they come with these settings, but for rare ones.
func (in *WhatIfInput) highest(gogc int, limit float64) float64 {
	collections := in.collections(in.livePeak())
	peaks := make([]float64, 0, len(collections))
	for i := range collections {
		goal, _ := in.goal(collections[i].Live, gogc, limit)
		peaks = append(peaks, collections[i].peak(goal))
	}
	slices.Sort(peaks)
	return peaks[len(peaks)-1-int(rarePeak*float64(len(peaks)))]
}

// collections returns what was watched. Where no source told of single collections, it is one that ends at its goal.
func (in *WhatIfInput) collections(live float64) []WhatIfCycle {
	if len(in.Watched) > 0 {
		return in.Watched
	}
	return []WhatIfCycle{{Live: live}}
}

// goal is the runtime's heap goal (gcControllerState.commit and heapGoalInternal), +Inf where nothing ends the heap's
// growth; limited says that it follows from the limit.
func (in *WhatIfInput) goal(live float64, gogc int, limit float64) (goal float64, limited bool) {
	goal = math.Inf(1)
	if gogc >= 0 {
		share := float64(gogc) / 100
		goal = math.Max(live+(live+in.Stacks.Value+in.Globals.Value)*share, leastHeap*share)
	}
	if limit <= 0 {
		return goal, false
	}
	under := limit - in.NonHeap.Value
	under -= math.Max(limitHeadroom*under, leastHeadroom)
	if under = math.Max(under, live); under < goal {
		return under, true
	}
	return goal, false
}

// peak is where the heap stands when marking ends (gcControllerState.trigger). The runtime begins a runway before the goal,
// within bounds; the heap then grows while it is marked, by assists not beyond the goal but as far as it did.
func (c *WhatIfCycle) peak(goal float64) float64 {
	if c.Runway == 0 && c.Marking == 0 || math.IsInf(goal, 1) {
		return goal
	}
	lower := c.Live + earliestTrigger*(goal-c.Live)
	upper := math.Max(math.Max(c.Live+latestTrigger*(goal-c.Live), goal-leastHeap), lower)
	trigger := math.Min(math.Max(goal-c.Runway, lower), upper)
	return math.Min(trigger+c.Marking, goal+c.Beyond)
}

func (in *WhatIfInput) livePeak() float64 {
	return math.Max(in.LiveHeap.Value, in.LivePeak.Value)
}

// GOGCText is a setting as a person types it: "GOGC=200", "GOGC=off GOMEMLIMIT=512MiB".
func (w *WhatIf) GOGCText() string {
	text := "GOGC=off"
	if w.GOGC >= 0 {
		text = fmt.Sprintf("GOGC=%d", w.GOGC)
	}
	if w.MemoryLimit > 0 {
		text += " GOMEMLIMIT=" + LimitText(w.MemoryLimit)
	}
	return text
}

// LimitText is a limit as GOMEMLIMIT takes it: "512MiB", or bytes where that is not whole.
func LimitText(bytes float64) string {
	if mib := bytes / (1 << 20); mib == math.Trunc(mib) {
		return fmt.Sprintf("%.0fMiB", mib)
	}
	return fmt.Sprintf("%.0f", bytes)
}
