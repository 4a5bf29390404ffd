package agent

import (
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"
)

const (
	keptCycles = 256              // as many as the runtime remembers pauses of
	armedFor   = 15 * time.Second // after the last request
)

// cycles notes, after each collection, what the runtime forgets at the next: how much was found alive, what the next
// goal is, who asked for it. It hears of a collection by an object that nobody holds: its cleanup runs when the
// collector finds it, and makes the next one. That costs a few microseconds a collection, so it is done only while
// somebody asks.
type cycles struct {
	mu     sync.Mutex
	ring   [keptCycles]cycle
	last   cycle // what was read last
	armed  bool
	closed bool
	asked  time.Time
	sample []metrics.Sample
	again  []metrics.Sample
}

// cycle is what was read after the collection numbered n: the next one has goal for its goal.
type cycle struct {
	n, live, goal, forced uint64
	before                uint64 // the goal that was read after the collection before; 0 when it was missed
	wasForced, kindKnown  bool
}

// sentinel is the object that the collector finds. It holds a pointer, for the runtime puts small objects without one
// together, and lets them live on by each other.
type sentinel struct{ _ *sentinel }

func newCycles() *cycles {
	return &cycles{
		sample: []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/goal:bytes"}, {Name: "/gc/cycles/forced:gc-cycles"}},
		again:  []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}},
	}
}

// arm notes that somebody asked, and sees to it that the next collection is heard of.
func (c *cycles) arm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = time.Now()
	if !c.armed && !c.closed {
		c.armed = true
		c.last, _ = c.read()
		c.plant()
	}
}

func (c *cycles) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *cycles) plant() { runtime.AddCleanup(new(sentinel), (*cycles).collected, c) }

// collected runs after a collection, in a goroutine of the runtime.
func (c *cycles) collected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || time.Since(c.asked) > armedFor {
		c.armed = false
		return
	}
	c.plant()
	now, ok := c.read()
	if !ok || now.n == c.last.n {
		return
	}
	if now.n == c.last.n+1 {
		now.before = c.last.goal
		now.wasForced, now.kindKnown = now.forced > c.last.forced, true
	}
	c.last = now
	c.ring[now.n%keptCycles] = now
}

// read reads the state after a collection; ok is false when another one ended meanwhile, so that it is not known whose
// figures these are.
func (c *cycles) read() (cycle, bool) {
	metrics.Read(c.sample)
	metrics.Read(c.again)
	now := cycle{n: value(c.sample[0]), live: value(c.sample[1]), goal: value(c.sample[2]), forced: value(c.sample[3])}
	return now, now.n == value(c.again[0])
}

// value returns a counter, or 0 where this runtime has none of the name.
func value(s metrics.Sample) uint64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.Value.Uint64()
}

// append writes what is known of a cycle as JSON members.
func (c *cycles) append(b []byte, n uint64) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.ring[n%keptCycles]
	if known.n != n || n == 0 {
		return b
	}
	b = append(b, `,"live":`...)
	b = strconv.AppendUint(b, known.live, 10)
	if known.before != 0 {
		b = append(b, `,"goal":`...)
		b = strconv.AppendUint(b, known.before, 10)
	}
	switch {
	case known.kindKnown && known.wasForced:
		b = append(b, `,"kind":"forced"`...)
	case known.kindKnown:
		b = append(b, `,"kind":"automatic"`...)
	}
	return b
}
