package goproc

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// The benchmarks report beside our time what the target itself needs for the same, as target-ns/op: what
// runtime.ReadMemStats takes, which stops the target, and what the profiles take, without the endpoint around them.

func BenchmarkAttach(b *testing.B) {
	for _, v := range []variant{normal(), stripped(), {name: "stripped PIE", args: []string{"-buildmode=pie", "-ldflags=-s -w"}}} {
		b.Run(v.name, func(b *testing.B) {
			c := startTarget(b, v)
			b.ReportAllocs()
			for b.Loop() {
				s, err := Source{}.Open(context.Background(), c.target())
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
		})
	}
}

func BenchmarkStatistics(b *testing.B) {
	c := startTarget(b, stripped())
	s := c.open(Options{})
	own := own(c, "stats")
	var snap sampler.Snapshot
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Read(context.Background(), &snap); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(own, "target-ns/op")
}

func BenchmarkSites(b *testing.B) {
	c := startTarget(b, stripped())
	s := c.open(Options{})
	own := own(c, "heap")
	if _, err := s.Sites(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Run("refresh", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := s.sites.read(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(s.sites.buckets)), "sites")
		b.ReportMetric(own, "target-ns/op")
	})
	b.Run("profile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.HeapProfile(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(own, "target-ns/op")
	})
}

func BenchmarkGoroutines(b *testing.B) {
	for _, bench := range []struct{ name, start string }{{"380", "200"}, {"100000", "54055"}} {
		b.Run(bench.name, func(b *testing.B) {
			c := startTarget(b, stripped(), "TARGET_GOROUTINES="+bench.start)
			s := c.open(Options{})
			own := own(c, "goroutine")
			b.ReportAllocs()
			total := 0
			for b.Loop() {
				all, err := s.Goroutines(context.Background())
				if err != nil {
					b.Fatal(err)
				}
				total = all.Total
			}
			b.ReportMetric(float64(total), "goroutines")
			b.ReportMetric(own, "target-ns/op")
		})
	}
}

func BenchmarkSpans(b *testing.B) {
	c := startTarget(b, stripped(), "TARGET_SESSIONS=200000")
	s := c.open(Options{})
	b.ReportAllocs()
	spans := 0
	for b.Loop() {
		sp, err := s.Spans(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		spans = sp.Spans
	}
	b.ReportMetric(float64(spans), "spans")
}

// BenchmarkTarget is what watching costs the target: the processor time in which it allocates 1 GiB, and its pauses,
// alone and while everything is read ten times a second.
func BenchmarkTarget(b *testing.B) {
	for _, hz := range []int{0, 10} {
		b.Run(fmt.Sprintf("%d Hz", hz), func(b *testing.B) {
			c := startTarget(b, stripped())
			stop := watch(b, c.open(Options{}), hz)
			before := c.ask("stats").MemStats
			var cpu int64
			for b.Loop() {
				cpu += c.ask("work 1024").Nanos
			}
			after := c.ask("stats").MemStats
			stop()
			b.ReportMetric(float64(cpu)/float64(b.N)/1e6, "target-cpu-ms/GiB")
			b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/float64(max(after.NumGC-before.NumGC, 1)), "pause-ns/gc")
		})
	}
}

// watch reads everything at a rate, until the returned function is called.
func watch(b *testing.B, s *Session, hz int) (stop func()) {
	if hz == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(hz))
		defer tick.Stop()
		var snap sampler.Snapshot
		for ctx.Err() == nil {
			_ = s.Read(ctx, &snap)
			_, _ = s.Sites(ctx)
			_, _ = s.Goroutines(ctx)
			_, _ = s.Spans(ctx)
			<-tick.C
		}
	})
	return func() { cancel(); wg.Wait() }
}

// own is the shortest of a few times that the target says it needed itself, in nanoseconds.
func own(c *child, command string) float64 {
	best := int64(0)
	for range 5 {
		if n := c.ask("%s", command).Nanos; best == 0 || n < best {
			best = n
		}
	}
	return float64(best)
}
