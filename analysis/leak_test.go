package analysis_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/internal/contest"
	"github.com/alloc-dev/heaptop/analysis/internal/labelled"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// series makes n readings dt seconds apart of 100 MB times shape(share of the time), with 0.3 % noise.
func series(n int, dt float64, shape func(u float64) float64) []sampler.Point {
	return run(rand.New(rand.NewPCG(1, 2)), n, dt, noise{0.003, 30}, 8, func(s float64) float64 { return shape(s / (float64(n) * dt)) })
}

func line(u float64) float64 { return 1 + u }

func TestLeakVerdictsAndTheirWords(t *testing.T) {
	for _, test := range []struct {
		name    string
		points  []sampler.Point
		verdict analysis.LeakVerdict
		shape   string
		reason  string
	}{
		{"line", series(720, 5, line), analysis.LeakGrowing, "a straight line", "goes on; a cache that is still filling would look the same"},
		{"constant", series(720, 5, func(float64) float64 { return 1 }), analysis.LeakFlat, "constant", "no sign of growth; more than"},
		{"falls", series(720, 5, func(u float64) float64 { return 2 - u }), analysis.LeakFlat, "", "does not grow"},
		{"warm-up", series(720, 5, func(u float64) float64 { return 1 - 0.5*math.Exp(-u/0.1) }), analysis.LeakFlat, "a warm-up", "no sign of growth"},
		{"late step", series(720, 5, func(u float64) float64 { return 1 + math.Floor(u+0.3)/5 }), analysis.LeakFlat, "step", "no sign of growth"},
		{"cache full near the end", series(720, 5, func(u float64) float64 { return 1 + math.Min(u, 0.7) }), analysis.LeakSettling, "filling to a cap", "would decide"},
		{"two steps", series(720, 5, func(u float64) float64 { return 1 + math.Floor(u+0.7)/5 + math.Floor(u+0.45)/5 }), analysis.LeakSettling, "step", "it has grown, but not at the end"},
		{"period", series(720, 5, func(u float64) float64 { return 1 + 0.1*math.Sin(2*math.Pi*4*u) }), analysis.LeakFlat, "a period of", ""},
		{"a minute and a half of a line", series(18, 5, line), analysis.LeakInsufficient, "", "1m25s watched, 5m11s needed"},
		{"nothing", nil, analysis.LeakInsufficient, "", "watched too briefly"},
	} {
		l := analysis.JudgeLeak(test.points, analysis.LeakOptions{})
		if l.Verdict != test.verdict || !strings.Contains(l.Shape, test.shape) || !strings.Contains(l.Reason, test.reason) {
			t.Errorf("%s: %s (%s): %s; want %s (%s): %s\n%+v", test.name, l.Verdict, l.Shape, l.Reason, test.verdict, test.shape, test.reason, l)
		}
		if l.Judged == (l.Verdict == analysis.LeakInsufficient) {
			t.Errorf("%s: judged %v, verdict %s", test.name, l.Judged, l.Verdict)
		}
	}
}

// What is explained by the work done is no leak; with the same work at all times it is one.
func TestLoadExplainsGrowth(t *testing.T) {
	load := func(shape func(u float64) float64) []sampler.Point { return series(720, 5, shape) }
	r := rand.New(rand.NewPCG(5, 5))
	var busy []float64 // more and more, and never the same for long
	for i := range 25 {
		busy = append(busy, 0.04*float64(i)+0.1*r.Float64())
	}
	rising := func(u float64) float64 { return 1 + busy[int(24*math.Min(u, 1))] }
	points := run(rand.New(rand.NewPCG(3, 4)), 720, 5, noise{0.003, 30}, 8, func(s float64) float64 { return 0.5 + 0.5*rising(s/3600) })
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{}); l.Verdict != analysis.LeakGrowing {
		t.Errorf("without load: %s, %s", l.Verdict, l.Reason)
	}
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{Load: load(rising)}); l.Verdict != analysis.LeakFlat || !strings.Contains(l.Shape, "driven by load") {
		t.Errorf("with the load that explains it: %s, %s, %s", l.Verdict, l.Shape, l.Reason)
	}
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{Load: load(func(float64) float64 { return 1 })}); l.Verdict != analysis.LeakGrowing {
		t.Errorf("with a load that explains nothing: %s, %s", l.Verdict, l.Reason)
	}
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{Load: load(rising)[:300]}); l.Verdict != analysis.LeakGrowing {
		t.Errorf("with a load that is known for half of the time: %s, %s", l.Verdict, l.Reason)
	}
}

func TestRestartsSplitASeries(t *testing.T) {
	// Each of three processes grows from the same level: a saw to one who does not know of the restarts.
	points := series(720, 5, func(u float64) float64 { return 1 + math.Mod(3*u, 1) })
	first := points[0].Time
	restarts := []time.Time{first.Add(40 * time.Minute), first.Add(20 * time.Minute), first.Add(-time.Hour)}
	l := analysis.JudgeLeak(points, analysis.LeakOptions{Restarts: restarts, Started: first.Add(40 * time.Minute)})
	if l.Verdict != analysis.LeakGrowing || math.Abs(l.PerHour/(300*mb)-1) > 0.05 {
		t.Errorf("%s at %.0f MB/h: %s; want growing at 300", l.Verdict, l.PerHour/mb, l.Reason)
	}
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{}); l.Verdict == analysis.LeakGrowing {
		t.Errorf("without the restarts: %s", l.Reason)
	}
	every := []time.Time{}
	for i := range 60 {
		every = append(every, first.Add(time.Duration(i)*time.Minute))
	}
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{Restarts: every}); l.Verdict != analysis.LeakInsufficient || l.Reason == "" {
		t.Errorf("a restart every minute: %s, %q", l.Verdict, l.Reason)
	}
}

// A live alert must have been true for 40 % of the time, and says when it will have been.
func TestLiveAlertWaits(t *testing.T) {
	points := series(720, 5, func(u float64) float64 { return 1 + math.Max(u-0.5, 0) })
	once := analysis.JudgeLeak(points, analysis.LeakOptions{})
	live := analysis.JudgeLeak(points, analysis.LeakOptions{Live: true})
	if once.Verdict != analysis.LeakGrowing || live.Verdict != analysis.LeakInconclusive {
		t.Errorf("a leak since half of the time: %s, live %s (%s)", once.Verdict, live.Verdict, live.Reason)
	}
	if !live.Needed.OK || live.Needed.Value < 600 || !strings.Contains(live.Reason, "more minutes would decide") {
		t.Errorf("%+v: %s", live.Needed, live.Reason)
	}
	if l := analysis.JudgeLeak(series(720, 5, line), analysis.LeakOptions{Live: true}); l.Verdict != analysis.LeakGrowing {
		t.Errorf("a leak from the start: %s", l.Reason)
	}
}

// When 20 minutes do not decide and more time is asked for, that time must decide in most cases.
func TestTimeNeededDecides(t *testing.T) {
	samplertest.NotUnderRace(t)
	asked, decided := 0, 0
	for _, k := range labelled.Kinds() {
		for seed := range uint64(seriesOfEachKind()) {
			s := labelled.Make(k, seed+1)
			if len(s.Restarts) > 0 {
				continue
			}
			o := contest.Options(&s)
			early := analysis.JudgeLeak(s.Live[:240], o)
			if !early.Needed.OK || early.Needed.Value > 2400 {
				continue
			}
			asked++
			l := analysis.JudgeLeak(s.Live[:240+int(early.Needed.Value/5)+1], o)
			if l.Verdict == analysis.LeakGrowing || l.Verdict == analysis.LeakFlat {
				decided++
			} else {
				t.Logf("%s %d: %s, %s; then %s, %s", k.Name, seed, early.Verdict, early.Reason, l.Verdict, l.Reason)
			}
		}
	}
	t.Logf("%d asked for more time, %d were decided by it", asked, decided)
	if asked < 10 || float64(decided)/float64(asked) < 0.6 {
		t.Errorf("%d asked for more time, only %d were decided by it", asked, decided)
	}
}

func TestUntilLimit(t *testing.T) {
	l := analysis.Leak{Judged: true, PerHour: 100, Low: 50, High: 200}
	u := l.Until(100)
	if u.Low != sampler.Known(1800) || u.Mid != sampler.Known(3600) || u.High != sampler.Known(7200) {
		t.Errorf("100 at 50 to 200 an hour: %+v", u)
	}
	l.Low = -1
	if u := l.Until(100); !u.Low.OK || !u.Mid.OK || u.High.OK {
		t.Errorf("an interval that begins below 0 has no latest time: %+v", u)
	}
	if u := l.Until(0); u.Low != sampler.Known(0) || u.High != sampler.Known(0) {
		t.Errorf("at the limit: %+v", u)
	}
	for name, u := range map[string]analysis.UntilLimit{
		"falling": analysis.Leak{Judged: true, PerHour: -3, Low: -5, High: -1}.Until(10), "not judged": analysis.Leak{PerHour: 1, High: 1}.Until(10),
		"no limit": l.Until(math.Inf(1)), "nonsense": l.Until(math.NaN()),
	} {
		if u != (analysis.UntilLimit{}) {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// Scale, sampling rate and date change nothing; a leak reversed or shuffled is none.
func TestLeakMetamorphic(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, k := range labelled.Kinds() {
		if !k.Leak || !k.Steady || k.Native || k.Name == "0.1 % a minute" || k.Name == "across restarts" {
			continue
		}
		s := labelled.Make(k, 2)
		o := analysis.LeakOptions{Started: s.Started}
		base := analysis.JudgeLeak(s.Live, o)
		changed := func(f func(i int, p *sampler.Point)) analysis.Leak {
			points := append([]sampler.Point(nil), s.Live...)
			for i := range points {
				f(i, &points[i])
			}
			return analysis.JudgeLeak(points, o)
		}
		scaled := changed(func(_ int, p *sampler.Point) { p.Min *= 1024; p.Last *= 1024 })
		if scaled.Verdict != base.Verdict || scaled.Shape != base.Shape || math.Abs(scaled.PerHour/base.PerHour/1024-1) > 1e-6 {
			t.Errorf("%s, scaled: %+v, was %+v", k.Name, scaled, base)
		}
		o.Started = s.Started.AddDate(30, 0, 0)
		moved := changed(func(_ int, p *sampler.Point) { p.Time = p.Time.AddDate(30, 0, 0) })
		o.Started = s.Started
		if moved != base {
			t.Errorf("%s, 30 years later: %+v, was %+v", k.Name, moved, base)
		}
		thin := []sampler.Point{}
		for i := 1; i < len(s.Live); i += 2 {
			thin = append(thin, s.Live[i])
		}
		if l := analysis.JudgeLeak(thin, o); l.Verdict != base.Verdict && math.Abs(base.Score-10) > 2 || math.Abs(l.PerHour/base.PerHour-1) > 0.2 {
			t.Errorf("%s, every second reading: %+v, was %+v", k.Name, l, base)
		}
		n := len(s.Live)
		if l := changed(func(i int, p *sampler.Point) { p.Min = s.Live[n-1-i].Min }); l.Verdict == analysis.LeakGrowing {
			t.Errorf("%s, reversed: %+v", k.Name, l)
		}
		order := r.Perm(n)
		if l := changed(func(i int, p *sampler.Point) { p.Min = s.Live[order[i]].Min }); l.Verdict == analysis.LeakGrowing {
			t.Errorf("%s, shuffled: %+v", k.Name, l)
		}
	}
}

// Readings that come in a burst and then once in a while must neither hang the look ahead nor break anything.
func TestJudgeLeakOfUnevenReadings(t *testing.T) {
	for rare := range 60 {
		points := make([]sampler.Point, 0, 1100)
		at := time.Unix(0, 0)
		for i := range 1000 + rare {
			at = at.Add(1)
			if i >= 1000 {
				at = at.Add(7 * 24 * time.Hour)
			}
			v := mb * float64(i)
			points = append(points, sampler.Point{Time: at, Min: v, Max: v, Last: v})
		}
		last := points[len(points)-1]
		last.Time = last.Time.AddDate(1, 0, 0)
		if l := analysis.JudgeLeak(append(points, last), analysis.LeakOptions{}); l.Reason == "" {
			t.Errorf("%d rare readings: %+v", rare, l)
		}
	}
}

// A series may name any time; a duration holds 292 years.
func TestJudgeLeakOverAges(t *testing.T) {
	var points []sampler.Point
	for i := range 500 {
		v := float64(i)
		points = append(points, sampler.Point{Time: time.Date(i*10, 1, 1, 0, 0, 0, 0, time.UTC), Min: v, Max: v, Last: v})
	}
	if l := analysis.JudgeLeak(points, analysis.LeakOptions{}); l.Verdict != analysis.LeakInsufficient {
		t.Errorf("the last hundred years, ten readings, are %+v", l)
	}
}

func FuzzJudgeLeak(f *testing.F) {
	f.Add([]byte("some readings that mean nothing at all, repeated"), uint8(3), int64(1e9))
	f.Add(make([]byte, 900), uint8(0), int64(5e9))
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, gap int64) {
		var points []sampler.Point
		at := time.Unix(1, 0)
		for i := 0; i+2 <= len(data) && i < 2000; i += 2 {
			v := float64(int16(binary.LittleEndian.Uint16(data[i:])))
			switch kind % 5 {
			case 1:
				v = math.Exp(v / 20)
			case 2:
				v = math.Abs(v) + float64(i)*1e6
			case 3:
				v = 1e99 * v / 32768
			case 4:
				v /= 1e12
			}
			at = at.Add(time.Duration(gap % 1e12))
			points = append(points, sampler.Point{Time: at, Min: v, Max: v, Last: v})
		}
		began := time.Now()
		o := analysis.LeakOptions{Load: points, Live: kind%2 == 0, Started: time.Unix(int64(kind), 0)}
		if len(points) > 100 {
			o.Restarts = []time.Time{points[len(points)/2].Time, points[7].Time}
		}
		l := analysis.JudgeLeak(points, o)
		if spent := time.Since(began); spent > 20*time.Second {
			t.Errorf("it took %v", spent)
		}
		for _, v := range []float64{l.PerHour, l.Low, l.High, l.First, l.Last, l.Level, l.Score, l.Structure, l.Trend, l.Size, l.Needed.Value, l.Until(1).Mid.Value} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%+v", l)
			}
		}
		if l.Reason == "" || l.Judged && (l.Low > l.PerHour || l.PerHour > l.High) {
			t.Errorf("%+v", l)
		}
	})
}

func BenchmarkJudgeLeak(b *testing.B) {
	for _, kind := range []string{"flat", "3 % a minute"} {
		for _, k := range labelled.Kinds() {
			if k.Name != kind {
				continue
			}
			s := labelled.Make(k, 1)
			b.Run(strings.ReplaceAll(kind, " ", "_"), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					analysis.JudgeLeak(s.Live, contest.Options(&s))
				}
			})
		}
	}
}
