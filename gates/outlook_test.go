package gates_test

import (
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/internal/simulate"
)

// What is foreseen from a few runs is compared with what happens under the noise of all recorded ones.
func TestForesee(t *testing.T) {
	s := gates.CompareSettings{}
	o, ok := gates.Foresee(s, "peak_rss", simulate.Recorded("index")[:40])
	if !ok || o.Exact || o.Noise < .02 || o.Noise > .07 {
		t.Fatalf("got %+v, %v", o, ok)
	}
	noise := simulate.Noises(.041)[6]
	played := simulate.Play(simulate.Blocks(s, false), noise, 0, 500, 1)
	if d := o.Runs - played.MeanRuns(); d < -2.5 || d > 2.5 {
		t.Errorf("%.1f runs foreseen, %.1f played", o.Runs, played.MeanRuns())
	}
	if o.Found < .10 || o.Found > .2 {
		t.Errorf("a growth of %.1f %% is said to be found", 100*o.Found)
	}
	found := simulate.Play(simulate.Blocks(s, false), noise, o.Found, 500, 2).Share(gates.Regressed)
	if found < .88 {
		t.Errorf("+%.1f %% should be found in 95 %% of comparisons, and is in %.1f %%", 100*o.Found, 100*found)
	}
	if o, ok := gates.Foresee(s, "allocs", []float64{1e6, 1e6 + 1, 1e6}); !ok || !o.Exact || o.Runs != 6 {
		t.Errorf("an exact metric: %+v, %v", o, ok)
	}
	if o, ok := gates.Foresee(s, "peak_rss", []float64{1e6, 1e9, 1e3}); !ok || o.Found != 0 {
		t.Errorf("noise in which nothing can be found: %+v, %v", o, ok)
	}
	for _, bad := range [][]float64{nil, {1}, {0, 1}, {-1, 2}} {
		if _, ok := gates.Foresee(s, "peak_rss", bad); ok {
			t.Errorf("something is foreseen from %v", bad)
		}
	}
}

func BenchmarkForesee(b *testing.B) {
	b.ReportAllocs()
	values := simulate.Recorded("index")[:8]
	for b.Loop() {
		gates.Foresee(gates.CompareSettings{}, "peak_rss", values)
	}
}
