package gates

import (
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// absent is the verdict about a metric that no run gave and nobody asked for.
const absent = "absent"

// pair is what both sides gave of one metric, block by block.
type pair struct {
	blocks []stats.Block // A is the baseline
	base   []float64
	now    []float64
}

func newPair(blocks []stats.Block) pair {
	p := pair{blocks: blocks}
	for _, b := range blocks {
		p.base = append(p.base, b.A...)
		p.now = append(p.now, b.B...)
	}
	return p
}

// complete returns how many blocks all have been run of.
func (c *Comparer) complete() int {
	end := 0
	for i, size := range c.blocks {
		if end += 2 * size; end > len(c.runs) {
			return i
		}
	}
	return len(c.blocks)
}

// pair collects a metric's values of the first blocks. lack says why there are none: a run gave no value.
func (c *Comparer) pair(m *compared, blocks int) (p pair, lack *outcome) {
	list, at, found, missing := make([]stats.Block, blocks), 0, 0, ""
	for i, size := range c.blocks[:blocks] {
		for range 2 * size {
			v, ok := c.runs[at][m.Name]
			side := c.order[at]
			at++
			switch {
			case !ok && missing == "":
				missing = fmt.Sprintf("run %d, of the %v side, gave no %s", at, side, m.Name)
			case ok && side == Baseline:
				list[i].A = append(list[i].A, v)
			case ok:
				list[i].B = append(list[i].B, v)
			}
			if ok {
				found++
			}
		}
	}
	p = newPair(list)
	if missing == "" {
		return p, nil
	}
	if found == 0 && !m.asked {
		return p, &outcome{verdict: absent}
	}
	return p, &outcome{verdict: string(Unmeasured), reason: missing, pair: p}
}

// logs returns the blocks on a logarithmic scale; ok is false when a value is not above 0.
func (p pair) logs() (blocks []stats.Block, ok bool) {
	blocks = make([]stats.Block, len(p.blocks))
	for i, b := range p.blocks {
		blocks[i] = stats.Block{A: make([]float64, len(b.A)), B: make([]float64, len(b.B))}
		for _, side := range [][2][]float64{{b.A, blocks[i].A}, {b.B, blocks[i].B}} {
			for j, v := range side[0] {
				if v <= 0 {
					return nil, false
				}
				side[1][j] = math.Log(v)
			}
		}
	}
	return blocks, true
}

// allZero says whether every value of both sides is 0.
func (p pair) allZero() bool {
	isZero := func(v float64) bool { return v == 0 }
	return !slices.ContainsFunc(p.base, func(v float64) bool { return !isZero(v) }) &&
		!slices.ContainsFunc(p.now, func(v float64) bool { return !isZero(v) })
}

func spread(x []float64) float64 { return slices.Max(x) - slices.Min(x) }
