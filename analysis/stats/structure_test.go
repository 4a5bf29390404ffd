package stats_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

func positions(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return x
}

func TestCompareShapesFindsTheShape(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 60
	load := make([]float64, n)
	for i := range load {
		load[i] = 1 + r.Float64()
	}
	step := func(u, at float64) float64 {
		if u >= at {
			return 1
		}
		return 0
	}
	for _, test := range []struct {
		name      string
		shape     func(u float64, i int) float64
		want      stats.Term
		unbounded bool
	}{
		{"line", func(u float64, _ int) float64 { return 0.3 * u }, stats.Straight, true},
		{"onset", func(u float64, _ int) float64 { return math.Max(u-0.5, 0) }, stats.Onset, true},
		{"stairs", func(u float64, _ int) float64 {
			return 0.1 * (step(u, 0.15) + step(u, 0.35) + step(u, 0.55) + step(u, 0.75) + step(u, 0.92))
		}, stats.Stairs, true},
		{"warm-up", func(u float64, _ int) float64 { return -0.3 * math.Exp(-u/0.1) }, stats.Warmup, false},
		{"fill", func(u float64, _ int) float64 { return math.Min(u, 0.5) }, stats.Fill, false},
		{"step", func(u float64, _ int) float64 { return 0.2 * step(u, 0.4) }, stats.Step, false},
		{"period", func(u float64, _ int) float64 { return 0.1 * math.Sin(2*math.Pi*u/0.25) }, stats.Period, false},
		{"load", func(_ float64, i int) float64 { return 0.2 * load[i] }, stats.Load, false},
	} {
		x, y := positions(n), make([]float64, n)
		for i := range y {
			y[i] = 1e8 * (1 + test.shape(float64(i)/(n-1), i) + 0.003*r.NormFloat64())
		}
		s, ok := stats.CompareShapes(x, y, load, 2e-3)
		best := s.Bounded
		if s.LogBayes > 0 {
			best = s.Unbounded
		}
		if !ok || s.LogBayes > 0 != test.unbounded || !has(best, test.want) {
			t.Errorf("%s: log Bayes factor %.1f, bounded %v, unbounded %v", test.name, s.LogBayes, s.Bounded.Parts, s.Unbounded.Parts)
		}
		if test.want == stats.Load {
			continue
		}
		for i := range y {
			if s.Unloaded[i] != y[i] {
				t.Errorf("%s: load was taken out, though it explains nothing", test.name)
				break
			}
		}
	}
}

func has(s stats.Shape, t stats.Term) bool {
	return slices.ContainsFunc(s.Parts, func(p stats.Part) bool { return p.Term == t })
}

func TestCompareShapesTakesLoadOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const n = 50
	x, y, load := positions(n), make([]float64, n), make([]float64, n)
	for i := range y {
		load[i] = 100 * r.Float64()
		y[i] = 1000 + 5*x[i] + 3*load[i] + r.NormFloat64()
	}
	s, ok := stats.CompareShapes(x, y, load, 1e-4)
	if !ok || !has(s.Unbounded, stats.Load) || math.Abs(s.Slope-5) > 0.1 {
		t.Fatalf("%+v", s)
	}
	// What is left is the line, but for a constant.
	for i := range y {
		if off := (s.Unloaded[i] - s.Unloaded[0]) - 5*x[i]; math.Abs(off) > 10 {
			t.Errorf("%.1f off the line at %d", off, i)
		}
	}
}

// Slope and standard error are those of generalised least squares: the interval holds the truth as often as it should.
func TestCompareShapesSlopeInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const n, rounds = 48, 200
	for _, phi := range []float64{0, 0.5, 0.8} {
		held := 0
		for range rounds {
			x, y := positions(n), ar(r, n, phi)
			for i := range y {
				y[i] += 1000 + 2*x[i]
			}
			if s, ok := stats.CompareShapes(x, y, nil, 1e-6); ok && math.Abs(s.Slope-2) <= 2.02*s.SE {
				held++
			}
		}
		t.Logf("correlation %.1f: %.2f", phi, float64(held)/rounds)
		if float64(held)/rounds < 0.85 {
			t.Errorf("correlation %.1f: the interval holds the truth in %d of %d", phi, held, rounds)
		}
	}
}

func TestCompareShapesRefuses(t *testing.T) {
	for name, n := range map[string]int{"few": 15, "many": 513} {
		if _, ok := stats.CompareShapes(positions(n), positions(n), nil, 1e-3); ok {
			t.Errorf("%s values were judged", name)
		}
	}
	if _, ok := stats.CompareShapes(positions(48), make([]float64, 48), nil, 1e-3); ok {
		t.Error("a series of zeros has a shape")
	}
	if _, ok := stats.CompareShapes(make([]float64, 48), positions(48), nil, 1e-3); ok {
		t.Error("values at one time have a shape")
	}
}

func FuzzCompareShapes(f *testing.F) {
	f.Add([]byte("a series has to have sixteen values or more, which are two bytes each"), false)
	f.Fuzz(func(t *testing.T, data []byte, steep bool) {
		n := min(len(data)/2, 100)
		y, load := make([]float64, n), make([]float64, n)
		for i := range y {
			y[i] = float64(int16(binary.LittleEndian.Uint16(data[2*i:])))
			if steep {
				y[i] = math.Exp(y[i] / 200)
			}
			load[i] = float64(data[i])
		}
		s, ok := stats.CompareShapes(positions(n), y, load, 2e-3)
		if !ok {
			return
		}
		for _, v := range []float64{s.LogBayes, s.Slope, s.SE, s.Bounded.BIC, s.Unbounded.BIC, s.Unbounded.Slope, s.Unbounded.SE, s.Unloaded[n-1]} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%v: %+v", y, s)
			}
		}
	})
}

func BenchmarkCompareShapes(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	x, y := positions(48), ar(r, 48, 0.5)
	for i := range y {
		y[i] += 1000 + x[i]
	}
	b.ReportAllocs()
	for b.Loop() {
		stats.CompareShapes(x, y, nil, 2e-3)
	}
}
