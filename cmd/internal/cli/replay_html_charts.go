package cli

import (
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// chartLine is a line of a chart: a metric, or what follows from two readings.
type chartLine struct {
	name   string
	metric sampler.Metric
	// between is what happened from one reading to a later one. nil for a line of the metric.
	between func(from, to *sampler.Snapshot) sampler.Reading
	dashed  bool // a limit or a goal
	rare    bool // shown only where it is ever above 0
	dots    bool // single events
}

// cyclePause stands for the pause of each collection, which is no metric: it comes with the collections.
const cyclePause sampler.Metric = "pause of a collection"

// chartOf is a chart of a recording; it is left out where none of its lines was read.
type chartOf struct {
	title, unit, note string
	lines             []chartLine
	several           bool // shown only where there was ever more than one process
}

// recordingCharts are what is drawn of a recording, from top to bottom.
func recordingCharts() []chartOf {
	return []chartOf{
		{title: "Memory", unit: "bytes", lines: []chartLine{
			{name: "RSS", metric: sampler.ProcessRSS},
			{name: "heap in use", metric: sampler.GoClassObjects},
			{name: "live heap", metric: sampler.GoHeapLive},
			{name: "heap goal", metric: sampler.GoHeapGoal, dashed: true},
			{name: "swapped out", metric: sampler.ProcessSwap, rare: true},
			{name: "used memory", metric: sampler.RedisUsed},
			{name: "data set", metric: sampler.RedisDataset},
			{name: "RSS by the server", metric: sampler.RedisUsedRSS},
			{name: "GOMEMLIMIT", metric: sampler.GoMemLimit, dashed: true},
			{name: "maxmemory", metric: sampler.RedisMaxMemory, dashed: true},
		}},
		{title: "GC CPU", unit: "percent", note: "Of the CPU time the program used. gc_pressure is this over 50 %, at most 1.", lines: []chartLine{
			{name: "GC CPU", between: func(a, b *sampler.Snapshot) sampler.Reading { return analysis.GCBetween(a, b).CPUPercent }},
		}},
		{title: "Allocated", unit: "bytes/s", lines: []chartLine{
			{name: "allocated", between: func(a, b *sampler.Snapshot) sampler.Reading { return analysis.GCBetween(a, b).AllocRate }},
		}},
		{title: "Collections", unit: "per minute", note: "Forced ones included.", lines: []chartLine{
			{name: "collections", between: func(a, b *sampler.Snapshot) sampler.Reading { return analysis.GCBetween(a, b).CyclesPerMin }},
		}},
		{title: "Pauses of the collections", unit: "seconds", note: "All stop-the-world time of each collection.", lines: []chartLine{
			{name: "pause", metric: cyclePause, dots: true},
		}},
		{title: "Goroutines", unit: "goroutines", lines: []chartLine{{name: "goroutines", metric: sampler.GoGoroutines}}},
		{title: "Threads and open files", unit: "count", lines: []chartLine{
			{name: "threads", metric: sampler.ProcessThreads}, {name: "open files", metric: sampler.ProcessFDs},
		}},
		{title: "CPU", unit: "percent", note: "Of one processor.", lines: []chartLine{{name: "CPU", between: cpuBetween}}},
		{title: "The process and its descendants", unit: "bytes", lines: []chartLine{{name: "RSS, sum", metric: sampler.TreeRSS}, {name: "RSS of the process alone", metric: sampler.ProcessRSS}}, several: true},
		{title: "Control group", unit: "bytes", note: "Page cache counts too, and is given up first.", lines: []chartLine{
			{name: "cgroup", metric: sampler.CgroupCurrent}, {name: "cgroup limit", metric: sampler.CgroupLimit, dashed: true},
		}},
		{title: "Machine", unit: "bytes", lines: []chartLine{
			{name: "available", metric: sampler.MachineAvailable}, {name: "swap free", metric: sampler.MachineSwapFree, rare: true},
		}},
		{title: "Memory pressure", unit: "percent", note: "Of the last 10 s, how long tasks of the machine waited for memory.", lines: []chartLine{
			{name: "some", metric: sampler.PressureSome10, rare: true}, {name: "all", metric: sampler.PressureFull10, rare: true},
		}},
		{title: "Keys", unit: "count", lines: []chartLine{{name: "keys", metric: sampler.RedisKeys}, {name: "evicted", metric: sampler.RedisEvicted, rare: true}}},
		{title: "Clients", unit: "count", lines: []chartLine{{name: "clients", metric: sampler.RedisClients}}},
		{title: "Fragmentation", unit: "ratio", note: "RSS over used memory.", lines: []chartLine{{name: "fragmentation", metric: sampler.RedisFragmentation}}},
		{title: "Work", unit: "count", note: "What the program counts as done.", lines: []chartLine{{name: "operations", metric: sampler.WorkOperations}}},
	}
}

// cpuBetween is the share of one processor, in percent.
func cpuBetween(from, to *sampler.Snapshot) sampler.Reading {
	a, b := from.Reading(sampler.ProcessCPU), to.Reading(sampler.ProcessCPU)
	elapsed := to.Time.Sub(from.Time).Seconds()
	if !a.OK || !b.OK || elapsed <= 0 || b.Value < a.Value {
		return sampler.Reading{}
	}
	return sampler.Known((b.Value - a.Value) / elapsed * 100)
}

// chartFormat prints the values of a chart.
func chartFormat(name string) func(float64) string {
	switch name {
	case "bytes/s":
		return unit.Rate
	case "per minute":
		return func(v float64) string { return unit.Format("", v) + " a minute" }
	case "ratio":
		return func(v float64) string { return unit.Format("", v) }
	case "goroutines", "count":
		return unit.Count
	}
	return func(v float64) string { return unit.Format(name, v) }
}

// leastWindow is the shortest time over which rates are taken: the runtime counts its CPU time when a collection ends.
const leastWindow = 5 * time.Second

// drawn is the lines of the charts while a recording is read.
type drawn struct {
	from, to time.Time
	charts   []chartOf
	traces   [][]*trace // by chart and line
	metrics  map[sampler.Metric][]*trace
	base     *sampler.Snapshot
	window   time.Duration
	several  bool // there was ever more than one process
}

func newDrawn(from, to time.Time) *drawn {
	d := &drawn{from: from, to: to, charts: recordingCharts(), metrics: map[sampler.Metric][]*trace{}, window: max(leastWindow, to.Sub(from)/traceCells)}
	if to.Sub(from) < 20*leastWindow {
		d.window = max(to.Sub(from)/20, time.Millisecond)
	}
	for _, c := range d.charts {
		lines := make([]*trace, len(c.lines))
		for i := range lines {
			lines[i] = newTrace(from, to)
			if l := &c.lines[i]; l.between == nil {
				d.metrics[l.metric] = append(d.metrics[l.metric], lines[i])
			}
		}
		d.traces = append(d.traces, lines)
	}
	return d
}

// metric takes the values of a metric over a span of readings.
func (d *drawn) metric(m sampler.Metric, begin, at time.Time, low, high, last float64) {
	if m == sampler.GoMemLimit && last >= unboundedLimit {
		return // there is none
	}
	d.several = d.several || m == sampler.TreeProcesses && high > 1
	for _, t := range d.metrics[m] {
		t.add(begin, at, low, high, last)
	}
}

// unboundedLimit is what GOMEMLIMIT is at least where there is none: math.MaxInt64, as a float.
const unboundedLimit = 1 << 62

// rates takes what happened since the reading before, once enough time has passed. Where the clock was set back, it begins
// anew: how much time passed there is not known.
func (d *drawn) rates(s *sampler.Snapshot) {
	if d.base == nil || s.Time.Before(d.base.Time) {
		d.base = s
		return
	}
	if s.Time.Sub(d.base.Time) < d.window {
		return
	}
	for i := range d.charts {
		for j, l := range d.charts[i].lines {
			if l.between == nil {
				continue
			}
			if v := l.between(d.base, s); v.OK {
				d.traces[i][j].add(s.Time, s.Time, v.Value, v.Value, v.Value)
			}
		}
	}
	d.base = s
}

// pages returns the charts that have something to show, with the marks on each.
func (d *drawn) pages(marks []page.Mark) []page.Block {
	var out []page.Block
	for i := range d.charts {
		if d.charts[i].several && !d.several {
			continue
		}
		if chart := d.page(i); chart != nil {
			chart.Marks = marks
			out = append(out, chart)
		}
	}
	return out
}

// page returns the i-th chart; nil where it has nothing that was measured.
func (d *drawn) page(i int) *page.Chart {
	c := &d.charts[i]
	chart := &page.Chart{Title: c.title, Format: chartFormat(c.unit), Note: c.note}
	highest := d.highest(i)
	measured, thinned := false, false
	for j, l := range c.lines {
		t := d.traces[i][j]
		v, ok := t.largest()
		switch {
		case !ok || l.rare && v <= 0:
			continue
		case l.dashed && l.metric != sampler.GoHeapGoal && v > limitInSight*highest:
			chart.Note = joinSentences(chart.Note, "The "+l.name+", "+chart.Format(v)+", is beyond the chart.")
			continue
		}
		measured, thinned = measured || !l.dashed, thinned || t.thinned
		chart.Lines = append(chart.Lines, page.Line{Name: l.name, Points: t.points(), Dashed: l.dashed, Dots: l.dots})
	}
	if !measured {
		return nil
	}
	if thinned {
		chart.Note = joinSentences(chart.Note, "Thinned: of every "+unit.Duration(d.cell())+" the smallest and the largest reading are drawn.")
	}
	return chart
}

// highest is the largest value of the i-th chart that is no limit.
func (d *drawn) highest(i int) float64 {
	highest := 0.0
	for j, l := range d.charts[i].lines {
		if v, ok := d.traces[i][j].largest(); ok && !l.dashed {
			highest = max(highest, v)
		}
	}
	return highest
}

// limitInSight is how many times what was used a limit may be to be drawn: beyond it the lines below would be flat.
const limitInSight = 4

func (d *drawn) cell() time.Duration { return (d.to.Sub(d.from) / traceCells).Round(time.Millisecond) }
