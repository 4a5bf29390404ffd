package cli

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/page"
)

// traceCells is into how many stretches of equal time a recording is divided; of each a line keeps the smallest and the
// largest value.
const traceCells = 500

// mostBreaks is how many gaps of a line are drawn.
const mostBreaks = 200

// gapFactor is how much longer than the times before and after it the time between two readings must be for a gap.
const gapFactor = 2.5

// trace is a line over the time of a recording, in memory that does not grow with it. A value is added once, in ascending
// order of time.
type trace struct {
	from  time.Time
	width time.Duration // of a cell
	cells []traceCell

	first, last page.Point
	count       int
	thinned     bool // a value between the extremes of its cell was left out
	breaks      []time.Time

	step    time.Duration // between the last two readings
	suspect time.Time     // where a gap is, unless the next step is as long; zero for none
	gap     time.Duration // how long that one is
}

// traceCell is the extremes of a stretch, with their times.
type traceCell struct {
	low, high page.Point
	count     int
}

func newTrace(from, to time.Time) *trace {
	width := max(to.Sub(from)/traceCells+1, 1)
	return &trace{from: from, width: width, cells: make([]traceCell, traceCells)}
}

// add takes a value read from begin to at, which are the same but for readings that were thinned, with the extremes in that
// time.
func (t *trace) add(begin, at time.Time, low, high, last float64) {
	t.look(begin, at)
	for _, v := range []float64{low, high, last} {
		t.put(page.Point{Time: at, Value: v})
	}
	t.last = page.Point{Time: at, Value: last}
	if t.count == 0 {
		t.first = t.last
	}
	t.count++
}

func (t *trace) put(p page.Point) {
	c := &t.cells[min(max(int(p.Time.Sub(t.from)/t.width), 0), traceCells-1)]
	switch {
	case c.count == 0:
		c.low, c.high = p, p
	case p.Value == c.low.Value || p.Value == c.high.Value:
	default:
		t.thinned = t.thinned || c.low.Value != c.high.Value
		if p.Value < c.low.Value {
			c.low = p
		} else if p.Value > c.high.Value {
			c.high = p
		}
	}
	c.count++
}

// look finds gaps: times between readings that are much longer than the one before and the one after.
func (t *trace) look(begin, at time.Time) {
	if t.count == 0 {
		return
	}
	step := begin.Sub(t.last.Time)
	if !t.suspect.IsZero() {
		if float64(t.gap) > gapFactor*float64(step) {
			t.broken(t.suspect)
		}
		t.suspect = time.Time{}
	}
	if usual := max(t.step, at.Sub(begin)); usual > 0 && float64(step) > gapFactor*float64(usual) {
		t.suspect, t.gap = begin.Add(-step/2), step
	}
	t.step = step
}

// broken interrupts the line at a time.
func (t *trace) broken(at time.Time) {
	if len(t.breaks) < mostBreaks {
		t.breaks = append(t.breaks, at)
	}
}

// points returns the line, in order of time, with what is not a number where it is interrupted.
func (t *trace) points() []page.Point {
	if t.count == 0 {
		return nil
	}
	if !t.suspect.IsZero() {
		t.broken(t.suspect)
		t.suspect = time.Time{}
	}
	out := []page.Point{t.first}
	for i := range t.cells {
		c := &t.cells[i]
		if c.count == 0 {
			continue
		}
		a, b := c.low, c.high
		if b.Time.Before(a.Time) {
			a, b = b, a
		}
		out = append(out, a, b)
	}
	out = append(out, t.last)
	for _, at := range t.breaks {
		out = append(out, page.Point{Time: at, Value: math.NaN()})
	}
	slices.SortStableFunc(out, func(a, b page.Point) int { return a.Time.Compare(b.Time) })
	return slices.CompactFunc(out, func(a, b page.Point) bool {
		return a.Time.Equal(b.Time) && (cmp.Compare(a.Value, b.Value) == 0)
	})
}

// largest returns the largest value; ok is false where there is none.
func (t *trace) largest() (v float64, ok bool) {
	for i := range t.cells {
		if c := &t.cells[i]; c.count > 0 && (!ok || c.high.Value > v) {
			v, ok = c.high.Value, true
		}
	}
	return v, ok
}
