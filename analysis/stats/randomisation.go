package stats

import (
	"math"
	"slices"
)

// Block is a group of runs of two sides, A and B, whose order was drawn by lot: every arrangement of the two labels over
// its runs was equally likely.
type Block struct{ A, B []float64 }

// Tails are the two one-sided probabilities of an outcome and of all that are more extreme, where the labels mean nothing.
type Tails struct {
	Upper float64 // that B ranks this high or higher: small when B is larger
	Lower float64 // that B ranks this low or lower: small when B is smaller
}

// The distribution is counted out for so many values in a block, and in all.
const (
	largestBlock = 120
	mostCounted  = 240
)

// tieShare of the largest deviation is a difference that rounding may make: such values are ties.
const tieShare = 1e-10

// Randomisation tests whether B exceeds A by more than shift, with aligned ranks (Hodges and Lehmann 1962): shift is
// taken from B, each block's median from its values, all are ranked together, and the sum of B's ranks is judged by its
// distribution over all arrangements that could have been drawn (each block's are counted, then convolved, in whole
// numbers). It holds for noise of any distribution, drift and dependence between runs included, because chance is in the
// order of the runs and not in a model of the noise. Equal values share a mean rank. Blocks may differ in size.
//
// Upper and Lower are 1 for no values. More than 120 values in a block, or 240 in all, are judged by the normal
// approximation of the same distribution; counts beyond 62 bits are rounded.
func Randomisation(blocks []Block, shift float64) Tails {
	ranks := alignedRanks(blocks, shift)
	parts, total, observed, at := make([]rankSums, 0, len(blocks)), 0.0, 0, 0
	largest := 0
	for _, b := range blocks {
		n, k := len(b.A)+len(b.B), len(b.B)
		if n == 0 {
			continue
		}
		own := ranks[at : at+n]
		at += n
		for _, r := range own[len(b.A):] {
			observed += r
		}
		parts = append(parts, rankSums{ranks: own, take: k})
		total += logChoose(n, k)
		largest = max(largest, n)
	}
	switch {
	case len(parts) == 0:
		return Tails{Upper: 1, Lower: 1}
	case largest > largestBlock || at > mostCounted:
		return normalTails(parts, observed)
	case total < 62*math.Ln2:
		return tailsOf(convolve[uint64](parts), observed)
	}
	return tailsOf(convolve[float64](parts), observed)
}

// ShiftEstimate returns how much B exceeds A: the median of all differences between runs of one block (Hodges and
// Lehmann 1963). It returns NaN when no block has both sides.
func ShiftEstimate(blocks []Block) float64 { return Median(differences(blocks)) }

// ShiftAbove returns the largest shift of which Randomisation proves at level alpha that B exceeds A by more: the lower
// end of an interval for the shift. ok is false where not even a complete separation could prove anything at that level.
func ShiftAbove(blocks []Block, alpha float64) (shift float64, ok bool) {
	return boundary(blocks, func(at float64) bool { return Randomisation(blocks, at).Upper <= alpha })
}

// ShiftBelow returns the smallest shift of which Randomisation proves at level alpha that B exceeds A by less: the upper
// end of an interval. ok is as for ShiftAbove.
func ShiftBelow(blocks []Block, alpha float64) (shift float64, ok bool) {
	swapped := make([]Block, len(blocks))
	for i, b := range blocks {
		swapped[i] = Block{A: b.B, B: b.A}
	}
	shift, ok = ShiftAbove(swapped, alpha)
	return -shift, ok
}

// boundary searches the shift up to which proven holds.
func boundary(blocks []Block, proven func(float64) bool) (float64, bool) {
	all := differences(blocks)
	if len(all) == 0 {
		return 0, false
	}
	low, high := slices.Min(all), slices.Max(all)
	margin := (high-low)/64 + math.Abs(high)*1e-9 + math.Abs(low)*1e-9 + math.SmallestNonzeroFloat64
	low, high = low-margin, high+margin
	if !proven(low) {
		return 0, false
	}
	for range 28 {
		middle := low + (high-low)/2
		if proven(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return low, true
}

func differences(blocks []Block) []float64 {
	var out []float64
	for _, b := range blocks {
		for _, y := range b.B {
			for _, x := range b.A {
				out = append(out, y-x)
			}
		}
	}
	return out
}

// alignedRanks returns the doubled ranks of all values, block after block, A before B.
func alignedRanks(blocks []Block, shift float64) []int {
	var all []float64
	most := 0.0
	for _, b := range blocks {
		from := len(all)
		all = append(all, b.A...)
		for _, v := range b.B {
			all = append(all, v-shift)
		}
		own := all[from:]
		middle := Median(own)
		for i := range own {
			own[i] -= middle
			most = math.Max(most, math.Abs(own[i]))
		}
	}
	if grid := most * tieShare; grid > 0 {
		for i, v := range all {
			all[i] = math.Round(v / grid)
		}
	}
	return Ranks(all)
}

func logChoose(n, k int) float64 {
	whole, _ := math.Lgamma(float64(n + 1))
	left, _ := math.Lgamma(float64(k + 1))
	right, _ := math.Lgamma(float64(n - k + 1))
	return whole - left - right
}
