package profile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"

	pb "github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

func gunzip(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// built returns a heap profile with one sample for each stack, of in-use and allocated values.
func built(t testing.TB, change func(*pb.Profile), stacks ...[]*pb.Location) sampler.Profile {
	t.Helper()
	p := &pb.Profile{
		SampleType: []*pb.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
			{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}},
		PeriodType: &pb.ValueType{Type: "space", Unit: "bytes"}, Period: 512 << 10,
	}
	functions, locations := map[*pb.Function]bool{}, map[*pb.Location]bool{}
	for _, stack := range stacks {
		for _, l := range stack {
			if !locations[l] {
				locations[l] = true
				l.ID = uint64(len(locations))
				p.Location = append(p.Location, l)
			}
			for _, line := range l.Line {
				if f := line.Function; f != nil && !functions[f] {
					functions[f] = true
					f.ID = uint64(len(functions))
					p.Function = append(p.Function, f)
				}
			}
		}
		p.Sample = append(p.Sample, &pb.Sample{Location: stack, Value: []int64{2, 2000, 1, 1000}})
	}
	if change != nil {
		change(p)
	}
	var b bytes.Buffer
	if err := p.WriteUncompressed(&b); err != nil {
		t.Fatal(err)
	}
	return sampler.Profile{Data: b.Bytes()}
}

func location(address uint64, functions ...string) *pb.Location {
	l := &pb.Location{Address: address}
	for i, name := range functions {
		l.Line = append(l.Line, pb.Line{Function: &pb.Function{Name: name, Filename: "x.go"}, Line: int64(i + 1)})
	}
	return l
}

func TestSiteIsTheInnermostFrameOutsideTheRuntime(t *testing.T) {
	tests := []struct {
		name  string
		stack []*pb.Location
		want  string
	}{
		{"plain", []*pb.Location{location(1, "main.a"), location(2, "main.b")}, "main.a"},
		{"runtime first", []*pb.Location{location(1, "runtime.growslice"), location(2, "internal/runtime/maps.newTable"), location(3, "main.b")}, "main.b"},
		{"inlined runtime", []*pb.Location{location(1, "runtime.x", "main.a", "main.b")}, "main.a"},
		{"runtime only", []*pb.Location{location(1, "runtime.malg"), location(2, "runtime.newm")}, "runtime.malg"},
		{"own runtime package", []*pb.Location{location(1, "example.com/runtime.x")}, "example.com/runtime.x"},
		{"no symbols", []*pb.Location{{Address: 0x1234}}, "0x1234"},
		{"no stack", nil, "(unknown)"},
	}
	for _, test := range tests {
		h := parse(t, built(t, nil, test.stack))
		if len(h.Sites) != 1 || h.Sites[0].Function != test.want || h.Sites[0].Stack[0].Function != test.want {
			t.Errorf("%s: %+v, want site %s", test.name, h.Sites, test.want)
		}
	}
}

func TestStacksOfOneSiteAreSummed(t *testing.T) {
	leaf := location(1, "main.leaf")
	h := parse(t, built(t, func(p *pb.Profile) { p.Sample[1].Value = []int64{3, 9000, 3, 9000} },
		[]*pb.Location{leaf, location(2, "main.a")}, []*pb.Location{leaf, location(3, "main.b")}, []*pb.Location{leaf, location(2, "main.a")}))
	s := h.Sites[0]
	if len(h.Sites) != 1 || s.InUseBytes != 11000 || s.InUseObjects != 5 || s.AllocBytes != 13000 || s.StackCount != 3 {
		t.Errorf("site %+v", s)
	}
	if s.Stack[1].Function != "main.b" {
		t.Errorf("the stack shown goes through %s, want the one that holds most", s.Stack[1].Function)
	}
}

// message returns a field with a length, as protocol buffers have it.
func message(field byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{field<<3 | 2}, uint64(len(body))), body...)
}

func TestUnusableProfiles(t *testing.T) {
	var goroutines bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&goroutines, 0); err != nil {
		t.Fatal(err)
	}
	big := make([]byte, 65<<20)
	samples := bytes.Repeat([]byte{0x12, 0}, 1_000_002) // empty samples
	places := bytes.Repeat([]byte{0x22, 0}, 1_000_002)  // empty locations
	locations := message(1, make([]byte, 8_000_001))    // of one sample
	lines := bytes.Repeat([]byte{0x22, 0}, 1_000_002)   // of one location
	tests := []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "no bytes", nil},
		{"a web page", "not a profile", []byte("<!DOCTYPE html><html><body>404</body></html>")},
		{"cut off", "unpack", heapProfile(t).Data[:100]},
		{"a goroutine profile", "not a heap profile", goroutines.Bytes()},
		{"a bomb", "too large", gzipped(t, big)},
		{"too much", "too large", big},
		{"too many samples", "too large", samples},
		{"too many locations", "too large", places},
		{"too many lines", "too large", message(4, lines)},
		{"too many references", "too large", message(2, locations)},
	}
	for _, test := range tests {
		_, err := profile.ParseHeap(sampler.Profile{Data: test.data})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", test.name, err, test.want)
		}
	}
	if _, err := profile.ParseHeap(sampler.Profile{Data: goroutines.Bytes()}); !errors.Is(err, profile.ErrNotHeap) {
		t.Errorf("a goroutine profile: %v, want ErrNotHeap", err)
	}
}

func TestEmptyProfilesSayWhy(t *testing.T) {
	h := parse(t, built(t, nil))
	if !strings.Contains(h.Empty, "sampled yet") {
		t.Errorf("no samples: %q", h.Empty)
	}
	h = parse(t, built(t, func(p *pb.Profile) { p.Period = 0 }))
	if !strings.Contains(h.Empty, "MemProfileRate is 0") {
		t.Errorf("rate 0: %q", h.Empty)
	}
}

func TestNegativeValuesAreLeftOutAndSaid(t *testing.T) {
	h := parse(t, built(t, func(p *pb.Profile) { p.Sample[0].Value = []int64{1, 100, -1, -100} }, []*pb.Location{location(1, "main.a")}))
	if h.TotalInUse != 0 || h.TotalAlloc != 100 || len(h.Warnings) != 1 {
		t.Errorf("%+v", h)
	}
}

// A few messages can name each other so often that the frames they stand for fill any memory.
func TestFramesAreBounded(t *testing.T) {
	deep := location(1)
	f := &pb.Function{Name: "main.f"}
	for range 2000 {
		deep.Line = append(deep.Line, pb.Line{Function: f})
	}
	stacks := make([][]*pb.Location, 5000)
	for i := range stacks {
		stacks[i] = []*pb.Location{location(uint64(i+10), "main."+strings.Repeat("x", i%7)+string(rune('a'+i%26)), "m"), deep, deep}
		stacks[i][0].Line[0].Line = int64(i)
	}
	var before, after runtime.MemStats
	p := built(t, nil, stacks...)
	runtime.ReadMemStats(&before)
	h := parse(t, p)
	runtime.ReadMemStats(&after)
	frames := 0
	for _, s := range h.Sites {
		frames += len(s.Stack)
	}
	if frames > 2_100_000 || after.TotalAlloc-before.TotalAlloc > 800<<20 {
		t.Errorf("%d frames kept, %d MB allocated", frames, (after.TotalAlloc-before.TotalAlloc)>>20)
	}
}

func FuzzParseHeap(f *testing.F) {
	f.Add(heapProfile(f).Data)
	f.Add(built(f, nil, []*pb.Location{location(1, "runtime.x", "main.a")}, []*pb.Location{{Address: 7}}, nil).Data)
	f.Add([]byte("heap profile: 1: 2 [3: 4] @ heap/1048576\n"))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := profile.ParseHeap(sampler.Profile{Data: data})
		if err != nil {
			return
		}
		sum := 0.0
		for _, s := range h.Sites {
			sum += s.InUseBytes
			for _, v := range []float64{s.InUseBytes, s.InUseObjects, s.AllocBytes, s.AllocObjects, s.Uncertainty, float64(s.Samples), float64(s.AllocSamples)} {
				if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("site %+v has a value that is no amount", s)
				}
			}
			if len(s.Stack) == 0 || len(s.Stacks) > s.StackCount {
				t.Fatalf("site %+v has no stack", s)
			}
		}
		if math.Abs(sum-h.TotalInUse) > 1e-9*h.TotalInUse {
			t.Fatalf("sites hold %v of %v", sum, h.TotalInUse)
		}
		if (len(h.Sites) == 0) != (h.Empty != "") {
			t.Fatalf("%d sites, reason %q", len(h.Sites), h.Empty)
		}
		profile.Rows(h, &h, &h)
	})
}
