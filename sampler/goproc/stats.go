package goproc

import (
	"fmt"
	"math"
)

const sizeClasses = 68 // of every release from Go 1.20 on

// statistics is one reading of the runtime's own counters. Bytes, counts and nanoseconds as the runtime has them.
type statistics struct {
	gcPercent                                           int32
	memoryLimit                                         int64
	heapLive, heapMarked, heapGoal, lastHeapGoal        uint64
	heapInUse, heapFree, heapReleased                   uint64
	totalAlloc, totalFree, mappedReady                  uint64
	heapScan, stackScan, globalsScan                    uint64
	stacksSys, mspanSys, mcacheSys, buckhashSys         uint64
	gcMiscSys, otherSys, mspanInUse, mcacheInUse        uint64
	numGC, numForced                                    uint32
	pauseTotal, lastGC, lastGCMono                      uint64
	gcCPU                                               float64
	inStacks, inWorkBufs                                uint64
	tinyAllocs, largeAlloc, largeAllocs, largeFreeCount uint64
	smallAllocs, smallFrees                             [sizeClasses]uint64
	mallocs, frees                                      uint64 // objects, without the tiny ones
	phase                                               uint32
	maxProcs                                            int32
	goroutines                                          int64
	heap0, heap1, heap2                                 uint64 // at the start, end of marking, and marked, of the last cycle
	cpu                                                 [cpuClasses]int64
}

// objects is the bytes of heap objects, dead ones that are not yet swept included.
func (s *statistics) objects() uint64 { return sub(s.totalAlloc, s.totalFree) }

// total is all memory the runtime mapped.
func (s *statistics) total() uint64 {
	return s.heapInUse + s.heapFree + s.heapReleased + s.inStacks + s.inWorkBufs + s.stacksSys + s.mspanSys + s.mcacheSys +
		s.buckhashSys + s.gcMiscSys + s.otherSys
}

// sub is a minus b, and 0 where the two were read at different moments and b is larger.
func sub(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}

// statsReader reads all statistics with one system call and without allocating. It keeps its buffers.
type statsReader struct {
	p    *program
	o    statsOffsets
	reqs []request

	ms, gc, heap, work, allp []byte
	allglen, phase, maxProcs []byte
	ngsys, stopping          []byte
	free                     [][]byte // counts of dead goroutines that the scheduler keeps
	histograms               []timeHistogram
	fixed                    int // requests before those for each P
	list                     uint64
	procs                    []uint64
	procFree                 []byte
	derivedAlloc             uint64
}

const (
	torn      = 2 << 20 // bytes by which two counters of the same may differ before the reading is repeated
	tornTries = 3
)

func newStatsReader(p *program) (*statsReader, error) {
	r := p.resolve()
	s := &statsReader{p: p, o: resolveStats(r)}
	if err := r.err("statistics"); err != nil {
		return nil, err
	}
	o := &s.o
	s.ms = s.add(o.memstats, r.size("mstats"))
	s.gc = s.add(o.gcController, r.size("gcControllerState"))
	s.heap = s.add(o.mheap+uint64(o.heapFrom), o.heapTo-o.heapFrom)
	s.allglen, s.phase, s.maxProcs = s.add(o.allglen, 8), s.add(o.gcphase, 4), s.add(o.gomaxprocs, 4)
	s.ngsys, s.stopping = s.add(o.sched+uint64(o.ngsys), 4), s.add(o.sched+uint64(o.stopping), 1)
	for _, off := range o.schedFree {
		s.free = append(s.free, s.add(o.sched+uint64(off), 4))
	}
	if o.work != 0 {
		s.work = s.add(o.work, r.size("workType"))
	}
	for _, h := range o.histograms {
		s.histograms = append(s.histograms, newTimeHistogram(h, s.add(h.addr, h.size)))
	}
	s.allp = s.add(o.allp, 24)
	s.fixed = len(s.reqs)
	return s, r.err("statistics")
}

func (s *statsReader) add(addr uint64, n int) []byte {
	b := make([]byte, n)
	s.reqs = append(s.reqs, request{addr: addr, buf: b})
	return b
}

// read fills st. The error wraps sampler.ErrGone when the process has ended.
func (s *statsReader) read(st *statistics) error {
	for try := 0; ; try++ {
		if err := s.load(); err != nil {
			return err
		}
		s.decode(st)
		apart := max(s.derivedAlloc, st.totalAlloc) - min(s.derivedAlloc, st.totalAlloc)
		if apart <= torn || try == tornTries {
			return nil // what differs still is a large object on its way from one counter to the other
		}
	}
}

func (s *statsReader) load() error {
	for range 2 {
		if err := s.p.mem.read(s.reqs); err != nil {
			return err
		}
		for i := range s.reqs {
			if !s.reqs[i].ok {
				if err := s.p.mem.alive(); err != nil {
					return err
				}
				return fmt.Errorf("statistics: %w", &errUnreadable{"the runtime's counters", s.reqs[i].addr})
			}
		}
		same, err := s.refreshProcs()
		if err != nil || same {
			return err
		}
	}
	return nil // GOMAXPROCS is being changed all the time; the count of goroutines lags by one reading
}

// refreshProcs learns where the scheduler's Ps are when their list has changed, which makes the reading incomplete.
func (s *statsReader) refreshProcs() (same bool, err error) {
	list, n := u64(s.allp, 0), u64(s.allp, 8)
	if n == 0 || n > maxProcs {
		return false, s.p.implausible("the length of runtime.allp", n)
	}
	if list == s.list && int(n) == len(s.procs) {
		return true, nil
	}
	b := make([]byte, 8*n)
	if err := readAt(s.p.mem, "allp", list, b); err != nil {
		return false, err
	}
	s.list, s.procs, s.procFree = list, s.procs[:0], make([]byte, 4*n)
	s.reqs = s.reqs[:s.fixed]
	for i := range int(n) {
		addr := u64(b, 8*i)
		s.procs = append(s.procs, addr)
		s.reqs = append(s.reqs, request{addr: addr + uint64(s.o.procFree), buf: s.procFree[4*i:][:4]})
	}
	return false, nil
}

func (s *statsReader) decode(st *statistics) {
	o := &s.o
	gc := func(off int) uint64 { return u64(s.gc, off) }
	ms := func(off int) uint64 { return u64(s.ms, off) }
	*st = statistics{
		gcPercent: int32(u32(s.gc, o.gcPercent)), memoryLimit: int64(gc(o.memoryLimit)), heapLive: gc(o.heapLive),
		heapMarked: gc(o.heapMarked), lastHeapGoal: gc(o.lastHeapGoal), heapInUse: gc(o.heapInUse), heapFree: gc(o.heapFree),
		heapReleased: gc(o.heapReleased), totalAlloc: gc(o.totalAlloc), totalFree: gc(o.totalFree), mappedReady: gc(o.mappedReady),
		heapScan: gc(o.heapScan), stackScan: gc(o.lastStackScan), globalsScan: gc(o.globalsScan),
		stacksSys: ms(o.stacksSys), mspanSys: ms(o.mspanSys), mcacheSys: ms(o.mcacheSys), buckhashSys: ms(o.buckhashSys),
		gcMiscSys: ms(o.gcMiscSys), otherSys: ms(o.otherSys), lastGC: ms(o.lastGCUnix), lastGCMono: ms(o.lastGCMono),
		pauseTotal: ms(o.pauseTotal), numGC: u32(s.ms, o.numGC), numForced: u32(s.ms, o.numForced), gcCPU: f64(s.ms, o.gcCPU),
		mspanInUse: u64(s.heap, o.spanAlloc-o.heapFrom), mcacheInUse: u64(s.heap, o.cacheAlloc-o.heapFrom),
		phase: u32(s.phase, 0), maxProcs: int32(u32(s.maxProcs, 0)),
	}
	s.decodeShards(st)
	s.decodeGoroutines(st)
	s.decodeWork(st)
	st.heapGoal = s.heapGoal(st)
	if math.IsNaN(st.gcCPU) || math.IsInf(st.gcCPU, 0) {
		st.gcCPU = 0
	}
}

// decodeShards sums the three shards that writers take turns on. The sum is right at any moment but while a reader in
// the target merges two of them, which read notices by comparing the sum with another counter.
func (s *statsReader) decodeShards(st *statistics) {
	o := &s.o
	sum := func(off int) (v uint64) {
		for i := range 3 {
			v += u64(s.ms, o.shards+i*o.shardSize+off)
		}
		return v
	}
	st.inStacks, st.inWorkBufs = clamp(sum(o.inStacks)), clamp(sum(o.inWorkBufs))
	st.tinyAllocs = sum(o.tinyAllocCount)
	st.largeAlloc, st.largeAllocs, st.largeFreeCount = sum(o.largeAlloc), sum(o.largeAllocCount), sum(o.largeFreeCount)
	st.mallocs, st.frees = st.largeAllocs, st.largeFreeCount
	s.derivedAlloc = st.largeAlloc
	for i := range sizeClasses {
		a, f := sum(o.smallAllocCount+8*i), sum(o.smallFreeCount+8*i)
		st.smallAllocs[i], st.smallFrees[i] = a, f
		st.mallocs += a
		st.frees += f
		if i < len(s.p.classes) {
			s.derivedAlloc += a * uint64(s.p.classes[i])
		}
	}
	if len(s.p.classes) == 0 {
		s.derivedAlloc = st.totalAlloc // nothing to compare with
	}
}

// clamp turns a sum that a torn reading made negative into 0.
func clamp(v uint64) uint64 {
	if int64(v) < 0 {
		return 0
	}
	return v
}

// decodeGoroutines counts as runtime.NumGoroutine does: all, less the dead that are kept for use again and the
// runtime's own.
func (s *statsReader) decodeGoroutines(st *statistics) {
	n := int64(u64(s.allglen, 0)) - int64(int32(u32(s.ngsys, 0)))
	for _, b := range s.free {
		n -= int64(int32(u32(b, 0)))
	}
	for i := range s.procs {
		n -= int64(int32(u32(s.procFree, 4*i)))
	}
	st.goroutines = max(n, 1)
}

func (s *statsReader) decodeWork(st *statistics) {
	if s.work == nil {
		return
	}
	o := &s.o
	st.heap0, st.heap1, st.heap2 = u64(s.work, o.heap0), u64(s.work, o.heap1), u64(s.work, o.heap2)
	for i, off := range o.cpu {
		st.cpu[i] = i64(s.work, off)
	}
}

// heapGoal computes the goal as the runtime does (gcControllerState.heapGoalInternal).
func (s *statsReader) heapGoal(st *statistics) uint64 {
	const minRunway = 64 << 10
	goal := u64(s.gc, s.o.percentGoal)
	if limited := s.limitGoal(st); limited < goal {
		return limited
	}
	goal = max(goal, u64(s.gc, s.o.sweepTrigger))
	if t := u64(s.gc, s.o.triggered); t != math.MaxUint64 && goal < t+minRunway {
		goal = t + minRunway
	}
	return goal
}

// limitGoal is the goal that GOMEMLIMIT sets (gcControllerState.memoryLimitHeapGoal).
func (s *statsReader) limitGoal(st *statistics) uint64 {
	if st.memoryLimit == math.MaxInt64 || st.memoryLimit < 0 {
		return math.MaxUint64
	}
	limit, objects := uint64(st.memoryLimit), st.objects()
	nonHeap := sub(st.mappedReady, st.heapFree+objects)
	over := sub(st.mappedReady, limit)
	if nonHeap+over >= limit {
		return st.heapMarked
	}
	goal := limit - (nonHeap + over)
	headroom := uint64(1 << 20)
	if s.p.minor != 20 { // Go 1.20 keeps a fixed distance
		headroom = max(headroom, goal/100*3)
	}
	if goal < headroom || goal-headroom < headroom {
		goal = headroom
	} else {
		goal -= headroom
	}
	return max(goal, st.heapMarked)
}
