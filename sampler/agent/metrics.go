package agent

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// goroutines is sent as what runtime.NumGoroutine says. That is what the metric of this name said until Go 1.25; since
// then it counts the runtime's own goroutines too, and would not agree with profiles, nor with older programs.
const goroutines = "/sched/goroutines:goroutines"

// pauseHistogram is the one distribution that is sent.
const pauseHistogram = "/sched/pauses/total/gc:seconds"

// reader reads the runtime's statistics into memory that it uses again.
type reader struct {
	mu      sync.Mutex
	scalars []metrics.Sample
	pauses  []metrics.Sample // one, or none when the runtime has no such distribution
	gc      debug.GCStats
	out     []byte
	cycles  *cycles
}

func newReader() *reader {
	r := &reader{cycles: newCycles()}
	for _, d := range metrics.All() {
		switch {
		case d.Name == pauseHistogram:
			r.pauses = append(r.pauses, metrics.Sample{Name: d.Name})
		case strings.HasPrefix(d.Name, "/godebug/"), d.Name == goroutines:
		case d.Kind == metrics.KindUint64 || d.Kind == metrics.KindFloat64:
			r.scalars = append(r.scalars, metrics.Sample{Name: d.Name})
		}
	}
	return r
}

func (r *reader) close() { r.cycles.close() }

// json reads everything and returns it as one object:
//
//	{"pid":1,"time":NS,"took":NS,"samples":{"/gc/heap/live:bytes":1,...},"buckets":["-Inf",...],"counts":[0,...],
//	 "cycles":[{"n":1,"end":NS,"pause":NS,"live":1,"goal":1,"kind":"forced"},...],"numgc":1}
//
// cycles has those that ended after the one numbered since, as far back as the runtime remembers them (256); their
// live, goal and kind are absent when the cycle ended while nobody asked. buckets is sent only when asked for, because
// it never changes while the program runs.
func (r *reader) json(pid int, since uint64, withCycles, withBuckets bool) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	start := time.Now()
	r.cycles.arm()
	metrics.Read(r.scalars)
	metrics.Read(r.pauses)
	debug.ReadGCStats(&r.gc)
	b := append(r.out[:0], `{"pid":`...)
	b = strconv.AppendInt(b, int64(pid), 10)
	b = append(b, `,"time":`...)
	b = strconv.AppendInt(b, start.UnixNano(), 10)
	b = append(b, `,"samples":{`...)
	for _, s := range r.scalars {
		b = appendSample(b, s)
	}
	b = append(b, `"`+goroutines+`":`...)
	b = strconv.AppendInt(b, int64(runtime.NumGoroutine()), 10)
	b = append(b, `,"/gc/pauses/total:seconds":`...)
	b = strconv.AppendFloat(b, r.gc.PauseTotal.Seconds(), 'g', -1, 64)
	if counting.Load() {
		b = append(b, `,"`+OperationsMetric+`":`...)
		b = strconv.AppendUint(b, operations.Load(), 10)
	}
	b = append(b, '}')
	for _, s := range r.pauses {
		b = appendHistogram(b, s.Value.Float64Histogram(), withBuckets)
	}
	b = append(b, `,"numgc":`...)
	b = strconv.AppendInt(b, r.gc.NumGC, 10)
	if withCycles {
		b = r.appendCycles(b, since)
	}
	b = append(b, `,"took":`...)
	b = strconv.AppendInt(b, int64(time.Since(start)), 10)
	r.out = append(b, '}')
	return slices.Clone(r.out) // whoever reads it slowly keeps nobody else waiting
}

func appendSample(b []byte, s metrics.Sample) []byte {
	switch s.Value.Kind() {
	case metrics.KindUint64:
		b = append(append(append(b, '"'), s.Name...), `":`...)
		return append(strconv.AppendUint(b, s.Value.Uint64(), 10), ',')
	case metrics.KindFloat64:
		if v := s.Value.Float64(); !math.IsNaN(v) && !math.IsInf(v, 0) {
			b = append(append(append(b, '"'), s.Name...), `":`...)
			return append(strconv.AppendFloat(b, v, 'g', -1, 64), ',')
		}
	}
	return b
}

func appendHistogram(b []byte, h *metrics.Float64Histogram, withBuckets bool) []byte {
	if withBuckets {
		b = append(b, `,"buckets":[`...)
		for i, v := range h.Buckets {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '"')
			b = append(strconv.AppendFloat(b, v, 'g', -1, 64), '"') // as text: the outer ones are infinite
		}
		b = append(b, ']')
	}
	b = append(b, `,"counts":[`...)
	for i, n := range h.Counts {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, n, 10)
	}
	return append(b, ']')
}

// appendCycles writes the cycles after since, oldest first. The runtime has pauses and their ends most recent first.
func (r *reader) appendCycles(b []byte, since uint64) []byte {
	b = append(b, `,"cycles":[`...)
	last := uint64(r.gc.NumGC)
	n := min(last-min(since, last), uint64(len(r.gc.Pause)))
	for i := n; i > 0; i-- {
		number := last - i + 1
		if i < n {
			b = append(b, ',')
		}
		b = append(b, `{"n":`...)
		b = strconv.AppendUint(b, number, 10)
		b = append(b, `,"end":`...)
		b = strconv.AppendInt(b, r.gc.PauseEnd[i-1].UnixNano(), 10)
		b = append(b, `,"pause":`...)
		b = strconv.AppendInt(b, int64(r.gc.Pause[i-1]), 10)
		b = r.cycles.append(b, number)
		b = append(b, '}')
	}
	return append(b, ']')
}
