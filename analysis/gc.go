package analysis

import (
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// limiterShare is the share of the CPU, in percent, at which the runtime's limiter starts to hold the collector back.
const limiterShare = 50

// GC is what the garbage collector did between two snapshots. What either snapshot lacks is unknown.
type GC struct {
	CPUPercent   sampler.Reading // GC CPU of the CPU the program used, 0 to 100
	Pressure     sampler.Reading // CPUPercent over 50 %, 0 to 1
	CyclesPerMin sampler.Reading // collections a minute, forced ones included
	AllocRate    sampler.Reading // bytes a second
	Interval     time.Duration
}

// GCBetween returns what the collector did between two snapshots of one process. CPUPercent is mark assists, dedicated
// marking and pauses, of the total less idle time and less marking on processors that had nothing else to do, all by
// /cpu/classes of runtime/metrics. It is unknown where the program used no CPU. A counter that fell (another process took
// the place of the first) makes its figures unknown, as does a nil snapshot or one that is not later than the first.
func GCBetween(from, to *sampler.Snapshot) GC {
	if from == nil || to == nil {
		return GC{}
	}
	g := GC{Interval: to.RuntimeTime().Sub(from.RuntimeTime())}
	if g.Interval <= 0 {
		return GC{}
	}
	d := delta{from, to, true}
	total, idle, idleMark := d.of(sampler.GoCPUTotal), d.of(sampler.GoCPUIdle), d.of(sampler.GoCPUGCIdle)
	work := d.of(sampler.GoCPUGCAssist) + d.of(sampler.GoCPUGCDedicated) + d.of(sampler.GoCPUGCPause)
	if used := total - idle - idleMark; d.ok && used > 0 {
		percent := min(work/used*100, 100)
		g.CPUPercent = sampler.Known(percent)
		g.Pressure = sampler.Known(min(percent/limiterShare, 1))
	}
	d.ok = true
	if cycles := d.of(sampler.GoCyclesTotal); d.ok {
		g.CyclesPerMin = sampler.Known(cycles / g.Interval.Minutes())
	}
	d.ok = true
	if bytes := d.of(sampler.GoHeapAllocs); d.ok {
		g.AllocRate = sampler.Known(bytes / g.Interval.Seconds())
	}
	return g
}

// delta takes differences of counters and remembers whether all of them could be taken.
type delta struct {
	from, to *sampler.Snapshot
	ok       bool
}

func (d *delta) of(m sampler.Metric) float64 {
	before, had := d.from.Get(m)
	now, has := d.to.Get(m)
	if !had || !has || now < before {
		d.ok = false
		return 0
	}
	return now - before
}
