package chart

import (
	"math"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

// axis maps bytes to rows: row 0 is the top. It begins at 0, and a row more is a round number more, so that it stays still
// while the data move and every value written stands at its very row.
type axis struct {
	top  float64
	rows int
	unit string
	tick map[int]float64 // row to the value written beside it
}

func newAxis(largest float64, rows int) axis {
	if largest <= 0 || math.IsInf(largest, 0) {
		largest = 1
	}
	steps := max(rows-1, 1)
	factor := factorOf(unit.BytesUnit(largest))
	step := niceStep(largest/factor, steps) * factor
	a := axis{top: step * float64(steps), rows: rows, tick: map[int]float64{}}
	a.unit = unit.BytesUnit(a.top)
	for i, n := 0, apart(steps, step); i <= steps; i += n {
		a.tick[rows-1-i] = float64(i) * step
	}
	return a
}

// mostTicks is how many values are written beside an axis, besides 0, and nearest how many rows they are apart at least
// where there are enough of them.
const (
	mostTicks = 5
	nearest   = 2
)

// apart is how many rows of a step each lie between two values that are written: the smallest number that leaves few enough
// of them round, and ends at the top if one near it does.
func apart(steps int, step float64) int {
	if steps <= nearest {
		return 1
	}
	least := max((steps+mostTicks-1)/mostTicks, nearest)
	round := 0
	for n := least; n <= min(2*least, steps); n++ {
		if v := step * float64(n); niceStep(v, 1) > v*(1+1e-9) {
			continue
		}
		if steps%n == 0 && n <= least+2 {
			return n
		}
		if round == 0 {
			round = n
		}
	}
	if round > 0 {
		return round
	}
	return least
}

// niceStep returns the smallest of 1, 1.5, 2, 2.5 and so on times a power of ten that reaches largest in at most n steps.
func niceStep(largest float64, n int) float64 {
	rough := largest / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10} {
		if step := m * power; step >= rough*(1-1e-9) {
			return step
		}
	}
	return 10 * power
}

// row returns the row of a value, within the plot.
func (a axis) row(v float64) int { return a.rows - 1 - a.height(v) }

// height counts rows from the bottom.
func (a axis) height(v float64) int {
	h := math.Round(v / a.top * float64(a.rows-1))
	return int(min(max(h, 0), float64(a.rows-1)))
}

func (a axis) label(row int) string {
	v, ok := a.tick[row]
	if !ok {
		return ""
	}
	return unit.BytesIn(v, a.unit) + " " + a.unit
}

func factorOf(name string) float64 {
	v, err := unit.ParseBytes("1" + name)
	if err != nil || v <= 0 {
		return 1
	}
	return v
}
