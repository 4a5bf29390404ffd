package samplertest

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// The made-up server, in bytes and bytes per second.
const (
	mb            = 1e6
	baseLive      = 24 * mb // what it needs
	cacheLive     = 30 * mb // a cache that fills in some minutes and stays
	cacheTau      = 90.0    // seconds
	leakPerSecond = 18e3    // what it never lets go
	allocRate     = 14 * mb
	objectSize    = 118.0 // the average object
	maxProcs      = 4
	userCPU       = 0.55 // CPUs its own work takes
	nativeBytes   = 5.3 * mb
	fileBytes     = 16.8 * mb
	untouched     = 0.9 * mb // what the runtime reserved and never touched
	pageSize      = 4096
	keptCycles    = 256 // of those nobody has read yet
)

// model is the server's state. It is advanced from one garbage collection to the next, so that it depends on the time
// alone and not on how often it is read.
type model struct {
	seed        uint64
	start       time.Time
	now         float64 // seconds since start
	cycleAt     float64 // when the last collection ended
	live, after float64 // marked at the last collection; in use at its end
	rate        float64 // of allocation since then
	goal        float64
	arena       float64 // heap taken from the system so far, and not returned: address space of spans
	released    float64
	gogc        float64
	memLimit    float64
	cycles      uint64
	forced      uint64
	allocated   float64 // up to cycleAt
	freed       float64
	gcDedicated float64 // cpu-seconds
	gcAssist    float64
	gcIdle      float64
	gcPause     float64
	pauseTotal  float64
	pauses      []uint64
	pending     []sampler.GCCycle
	peakRSS     float64
}

func newModel(seed uint64, start time.Time) *model {
	m := &model{seed: seed, start: start, gogc: 100, memLimit: math.MaxInt64, pauses: make([]uint64, len(pauseBuckets())-1)}
	m.live, m.after, m.goal, m.rate, m.arena = 3*mb, 3*mb, 6*mb, allocRate, 8*mb
	m.allocated = m.live
	return m
}

// noise returns a number from -1 to 1 that depends on the seed and n alone (splitmix64).
func noise(seed, n uint64) float64 {
	z := seed + (n+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11)/(1<<52) - 1
}

// reachable returns what the program holds t seconds after its start.
func (m *model) reachable(t float64) float64 {
	return m.base(t) + m.cache(t) + m.leak(t)
}

func (m *model) base(t float64) float64 { return baseLive * min(1, 0.2+t/5) }

func (m *model) cache(t float64) float64 { return cacheLive * (1 - math.Exp(-t/cacheTau)) }

func (m *model) leak(t float64) float64 { return leakPerSecond * t }

// inUse is the heap in objects, garbage included.
func (m *model) inUse() float64 { return m.after + (m.now-m.cycleAt)*m.rate }

// advance lets the server run until t seconds after its start.
func (m *model) advance(t float64) {
	for t > m.now {
		next := m.cycleAt + max((m.goal-m.after)/m.rate, 0.05)
		if next > t {
			m.now = t
			break
		}
		m.now = next
		m.collect("automatic")
	}
	m.peakRSS = max(m.peakRSS, m.rss())
}

// collect ends a garbage collection now.
func (m *model) collect(kind string) {
	before := m.inUse()
	m.allocated += before - m.after
	m.cycles++
	if kind == "forced" {
		m.forced++
	}
	live := m.reachable(m.now) * (1 + 0.01*noise(m.seed, m.cycles))
	after := live * 1.03 // allocated while it marked
	m.freed += max(before-after, 0)
	pause := m.addPauses()
	mark := live / (1200 * mb) // a CPU marks 1.2 GB a second
	m.gcDedicated += mark
	m.gcAssist += mark * 0.06
	m.gcIdle += mark * 0.4
	m.gcPause += pause * maxProcs
	c := sampler.GCCycle{
		Number: m.cycles, End: m.timeAt(m.now), Kind: kind,
		Before: sampler.Known(math.Round(before)), After: sampler.Known(math.Round(before + after - live)), // swept only later
		Live: sampler.Known(math.Round(live)), Goal: sampler.Known(math.Round(m.goal)),
		Pause: sampler.Known(pause), CPU: sampler.Known(100 * m.gcCPU() / (maxProcs * m.now)),
	}
	if m.pending = append(m.pending, c); len(m.pending) > keptCycles {
		m.pending = append(m.pending[:0], m.pending[1:]...)
	}
	m.arena = max(m.arena, before*1.05)
	m.released = min(m.released, m.arena-before*1.05)
	m.live, m.after, m.cycleAt = live, after, m.now
	m.rate = allocRate * (1 + 0.3*math.Sin(m.now/15) + 0.1*noise(m.seed+1, m.cycles))
	m.pace()
}

// pace sets the heap goal as the runtime does: the live heap and GOGC percent of it, within the memory limit.
func (m *model) pace() {
	m.goal = max(m.live*(1+m.gogc/100), 4*mb)
	if m.gogc < 0 {
		m.goal = math.MaxInt64
	}
	m.goal = max(min(m.goal, m.memLimit-m.overhead()), m.after*1.05)
}

func (m *model) timeAt(t float64) time.Time {
	return m.start.Add(time.Duration(t * float64(time.Second)))
}

// addPauses counts the two pauses of a collection and returns their sum in seconds.
func (m *model) addPauses() float64 {
	sum := 0.0
	for i := range uint64(2) {
		p := 55e-6 * math.Exp(0.9*noise(m.seed+2, 2*m.cycles+i))
		if (2*m.cycles+i)%37 == 0 {
			p *= 14 // a goroutine that was slow to stop
		}
		buckets := pauseBuckets()
		for k := range m.pauses {
			if p < buckets[k+1] {
				m.pauses[k]++
				break
			}
		}
		sum += p
	}
	m.pauseTotal += sum
	return sum
}

// pauseBuckets returns the boundaries of the pause histogram: as the runtime's, from below zero to endless.
func pauseBuckets() []float64 {
	b := []float64{math.Inf(-1), 0}
	for i := range 44 {
		b = append(b, 1e-6*math.Pow(2, float64(i)/2))
	}
	return append(b, math.Inf(1))
}

// gcCPU is what collections took of the program's CPU: idle workers left out.
func (m *model) gcCPU() float64 { return m.gcDedicated + m.gcAssist + m.gcPause }

func (m *model) unused() float64 { return pages(0.03 * m.arena) }

func (m *model) free() float64 { return max(m.arena-m.released-m.inUse()-m.unused(), 0) }

func (m *model) goroutines() int { return 47 + m.leaked() }

// leaked is the number of goroutines that will never go on: one more every 30 seconds.
func (m *model) leaked() int { return int(m.now / 30) }

func (m *model) stacks() float64 { return 1.4*mb + pages(float64(m.goroutines())*8192) }

// overhead is what the runtime takes besides heap objects and free heap.
func (m *model) overhead() float64 { return m.stacks() + 5*mb }

// rss is the sum of its parts, in whole pages.
func (m *model) rss() float64 { return m.anon() + pages(fileBytes) }

func (m *model) anon() float64 {
	goMapped := m.inUse() + m.unused() + m.free() + m.stacks() + m.metadata() - untouched
	return pages(goMapped + nativeBytes)
}

func (m *model) metadata() float64 {
	return 0.012*m.arena + 28800 + 1.9*mb + 1.5*mb + 0.6*mb
}

// pages rounds to whole pages.
func pages(v float64) float64 { return math.Round(v/pageSize) * pageSize }
