package run

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/feed"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// story is a workload that is told instead of run: its live heap in bytes and its work at each share of the time.
type story struct {
	span time.Duration
	live func(share float64) float64
	rate func(share float64) float64 // operations a second
}

// told judges a story as a long watch would.
func told(s story, o StabilityOptions, cut bool) *gates.Stability { return toldAfter(0, s, o, cut) }

// toldAfter judges a story with so many readings before the first collection.
func toldAfter(before int, s story, o StabilityOptions, cut bool) *gates.Stability {
	r := rand.New(rand.NewPCG(11, 12))
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	info := sampler.Info{PID: 42, Name: "told", Started: begin.Add(-time.Hour), GoVersion: "go1.26.8", Source: "memory"}
	leaks := feed.New(sampler.WorkOperations, s.span, nil)
	seen := stabilitySeen{cut: cut, watched: s.span}
	work := 0.0
	const n = 300
	for i := range n + 1 {
		share := float64(i) / n
		snap := &sampler.Snapshot{Time: begin.Add(time.Duration(share * float64(s.span)))}
		if i > 0 {
			work += s.rate(share) * s.span.Seconds() / n
		}
		live := s.live(share) * (1 + 0.005*r.NormFloat64())
		snap.Add(sampler.GoClassObjects, live*1.5)
		if i < before {
			live = 0 // as the runtime says then
		}
		snap.Add(sampler.GoHeapLive, live)
		snap.Add(sampler.GoCyclesTotal, float64(max(i+1-before, 0)))
		snap.Add(sampler.GoGoroutines, 10)
		snap.Add(sampler.ProcessRSS, 60e6)
		snap.Add(sampler.ProcessCPU, 0.01*work)
		snap.Add(sampler.WorkOperations, math.Floor(work))
		leaks.Event(sampler.Event{Snapshot: snap, Info: info})
		if i == 0 {
			seen.first = snap
		}
		if i == before {
			seen.collected = snap
		}
	}
	seen.last, seen.leaks, seen.sites = leaks.Last(), leaks.Report(analysis.LeakJudgement{}), leaks.GrowingSites()
	if w, ok := leaks.Work(); ok {
		seen.work = &w
	}
	o.Duration = s.span
	return judgeStability(&o, &seen)
}

func flat(v float64) func(float64) float64 { return func(float64) float64 { return v } }

func TestStabilityVerdicts(t *testing.T) {
	const half = 30 * time.Minute
	grows := func(s float64) float64 { return 20e6 * (1 + 0.5*s) }
	warms := func(s float64) float64 { return 20e6 + 30e6*(1-math.Exp(-s/0.06)) }
	for name, c := range map[string]struct {
		story   story
		o       StabilityOptions
		cut     bool
		want    gates.Verdict
		reasons []string
		never   string
	}{
		"steady": {story: story{half, flat(20e6), flat(100)}, o: StabilityOptions{Threshold: 10e6}, want: gates.Passed, reasons: []string{"growth is excluded"}},
		"leak": {story: story{half, grows, flat(100)}, want: gates.Failed,
			reasons: []string{"The live heap grows by ", " an hour"}},
		"leak beyond the threshold": {story: story{half, func(s float64) float64 { return 20e6 * (1 + s) }, flat(100)}, o: StabilityOptions{Threshold: 10e6}, want: gates.Failed,
			reasons: []string{"more than the threshold of 10.0 MB"}},
		"warm-up": {story: story{half, warms, flat(100)}, o: StabilityOptions{Threshold: 10e6}, want: gates.Passed, never: "threshold"},
		"slower and slower": {story: story{half, flat(20e6), func(s float64) float64 { return 100 * math.Exp(-0.4*s) }}, want: gates.Failed,
			reasons: []string{"operations become fewer by 80"}},
		"too short":        {story: story{30 * time.Second, flat(20e6), flat(100)}, want: gates.Warned, reasons: []string{"too short to decide: at least 3", "the live heap", "operations per hour"}},
		"too short passes": {story: story{30 * time.Second, flat(20e6), flat(100)}, o: StabilityOptions{OnInconclusive: gates.InconclusivePass}, want: gates.Passed},
		"too short fails":  {story: story{30 * time.Second, flat(20e6), flat(100)}, o: StabilityOptions{OnInconclusive: gates.InconclusiveFail}, want: gates.Failed},
		"cut":              {story: story{half, flat(20e6), flat(100)}, cut: true, want: gates.Warned, reasons: []string{"interrupted after 30m"}},
		"cut leak":         {story: story{half, grows, flat(100)}, cut: true, want: gates.Failed, reasons: []string{"grows by", "interrupted"}},
	} {
		got := told(c.story, c.o, c.cut)
		if got.Verdict != c.want {
			t.Errorf("%s: %s, want %s: %s", name, got.Verdict, c.want, got.Reason)
		}
		for _, words := range c.reasons {
			if !strings.Contains(got.Reason, words) {
				t.Errorf("%s: no %q in %q", name, words, got.Reason)
			}
		}
		if c.never != "" && strings.Contains(got.Reason, c.never) {
			t.Errorf("%s: %q in %q", name, c.never, got.Reason)
		}
		if got.Memory == nil || got.Operations == nil || got.Reason == "" || len(got.Series) == 0 {
			t.Errorf("%s: not all is told: %+v", name, got)
		}
	}
}

// TestStabilityNumbers compares the figures of a told workload with what was told.
func TestStabilityNumbers(t *testing.T) {
	got := told(story{30 * time.Minute, func(s float64) float64 { return 20e6 + 10e6*s }, flat(100)}, StabilityOptions{Threshold: 50e6}, false)
	m := got.Memory
	if m.RatePerHour == nil || math.Abs(*m.RatePerHour-20e6) > 2e6 || *m.Low > 20e6 || *m.High < 20e6 {
		t.Errorf("the rate of 20 MB an hour: %+v", m)
	}
	if math.Abs(m.Growth-10e6) > 1e6 || m.Growth != m.Final-m.Initial {
		t.Errorf("growth of 10 MB: %+v", m)
	}
	if got.Threshold.Grown == nil || *got.Threshold.Grown < 7e6 || *got.Threshold.Grown > 11e6 || got.Threshold.Verdict != gates.Passed {
		t.Errorf("the threshold: %+v", got.Threshold)
	}
	o := got.Operations
	if o.Total != 180_000 || math.Abs(o.PerHour-360_000) > 3600 || o.Verdict != gates.Steady {
		t.Errorf("operations: %+v", o)
	}
	if o.CPU == nil || math.Abs(o.CPU.SecondsPerOp-0.01) > 0.001 || o.CPU.Verdict != gates.Steady {
		t.Errorf("the CPU of an operation: %+v", o.CPU)
	}
	if p := got.Series[0].PerWork; p == nil || math.Abs(*p-10e6/180_000) > 10 {
		t.Errorf("bytes for each operation: %+v", got.Series[0])
	}
}

// TestLiveHeapBeforeTheFirstCollection holds that what nobody knows is no heap of 0 bytes, and no growth from there.
func TestLiveHeapBeforeTheFirstCollection(t *testing.T) {
	s := story{span: 30 * time.Minute, live: flat(20e6), rate: flat(100)}
	m := toldAfter(3, s, StabilityOptions{}, false).Memory
	if m == nil || m.Initial < 19e6 || math.Abs(m.Growth) > 1e6 || m.InitialAtS == nil || *m.InitialAtS != 18 {
		t.Errorf("the first collection comes with the fourth reading, after 18 s: %+v", m)
	}
	if m := told(s, StabilityOptions{}, false).Memory; m == nil || m.InitialAtS != nil {
		t.Errorf("the first reading tells it: %+v", m)
	}
	if m := toldAfter(1000, s, StabilityOptions{}, false).Memory; m != nil {
		t.Errorf("there was no collection: %+v", m)
	}
}

func TestMomentsAreBounded(t *testing.T) {
	m := moments{every: time.Second}
	for i := range 10 * gates.MaxMoments {
		m.add(gates.Moment{AtS: float64(i)})
	}
	if n := len(m.list); n > gates.MaxMoments || n < gates.MaxMoments/4 || m.list[0].AtS != 0 {
		t.Errorf("%d moments are kept, the first of %v s", n, m.list[0].AtS)
	}
	if !slices.IsSortedFunc(m.list, func(a, b gates.Moment) int { return int(a.AtS - b.AtS) }) {
		t.Error("the moments are not in their order")
	}
}

func TestStemsStayInTheirFolder(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 30, 15, 0, time.UTC)
	for name, want := range map[string]string{
		"vim_session":                "stability_vim_session_2026-03-01T12-30-15Z",
		"../../etc/\x1b[31mpasswd":   "stability__.._etc___31mpasswd_2026-03-01T12-30-15Z",
		"http://user:pw@host:6060/x": "stability_http___user_pw_host_6060_x_2026-03-01T12-30-15Z",
		strings.Repeat("é", 1000):    "stability_" + strings.Repeat("_", 60) + "_2026-03-01T12-30-15Z",
	} {
		if got := StabilityStem(name, at); got != want || filepath.Base(got) != got {
			t.Errorf("%q gives %s, want %s", name, got, want)
		}
	}
}

func TestProfilesAreGzipped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pb.gz")
	if err := writeProfile(path, []byte("plain")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) < 2 || data[0] != 0x1f || data[1] != 0x8b {
		t.Errorf("%x, %v", data, err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
