package analysis_test

import (
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// A program without a heap profile leaks: its memory can tell who holds the objects, and the finding says how to ask, or
// shows the answer.
func TestALeakWithoutAProfilePointsToItsHolders(t *testing.T) {
	p := newProgram(6)
	p.leak = func(hours float64) float64 { return 60e6 * hours }
	w := analysis.NewLeakWatch("")
	for i := range 720 {
		at := began.Add(time.Duration(i) * 5 * time.Second)
		hours := at.Sub(began).Hours()
		w.Add(p.reading(at, p.live(hours), hours, i), sampler.Info{PID: p.pid, GoVersion: "go1.26.8", Started: began.Add(-time.Hour)})
	}
	live := string(sampler.GoHeapLive)
	const ask = "Who keeps the objects alive: heaptop debug hotspots --holders 4242"
	f := findingOf(t, w.Report(analysis.LeakJudgement{AskHolders: ask}), live)
	if f.Verdict != analysis.LeakGrowing || f.Advice != ask || len(f.Holders) > 0 ||
		!slices.Contains(f.Details, "Which allocation site it is cannot be told: no heap profile could be read.") {
		t.Errorf("nobody asked: %s, advice %q, details %q", f.Verdict, f.Advice, f.Details)
	}
	walk := &sampler.HeapWalk{Reached: 200, Roots: []sampler.HeldRoot{{HoldRoot: sampler.HoldRoot{Kind: sampler.RootGlobal, Name: "main.sessions"}, Retained: 150}}}
	f = findingOf(t, w.Report(analysis.LeakJudgement{AskHolders: ask, Walk: walk}), live)
	if f.Advice != "" || len(f.Holders) != 1 || f.Holders[0].RetainedBytes != 150 || f.Holders[0].SharePercent != 75 {
		t.Errorf("somebody asked: advice %q, holders %+v", f.Advice, f.Holders)
	}
	if f := findingOf(t, w.Report(analysis.LeakJudgement{}), live); f.Advice != "" {
		t.Errorf("nobody can be asked: advice %q", f.Advice)
	}
}
