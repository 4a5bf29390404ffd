package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// counterOf makes the readings of a counter whose rate at each share of the time, 0 to 1, is given.
func counterOf(span time.Duration, n int, rate func(share float64) float64) []sampler.Point {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	points := make([]sampler.Point, 0, n+1)
	total := 0.0
	step := span / time.Duration(n)
	for i := range n + 1 {
		if i > 0 {
			total += math.Max(rate(float64(i)/float64(n)), 0) * step.Seconds()
		}
		points = append(points, sampler.Point{Time: start.Add(time.Duration(i) * step), Min: total, Max: total, Last: math.Floor(total)})
	}
	return points
}

// rateNoise makes the noises of rates that do not fall for good.
func rateNoise(kind string, r *rand.Rand) func(share float64) float64 {
	state := 0.0
	at := 0.2 + 0.6*r.Float64()
	switch kind {
	case "kept by a clock":
		return func(float64) float64 { return 1 + 0.001*r.NormFloat64() }
	case "white 5 %":
		return func(float64) float64 { return 1 + 0.05*r.NormFloat64() }
	case "white 20 %":
		return func(float64) float64 { return 1 + 0.2*r.NormFloat64() }
	case "neighbours (AR 0.9, 5 %)":
		return func(float64) float64 {
			state = 0.9*state + 0.05*math.Sqrt(1-0.81)*r.NormFloat64()
			return 1 + state
		}
	case "neighbours (AR 0.98, 5 %)":
		return func(float64) float64 {
			state = 0.98*state + 0.05*math.Sqrt(1-0.98*0.98)*r.NormFloat64()
			return 1 + state
		}
	case "stalls":
		return func(float64) float64 {
			if r.Float64() < 0.02 {
				return 0.1
			}
			return 1 + 0.02*r.NormFloat64()
		}
	case "a neighbour for a third":
		return func(s float64) float64 {
			if s > at-0.15 && s < at+0.15 {
				return 0.7 + 0.02*r.NormFloat64()
			}
			return 1 + 0.02*r.NormFloat64()
		}
	case "slower once":
		return func(s float64) float64 {
			if s > at {
				return 0.8 + 0.02*r.NormFloat64()
			}
			return 1 + 0.02*r.NormFloat64()
		}
	case "caches warm":
		return func(s float64) float64 { return 1 - 0.4*math.Exp(-s/0.05) + 0.02*r.NormFloat64() }
	case "a day's wave":
		return func(s float64) float64 {
			return 1 + 0.1*math.Sin(2*math.Pi*(4*s+at)) + 0.02*r.NormFloat64()
		}
	}
	panic("no such noise: " + kind)
}

func rateNoises() []string {
	return []string{"kept by a clock", "white 5 %", "white 20 %", "neighbours (AR 0.9, 5 %)", "neighbours (AR 0.98, 5 %)", "stalls",
		"a neighbour for a third", "slower once", "caches warm", "a day's wave"}
}

// TestDeclineAlarms measures false alarms on rates that do not fall for good, and how often falls are found. The tables
// of docs/stability.md are its output with HEAPTOP_FULL=1.
func TestDeclineAlarms(t *testing.T) {
	n := 60
	if os.Getenv("HEAPTOP_FULL") != "" {
		n = 1000
	}
	false0, all := 0, 0
	for _, kind := range rateNoises() {
		got := map[analysis.DeclineVerdict]int{}
		for i := range n {
			noise := rateNoise(kind, rand.New(rand.NewPCG(1, uint64(i))))
			got[analysis.JudgeDecline(counterOf(30*time.Minute, 300, func(s float64) float64 { return 100 * noise(s) }), nil, time.Time{}).Verdict]++
		}
		t.Logf("| %s | %s |", kind, shares(got, n))
		all, false0 = all+n, false0+got[analysis.DeclineFalling]
		if most := 0.03; float64(got[analysis.DeclineFalling]) > most*float64(n)+1 {
			t.Errorf("%s: %d of %d are called degrading", kind, got[analysis.DeclineFalling], n)
		}
	}
	if float64(false0) > 0.01*float64(all) {
		t.Errorf("%d false alarms of %d", false0, all)
	}
	for _, c := range []struct {
		kind  string
		fall  float64 // an hour
		least float64
	}{{"kept by a clock", 0.2, 0.99}, {"white 5 %", 0.3, 0.95}, {"white 5 %", 0.6, 0.99}, {"neighbours (AR 0.9, 5 %)", 0.6, 0.8}, {"white 20 %", 1.2, 0.9}, {"stalls", 0.6, 0.6}} {
		got := map[analysis.DeclineVerdict]int{}
		for i := range n {
			noise := rateNoise(c.kind, rand.New(rand.NewPCG(2, uint64(i))))
			got[analysis.JudgeDecline(counterOf(30*time.Minute, 300, func(s float64) float64 { return 100 * math.Exp(-c.fall*s/2) * noise(s) }), nil, time.Time{}).Verdict]++
		}
		t.Logf("| %s, falls %.0f %%/h | %s |", c.kind, 100*c.fall, shares(got, n))
		if float64(got[analysis.DeclineFalling]) < c.least*float64(n) {
			t.Errorf("%s that falls by %.0f %% an hour: found in %d of %d", c.kind, 100*c.fall, got[analysis.DeclineFalling], n)
		}
	}
}

func shares(got map[analysis.DeclineVerdict]int, n int) string {
	out := ""
	for _, v := range []analysis.DeclineVerdict{analysis.DeclineFalling, analysis.DeclineSettled, analysis.DeclineInconclusive, analysis.DeclineSteady} {
		out += fmt.Sprintf("%.1f %% | ", 100*float64(got[v])/float64(n))
	}
	return out
}

func TestDeclineWords(t *testing.T) {
	short := analysis.JudgeDecline(counterOf(30*time.Second, 300, func(float64) float64 { return 100 }), nil, time.Time{})
	if short.Verdict != analysis.DeclineInsufficient || !short.Needed.OK || short.Reason == "" || short.Judged {
		t.Errorf("half a minute: %+v", short)
	}
	none := analysis.JudgeDecline(nil, nil, time.Time{})
	if none.Verdict != analysis.DeclineInsufficient {
		t.Errorf("nothing: %+v", none)
	}
	still := analysis.JudgeDecline(counterOf(30*time.Minute, 300, func(float64) float64 { return 0 }), nil, time.Time{})
	if still.Verdict != analysis.DeclineInsufficient || still.Judged {
		t.Errorf("no work at all: %+v", still)
	}
	noisy := rand.New(rand.NewPCG(3, 4))
	few := analysis.JudgeDecline(counterOf(4*time.Minute, 300, func(float64) float64 { return 100 * (1 + 0.1*noisy.NormFloat64()) }), nil, time.Time{})
	if few.Verdict != analysis.DeclineInconclusive || !few.Needed.OK || few.Needed.Value <= 0 {
		t.Errorf("four noisy minutes: %+v", few)
	}
}

// TestDeclineOfCost finds that an operation takes more and more of the CPU though a clock keeps the rate.
func TestDeclineOfCost(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	work := counterOf(30*time.Minute, 300, func(float64) float64 { return 100 })
	cpu := counterOf(30*time.Minute, 300, func(s float64) float64 { return 1e6 * (1 + s) * (1 + 0.02*r.NormFloat64()) })
	if rate := analysis.JudgeDecline(work, nil, time.Time{}); rate.Verdict != analysis.DeclineSteady {
		t.Errorf("the rate: %+v", rate)
	}
	cost := analysis.JudgeDecline(work, cpu, time.Time{})
	if cost.Verdict != analysis.DeclineFalling || cost.Low > -1.3 || cost.High < -1.5 {
		t.Errorf("twice the CPU within half an hour, which is 139 %% an hour: %+v", cost)
	}
}
