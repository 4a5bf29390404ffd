package capture

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// readAll asks a recording for everything it has.
func readAll(data []byte) (moments, members int, cut int64, err error) {
	s, _, cut, err := index("a.heaprec", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, 0, 0, err
	}
	for m, err := range s.All() {
		if err != nil {
			return 0, 0, 0, err
		}
		moments++
		if _, err := s.CyclesUntil(m.at()); err != nil {
			return 0, 0, 0, err
		}
	}
	for i, x := range s.slots {
		var err error
		switch x.kind {
		case kindHeap:
			_, err = tell(s, i, (*table).heapProfile)
		case kindGoroutines:
			_, err = tell(s, i, (*table).goroutines)
		case kindMappings:
			_, err = tell(s, i, (*table).mappings)
		case kindProcesses:
			_, err = tell(s, i, (*table).processes)
		case kindLog:
			_, _, err = s.logOf(x)
		}
		if err != nil {
			return 0, 0, 0, err
		}
	}
	return moments, len(s.slots), cut, s.Load(sampler.NewHistory())
}

func tell[T any](s *shelf, i int, f func(*table) (*T, error)) (*T, error) {
	t, err := s.tableIn(i)
	if err != nil {
		return nil, err
	}
	out, err := f(t)
	if err != nil {
		return nil, s.broken(s.slots[i], err)
	}
	return out, nil
}

func fileOf(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCutAnywhereItReadsToTheLastWholeMember cuts a recording at every byte.
func TestCutAnywhereItReadsToTheLastWholeMember(t *testing.T) {
	samplertest.NotUnderRace(t)
	path, w := record(t, 12)
	data := fileOf(t, path)
	s, _, _, err := index(path, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	whole := s.slots
	read := 0
	for n := range len(data) + 1 {
		wantMembers, wantMoments, end := 0, 0, int64(0)
		for _, x := range whole {
			if x.offset+int64(x.size) > int64(n) {
				break
			}
			wantMembers, end = wantMembers+1, x.offset+int64(x.size)
			if x.kind == kindSamples {
				wantMoments += x.count
			}
		}
		found, _, cut, err := index("a.heaprec", bytes.NewReader(data[:n]), int64(n))
		if wantMembers == 0 {
			if err == nil || !strings.Contains(err.Error(), "a.heaprec") {
				t.Fatalf("cut at byte %d, in its header: %v, want an error with the file", n, err)
			}
			continue
		}
		if err != nil || len(found.slots) != wantMembers || cut != int64(n)-end {
			t.Fatalf("cut at byte %d of %d: %v, cut %d, want %d members", n, len(data), err, cut, wantMembers)
		}
		if wantMembers == read { // what is found is the same as a byte before, and was read
			continue
		}
		read = wantMembers
		if moments, _, _, err := readAll(data[:n]); err != nil || moments != wantMoments {
			t.Fatalf("cut at byte %d of %d: %d of %d moments, %v", n, len(data), moments, wantMoments, err)
		}
	}
	if moments, _, _, _ := readAll(data); moments != len(w.samples) {
		t.Errorf("whole, it has %d moments of %d", moments, len(w.samples))
	}
}

// TestALongRecordingCutHereAndThere does the same with several members of each kind, at fewer places.
func TestALongRecordingCutHereAndThere(t *testing.T) {
	samplertest.NotUnderRace(t)
	path, _ := recordFlushing(t, 120)
	data := fileOf(t, path)
	members := 0
	for n := 1; n < len(data); n += 1 + len(data)/100 {
		_, got, _, err := readAll(data[:n])
		if err != nil && members > 0 || got < members {
			t.Fatalf("cut at byte %d of %d: %d members, before %d: %v", n, len(data), got, members, err)
		}
		members = got
	}
	if members < 20 {
		t.Errorf("%d members are too few for a test", members)
	}
}

// recordFlushing records n readings, ten in a member.
func recordFlushing(t testing.TB, n int) (path string, w *watched) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "a.heaprec")
	r, err := Create(path, fast())
	if err != nil {
		t.Fatal(err)
	}
	w = watch(t, n, r, flusher{r: r})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return path, w
}

// nothing is a Sink that keeps nothing.
type nothing struct{}

func (nothing) Event(sampler.Event)             {}
func (nothing) Heap(sampler.Profile)            {}
func (nothing) Goroutines(sampler.Goroutines)   {}
func (nothing) Mappings(sampler.Mappings)       {}
func (nothing) Processes(*sampler.ProcessTable) {}
func (nothing) Log([]sampler.LogLine, int)      {}
func (nothing) Due(time.Time) (due Due)         { return due }

// flusher makes its recorder write with each table of processes, the last that watch hands out.
type flusher struct {
	nothing
	r *Recorder
}

func (f flusher) Processes(*sampler.ProcessTable) {
	f.r.put(func(w *recording) { w.flush() })
}

// TestAfterALossOfPower has zeros where the last members should be.
func TestAfterALossOfPower(t *testing.T) {
	path, _ := recordFlushing(t, 60)
	data := fileOf(t, path)
	s, _, _, err := index(path, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, behind := range []int{0, 1, headLength, headLength + 20} { // bytes of the member that are on the disk
		from := s.slots[len(s.slots)-4].offset + int64(behind)
		torn := append([]byte(nil), data...)
		clear(torn[from:])
		_, members, cut, err := readAll(torn)
		if err != nil || members != len(s.slots)-4 || cut == 0 {
			t.Errorf("zeros from byte %d: %d members, want %d: %v", from, members, len(s.slots)-4, err)
		}
	}
}

// TestABrokenMemberIsNamed changes bytes in the middle.
func TestABrokenMemberIsNamed(t *testing.T) {
	path, _ := recordFlushing(t, 60)
	data := fileOf(t, path)
	s, _, _, err := index(path, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range s.slots[1 : len(s.slots)-2] {
		broken := append([]byte(nil), data...)
		broken[x.offset+int64(x.size)/2+headLength/2] ^= 0x55
		_, _, _, err := readAll(broken)
		want := fmt.Sprintf("member %d (%v) at byte %d", i+1, x.kind, x.offset)
		if err == nil || !strings.Contains(err.Error(), "a.heaprec") || !strings.Contains(err.Error(), want) {
			t.Fatalf("a changed byte: %v, want an error that names %s", err, want)
		}
	}
}

// raw returns a member with those lines.
func raw(t testing.TB, k kind, lines string) []byte {
	t.Helper()
	p := newPacker()
	p.lines.WriteString(lines)
	m, err := p.seal(entry{kind: k, key: true, count: 1, from: 1, to: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m.data
}

const goodHeader = `{"header":{"schema":"heaptop.recording/v1","started_at":"2026-11-21T11:00:00Z","target":{"kind":"process"}}}` + "\n"

// counted returns the numbers below n, with commas between.
func counted(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String() + "0"
}

func TestForeignRecordingsAreRefused(t *testing.T) {
	samplertest.NotUnderRace(t)
	header := raw(t, kindHeader, goodHeader)
	with := func(k kind, lines string) []byte { return append(append([]byte(nil), header...), raw(t, k, lines)...) }
	lying := with(kindSamples, `{"columns":[]}`+strings.Repeat(" ", 1000))
	entry{kind: kindSamples, key: true, size: len(lying) - len(header), raw: 500, from: 1, to: 1}.put(lying[len(header)+headLength-extraLength:])
	lying = append(lying, raw(t, kindSamples, "{}")...)
	bomb := with(kindSamples, "{}")
	entry{kind: kindSamples, size: len(bomb) - len(header), raw: 8 << 20, from: 1, to: 1}.put(bomb[len(header)+headLength-extraLength:])
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"empty", nil, "no recording"},
		{"text", []byte(strings.Repeat("hello ", 100)), "no recording"},
		{"another gzip", zipped([]byte("hello")), "no recording"},
		{"no header", raw(t, kindSamples, "{}"), "begins with a header"},
		{"other schema", raw(t, kindHeader, strings.Replace(goodHeader, "v1", "v2", 1)), `schema "heaptop.recording/v2", but`},
		{"escape codes in the schema", raw(t, kindHeader, `{"header":{"schema":"\u001b[2J"}}`), "x1b[2J"},
		{"broken json", with(kindSamples, `{"columns":["/a:b"]`), "line 1: byte 19"},
		{"another type", with(kindSamples, `{"columns":5}`), "number where a"},
		{"no columns", with(kindSamples, `{"sample":{"time":"2026-11-21T11:00:00Z","values":[1]}}`), "1 values for 0 columns"},
		{"column twice", with(kindSamples, `{"columns":["/a:b","/a:b"]}`), "/a:b twice"},
		{"text for a number", with(kindSamples, `{"columns":["/a:b"]}`+"\n"+`{"sample":{"values":["1"]}}`), "where a number belongs"},
		{"endless number", with(kindSamples, `{"columns":["/a:b"]}`+"\n"+`{"sample":{"values":[1e999]}}`), "where a number belongs"},
		{"no such histogram", with(kindSamples, `{"sample":{"histograms":[{"of":0,"grown":[0,1]}]}}`), "1 histograms, but 0"},
		{"no such count", with(kindSamples, `{"histogram":{"metric":"/h:s","buckets":[0,1]}}`+"\n"+`{"sample":{"histograms":[{"of":0,"grown":[9223372036854775807,1]}]}}`), "no count"},
		{"long line", with(kindSamples, `{"columns":[`+counted(300_000)+`]}`), "more than 1048576"},
		{"many samples", with(kindSamples, strings.Repeat(`{"sample":{}}`+"\n", 5000)), "more than 4096 samples"},
		{"lies about its length", lying, "not the 500 it says"},
		{"a bomb", bomb, ""}, // the member is not whole: what is before it is read
		{"table without a key", with(kindHeap, `{"number":1,"width":4}`), "does not follow"},
		{"wide table", with(kindHeap, `{"width":1000000000}`), "does not follow"},
		{"rows from nowhere", with(kindHeap, `{"width":1,"changed":[0],"increase":[1]}`), "leads out of 0 rows"},
		{"identity from nowhere", with(kindMappings, `{"width":7,"added_at":[0],"added":[3],"values":[1,1,1,1,1,1,1]}`), "identity 3, of 0"},
		{"endless node", with(kindHeap, `{"width":1,"nodes":[9223372036854775807]}`), "node 0 has"},
		{"text from nowhere", with(kindMappings, `{"width":7,"nodes":[2,77,0],"added_at":[0],"added":[0],"values":[1,1,1,1,1,1,1]}`), "text 77 of 1"},
		{"mapping without a number", with(kindMappings, `{"width":7,"nodes":[2,0,0],"added_at":[0],"added":[0],"values":[null,1,1,1,1,1,1]}`), "lacks a number"},
		{"a stack of itself", with(kindHeap, `{"width":1,"head":{"types":[{}]},"nodes":[2,1,0],"added_at":[0],"added":[0],"values":[1]}`), "node 0"},
		{"a million stacks of a million", with(kindGoroutines, `{"width":3,"nodes":[3,0,0,0,100002,0,0`+strings.Repeat(",0", 100000)+`],"added_at":[0`+
			strings.Repeat(",0", 999)+`],"added":[1`+strings.Repeat(",1", 999)+`],"values":[1`+strings.Repeat(",1", 2999)+`]}`), "references"},
		{"empty table", with(kindHeap, ""), "it is empty"},
		{"broken log", with(kindLog, `{"log":{"lines":[`), "byte"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := allocated()
			_, _, _, err := readAll(c.data)
			if (err == nil) != (c.says == "") || err != nil && (!strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "a.heaprec")) {
				t.Errorf("%v; want an error with the file and %q", err, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 500) {
				t.Errorf("the error has an escape character or no end: %.200q", err)
			}
			if took := allocated() - before; took > 400<<20 {
				t.Errorf("reading %d bytes took %d", len(c.data), took)
			}
			runtime.GC()
		})
	}
}

func TestWhatALaterVersionAddsIsPassedOver(t *testing.T) {
	data := raw(t, kindHeader, strings.Replace(goodHeader, `{"header":{`, `{"future":1,"header":{"future":[1,2],`, 1))
	data = append(data, raw(t, 200, "what is this")...)
	data = append(data, raw(t, kindSamples, `{"future":{"a":[]}}`+"\n"+`{"columns":["/a:b"]}`+"\n"+
		`{"sample":{"time":"2026-11-21T11:00:00Z","values":[1],"future":true}}`+"\n")...)
	moments, members, cut, err := readAll(data)
	if err != nil || moments != 1 || members != 3 || cut != 0 {
		t.Errorf("%d moments in %d members, cut %d, %v", moments, members, cut, err)
	}
}

func TestOpeningWhatIsNoRecording(t *testing.T) {
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a folder: %v", err)
	}
}

// FuzzOpen checks that foreign bytes neither panic nor hang.
func FuzzOpen(f *testing.F) {
	path, _ := recordFlushing(f, 25)
	f.Add(fileOf(f, path))
	f.Add(raw(f, kindHeader, goodHeader))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _, _, _ = readAll(data) })
}

// FuzzMember checks the same for the lines of a member, which gzip's sum keeps FuzzOpen from changing.
func FuzzMember(f *testing.F) {
	path, _ := recordFlushing(f, 25)
	data := fileOf(f, path)
	s, _, _, err := index(path, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		f.Fatal(err)
	}
	for _, x := range s.slots {
		lines, err := s.unpack(x)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(x.kind), bytes.Clone(lines))
	}
	header := raw(f, kindHeader, goodHeader)
	f.Fuzz(func(t *testing.T, k byte, lines []byte) {
		if len(lines) > 1<<16 {
			return
		}
		data := append(append([]byte(nil), header...), raw(t, kind(k), string(lines))...)
		_, _, _, _ = readAll(data)
	})
}
