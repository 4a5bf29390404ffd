package analysis_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

// TestALargeHeapIsRarelyCollected: a program leaks 1 MB/s and makes 4 MB/s of garbage. It is collected when its heap has
// doubled, ever more rarely as it grows, and its live heap stands still in between. That is no proof that its growth has ended:
// where each collection finds more alive, it grows, and where too few tell, nothing is known. A cache that is filled, in a program that is collected all the time, has ended.
func TestALargeHeapIsRarelyCollected(t *testing.T) {
	for _, c := range []struct {
		name    string
		leak    func(second float64) float64 // bytes since the beginning
		garbage float64                      // bytes a second
		seconds int
		want    []analysis.LeakVerdict
		says    string
	}{
		{"a leak", func(s float64) float64 { return 1e6 * s }, 4e6, 80, []analysis.LeakVerdict{analysis.LeakGrowing}, "collections found more alive"},
		{"a leak of all that is allocated", func(s float64) float64 { return 1e6 * s }, 0, 170, []analysis.LeakVerdict{analysis.LeakGrowing}, "was allocated meanwhile 100% stayed"},
		{"a table that is read, and no more", func(s float64) float64 { return 1e6 * min(s, 95) }, 1e3, 170, []analysis.LeakVerdict{analysis.LeakInsufficient}, "collector ran"},
		{"a leak of all that is allocated, seen too briefly", func(s float64) float64 { return 1e6 * s }, 0, 80, []analysis.LeakVerdict{analysis.LeakInsufficient}, "more is needed"},
		{"a table that is read, and then used", func(s float64) float64 { return 1e6 * min(s, 30) }, 3e6, 80, []analysis.LeakVerdict{analysis.LeakInsufficient, analysis.LeakSettling}, ""},
		{"a full cache", func(s float64) float64 { return 1e6 * min(s, 35) }, 100e6, 80, []analysis.LeakVerdict{analysis.LeakFlat, analysis.LeakSettling}, ""},
		{"no growth", func(float64) float64 { return 4e7 }, 6e6, 80, []analysis.LeakVerdict{analysis.LeakFlat}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := analysis.NewLeakWatch("")
			marked, heap, goal, cycles := 3e6, 3e6, 6e6, 0.0
			for i := range 4 * c.seconds {
				second := float64(i) / 4
				live := 3e6 + c.leak(second)
				if heap += (c.leak(second) - c.leak(second-.25)) + c.garbage/4; heap >= goal || i == 0 {
					marked, heap, goal = live, live, 2*live
					cycles++
				}
				s := &sampler.Snapshot{Time: began.Add(time.Duration(i) * 250 * time.Millisecond)}
				s.Add(sampler.GoHeapLive, marked)
				s.Add(sampler.GoClassObjects, heap)
				s.Add(sampler.GoCyclesTotal, cycles)
				s.Add(sampler.GoHeapAllocs, 3e6+c.leak(second)+float64(i)*c.garbage/4)
				w.Add(s, sampler.Info{PID: 1, GoVersion: "go1.26.8", Started: began})
			}
			f := findingOf(t, w.Report(analysis.LeakJudgement{}), string(sampler.GoHeapLive))
			ok := false
			for _, want := range c.want {
				ok = ok || f.Verdict == want
			}
			if !ok || !strings.Contains(strings.Join(f.Details, " "), c.says) {
				t.Errorf("after %v collections it is %s: %q, %v; want %s", cycles, f.Verdict, f.Details, f.Evidence, c.want)
			}
		})
	}
}

// TestWhatAShortWatchExcludes: of a series that is quiet, growth is excluded; of one that is noisy and was watched for two
// minutes, growth by as much as it has within an hour is not, and the report does not say so.
func TestWhatAShortWatchExcludes(t *testing.T) {
	for _, c := range []struct {
		name   string
		noise  float64
		reason string
		title  string
	}{
		{"quiet", 0, "growth is excluded for rss_bytes", "rss_bytes does not grow"},
		{"noisy", .5, "there is no sign of growth in rss_bytes", "rss_bytes shows no sign of growth"},
	} {
		r := rand.New(rand.NewPCG(3, 4))
		values := make([]float64, 120)
		for i := range values {
			values[i] = 1e7 * (1 + c.noise*(r.Float64()-float64(i)*.001)) // it rather falls
		}
		at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) }
		report := analysis.JudgeSeries([]analysis.LeakSeries{analysis.JudgeColumn("rss_bytes", pointsOf(values, at), "", nil, 0)})
		if report.Verdict != analysis.LeakFlat || report.Reason != c.reason || !strings.HasPrefix(report.Findings[0].Title, c.title) {
			t.Errorf("%s: %s, %q, %q: %+v", c.name, report.Verdict, report.Reason, report.Findings[0].Title, report.Series[0].Leak)
		}
	}
}

// TestFewCollectionsRaiseNoFalseAlarm: live heaps that rise and fall by chance, in programs that are collected so rarely that
// each collection counts.
func TestFewCollectionsRaiseNoFalseAlarm(t *testing.T) {
	const programs = 300
	alarms := 0
	for seed := range uint64(programs) {
		r := rand.New(rand.NewPCG(seed, 7))
		noise, memory, garbage := .6*r.Float64(), r.Float64(), 1e6+9e6*r.Float64()
		w := analysis.NewLeakWatch("")
		wave, marked, heap, goal, cycles, allocated := 0.0, 30e6, 30e6, 60e6, 1.0, 0.0
		for i := range 600 {
			wave = memory*wave + (1-memory)*r.NormFloat64()
			if heap, allocated = heap+garbage/2, allocated+garbage/2; heap >= goal {
				marked = 30e6 * (1 + max(noise*wave, -.9))
				heap, goal, cycles = marked, 2*marked, cycles+1
			}
			s := &sampler.Snapshot{Time: began.Add(time.Duration(i) * 500 * time.Millisecond)}
			s.Add(sampler.GoHeapLive, marked)
			s.Add(sampler.GoClassObjects, heap)
			s.Add(sampler.GoCyclesTotal, cycles)
			s.Add(sampler.GoHeapAllocs, allocated)
			w.Add(s, sampler.Info{PID: 1, GoVersion: "go1.26.8", Started: began.Add(-time.Hour)})
		}
		if f := findingOf(t, w.Report(analysis.LeakJudgement{}), string(sampler.GoHeapLive)); f.Verdict == analysis.LeakGrowing {
			t.Logf("seed %d: %.0f collections, %v", seed, cycles, f.Details)
			alarms++
		}
	}
	if alarms > programs/100 {
		t.Errorf("%d of %d programs that do not grow were called growing", alarms, programs)
	}
}
