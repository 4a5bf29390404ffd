package sampler

import "strings"

// Metric names a reading and its unit, as runtime/metrics does: a path, a colon, a unit. The Go runtime's own names
// are used unchanged for what the runtime tells.
type Metric string

// Unit returns what stands behind the colon: "bytes", "threads", "percent"; "" for a name without one.
func (m Metric) Unit() string {
	_, unit, _ := strings.Cut(string(m), ":")
	return unit
}

// Metrics of a process, its descendants, its cgroup and its machine. The comment says where Linux has them.
const (
	ProcessRSS         Metric = "/process/rss:bytes"      // statm
	ProcessPeakRSS     Metric = "/process/peak_rss:bytes" // VmHWM of status
	ProcessAnon        Metric = "/process/anon:bytes"     // RssAnon of status
	ProcessFile        Metric = "/process/file:bytes"     // RssFile of status
	ProcessShmem       Metric = "/process/shmem:bytes"    // RssShmem of status
	ProcessSwap        Metric = "/process/swap:bytes"     // VmSwap of status
	ProcessPSS         Metric = "/process/pss:bytes"      // smaps_rollup, within a time budget
	ProcessUSS         Metric = "/process/uss:bytes"      // smaps_rollup, within a time budget
	ProcessHuge        Metric = "/process/huge:bytes"     // AnonHugePages of smaps_rollup, within a time budget
	ProcessThreads     Metric = "/process/threads:threads"
	ProcessMinorFaults Metric = "/process/faults/minor:faults"
	ProcessMajorFaults Metric = "/process/faults/major:faults"
	ProcessCPU         Metric = "/process/cpu:cpu-seconds"
	ProcessFDs         Metric = "/process/fds:files"
	TreeRSS            Metric = "/tree/rss:bytes"
	TreeProcesses      Metric = "/tree/processes:processes"
	CgroupCurrent      Metric = "/cgroup/current:bytes"
	CgroupPeak         Metric = "/cgroup/peak:bytes"
	CgroupLimit        Metric = "/cgroup/limit:bytes"
	CgroupOOMKills     Metric = "/cgroup/oom_kills:events"
	PressureSome10     Metric = "/pressure/memory/some/avg10:percent"
	PressureFull10     Metric = "/pressure/memory/full/avg10:percent"
	MachineMemory      Metric = "/machine/memory/total:bytes"
	MachineAvailable   Metric = "/machine/memory/available:bytes"
	MachineSwapTotal   Metric = "/machine/swap/total:bytes"
	MachineSwapFree    Metric = "/machine/swap/free:bytes"
)

// WorkOperations is how many operations a program that counts them has done: sampler/agent's Worked.
const WorkOperations Metric = "/work/operations:operations"

// Metrics of the Go runtime, by the names runtime/metrics gives them.
const (
	GoHeapLive       Metric = "/gc/heap/live:bytes"
	GoHeapGoal       Metric = "/gc/heap/goal:bytes"
	GoHeapAllocs     Metric = "/gc/heap/allocs:bytes"
	GoHeapAllocCount Metric = "/gc/heap/allocs:objects"
	GoHeapFrees      Metric = "/gc/heap/frees:bytes"
	GoHeapFreeCount  Metric = "/gc/heap/frees:objects"
	GoHeapCount      Metric = "/gc/heap/objects:objects"
	GoGCPercent      Metric = "/gc/gogc:percent"
	GoMemLimit       Metric = "/gc/gomemlimit:bytes"
	GoCyclesTotal    Metric = "/gc/cycles/total:gc-cycles"
	GoCyclesForced   Metric = "/gc/cycles/forced:gc-cycles"
	GoGoroutines     Metric = "/sched/goroutines:goroutines"
	GoMaxProcs       Metric = "/sched/gomaxprocs:threads"
	GoGCPauses       Metric = "/sched/pauses/total/gc:seconds" // a histogram
	GoClassObjects   Metric = "/memory/classes/heap/objects:bytes"
	GoClassUnused    Metric = "/memory/classes/heap/unused:bytes"
	GoClassFree      Metric = "/memory/classes/heap/free:bytes"
	GoClassReleased  Metric = "/memory/classes/heap/released:bytes"
	GoClassStacks    Metric = "/memory/classes/heap/stacks:bytes"
	GoClassOSStacks  Metric = "/memory/classes/os-stacks:bytes"
	GoClassMSpanUse  Metric = "/memory/classes/metadata/mspan/inuse:bytes"
	GoClassMSpanFree Metric = "/memory/classes/metadata/mspan/free:bytes"
	GoClassMCacheUse Metric = "/memory/classes/metadata/mcache/inuse:bytes"
	GoClassMCacheFre Metric = "/memory/classes/metadata/mcache/free:bytes"
	GoClassMetaOther Metric = "/memory/classes/metadata/other:bytes"
	GoClassProfiling Metric = "/memory/classes/profiling/buckets:bytes"
	GoClassOther     Metric = "/memory/classes/other:bytes"
	GoClassTotal     Metric = "/memory/classes/total:bytes"
	GoCPUTotal       Metric = "/cpu/classes/total:cpu-seconds"
	GoCPUIdle        Metric = "/cpu/classes/idle:cpu-seconds"
	GoCPUGCAssist    Metric = "/cpu/classes/gc/mark/assist:cpu-seconds"
	GoCPUGCDedicated Metric = "/cpu/classes/gc/mark/dedicated:cpu-seconds"
	GoCPUGCIdle      Metric = "/cpu/classes/gc/mark/idle:cpu-seconds"
	GoCPUGCPause     Metric = "/cpu/classes/gc/pause:cpu-seconds"
	GoCPUGCTotal     Metric = "/cpu/classes/gc/total:cpu-seconds"
	// GoPauseTotal is what MemStats calls PauseTotalNs: runtime/metrics has no scalar for it.
	GoPauseTotal Metric = "/gc/pauses/total:seconds"
)
