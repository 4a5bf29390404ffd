package history_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/history"
)

var firstNight = time.Date(2026, 6, 1, 20, 20, 0, 0, time.UTC)

// night is a report of one scenario with one metric.
func night(n int, value float64) *gates.Report {
	metric, _ := gates.MetricOf("peak_rss")
	at := firstNight.AddDate(0, 0, n)
	return &gates.Report{
		StartedAt: at, FinishedAt: at.Add(time.Minute), Verdict: gates.Passed,
		Environment: gates.Environment{OS: "linux", Arch: "amd64", CPU: "EPYC", Kernel: "6.8.0-1", Go: "go1.26.1", Commit: fmt.Sprintf("%040x", n+0xabcd00), Branch: "main"},
		Scenarios: []gates.Scenario{{
			Name: "import", Kind: gates.KindCommand, Verdict: gates.Passed, Runs: 3,
			Metrics: map[string]gates.Measured{"peak_rss": gates.Measure(metric, "", []float64{value * .99, value, value * 1.01})},
			Gates:   []gates.Gate{{Metric: "peak_rss", Op: "<=", Limit: 1e9, Unit: "bytes", Verdict: gates.Passed}},
		}},
	}
}

// keep writes reports into a folder.
func keep(t *testing.T, dir string, list ...*gates.Report) {
	t.Helper()
	for _, r := range list {
		data, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, history.Name(r)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, paths ...string) *history.History {
	t.Helper()
	h, err := history.Read(paths)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// wobble is a noise of about 1 % that is the same in each run of the test.
func wobble(n int) float64 { return 1 + .01*math.Sin(float64(n*n)) }

func TestAStepIsFoundAndNamed(t *testing.T) {
	dir := t.TempDir()
	for n := range 40 {
		v := 50e6 * wobble(n)
		if n >= 25 {
			v *= 1.10
		}
		keep(t, dir, night(n, v))
	}
	h := read(t, dir)
	list := h.Series()
	if len(list) != 1 || len(list[0].Points) != 40 || !list[0].Gated || list[0].Unit != "bytes" {
		t.Fatalf("series: %+v", list)
	}
	s := list[0]
	if len(s.Changes) != 1 {
		t.Fatalf("changes: %+v", s.Changes)
	}
	c := s.Changes[0]
	if c.At < 24 || c.At > 26 || c.From > 25 || c.To < 25 {
		t.Errorf("the change is at %d (%d to %d), want 25", c.At, c.From, c.To)
	}
	if c.Percent == nil || math.Abs(*c.Percent-10) > 1 || *c.LowPercent > 10 || *c.HighPercent < 10 || *c.LowPercent < 8 {
		t.Errorf("size %+v, want 10 %%", c.Size)
	}
	drift := h.Drift()
	if len(drift) != 1 || drift[0].Kind != history.DriftChange || drift[0].Commit != s.Points[c.At].Commit || drift[0].Previous != s.Points[c.At-1].Commit {
		t.Fatalf("drift: %+v", drift)
	}
	if got := drift[0].String(); !strings.Contains(got, "import.peak_rss rose on 2026-06-26 (") || !strings.Contains(got, "MB") {
		t.Error(got)
	}
}

// TestCreepIsFoundWhereNoStepIs grows by 0.2 % a night, which no single comparison could prove.
func TestCreepIsFoundWhereNoStepIs(t *testing.T) {
	dir := t.TempDir()
	for n := range 30 {
		keep(t, dir, night(n, 50e6*wobble(n)*math.Pow(1.002, float64(n))))
	}
	h := read(t, dir)
	c := h.Series()[0].Creep
	if c == nil || !c.Proven() || math.Abs(*c.Percent-100*(math.Pow(1.002, 23)-1)) > 1.5 {
		t.Fatalf("creep %+v", c)
	}
	if len(h.Drift()) != 1 {
		t.Errorf("drift %v", h.Drift())
	}
	late, err := h.Anchored(fmt.Sprintf("%040x", 10+0xabcd00)) // the tenth night
	if err != nil {
		t.Fatal(err)
	}
	if c := late.Series()[0].Creep; c == nil || !c.Since.Equal(firstNight.AddDate(0, 0, 10)) || *c.Percent > 4 {
		t.Errorf("creep since the tenth night: %+v", c)
	}
	if _, err := h.Anchored("ffff0000"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an anchor that nobody knows: %v", err)
	}
	other := night(-100, 25e6)
	path := filepath.Join(t.TempDir(), "release.json")
	data, err := other.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	released, err := h.Anchored(path)
	if err != nil {
		t.Fatal(err)
	}
	if c := released.Series()[0].Creep; c == nil || !c.Since.Equal(other.StartedAt) || c.Commit != other.Environment.Commit {
		t.Errorf("creep since a release: %+v", c)
	}
}

func TestAnotherEnvironmentIsNoGrowth(t *testing.T) {
	dir := t.TempDir()
	for n := range 60 {
		r := night(n, 50e6*wobble(n))
		if n%2 == 1 { // hosted machines take turns
			r = night(n, 70e6*wobble(n))
			r.Environment.CPU = "Xeon"
		}
		r.Environment.Kernel = fmt.Sprintf("6.%d.0", n) // only the major version counts
		keep(t, dir, r)
	}
	h := read(t, dir)
	s := h.Series()[0]
	if len(s.Epochs) != 2 || s.Epochs[0].Points != 30 || s.Epochs[1].Points != 30 {
		t.Fatalf("epochs %+v", s.Epochs)
	}
	if len(s.Changes) != 0 || len(h.Drift()) != 0 {
		t.Errorf("changes %+v, drift %+v", s.Changes, h.Drift())
	}
	moved := night(99, 1)
	moved.Environment.Go = "go1.27"
	path := filepath.Join(t.TempDir(), "anchor.json")
	data, _ := moved.JSON()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	anchored, err := h.Anchored(path)
	if err != nil {
		t.Fatal(err)
	}
	if s := anchored.Series()[0]; s.Creep != nil || !strings.Contains(s.NoCreep, "another environment") {
		t.Errorf("creep %+v, %s", s.Creep, s.NoCreep)
	}
}

// TestWhatWasNotMeasuredIsAGap has nights that failed: none of them is a 0 in anything.
func TestWhatWasNotMeasuredIsAGap(t *testing.T) {
	dir := t.TempDir()
	for n := range 20 {
		r := night(n, 50e6*wobble(n))
		switch n % 4 {
		case 1:
			r.Scenarios[0].Metrics, r.Scenarios[0].Error = nil, "the build failed"
		case 2:
			metric, _ := gates.MetricOf("peak_rss")
			r.Scenarios[0].Metrics["peak_rss"] = gates.NotMeasured(metric, "it was killed", false)
		case 3:
			r.Scenarios[0].Name = "other"
		}
		keep(t, dir, r)
	}
	for _, s := range read(t, dir).Series() {
		if s.Scenario != "import" {
			continue
		}
		gaps := 0
		for _, p := range s.Points {
			if p.Missing != "" {
				gaps++
			} else if p.Median < 49e6 {
				t.Errorf("a point of %g", p.Median)
			}
		}
		if len(s.Points) != 15 || gaps != 10 {
			t.Errorf("%d points, %d gaps; want 15 and 10: other scenarios' reports are none", len(s.Points), gaps)
		}
		if len(s.Changes) != 0 || s.Creep != nil || s.NoCreep == "" {
			t.Errorf("changes %v, creep %v %q", s.Changes, s.Creep, s.NoCreep)
		}
	}
}

func TestReadTakesWhatIsAReport(t *testing.T) {
	dir := t.TempDir()
	keep(t, dir, night(1, 1e6), night(0, 1e6))
	sub := filepath.Join(dir, "week", "deep")
	if err := os.MkdirAll(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	keep(t, filepath.Dir(sub), night(2, 1e6), night(0, 1e6)) // the second is the same file again
	keep(t, sub, night(3, 1e6))                              // too deep
	for name, text := range map[string]string{"notes.txt": "x", "bad.json": "{", "other.json": `{"schema":"heaptop.analysis/v1"}`, "empty.json": "", ".tmp.json": "{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := read(t, dir)
	var nights []int
	for _, e := range h.Reports {
		nights = append(nights, int(e.Report.StartedAt.Sub(firstNight)/(24*time.Hour)))
	}
	if !slices.Equal(nights, []int{0, 1, 2}) {
		t.Errorf("nights %v", nights)
	}
	if len(h.Skipped) != 3 {
		t.Errorf("skipped %+v", h.Skipped)
	}
	if _, err := history.Read([]string{filepath.Join(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if n := len(h.Since(firstNight.AddDate(0, 0, 1)).Reports); n != 2 {
		t.Errorf("%d reports since the second night", n)
	}
	if n := len(h.Branch("feature").Reports); n != 0 {
		t.Errorf("%d reports of a branch that is not there", n)
	}
}

func TestPruneKeepsTheLatest(t *testing.T) {
	dir := t.TempDir()
	for n := range 5 {
		keep(t, dir, night(n, 1e6))
	}
	if err := os.WriteFile(filepath.Join(dir, "mine.json"), []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err := history.Prune(dir, 2)
	if err != nil || len(removed) != 3 {
		t.Fatalf("removed %v, %v", removed, err)
	}
	h := read(t, dir)
	if len(h.Reports) != 2 || !h.Reports[0].Report.StartedAt.Equal(firstNight.AddDate(0, 0, 3)) {
		t.Errorf("left %+v", h.Reports)
	}
	if _, err := os.Stat(filepath.Join(dir, "mine.json")); err != nil {
		t.Error(err)
	}
	if _, err := history.Prune(dir, 0); err == nil {
		t.Error("all of them could be removed")
	}
}

func TestNameIsAName(t *testing.T) {
	r := night(0, 1)
	r.Environment.Commit, r.Environment.Name, r.Environment.OS = "../../etc", "a b\x1b[31m/..", ""
	name := history.Name(r)
	if name != filepath.Base(name) || strings.ContainsAny(name, " \x1b/") || !strings.HasPrefix(name, "20260601T202000Z-etc-ab31m") {
		t.Errorf("name %q", name)
	}
}

// FuzzSeries reads any report twice over: no panic, and nothing that JSON cannot hold.
func FuzzSeries(f *testing.F) {
	for _, v := range []float64{1e6, 1e300, -1} {
		data, err := night(0, v).JSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := gates.ReadReport("fuzz", data); err != nil {
			return
		}
		dir := t.TempDir()
		for n := range 12 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", n)), data, 0o600); err != nil {
				t.Fatal(err)
			}
			data = append(data, '\n') // another file
		}
		h, err := history.Read([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		list := h.Series()
		if _, err := json.Marshal(list); err != nil {
			t.Fatal(err)
		}
		for _, d := range history.DriftOf(list) {
			if d.String() == "" {
				t.Error("a drift without words")
			}
		}
	})
}

func BenchmarkSeries(b *testing.B) {
	dir := b.TempDir()
	for n := range 365 {
		v := 50e6 * wobble(n)
		if n > 200 {
			v *= 1.05
		}
		data, err := night(n, v).JSON()
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", n)), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	h, err := history.Read([]string{dir})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.Series()
	}
}
