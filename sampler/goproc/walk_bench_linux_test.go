package goproc

import (
	"os"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// BenchmarkWalk walks a heap of about 40 MiB, and with HEAPTOP_FULL=1 one of 1 GiB with 2 million objects, which must
// take no more than 1.5 seconds.
func BenchmarkWalk(b *testing.B) {
	b.Run("small", func(b *testing.B) {
		benchmarkWalk(b, "LEAKY_SESSIONS=5000", "LEAKY_TREES=20", "LEAKY_RATE=524288")
	})
	b.Run("1GiB", func(b *testing.B) {
		if os.Getenv("HEAPTOP_FULL") == "" {
			b.Skip("set HEAPTOP_FULL=1 to make a program with a heap of 1 GiB")
		}
		benchmarkWalk(b, "LEAKY_SESSIONS=150000", "LEAKY_TREES=600", "LEAKY_RATE=524288")
	})
}

func benchmarkWalk(b *testing.B, env ...string) {
	c := startLeaky(b, stripped(), env...)
	s := c.open(Options{})
	b.ReportAllocs()
	var h sampler.HeapWalk
	for b.Loop() {
		h = walk(b, s, sampler.WalkOptions{})
	}
	b.ReportMetric(float64(h.Objects), "objects")
	b.ReportMetric(float64(h.Reached)/(1<<20), "MiB-heap")
	b.ReportMetric(float64(h.Read)/(1<<20), "MiB-read")
	b.ReportMetric(100*float64(h.Reached)/h.Marked.Value, "%reached")
}
