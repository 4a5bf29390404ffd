package table

// WantedVariables lists the runtime's variables that goproc reads.
func WantedVariables() []string {
	return []string{
		"runtime.memstats", "runtime.gcController", "runtime.mheap_", "runtime.work", "runtime.sched", "runtime.gcphase",
		"runtime.allglen", "runtime.allgptr", "runtime.allgs", "runtime.allp", "runtime.allm", "runtime.gomaxprocs",
		"runtime.mbuckets", "runtime.mProfCycle", "runtime.MemProfileRate",
		"runtime.disableMemoryProfiling", "runtime.waitReasonStrings", "runtime.firstmoduledata", "runtime.buildVersion",
	}
}

// WantedFields lists the fields that goproc reads, by type. Not every release has every field; whoever needs one says
// so when it is missing.
func WantedFields() map[string][]string {
	return map[string][]string{
		"runtime.mstats": {"heapStats", "stacks_sys", "mspan_sys", "mcache_sys", "buckhash_sys", "gcMiscSys", "other_sys",
			"last_gc_unix", "pause_total_ns", "pause_ns", "pause_end", "numgc", "numforcedgc", "gc_cpu_fraction",
			"last_gc_nanotime", "lastHeapInUse", "enablegc", "gcPauseDist"},
		"runtime.consistentHeapStats": {"stats", "gen"},
		"runtime.heapStatsDelta": {"committed", "released", "inHeap", "inStacks", "inWorkBufs", "tinyAllocCount", "largeAlloc",
			"largeAllocCount", "smallAllocCount", "largeFree", "largeFreeCount", "smallFreeCount"},
		"runtime.gcControllerState": {"gcPercent", "memoryLimit", "heapMinimum", "gcPercentHeapGoal", "sweepDistMinTrigger",
			"triggered", "lastHeapGoal", "heapLive", "heapScan", "lastStackScan", "globalsScan", "heapMarked", "heapInUse",
			"heapReleased", "heapFree", "totalAlloc", "totalFree", "mappedReady"},
		"runtime.mheap":    {"allspans", "arenas", "sweepgen", "pagesInUse", "spanalloc", "cachealloc"},
		"runtime.fixalloc": {"size", "inuse"},
		"runtime.mspan": {"startAddr", "npages", "limit", "elemsize", "nelems", "freeindex", "allocCache", "allocCount",
			"allocCountBeforeCache", "spanclass", "state", "sweepgen", "allocBits", "gcmarkBits", "specials", "largeType",
			"isUserArenaChunk"},
		"runtime.mcache": {"alloc", "tinyAllocs"},
		"runtime.p":      {"id", "status", "mcache", "gFree.n", "gFree.size"},
		"runtime.m":      {"g0", "gsignal", "curg", "procid", "alllink"},
		"runtime.g": {"stack.lo", "stack.hi", "_panic", "_defer", "m", "sched.sp", "sched.pc", "sched.lr", "sched.bp", "syscallsp", "syscallpc",
			"stktopsp", "atomicstatus", "goid", "waitsince", "waitreason", "parentGoid", "gopc", "startpc", "waiting"},
		"runtime.schedt": {"gcwaiting", "ngsys", "gFree.n", "gFree.stack.size", "gFree.noStack.size", "stwTotalTimeGC", "stwStoppingTimeGC",
			"stwTotalTimeOther", "stwStoppingTimeOther", "timeToRun", "totalMutexWaitTime"},
		"runtime.timeHistogram": {"counts", "underflow", "overflow"},
		"runtime.workType": {"heap0", "heap1", "heap2", "cycles", "userForced", "cpuStats.GCAssistTime",
			"cpuStats.GCDedicatedTime", "cpuStats.GCIdleTime", "cpuStats.GCPauseTime", "cpuStats.GCTotalTime",
			"cpuStats.ScavengeAssistTime", "cpuStats.ScavengeBgTime", "cpuStats.ScavengeTotalTime", "cpuStats.IdleTime",
			"cpuStats.UserTime", "cpuStats.TotalTime", "cpuStats.gcAssistTime", "cpuStats.gcDedicatedTime", "cpuStats.gcIdleTime",
			"cpuStats.gcPauseTime", "cpuStats.gcTotalTime", "cpuStats.scavengeAssistTime", "cpuStats.scavengeBgTime",
			"cpuStats.scavengeTotalTime", "cpuStats.idleTime", "cpuStats.userTime", "cpuStats.totalTime"},
		"runtime.bucket":         {"allnext", "typ", "hash", "size", "nstk"},
		"runtime.memRecord":      {"active", "future"},
		"runtime.memRecordCycle": {"allocs", "frees", "alloc_bytes", "free_bytes"},
		"runtime.moduledata": {"pcHeader", "funcnametab", "cutab", "filetab", "pctab", "pclntable", "ftab", "minpc", "maxpc",
			"text", "etext", "noptrdata", "enoptrdata", "data", "edata", "bss", "ebss", "noptrbss", "enoptrbss", "types",
			"etypes", "rodata", "gofunc", "gcdatamask", "gcbssmask", "next"},
		"runtime.special":          {"next", "offset", "kind"},
		"runtime.specialprofile":   {"b"},
		"runtime.specialfinalizer": {"fn"},
		"runtime.specialCleanup":   {"fn"},
		"runtime.hchan":            {"qcount", "dataqsiz", "buf", "elemsize", "elemtype"},
		"runtime.sudog":            {"g", "elem", "waitlink", "c"},
		"internal/abi.Type":        {"Size_", "PtrBytes", "TFlag", "Kind_", "GCData", "Str"},
		"runtime._type":            {"size", "ptrdata", "tflag", "kind", "gcdata", "str"},
	}
}
