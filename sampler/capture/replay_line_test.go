package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// dayMoments are readings as a live Go program gives them: figures, a histogram, collections and warnings.
func dayMoments(n int) []*Moment {
	at := time.Unix(1_795_343_174, 453_337_193).UTC()
	counts, buckets := make([]uint64, 160), []float64{math.Inf(-1)}
	for i := range counts {
		buckets = append(buckets, float64(i)*6.4e-8)
	}
	list := make([]*Moment, n)
	for i := range list {
		at = at.Add(time.Second)
		s := &sampler.Snapshot{Time: at, Took: 1_636_326, Runtime: at.Add(-time.Millisecond)}
		for m := range 70 {
			v := float64(m*(i+1)*7919%100_003) * []float64{1, 4096, 0.001, 1e-9, 1e18}[m%5]
			s.Add(sampler.Metric("/made/up/class/"+strconv.Itoa(m)+":bytes"), v)
		}
		counts[i%len(counts)] += uint64(i)
		s.Histograms = []sampler.Histogram{{Metric: sampler.GoGCPauses, Buckets: buckets, Counts: slices.Clone(counts)}}
		if i%3 == 0 {
			s.Cycles = []sampler.GCCycle{{
				Number: uint64(i), End: at, Kind: "automatic", Before: sampler.Known(float64(i) * 1.5), Pause: sampler.Known(2.5e-5), CPU: sampler.Known(0.25),
			}}
		}
		if i%5 == 0 {
			s.Warn(errors.New("read \"smaps_rollup\": put off, \x1b[31mé" + strconv.Itoa(i%2)))
		}
		list[i] = &Moment{Snapshot: s, Info: sampler.Info{Name: "shop", PID: 42, Hints: []string{"none"}}, From: at, Count: 1}
		if i%11 == 7 { // a span
			list[i].From, list[i].Count = at.Add(-9*time.Second), 10
			list[i].Min, list[i].Max = list[i].values(), list[i].values()
		}
	}
	return list
}

// dayFile writes the readings in members of so many.
func dayFile(t testing.TB, list []*Moment, each int) string {
	t.Helper()
	p := newPacker()
	m, err := p.header(headerJSON{Schema: RecordingSchema, Started: list[0].at()})
	data := m.data
	for chunk := range slices.Chunk(list, each) {
		if err == nil {
			m, err = p.samples(chunk)
			data = append(data, m.data...)
		}
	}
	path := filepath.Join(t.TempDir(), "day.heaprec")
	if err = errors.Join(err, os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// slowly reads a recording with package json alone, one member after the other.
func slowly(t testing.TB, r *Recording) (list []*Moment) {
	t.Helper()
	for _, x := range r.slots {
		if x.kind != kindSamples {
			continue
		}
		raw, err := r.unpackWith(new(unpacker), x)
		var found []*Moment
		if err == nil { // a space is more than scanSample knows
			found, err = decodeSamples(bytes.ReplaceAll(raw, []byte(`{"sample":`), []byte(`{"sample": `)))
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	return list
}

func TestEveryReadingIsWhatPackageJSONReads(t *testing.T) {
	for _, each := range []int{4, 600} {
		made := dayMoments(1501)
		r := open(t, dayFile(t, made, each))
		want, i := slowly(t, r), 0
		for m, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
			if !equal(want[i].Snapshot, m.Snapshot) || !equal(made[i].Snapshot, m.Snapshot) {
				t.Fatalf("reading %d:\n%s", i, cmp.Diff(want[i].Snapshot, m.Snapshot, exactly()))
			}
			a, b := *want[i], *m
			a.Snapshot, b.Snapshot = nil, nil
			if d := cmp.Diff(a, b); d != "" {
				t.Fatalf("reading %d:\n%s", i, d)
			}
			i++
		}
		if i != len(made) {
			t.Errorf("%d readings of %d", i, len(made))
		}
	}
}

// TestLinesAreReadFast: what we write is what scanSample knows. Else all of it would be read, but slowly.
func TestLinesAreReadFast(t *testing.T) {
	r := open(t, dayFile(t, dayMoments(100), 50))
	lines := 0
	for _, x := range r.slots[1:] {
		raw, err := r.unpack(x)
		if err == nil {
			err = eachLine(raw, func(text []byte) error {
				if !bytes.HasPrefix(text, []byte(`{"sample"`)) {
					return nil
				}
				lines++
				if !scanSample(text, new(sampleJSON)) {
					t.Errorf("read by package json: %s", text)
				}
				return nil
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if lines != 100 {
		t.Errorf("%d lines of samples", lines)
	}
}

// sameLine compares what scanSample reads with what package json does.
func sameLine(t *testing.T, line []byte) {
	t.Helper()
	j := sampleJSON{Values: numbers{1, 2}, Histograms: []countsJSON{{Of: 9, Grown: ints{9, 9, 9}}}} // of a line before
	if !scanSample(line, &j) {
		return
	}
	var want lineJSON
	if err := json.Unmarshal(line, &want); err != nil || want.Sample == nil {
		t.Fatalf("%s is read, but package json says %v", line, err)
	}
	if d := cmp.Diff(*want.Sample, j, cmpopts.EquateEmpty(), cmpopts.EquateNaNs(), cmp.Comparer(func(a, b time.Time) bool {
		return a.Equal(b) && a.Format(time.RFC3339Nano) == b.Format(time.RFC3339Nano)
	})); d != "" {
		t.Fatalf("%s: (-json +ours)\n%s", line, d)
	}
	for i, v := range want.Sample.Values {
		if math.Signbit(v) != math.Signbit(j.Values[i]) {
			t.Fatalf("%s: %v is %v", line, v, j.Values[i])
		}
	}
}

// oddNumbers are numbers, and what is none, that are easily read wrongly.
func oddNumbers() []string {
	return []string{
		"0", "-0", "-0.0", "1", "-1", "01", "-01", "+1", "1.", ".5", "0.5", "1e3", "1E+3", "1e", "1e+", "0x10", "1_0", "Inf", "NaN", "null", "nul", "-",
		"9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616", "999999999999999", "9999999999999999",
		"0.1", "0.000001", "1.000000000000001", "123456789012.345", "12345678901234.5678", "0.30000000000000004", "5e-324", "1e308", "1e309", "2.2250738585072011e-308",
		"00", "1 ", " 1", "1,", "[1]", `"1"`, "true",
	}
}

func TestOddNumbersAreReadAsPackageJSONReadsThem(t *testing.T) {
	for _, n := range oddNumbers() {
		for _, line := range []string{
			`{"sample":{"time":"2026-11-22T10:26:14.367Z","took_ns":` + n + `}}`,
			`{"sample":{"time":"2026-11-22T10:26:14+01:00","values":[` + n + `,1]}}`,
			`{"sample":{"time":"2026-11-22T10:26:14Z","histograms":[{"of":` + n + `,"grown":[1,` + n + `]}]}}`,
			`{"sample":{"time":"2026-11-22T10:26:14Z","cycles":[{"number":` + n + `,"end":"2026-11-22T10:26:14Z","cpu_percent":` + n + `}]}}`,
		} {
			sameLine(t, []byte(line))
		}
	}
}

// FuzzSampleLine: what scanSample reads, package json reads the same.
func FuzzSampleLine(f *testing.F) {
	r := open(f, dayFile(f, dayMoments(12), 12))
	raw, err := r.unpack(r.slots[1])
	if err == nil {
		err = eachLine(raw, func(text []byte) error { f.Add(bytes.Clone(text)); return nil })
	}
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range oddNumbers() {
		f.Add([]byte(`{"sample":{"time":"2026-11-22T10:26:14Z","took_ns":` + n + `,"values":[` + n + `],"warnings":["\u00e9","` + n + `"],"count":` + n + `}}`))
	}
	f.Fuzz(sameLine)
}

// TestReadingAheadEndsWithItsReader: who breaks off leaves nothing running, and one broken member is an error in its place.
func TestReadingAheadEndsWithItsReader(t *testing.T) {
	r := open(t, dayFile(t, dayMoments(400), 4))
	before := runtime.NumGoroutine()
	for range r.All() {
		break
	}
	// A goroutine that has told of its end is counted for a moment more.
	for deadline := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
	r.slots[50].raw++ // what it says of itself is wrong
	n := 0
	for _, err := range r.All() {
		if err != nil {
			break
		}
		n++
	}
	if n != 49*4 {
		t.Errorf("%d readings before the broken member, want %d", n, 49*4)
	}
}

// BenchmarkLoadADay loads the history of readings in members of four, as a live recorder writes them: with package json,
// one member after the other, and as Load does.
func BenchmarkLoadADay(b *testing.B) {
	const readings = 4000
	path := dayFile(b, dayMoments(readings), 4)
	for _, v := range []struct {
		name string
		load func(*Recording, *sampler.History) error
	}{
		{"json", func(r *Recording, h *sampler.History) error {
			for _, m := range slowly(b, r) {
				h.Add(m.Snapshot)
			}
			return nil
		}},
		{"ours", (*Recording).Load},
	} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := v.load(open(b, path), sampler.NewHistory()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/readings, "ns/reading")
		})
	}
}

// TestLoadingTakesAFractionOfTheMemory: a loader that reads lines with package json, or each head anew, takes ten times as much.
func TestLoadingTakesAFractionOfTheMemory(t *testing.T) {
	samplertest.NotUnderRace(t)
	path := dayFile(t, dayMoments(4000), 4)
	took := func(load func(*Recording)) float64 {
		r := open(t, path)
		before := allocated()
		load(r)
		return float64(allocated() - before)
	}
	old := took(func(r *Recording) { slowly(t, r) })
	now := took(func(r *Recording) {
		if err := r.Load(sampler.NewHistory()); err != nil {
			t.Error(err)
		}
	})
	t.Logf("%.0f bytes of garbage a reading, %.0f with package json", now/4000, old/4000)
	if now > old/3 {
		t.Errorf("loading allocates %.0f bytes, with package json %.0f", now, old)
	}
}
