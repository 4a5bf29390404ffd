package goproc

import (
	"math"

	"github.com/alloc-dev/heaptop/sampler"
)

// The runtime's distribution of durations has the same shape in every release from Go 1.20 on: 4 buckets for each power
// of two nanoseconds from 2^8 to 2^47, one for negative durations and one for longer ones.
const (
	histogramMinBits = 9
	histogramMaxBits = 48
	histogramSubBits = 2
	histogramCounts  = (histogramMaxBits - histogramMinBits + 1) << histogramSubBits
	histogramBytes   = 8 * (histogramCounts + 2)
)

// histogramPlace is where a distribution is.
type histogramPlace struct {
	metric                      sampler.Metric
	addr                        uint64
	size                        int
	counts, underflow, overflow int
}

func resolveHistograms(r *resolver) []histogramPlace {
	t := r.p.layout["runtime.timeHistogram"]
	if t.Size != histogramBytes {
		return nil // another shape: its buckets would be named wrongly
	}
	base := histogramPlace{size: histogramBytes, counts: r.field("timeHistogram", "counts", 8*histogramCounts),
		underflow: r.field("timeHistogram", "underflow", 8), overflow: r.field("timeHistogram", "overflow", 8)}
	var out []histogramPlace
	add := func(variable, typ, field string, m sampler.Metric) {
		v, known := r.p.vars[variable]
		if off, ok := r.optional(typ, field, histogramBytes); known && ok {
			h := base
			h.metric, h.addr = m, v.addr+uint64(off)
			out = append(out, h)
		}
	}
	add("runtime.sched", "schedt", "stwTotalTimeGC", sampler.GoGCPauses)
	add("runtime.memstats", "mstats", "gcPauseDist", sampler.GoGCPauses) // until Go 1.21
	add("runtime.sched", "schedt", "stwTotalTimeOther", "/sched/pauses/total/other:seconds")
	add("runtime.sched", "schedt", "stwStoppingTimeGC", "/sched/pauses/stopping/gc:seconds")
	add("runtime.sched", "schedt", "stwStoppingTimeOther", "/sched/pauses/stopping/other:seconds")
	add("runtime.sched", "schedt", "timeToRun", "/sched/latencies:seconds")
	return out
}

// timeHistogram is a distribution with the memory it is read into.
type timeHistogram struct {
	place histogramPlace
	raw   []byte
	out   sampler.Histogram
}

func newTimeHistogram(p histogramPlace, raw []byte) timeHistogram {
	return timeHistogram{place: p, raw: raw, out: sampler.Histogram{Metric: p.metric, Buckets: histogramBuckets(),
		Counts: make([]uint64, histogramCounts+2)}}
}

// decode returns the distribution; the next call overwrites it.
func (h *timeHistogram) decode() sampler.Histogram {
	h.out.Counts[0] = u64(h.raw, h.place.underflow)
	for i := range histogramCounts {
		h.out.Counts[i+1] = u64(h.raw, h.place.counts+8*i)
	}
	h.out.Counts[histogramCounts+1] = u64(h.raw, h.place.overflow)
	return h.out
}

// histogramBuckets returns the boundaries in seconds, those of runtime/metrics.
func histogramBuckets() []float64 {
	const sub = 1 << histogramSubBits
	b := make([]float64, 0, histogramCounts+3)
	b = append(b, math.Inf(-1))
	for j := range sub {
		b = append(b, float64(uint64(j)<<(histogramMinBits-1-histogramSubBits))/1e9)
	}
	for i := histogramMinBits; i < histogramMaxBits; i++ {
		for j := range sub {
			b = append(b, float64(uint64(1)<<(i-1)|uint64(j)<<(i-1-histogramSubBits))/1e9)
		}
	}
	return append(b, float64(uint64(1)<<(histogramMaxBits-1))/1e9, math.Inf(1))
}
