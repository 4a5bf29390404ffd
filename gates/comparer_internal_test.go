package gates

import (
	"math"
	"testing"
)

// What the looks spend together is what docs/gates.md promises, and at each look the runs can prove something.
func TestLooksSpendWhatIsPromised(t *testing.T) {
	for _, exact := range []bool{false, true} {
		plan := stages(0, exact)
		alpha, beta, orders, runs := 0.0, 0.0, 1.0, 0
		var looks []int
		for _, s := range plan {
			for _, size := range s.blocks {
				orders *= binomial(2*size, size)
				runs += 2 * size
			}
			alpha, beta = alpha+s.alpha, beta+s.beta
			if s.opening {
				continue
			}
			looks = append(looks, runs)
			if s.alpha > 0 && 1/orders > s.alpha || 1/orders > s.beta {
				t.Errorf("exact %v: %v orders after %d runs cannot prove anything at %v and %v", exact, orders, runs, s.alpha, s.beta)
			}
		}
		if math.Abs(alpha-totalAlpha) > 1e-12 || math.Abs(beta-totalBeta) > 1e-12 {
			t.Errorf("exact %v: the looks spend %v and %v, want %v and %v", exact, alpha, beta, totalAlpha, totalBeta)
		}
		want := [4]int{8, 16, 24, 40}
		if exact {
			want[0] = 10
		}
		if len(looks) != 4 || [4]int(looks) != want || !plan[len(plan)-1].last {
			t.Errorf("exact %v: looks after %v runs, want %v", exact, looks, want)
		}
	}
}
