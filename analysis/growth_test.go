package analysis_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// noise is a live set's own wobble: first-order autoregressive, sigma relative to the level, tau its memory in seconds.
type noise struct{ sigma, tau float64 }

// run makes n readings of a live set dt seconds apart: level times shape(seconds) with noise, as the live heap that each
// collection leaves (it changes only there) when gcEvery is set.
func run(r *rand.Rand, n int, dt float64, w noise, gcEvery float64, shape func(s float64) float64) []sampler.Point {
	const level = 100 * mb
	points := make([]sampler.Point, n)
	phi := math.Exp(-dt / w.tau)
	x, shown, next := r.NormFloat64(), 0.0, 0.0
	for i := range points {
		at := float64(i) * dt
		x = phi*x + math.Sqrt(1-phi*phi)*r.NormFloat64()
		if at >= next {
			shown = level * (shape(at) + w.sigma*x)
			next = at + gcEvery*(0.8+0.4*r.Float64())
		}
		points[i] = sampler.Point{Time: time.Unix(0, int64(at*1e9)), Min: shown, Max: shown, Last: shown}
	}
	return points
}

// saw turns a live set into RSS under collections that start when the heap has grown by half.
func saw(r *rand.Rand, points []sampler.Point) []sampler.Point {
	phase := r.Float64()
	for i := range points {
		phase += 0.11 + 0.02*r.Float64()
		v := points[i].Last * (1.2 + 0.5*math.Mod(phase, 1))
		points[i].Min, points[i].Max, points[i].Last = v, v, v
	}
	return points
}

// kind is a shape of an hour, or of less: u is the time as a share of the whole.
type kind struct {
	name  string
	shape func(u, hours float64) float64
}

func bounded() []kind {
	return []kind{
		{"flat", func(_, _ float64) float64 { return 1 }},
		{"warm-up", func(u, _ float64) float64 { return 1 - 0.5*math.Exp(-u/0.08) }},
		{"cache fills to its cap", func(u, _ float64) float64 { return 1 + math.Min(u, 0.4) }},
		{"step", func(u, _ float64) float64 { return 1 + 0.2*math.Floor(u+0.55) }},
		{"late step", func(u, _ float64) float64 { return 1 + 0.2*math.Floor(u+0.2) }},
		{"period", func(u, _ float64) float64 { return 1 + 0.1*math.Sin(2*math.Pi*4*u) }},
		{"falls", func(u, _ float64) float64 { return 1.5 - 0.5*u }},
		{"ends a leak", func(u, _ float64) float64 { return 1 + math.Min(u, 0.6) }},
	}
}

func unbounded() []kind {
	return []kind{
		{"1 % a minute", func(u, h float64) float64 { return 1 + 0.6*u*h }},
		{"3 % a minute", func(u, h float64) float64 { return 1 + 1.8*u*h }},
		{"10 % a minute", func(u, h float64) float64 { return 1 + 6*u*h }},
		{"3 % a minute after a warm-up", func(u, h float64) float64 { return 1 + 1.8*u*h - 0.4*math.Exp(-u/0.05) }},
		{"3 % a minute under a period", func(u, h float64) float64 { return 1 + 1.8*u*h + 0.05*math.Sin(2*math.Pi*5*u) }},
		{"quadratic", func(u, h float64) float64 { return 1 + 1.8*h*u*u }},
	}
}

// setting is how a series is watched.
type setting struct {
	name      string
	n         int
	dt        float64
	rss       bool
	gcEvery   float64
	wobble    noise
	leaksSeen float64 // the least share of leaks that must be found
}

func settings() []setting {
	return []setting{
		{"live heap, an hour", 720, 5, false, 8, noise{0.01, 60}, 0.8},
		{"live heap, slow noise", 720, 5, false, 8, noise{0.03, 600}, 0.6},
		{"RSS, an hour", 720, 5, true, 0, noise{0.01, 60}, 0.8},
		{"live heap, 5 minutes", 300, 1, false, 3, noise{0.003, 20}, 0.5},
		{"RSS, 10 minutes", 600, 1, true, 0, noise{0.002, 20}, 0.2},
		{"live heap, 2 minutes", 120, 1, false, 1, noise{0.002, 10}, 0.2},
	}
}

func (w setting) alarms(r *rand.Rand, k kind, rounds int) float64 {
	hours := float64(w.n) * w.dt / 3600
	alarms := 0
	for range rounds {
		p := run(r, w.n, w.dt, w.wobble, w.gcEvery, func(s float64) float64 { return k.shape(s/3600/hours, hours) })
		if w.rss {
			p = saw(r, p)
		}
		if g := growthOf(p); g.Growing {
			alarms++
		}
	}
	return float64(alarms) / float64(rounds)
}

// growthOf judges a series whose start is not known.
func growthOf(points []sampler.Point) analysis.Growth {
	return analysis.GrowthSince(points, time.Time{})
}

func TestGrowthTellsLeaksFromTheRest(t *testing.T) {
	samplertest.NotUnderRace(t)
	const rounds = 40
	r := rand.New(rand.NewPCG(1, 2))
	for _, w := range settings() {
		all := 0.0
		for _, k := range bounded() {
			share := w.alarms(r, k, rounds)
			all += share
			t.Logf("%-24s %-30s %3.0f%% alarms", w.name, k.name, 100*share)
			if share > 0.1 {
				t.Errorf("%s, %s: %.0f%% false alarms", w.name, k.name, 100*share)
			}
		}
		if mean := all / float64(len(bounded())); mean > 0.03 {
			t.Errorf("%s: %.1f%% false alarms", w.name, 100*mean)
		}
		all = 0
		for _, k := range unbounded() {
			share := w.alarms(r, k, rounds)
			all += share
			t.Logf("%-24s %-30s %3.0f%% found", w.name, k.name, 100*share)
		}
		if mean := all / float64(len(unbounded())); mean < w.leaksSeen {
			t.Errorf("%s: only %.0f%% of the leaks found", w.name, 100*mean)
		}
	}
}

func TestGrowthSaysWhatItNeeds(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	line := func(n int, dt float64) []sampler.Point {
		return run(r, n, dt, noise{0.001, 1}, 0, func(s float64) float64 { return 1 + s/1000 })
	}
	start := time.Unix(0, 0)
	tests := []struct {
		name    string
		points  []sampler.Point
		started time.Time
		want    string
	}{
		{"nothing", nil, time.Time{}, "too briefly: 1m00s needed"},
		{"one reading", line(1, 1), time.Time{}, "too briefly"},
		{"12 s", line(13, 1), time.Time{}, "12s watched, 1m02s needed"},
		{"a young process", line(70, 1), start, "1m09s watched, 1m19s needed"},
		{"slow sampling", line(20, 5), time.Time{}, "1m35s watched, 5m11s needed"},
		{"fast sampling", line(200, 0.05), time.Time{}, "10s watched, 1m00s needed"},
	}
	for _, test := range tests {
		g := analysis.GrowthSince(test.points, test.started)
		if g.OK || g.Growing || !strings.Contains(g.Reason, test.want) {
			t.Errorf("%s: %+v, want reason %q", test.name, g, test.want)
		}
	}
	// What is needed must be enough, and a second less must not.
	if g := growthOf(line(64, 1)); !g.OK {
		t.Errorf("63 s: %s", g.Reason)
	}
	if g := analysis.GrowthSince(line(80, 1), start); !g.OK {
		t.Errorf("79 s of a young process: %s", g.Reason)
	}
	if g := growthOf(line(62, 1)); g.OK {
		t.Error("61 s were enough, though 1m02s were asked for")
	}
	// A watch of a minute has its last reading some ms before it is over: it is a minute all the same.
	if g := growthOf(line(241, 0.2499)); !g.OK {
		t.Errorf("59.976 s: %s", g.Reason)
	}
	if g := growthOf(line(236, 0.2489)); g.OK || g.Reason != "58s watched, 1m00s needed" {
		t.Errorf("58.5 s: %+v", g)
	}
}

func TestGrowthRateAndInterval(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const rounds = 300
	held, sum := 0, 0.0
	for range rounds {
		p := run(r, 720, 5, noise{0.01, 60}, 8, func(s float64) float64 { return 1 + 0.3*s/3600 })
		g := growthOf(p)
		if g.Low <= 30*mb && 30*mb <= g.High {
			held++
		}
		sum += g.PerHour
	}
	if share := float64(held) / rounds; share < 0.88 {
		t.Errorf("the interval holds the true rate in %.0f%% of runs, nominal 95%%", 100*share)
	}
	if mean := sum / rounds; math.Abs(mean/(30*mb)-1) > 0.05 {
		t.Errorf("mean rate %.1f MB/h, want 30.0", mean/mb)
	}
}

// Scale, sampling rate and date change nothing; a leak played backwards is none.
func TestGrowthMetamorphic(t *testing.T) {
	leak := func() []sampler.Point {
		return run(rand.New(rand.NewPCG(7, 8)), 720, 5, noise{0.01, 60}, 8, func(s float64) float64 { return 1 + s/3600 })
	}
	base := growthOf(leak())
	if !base.Growing {
		t.Fatalf("the leak is not seen: %+v", base)
	}
	scaled, moved, thinned, reversed := leak(), leak(), []sampler.Point{}, leak()
	for i := range scaled {
		scaled[i].Min *= 1000
		moved[i].Time = moved[i].Time.AddDate(30, 0, 0)
		if i%2 == 1 {
			thinned = append(thinned, scaled[i])
			thinned[len(thinned)-1].Min /= 1000
		}
		reversed[i].Min = scaled[len(scaled)-1-i].Last
	}
	if g := growthOf(scaled); !g.Growing || math.Abs(g.PerHour/base.PerHour/1000-1) > 1e-6 {
		t.Errorf("scaled by 1000: %+v", g)
	}
	if g := growthOf(moved); g != base {
		t.Errorf("30 years later: %+v, was %+v", g, base)
	}
	if g := growthOf(thinned); !g.Growing || math.Abs(g.PerHour/base.PerHour-1) > 0.1 {
		t.Errorf("every second reading: %+v", g)
	}
	if g := growthOf(reversed); g.Growing || g.PerHour >= 0 {
		t.Errorf("backwards: %+v", g)
	}
}

func TestGrowthOfOddSeries(t *testing.T) {
	points := run(rand.New(rand.NewPCG(9, 9)), 200, 1, noise{0.01, 5}, 0, func(float64) float64 { return 1 })
	odd := append([]sampler.Point(nil), points...)
	odd[7].Min, odd[8].Min, odd[9].Time = math.NaN(), math.Inf(1), odd[3].Time
	zero := append([]sampler.Point(nil), points...)
	for i := range zero {
		zero[i].Min = 0
	}
	for name, p := range map[string][]sampler.Point{"odd values": odd, "zeros": zero} {
		g := growthOf(p)
		for _, v := range []float64{g.PerHour, g.Low, g.High, g.Level, g.Score} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: %+v", name, g)
			}
		}
		if !g.OK || g.Growing {
			t.Errorf("%s: %+v", name, g)
		}
	}
}

// A counter of small numbers that starts at 0 (descriptors, goroutines) has no level to compare with, and can leak all the same.
func TestGrowthOfACounter(t *testing.T) {
	points := make([]sampler.Point, 720)
	for i := range points {
		v := math.Floor(float64(i) / 12)
		points[i] = sampler.Point{Time: time.Unix(int64(5*i), 0), Min: v, Max: v, Last: v}
	}
	if g := growthOf(points); !g.Growing || math.Abs(g.PerHour-60) > 2 {
		t.Errorf("one a minute: %+v", g)
	}
}

func BenchmarkGrowthOf(b *testing.B) {
	p := run(rand.New(rand.NewPCG(1, 1)), 600, 1, noise{0.01, 60}, 3, func(s float64) float64 { return 1 + s/600 })
	b.ReportAllocs()
	for b.Loop() {
		growthOf(p)
	}
}
