package analysis_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// edgeSeries are series that no program makes often, by name: values at one reading a second.
func edgeSeries(n int) map[string][]float64 {
	r := rand.New(rand.NewPCG(uint64(n), 3))
	all := map[string][]float64{}
	for name, value := range map[string]func(i int) float64{
		"all equal":         func(int) float64 { return 5e7 },
		"all 0":             func(int) float64 { return 0 },
		"all below 0":       func(int) float64 { return -3e6 },
		"next to nothing":   func(int) float64 { return 1e-300 },
		"falling":           func(i int) float64 { return 1e9 - 1e5*float64(i) },
		"falling below 0":   func(i int) float64 { return 1e4 - 1e3*float64(i) },
		"two values":        func(i int) float64 { return 1e6 * float64(1+i%2) },
		"too large":         func(int) float64 { return math.MaxFloat64 },
		"huge":              func(i int) float64 { return 1e99 - 1e90*float64(i) },
		"no number":         func(int) float64 { return math.NaN() },
		"endless":           func(int) float64 { return math.Inf(1 - 2*(n%2)) },
		"noise about 0":     func(int) float64 { return r.NormFloat64() },
		"one spike":         func(i int) float64 { return 1e6 + 1e12*float64(1-min(abs(i-n/2), 1)) },
		"one gap to 0":      func(i int) float64 { return 1e9 * float64(min(abs(i-n/2), 1)) },
		"nothing, then one": func(i int) float64 { return float64(i / max(n-1, 1)) },
	} {
		values := make([]float64, n)
		for i := range values {
			values[i] = value(i)
		}
		all[name] = values
	}
	return all
}

func abs(i int) int { return max(i, -i) }

func pointsOf(values []float64, at func(i int) time.Time) []sampler.Point {
	var out []sampler.Point
	for i, v := range values {
		out = append(out, sampler.Point{Time: at(i), Min: v, Max: v, Last: v})
	}
	return out
}

// TestEdgesOfSeries: nothing in edgeSeries grows, whatever its length and however its times lie; every verdict has its reason
// and finite numbers, and one that was not reached has none.
func TestEdgesOfSeries(t *testing.T) {
	clocks := map[string]func(i int) time.Time{
		"steady":            func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) },
		"standing still":    func(int) time.Time { return began },
		"backwards":         func(i int) time.Time { return began.Add(-time.Duration(i) * time.Second) },
		"set back":          func(i int) time.Time { return began.Add(time.Duration(i-1000*(i/50)) * time.Second) },
		"set forward":       func(i int) time.Time { return began.Add(time.Duration(i+5000*(i/50)) * time.Second) },
		"each read twice":   func(i int) time.Time { return began.Add(time.Duration(i/2*2) * time.Second) },
		"nanoseconds apart": func(i int) time.Time { return began.Add(time.Duration(i)) },
		"years apart":       func(i int) time.Time { return began.AddDate(i, 0, 0) },
	}
	for _, n := range []int{0, 1, 2, 3, 59, 60, 61, 62, 63, 120, 400} {
		for name, values := range edgeSeries(n) {
			for clock, at := range clocks {
				points := pointsOf(values, at)
				name := fmt.Sprintf("%d readings, %s, clock %s", n, name, clock)
				for _, o := range []analysis.LeakOptions{{}, {Live: true, Load: points, Started: began, Restarts: []time.Time{began, began.Add(30 * time.Second)}}} {
					checkLeak(t, name, analysis.JudgeLeak(points, o))
				}
				g := analysis.GrowthSince(points, began)
				if g.Growing || !finite(g.PerHour, g.Low, g.High, g.Level, g.Score) || !g.OK && g.Reason == "" {
					t.Errorf("%s: %+v", name, g)
				}
				d := analysis.JudgeDecline(points, nil, began)
				if !finite(d.PerHour, d.Low, d.High, d.Score) || d.Judged == (d.Verdict == analysis.DeclineInsufficient) || !d.Judged && d.Reason == "" {
					t.Errorf("%s: %+v", name, d)
				}
				checkLeak(t, name, analysis.JudgeColumn("x", points, "work", points, 0).Leak)
			}
		}
	}
}

func checkLeak(t *testing.T, name string, l analysis.Leak) {
	t.Helper()
	switch {
	case l.Verdict == analysis.LeakGrowing || l.Verdict == "" || l.Reason == "":
		t.Errorf("%s: %s, %q: %+v", name, l.Verdict, l.Reason, l)
	case !finite(l.PerHour, l.Low, l.High, l.First, l.Last, l.Level, l.Score, l.Needed.Value):
		t.Errorf("%s: not finite: %+v", name, l)
	case l.Judged == (l.Verdict == analysis.LeakInsufficient):
		t.Errorf("%s: %s, judged %v", name, l.Verdict, l.Judged)
	case l.Low > l.PerHour || l.PerHour > l.High:
		t.Errorf("%s: %v is not from %v to %v", name, l.PerHour, l.Low, l.High)
	}
}

func finite(values ...float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}

// TestReadingsThatAreNoneChangeNothing: a reading that is no number, or came at the time of another, is as one that was not made.
func TestReadingsThatAreNoneChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, rate := range []float64{0, 1e4} {
		var clean, dirty []sampler.Point
		for i := range 300 {
			v := 1e7 + rate*float64(i) + 1e4*r.NormFloat64()
			p := sampler.Point{Time: began.Add(time.Duration(i) * time.Second), Min: v, Max: v, Last: v}
			clean, dirty = append(clean, p), append(dirty, p)
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
				if r.IntN(3) == 0 {
					dirty = append(dirty, sampler.Point{Time: p.Time.Add(time.Millisecond), Min: bad, Max: bad, Last: bad})
				}
			}
			if r.IntN(3) == 0 {
				dirty = append(dirty, sampler.Point{Time: p.Time.Add(-time.Duration(r.IntN(5)) * time.Second), Min: 1, Max: 1, Last: 1})
			}
		}
		if a, b := analysis.JudgeLeak(clean, analysis.LeakOptions{}), analysis.JudgeLeak(dirty, analysis.LeakOptions{}); a != b {
			t.Errorf("at %v a second: %+v, and with what is no reading %+v", rate, a, b)
		}
		if a, b := analysis.GrowthSince(clean, time.Time{}), analysis.GrowthSince(dirty, time.Time{}); a != b {
			t.Errorf("at %v a second: %+v, and with what is no reading %+v", rate, a, b)
		}
		if a, b := analysis.JudgeDecline(clean, nil, time.Time{}), analysis.JudgeDecline(dirty, nil, time.Time{}); a != b {
			t.Errorf("at %v a second: %+v, and with what is no reading %+v", rate, a, b)
		}
	}
}

// TestEdgesOfAWatch: a watch takes what a recording of a stranger holds in any order, and reports.
func TestEdgesOfAWatch(t *testing.T) {
	metrics := []sampler.Metric{
		sampler.WorkOperations, sampler.GoHeapLive, sampler.GoClassObjects, sampler.GoCyclesTotal, sampler.GoHeapAllocs, sampler.GoGoroutines, sampler.ProcessRSS,
		sampler.ProcessCPU, sampler.GoClassTotal, sampler.GoClassReleased, sampler.RedisUsed,
	}
	values := []float64{0, 1, -1, 1e9, math.MaxFloat64, -math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 9))
		w := analysis.NewLeakWatch(sampler.WorkOperations)
		at := began
		kept := metrics[:len(metrics)-int(seed%6)]
		for range 200 {
			at = at.Add(time.Duration(r.Int64N(int64(4*time.Second))) - time.Duration(r.IntN(100)/99)*time.Hour)
			s := &sampler.Snapshot{Time: at}
			for _, m := range kept {
				if v := values[r.IntN(len(values))]; r.IntN(4) > 0 {
					s.Add(m, v)
				}
			}
			w.Add(s, sampler.Info{PID: 1 + r.IntN(100)/99, GoVersion: "go1.26.8", Started: began})
		}
		report := w.Report(analysis.LeakJudgement{})
		if report.Verdict == "" || len(report.Findings) == 0 {
			t.Errorf("seed %d: %+v", seed, report)
		}
		for _, f := range report.Findings {
			for key, v := range f.Evidence {
				if !finite(v) {
					t.Errorf("seed %d: %s of %s is %v", seed, key, f.Series, v)
				}
			}
		}
		if work, ok := w.Work(); ok && !finite(work.Total, work.PerHour, work.CPUPer) {
			t.Errorf("seed %d: %+v", seed, work)
		}
	}
}

// TestWorkIsCountedInFull: over a watch so long that its readings are merged, and where the counter begins anew.
func TestWorkIsCountedInFull(t *testing.T) {
	for _, c := range []struct {
		name     string
		readings int
		counter  func(i int) float64
		want     float64
	}{
		{"a long watch", 10_000, func(i int) float64 { return 5 + 3*float64(i) }, 3 * 9999},
		{"it begins anew", 1000, func(i int) float64 { return float64(i % 600) }, 599 + 399},
		{"one reading", 1, func(int) float64 { return 7 }, 0},
	} {
		w := analysis.NewLeakWatch(sampler.WorkOperations)
		for i := range c.readings {
			s := &sampler.Snapshot{Time: began.Add(time.Duration(i) * time.Second)}
			s.Add(sampler.WorkOperations, c.counter(i))
			w.Add(s, sampler.Info{PID: 1})
		}
		if work, ok := w.Work(); !ok || work.Total != c.want {
			t.Errorf("%s: %v were counted, want %v", c.name, work.Total, c.want)
		}
	}
}

// TestWorkOfAProgramThatUsedNoCPU: it is not the counter of the work that stood still.
func TestWorkOfAProgramThatUsedNoCPU(t *testing.T) {
	done := pointsOf(make([]float64, 300), func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) })
	cpu := slices.Clone(done)
	for i := range done {
		done[i].Min, done[i].Max, done[i].Last = float64(i), float64(i), float64(i)
	}
	for name, c := range map[string]struct {
		work, by []sampler.Point
		want     string
	}{
		"no CPU": {done, cpu, "what the work is divided by fell or stood still"}, "no work": {cpu, done, "the counter of the work fell or stood still"},
	} {
		if d := analysis.JudgeDecline(c.work, c.by, time.Time{}); d.Verdict != analysis.DeclineInsufficient || d.Reason != c.want {
			t.Errorf("%s: %+v", name, d)
		}
	}
}
