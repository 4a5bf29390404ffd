package launch_test

import (
	"os/exec"
	"testing"

	"github.com/alloc-dev/heaptop/sampler/launch"
)

// forks starts 200 programs; collections makes the runtime signal its threads.
const forks = `i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done`

func BenchmarkForkHeavyScript(b *testing.B) {
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"plain", func() error { return exec.Command("/bin/sh", "-c", forks).Run() }},
		{"untraced", func() error {
			_, err := launch.Measure(b.Context(), launch.MeasureOptions{Args: shell(forks), NoTrace: "the benchmark says so"})
			return err
		}},
		{"traced", func() error {
			_, err := launch.Measure(b.Context(), launch.MeasureOptions{Args: shell(forks)})
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/200, "µs/program")
		})
	}
}

func BenchmarkManyThreads(b *testing.B) {
	for _, c := range []struct{ name, noTrace string }{{"untraced", "the benchmark says so"}, {"traced", ""}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				o := play("busy")
				o.NoTrace = c.noTrace
				if _, err := launch.Measure(b.Context(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkShortest is what measuring costs besides: the start, the control group, the end.
func BenchmarkShortest(b *testing.B) {
	for b.Loop() {
		if _, err := launch.Measure(b.Context(), launch.MeasureOptions{Args: []string{"/bin/true"}}); err != nil {
			b.Fatal(err)
		}
	}
}
