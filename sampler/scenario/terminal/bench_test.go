package terminal_test

import (
	"testing"

	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// BenchmarkScenario makes the steps of every scenario that draws on a terminal.
func BenchmarkScenario(b *testing.B) {
	for _, s := range scenario.All() {
		if !drawn(s) {
			continue
		}
		b.Run(s.Name, func(b *testing.B) {
			w, err := s.New(1)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// drawn says whether a scenario is one of this package's.
func drawn(s scenario.Scenario) bool {
	return s.New != nil && s.Suite != "plugin_system" && s.Name != "concurrent_plugin_operations"
}
