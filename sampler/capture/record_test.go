package capture

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestEveryMomentOfARecordingIsAsItWasRead(t *testing.T) {
	path, w := record(t, 220)
	r := open(t, path)
	w.compare(t, r)
	i := 0
	for m, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if !equal(w.samples[i], m.Snapshot) || m.Count != 1 {
			t.Fatalf("moment %d of %d readings is not what was read:\n%s", i, m.Count, cmp.Diff(w.samples[i], m.Snapshot, exactly()))
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
