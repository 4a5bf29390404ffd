package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// large is a made-up program with many allocation sites, which all go on allocating.
type large struct {
	random *rand.Rand
	p      *profile.Profile
}

// newLarge returns a program of so many sites with stacks of 8 to 32 frames, in 500 functions.
func newLarge(sites int) *large {
	l := &large{random: rand.New(rand.NewPCG(1, 2)), p: &profile.Profile{
		SampleType: []*profile.ValueType{
			{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
			{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"},
		},
		PeriodType: &profile.ValueType{Type: "space", Unit: "bytes"}, Period: 512 << 10, DefaultSampleType: "inuse_space",
		Mapping: []*profile.Mapping{{ID: 1, Start: 0x400000, Limit: 0x4000000, File: "/srv/large", HasFunctions: true}},
	}}
	for i := range 500 {
		name := fmt.Sprintf("github.com/acme/large/package%d.(*Type%d).Method%d", i%40, i%90, i)
		l.p.Function = append(l.p.Function, &profile.Function{
			ID: uint64(i + 1), Name: name, SystemName: name, Filename: fmt.Sprintf("/src/acme/large/package%d/file%d.go", i%40, i%70),
		})
	}
	for i := range 4000 {
		l.p.Location = append(l.p.Location, &profile.Location{
			ID: uint64(i + 1), Mapping: l.p.Mapping[0], Address: 0x400000 + uint64(l.random.IntN(0x3c00000)),
			Line: []profile.Line{{Function: l.p.Function[l.random.IntN(500)], Line: int64(l.random.IntN(900))}},
		})
	}
	for range sites {
		size := int64(16 << l.random.IntN(10))
		s := &profile.Sample{Value: make([]int64, 4), NumLabel: map[string][]int64{"bytes": {size}}}
		for range 8 + l.random.IntN(24) {
			s.Location = append(s.Location, l.p.Location[l.random.IntN(4000)])
		}
		l.p.Sample = append(l.p.Sample, s)
	}
	return l
}

// heap returns the profile of a moment: since the last one each site has allocated, and freed or kept some of it.
func (l *large) heap(t testing.TB, at time.Time) sampler.Profile {
	t.Helper()
	for _, s := range l.p.Sample {
		size, n := s.NumLabel["bytes"][0], int64(l.random.IntN(3000))
		kept := l.random.Int64N(2*n+1) - n
		s.Value[0], s.Value[1] = s.Value[0]+n, s.Value[1]+n*size
		s.Value[2] = max(0, s.Value[2]+kept)
		s.Value[3] = s.Value[2] * size
	}
	l.p.TimeNanos = at.UnixNano()
	var b bytes.Buffer
	if err := l.p.WriteUncompressed(&b); err != nil {
		t.Fatal(err)
	}
	return sampler.Profile{Time: at, Took: time.Millisecond, Source: "memory", Data: b.Bytes()}
}

// hour records an hour of a program with 2,000 sites, a reading each second and a profile each ten.
func hour(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "hour.heaprec")
	c := &clock{}
	o := RecorderOptions{Now: c.now, Flush: time.Hour}
	r, err := Create(path, o)
	if err != nil {
		t.Fatal(err)
	}
	program := newLarge(2000)
	f := samplertest.New(samplertest.Options{Age: time.Second})
	for i := range 3600 {
		var s sampler.Snapshot
		if err := f.Read(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		c.Event(sampler.Event{Snapshot: &s})
		r.Event(sampler.Event{Snapshot: s.Clone(), Info: f.Describe()})
		if i%4 == 0 {
			r.put(func(w *recording) { w.flush() }) // as often as it is by default
		}
		if i%10 == 0 {
			r.Heap(program.heap(t, s.Time))
			g, err := f.Goroutines(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			maps, err := f.Mappings(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.Goroutines(g)
			r.Mappings(maps)
		}
		settle(t, []Sink{r})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if s := r.Status(); s.Dropped != 0 || s.Readings != 3600 || s.Thinned != 0 {
		t.Fatalf("%+v", s)
	}
	t.Logf("an hour took the recorder %v", r.Status().Busy)
	return path
}

func TestAnHourOf2000SitesIsSmallAndOpensAtOnce(t *testing.T) {
	if testing.Short() || samplertest.RaceDetector {
		t.Skip("it takes six seconds, and minutes with the race detector")
	}
	path := hour(t)
	size := len(fileOf(t, path))
	begun := time.Now()
	r := open(t, path)
	opened := time.Since(begun)
	if err := r.Load(sampler.NewHistory()); err != nil {
		t.Fatal(err)
	}
	_, to := r.Span()
	if _, err := r.HeapAt(to); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	t.Logf("%d bytes; open in %v, with its history and the last profile in %v", size, opened, took)
	if size > 20e6 {
		t.Errorf("an hour takes %d bytes", size)
	}
	if took > 10*time.Second { // a second is promised, on a machine that has nothing else to do
		t.Errorf("opening takes %v", took)
	}
	bySort := make(map[kind]int)
	for _, x := range r.slots {
		bySort[x.kind] += x.size
	}
	t.Logf("bytes by sort: %v", bySort)
}

func BenchmarkOpenAnHour(b *testing.B) {
	path := hour(b)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := r.Load(sampler.NewHistory()); err != nil {
			b.Fatal(err)
		}
		_, to := r.Span()
		if _, err := r.HeapAt(to); err != nil {
			b.Fatal(err)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep goes back one reading, and asks for everything that a screen shows of it.
func BenchmarkStep(b *testing.B) {
	r := open(b, hour(b))
	_, at := r.Span()
	b.ReportAllocs()
	for b.Loop() {
		before, ok := r.Before(at)
		if !ok {
			_, before = r.Span()
		}
		at = before
		if _, err := r.At(at); err != nil {
			b.Fatal(err)
		}
		if _, err := r.HeapAt(at); err != nil {
			b.Fatal(err)
		}
		if _, err := r.GoroutinesAt(at); err != nil {
			b.Fatal(err)
		}
		if _, err := r.CyclesUntil(at); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvent is what a reading costs the loop that makes it.
func BenchmarkEvent(b *testing.B) {
	r, err := Create(filepath.Join(b.TempDir(), "a.heaprec"), RecorderOptions{})
	if err != nil {
		b.Fatal(err)
	}
	f := samplertest.New(samplertest.Options{})
	var s sampler.Snapshot
	if err := f.Read(b.Context(), &s); err != nil {
		b.Fatal(err)
	}
	e := sampler.Event{Snapshot: &s, Info: f.Describe()}
	b.ReportAllocs()
	for b.Loop() {
		r.Event(e)
	}
	b.StopTimer()
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkPackReadings packs the readings of four seconds, as a Recorder does beside.
func BenchmarkPackReadings(b *testing.B) {
	f := samplertest.New(samplertest.Options{})
	var moments []*Moment
	for range 4 {
		var s sampler.Snapshot
		if err := f.Read(b.Context(), &s); err != nil {
			b.Fatal(err)
		}
		m, _ := momentOf(sampler.Event{Snapshot: &s, Info: f.Describe()}, s.Time)
		moments = append(moments, m)
	}
	p := newPacker()
	b.ReportAllocs()
	for b.Loop() {
		m, err := p.samples(moments)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(m.size), "bytes/member")
	}
}

// BenchmarkPackHeap packs a profile of 2,000 sites.
func BenchmarkPackHeap(b *testing.B) {
	program := newLarge(2000)
	var profiles []sampler.Profile
	for i := range keyEvery {
		profiles = append(profiles, program.heap(b, samplertest.DefaultStart().Add(time.Duration(i)*time.Second)))
	}
	p, i := newPacker(), 0
	b.ReportAllocs()
	for b.Loop() {
		m, err := p.heap(profiles[i%len(profiles)])
		if err != nil {
			b.Fatal(err)
		}
		if i++; !m.key {
			b.ReportMetric(float64(m.size), "bytes/member")
		}
	}
}
