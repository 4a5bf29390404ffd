package goruntime

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
)

// One reading of everything, by each source.
func BenchmarkRead(b *testing.B) {
	for name, x := range map[string]struct {
		command string
		memory  sampler.Source
	}{
		"system":   {"", nil},
		"memory":   {"", goproc.Source{}},
		"agent":    {"agent", nil},
		"endpoint": {"pprof 127.0.0.1:0", nil},
	} {
		b.Run(name, func(b *testing.B) {
			c := start(b, nil)
			c.do("hold")
			c.do(x.command)
			src := quick(Options{Memory: x.memory})
			src.every = 0 // each reading asks
			s, err := src.Open(b.Context(), c.target())
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			var snap sampler.Snapshot
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Read(b.Context(), &snap); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
