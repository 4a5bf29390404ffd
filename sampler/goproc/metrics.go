package goproc

import "github.com/alloc-dev/heaptop/sampler"

// GCPhase is what the collector is doing: 0 it is off or sweeping, 1 it marks, 2 it ends marking. runtime/metrics has
// no name for it.
const GCPhase sampler.Metric = "/gc/phase:phase"

// metric is a figure that Read reports and how it follows from the statistics. The names are those of runtime/metrics
// and mean the same; GoPauseTotal and GCPhase are ours.
type metric struct {
	name  sampler.Metric
	value func(*statistics) float64
}

func runtimeMetrics() []metric {
	u := func(name sampler.Metric, f func(*statistics) uint64) metric {
		return metric{name, func(s *statistics) float64 { return float64(f(s)) }}
	}
	return []metric{
		u(sampler.GoHeapLive, func(s *statistics) uint64 { return s.heapMarked }),
		u(sampler.GoHeapGoal, func(s *statistics) uint64 { return s.heapGoal }),
		u(sampler.GoHeapAllocs, func(s *statistics) uint64 { return s.totalAlloc }),
		u(sampler.GoHeapAllocCount, func(s *statistics) uint64 { return s.mallocs }),
		u(sampler.GoHeapFrees, func(s *statistics) uint64 { return s.totalFree }),
		u(sampler.GoHeapFreeCount, func(s *statistics) uint64 { return s.frees }),
		u(sampler.GoHeapCount, func(s *statistics) uint64 { return sub(s.mallocs, s.frees) }),
		u("/gc/heap/tiny/allocs:objects", func(s *statistics) uint64 { return s.tinyAllocs }),
		u(sampler.GoGCPercent, func(s *statistics) uint64 { return uint64(int64(s.gcPercent)) }), // off is 2^64-1, as there
		u(sampler.GoMemLimit, func(s *statistics) uint64 { return uint64(s.memoryLimit) }),
		u(sampler.GoCyclesTotal, func(s *statistics) uint64 { return uint64(s.numGC) }),
		u(sampler.GoCyclesForced, func(s *statistics) uint64 { return uint64(s.numForced) }),
		u("/gc/cycles/automatic:gc-cycles", func(s *statistics) uint64 { return uint64(s.numGC - min(s.numForced, s.numGC)) }),
		u("/gc/scan/heap:bytes", func(s *statistics) uint64 { return s.heapScan }),
		u("/gc/scan/stack:bytes", func(s *statistics) uint64 { return s.stackScan }),
		u("/gc/scan/globals:bytes", func(s *statistics) uint64 { return s.globalsScan }),
		u("/gc/scan/total:bytes", func(s *statistics) uint64 { return s.heapScan + s.stackScan + s.globalsScan }),
		u(GCPhase, func(s *statistics) uint64 { return uint64(s.phase) }),
		{sampler.GoPauseTotal, func(s *statistics) float64 { return float64(s.pauseTotal) / 1e9 }},
		{sampler.GoGoroutines, func(s *statistics) float64 { return float64(s.goroutines) }},
		{sampler.GoMaxProcs, func(s *statistics) float64 { return float64(s.maxProcs) }},
		u(sampler.GoClassObjects, (*statistics).objects),
		u(sampler.GoClassUnused, func(s *statistics) uint64 { return sub(s.heapInUse, s.objects()) }),
		u(sampler.GoClassFree, func(s *statistics) uint64 { return s.heapFree }),
		u(sampler.GoClassReleased, func(s *statistics) uint64 { return s.heapReleased }),
		u(sampler.GoClassStacks, func(s *statistics) uint64 { return s.inStacks }),
		u(sampler.GoClassOSStacks, func(s *statistics) uint64 { return s.stacksSys }),
		u(sampler.GoClassMSpanUse, func(s *statistics) uint64 { return s.mspanInUse }),
		u(sampler.GoClassMSpanFree, func(s *statistics) uint64 { return sub(s.mspanSys, s.mspanInUse) }),
		u(sampler.GoClassMCacheUse, func(s *statistics) uint64 { return s.mcacheInUse }),
		u(sampler.GoClassMCacheFre, func(s *statistics) uint64 { return sub(s.mcacheSys, s.mcacheInUse) }),
		u(sampler.GoClassMetaOther, func(s *statistics) uint64 { return s.gcMiscSys + s.inWorkBufs }),
		u(sampler.GoClassProfiling, func(s *statistics) uint64 { return s.buckhashSys }),
		u(sampler.GoClassOther, func(s *statistics) uint64 { return s.otherSys }),
		u(sampler.GoClassTotal, (*statistics).total),
	}
}

// cpuMetric is a kind of processor time. The runtime brings them up to date at the end of each collection, and so do
// these change only then.
type cpuMetric struct {
	name  sampler.Metric
	index int
}

func cpuMetricList() []cpuMetric {
	var out []cpuMetric
	for i, c := range cpuMetrics() {
		out = append(out, cpuMetric{c.metric, i})
	}
	return out
}
