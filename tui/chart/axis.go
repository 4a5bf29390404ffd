package chart

import (
	"math"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

// axis maps bytes to rows: row 0 is the top. It begins at 0 and ends at a round number, so that it stays still while the
// data move.
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
	name := unit.BytesUnit(largest)
	factor := factorOf(name)
	step := niceStep(largest/factor, max(min((rows-1)/2, 5), 1))
	parts := math.Ceil(largest/factor/step - 1e-9)
	a := axis{top: parts * step * factor, rows: rows, unit: name, tick: map[int]float64{}}
	for i := 0.0; i <= parts; i++ {
		v := i * step * factor
		a.tick[a.row(v)] = v
	}
	return a
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
