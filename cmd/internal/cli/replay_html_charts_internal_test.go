package cli

import (
	"math"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// TestRatesGoOnWhenTheClockWasSetBack: a program takes 40 % of a processor all the time, and after ten minutes its machine's
// clock is set back by an hour. From then on rates are drawn as before, and none is told of the step itself.
func TestRatesGoOnWhenTheClockWasSetBack(t *testing.T) {
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := newDrawn(began.Add(-time.Hour), began.Add(10*time.Minute))
	var after time.Time
	for i := range 1200 {
		at := began.Add(time.Duration(i) * time.Second)
		if i >= 600 {
			at = at.Add(-time.Hour)
		}
		if i == 600 {
			after = at
		}
		s := &sampler.Snapshot{Time: at}
		s.Add(sampler.ProcessCPU, float64(i)*.4)
		d.rates(s)
	}
	for i, c := range d.charts {
		if c.title != "CPU" {
			continue
		}
		points := d.traces[i][0].points()
		early := 0
		for _, p := range points {
			if p.Time.Before(began) && !p.Time.Before(after) {
				early++
			}
			if !math.IsNaN(p.Value) && math.Abs(p.Value-40) > .1 {
				t.Errorf("at %s it takes %v %%, want 40", p.Time, p.Value)
			}
		}
		if early < 20 {
			t.Errorf("%d of %d rates are of the ten minutes after the clock was set back", early, len(points))
		}
		return
	}
	t.Error("there is no chart of the CPU")
}
