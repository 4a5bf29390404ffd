package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// noon is when the series of these tests begin.
func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func filled(n int, step time.Duration, value func(i int) float64) *Series {
	s := NewSeries()
	for i := range n {
		s.Add(noon().Add(time.Duration(i)*step), value(i))
	}
	return s
}

func TestSeriesKeepsFullRateThenBuckets(t *testing.T) {
	s := filled(3600, time.Second, func(i int) float64 { return float64(i) })
	points := s.Points(noon(), noon().Add(time.Hour), 1<<20)
	if first := points[0]; first.Min != 0 || first.Max != 9 || first.Last != 9 || !first.Time.Equal(noon().Add(9*time.Second)) {
		t.Errorf("oldest bucket is %+v, want the first ten seconds", first)
	}
	if want := 300 + 600; len(points) != want {
		t.Errorf("an hour has %d points, want %d buckets of ten seconds and 600 readings", len(points), want)
	}
	for i, p := range points[300:] {
		if want := float64(3000 + i); p.Min != want || p.Max != want || p.Last != want {
			t.Fatalf("reading %d is %+v, want %v as it came", i, p, want)
		}
	}
}

func TestSeriesKeepsADay(t *testing.T) {
	s := filled(26*3600, time.Second, func(i int) float64 { return float64(i % 100) })
	first, _ := s.First()
	last, _ := s.Last()
	if kept := last.Time.Sub(first.Time); kept < 24*time.Hour || kept > 26*time.Hour {
		t.Errorf("keeps %v, want a day and not much more", kept)
	}
}

// TestSeriesNeverLosesASpike compares with a slice of all readings: whatever the interval, its jitter and the gaps, the
// largest and the smallest value over the kept time are those of the readings, at any number of buckets.
func TestSeriesNeverLosesASpike(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := NewSeries()
		var all []reading
		now := noon()
		step := time.Duration(50+r.IntN(20_000)) * time.Millisecond
		for range 200 + r.IntN(6000) {
			now = now.Add(step/2 + time.Duration(r.Int64N(int64(step))))
			if r.IntN(500) == 0 {
				now = now.Add(time.Duration(r.IntN(3600)) * time.Second)
			}
			v := math.Exp(r.NormFloat64() * 3)
			s.Add(now, v)
			all = append(all, reading{now.UnixNano(), v})
		}
		first, _ := s.First()
		begin := s.begin(0, bucket{ns: first.Time.UnixNano()})
		low, high := math.Inf(1), math.Inf(-1)
		for _, x := range all {
			if x.ns >= begin {
				low, high = min(low, x.v), max(high, x.v)
			}
		}
		for _, n := range []int{1, 2, 7, 80, 200, 5000} {
			gotLow, gotHigh := math.Inf(1), math.Inf(-1)
			points := s.Points(first.Time, now, n)
			for _, p := range points {
				gotLow, gotHigh = min(gotLow, p.Min), max(gotHigh, p.Max)
			}
			if gotLow != low || gotHigh != high || len(points) > n {
				t.Fatalf("seed %d, %d buckets: %d points from %v to %v, want %v to %v", seed, n, len(points), gotLow, gotHigh, low, high)
			}
			if newest := points[len(points)-1]; newest.Last != all[len(all)-1].v || !newest.Time.Equal(now) {
				t.Fatalf("seed %d, %d buckets: newest is %+v, want the last reading", seed, n, newest)
			}
		}
	}
}

func TestSeriesMaxOutlivesForgetting(t *testing.T) {
	s := filled(30*3600, time.Second, func(i int) float64 {
		if i == 5000 {
			return 99
		}
		return float64(i % 7)
	})
	top, _ := s.Max()
	if want := noon().Add(5000 * time.Second); top.Max != 99 || !top.Time.Equal(want) {
		t.Errorf("largest is %v at %v, want 99 at %v", top.Max, top.Time, want)
	}
}

func TestSeriesKeepsGaps(t *testing.T) {
	for _, after := range []int{100, 2000, 20_000} { // the gap at full rate, then in each tier
		s := NewSeries()
		at := func(i int) time.Time {
			if i >= 300 {
				i += 1200 // 20 minutes
			}
			return noon().Add(time.Duration(i) * time.Second)
		}
		for i := range 300 + after {
			s.Add(at(i), 1)
		}
		end := at(299 + after)
		points := s.Points(noon(), end, int(end.Sub(noon())/(30*time.Second)))
		gaps := 0
		for _, p := range points {
			if p.Time.After(at(299)) && p.Time.Before(at(300)) {
				t.Errorf("after %d: a point at %v, where nothing was read", after, p.Time)
			}
			if p.Gap {
				gaps++
				if d := p.Time.Sub(at(300)); d < 0 || d > 2*time.Minute {
					t.Errorf("after %d: gap marked at %v, want it at %v", after, p.Time, at(300))
				}
			}
		}
		if gaps != 1 {
			t.Errorf("after %d: %d gaps in %d points, want 1", after, gaps, len(points))
		}
	}
}

func TestSeriesTakesAnotherIntervalForNoGap(t *testing.T) {
	s := NewSeries()
	now := noon()
	for _, step := range []time.Duration{time.Second, 10 * time.Second, 200 * time.Millisecond, time.Minute} {
		for range 50 {
			now = now.Add(step)
			s.Add(now, 1)
		}
	}
	for _, n := range []int{10, 1000, 100_000} {
		for _, p := range s.Points(noon(), now, n) {
			if p.Gap {
				t.Errorf("%d buckets: a gap at %v, where only the interval changed", n, p.Time)
			}
		}
	}
}

func TestSeriesRefuses(t *testing.T) {
	s := NewSeries()
	if _, ok := s.Last(); ok || s.Points(noon(), noon().Add(time.Hour), 10) != nil {
		t.Error("an empty series has points")
	}
	s.Add(noon(), 1)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		s.Add(noon().Add(time.Second), v)
	}
	s.Add(noon(), 2)
	s.Add(noon().Add(-time.Second), 3)
	s.Add(time.Time{}, 4)
	s.Add(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), 5)
	if s.Refused() != 7 || s.Len() != 1 {
		t.Errorf("refused %d and kept %d, want 7 and 1", s.Refused(), s.Len())
	}
	if got := s.Points(noon().Add(time.Hour), noon(), 10); got != nil {
		t.Errorf("points from later to earlier: %v", got)
	}
}

func TestSeriesAt(t *testing.T) {
	s := filled(100, time.Second, func(i int) float64 { return float64(i) })
	for _, c := range []struct {
		after time.Duration
		want  float64
		ok    bool
	}{
		{-time.Nanosecond, 0, false},
		{0, 0, true},
		{1500 * time.Millisecond, 1, true},
		{2 * time.Second, 2, true},
		{time.Hour, 99, true},
	} {
		if p, ok := s.At(noon().Add(c.after)); ok != c.ok || p.Last != c.want {
			t.Errorf("%v later: %v, %t; want %v, %t", c.after, p.Last, ok, c.want, c.ok)
		}
	}
}

// TestSeriesMemoryIsFixed adds two days of readings and looks at the heap.
func TestSeriesMemoryIsFixed(t *testing.T) {
	const count = 20
	series := make([]*Series, count)
	for i := range series {
		series[i] = NewSeries()
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	empty := heap()
	day := func(n int) uint64 {
		for i := n * 86_400; i < (n+1)*86_400; i++ {
			for _, s := range series {
				s.Add(noon().Add(time.Duration(i)*time.Second), float64(i%1000))
			}
		}
		return heap()
	}
	day(0)
	full := day(1)
	later := day(2)
	if growth := int64(later) - int64(full); growth > 16<<10 {
		t.Errorf("the third day added %d bytes to %d series", growth, count)
	}
	if each := (int64(later) - int64(empty)) / count; each > 70<<10 {
		t.Errorf("a full series takes %d bytes, want at most 70 KiB", each)
	}
	runtime.KeepAlive(series)
}

func TestSeriesAddAllocatesNothing(t *testing.T) {
	s := filled(48*3600, time.Second, func(i int) float64 { return float64(i) })
	now, _ := s.Last()
	if allocs := testing.AllocsPerRun(5000, func() {
		now.Time = now.Time.Add(time.Second)
		s.Add(now.Time, 1)
	}); allocs != 0 {
		t.Errorf("Add allocates %v times", allocs)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := NewHistory()
	s := &Snapshot{Time: noon()}
	for i := range MaxMetrics + 100 {
		s.Add(Metric(fmt.Sprintf("/m/%04d:bytes", i)), float64(i))
	}
	h.Add(s)
	if got := len(h.Metrics()); got != MaxMetrics || h.Dropped() != 100 {
		t.Errorf("keeps %d metrics and dropped %d, want %d and 100", got, h.Dropped(), MaxMetrics)
	}
	if h.Series("/never/read:bytes") != nil {
		t.Error("a metric that was never read has a series")
	}
	for i := range uint64(2 * MaxCycles) {
		h.Add(&Snapshot{Time: noon().Add(time.Duration(i+1) * time.Second), Cycles: []GCCycle{{Number: i + 1}}})
	}
	cycles := h.Cycles()
	if len(cycles) != MaxCycles || cycles[0].Number != MaxCycles+1 || cycles[MaxCycles-1].Number != 2*MaxCycles {
		t.Errorf("keeps %d collections from %d, want the last %d", len(cycles), cycles[0].Number, MaxCycles)
	}
	h.Add(&Snapshot{Time: noon().Add(time.Hour), Cycles: []GCCycle{{Number: 9999}}})
	if cycles[0].Number != MaxCycles+1 || cycles[MaxCycles-1].Number != 2*MaxCycles {
		t.Error("the collections that were asked for changed with the next reading")
	}
	if c := h.Cycles(); len(c) != MaxCycles || c[MaxCycles-1].Number != 9999 {
		t.Errorf("the last collection is %d, want 9999", c[len(c)-1].Number)
	}
	h.Reset()
	if len(h.Metrics()) != 0 || len(h.Cycles()) != 0 || h.Series("/m/0000:bytes") != nil {
		t.Error("Reset left something")
	}
}

func TestHistoryOfSomeMetrics(t *testing.T) {
	h := NewHistory(ProcessRSS, GoHeapLive)
	for i := range 2 {
		s := &Snapshot{Time: noon().Add(time.Duration(i) * time.Second)}
		s.Add(ProcessAnon, 3)
		s.Add(ProcessRSS, 5)
		h.Add(s)
		if got := h.Metrics(); len(got) != 1 || got[0] != ProcessRSS || h.Dropped() != 0 {
			t.Errorf("keeps %v and dropped %d, want the RSS alone and 0", got, h.Dropped())
		}
		if i == 0 {
			h.Reset()
		}
	}
}

func TestHistoryStartsAnewWhenTheClockIsSetBack(t *testing.T) {
	h := NewHistory()
	add := func(after time.Duration, v float64) int {
		s := &Snapshot{Time: noon().Add(after)}
		s.Add(ProcessRSS, v)
		h.Add(s)
		return h.Series(ProcessRSS).Len()
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Hour, 2}, {time.Hour - 30*time.Second, 2}, {time.Hour + time.Second, 3}, {time.Minute, 1}, {2 * time.Minute, 2}} {
		if got := add(c.after, 1); got != c.want {
			t.Errorf("after a snapshot at %v there are %d readings, want %d", c.after, got, c.want)
		}
	}
}

func TestHistoryKeepsNoMemoryOfTheSnapshot(t *testing.T) {
	h := NewHistory()
	s := &Snapshot{Time: noon(), Cycles: []GCCycle{{Number: 1}}}
	s.Add(ProcessRSS, 5)
	h.Add(s)
	s.Reset(noon().Add(time.Second))
	s.Cycles = append(s.Cycles, GCCycle{Number: 7})
	s.Add(ProcessRSS, 6)
	if p, _ := h.Series(ProcessRSS).Last(); p.Last != 5 || h.Cycles()[0].Number != 1 {
		t.Errorf("history changed with the snapshot: %v, %v", p, h.Cycles())
	}
}

func BenchmarkSeriesAdd(b *testing.B) {
	b.ReportAllocs()
	s := NewSeries()
	now := noon()
	for b.Loop() {
		now = now.Add(time.Second)
		s.Add(now, 1)
	}
}

func BenchmarkSeriesPoints(b *testing.B) {
	b.ReportAllocs()
	s := filled(100_000, time.Second, func(i int) float64 { return float64(i) })
	last, _ := s.Last()
	for b.Loop() {
		s.Points(last.Time.Add(-5*time.Minute), last.Time, 120)
	}
}
