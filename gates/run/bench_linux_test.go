package run_test

import (
	"math"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// benchmarks has one that allocates in 9 of 10 operations, one with levels, and one that stops its timer.
const benchmarks = `package lib

import "testing"

var sink []byte

func BenchmarkFraction(b *testing.B) {
	for i := 0; i < b.N; i++ {
		if i%10 != 0 {
			sink = make([]byte, SIZE)
		}
	}
}

func BenchmarkLevels(b *testing.B) {
	b.Run("a=1/small (x)", func(b *testing.B) {
		for b.Loop() {
			sink = make([]byte, 64)
			sink = make([]byte, 64)
		}
	})
}

func BenchmarkStopped(b *testing.B) {
	for i := 0; i < b.N; i++ {
		b.StopTimer()
		for range 5 {
			sink = make([]byte, 64)
		}
		b.StartTimer()
		sink = make([]byte, 64)
		for j := 0; j < 50_000; j++ { // a timer that is stopped takes long
			sink[j%64]++
		}
	}
}
`

func benchScenario() policy.Scenario {
	return policy.Scenario{Name: "lib", Kind: gates.KindBench, Bench: ".", Sessions: 1, Runs: 1}
}

// benched is the report's scenario of a benchmark.
func benched(t *testing.T, r *gates.Report, name string) *gates.Scenario {
	t.Helper()
	for i := range r.Scenarios {
		if r.Scenarios[i].Name == name {
			return &r.Scenarios[i]
		}
	}
	t.Fatalf("no scenario %q: %+v", name, r.Scenarios)
	return nil
}

// Benchmarks have the fractions that go test cuts off, and more of them than was allocated before is a regression.
func TestBenchmarks(t *testing.T) {
	samplertest.NotUnderRace(t)
	isolate(t)
	dir := t.TempDir()
	samplertest.WriteFile(t, dir, "go.mod", "module example.com/lib\n\ngo 1.24\n")
	text := func(size string) string { return strings.ReplaceAll(benchmarks, "SIZE", size) }
	samplertest.WriteFile(t, dir, "lib_test.go", text("100"))
	samplertest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	samplertest.Commit(t, dir, "state")
	s := benchScenario()
	s.Runs, s.Limits = 1, limit("allocs_per_op", 1.5)
	r := measure(t, run.Options{Policy: policyIn(dir, s)})
	for _, c := range []struct {
		name          string
		allocs, bytes float64
		slack         float64 // bytes
		verdict       gates.Verdict
	}{
		{"lib/Fraction", 0.9, 0.9 * 112, 1, gates.Passed},
		{"lib/Levels/a=1/small_(x)", 2, 128, 1, gates.Failed},
		{"lib/Stopped", 1, 64, 32, gates.Passed}, // over few operations go test counts what the runtime allocates beside them
	} {
		got := benched(t, r, c.name)
		allocs, size := got.Metrics["allocs_per_op"], got.Metrics["bytes_per_op"]
		if len(allocs.Values) == 0 || math.Abs(allocs.Median-c.allocs) > 0.01 || math.Abs(size.Median-c.bytes) > c.slack {
			t.Errorf("%s: %g allocations of %g bytes (%s %s), want %g of %g", c.name, allocs.Median, size.Median, allocs.Source, allocs.Missing, c.allocs, c.bytes)
		}
		if got.Gates[0].Verdict != c.verdict {
			t.Errorf("%s: gate %+v, want %s", c.name, got.Gates[0], c.verdict)
		}
	}
	if source := benched(t, r, "lib/Stopped").Metrics["allocs_per_op"].Source; !strings.Contains(source, "cut off") {
		t.Errorf("a benchmark that stops its timer is read from %q, want what it prints", source)
	}
	// 100 bytes take 112, and 116 take 128: 14 % more in the one benchmark. The others are gone.
	only, _, _ := strings.Cut(text("116"), "func BenchmarkLevels")
	samplertest.WriteFile(t, dir, "lib_test.go", only)
	s.Limits, s.Runs, s.Against, s.Compare.MaxIncrease = nil, 0, "HEAD", 0.01
	r = measure(t, run.Options{Policy: policyIn(dir, s)})
	worse := benched(t, r, "lib/Fraction")
	if c := comparison(t, worse, "bytes_per_op"); c.Verdict != gates.Regressed || math.Abs(*c.ChangePercent-14.3) > 0.5 {
		t.Errorf("bytes per operation: %+v, want 14.3 %% more", c)
	}
	if c := comparison(t, worse, "allocs_per_op"); c.Verdict != gates.Stable {
		t.Errorf("allocations per operation: %+v, want stable", c)
	}
	if len(worse.Blame) == 0 || !strings.Contains(worse.Blame[0].Site, "BenchmarkFraction lib_test.go:") {
		t.Errorf("blame %+v (%s), want the benchmark's line", worse.Blame, worse.BlameNote)
	}
	for _, name := range []string{"lib/Levels/a=1/small_(x)", "lib/Stopped"} {
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "benchmark "+name+" is gone") {
			t.Errorf("warnings %q do not say that %s is gone", r.Warnings, name)
		}
	}
}
