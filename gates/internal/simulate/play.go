package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/gates"
)

// Tally counts what a way of judging said.
type Tally struct {
	Repeats  int
	Verdicts map[string]int
	Runs     int // of all repetitions together
}

// Share returns the share of repetitions that ended in one of the verdicts.
func (t Tally) Share(verdicts ...string) float64 {
	n := 0
	for _, v := range verdicts {
		n += t.Verdicts[v]
	}
	return float64(n) / float64(t.Repeats)
}

// MeanRuns returns how many runs a repetition took on average, both sides together.
func (t Tally) MeanRuns() float64 { return float64(t.Runs) / float64(t.Repeats) }

// Judge compares two programs whose runs next returns, and says what it found and how many runs it took.
type Judge func(next func(gates.Side) float64, seed uint64) (verdict string, runs int)

// Play lets a judge compare a program with one that needs growth more, a fraction, so many times.
func Play(judge Judge, noise Noise, growth float64, repeats int, seed uint64) Tally {
	t := Tally{Repeats: repeats, Verdicts: map[string]int{}}
	for i := range repeats {
		machine := noise.Begin(rand.New(rand.NewPCG(seed, uint64(i))))
		verdict, runs := judge(func(side gates.Side) float64 {
			v := 50e6 * machine()
			if side == gates.Current {
				v *= 1 + growth
			}
			return v
		}, seed^uint64(i)*0x9e3779b97f4a7c15)
		t.Verdicts[verdict]++
		t.Runs += runs
	}
	return t
}

// Blocks is this project's way: randomised blocks until a verdict. companion adds an exact metric that is gated too, so
// that the comparison opens with a block of three and three runs.
func Blocks(s gates.CompareSettings, companion bool) Judge {
	return func(next func(gates.Side) float64, seed uint64) (string, int) {
		names := []string{"peak_rss"}
		if companion {
			names = append(names, "allocs")
		}
		c := gates.NewComparer(s, names, seed)
		runs := 0
		for sides := c.Next(); len(sides) > 0; sides = c.Next() {
			for _, side := range sides {
				run := gates.Run{"peak_rss": next(side)}
				if companion {
					run["allocs"] = 1e6
				}
				if err := c.Add(side, run); err != nil {
					panic(fmt.Sprintf("the comparer refuses the run that it asked for: %v", err))
				}
				runs++
			}
		}
		return c.Verdict("peak_rss"), runs
	}
}

// Stored is this project's way against a report of earlier runs: all of theirs came before all of ours.
func Stored(s gates.CompareSettings, theirs, ours int) Judge {
	return func(next func(gates.Side) float64, _ uint64) (string, int) {
		var values [2][]float64
		for range theirs {
			values[0] = append(values[0], next(gates.Baseline))
		}
		for range ours {
			values[1] = append(values[1], next(gates.Current))
		}
		got := gates.CompareStored(s, map[string][]float64{"peak_rss": values[0]}, map[string][]float64{"peak_rss": values[1]})
		return got[0].Verdict, theirs + ours
	}
}

// OneAgainstOne calls a single run that exceeds another by the limit a regression.
func OneAgainstOne(limit float64) Judge {
	return func(next func(gates.Side) float64, _ uint64) (string, int) {
		base := next(gates.Baseline)
		if next(gates.Current) >= base*(1+limit) {
			return gates.Regressed, 2
		}
		return gates.Stable, 2
	}
}

// MannWhitney makes runs of both sides in a fixed order, alternating or first all of the one, and calls it a growth when
// the rank test has p < 0.05 (two-sided) and the medians differ by more than the threshold.
func MannWhitney(runs int, alternate bool, threshold float64) Judge {
	return func(next func(gates.Side) float64, _ uint64) (string, int) {
		sides := slices.Repeat([]gates.Side{gates.Baseline, gates.Current}, runs)
		if !alternate {
			slices.Sort(sides)
		}
		var b stats.Block
		for _, side := range sides {
			if v := next(side); side == gates.Baseline {
				b.A = append(b.A, v)
			} else {
				b.B = append(b.B, v)
			}
		}
		if stats.Median(b.B) > stats.Median(b.A)*(1+threshold) && stats.Randomisation([]stats.Block{b}, 0).Upper < .025 {
			return gates.Grew, len(sides)
		}
		return gates.Stable, len(sides)
	}
}
