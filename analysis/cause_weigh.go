package analysis

import (
	"fmt"
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// leastCycles is how many collections a verdict on the live heap needs, which is known at each of them alone.
const leastCycles = 8

// weigh takes a verdict on the live heap back that rests on too few collections, unless each of them found more alive, or so
// little was allocated that the heap cannot have grown by much.
func (w *LeakWatch) weigh(l *Leak, o LeakOptions) {
	cycles, allocs := w.tracks[sampler.GoCyclesTotal], w.tracks[sampler.GoHeapAllocs]
	if !l.Judged || cycles == nil || len(cycles.points) < 2 || len(w.restarts) > 0 || l.Verdict == LeakGrowing {
		return
	}
	n := len(cycles.points)
	count := cycles.points[n-1].Last - cycles.points[0].Last
	span := cycles.points[n-1].Time.Sub(cycles.points[0].Time)
	if span <= 0 {
		return
	}
	if count >= leastCycles {
		if endsUnseen(l, cycles.points) && !w.collected(l, o.material()) {
			l.takeBack(fmt.Sprintf("it has grown from %s to %s, but the collector ran %s in the last third of the time, and whether it goes on is known after each time alone; "+
				"where a longer watch does not tell either, a lower GOGC makes collections more frequent", unit.Bytes(l.First), unit.Bytes(l.Last), timesRun(inLastThird(cycles.points))))
		}
		return
	}
	if allocs != nil {
		n := len(allocs.points)
		allocated := allocs.points[n-1].Last - allocs.points[0].Last
		if allocated/span.Hours() < growthMaterial*math.Abs(l.Level) {
			*l = Leak{
				Verdict: LeakFlat, Judged: true, Excluded: true, Level: l.Level, First: l.First, Last: l.Last, Span: l.Span, Shape: "a constant",
				High: allocated / span.Hours(), Reason: "so little was allocated that it cannot have grown",
			}
			return
		}
	}
	if w.collected(l, o.material()) {
		return
	}
	l.takeBack(fmt.Sprintf("the collector ran %s, and the live heap is known after each time alone", timesRun(count)))
	if count > 0 {
		l.needMore((leastCycles - count) / count * span.Seconds())
	}
}

// leastEndCycles is how many collections the last third needs to say that growth has ended.
const leastEndCycles = 4

// endsUnseen says that a live heap has grown, and that the collector hardly ran in the last third of the time: between two
// collections every live heap stands still, and the larger it is the rarer they are.
func endsUnseen(l *Leak, cycles []sampler.Point) bool {
	return l.Verdict != LeakInconclusive && l.Last-l.First >= maxRelative*l.Level && inLastThird(cycles) < leastEndCycles
}

// inLastThird is how many collections there were in the last third of the time.
func inLastThird(cycles []sampler.Point) float64 {
	n := len(cycles)
	span := cycles[n-1].Time.Sub(cycles[0].Time)
	at := max(firstFrom(cycles, cycles[n-1].Time.Add(-span/3))-1, 0)
	return cycles[n-1].Last - cycles[at].Last
}

// takeBack makes a verdict one of too little to judge.
func (l *Leak) takeBack(why string) {
	l.Verdict, l.Judged, l.Excluded, l.Needed, l.Reason = LeakInsufficient, false, false, sampler.Reading{}, why
}

// timesRun is "once", "3 times".
func timesRun(n float64) string {
	if n == 1 {
		return "once"
	}
	return unit.Count(n) + " times"
}

// needMore says how many seconds more are needed at least: a heap that grows is collected ever more rarely.
func (l *Leak) needMore(seconds float64) {
	l.Needed = sampler.Known(seconds)
	l.Reason += "; at least " + unit.Duration(time.Duration(math.Min(seconds, longest.Seconds())*float64(time.Second)).Round(time.Second)) + " more is needed"
}
