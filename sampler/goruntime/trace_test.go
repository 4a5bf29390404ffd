package goruntime

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/sampler"
)

// prints are the arguments of the runtime's print for one line, as it writes them.
func prints(n int, forced bool) []string {
	w := []string{"gc ", fmt.Sprint(n), " @", fmt.Sprintf("%d.%03d", n/7, n%1000), "s ", "2", "%", ": ",
		"0.012", "+", "1.4", "+", "0.37", " ms clock, ", "0.024", "+", "0.31", "/", "12", "/", "0", "+", "0.74", " ms cpu, ",
		"12", "->", "13", "->", fmt.Sprint(5 + n%3), " MB, ", "14", " MB goal, ", "0", " MB stacks, ", "0", " MB globals, ", "8", " P"}
	if forced {
		w = append(w, " (forced)")
	}
	return append(w, "\n")
}

func cycle(n int, forced bool) sampler.GCCycle {
	c := sampler.GCCycle{Number: uint64(n), Kind: "automatic", Before: sampler.Known(12 << 20), After: sampler.Known(13 << 20),
		Live: sampler.Known(float64(5+n%3) * (1 << 20)), Goal: sampler.Known(14 << 20), Pause: sampler.Known((0.012 + 0.37) / 1e3), CPU: sampler.Known(2)}
	if forced {
		c.Kind = "forced"
	}
	return c
}

// run writes the stream in parts of the given size (0: whole) and returns what came through and the cycles.
func run(t *testing.T, stream string, size int) (string, []sampler.GCCycle) {
	t.Helper()
	var out bytes.Buffer
	tr := NewTrace(&out)
	for rest := stream; rest != ""; {
		n := len(rest)
		if size > 0 {
			n = min(n, size)
		}
		if _, err := tr.Write([]byte(rest[:n])); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), timeless(tr.Cycles())
}

func timeless(c []sampler.GCCycle) []sampler.GCCycle {
	for i := range c {
		c[i].End = time.Time{}
	}
	return c
}

// A line of the runtime at every place of the program's bytes.
func TestTraceFindsLinesAnywhere(t *testing.T) {
	const text = "hello\n\n12 items\r 45%\x00\xff\x1b[1mgc\x1b[0m done; gcc x.c\nGC f\nscv\n3 @ 4.5s"
	line := strings.Join(prints(3, true), "")
	for at := range len(text) + 1 {
		for _, size := range []int{0, 1, 7} {
			out, cycles := run(t, text[:at]+line+text[at:], size)
			if out != text || cmp.Diff(cycles, []sampler.GCCycle{cycle(3, true)}) != "" {
				t.Fatalf("at %d, size %d: %q, %v", at, size, out, cycles)
			}
		}
	}
}

// The program writes lines of its usual form between any two writes of the runtime.
func TestTraceSplitByOrdinaryLines(t *testing.T) {
	for name, text := range map[string]string{
		"log package": "2026/11/21 21:45:00 served /api/v1 in 12 ms\n",
		"json":        `{"time":"2026-11-21","level":"INFO","msg":"0.25+0.1"}` + "\n",
		"two lines":   "I1121 request\nI1121 answer 200\n",
		"counter":     "12 of 300\n",
		"blank start": "   indented 7\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, forced := range []bool{false, true} {
				w := prints(5, forced)
				for at := range len(w) {
					before := text + strings.Join(prints(4, false), "") + text
					stream := before + strings.Join(w[:at], "") + text + strings.Join(w[at:], "") + text
					for _, size := range []int{0, 1, 13} {
						out, cycles := run(t, stream, size)
						if out != strings.Repeat(text, 4) || cmp.Diff(cycles, []sampler.GCCycle{cycle(4, false), cycle(5, forced)}) != "" {
							t.Fatalf("between %q, size %d: %q, %v", w[max(at-1, 0):at+1], size, out, cycles)
						}
					}
				}
				every := text + strings.Join(prints(4, false), "") + text + strings.Join(w, text) + text
				out, cycles := run(t, every, 0)
				if out != strings.Repeat(text, len(w)+2) || len(cycles) != 2 || cmp.Diff(cycles[1], cycle(5, forced)) != "" {
					t.Fatalf("between all: %q, %v", out, cycles)
				}
			}
		})
	}
}

// Where single writes are seen, the program may write anything anywhere.
func TestPacketTraceLosesNothing(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("gc 0123456789@.s%:+/->MBP\n(forced)\x00\x1bé ")
	taken := map[string]bool{}
	for _, w := range append(prints(1, true), "GC forced") {
		taken[w] = true
	}
	for range 300 {
		var out, own bytes.Buffer
		var want []sampler.GCCycle
		tr := NewPacketTrace(&out)
		write := func(s string) { fmt.Fprint(tr, s) }
		program := func() {
			for range rnd.IntN(3) {
				b := make([]byte, 1+rnd.IntN(12))
				for i := range b {
					b[i] = alphabet[rnd.IntN(len(alphabet))]
				}
				if b = append(b, "x\n"...); !taken[string(b)] {
					own.Write(b)
					write(string(b))
				}
			}
		}
		for n := 1; n < 6; n++ {
			forced := rnd.IntN(2) == 0
			for _, w := range prints(n, forced) {
				program()
				write(w)
			}
			want = append(want, cycle(n, forced))
		}
		program()
		if err := tr.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != own.String() {
			t.Fatalf("program's output:\n%s", cmp.Diff(own.String(), out.String()))
		}
		if d := cmp.Diff(want, timeless(tr.Cycles())); d != "" {
			t.Fatalf("cycles:\n%s", d)
		}
	}
}

func TestTraceKinds(t *testing.T) {
	old := "gc 1 @0.5s 0%: 0.1+1+0.1 ms clock, 0+0/0/0+0 ms cpu, 4->4->0 MB, 5 MB goal, 2 P\n" // one decimal: never written so
	go117 := "gc 2 @0.512s 0%: 0.11+1.2+0.10 ms clock, 0+0/0/0+0 ms cpu, 4->4->0 MB, 5 MB goal, 2 P\n"
	leak := "gc 3 @1.512s 0% (checking for goroutine leaks): 0.11+1.2+0.10 ms clock, 0+0/0/0+0 ms cpu, 4->4->0 MB, 5 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)\n"
	scvg := "scvg0: inuse: 5, idle: 58, sys: 63, released: 57, consumed: 6 (MB)\nscvg: 8 KB released\n"
	out, cycles := run(t, old+go117+"GC forced\n"+scvg+leak+"GC forced\n"+strings.Join(prints(4, false), ""), 0)
	if out != old {
		t.Errorf("passed on %q, want %q", out, old)
	}
	var kinds []string
	for _, c := range cycles {
		kinds = append(kinds, fmt.Sprint(c.Number, c.Kind))
	}
	if got := strings.Join(kinds, " "); got != "2automatic 3forced 4periodic" {
		t.Errorf("cycles %s", got)
	}
	if got := cycles[0]; got.After != sampler.Known(4<<20) || got.Live != sampler.Known(0) || got.Goal != sampler.Known(5<<20) {
		t.Errorf("cycle 2 is %+v", got)
	}
}

func TestTraceHoldsNothingForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out locked
		tr := NewTrace(&out)
		defer tr.Close()
		fmt.Fprint(tr, "proceed? gc ")
		synctest.Wait()
		if out.String() != "proceed? " {
			t.Errorf("at once %q", out.String())
		}
		time.Sleep(2*holdFor + time.Millisecond)
		synctest.Wait()
		if out.String() != "proceed? gc " {
			t.Errorf("after a second %q", out.String())
		}
	})
	var out bytes.Buffer
	tr := NewTrace(&out)
	defer tr.Close()
	fmt.Fprint(tr, "gc ", strings.Repeat("x", maxHeld+maxPart))
	if out.Len() != maxHeld+maxPart+3 {
		t.Errorf("%d bytes withheld", maxHeld+maxPart+3-out.Len())
	}
}

func TestTraceTellsMixedProcesses(t *testing.T) {
	tr := NewTrace(&bytes.Buffer{})
	defer tr.Close()
	fmt.Fprint(tr, strings.Join(prints(5, false), ""), strings.Join(prints(6, false), ""))
	if tr.Mixed() {
		t.Error("5, 6 are of one process")
	}
	fmt.Fprint(tr, strings.Join(prints(2, false), ""))
	if !tr.Mixed() {
		t.Error("6, 2 are not of one process")
	}
}

// Whatever comes: nothing is made up, nothing is lost but whole lines of the runtime, and the splitting over calls of
// Write changes nothing.
func FuzzTrace(f *testing.F) {
	f.Add("a"+strings.Join(prints(1, false), "b\n"), uint8(3))
	f.Add("GC forced\nGC forced by user\n\ngc gc gc 1 @0.001s", uint8(1))
	f.Fuzz(func(t *testing.T, in string, size uint8) {
		whole, cycles := run(t, in, 0)
		parts, again := run(t, in, int(size))
		if whole != parts || cmp.Diff(cycles, again) != "" {
			t.Fatalf("whole %q %v, in parts of %d %q %v", whole, cycles, size, parts, again)
		}
		if len(whole) < len(in)-200*(len(cycles)+strings.Count(in, "GC forced")+strings.Count(in, "scvg")) {
			t.Fatalf("%d of %d bytes passed on with %d cycles", len(whole), len(in), len(cycles))
		}
		rest := in
		for i := range len(whole) {
			j := strings.IndexByte(rest, whole[i])
			if j < 0 {
				t.Fatalf("%q was made from %q", whole, in)
			}
			rest = rest[j+1:]
		}
	})
}

func BenchmarkTrace(b *testing.B) {
	text := []byte(strings.Repeat("2026/11/21 21:45:00 serving the good sign, got going\n", 100))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	tr := NewTrace(&bytes.Buffer{})
	tr.out = discard{}
	for b.Loop() {
		tr.Write(text)
	}
}

// locked is a buffer for several goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
