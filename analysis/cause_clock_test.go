package analysis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// TestALeakIsFoundAfterTheClockWasSetBack: a recording of ten minutes, then of an hour that the clock calls an earlier one.
// The program that leaks in that hour began later than all of it, by the clock.
func TestALeakIsFoundAfterTheClockWasSetBack(t *testing.T) {
	w := analysis.NewLeakWatch("")
	info := sampler.Info{PID: 4242, Started: began.Add(-time.Minute)}
	add := func(at time.Time, rss float64) {
		s := &sampler.Snapshot{Time: at}
		s.Add(sampler.ProcessRSS, rss)
		w.Add(s, info)
	}
	for i := range 120 {
		add(began.Add(time.Duration(i)*5*time.Second), 100e6+float64(i%7)*1e5)
	}
	back := began.Add(-3 * time.Hour)
	for i := range 720 {
		add(back.Add(time.Duration(i)*5*time.Second), 100e6+float64(i%7)*1e5+float64(i)*100e6/720)
	}
	if from, to := w.Span(); !from.Equal(back) || to.Sub(from) != 719*5*time.Second {
		t.Errorf("it spans %v to %v", from, to)
	}
	r := w.Report(analysis.LeakJudgement{})
	f := findingOf(t, r, string(sampler.ProcessRSS))
	if f.Verdict != analysis.LeakGrowing || f.Evidence["span_seconds"] != 719*5 {
		t.Errorf("%s: %v", f.Verdict, f.Evidence)
	}
	if text := strings.Join(r.Warnings, "\n"); !strings.Contains(text, "the clock was set back after 12:09:55: what was read by then is not judged") {
		t.Errorf("the warnings are %q", text)
	}
}

// TestGrowthTakesNoBeginningThatLiesAhead: a process whose start is later than all readings of it has a start of unknown
// time, and is not waited for.
func TestGrowthTakesNoBeginningThatLiesAhead(t *testing.T) {
	var points []sampler.Point
	for i := range 300 {
		v := 50e6 + float64(i)*1e5
		points = append(points, sampler.Point{Time: began.Add(time.Duration(i) * time.Second), Min: v, Max: v, Last: v})
	}
	for _, n := range []int{30, 300} {
		want, got := analysis.GrowthSince(points[:n], time.Time{}), analysis.GrowthSince(points[:n], began.Add(time.Hour))
		if got.Growing != want.Growing || got.Reason != want.Reason {
			t.Errorf("%d readings: %v, %q; want %v, %q", n, got.Growing, got.Reason, want.Growing, want.Reason)
		}
	}
}
