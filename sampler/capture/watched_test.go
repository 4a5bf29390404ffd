package capture

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"slices"
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
		if a, ok := want.(*sampler.Snapshot); ok && equal(a, got.(*sampler.Snapshot)) {
			return
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
		if i%7 != 0 {
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

// equal is what cmp.Diff finds no difference in, sooner.
func equal(a, b *sampler.Snapshot) bool {
	return a.Time.Equal(b.Time) && a.Took == b.Took && slices.Equal(a.Samples, b.Samples) &&
		slices.EqualFunc(a.Histograms, b.Histograms, func(a, b sampler.Histogram) bool {
			return a.Metric == b.Metric && slices.Equal(a.Buckets, b.Buckets) && slices.Equal(a.Counts, b.Counts)
		}) &&
		slices.EqualFunc(a.Cycles, b.Cycles, func(a, b sampler.GCCycle) bool {
			same := a.End.Equal(b.End)
			a.End, b.End = time.Time{}, time.Time{}
			return same && a == b
		}) &&
		slices.EqualFunc(a.Warnings, b.Warnings, func(a, b error) bool { return a.Error() == b.Error() })
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
