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
// doubled, ever more rarely as it grows, and its live heap stands still in between. That is neither proof that it does not
// grow nor that its growth has ended. A cache that is filled, in a program that is collected all the time, has ended.
func TestALargeHeapIsRarelyCollected(t *testing.T) {
	for _, c := range []struct {
		name    string
		leak    func(second float64) float64 // bytes since the beginning
		garbage float64                      // bytes a second
		want    []analysis.LeakVerdict
		says    string
	}{
		{"a leak", func(s float64) float64 { return 1e6 * s }, 4e6, []analysis.LeakVerdict{analysis.LeakInsufficient}, "a lower GOGC makes collections more frequent"},
		{"a full cache", func(s float64) float64 { return 1e6 * min(s, 35) }, 100e6, []analysis.LeakVerdict{analysis.LeakFlat, analysis.LeakSettling}, ""},
		{"no growth", func(float64) float64 { return 4e7 }, 6e6, []analysis.LeakVerdict{analysis.LeakFlat}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := analysis.NewLeakWatch("")
			marked, heap, goal, cycles := 3e6, 3e6, 6e6, 0.0
			for i := range 320 {
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
				s.Add(sampler.GoHeapAllocs, float64(i)*c.garbage/4)
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
