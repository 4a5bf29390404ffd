package capture

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// minute is what a series says of a minute.
type minute struct{ Min, Max, Last float64 }

func minutes(s *sampler.Series) map[int64]minute {
	all := make(map[int64]minute)
	for _, p := range points(s) {
		n := p.Time.Unix() / 60
		m, ok := all[n]
		if !ok {
			m = minute{math.Inf(1), math.Inf(-1), 0}
		}
		all[n] = minute{min(m.Min, p.Min), max(m.Max, p.Max), p.Last}
	}
	return all
}

// TestThinningKeepsWhatASeriesKeeps thins two hours and compares with the history of every reading.
func TestThinningKeepsWhatASeriesKeeps(t *testing.T) {
	samplertest.NotUnderRace(t)
	path, w := record(t, 7200)
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	size := int64(len(fileOf(t, path)))
	out := thin(in, path, size, w.gone.At, 1, nil)
	if out.err != nil {
		t.Fatal(out.err)
	}
	defer out.discard()
	if out.size > size/2 {
		t.Errorf("thinned from %d bytes to %d", size, out.size)
	}
	thinned := open(t, out.file.Name())
	want, got := sampler.NewHistory(), sampler.NewHistory()
	for _, s := range w.samples {
		want.Add(s)
	}
	if err := thinned.Load(got); err != nil {
		t.Fatal(err)
	}
	for _, m := range []sampler.Metric{
		sampler.ProcessRSS, sampler.ProcessPSS, sampler.GoClassObjects, sampler.GoHeapLive, sampler.GoGoroutines, sampler.GoCPUGCTotal,
	} {
		if d := cmp.Diff(minutes(want.Series(m)), minutes(got.Series(m))); d != "" {
			t.Fatalf("%s by minutes (-every reading +thinned):\n%s", m, d)
		}
		a, _ := want.Series(m).Max()
		b, _ := got.Series(m).Max()
		if a.Max != b.Max {
			t.Errorf("%s: the maximum was %v, is %v", m, a.Max, b.Max)
		}
	}
	for i := len(w.samples) - 590; i < len(w.samples); i++ {
		s, err := thinned.At(w.samples[i].Time)
		if err != nil || !equal(w.samples[i], s) {
			t.Fatalf("reading %d is of the last minutes and changed: %v\n%s", i, err, cmp.Diff(w.samples[i], s, exactly()))
		}
	}
	for i := 100; i < len(w.samples); i += 500 { // 5 min is the most between two profiles of that age, and a minute more for spans
		h, err := thinned.HeapAt(w.samples[i].Time)
		if err != nil {
			t.Fatal(err)
		}
		k := i / every
		for ; k > 0 && !w.heaps[k].Time.Equal(h.Time); k-- {
		}
		if age := w.samples[i].Time.Sub(h.Time); age > 6*time.Minute || parsed(t, h.Data) != parsed(t, w.heaps[k].Data) {
			t.Errorf("heap profile at reading %d is %v old, or is not the one read then", i, age)
		}
	}
}

// clock is a Sink that knows the time of the last reading.
type clock struct {
	nothing
	ns atomic.Int64
}

func (c *clock) Event(e sampler.Event) {
	if e.Snapshot != nil {
		c.ns.Store(e.Snapshot.Time.UnixNano())
	}
}

func (c *clock) now() time.Time {
	if ns := c.ns.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return samplertest.DefaultStart()
}

// TestALongRecordingStaysBounded has a small bound, so that the file is rewritten several times while it is written and
// read.
func TestALongRecordingStaysBounded(t *testing.T) {
	samplertest.NotUnderRace(t)
	path := filepath.Join(t.TempDir(), "a.heaprec")
	c := &clock{}
	o := fast()
	o.Now, o.MaxBytes, o.Flush = c.now, 200_000, 2*time.Millisecond
	r, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	reader := &reader{t: t, path: path, r: r}
	w := watch(t, 4000, c, r, reader)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	s := r.Status()
	t.Logf("%+v; read %d times meanwhile", s, reader.times)
	if s.Dropped != 0 || s.Thinned < 1 || s.Bytes > 3*o.MaxBytes || reader.times < 10 {
		t.Errorf("status %+v, read %d times", s, reader.times)
	}
	rec := open(t, path)
	if rec.Gone() == nil || rec.Cut() != 0 {
		t.Errorf("ended %v, cut %d", rec.Gone(), rec.Cut())
	}
	h := sampler.NewHistory()
	if err := rec.Load(h); err != nil {
		t.Fatal(err)
	}
	most := 0.0
	for _, s := range w.samples {
		v, _ := s.Get(sampler.GoClassObjects)
		most = max(most, v)
	}
	if p, ok := h.Series(sampler.GoClassObjects).Max(); !ok || p.Max != most {
		t.Errorf("the largest heap was %v, is recorded as %v", most, p.Max)
	}
	last := w.samples[len(w.samples)-1]
	got, err := rec.At(last.Time)
	if d := cmp.Diff(last, got, exactly()); err != nil || d != "" {
		t.Errorf("last reading: %v\n%s", err, d)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("the folder holds %v, want the recording alone", left)
	}
}

// reader is a Sink that opens a recording while it is written.
type reader struct {
	nothing
	t     *testing.T
	path  string
	r     *Recorder
	times int
}

// Mappings lets the recorder thin, for which it has hours where we have a second.
func (r *reader) Mappings(sampler.Mappings) {
	eventually(r.t, func() bool { return r.r.Status().Bytes < 2*r.r.o.MaxBytes })
}

func (r *reader) Heap(p sampler.Profile) {
	if p.Time.Unix()%100 != 0 && r.times > 20 {
		return
	}
	rec, err := Open(r.path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rec.Close()
	for _, err := range rec.All() {
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := rec.HeapAt(p.Time); err != nil && !errors.Is(err, ErrNotRecorded) {
		r.t.Fatal(err)
	}
	r.times++
}

// TestThinningLeavesAnotherFileAlone has the recording moved away while it is written.
func TestThinningLeavesAnotherFileAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.heaprec")
	c := &clock{}
	o := fast()
	o.Now, o.MaxBytes, o.Flush = c.now, 20_000, time.Millisecond
	r, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+"2"); err != nil {
		t.Skipf("an open file cannot be moved here: %v", err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := watch(t, 1000, c, r)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if data := fileOf(t, path); !bytes.Equal(data, []byte("mine")) {
		t.Errorf("the other file holds %.20q", data)
	}
	moments, _, _, err := readAll(fileOf(t, path+"2"))
	if err != nil || moments != len(w.samples) {
		t.Errorf("the recording holds %d of %d readings: %v", moments, len(w.samples), err)
	}
}

func eventually(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !what(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}
