package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// How much must have been seen before something is advised.
const (
	costCollections = 5               // from here on their mean tells what one costs: the machine may delay any of them
	freeCollections = 3               // two whole turns of the heap, from its least to its most
	newSpan         = 5 * time.Second // goroutines that came in less may be a burst of work
	longestCycle    = 2 * time.Minute // the runtime collects at least so often, where GOGC is not off
)

// collected reports whether so many collections ended while the program was watched. Where their number is not known
// it is not so.
func (f *facts) collected(least float64) bool {
	return f.measured.Cycles.OK && f.measured.Cycles.Value >= least
}

// seen says how many collections ended while the program was watched.
func (f *facts) seen() string {
	span, n := f.Record.Span(), f.measured.Cycles
	switch {
	case span <= 0:
		return "a single reading"
	case !n.OK:
		return "how many collections ended is not known"
	case n.Value == 0:
		return "no collection in " + unit.Duration(span)
	}
	return unit.Things(n.Value, "collection") + " in " + unit.Duration(span)
}

// tooLittle is a finding in place of advice: what the readings cannot tell yet, and how long to watch. It is no
// finding about the program, so none of the advisers' names is on it.
func (f *facts) tooLittle(to string, least float64, why string) Finding {
	out := found("optimize", Info, "Too little was seen to "+to+": "+f.seen())
	out.Evidence["watched_seconds"], out.Evidence["needed_collections_count"] = f.Record.Span().Seconds(), least
	if n := f.measured.Cycles; n.OK {
		out.Evidence["collections_count"] = n.Value
	}
	out.Details = []string{why}
	out.Advice = f.watchLonger(least)
	return out
}

// watchLonger says how long to watch until so many collections have ended.
func (f *facts) watchLonger(least float64) string {
	until := "until " + unit.Things(least, "collection") + " have ended"
	cycle := f.cycle()
	if !cycle.OK {
		return "Watch " + until + "."
	}
	// One more, as the watch begins and ends between two of them.
	return "Watch for " + unit.Duration(roundUp(cycle.Value*(least+1))) + " or longer, " + until + "."
}

// cycle is how many seconds pass between two collections: by those that were seen, or by how long the heap takes to fill,
// whichever is longer.
func (f *facts) cycle() sampler.Reading {
	in, seconds := &f.measured, 0.0
	if in.Cycles.OK && in.Cycles.Value >= 1 {
		seconds = f.Record.Span().Seconds() / in.Cycles.Value
	}
	if in.LiveHeap.OK && in.GOGC.OK && in.MemoryLimit.OK && in.AllocRate.OK && in.AllocRate.Value > 0 {
		if now := in.At(int(in.GOGC.Value), in.MemoryLimit.Value); now.PeakHeap.OK {
			seconds = max(seconds, (now.PeakHeap.Value-in.LiveHeap.Value)/in.AllocRate.Value)
		}
	}
	if seconds <= 0 {
		return sampler.Reading{}
	}
	if in.GOGC.Value != GOGCOff {
		seconds = min(seconds, longestCycle.Seconds())
	}
	return sampler.Known(seconds)
}

// roundUp returns a time that a person would type: whole tens of seconds, from two minutes on whole minutes.
func roundUp(seconds float64) time.Duration {
	step := 10 * time.Second
	if seconds > 2*time.Minute.Seconds() {
		step = time.Minute
	}
	return time.Duration(math.Ceil(seconds/step.Seconds())) * step
}
