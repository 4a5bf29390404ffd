package cli

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// madeUpPoint is the made-up server after some more readings.
func madeUpPoint(t *testing.T, f *samplertest.Fake, h *sampler.History, readings int) analysis.TracePoint {
	t.Helper()
	var reading sampler.Snapshot
	for range readings {
		if err := f.Read(t.Context(), &reading); err != nil {
			t.Fatal(err)
		}
		h.Add(&reading)
	}
	raw, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heap, err := profile.ParseHeap(raw)
	if err != nil {
		t.Fatal(err)
	}
	return analysis.TracePoint{Snapshot: reading.Clone(), Cycles: h.Cycles(), Heap: &heap}
}

func madeUpGoroutines(t *testing.T, f *samplertest.Fake) *sampler.Goroutines {
	t.Helper()
	g, err := f.Goroutines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Groups {
		g.Groups[i].Stacks = sampler.Known(float64(8192 * g.Groups[i].Count))
	}
	return &g
}

func madeUpSpans() *sampler.Spans {
	return &sampler.Spans{
		Spans: 9500, Objects: 170_664, InUse: 61_100_000, Bytes: 74_600_000, Manual: 2_100_000, Free: 12_000_000, Released: 3_000_000,
		Classes: []sampler.SizeClass{
			{Size: 0, NoScan: true, Spans: 20, Slots: 20, Objects: 20, InUse: 31_000_000, Bytes: 31_000_000},
			{Size: 1152, Spans: 3000, Slots: 21_000, Objects: 15_000, InUse: 17_280_000, Bytes: 24_600_000},
			{Size: 96, NoScan: true, Spans: 2300, Slots: 190_000, Objects: 133_000, InUse: 12_768_000, Bytes: 18_800_000},
			{Size: 16, Spans: 24, Slots: 12_000, Objects: 3_250, InUse: 52_000, Bytes: 200_000},
		},
	}
}

// madeUpPicture is the report of analyze --holders over the made-up server.
func madeUpPicture(t *testing.T) *analysis.Findings {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	p := madeUpPoint(t, f, sampler.NewHistory(), 100)
	p.Snapshot.Set(sampler.ProcessHuge, 24<<20)
	maps, err := f.Mappings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	walk, err := f.Walk(t.Context(), sampler.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found, warnings := analysis.Picture(&analysis.Sight{
		Info: sampler.Info{Started: samplertest.DefaultStart()}, Snapshot: p.Snapshot, Mappings: &maps, Heap: p.Heap,
		Goroutines: madeUpGoroutines(t, f), Spans: madeUpSpans(), Walk: &walk, Threshold: 3e6,
	})
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "analyze", Time: p.Snapshot.Time, Warnings: warnings, Findings: found,
		Target: analysis.FindingTarget{Kind: "process", PID: 4242, Name: "api-server", Source: "memory", Go: "go1.26.8"},
	}
}

// madeUpRates is the report of hotspots over a minute of the made-up server.
func madeUpRates(t *testing.T) *analysis.Findings {
	t.Helper()
	f, h := samplertest.New(samplertest.Options{}), sampler.NewHistory()
	in := &analysis.HotspotInput{From: madeUpPoint(t, f, h, 60), To: madeUpPoint(t, f, h, 60), Spans: madeUpSpans(), Threshold: 3e6}
	in.Goroutines = madeUpGoroutines(t, f)
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "hotspots", Time: in.To.Heap.Time, Findings: analysis.FindHotspots(in),
		Target: analysis.FindingTarget{Kind: "file", PID: 4242, Name: "api-server", Source: "memory", Go: "go1.26.8", File: "night.heaprec"},
	}
}

// madeUpMachine is the report of analyze over the made-up machine.
func madeUpMachine(t *testing.T) *analysis.Findings {
	t.Helper()
	l := samplertest.NewLister(samplertest.ListerOptions{})
	var table sampler.ProcessTable
	if err := l.List(t.Context(), sampler.ListOptions{All: true}, &table); err != nil {
		t.Fatal(err)
	}
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "analyze", Time: table.Time, Findings: analysis.MachinePicture(&table),
		Target: analysis.FindingTarget{Kind: "machine", Name: "this machine", Source: "proc"},
	}
}

// What ends early is reported with what was seen until then, and with why.
func TestHotspotsOfATargetThatEnds(t *testing.T) {
	killed := &sampler.Gone{At: time.Unix(0, 0), Signal: "SIGKILL"}
	f := samplertest.New(samplertest.Options{Script: func(_ context.Context, n int) error {
		if n > 2 {
			return killed
		}
		return nil
	}})
	r := &analysis.Findings{}
	l := &hotLook{
		o: &hotspots{env: &environment{Streams: Streams{Err: io.Discard}}, duration: time.Hour}, s: &subject{session: f, info: f.Describe()}, r: r,
		in: &analysis.HotspotInput{}, history: sampler.NewHistory(),
	}
	err := l.live(t.Context())
	if !errors.Is(err, sampler.ErrGone) || !l.seen() {
		t.Fatalf("error %v, something seen: %t", err, l.seen())
	}
	if l.in.From.Heap != nil || len(r.Warnings) != 1 {
		t.Errorf("it is compared with itself, or the warnings are not one: %q", r.Warnings)
	}
	if code, _ := outcome(err); code != exitUnmeasured {
		t.Errorf("exit %d", code)
	}
}
