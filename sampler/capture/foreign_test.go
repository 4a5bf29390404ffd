package capture

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data) // to memory
	_ = z.Close()
	return b.Bytes()
}

const goodMeta = `{"schema":"heaptop.snapshot/v1","time":"2026-11-21T11:00:00Z","target":{"kind":"process"}}`

// file returns a zip with parts of names and contents in turn.
func file(t testing.TB, namesAndData ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(namesAndData); i += 2 {
		w, err := z.Create(namesAndData[i])
		if err == nil {
			_, err = io.WriteString(w, namesAndData[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// whole returns the bytes of a snapshot with every part.
func whole(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.heapsnap")
	if err := Write(path, taken(t)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// million returns a zip with a million entries in its list, and an end record that tells of one, in a list as long as
// length says.
func million(t testing.TB, length func(whole uint32) uint32) []byte {
	t.Helper()
	good := file(t, metaPart, goodMeta)
	end := good[len(good)-endLength:]
	offset := binary.LittleEndian.Uint32(end[16:])
	entry := good[offset : len(good)-endLength]
	data := append([]byte(nil), good[:offset]...)
	data = append(data, bytes.Repeat(entry, 1_000_000)...)
	binary.LittleEndian.PutUint32(end[12:], length(uint32(len(entry)*1_000_000)))
	return append(data, end...)
}

func many(n int) string { return strings.Repeat("0,", n) + "0" }

func TestForeignFilesAreRefusedWithThePart(t *testing.T) {
	samplertest.NotUnderRace(t)
	good := whole(t)
	zeros := string(make([]byte, 12<<20))
	meta := func(parts ...string) []byte { return file(t, append([]string{metaPart, goodMeta}, parts...)...) }
	for _, c := range []struct {
		name string
		data []byte
		says string
	}{
		{"empty", nil, "cut off at byte 0"},
		{"text", []byte(strings.Repeat("hello ", 100)), "no snapshot"},
		{"cut off", good[:len(good)/2], "cut off"},
		{"one byte short", good[:len(good)-1], "cut off"},
		{"bytes in front", append([]byte("MZ"), good...), "not at byte"},
		{"no meta", file(t, metricsPart, "{}"), "no meta.json"},
		{"other schema", file(t, metaPart, `{"schema":"heaptop.snapshot/v2"}`), `meta.json: schema "heaptop.snapshot/v2"`},
		{"escape codes in the schema", file(t, metaPart, `{"schema":"\u001b[2J"}`), `x1b[2J`},
		{"a path", meta("../../etc/passwd", "x"), "../../etc/passwd"},
		{"a part twice", meta(metricsPart, "{}", metricsPart, "{}"), "metrics.json twice"},
		{"broken json", meta(metricsPart, `{"metrics":{"/a:b":1}`), "metrics.json: byte 21"},
		{"another type", meta(metricsPart, `{"metrics":{"/a:b":"1"}}`), "string where a float64 belongs"},
		{"another type of maps", meta(mapsPart, `{"mappings":"x"}`), "maps.json: byte 15: string where a"},
		{"endless number", meta(metricsPart, `{"metrics":{"/a:b":1e999}}`), "metrics.json: byte"},
		{"null", meta(metricsPart, `{"metrics":{"/a:b":null}}`), "metrics.json: null where a number belongs"},
		{"null in a histogram", meta(metricsPart, `{"histograms":[{"metric":"/h:s","buckets":[null,1],"counts":[1]}]}`), "null where"},
		{"a megabyte of time", meta(metricsPart, `{"time":"`+strings.Repeat("x", 1<<20)+`"}`), "metrics.json"},
		{"deep json", meta(ledgerPart, strings.Repeat("[", 100_000)), "ledger.json"},
		{"histogram", meta(metricsPart, `{"histograms":[{"metric":"/h:s","buckets":[0],"counts":[1]}]}`), "histogram /h:s"},
		{"histogram out of order", meta(metricsPart, `{"histograms":[{"metric":"/h:s","buckets":["+Inf",0],"counts":[1]}]}`), "out of order"},
		{"too many warnings", meta(metricsPart, `{"warnings":["`+strings.Repeat(`","`, 70_000)+`"]}`), "too many"},
		{"a bomb", meta(metricsPart, zeros), "metrics.json: 12"},
		{"a profile that is none", meta(heapPart, "hello"), "heap.pb.gz"},
		{"a profile that is a bomb", meta(heapPart, string(zipped([]byte(zeros+zeros)))), "heap.pb.gz"},
		{"a profile cut off", meta(heapPart, string(zipped([]byte("hello")))[:20]), "heap.pb.gz"},
		{"a hundred parts", func() []byte {
			var parts []string
			for i := range 100 {
				parts = append(parts, fmt.Sprintf("p%d", i), "")
			}
			return meta(parts...)
		}(), "more than 64"},
		{"a million parts", million(t, func(n uint32) uint32 { return n }), "more than 64 or 65536"},
		{"a million parts, denied", million(t, func(n uint32) uint32 { return n / 1_000_000 }), "not at byte"},
		{"maps of another type", meta(mapsPart, "["+many(10)+"]"), "maps.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "foreign.heapsnap")
			if err := os.WriteFile(path, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
			before := allocated()
			s, err := Read(path)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("read %v, %v; want an error with the path and %q", s, err, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 500) {
				t.Errorf("the error has an escape character or no end: %.200q", err)
			}
			if took := allocated() - before; took > 64<<20 {
				t.Errorf("reading %d bytes took %d", len(c.data), took)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestUnknownFieldsAndPartsArePassedOver(t *testing.T) {
	data := file(t, metaPart, strings.Replace(goodMeta, `{`, `{"future":[1,2],`, 1), "future.bin", "x", metricsPart, `{"metrics":{"/a:b":1},"future":{}}`)
	s, err := decode(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := s.Sample.Get("/a:b"); !ok || v != 1 {
		t.Errorf("read %v, want the metric", s.Sample)
	}
}

func TestReadingWhatIsNoFile(t *testing.T) {
	if _, err := Read(t.TempDir()); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// TestEveryCutIsAnError cuts a whole file everywhere.
func TestEveryCutIsAnError(t *testing.T) {
	data := whole(t)
	for n := 0; n < len(data); n += 1 + len(data)/500 {
		if _, err := decode(bytes.NewReader(data[:n]), int64(n)); err == nil {
			t.Errorf("cut at %d of %d: no error", n, len(data))
		}
	}
}

// FuzzRead checks that foreign bytes neither panic nor read as something that cannot be written again.
func FuzzRead(f *testing.F) {
	f.Add(whole(f))
	f.Add(file(f, metaPart, goodMeta))
	f.Add(file(f, metaPart, goodMeta, metricsPart, `{"metrics":{"/a:b":1},"histograms":[{"metric":"/h:s","buckets":["-Inf",0,"+Inf"],"counts":[1,2]}]}`))
	f.Add(file(f, metaPart, goodMeta, heapPart, string(zipped([]byte("x"))), mapsPart, `{"mappings":[{"name":"x"}]}`))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := decode(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		if _, err := encode(s); err != nil {
			t.Errorf("read, but not to be written: %v", err)
		}
	})
}

// FuzzMetrics checks the same for what stands inside a part, which the sum in a zip keeps FuzzRead from changing.
func FuzzMetrics(f *testing.F) {
	f.Add(goodMeta, `{"metrics":{"/a:b":1},"cycles":[{"number":1,"end":"2026-11-21T11:00:00Z","pause_seconds":1e-5}]}`, `{"mappings":[{"name":"x"}]}`)
	f.Add(goodMeta, `{"histograms":[{"metric":"/h:s","buckets":["-Inf",0,"+Inf"],"counts":[1,2]}]}`, `[]`)
	f.Fuzz(func(t *testing.T, meta, metrics, maps string) {
		data := file(t, metaPart, meta, metricsPart, metrics, mapsPart, maps)
		s, err := decode(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		if _, err := encode(s); err != nil {
			t.Errorf("read, but not to be written: %v", err)
		}
	})
}

func BenchmarkWriteRead(b *testing.B) {
	b.ReportAllocs()
	s := taken(b)
	dir := b.TempDir()
	for b.Loop() {
		path, err := WriteNew(dir, s)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Read(path); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
}
