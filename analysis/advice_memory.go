package analysis

import (
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// adviseFree looks at memory of the heap that is free, resident, and was so all the time.
func adviseFree(f *facts) []Finding {
	least := f.Record.LeastFree()
	if !least.OK {
		return nil
	}
	free := min(least.Value, f.row("heap_free"))
	if !f.matters(free) {
		return nil
	}
	if !f.collected(freeCollections) {
		out := f.tooLittle("tell whether "+unit.Bytes(free)+" of the heap stay free", freeCollections,
			"Between two collections the heap fills what is free: what stays free shows over several of them.")
		out.Evidence["free_bytes"], out.Evidence["rss_bytes"] = free, f.rss.Value
		return []Finding{out}
	}
	out := found("free_memory", Info, fmt.Sprintf("%s of the heap is free, resident, and not returned to the system", unit.Bytes(free)))
	out.Evidence["free_bytes"], out.Evidence["rss_bytes"] = free, f.rss.Value
	span := f.Record.Span()
	out.Evidence["watched_seconds"] = span.Seconds()
	out.Details = []string{"A peak in the past left it behind. It was never less in " + unit.Duration(span) + ", in which " +
		unit.Things(f.measured.Cycles.Value, "collection") + " ended. The runtime returns by itself what it has above its goal, slowly, and keeps 10 % beyond it."}
	out.Advice = fmt.Sprintf("debug.FreeOSMemory() returns about %s at once (%s of RSS). The price is a forced collection, and page faults when "+
		"the heap grows again: it pays after a peak that does not come back soon. GOMEMLIMIT makes the runtime return it when it gets near the limit.",
		unit.Bytes(free), unit.Percent(free/f.rss.Value))
	return []Finding{out}
}

// adviseHuge looks at memory of the Go heap that the runtime returned, and that is resident nevertheless.
func adviseHuge(f *facts) []Finding {
	total, released := f.last.Reading(sampler.GoClassTotal), f.last.Reading(sampler.GoClassReleased)
	if f.Maps == nil || !total.OK || !released.OK {
		return nil
	}
	resident := 0.0
	for i := range f.Maps.List {
		if m := &f.Maps.List[i]; m.Go {
			resident += m.RSS
		}
	}
	kept := min(resident-(total.Value-released.Value), released.Value)
	if !f.matters(kept) {
		return nil
	}
	huge := f.last.Reading(sampler.ProcessHuge)
	out := found("huge_pages", Warning, fmt.Sprintf("The runtime returned %s that the kernel still keeps for the process", unit.Bytes(kept)))
	out.Evidence["kept_bytes"], out.Evidence["released_bytes"], out.Evidence["rss_bytes"] = kept, released.Value, f.rss.Value
	if !huge.OK || huge.Value < kept/2 {
		if huge.OK {
			out.Evidence["huge_bytes"] = huge.Value
		}
		out.Severity = Info
		out.Advice = "It counts as RSS until the system needs memory. With GODEBUG=madvdontneed=0 in the environment that is what was asked for: leave it out and " +
			"RSS falls at once, at the price of page faults."
		return []Finding{out}
	}
	out.Evidence["huge_bytes"] = huge.Value
	out.Title += " in huge pages"
	out.Advice = fmt.Sprintf("A huge page stays whole while any part of it is used. GODEBUG=disablethp=1 (Go 1.21.6 and later), or max_ptes_none=0 in "+
		"/sys/kernel/mm/transparent_hugepage/khugepaged for the machine, gives back up to %s. The price is more page faults and misses of the TLB: a few percent of CPU in large heaps.",
		unit.Bytes(kept))
	return []Finding{out}
}

// nativeShare of RSS is how much native memory must be to be named: all programs have some.
const nativeShare = 0.25

// adviseNative looks at what a Go program holds outside the Go heap.
func adviseNative(f *facts) []Finding {
	native := f.row("native")
	if _, isGo := f.last.Get(sampler.GoClassObjects); !isGo || !f.matters(native) || native < nativeShare*f.rss.Value {
		return nil
	}
	out := found("native", Info, fmt.Sprintf("%s (%s of RSS) lie outside the Go heap", unit.Bytes(native), unit.Percent(native/f.rss.Value)))
	out.Evidence["native_bytes"], out.Evidence["rss_bytes"] = native, f.rss.Value
	malloc := 0.0
	if f.Maps != nil {
		for i := range f.Maps.List {
			if m := &f.Maps.List[i]; m.Name == "[heap]" {
				malloc += m.RSS
			}
		}
	}
	out.Details = []string{"The collector does not see it: GOGC and GOMEMLIMIT do not bound it. What of it is free inside malloc cannot be told from outside."}
	out.Advice = "Look for C code (cgo), mmap and their libraries."
	if malloc >= leastGain {
		out.Evidence["malloc_bytes"] = malloc
		out.Advice += " " + unit.Bytes(malloc) + " is malloc's main area: malloc_trim(0) returns what is free in it, at the price of page faults; " +
			"MALLOC_ARENA_MAX=2 keeps glibc from having an arena for each thread, at the price of waiting for locks."
	} else {
		out.Advice += " With glibc's malloc, MALLOC_ARENA_MAX=2 keeps it from having an arena for each thread, at the price of waiting for locks; what was mapped directly is only freed by who mapped it."
	}
	return []Finding{out}
}
