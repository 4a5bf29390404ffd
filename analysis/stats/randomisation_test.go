package stats_test

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// The exact distribution is compared with the plain way: every arrangement of the labels, one by one.
func TestRandomisationCountsEveryArrangement(t *testing.T) {
	lot := rand.New(rand.NewPCG(1, 1))
	shapes := [][][2]int{{{2, 2}, {2, 2}}, {{3, 3}, {2, 2}}, {{1, 1}, {2, 2}, {3, 1}}, {{5, 4}}, {{2, 2}, {2, 2}, {2, 2}, {2, 2}}}
	for range 40 {
		for _, shape := range shapes {
			steps := 1 + lot.IntN(8) // few steps make many ties
			blocks := make([]stats.Block, len(shape))
			for i, n := range shape {
				blocks[i] = stats.Block{A: draw(lot, n[0], steps), B: draw(lot, n[1], steps)}
			}
			shift := float64(lot.IntN(3)) / 4
			got, want := stats.Randomisation(blocks, shift), enumerate(blocks, shift)
			if math.Abs(got.Upper-want.Upper) > 1e-12 || math.Abs(got.Lower-want.Lower) > 1e-12 {
				t.Fatalf("%v shifted by %v: got %+v, every arrangement gives %+v", blocks, shift, got, want)
			}
		}
	}
}

func draw(lot *rand.Rand, n, steps int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(lot.IntN(4*steps)) / 4
	}
	return out
}

// enumerate aligns and ranks in its own words and goes through all arrangements.
func enumerate(blocks []stats.Block, shift float64) stats.Tails {
	var values []float64
	var masks []int // per block, which positions may be B
	var sizes []int
	observed := 0
	for _, b := range blocks {
		own := slices.Clone(b.A)
		for _, v := range b.B {
			own = append(own, v-shift)
		}
		sorted := slices.Sorted(slices.Values(own))
		n := len(sorted)
		middle := (sorted[(n-1)/2] + sorted[n/2]) / 2
		for _, v := range own {
			values = append(values, v-middle)
		}
		sizes = append(sizes, n)
		masks = append(masks, len(b.B))
	}
	rank := func(v float64) (r int) {
		for _, w := range values {
			switch {
			case w < v:
				r += 2
			case w == v:
				r++
			}
		}
		return r
	}
	at := 0
	for i, n := range sizes {
		for k := at + n - masks[i]; k < at+n; k++ {
			observed += rank(values[k])
		}
		at += n
	}
	upper, lower, total := 0, 0, 0
	var walk func(block, from, sum int)
	walk = func(block, from, sum int) {
		if block == len(sizes) {
			total++
			if sum >= observed {
				upper++
			}
			if sum <= observed {
				lower++
			}
			return
		}
		for mask := range 1 << sizes[block] {
			if bits.OnesCount(uint(mask)) != masks[block] {
				continue
			}
			s := sum
			for k := range sizes[block] {
				if mask>>k&1 == 1 {
					s += rank(values[from+k])
				}
			}
			walk(block+1, from+sizes[block], s)
		}
	}
	walk(0, 0, 0)
	return stats.Tails{Upper: float64(upper) / float64(total), Lower: float64(lower) / float64(total)}
}

// One block is the rank-sum test, whose probabilities are in tables (Wilcoxon 1945; R's wilcox.test, exact).
func TestRandomisationOfOneBlockIsTheRankSumTest(t *testing.T) {
	for _, c := range []struct {
		a, b  []float64
		upper float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 1. / 20},
		{[]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 1. / 252},
		{[]float64{1, 2, 3, 4, 6}, []float64{5, 7, 8, 9, 10}, 2. / 252},
		{[]float64{1, 3, 5}, []float64{2, 4, 6}, 7. / 20},
		{[]float64{1}, []float64{2}, 1. / 2},
		{nil, nil, 1},
	} {
		if got := stats.Randomisation([]stats.Block{{A: c.a, B: c.b}}, 0).Upper; math.Abs(got-c.upper) > 1e-12 {
			t.Errorf("%v against %v: p = %v, tables have %v", c.a, c.b, got, c.upper)
		}
	}
}

func TestRandomisationUnderChanges(t *testing.T) {
	lot := rand.New(rand.NewPCG(2, 1))
	for range 200 {
		blocks := make([]stats.Block, 4)
		for i := range blocks {
			for range 2 {
				blocks[i].A = append(blocks[i].A, lot.NormFloat64())
				blocks[i].B = append(blocks[i].B, lot.NormFloat64()+.5)
			}
		}
		want := stats.Randomisation(blocks, .2)
		swapped, moved, reordered := make([]stats.Block, 4), make([]stats.Block, 4), make([]stats.Block, 4)
		for i, b := range blocks {
			swapped[i] = stats.Block{A: b.B, B: b.A}
			reordered[i] = stats.Block{A: []float64{b.A[1], b.A[0]}, B: []float64{b.B[1], b.B[0]}}
			for j := range b.A { // a factor, on the logarithmic scale
				moved[i].A = append(moved[i].A, b.A[j]+17.3)
				moved[i].B = append(moved[i].B, b.B[j]+17.3)
			}
		}
		if got := stats.Randomisation(swapped, -.2); got.Upper != want.Lower || got.Lower != want.Upper {
			t.Fatalf("the labels swapped: %+v, want the mirror image of %+v", got, want)
		}
		if got := stats.Randomisation(moved, .2); got != want {
			t.Fatalf("all values moved: %+v, want %+v", got, want)
		}
		if got := stats.Randomisation(reordered, .2); got != want {
			t.Fatalf("reordered inside blocks: %+v, want %+v", got, want)
		}
	}
}

// Where a block is too large to count, the approximation goes on where the exact distribution ended.
func TestRandomisationOfLargeBlocks(t *testing.T) {
	lot := rand.New(rand.NewPCG(3, 1))
	for _, gap := range []float64{0, .2, .5} {
		b := stats.Block{}
		for range 60 {
			b.A = append(b.A, lot.NormFloat64())
			b.B = append(b.B, lot.NormFloat64()+gap)
		}
		exact := stats.Randomisation([]stats.Block{b}, 0)
		large := stats.Randomisation([]stats.Block{{A: append(slices.Clone(b.A[:60]), slices.Min(b.A[:60])-1), B: b.B}}, 0)
		if ratio := large.Upper / exact.Upper; ratio < .7 || ratio > 1.3 {
			t.Errorf("gap %v: 120 values give p = %v, 121 give %v", gap, exact.Upper, large.Upper)
		}
	}
}

func TestRandomisationOfManyBlocks(t *testing.T) {
	lot := rand.New(rand.NewPCG(6, 1))
	var blocks []stats.Block
	for range 60 {
		blocks = append(blocks, stats.Block{A: []float64{lot.NormFloat64(), lot.NormFloat64()}, B: []float64{lot.NormFloat64() + .3, lot.NormFloat64() + .3}})
	}
	counted := stats.Randomisation(blocks, 0)
	blocks = append(blocks, stats.Block{A: []float64{0}, B: []float64{0}}) // a tie, which says nothing
	if many := stats.Randomisation(blocks, 0); many.Upper/counted.Upper < .7 || many.Upper/counted.Upper > 1.3 {
		t.Errorf("240 values give p = %v, 242 give %v", counted.Upper, many.Upper)
	}
}

func TestShiftBoundsInvertTheTest(t *testing.T) {
	lot := rand.New(rand.NewPCG(4, 1))
	inside := 0
	const repeats = 400
	for range repeats {
		blocks := make([]stats.Block, 6)
		for i := range blocks {
			for range 2 {
				blocks[i].A = append(blocks[i].A, lot.NormFloat64())
				blocks[i].B = append(blocks[i].B, lot.NormFloat64()+1)
			}
		}
		low, ok := stats.ShiftAbove(blocks, .025)
		high, also := stats.ShiftBelow(blocks, .025)
		if !ok || !also {
			t.Fatal("no bound from 6 blocks")
		}
		if p := stats.Randomisation(blocks, low-1e-6).Upper; p > .025 {
			t.Errorf("just below the lower end p is %v", p)
		}
		if p := stats.Randomisation(blocks, low+1e-6).Upper; p <= .025 {
			t.Errorf("just above the lower end p is %v", p)
		}
		if e := stats.ShiftEstimate(blocks); e < low || e > high {
			t.Errorf("the estimate %v is outside %v to %v", e, low, high)
		}
		if low <= 1 && 1 <= high {
			inside++
		}
	}
	// 95 % at least, less three standard errors of 400 repetitions
	if share := float64(inside) / repeats; share < .917 {
		t.Errorf("the interval holds the truth in %.1f %% of cases", 100*share)
	}
	if _, ok := stats.ShiftAbove([]stats.Block{{A: []float64{1, 2}, B: []float64{9, 10}}}, .1); ok {
		t.Error("one block of 2 and 2 has no probability below 1/6, and proves nothing at 10 %")
	}
}

func TestShiftEstimate(t *testing.T) {
	blocks := []stats.Block{{A: []float64{1, 2}, B: []float64{4, 6}}, {A: []float64{11, 12}, B: []float64{14, 16}}}
	if got := stats.ShiftEstimate(blocks); got != 3.5 { // of 3, 5, 2, 4 twice
		t.Errorf("got %v, want 3.5", got)
	}
	if got := stats.ShiftEstimate(nil); !math.IsNaN(got) {
		t.Errorf("of nothing: %v, want NaN", got)
	}
}

func TestMedianInterval(t *testing.T) {
	// the order statistics of tables for the sign test (Conover 1999, table A3): n, first of them, 95 %
	for n, first := range map[int]int{1: 1, 3: 1, 5: 1, 6: 1, 8: 1, 9: 2, 12: 3, 20: 6, 25: 8} {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(n - i)
		}
		low, high := stats.MedianInterval(x, .95)
		if low != float64(first) || high != float64(n+1-first) {
			t.Errorf("n = %d: between values %v and %v, want %d and %d", n, low, high, first, n+1-first)
		}
	}
}

func TestRanks(t *testing.T) {
	got := stats.Ranks([]float64{3, 1, 3, 2})
	if want := []int{7, 2, 7, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v (doubled)", got, want)
	}
}

func BenchmarkRandomisation(b *testing.B) {
	lot := rand.New(rand.NewPCG(5, 1))
	for _, n := range []int{2, 4, 6, 10} {
		blocks := make([]stats.Block, n)
		for i := range blocks {
			blocks[i] = stats.Block{A: []float64{lot.Float64(), lot.Float64()}, B: []float64{lot.Float64(), lot.Float64()}}
		}
		b.Run(fmt.Sprintf("blocks=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				stats.Randomisation(blocks, .1)
			}
		})
	}
}
