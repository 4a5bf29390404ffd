package run

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

// faked judges a scenario whose runs give what f returns, against another side.
func faked(t *testing.T, gated []string, f func(current bool, n int) (*once, error)) (*gates.Scenario, error) {
	t.Helper()
	s := &policy.Scenario{Name: "faked", Kind: gates.KindCommand, Sessions: 1}
	s.Compare.Gated = gated
	o := &Options{Policy: &policy.Policy{Scenarios: []policy.Scenario{*s}}, Seed: 5, dry: true}
	r, err := newRunner(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	j := &job{scenario: s, name: s.Name, at: r.trees.user()}
	j.rivals = []*rival{{at: &side{label: "baseline", name: "HEAD~1", base: j.at.base}}}
	n := 0
	j.run = func(_ context.Context, at *side, _ bool) (*once, error) {
		n++
		return f(at == j.at, n)
	}
	out, err := r.judge(t.Context(), j)
	out.Judge()
	return out, err
}

func gave(metric string, v float64) *once {
	o := newOnce()
	o.set(metric, v, "the test")
	return o
}

// Whatever a run lacks or makes up, a comparison with it does not pass.
func TestInjectedFaults(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	usual := func(bool, int) (*once, error) { return gave("peak_rss", 50e6*(1+0.01*noise.NormFloat64())), nil }
	if out, err := faked(t, []string{"peak_rss"}, usual); err != nil || out.Verdict != gates.Passed {
		t.Fatalf("without a fault: %s, %v, %+v", out.Verdict, err, out)
	}
	for _, c := range []struct {
		name string
		run  func(current bool, n int) (*once, error)
	}{
		{"one run gives nothing", func(current bool, n int) (*once, error) {
			if n == 2 {
				return newOnce(), nil
			}
			return usual(current, n)
		}},
		{"one side gives nothing", func(current bool, n int) (*once, error) {
			if current {
				return newOnce(), nil
			}
			return usual(current, n)
		}},
		{"another metric", func(bool, int) (*once, error) { return gave("sustained_rss", 1e6), nil }},
		{"not a number", func(current bool, n int) (*once, error) {
			if n == 3 {
				return gave("peak_rss", math.NaN()), nil
			}
			return usual(current, n)
		}},
		{"infinite", func(current bool, n int) (*once, error) {
			if n == 3 {
				return gave("peak_rss", math.Inf(1)), nil
			}
			return usual(current, n)
		}},
		{"zeros in place of values", func(current bool, n int) (*once, error) {
			if current {
				return gave("peak_rss", 0), nil
			}
			return usual(current, n)
		}},
		{"one run fails", func(current bool, n int) (*once, error) {
			if n == 4 {
				return nil, &fault{what: "crashed"}
			}
			return usual(current, n)
		}},
		{"every run fails", func(bool, int) (*once, error) { return nil, &fault{what: "crashed"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _ := faked(t, []string{"peak_rss"}, c.run)
			if out.Verdict == gates.Passed {
				t.Errorf("passed: %+v", out)
			}
			for _, c := range out.Comparisons {
				if c.Metric == "peak_rss" && (c.Verdict == gates.Stable || c.Verdict == gates.Improved) {
					t.Errorf("%+v", c)
				}
			}
			if _, err := (&gates.Report{Scenarios: []gates.Scenario{*out}}).JSON(); err != nil {
				t.Errorf("the report cannot be written: %v", err)
			}
		})
	}
}

// A metric that a run of several lacks is missing as a whole, and says which run.
func TestSummarizeDropsNothing(t *testing.T) {
	lacking := newOnce()
	lacking.lack("peak_rss", "nobody looked")
	m := summarize([]*once{gave("peak_rss", 1), lacking, gave("peak_rss", 2)})["peak_rss"]
	if len(m.Values) != 0 || m.Missing != "run 2 of 3: nobody looked" {
		t.Errorf("%+v, want nothing, by the second run", m)
	}
	m = summarize([]*once{gave("peak_rss", 1), newOnce()})["peak_rss"]
	if len(m.Values) != 0 || m.Missing == "" {
		t.Errorf("%+v, want nothing, and why", m)
	}
}

// How a command ended is told apart.
func TestVerdictOfAnEnd(t *testing.T) {
	tail := &tailWriter{}
	for _, c := range []struct {
		cause launch.End
		ended bool
		exit  launch.Exit
		want  string
	}{
		{launch.EndExited, false, launch.Exit{}, ""},
		{launch.EndInterrupted, true, launch.Exit{}, ""},
		{launch.EndInterrupted, false, launch.Exit{}, "interrupted"},
		{launch.EndOutOfMemory, false, launch.Exit{Signal: "SIGKILL", OOM: true}, "ran out of memory"},
		{launch.EndOutOfMemory, true, launch.Exit{Signal: "SIGKILL", OOM: true}, "ran out of memory"},
		{launch.EndCrashed, false, launch.Exit{Signal: "SIGSEGV"}, "SIGSEGV"},
		{launch.EndFailed, false, launch.Exit{ExitCode: 4}, "exited 4"},
		{launch.EndTimeout, true, launch.Exit{}, "timeout"},
		{"something new", false, launch.Exit{}, "not known"},
	} {
		m := &launch.Measurement{Cause: c.cause, Exits: []launch.Exit{c.exit}}
		switch err := verdict(m, c.ended, tail); {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v, want nothing", c.cause, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.cause, err, c.want)
		}
	}
}

// Readings count for as long as they stood.
func TestWeighted(t *testing.T) {
	at := time.Unix(1000, 0)
	var points []sampler.Point
	for i := range 100 { // 0.5 s of readings every 5 ms
		points = append(points, pointAt(at.Add(time.Duration(i)*5*time.Millisecond), 100))
	}
	for i := range 20 { // and 10 s of readings every 500 ms
		points = append(points, pointAt(at.Add(500*time.Millisecond+time.Duration(i)*500*time.Millisecond), 10))
	}
	end := at.Add(10*time.Second + 500*time.Millisecond)
	if v, n := weighted(points, at, end); v != 10 || n != 120 {
		t.Errorf("the 75th percentile is %g of %d, want 10: the peak lasted a twentieth of the time", v, n)
	}
	if v, _ := weighted(points[:100], at, at.Add(time.Second)); v != 100 {
		t.Errorf("of the first half: %g, want 100", v)
	}
	if _, n := weighted(points, end, end); n != 0 {
		t.Errorf("%d readings after the end", n)
	}
}

// A shell gives its place to one plain command, and to nothing else.
func TestPlain(t *testing.T) {
	for _, line := range []string{"./bin/import testdata/big.csv", `prog "a b" 'c d'`, "prog $HOME *.txt", "go run ."} {
		if !plain(line) {
			t.Errorf("%q is one command", line)
		}
	}
	for _, line := range []string{"", "a; b", "a | b", "a && b", "X=1 a", "cd x", "exit 3", "a > b", "(a)", "a &", "a\nb", "time a", "! a", "a `b`", "# a"} {
		if plain(line) {
			t.Errorf("%q is more than one command", line)
		}
	}
}

// The end of an output is kept, and how a Go program crashed.
func TestTailWriter(t *testing.T) {
	var passed bytes.Buffer
	w := &tailWriter{next: &passed}
	for _, part := range []string{"one\ntw", "o\nthree\nfour\n"} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := w.last(); got != "two | three | four" || passed.String() != "one\ntwo\nthree\nfour\n" {
		t.Errorf("last lines %q of %q", got, passed.String())
	}
	for _, part := range []string{"pan", "ic: boom\n", "\ngoroutine 1 [running]:\n", strings.Repeat("frame\n", 1000)} {
		w.Write([]byte(part))
	}
	if got := w.last(); got != "panic: boom" {
		t.Errorf("a crash is told as %q", got)
	}
	broken := &tailWriter{next: failing{}}
	if n, err := broken.Write([]byte("x")); n != 1 || err != nil {
		t.Errorf("a reader that is gone stops the command: %d, %v", n, err)
	}
	long := &tailWriter{}
	long.Write(bytes.Repeat([]byte("y"), 1<<20))
	if len(long.tail) > lastWords || len(long.line) > lastWords {
		t.Errorf("%d and %d bytes are kept", len(long.tail), len(long.line))
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }

// Lines of benchmarks are read among whatever else was printed.
func TestReadResults(t *testing.T) {
	got := readResults([]byte("goos: linux\nhello\nBenchmarkA-8   \t 100\t 5.5 ns/op\t 16 B/op\t 2 allocs/op\nBenchmarkB/x=1/y-z-2 7 1 ns/op\nBenchmarkBroken 1 x ns/op\nPASS\n"))
	want := []result{{name: "A", ops: 100, allocs: 2, bytes: 16, hasAllocs: true, hasBytes: true}, {name: "B/x=1/y-z", ops: 7}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if p := exactly("B/x=1/a.b"); p != `^BenchmarkB$/^x=1$/^a\.b$` {
		t.Errorf("pattern %s", p)
	}
}

func FuzzReadResults(f *testing.F) {
	f.Add([]byte("BenchmarkA-8 100 5.5 ns/op 16 B/op 2 allocs/op\n"))
	f.Add([]byte("BenchmarkA/-8 1e9 NaN ns/op -1 B/op\nUnit x y=z\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, r := range readResults(text) {
			if r.name == "" && r.ops < 0 {
				t.Errorf("%+v", r)
			}
			exactly(r.name)
		}
	})
}

// Series stay within bounds, whatever comes.
func TestAppendPoint(t *testing.T) {
	var points []sampler.Point
	at := time.Unix(0, 0)
	for i := range 3 * maxPoints {
		points = appendPoint(points, pointAt(at.Add(time.Duration(i)), float64(i)))
	}
	if len(points) > maxPoints || !slices.IsSortedFunc(points, func(a, b sampler.Point) int { return a.Time.Compare(b.Time) }) || points[0].Last != 0 {
		t.Errorf("%d points from %g", len(points), points[0].Last)
	}
}

// A fault says once that the run was interrupted.
func TestInterruptedIsSaidOnce(t *testing.T) {
	for cause, want := range map[string]string{"interrupted by Ctrl-C": "interrupted by Ctrl-C", "enough": "interrupted: enough"} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New(cause))
		if got := faultWords(ctx, ctx.Err()); got != want {
			t.Errorf("%q is told as %q, want %q", cause, got, want)
		}
	}
}

// How much longer would decide is never "0s".
func TestTimeThatWouldDecide(t *testing.T) {
	for needed, want := range map[float64]string{0.05: "1.0s more would decide", 54.2: "55s more would decide", 90: "1m30s more would decide"} {
		got := leakWords(analysis.Leak{Verdict: analysis.LeakInsufficient, Reason: "6.0s watched, 1m00s needed", Needed: sampler.Known(needed)})
		if !strings.HasSuffix(got, "needed; "+want) {
			t.Errorf("%v s: %q, want %q", needed, got, want)
		}
	}
}
