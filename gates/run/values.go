package run

import (
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	leastReadings = 20                     // for a steady state
	leastSteady   = 200 * time.Millisecond // the same
	leastCycles   = 4                      // collections for a steady heap
)

// values makes the gate metrics of a run.
func (c *command) values(m *launch.Measurement, w *watch) *once {
	o := newOnce()
	o.took = m.Ended.Sub(m.Started)
	for _, warning := range m.Warnings {
		o.note("%v", warning)
	}
	if len(m.Left) > 0 {
		o.note("%s still ran when the command had ended, and had to be ended: the first is %s", unit.Things(len(m.Left), "process"), m.Left[0].Name)
	}
	if !m.Traced && m.Untraced != "" {
		o.note("processes were not read at their end: %s", m.Untraced)
	}
	o.resident(m)
	from := warmUntil(c.scenario, m)
	o.sessions = sessionsOf(c.scenario, m)
	o.sustained("sustained_rss", w.rss, from, m.Ended)
	if _, ok := o.values["sustained_rss"]; ok && len(m.PeakTree.Processes) > 1 {
		o.sources["sustained_rss"] += ", " + gates.SumOfTree
	}
	o.checkpoints(m, w, float64(o.sessions))
	main := w.main()
	if main == nil {
		o.noRuntime(w)
		o.series = trendSeries{"/tree/rss:bytes", w.rss, m.Started}
		return o
	}
	begin := beginOf(m)
	h := &main.heap
	source := sourceOf(main.child, m.Root)
	o.heap(h, main.total, heapBase{begin.live, begin.words}, from, o.sessions, source)
	o.collector(zeroSnapshot(main.child.Started, main.total.snap), main.total.snap, source)
	o.allocations(w, m)
	o.series = trendSeries{string(sampler.GoHeapLive), h.live, main.child.Started}
	if w.profiles {
		o.profiles = readSites(main)
	}
	return o
}

func sessions(n int) int { return max(n, 1) }

// resident sets the peaks of resident memory.
func (o *once) resident(m *launch.Measurement) {
	largest, ok := m.Largest()
	if !ok {
		o.lack("peak_rss", "no process was seen for long enough to read its peak")
	} else {
		source := "VmHWM, as it was when the process was last looked at"
		if largest.Exact {
			source = "VmHWM in the exit stop"
			if m.MaxRSS.OK && m.MaxRSS.Value == largest.PeakRSS.Value {
				source = "ru_maxrss"
			}
		}
		source += sourceOf(largest.Child, m.Root)
		if sum := m.PeakTree; sum.Sum.OK && len(sum.Processes) > 1 {
			source += fmt.Sprintf("; the largest sum seen, of %d processes, was %s", len(sum.Processes), unit.Format("bytes", sum.Sum.Value))
		}
		o.set("peak_rss", largest.PeakRSS.Value, source)
	}
	if m.PeakCgroup.OK {
		o.set("peak_cgroup", m.PeakCgroup.Value, "memory.peak of its own cgroup")
	} else {
		o.lack("peak_cgroup", "no cgroup of its own: %s", m.NoCgroup)
	}
}

// sustained sets the 75th percentile of a series over time.
func (o *once) sustained(metric string, points []sampler.Point, from, end time.Time) {
	v, n := weighted(points, from, end)
	if n < leastReadings || end.Sub(from) < leastSteady {
		o.tooShort(metric, "%s in %s after the warm-up: a steady state needs %d, in %s", unit.Things(n, "reading"),
			max(end.Sub(from), 0).Round(time.Millisecond), leastReadings, leastSteady)
		return
	}
	o.set(metric, v, unit.Things(n, "reading"))
}

// heapBase is what the heap held before the work began.
type heapBase struct {
	bytes float64
	words string
}

// heap sets the metrics of the Go heap.
func (o *once) heap(h *heapSeries, t *totals, base heapBase, from time.Time, sessions int, source string) {
	by := h.mostBy
	if !t.exact {
		by += ", the last a moment before the end"
	}
	o.set("peak_heap", max(h.most-base.bytes, 0)/float64(sessions), "/memory/classes/heap/objects:bytes"+source+" at "+by+", above "+base.words)
	values := after(h.cycles, from)
	if len(values) < leastCycles {
		o.tooShort("sustained_heap", "%d collections after the warm-up: a steady heap needs %d", len(values), leastCycles)
		return
	}
	o.set("sustained_heap", max(quantile75(values)-base.bytes, 0)/float64(sessions),
		fmt.Sprintf("/gc/heap/live:bytes%s after %d collections, above %s", source, len(values), base.words))
}

// collector sets what the garbage collector took between two readings.
func (o *once) collector(from, to *sampler.Snapshot, source string) {
	gc := analysis.GCBetween(from, to)
	cycles, known := between(from, to, sampler.GoCyclesTotal)
	const words = "/cpu/classes of the runtime"
	switch {
	case gc.CPUPercent.OK:
		o.set("gc_cpu", gc.CPUPercent.Value, words+source)
		o.set("gc_pressure", gc.Pressure.Value, words+source)
	case known && cycles == 0:
		o.set("gc_cpu", 0, "no collection ran"+source)
		o.set("gc_pressure", 0, "no collection ran"+source)
	default:
		o.lack("gc_cpu", "the runtime told no CPU time")
		o.lack("gc_pressure", "the runtime told no CPU time")
	}
	now, ok := to.Histogram(sampler.GoGCPauses)
	if !ok {
		o.lack("gc_pause_p99", "the runtime's histogram of pauses was not read")
		return
	}
	var since *sampler.Histogram
	if before, ok := from.Histogram(sampler.GoGCPauses); ok {
		since = &before
	}
	if p, ok := analysis.PausesOf(now, since, 1); ok {
		o.set("gc_pause_p99", p.P99, fmt.Sprintf("%s%s, %d pauses", sampler.GoGCPauses, source, p.Count))
		return
	}
	o.lack("gc_pause_p99", "there was no pause")
}

func between(from, to *sampler.Snapshot, m sampler.Metric) (float64, bool) {
	a, had := from.Get(m)
	b, has := to.Get(m)
	return b - a, had && has && b >= a
}

// zeroSnapshot is what a process would have told when it began: all counters of end at 0.
func zeroSnapshot(began time.Time, end *sampler.Snapshot) *sampler.Snapshot {
	s := &sampler.Snapshot{Time: began}
	for _, m := range []sampler.Metric{sampler.GoCPUTotal, sampler.GoCPUIdle, sampler.GoCPUGCIdle, sampler.GoCPUGCAssist, sampler.GoCPUGCDedicated,
		sampler.GoCPUGCPause, sampler.GoCyclesTotal, sampler.GoHeapAllocs} {
		s.Add(m, 0)
	}
	if !began.Before(end.RuntimeTime()) {
		s.Time = end.RuntimeTime().Add(-time.Nanosecond)
	}
	return s
}

// allocations sums the allocations of all Go processes of the run. One that could not be read makes the sum unknown.
func (o *once) allocations(w *watch, m *launch.Measurement) {
	var count, bytes float64
	processes, inexact := 0, 0
	var unread []string
	for _, p := range w.all {
		switch t := p.total; {
		case p.notGo, p.total == nil && p.why == nil:
		case t == nil:
			unread = append(unread, fmt.Sprintf("%s (process %d): %v", p.child.Name, p.child.PID, p.why))
		case t.exact && t.stats != nil:
			processes++
			count += float64(t.stats.Mallocs)
			bytes += float64(t.stats.TotalAlloc)
		default:
			processes++
			inexact++
			n, _ := t.snap.Get(sampler.GoHeapAllocCount)
			b, _ := t.snap.Get(sampler.GoHeapAllocs)
			count, bytes = count+n, bytes+b
		}
	}
	for _, name := range w.unread {
		unread = append(unread, name+" turned into another program before it could be read")
	}
	if w.dropped > 0 {
		unread = append(unread, fmt.Sprintf("%s beyond %d, not followed", unit.Things(w.dropped, "process"), maxProcs))
	}
	if len(unread) > 0 || processes == 0 {
		why := "no Go process was read"
		if len(unread) > 0 {
			why = fmt.Sprintf("%s could not be read to the end: %s", unit.Things(len(unread), "Go process"), unread[0])
		}
		o.lack("allocs", "%s", why)
		o.lack("alloc_bytes", "%s", why)
		return
	}
	source := "the runtime's totals in the exit stop"
	if inexact > 0 {
		source = "the runtime's totals when they were last read before the end; " + m.Untraced
	}
	if processes > 1 {
		source += fmt.Sprintf(", the sum of %d processes", processes)
	}
	o.set("allocs", count, source)
	o.set("alloc_bytes", bytes, source)
}

// noRuntime records why there are no metrics of Go.
func (o *once) noRuntime(w *watch) {
	why := "no process of this run is a Go program"
	for _, p := range w.all {
		if !p.notGo && p.why != nil {
			why = fmt.Sprintf("%s (process %d) could not be read: %v", p.child.Name, p.child.PID, p.why)
		}
	}
	for _, metric := range goMetrics() {
		if _, found := o.values[metric]; !found {
			o.lack(metric, "%s", why)
		}
	}
}

// goMetrics are the metrics that only a Go program has.
func goMetrics() []string {
	return []string{"peak_heap", "sustained_heap", "live_heap", "gc_cpu", "gc_pressure", "gc_pause_p99", "allocs", "alloc_bytes", "goroutines"}
}
