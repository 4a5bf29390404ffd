package capture

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// watched is what was read of a made-up server, reading by reading.
type watched struct {
	info       sampler.Info
	samples    []*sampler.Snapshot
	heaps      []sampler.Profile
	goroutines []sampler.Goroutines
	mappings   []sampler.Mappings
	tables     []*sampler.ProcessTable
	gone       *sampler.Gone
}

// every is how many readings lie between two costlier ones.
const every = 10

// watch reads a made-up server n times, a second apart, and hands everything to the sinks.
func watch(t testing.TB, n int, sinks ...Sink) *watched {
	t.Helper()
	f := samplertest.New(samplertest.Options{Age: time.Second, EndAfter: time.Duration(n) * time.Second, End: &sampler.Gone{
		At: samplertest.DefaultStart().Add(time.Duration(n) * time.Second), Signal: "SIGKILL", OOM: true,
	}})
	w := &watched{info: f.Describe()}
	for range n + 1 {
		var s sampler.Snapshot
		err := f.Read(t.Context(), &s)
		if errors.As(err, &w.gone) {
			for _, sink := range sinks {
				sink.Event(sampler.Event{Err: err, Info: w.info})
			}
			return w
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(w.samples)%7 == 3 {
			s.Samples = s.Samples[1:] // absent now and then
			s.Warn(errors.New("read smaps_rollup: put off"))
		}
		for _, sink := range sinks {
			sink.Event(sampler.Event{Snapshot: s.Clone(), Info: w.info})
		}
		if len(w.samples)%every == 0 {
			w.costlier(t, f, s.Time, sinks)
		}
		w.samples = append(w.samples, s.Clone())
		settle(t, sinks)
	}
	t.Fatal("the server did not end")
	return nil
}

func (w *watched) costlier(t testing.TB, f *samplertest.Fake, now time.Time, sinks []Sink) {
	t.Helper()
	ctx := context.Background()
	heap, err := f.HeapProfile(ctx)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := f.Goroutines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	maps, err := f.Mappings(ctx)
	if err != nil {
		t.Fatal(err)
	}
	table := &sampler.ProcessTable{Time: now, Took: time.Millisecond, Machine: sampler.Machine{Total: sampler.Known(16 << 30), CPUs: 2}}
	for pid := range 5 {
		table.Processes = append(table.Processes, sampler.Process{
			PID: pid + 1, PPID: 1, Started: samplertest.DefaultStart(), Name: "p\x1b[31m", User: "root", State: 'S',
			RSS: sampler.Known(float64(now.Unix()%1000 + int64(pid))), CPU: sampler.Known(0.25 * float64(pid)),
		})
	}
	w.heaps, w.goroutines = append(w.heaps, heap), append(w.goroutines, groups)
	w.mappings, w.tables = append(w.mappings, maps), append(w.tables, table)
	lines, dropped := f.Log()
	for _, sink := range sinks {
		sink.Heap(heap)
		sink.Goroutines(groups)
		sink.Mappings(maps)
		sink.Processes(table)
		sink.Log(lines, dropped)
	}
}

// settle waits until recorders have taken what is in their queues: a test is faster than any target.
func settle(t testing.TB, sinks []Sink) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for _, sink := range sinks {
		for r, ok := sink.(*Recorder); ok && len(r.queue) > queueLength/2; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the recorder does not take what it is given")
			}
		}
	}
}

// fast keeps mappings as often as the others, and never flushes by itself.
func fast() RecorderOptions {
	return RecorderOptions{
		Version: "v0.1.0", Flush: time.Hour, Rates: Rates{Mappings: every * time.Second},
		Now: func() time.Time { return samplertest.DefaultStart() },
	}
}

// record records n readings into a file.
func record(t testing.TB, n int) (path string, w *watched) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "new", "a.heaprec")
	r, err := Create(path, fast())
	if err != nil {
		t.Fatal(err)
	}
	w = watch(t, n, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if s := r.Status(); s.Dropped != 0 || s.Readings != len(w.samples) {
		t.Fatalf("of %d readings %d were recorded, and %d things dropped", len(w.samples), s.Readings, s.Dropped)
	}
	return path, w
}

func open(t testing.TB, path string) *Recording {
	t.Helper()
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// exactly compares readings in every detail, warnings by text.
func exactly() cmp.Option {
	return cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b error) bool { return a.Error() == b.Error() })}
}

// compare checks that what is told of every moment is what was read by then.
func (w *watched) compare(t *testing.T, p Past) {
	t.Helper()
	check := func(what string, i int, err error, want, got any) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s at reading %d: %v", what, i, err)
		}
		if d := cmp.Diff(want, got, exactly()); d != "" {
			t.Fatalf("%s at reading %d is not what was read (-read +told):\n%s", what, i, d)
		}
	}
	order := make([]int, 0, 3*len(w.samples)) // forwards, backwards, and leaping
	for i := range w.samples {
		order = append(order, i, len(w.samples)-1-i, i*37%len(w.samples))
	}
	for _, i := range order {
		at, k := w.samples[i].Time.Add(time.Second/2), i/every
		s, err := p.At(at)
		check("sample", i, err, w.samples[i], s)
		if i%3 != 0 {
			continue
		}
		h, err := p.HeapAt(at)
		if err != nil || !h.Time.Equal(w.heaps[k].Time) || h.Took != w.heaps[k].Took || h.Source != w.heaps[k].Source {
			t.Fatalf("heap at reading %d: %+v, %v", i, h, err)
		}
		check("heap profile", i, nil, parsed(t, w.heaps[k].Data), parsed(t, h.Data))
		g, err := p.GoroutinesAt(at)
		check("goroutines", i, err, &w.goroutines[k], g)
		m, err := p.MappingsAt(at)
		check("mappings", i, err, &w.mappings[k], m)
		table, err := p.ProcessesAt(at)
		check("processes", i, err, w.tables[k], table)
		info, err := p.InfoAt(at)
		check("info", i, err, w.info, info)
		cycles, err := p.CyclesUntil(at)
		check("collections", i, err, w.cycles(i), cycles)
	}
}

func (w *watched) cycles(until int) (list []sampler.GCCycle) {
	for _, s := range w.samples[:until+1] {
		list = append(list, s.Cycles...)
	}
	return tail(list, sampler.MaxCycles)
}

// parsed returns a profile in words, its numbers of functions and locations included.
func parsed(t testing.TB, data []byte) string {
	t.Helper()
	p, err := profile.Parse(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}

func TestEveryMomentOfARecordingIsAsItWasRead(t *testing.T) {
	path, w := record(t, 220)
	r := open(t, path)
	w.compare(t, r)
	i := 0
	for m, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(w.samples[i], m.Snapshot, exactly()); d != "" || m.Count != 1 {
			t.Fatalf("moment %d of %d readings is not what was read:\n%s", i, m.Count, d)
		}
		i++
	}
	if i != len(w.samples) {
		t.Errorf("%d moments, want %d", i, len(w.samples))
	}
	if d := cmp.Diff(w.gone, r.Gone()); d != "" {
		t.Errorf("the end is not what it was:\n%s", d)
	}
	if m := r.Meta(); m.Version != "v0.1.0" || m.Schema != "heaptop.recording/v1" || r.Cut() != 0 {
		t.Errorf("made by %+v, cut by %d", m, r.Cut())
	}
	lines, dropped, err := r.LogUntil(w.gone.At)
	if err != nil || len(lines) != 3 || dropped != 0 || lines[1].Text != "warning: \x1b[31mcache is cold\x1b[0m" {
		t.Errorf("output is %v, %d dropped, %v", lines, dropped, err)
	}
}

func TestMemoryTellsTheSameAsARecording(t *testing.T) {
	o := fast()
	m := NewMemory(MemoryOptions{Rates: o.Rates, Now: o.Now})
	w := watch(t, 220, m)
	w.compare(t, m)
	if d := cmp.Diff(w.gone, m.Gone()); d != "" {
		t.Errorf("the end is not what it was:\n%s", d)
	}
}

func TestSteppingVisitsEveryReading(t *testing.T) {
	path, w := record(t, 50)
	for name, p := range map[string]Past{"recording": open(t, path)} {
		from, to := p.Span()
		if !from.Equal(w.samples[0].Time) || !to.Equal(w.samples[len(w.samples)-1].Time) {
			t.Errorf("%s: from %v to %v", name, from, to)
		}
		at, n := from, 1
		for next, ok := p.Next(at); ok; next, ok = p.Next(at) {
			if !next.Equal(w.samples[n].Time) {
				t.Fatalf("%s: reading %d is at %v, want %v", name, n, next, w.samples[n].Time)
			}
			at, n = next, n+1
		}
		if n != len(w.samples) || !at.Equal(to) {
			t.Errorf("%s: %d readings to %v", name, n, at)
		}
		for n = len(w.samples) - 1; ; n-- {
			before, ok := p.Before(at)
			if !ok {
				break
			}
			at = before
		}
		if n != 0 || !at.Equal(from) {
			t.Errorf("%s: back to %v, %d left", name, at, n)
		}
	}
}

func TestHistoryLoadedIsTheHistoryThatWas(t *testing.T) {
	path, w := record(t, 1500)
	want, got := sampler.NewHistory(), sampler.NewHistory()
	for _, s := range w.samples {
		want.Add(s)
	}
	if err := open(t, path).Load(got); err != nil {
		t.Fatal(err)
	}
	for _, m := range want.Metrics() {
		a, b := points(want.Series(m)), points(got.Series(m))
		if d := cmp.Diff(a, b); d != "" {
			t.Fatalf("%s: loaded is not what was (-was +loaded):\n%s", m, d)
		}
	}
	if d := cmp.Diff(want.Cycles(), got.Cycles()); d != "" {
		t.Errorf("collections:\n%s", d)
	}
}

func points(s *sampler.Series) []sampler.Point {
	first, _ := s.First()
	last, _ := s.Last()
	var all []sampler.Point
	for at := first.Time; !at.After(last.Time); at = at.Add(time.Second) {
		for _, early := range []time.Duration{2, 1, 0} { // Load puts extremes a little before the last reading of a span
			if p, ok := s.At(at.Add(-early)); ok && (len(all) == 0 || !all[len(all)-1].Time.Equal(p.Time)) {
				all = append(all, p)
			}
		}
	}
	return all
}

func TestReplayIsASource(t *testing.T) {
	path, w := record(t, 50)
	samplertest.Test(t, Source{}, sampler.Target{Kind: sampler.KindFile, Path: path})
	s, err := Source{}.Open(t.Context(), sampler.Target{Kind: sampler.KindFile, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got sampler.Snapshot
	for i, want := range w.samples {
		if err := s.Read(t.Context(), &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, &got, exactly()); d != "" {
			t.Fatalf("reading %d:\n%s", i, d)
		}
		h, err := s.(sampler.HeapProfiler).HeapProfile(t.Context())
		if err != nil || parsed(t, h.Data) != parsed(t, w.heaps[i/every].Data) {
			t.Fatalf("heap profile at reading %d is another: %v", i, err)
		}
	}
	var gone *sampler.Gone
	if err := s.Read(t.Context(), &got); !errors.As(err, &gone) || !gone.OOM {
		t.Errorf("after the last reading: %v, want killed for memory", err)
	}
	if d := cmp.Diff(w.info, s.(sampler.Describer).Describe()); d != "" {
		t.Errorf("info:\n%s", d)
	}
	_, err = Source{}.Open(t.Context(), sampler.Target{Kind: sampler.KindFile, Path: path + ".heaprec"})
	if !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestARecordingReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.heaprec")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, RecorderOptions{}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("over a file: %v, want ErrExist with the path", err)
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Errorf("the file holds %q", data)
	}
	if _, err := Create(filepath.Join(dir, "a.txt"), RecorderOptions{}); err == nil || !strings.Contains(err.Error(), ".heaprec") {
		t.Errorf("a name that cannot be opened again: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the folder holds %v", left)
	}
}

func TestWhatFailsIsRecordedAsFailed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.heaprec")
	r, err := Create(path, fast())
	if err != nil {
		t.Fatal(err)
	}
	good := &sampler.Snapshot{Time: samplertest.DefaultStart(), Took: 1}
	good.Add(sampler.ProcessRSS, 1)
	r.Event(sampler.Event{Err: errors.New("reading given up after 10s")})
	r.Event(sampler.Event{Snapshot: good})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s := NewReplay(open(t, path))
	defer s.Close()
	var got sampler.Snapshot
	if err := s.Read(t.Context(), &got); err == nil || err.Error() != "reading given up after 10s" {
		t.Errorf("the failed reading: %v", err)
	}
	if err := s.Read(t.Context(), &got); err != nil || !got.Time.Equal(good.Time) {
		t.Errorf("the reading behind it: %v, %v", got, err)
	}
	if err := s.Read(t.Context(), &got); !errors.Is(err, sampler.ErrGone) || s.Gone() != nil {
		t.Errorf("the end of a target that lived on: %v, %v", err, s.Gone())
	}
	if _, err := s.HeapProfile(t.Context()); !errors.Is(err, sampler.ErrUnsupported) {
		t.Errorf("a profile that was never read: %v", err)
	}
}
