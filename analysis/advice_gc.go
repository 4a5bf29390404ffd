package analysis

import (
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// When the collector's settings are worth a change.
const (
	muchGC    = 5.0  // percent of the CPU: from here on less is worth memory
	tooMuchGC = 25.0 // percent: a warning
	littleGC  = 1.0  // percent: up to here more of it is worth less memory
	enoughGC  = 3.0  // percent that may be paid for less memory
	roomTaken = 0.5  // of what is left up to the nearest limit may be used for less GC work
	nearLimit = 0.7  // of a cgroup's limit, from where on GOMEMLIMIT is advised
	underIt   = 0.9  // of a cgroup's limit is what GOMEMLIMIT should be
)

// adviseCollector looks at GOGC and GOMEMLIMIT.
func adviseCollector(f *facts) []Finding {
	in := &f.whatIf
	if !in.LiveHeap.OK || !in.GOGC.OK || !in.MemoryLimit.OK {
		return nil
	}
	now := in.At(int(in.GOGC.Value), in.MemoryLimit.Value)
	switch {
	case now.GOGC == GOGCOff && now.MemoryLimit == 0:
		return []Finding{f.neverCollects()}
	case now.Spiral || now.MemoryLimit > 0 && now.GCPercent.OK && now.GCPercent.Value >= muchGC && f.limitRules():
		return []Finding{f.raiseLimit(&now)}
	}
	var out []Finding
	if r, ok := f.limitCgroup(&now); ok {
		out = append(out, r)
	}
	if f.guessed() {
		return append(out, f.tooLittle("advise on GOGC and GOMEMLIMIT", costCollections,
			"One that the machine delays weighs as much as many: a few do not tell what the others cost."))
	}
	if !now.GCPercent.OK || !now.PeakHeap.OK {
		return out
	}
	if r, ok := f.collectLess(&now); ok {
		out = append(out, r)
	} else if r, ok := f.collectMore(&now); ok {
		out = append(out, r)
	}
	return out
}

func (f *facts) limitRules() bool {
	in := &f.whatIf
	_, limited := in.goal(in.livePeak(), int(in.GOGC.Value), in.MemoryLimit.Value)
	return limited
}

func (f *facts) neverCollects() Finding {
	out := found("gc_settings", Warning, "The collector is off, and no limit switches it on: the heap only grows")
	rate := ""
	if r := f.whatIf.AllocRate; r.OK {
		out.Evidence["alloc_bytes_per_second"] = r.Value
		rate = ", now by " + unit.Rate(r.Value)
	}
	out.Advice = "Set GOMEMLIMIT to what the program may take, so that it collects before it is killed. Without it the heap grows until the system " +
		"has no more" + rate + ". The price is GC CPU once the limit is near."
	return out
}

// raiseLimit is for a limit that is too small.
func (f *facts) raiseLimit(now *WhatIf) Finding {
	in := &f.whatIf
	out := found("gc_settings", Warning, "GOMEMLIMIT="+LimitText(now.MemoryLimit)+" leaves the heap too little room")
	if now.Spiral {
		out.Severity = Critical
		out.Details = []string{"A " + now.Note + "."}
	}
	out.Evidence["live_bytes"], out.Evidence["not_heap_bytes"] = in.LiveHeap.Value, in.NonHeap.Value
	if f.gc.CPUPercent.OK {
		out.Evidence["gc_cpu_percent"] = f.gc.CPUPercent.Value
	}
	for _, times := range []float64{1.1, 1.25, 1.5, 2, 3, 4} {
		w := in.At(now.GOGC, roundLimit(times*now.MemoryLimit))
		if w.Spiral || !w.GCPercent.OK || w.GCPercent.Value > muchGC && times < 4 {
			continue
		}
		out.Advice = fmt.Sprintf("GOMEMLIMIT=%s would bring GC CPU to about %s; it costs up to %s more memory. The other way is to hold less.",
			LimitText(w.MemoryLimit), unit.Percent(w.GCPercent.Value/100), unit.Bytes(w.MemoryLimit-now.MemoryLimit))
		out.Evidence["advised_gomemlimit_bytes"], out.Evidence["advised_gc_cpu_percent"] = w.MemoryLimit, w.GCPercent.Value
		return out
	}
	out.Advice = "Raise GOMEMLIMIT, or hold less: as it is the program collects without end. What a collection costs was not seen, so how much is not known."
	return out
}

// limitCgroup is for a program near the limit of its cgroup that the runtime knows nothing of.
func (f *facts) limitCgroup(now *WhatIf) (Finding, bool) {
	limit := f.last.Reading(sampler.CgroupLimit)
	if !bounded(limit) || now.MemoryLimit > 0 || !now.PeakHeap.OK || !f.whatIf.NonHeap.OK {
		return Finding{}, false
	}
	peak := now.PeakHeap.Value + f.whatIf.NonHeap.Value + f.row("native") + f.row("heap")
	if peak < nearLimit*limit.Value {
		return Finding{}, false
	}
	w := f.whatIf.At(now.GOGC, roundLimit(underIt*limit.Value))
	out := found("gc_settings", Warning, fmt.Sprintf("The program peaks at %s of the %s its cgroup allows, and the collector does not know that limit",
		unit.Bytes(peak), unit.Bytes(limit.Value)))
	out.Evidence["peak_bytes"], out.Evidence["cgroup_limit_bytes"] = peak, limit.Value
	out.Advice = "GOMEMLIMIT=" + LimitText(w.MemoryLimit) + " makes it collect sooner instead of being killed"
	switch {
	case w.Spiral:
		out.Advice += "; but " + w.Note + ", so it needs a larger cgroup or a smaller heap"
	case w.GCPercent.OK:
		out.Evidence["advised_gc_cpu_percent"] = w.GCPercent.Value
		out.Advice += ". The price is GC CPU: about " + unit.Percent(w.GCPercent.Value/100) + " at that limit"
	}
	out.Evidence["advised_gomemlimit_bytes"] = w.MemoryLimit
	out.Advice += "."
	return out, true
}

// collectLess trades memory for CPU where there is memory.
func (f *facts) collectLess(now *WhatIf) (Finding, bool) {
	if now.GCPercent.Value < muchGC {
		return Finding{}, false
	}
	for _, g := range []int{100, 150, 200, 300, 400, 800} {
		w := f.whatIf.At(g, now.MemoryLimit)
		if g <= now.GOGC || !w.GCPercent.OK || !w.PeakHeap.OK || w.GCPercent.Value > now.GCPercent.Value/1.7 {
			continue
		}
		more := w.PeakHeap.Value - now.PeakHeap.Value
		if l, ok := NearestLimit(f.last); ok && more > roomTaken*(l.Bytes-l.Used) {
			return Finding{}, false
		}
		severity := Info
		if now.GCPercent.Value >= tooMuchGC {
			severity = Warning
		}
		out := found("gc_settings", severity, "The collector takes "+unit.Percent(now.GCPercent.Value/100)+" of the CPU the program uses")
		f.change(&out, now, &w)
		out.Advice = fmt.Sprintf("GOGC=%d would take %s. The price is memory: the heap would peak at %s, now %s.",
			g, unit.Percent(w.GCPercent.Value/100), unit.Bytes(w.PeakHeap.Value), unit.Bytes(now.PeakHeap.Value))
		return out, true
	}
	return Finding{}, false
}

// collectMore trades CPU for memory where collections cost next to nothing.
func (f *facts) collectMore(now *WhatIf) (Finding, bool) {
	if now.GCPercent.Value > littleGC {
		return Finding{}, false
	}
	for _, g := range []int{25, 50, 75} {
		w := f.whatIf.At(g, now.MemoryLimit)
		if now.GOGC != GOGCOff && g >= now.GOGC || !w.GCPercent.OK || !w.PeakHeap.OK || w.GCPercent.Value > enoughGC {
			continue
		}
		less := now.PeakHeap.Value - w.PeakHeap.Value
		if !f.matters(less) || less < 2*leastShare*f.rss.Value {
			return Finding{}, false
		}
		out := found("gc_settings", Info, fmt.Sprintf("Collections take only %s of the CPU: memory could be saved with more of them", unit.Percent(now.GCPercent.Value/100)))
		f.change(&out, now, &w)
		out.Advice = fmt.Sprintf("GOGC=%d would bring the peak of the heap from %s to %s. The price is GC CPU: about %s, now %s.", g,
			unit.Bytes(now.PeakHeap.Value), unit.Bytes(w.PeakHeap.Value), unit.Percent(w.GCPercent.Value/100), unit.Percent(now.GCPercent.Value/100))
		return out, true
	}
	return Finding{}, false
}

// guessed reports whether there would be advice by what collections cost, had enough of them been seen.
func (f *facts) guessed() bool {
	if f.collected(costCollections) {
		return false
	}
	guess := *f
	guess.whatIf = f.measured
	now := guess.whatIf.At(int(f.measured.GOGC.Value), f.measured.MemoryLimit.Value)
	if !now.GCPercent.OK || !now.PeakHeap.OK {
		return false
	}
	_, more := guess.collectMore(&now)
	return more || now.GCPercent.Value >= muchGC
}

// change is the evidence for another GOGC.
func (f *facts) change(out *Finding, now, then *WhatIf) {
	out.Evidence["gc_cpu_percent"], out.Evidence["advised_gc_cpu_percent"] = now.GCPercent.Value, then.GCPercent.Value
	out.Evidence["peak_heap_bytes"], out.Evidence["advised_peak_heap_bytes"] = now.PeakHeap.Value, then.PeakHeap.Value
	out.Evidence["advised_gogc_percent"] = float64(then.GOGC)
	if now.GOGC >= 0 {
		out.Evidence["gogc_percent"] = float64(now.GOGC)
	}
}

// adviseForced looks at collections that the program asks for itself.
func adviseForced(f *facts) []Finding {
	in := &f.measured
	span := f.Record.Span()
	if !in.Forced.OK || in.Forced.Value < 2 || span <= 0 {
		return nil
	}
	perMinute := in.Forced.Value / span.Minutes()
	out := found("forced_gc", Info, fmt.Sprintf("%s of %s collections were forced by the program itself",
		unit.Count(in.Forced.Value), unit.Count(in.Cycles.Value)))
	out.Evidence["forced_count_per_minute"], out.Evidence["collections_count"] = perMinute, in.Cycles.Value
	gain := "the CPU of those collections"
	if in.GCCPU.OK && in.CPUUsed.OK && in.CPUUsed.Value > 0 {
		percent := min(100*in.GCCPU.Value*in.Forced.Value/span.Seconds()/in.CPUUsed.Value, 100)
		if percent < leastGCPercent {
			return nil
		}
		out.Evidence["forced_cpu_percent"] = percent
		gain = "about " + unit.Percent(percent/100) + " of the CPU"
		if percent >= muchGC {
			out.Severity = Warning
		}
	}
	if !f.collected(costCollections) {
		return []Finding{f.tooLittle("advise on collections that the program forces", costCollections,
			unit.Count(in.Forced.Value)+" of them were forced by the program itself.")}
	}
	out.Advice = "Leave out the calls of runtime.GC and debug.FreeOSMemory: that gains " + gain + ". The price is memory: the heap then grows to its goal between collections."
	return []Finding{out}
}
