package samplertest

import (
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// read fills s with the state of the server. A plain one is not a Go program.
func (m *model) read(s *sampler.Snapshot, plain bool) {
	m.readProcess(s)
	m.readSurroundings(s)
	if plain {
		return
	}
	m.readHeap(s)
	m.readClasses(s)
	m.readCPU(s)
	s.Histograms = append(s.Histograms, sampler.Histogram{
		Metric: sampler.GoGCPauses, Buckets: pauseBuckets(), Counts: slices.Clone(m.pauses),
	})
	s.Cycles = append(s.Cycles, m.pending...)
	m.pending = m.pending[:0]
}

func (m *model) readProcess(s *sampler.Snapshot) {
	s.Add(sampler.ProcessRSS, m.rss())
	s.Add(sampler.ProcessPeakRSS, m.peakRSS)
	s.Add(sampler.ProcessAnon, m.anon())
	s.Add(sampler.ProcessFile, pages(fileBytes))
	s.Add(sampler.ProcessShmem, 0)
	s.Add(sampler.ProcessSwap, 0)
	s.Add(sampler.ProcessPSS, m.anon()+pages(fileBytes*0.8))
	s.Add(sampler.ProcessUSS, m.anon()+pages(fileBytes*0.7))
	s.Add(sampler.ProcessThreads, 11)
	s.Add(sampler.ProcessMinorFaults, math.Floor(m.peakRSS/pageSize+12*m.now))
	s.Add(sampler.ProcessMajorFaults, 31)
	s.Add(sampler.ProcessCPU, math.Floor(100*(userCPU*m.now+m.gcCPU()))/100)
	s.Add(sampler.ProcessFDs, 34)
	s.Add(sampler.TreeRSS, m.rss())
	s.Add(sampler.TreeProcesses, 1)
}

func (m *model) readSurroundings(s *sampler.Snapshot) {
	s.Add(sampler.CgroupCurrent, m.rss()+pages(21*mb))
	s.Add(sampler.CgroupPeak, m.peakRSS+pages(21*mb))
	s.Add(sampler.CgroupLimit, 512*mb)
	s.Add(sampler.CgroupOOMKills, 0)
	s.Add(sampler.PressureSome10, 0.12)
	s.Add(sampler.PressureFull10, 0)
	s.Add(sampler.MachineMemory, 16<<30)
	s.Add(sampler.MachineAvailable, 9<<30-m.rss())
	s.Add(sampler.MachineSwapTotal, 2<<30)
	s.Add(sampler.MachineSwapFree, 2<<30)
}

func (m *model) readHeap(s *sampler.Snapshot) {
	allocs := m.allocated + m.inUse() - m.after
	s.Add(sampler.GoHeapLive, math.Round(m.live))
	s.Add(sampler.GoHeapGoal, math.Round(m.goal))
	s.Add(sampler.GoHeapAllocs, math.Round(allocs))
	s.Add(sampler.GoHeapAllocCount, math.Round(allocs/objectSize))
	s.Add(sampler.GoHeapFrees, math.Round(m.allocated-m.after))
	s.Add(sampler.GoHeapFreeCount, math.Round((m.allocated-m.after)/objectSize))
	s.Add(sampler.GoHeapCount, math.Round(allocs/objectSize)-math.Round((m.allocated-m.after)/objectSize))
	s.Add(sampler.GoGCPercent, m.gogc)
	s.Add(sampler.GoMemLimit, m.memLimit)
	s.Add(sampler.GoCyclesTotal, float64(m.cycles))
	s.Add(sampler.GoCyclesForced, float64(m.forced))
	s.Add(sampler.GoGoroutines, float64(m.goroutines()))
	s.Add(sampler.GoMaxProcs, maxProcs)
	s.Add(sampler.GoPauseTotal, m.pauseTotal)
}

func (m *model) readClasses(s *sampler.Snapshot) {
	classes := []sampler.Sample{
		{Metric: sampler.GoClassObjects, Value: m.inUse()},
		{Metric: sampler.GoClassUnused, Value: m.unused()},
		{Metric: sampler.GoClassFree, Value: m.free()},
		{Metric: sampler.GoClassReleased, Value: m.released},
		{Metric: sampler.GoClassStacks, Value: m.stacks()},
		{Metric: sampler.GoClassOSStacks, Value: 0},
		{Metric: sampler.GoClassMSpanUse, Value: 0.010 * m.arena},
		{Metric: sampler.GoClassMSpanFree, Value: 0.002 * m.arena},
		{Metric: sampler.GoClassMCacheUse, Value: 4800},
		{Metric: sampler.GoClassMCacheFre, Value: 24000},
		{Metric: sampler.GoClassMetaOther, Value: 1.9 * mb},
		{Metric: sampler.GoClassProfiling, Value: 1.5 * mb},
		{Metric: sampler.GoClassOther, Value: 0.6 * mb},
	}
	total := 0.0
	for _, c := range classes {
		v := math.Round(c.Value)
		total += v
		s.Add(c.Metric, v)
	}
	s.Add(sampler.GoClassTotal, total)
}

func (m *model) readCPU(s *sampler.Snapshot) {
	total := maxProcs * m.now
	gc := m.gcCPU() + m.gcIdle
	s.Add(sampler.GoCPUTotal, total)
	s.Add(sampler.GoCPUIdle, max(total-userCPU*m.now-gc, 0))
	s.Add(sampler.GoCPUGCAssist, m.gcAssist)
	s.Add(sampler.GoCPUGCDedicated, m.gcDedicated)
	s.Add(sampler.GoCPUGCIdle, m.gcIdle)
	s.Add(sampler.GoCPUGCPause, m.gcPause)
	s.Add(sampler.GoCPUGCTotal, gc)
}

// mappings returns the address space: its RSS is the server's.
func (m *model) mappings() []sampler.Mapping {
	heap := m.anon() - pages(nativeBytes)
	file := func(name string, count int, size float64) sampler.Mapping {
		size = pages(size)
		return sampler.Mapping{Name: name, Count: count, Size: pages(size * 1.3), RSS: size, PSS: pages(size * 0.8), Private: pages(size * 0.7)}
	}
	anon := func(name string, count int, rss, size float64) sampler.Mapping {
		return sampler.Mapping{Name: name, Count: count, Size: pages(size), RSS: rss, PSS: rss, Private: rss, Anon: rss}
	}
	libc := file("/usr/lib/x86_64-linux-gnu/libc.so.6", 5, 1.6*mb)
	binary := file("/srv/api-server", 4, fileBytes)
	binary.RSS -= libc.RSS
	goHeap := anon("[anon: Go: heap]", 4, heap, max(heap, 1<<27))
	goHeap.Go = true
	stack := anon("[stack]", 1, pages(0.14*mb), 8<<20)
	stack.Stack = true
	native := anon("[heap]", 1, pages(nativeBytes)-stack.RSS, 6*mb)
	return []sampler.Mapping{goHeap, binary, native, libc, stack, {Name: "[vvar]", Count: 1, Size: 4 * pageSize}}
}
