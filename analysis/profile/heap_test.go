package profile_test

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// holder keeps what the test allocates alive.
type holder struct{ blocks [][]byte }

//go:noinline
func (h *holder) small(n int) {
	for range n {
		h.blocks = append(h.blocks, make([]byte, 4<<10))
	}
}

//go:noinline
func (h *holder) large(n int) {
	for range n {
		h.blocks = append(h.blocks, make([]byte, 3<<20))
	}
}

// heapProfile takes a profile of this test.
func heapProfile(t testing.TB) sampler.Profile {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var b bytes.Buffer
	if err := pprof.Lookup("heap").WriteTo(&b, 0); err != nil {
		t.Fatal(err)
	}
	return sampler.Profile{Time: time.Now(), Data: b.Bytes()}
}

func parse(t testing.TB, p sampler.Profile) profile.Heap {
	t.Helper()
	h, err := profile.ParseHeap(p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func site(t *testing.T, h profile.Heap, function string) profile.Site {
	t.Helper()
	var found profile.Site
	for _, s := range h.Sites {
		if strings.HasSuffix(s.Function, function) && s.AllocBytes > found.AllocBytes {
			found = s
		}
	}
	if found.Function == "" {
		t.Fatalf("no site %s among %d", function, len(h.Sites))
	}
	return found
}

func TestSitesOfThisProcess(t *testing.T) {
	var h holder
	h.small(16 << 10) // 64 MiB in objects of 4 KiB
	h.large(20)       // 60 MiB in objects of 3 MiB
	p := heapProfile(t)
	heap := parse(t, p)
	runtime.KeepAlive(&h)

	small, large := site(t, heap, "(*holder).small"), site(t, heap, "(*holder).large")
	if want := 64.0 * (1 << 20); math.Abs(small.InUseBytes-want) > 5*small.Uncertainty {
		t.Errorf("small holds %.0f ± %.0f, want %.0f", small.InUseBytes, small.Uncertainty, want)
	}
	if want := math.Sqrt(small.InUseBytes * float64(heap.Rate)); math.Abs(small.Uncertainty/want-1) > 0.05 {
		t.Errorf("uncertainty of small objects = %.0f, want sqrt(bytes*rate) = %.0f", small.Uncertainty, want)
	}
	if small.Samples < 64 || small.Samples > 256 {
		t.Errorf("small rests on %d samples, want about 128", small.Samples)
	}
	if large.Samples < 15 || large.Samples > 20 {
		t.Errorf("large rests on %d samples, want nearly all of 20", large.Samples)
	}
	if large.Uncertainty > large.InUseBytes/20 {
		t.Errorf("objects larger than the rate are nearly all sampled: uncertainty %.0f of %.0f", large.Uncertainty, large.InUseBytes)
	}
	if filepath.Base(small.File) != "heap_test.go" || small.Line == 0 || small.Stack[0].Function != small.Function {
		t.Errorf("site %+v has no place, or its stack begins elsewhere", small)
	}
	if !strings.Contains(small.Stack[1].Function, "TestSitesOfThisProcess") {
		t.Errorf("caller = %q", small.Stack[1].Function)
	}
}

// pprofTop returns what `go tool pprof` says of a profile: flat values in bytes by function, and the total.
func pprofTop(t *testing.T, file, index string) (flat map[string]float64, total float64) {
	t.Helper()
	samplertest.Tool(t, "go")
	cmd := exec.Command("go", "tool", "pprof", "-top", "-flat", "-nodecount=0", "-nodefraction=0", "-edgefraction=0", "-unit=B", "-symbolize=none", "-sample_index="+index, file)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	flat = map[string]float64{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if i := strings.Index(line, "% of "); i >= 0 {
			total = number(strings.Fields(line[i+len("% of "):])[0])
		}
		if len(fields) >= 6 && strings.HasSuffix(fields[1], "%") {
			name := strings.TrimSuffix(strings.Join(fields[5:], " "), " (inline)")
			flat[name] += number(fields[0])
		}
	}
	return flat, total
}

func number(s string) float64 {
	v, _ := strconv.ParseFloat(strings.TrimSuffix(s, "B"), 64)
	return v
}

func TestEqualsGoToolPprof(t *testing.T) {
	var h holder
	h.small(4 << 10)
	h.large(5)
	p := heapProfile(t)
	runtime.KeepAlive(&h)
	file := filepath.Join(t.TempDir(), "heap.pb.gz")
	if err := os.WriteFile(file, p.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	heap := parse(t, p)
	inUse, alloc := map[string]float64{}, map[string]float64{}
	for _, s := range heap.Sites {
		inUse[s.Function] += s.InUseBytes
		alloc[s.Function] += s.AllocBytes
	}
	for _, test := range []struct {
		index string
		ours  map[string]float64
		total float64
	}{{"inuse_space", inUse, heap.TotalInUse}, {"alloc_space", alloc, heap.TotalAlloc}} {
		flat, total := pprofTop(t, file, test.index)
		if total == 0 || math.Abs(total-test.total) > 1 {
			t.Errorf("%s: total %.0f, pprof says %.0f", test.index, test.total, total)
		}
		if len(flat) == 0 {
			t.Errorf("%s: nothing to compare", test.index)
		}
		for name, want := range flat {
			if math.Abs(test.ours[name]-want) > 1 {
				t.Errorf("%s: %s has %.0f, pprof says %.0f", test.index, name, test.ours[name], want)
			}
		}
	}
}

func TestGzipAndPlainGiveTheSame(t *testing.T) {
	p := heapProfile(t)
	plain := sampler.Profile{Time: p.Time, Data: gunzip(t, p.Data)}
	a, b := parse(t, p), parse(t, plain)
	if a.TotalInUse != b.TotalInUse || len(a.Sites) != len(b.Sites) || len(a.Sites) == 0 {
		t.Errorf("%d sites and %.0f bytes, plain %d and %.0f", len(a.Sites), a.TotalInUse, len(b.Sites), b.TotalInUse)
	}
}
