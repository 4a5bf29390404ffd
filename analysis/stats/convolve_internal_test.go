package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Beyond 64 bits counts are rounded. Below, both kinds of counting are there to be compared.
func TestRoundedCountsAgreeWithWholeOnes(t *testing.T) {
	lot := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var parts []rankSums
		observed := 0
		for range 1 + lot.IntN(3) {
			p := rankSums{take: 6}
			for i := range 13 {
				p.ranks = append(p.ranks, 2+lot.IntN(60))
				if i < p.take {
					observed += p.ranks[i]
				}
			}
			parts = append(parts, p)
		}
		whole, rounded := tailsOf(convolve[uint64](parts), observed), tailsOf(convolve[float64](parts), observed)
		if math.Abs(whole.Upper-rounded.Upper) > 1e-12 || math.Abs(whole.Lower-rounded.Lower) > 1e-12 {
			t.Fatalf("whole %+v, rounded %+v", whole, rounded)
		}
	}
}
