package goproc

import (
	"fmt"
	"runtime"
	"slices"
)

// memStats computes what runtime.ReadMemStats would return in the target. Unlike the runtime/metrics figures it counts
// the objects that each P has taken from its cache since the last refill, which takes two more system calls.
func (s *statsReader) memStats(st *statistics, m *runtime.MemStats) error {
	if err := s.read(st); err != nil {
		return err
	}
	c, err := s.readCaches()
	if err != nil {
		return err
	}
	st.totalAlloc += c.bytes // before the goal, which GOMEMLIMIT makes depend on it
	st.heapGoal = s.heapGoal(st)
	*m = runtime.MemStats{
		TotalAlloc: st.totalAlloc, Sys: st.total(), Mallocs: st.mallocs + c.objects + st.tinyAllocs + c.tiny,
		Frees: st.frees + st.tinyAllocs + c.tiny, HeapAlloc: st.objects(),
		HeapSys: st.heapInUse + st.heapFree + st.heapReleased, HeapIdle: st.heapFree + st.heapReleased,
		HeapInuse: st.heapInUse, HeapReleased: st.heapReleased, StackInuse: st.inStacks, StackSys: st.inStacks + st.stacksSys,
		MSpanInuse: st.mspanInUse, MSpanSys: st.mspanSys, MCacheInuse: st.mcacheInUse, MCacheSys: st.mcacheSys,
		BuckHashSys: st.buckhashSys, GCSys: st.gcMiscSys + st.inWorkBufs, OtherSys: st.otherSys, NextGC: st.heapGoal,
		LastGC: st.lastGC, PauseTotalNs: st.pauseTotal, NumGC: st.numGC, NumForcedGC: st.numForced, GCCPUFraction: st.gcCPU,
		EnableGC: true,
	}
	m.Alloc, m.HeapObjects = m.HeapAlloc, sub(m.Mallocs, m.Frees)
	for i := range pauses {
		m.PauseNs[i], m.PauseEnd[i] = u64(s.ms, s.o.pauseNS+8*i), u64(s.ms, s.o.pauseEnd+8*i)
	}
	for i := range min(len(m.BySize), sizeClasses, len(s.p.classes)) {
		m.BySize[i].Size = s.p.classes[i]
		m.BySize[i].Mallocs, m.BySize[i].Frees = st.smallAllocs[i]+c.small[i], st.smallFrees[i]
	}
	return nil
}

// cached is what the Ps' caches have handed out and not yet accounted for.
type cached struct {
	bytes, objects, tiny uint64
	small                [sizeClasses]uint64
}

const maxCacheSpans = 256 // spans one P's cache can hold: two for each size class, and room

func (s *statsReader) readCaches() (c cached, err error) {
	r := s.p.resolve()
	alloc, tiny := r.field("mcache", "alloc", 8), r.field("mcache", "tinyAllocs", 8)
	width, size := r.width("mcache", "alloc"), r.size("mcache")
	sp := resolveSpans(r)
	before := r.field("mspan", "allocCountBeforeCache", 2)
	if err := r.err("the caches"); err != nil {
		return c, err
	}
	addrs, err := s.cacheAddresses()
	if err != nil {
		return c, err
	}
	var spans []uint64
	caches := make([]request, len(addrs))
	for i, a := range addrs {
		caches[i] = request{addr: a, buf: make([]byte, size)}
	}
	if err := s.p.mem.read(caches); err != nil {
		return c, err
	}
	for _, q := range caches {
		if !q.ok {
			return c, fmt.Errorf("statistics: %w", &errUnreadable{"a cache", q.addr})
		}
		c.tiny += u64(q.buf, tiny)
		for i := range min(width/8, maxCacheSpans) {
			spans = append(spans, u64(q.buf, alloc+8*i))
		}
	}
	slices.Sort(spans)
	spans = slices.Compact(spans)
	sc := scatter{size: sp.size}
	for len(spans) > 0 {
		part := spans[:min(batch, len(spans))]
		spans = spans[len(part):]
		if err := sc.load(s.p.mem, part); err != nil {
			return c, err
		}
		for i := range part {
			if b := sc.at(i); b != nil {
				c.add(&sp, b, before)
			}
		}
	}
	return c, nil
}

// add counts the slots of a span that were handed out since its P took it. The dummy span of an empty cache is not in
// use and counts nothing.
func (c *cached) add(sp *spanOffsets, b []byte, before int) {
	if b[sp.state] != spanInUse {
		return
	}
	n, was := u16(b, sp.allocCount), u16(b, before)
	if n <= was {
		return
	}
	used := uint64(n - was)
	c.objects += used
	c.bytes += used * u64(b, sp.elemSize)
	if class := b[sp.class] >> 1; class < sizeClasses {
		c.small[class] += used
	}
}

func (s *statsReader) cacheAddresses() ([]uint64, error) {
	buf := make([]byte, 8*len(s.procs))
	reqs := make([]request, len(s.procs))
	for i, p := range s.procs {
		reqs[i] = request{addr: p + uint64(s.o.procCache), buf: buf[8*i:][:8]}
	}
	if err := s.p.mem.read(reqs); err != nil {
		return nil, err
	}
	var out []uint64
	for i := range reqs {
		if a := u64(buf, 8*i); reqs[i].ok && a != 0 {
			out = append(out, a)
		}
	}
	return out, nil
}
