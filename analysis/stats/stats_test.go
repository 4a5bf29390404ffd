package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// numbers returns n values; few different ones when coarse is set, so that ties occur.
func numbers(r *rand.Rand, n int, coarse bool) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64() * 100
		if coarse {
			x[i] = math.Round(x[i] / 50)
		}
	}
	return x
}

func TestOrderStatisticsEqualSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		x := numbers(r, 1+r.IntN(60), round%2 == 0)
		sorted := slices.Sorted(slices.Values(x))
		before := slices.Clone(x)
		q := float64(r.IntN(101)) / 100
		position := q * float64(len(x)-1)
		i := int(position)
		want := sorted[i]
		if i+1 < len(x) {
			want += (sorted[i+1] - sorted[i]) * (position - float64(i))
		}
		if got := stats.Quantile(x, q); math.Abs(got-want) > 1e-9 {
			t.Fatalf("Quantile(%v, %v) = %v, want %v", x, q, got, want)
		}
		want = (sorted[(len(x)-1)/2] + sorted[len(x)/2]) / 2
		if got := stats.Median(x); math.Abs(got-want) > 1e-9 {
			t.Fatalf("Median(%v) = %v, want %v", x, got, want)
		}
		if !slices.Equal(x, before) {
			t.Fatal("the argument was changed")
		}
	}
}

func TestOrderStatisticsOfNothing(t *testing.T) {
	for name, v := range map[string]float64{"Median": stats.Median(nil), "Quantile": stats.Quantile(nil, 0.5)} {
		if !math.IsNaN(v) {
			t.Errorf("%s of nothing = %v, want NaN", name, v)
		}
	}
}

func bruteTheilSen(x, y []float64) float64 {
	var slopes []float64
	for i := range x {
		for j := range i {
			if x[i] != x[j] {
				slopes = append(slopes, (y[i]-y[j])/(x[i]-x[j]))
			}
		}
	}
	slices.Sort(slopes)
	return (slopes[(len(slopes)-1)/2] + slopes[len(slopes)/2]) / 2
}

func TestTheilSenEqualsBruteForce(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 200 {
		n := 2 + r.IntN(50)
		y := numbers(r, n, round%3 == 0)
		x := make([]float64, n)
		for i := 1; i < n; i++ {
			x[i] = x[i-1] + float64(r.IntN(3)) // equal ones occur
		}
		if x[n-1] == 0 {
			x[n-1] = 1
		}
		got, ok := stats.TheilSen(x, y)
		want := bruteTheilSen(x, y)
		if !ok || math.Abs(got.Slope-want) > 1e-9 {
			t.Fatalf("TheilSen(%v, %v) = %v %v, want %v", x, y, got.Slope, ok, want)
		}
		if single := stats.SenSlope(x, y); single != got.Slope {
			t.Fatalf("SenSlope = %v, TheilSen = %v", single, got.Slope)
		}
		if got.Low > got.Slope || got.High < got.Slope {
			t.Fatalf("the interval %v to %v leaves the slope %v out", got.Low, got.High, got.Slope)
		}
	}
	if _, ok := stats.TheilSen([]float64{1, 1}, []float64{2, 3}); ok {
		t.Error("a slope came from a single x")
	}
}

func TestTheilSenOfManyPointsKeepsTheSlope(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	n := 100_000
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], y[i] = float64(i), 3*float64(i)+r.NormFloat64()*1000
		if r.IntN(5) == 0 {
			y[i] += 1e6 * r.Float64()
		}
	}
	s, ok := stats.TheilSen(x, y)
	if !ok || math.Abs(s.Slope-3) > 0.05 || s.N > 512 {
		t.Errorf("slope %v from %d points, want 3 from at most 512", s.Slope, s.N)
	}
}

func TestMannKendallEqualsTheTextbook(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for round := range 200 {
		y := numbers(r, 3+r.IntN(40), round%2 == 0)
		s, ties := 0.0, map[float64]float64{}
		for i := range y {
			ties[y[i]]++
			for j := range i {
				s += float64(cmp(y[i], y[j]))
			}
		}
		n := float64(len(y))
		variance := n * (n - 1) * (2*n + 5)
		for _, c := range ties {
			variance -= c * (c - 1) * (2*c + 5)
		}
		want := 0.0
		if s != 0 && variance > 0 {
			want = (s - math.Copysign(1, s)) / math.Sqrt(variance/18)
		}
		if got := stats.MannKendall(y); math.Abs(got-want) > 1e-9 {
			t.Fatalf("MannKendall(%v) = %v, want %v", y, got, want)
		}
	}
	if stats.MannKendall([]float64{4, 4, 4, 4}) != 0 || stats.MannKendall([]float64{1, 2}) != 0 {
		t.Error("a constant or a tiny series has a trend")
	}
}

func cmp(a, b float64) int {
	switch {
	case a > b:
		return 1
	case a < b:
		return -1
	}
	return 0
}

// ar returns noise whose neighbours correlate by phi, with standard deviation 1.
func ar(r *rand.Rand, n int, phi float64) []float64 {
	x := make([]float64, n)
	x[0] = r.NormFloat64()
	for i := 1; i < n; i++ {
		x[i] = phi*x[i-1] + math.Sqrt(1-phi*phi)*r.NormFloat64()
	}
	return x
}

func TestInflationFollowsDependence(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	mean := func(phi float64) float64 {
		sum := 0.0
		for range 200 {
			sum += stats.Inflation(ar(r, 100, phi))
		}
		return sum / 200
	}
	white, mild, strong := mean(0), mean(0.5), mean(0.8)
	if white > 1.4 || mild < 1.7 || strong < mild+1 {
		t.Errorf("inflation %.2f, %.2f, %.2f for correlations 0, 0.5, 0.8: want about 1, 3, 9", white, mild, strong)
	}
}

func TestIntervalsHoldTheTruth(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	const n, rounds, truth = 60, 600, 0.02
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	for _, test := range []struct{ phi, least float64 }{{0, 0.92}, {0.5, 0.85}, {0.7, 0.8}} {
		sen, line := 0, 0
		for range rounds {
			y := ar(r, n, test.phi)
			for i := range y {
				y[i] += truth * float64(i)
			}
			if s, ok := stats.TheilSen(x, y); ok && s.Low <= truth && truth <= s.High {
				sen++
			}
			if l, ok := stats.Fit(x, y); ok && math.Abs(l.Slope-truth) <= 2.02*l.SE {
				line++
			}
		}
		t.Logf("correlation %.1f: Theil-Sen %.3f, least squares %.3f", test.phi, float64(sen)/rounds, float64(line)/rounds)
		if float64(sen)/rounds < test.least-0.1 || float64(line)/rounds < test.least {
			t.Errorf("correlation %.1f: intervals hold the truth too seldom", test.phi)
		}
	}
}

func BenchmarkTheilSen96(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y := make([]float64, 96), ar(r, 96, 0.5)
	for i := range x {
		x[i] = float64(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		stats.TheilSen(x, y)
	}
}
