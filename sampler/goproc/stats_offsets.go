package goproc

import "github.com/alloc-dev/heaptop/sampler"

// cpuClasses is how many kinds of processor time the runtime tells apart.
const cpuClasses = 11

// cpuMetrics names them in the order of runtime.cpuStats.
func cpuMetrics() [cpuClasses]struct {
	field  string
	metric sampler.Metric
} {
	return [cpuClasses]struct {
		field  string
		metric sampler.Metric
	}{
		{"GCAssistTime", sampler.GoCPUGCAssist},
		{"GCDedicatedTime", sampler.GoCPUGCDedicated},
		{"GCIdleTime", sampler.GoCPUGCIdle},
		{"GCPauseTime", sampler.GoCPUGCPause},
		{"GCTotalTime", sampler.GoCPUGCTotal},
		{"ScavengeAssistTime", "/cpu/classes/scavenge/assist:cpu-seconds"},
		{"ScavengeBgTime", "/cpu/classes/scavenge/background:cpu-seconds"},
		{"ScavengeTotalTime", "/cpu/classes/scavenge/total:cpu-seconds"},
		{"IdleTime", sampler.GoCPUIdle},
		{"UserTime", "/cpu/classes/user:cpu-seconds"},
		{"TotalTime", sampler.GoCPUTotal},
	}
}

// statsOffsets is where the statistics are.
type statsOffsets struct {
	memstats, gcController, mheap, sched, work, allp uint64
	allglen, gcphase, gomaxprocs                     uint64

	shards, shardSize                                         int
	inStacks, inWorkBufs, tinyAllocCount                      int
	largeAlloc, largeAllocCount, largeFreeCount               int
	smallAllocCount, smallFreeCount                           int
	stacksSys, mspanSys, mcacheSys, buckhashSys               int
	gcMiscSys, otherSys                                       int
	lastGCUnix, lastGCMono, pauseTotal, pauseNS, pauseEnd     int
	numGC, numForced, gcCPU                                   int
	gcPercent, memoryLimit, percentGoal, sweepTrigger         int
	triggered, lastHeapGoal, heapLive, heapScan               int
	lastStackScan, globalsScan, heapMarked, heapInUse         int
	heapReleased, heapFree, totalAlloc, totalFree             int
	mappedReady, heapFrom, heapTo, spanAlloc, cacheAlloc      int
	ngsys, stopping, procFree, procCache, heap0, heap1, heap2 int
	cpu                                                       [cpuClasses]int
	schedFree                                                 []int
	histograms                                                []histogramPlace
}

// pauses is how many of the last pauses the runtime remembers.
const pauses = 256

func resolveStats(r *resolver) statsOffsets {
	o := statsOffsets{memstats: r.variable("memstats"), gcController: r.variable("gcController"), mheap: r.variable("mheap_"),
		sched: r.variable("sched"), allp: r.variable("allp"), allglen: r.variable("allglen"), gcphase: r.variable("gcphase"),
		gomaxprocs: r.variable("gomaxprocs")}
	o.resolveMemstats(r)
	o.resolveController(r)
	o.resolveHeap(r)
	o.resolveScheduler(r)
	o.resolveWork(r)
	o.histograms = resolveHistograms(r)
	return o
}

func (o *statsOffsets) resolveMemstats(r *resolver) {
	ms := func(name string) int { return r.field("mstats", name, 8) }
	o.stacksSys, o.mspanSys, o.mcacheSys, o.buckhashSys = ms("stacks_sys"), ms("mspan_sys"), ms("mcache_sys"), ms("buckhash_sys")
	o.gcMiscSys, o.otherSys, o.lastGCUnix, o.lastGCMono = ms("gcMiscSys"), ms("other_sys"), ms("last_gc_unix"), ms("last_gc_nanotime")
	o.pauseTotal, o.pauseNS, o.pauseEnd = ms("pause_total_ns"), r.field("mstats", "pause_ns", 8*pauses), r.field("mstats", "pause_end", 8*pauses)
	o.numGC, o.numForced, o.gcCPU = r.field("mstats", "numgc", 4), r.field("mstats", "numforcedgc", 4), ms("gc_cpu_fraction")

	delta := func(name string) int { return r.field("heapStatsDelta", name, 8) }
	o.shardSize = r.size("heapStatsDelta")
	o.shards = r.field("mstats", "heapStats", 3*o.shardSize) + r.field("consistentHeapStats", "stats", 3*o.shardSize)
	o.inStacks, o.inWorkBufs, o.tinyAllocCount = delta("inStacks"), delta("inWorkBufs"), delta("tinyAllocCount")
	o.largeAlloc, o.largeAllocCount, o.largeFreeCount = delta("largeAlloc"), delta("largeAllocCount"), delta("largeFreeCount")
	o.smallAllocCount = r.field("heapStatsDelta", "smallAllocCount", 8*sizeClasses)
	o.smallFreeCount = r.field("heapStatsDelta", "smallFreeCount", 8*sizeClasses)
	if r.width("heapStatsDelta", "smallAllocCount") != 8*sizeClasses {
		r.missing = append(r.missing, "68 size classes") // with others, every count would be off by some
	}
	if o.shards+3*o.shardSize > r.size("mstats") {
		r.missing = append(r.missing, "runtime.mstats.heapStats")
	}
}

func (o *statsOffsets) resolveController(r *resolver) {
	gc := func(name string) int { return r.field("gcControllerState", name, 8) }
	o.gcPercent, o.memoryLimit = r.field("gcControllerState", "gcPercent", 4), gc("memoryLimit")
	o.percentGoal, o.sweepTrigger, o.triggered = gc("gcPercentHeapGoal"), gc("sweepDistMinTrigger"), gc("triggered")
	o.lastHeapGoal, o.heapLive, o.heapScan, o.heapMarked = gc("lastHeapGoal"), gc("heapLive"), gc("heapScan"), gc("heapMarked")
	o.lastStackScan, o.globalsScan = gc("lastStackScan"), gc("globalsScan")
	o.heapInUse, o.heapReleased, o.heapFree = gc("heapInUse"), gc("heapReleased"), gc("heapFree")
	o.totalAlloc, o.totalFree, o.mappedReady = gc("totalAlloc"), gc("totalFree"), gc("mappedReady")
}

// resolveHeap narrows the heap, whose struct has a hundred kilobytes, to what stands between two of its fields.
func (o *statsOffsets) resolveHeap(r *resolver) {
	size, inUse := r.size("fixalloc"), r.field("fixalloc", "inuse", 8)
	spans, caches := r.field("mheap", "spanalloc", size), r.field("mheap", "cachealloc", size)
	o.heapFrom, o.heapTo = min(spans, caches), max(spans, caches)+size
	o.spanAlloc, o.cacheAlloc = spans+inUse, caches+inUse
}

func (o *statsOffsets) resolveScheduler(r *resolver) {
	o.ngsys, o.stopping = r.field("schedt", "ngsys", 4), r.field("schedt", "gcwaiting", 1)
	if n, ok := r.optional("schedt", "gFree.n", 4); ok { // until Go 1.24
		o.schedFree = []int{n}
		o.procFree = r.field("p", "gFree.n", 4)
	} else {
		o.schedFree = []int{r.field("schedt", "gFree.stack.size", 4), r.field("schedt", "gFree.noStack.size", 4)}
		o.procFree = r.field("p", "gFree.size", 4)
	}
	o.procCache = r.field("p", "mcache", 8)
}

// resolveWork finds what is known of the last cycle. Where that is not there, its metrics are absent.
func (o *statsOffsets) resolveWork(r *resolver) {
	v, ok := r.p.vars["runtime.work"]
	if !ok || r.p.layout["runtime.workType"].Size == 0 {
		return
	}
	o.work = v.addr
	work := func(name string) int { return r.field("workType", name, 8) }
	o.heap0, o.heap1, o.heap2 = work("heap0"), work("heap1"), work("heap2")
	for i, c := range cpuMetrics() {
		off, ok := r.optional("workType", "cpuStats."+c.field, 8)
		if !ok { // until Go 1.22 the names began in lower case
			off = work("cpuStats." + lowerFirst(c.field))
		}
		o.cpu[i] = off
	}
}

// lowerFirst turns "GCAssistTime" into "gcAssistTime" and "IdleTime" into "idleTime".
func lowerFirst(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] < 'A' || b[i] > 'Z' || i > 0 && i+1 < len(b) && b[i+1] >= 'a' {
			break
		}
		b[i] += 'a' - 'A'
	}
	return string(b)
}
