package history

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// noise is a model of how the medians of nights scatter, about 1, with a spread of about 1.
type noise struct {
	name string
	draw func(lot *rand.Rand, n int) []float64
	most float64 // share of series with a false change that is allowed
}

func each(f func(*rand.Rand) float64) func(*rand.Rand, int) []float64 {
	return func(lot *rand.Rand, n int) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = f(lot)
		}
		return out
	}
}

// related depends on the night before.
func related(phi float64) func(*rand.Rand, int) []float64 {
	return func(lot *rand.Rand, n int) []float64 {
		out := make([]float64, n)
		x := lot.NormFloat64()
		for i := range out {
			x = phi*x + math.Sqrt(1-phi*phi)*lot.NormFloat64()
			out[i] = x
		}
		return out
	}
}

func noises() []noise {
	return []noise{
		{"normal", each(func(l *rand.Rand) float64 { return l.NormFloat64() }), .05},
		{"heavy tails (Student, 2 degrees)", each(func(l *rand.Rand) float64 {
			return l.NormFloat64() / math.Sqrt((l.ExpFloat64()))
		}), .05},
		{"skewed (exponential)", each(func(l *rand.Rand) float64 { return l.ExpFloat64() - 1 }), .05},
		{"two levels at random", each(func(l *rand.Rand) float64 { return float64(2*l.IntN(2)-1) + .1*l.NormFloat64() }), .05},
		{"one night in ten far off", each(func(l *rand.Rand) float64 {
			if l.IntN(10) == 0 {
				return 10 * l.NormFloat64()
			}
			return l.NormFloat64()
		}), .05},
		{"steps of whole numbers", each(func(l *rand.Rand) float64 { return math.Round(l.NormFloat64()) }), .05},
		{"depends on the night before, 0.2", related(.2), .10},
		{"depends on the night before, 0.5", related(.5), 1}, // it does not hold: the table says how much not
	}
}

// full says how many series are played.
func full(few, many int) int {
	if os.Getenv("HEAPTOP_FULL") == "1" {
		return many
	}
	return few
}

// series of nights with a spread of sigma, and a growth from a night on.
func playSeries(n noise, seed uint64, nights int, sigma, growth float64, from int) []float64 {
	values := n.draw(rand.New(rand.NewPCG(seed, 7)), nights)
	for i := range values {
		values[i] = 1 + sigma*math.Max(values[i], -20)
		if i >= from {
			values[i] *= 1 + growth
		}
	}
	return values
}

// TestFalseChanges plays series of 60 nights in which nothing changes: what docs/history.md says of them.
func TestFalseChanges(t *testing.T) {
	series := full(300, 20_000)
	for _, n := range noises() {
		found := 0
		for i := range series {
			if len(changesIn(playSeries(n, uint64(i), 60, .03, 0, 0))) > 0 {
				found++
			}
		}
		share := float64(found) / float64(series)
		t.Logf("%-34s %5.2f %%", n.name, 100*share)
		if slack := 3 * math.Sqrt(n.most*(1-n.most)/float64(series)); share > n.most+slack {
			t.Errorf("%s: %.1f %% of the series have a false change, want %.1f %% at most", n.name, 100*share, 100*n.most)
		}
	}
}

// TestPower plays series of 60 nights with one growth.
func TestPower(t *testing.T) {
	series := full(100, 5000)
	for _, c := range []struct {
		sigma, growth float64
		from          int
		least         float64
	}{
		{.03, .05, 30, .95}, {.03, .10, 30, .99}, {.03, .10, 52, .90}, {.05, .05, 30, .55}, {.05, .10, 30, .99}, {.01, .05, 53, .95}, {.01, .02, 30, .99}, {.03, 0.10, 55, 0},
	} {
		t.Run(fmt.Sprintf("noise %g, growth %g, from night %d", c.sigma, c.growth, c.from), func(t *testing.T) {
			found, near, held := 0, 0, 0
			for i := range series {
				values := playSeries(noises()[0], uint64(i), 60, c.sigma, c.growth, c.from)
				list := changesIn(values)
				if len(list) == 0 {
					continue
				}
				found++
				if math.Abs(float64(list[0].at-c.from)) <= 2 {
					near++
				}
				if low, high := placeInterval(values, list[0].at); low <= c.from && c.from <= high {
					held++
				}
			}
			share := float64(found) / float64(series)
			t.Logf("found %.1f %%, of these within 2 nights %.1f %%, interval holds %.1f %%", 100*share, 100*float64(near)/float64(max(found, 1)), 100*float64(held)/float64(max(found, 1)))
			if share < c.least-3*math.Sqrt(c.least*(1-c.least)/float64(series)) {
				t.Errorf("found in %.1f %%, want %.0f %%", 100*share, 100*c.least)
			}
		})
	}
}

// TestFalseCreep plays series without growth: the interval of the creep is one of 95 %, so a growth is proven falsely in 2.5 %.
func TestFalseCreep(t *testing.T) {
	series := full(1000, 20_000)
	false2 := 0
	for i := range series {
		v := playSeries(noises()[0], uint64(i), 14, .03, 0, 0)
		c := Creep{Size: sizeOf(v[:creepReports], v[len(v)-creepReports:])}
		if c.Proven() {
			false2++
		}
	}
	share := float64(false2) / float64(series)
	t.Logf("false creep %.2f %%", 100*share)
	if share > .025+3*math.Sqrt(.025*.975/float64(series)) {
		t.Errorf("creep is proven falsely in %.2f %%", 100*share)
	}
}

// TestMetamorphic checks what must not matter: the unit, and the direction.
func TestMetamorphic(t *testing.T) {
	for i := range uint64(20) {
		values := playSeries(noises()[0], i, 60, .03, .08, 30)
		scaled, mirrored := make([]float64, len(values)), make([]float64, len(values))
		for i, v := range values {
			scaled[i], mirrored[i] = 1e6*v, -v
		}
		a, b, c := changesIn(values), changesIn(scaled), changesIn(mirrored)
		if fmt.Sprint(a) != fmt.Sprint(b) || len(a) != len(c) || len(a) > 0 && a[0].at != c[0].at {
			t.Errorf("series %d: %v, scaled %v, mirrored %v", i, a, b, c)
		}
	}
}
