package gates_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/internal/simulate"
)

// repeats returns how often to simulate; HEAPTOP_FULL=1 takes as many as the table of docs/gates.md.
func repeats(reduced int) int {
	if os.Getenv("HEAPTOP_FULL") != "" {
		return 20_000
	}
	return reduced
}

// Three standard errors of a share that is counted in so many repetitions.
func sampling(share float64, n int) float64 { return 3 * math.Sqrt(share*(1-share)/float64(n)) }

// The bounds that the procedure promises, under every kind of noise. What is counted may exceed its bound by what so few
// repetitions may be off by chance.
func TestPromisedRates(t *testing.T) {
	n := repeats(300)
	settings := gates.CompareSettings{}
	quieter := simulate.Noises(.03)
	atMost := func(t *testing.T, what string, got, bound float64) {
		t.Helper()
		if got > bound+sampling(bound, n) {
			t.Errorf("%s: %.2f %%, want at most %.2f %%", what, 100*got, 100*bound)
		}
	}
	for i, noise := range simulate.Noises(.04) {
		for _, opened := range []bool{false, true} {
			if opened && i%3 != 0 && n < 20_000 {
				continue // three of the models will do
			}
			ours := simulate.Blocks(settings, opened)
			t.Run(fmt.Sprintf("%s/opened=%v", noise.Name, opened), func(t *testing.T) {
				same := simulate.Play(ours, noise, 0, n, 11)
				atMost(t, "grew or regressed with no change", same.Share(gates.Grew, gates.Regressed), .002)
				edge := simulate.Play(ours, noise, gates.DefaultWarnIncrease, n, 15)
				atMost(t, "grew or regressed with as much growth as needs no warning", edge.Share(gates.Grew, gates.Regressed), .002)
				if most := 12.5; same.MeanRuns() > most {
					t.Errorf("%.1f runs when nothing changed, want at most %v", same.MeanRuns(), most)
				}
				limit := simulate.Play(ours, noise, gates.DefaultMaxIncrease, n, 12)
				atMost(t, "a growth as large as the limit called stable", limit.Share(gates.Stable, gates.Improved), .05)
				found := simulate.Play(ours, noise, .15, n, 13)
				atMost(t, "+15 % not called regressed", 1-found.Share(gates.Regressed), .01)
				found = simulate.Play(ours, quieter[i], .12, n, 14)
				atMost(t, "+12 % not called regressed at 3 % noise", 1-found.Share(gates.Regressed), .05)
			})
		}
	}
}

// The rivals see the same noise. They are here to keep the table of docs/gates.md honest.
func TestRivalsCryWolf(t *testing.T) {
	n := repeats(1000)
	noises := map[string]simulate.Noise{}
	for _, noise := range simulate.Noises(.04) {
		noises[noise.Name] = noise
	}
	alarms := func(judge simulate.Judge, noise string) float64 {
		return simulate.Play(judge, noises[noise], 0, n, 21).Share(gates.Grew, gates.Regressed)
	}
	if got := alarms(simulate.OneAgainstOne(.10), "recorded: index"); got < .02 || got > .08 {
		t.Errorf("one against one at +10 %% on recorded runs: %.1f %%, want 2 to 8 %%", 100*got)
	}
	turns, apart := alarms(simulate.MannWhitney(10, true, .02), "drift"), alarms(simulate.MannWhitney(10, false, .02), "drift")
	if apart < .15 || turns > .03 {
		t.Errorf("Mann-Whitney under drift: %.1f %% in turns, %.1f %% one side after the other", 100*turns, 100*apart)
	}
}

// A program with two ways to go, each of which repeats itself exactly, looks exact as long as each side goes one way.
func TestExactMetricsWithTwoWays(t *testing.T) {
	n := repeats(1000)
	bad := 0
	for i := range n {
		lot := rand.New(rand.NewPCG(61, uint64(i)))
		c := gates.NewComparer(gates.CompareSettings{}, []string{"alloc_bytes"}, uint64(i))
		for sides := c.Next(); len(sides) > 0; sides = c.Next() {
			for _, side := range sides {
				if err := c.Add(side, gates.Run{"alloc_bytes": 1e6 + 2e5*float64(lot.IntN(2))}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if v := c.Verdict("alloc_bytes"); v == gates.Grew || v == gates.Regressed {
			bad++
		}
	}
	if share := float64(bad) / float64(n); share > .002+sampling(.002, n) {
		t.Errorf("grew or regressed with no change in %.2f %%, want at most 0.2 %%", 100*share)
	}
}

// With more than five gated metrics the whole scenario still has at most 1 % of false alarms.
func TestManyMetrics(t *testing.T) {
	n := repeats(300)
	names := []string{"peak_rss", "peak_cgroup", "sustained_rss", "peak_heap", "sustained_heap", "gc_cpu", "gc_pressure", "gc_pause_p99"}
	settings := gates.CompareSettings{Gated: names, WarnIncrease: 1e-9}
	alarms, found := 0, 0
	for i := range n {
		lot := rand.New(rand.NewPCG(31, uint64(i)))
		for _, growth := range []float64{0, .25} {
			c := gates.NewComparer(settings, names, uint64(i))
			for sides := c.Next(); len(sides) > 0; sides = c.Next() {
				for _, side := range sides {
					run := gates.Run{}
					for k, name := range names {
						run[name] = math.Exp(.05 * lot.NormFloat64())
						if side == gates.Current && k == 3 {
							run[name] *= 1 + growth
						}
					}
					if err := c.Add(side, run); err != nil {
						t.Fatal(err)
					}
				}
			}
			for k, name := range names {
				bad := c.Verdict(name) == gates.Grew || c.Verdict(name) == gates.Regressed
				switch {
				case bad && k == 3 && growth > 0:
					found++
				case bad:
					alarms++
				}
			}
		}
	}
	if share := float64(alarms) / float64(2*n); share > .01+sampling(.01, 2*n) {
		t.Errorf("%.1f %% of scenarios have a false alarm, want at most 1 %%", 100*share)
	}
	if share := float64(found) / float64(n); share < .98 {
		t.Errorf("a growth of 25 %% in one of eight metrics is found in %.1f %%", 100*share)
	}
}

// What is decided must not depend on the unit, on which order runs of one side had inside a block, or favour a side.
func TestVerdictsUnderChanges(t *testing.T) {
	bad := func(c gates.Comparison) bool { return c.Verdict == gates.Grew || c.Verdict == gates.Regressed }
	decided := map[string]int{}
	for seed := range uint64(60) {
		growth := []float64{0, .05, .08, .13, .3, -.2}[seed%6]
		list := func(c *gates.Comparer, scale float64, swap bool) gates.Comparison {
			lot := rand.New(rand.NewPCG(seed, 41))
			values := map[gates.Side][]float64{}
			for range 20 {
				values[gates.Baseline] = append(values[gates.Baseline], math.Exp(.03*lot.NormFloat64()))
				values[gates.Current] = append(values[gates.Current], (1+growth)*math.Exp(.03*lot.NormFloat64()))
			}
			return play(t, c, func(side gates.Side, n int) gates.Run {
				if swap {
					side = 1 - side
				}
				return gates.Run{"peak_rss": scale * values[side][n]}
			})[0]
		}
		fresh := func(seed uint64) *gates.Comparer {
			return gates.NewComparer(gates.CompareSettings{}, []string{"peak_rss"}, seed)
		}
		ten := func() *gates.Comparer {
			return gates.NewComparer(gates.CompareSettings{Runs: 10}, []string{"peak_rss"}, seed)
		}
		want := list(fresh(seed), 50e6, false)
		decided[want.Verdict]++
		if got := list(fresh(seed), 3e6, false); got.Verdict != want.Verdict || math.Abs(*got.ChangePercent-*want.ChangePercent) > 1e-6 || *got.P != *want.P {
			t.Errorf("seed %d, another unit: %+v, want %+v", seed, got, want)
		}
		if got := list(fresh(seed+1000), 50e6, false); got.Verdict != want.Verdict { // another order, the same values in each block
			t.Errorf("seed %d, another order of the same values: %s, want %s", seed, got.Verdict, want.Verdict)
		}
		if got := list(fresh(seed), 50e6, true); bad(want) && bad(got) {
			t.Errorf("seed %d: %s, and with the sides swapped %s", seed, want.Verdict, got.Verdict)
		}
		if want, got := list(ten(), 50e6, false), list(ten(), 50e6, true); bad(want) && got.Verdict != gates.Improved {
			t.Errorf("seed %d, ten runs a side: %s, and with the sides swapped %s", seed, want.Verdict, got.Verdict)
		} else if d := (1 + *want.ChangePercent/100) * (1 + *got.ChangePercent/100); math.Abs(d-1) > 1e-9 {
			t.Errorf("seed %d: the changes %v and, swapped, %v are not each other's inverse", seed, *want.ChangePercent, *got.ChangePercent)
		}
	}
	for _, v := range []string{gates.Stable, gates.Grew, gates.Regressed, gates.Improved} {
		if decided[v] == 0 {
			t.Errorf("no case was %s: %v", v, decided)
		}
	}
}

// The interval of a change is printed beside it, whenever the runs stopped. Each end is meant to be wrong in 3 % of cases.
func TestIntervalsHoldTheTruth(t *testing.T) {
	n := min(repeats(60), 2000)
	for _, growth := range []float64{0, .07, .15} {
		held, given := 0, 0
		for i := range n {
			lot := rand.New(rand.NewPCG(51, uint64(i)))
			got := play(t, gates.NewComparer(gates.CompareSettings{}, []string{"peak_rss"}, uint64(i)), func(side gates.Side, _ int) gates.Run {
				v := math.Exp(.04 * lot.NormFloat64())
				if side == gates.Current {
					v *= 1 + growth
				}
				return gates.Run{"peak_rss": v}
			})[0]
			if got.LowPercent == nil || got.HighPercent == nil {
				continue
			}
			given++
			if *got.LowPercent <= 100*growth && 100*growth <= *got.HighPercent {
				held++
			}
		}
		share := float64(held) / float64(given)
		t.Logf("+%.0f %%: %d of %d comparisons have an interval, %.1f %% of them hold the truth", 100*growth, given, n, 100*share)
		if given < n*9/10 || share < .92-sampling(.92, given) {
			t.Errorf("+%.0f %%: %d of %d comparisons have an interval, and %.1f %% of them hold the truth", 100*growth, given, n, 100*share)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	b.ReportAllocs()
	ours := simulate.Blocks(gates.CompareSettings{}, false)
	noise := simulate.Noises(.04)[0]
	for b.Loop() {
		simulate.Play(ours, noise, 0, 1, 1)
	}
}
