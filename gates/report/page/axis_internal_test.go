package page

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler/unit"
)

// TestAxisHoldsItsValues checks axes of all magnitudes: values lie on them, ticks are few at first, and no two neighbours
// of a level read alike.
func TestAxisHoldsItsValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		low := (r.Float64() - 0.3) * math.Pow(10, float64(r.IntN(15)))
		high := low + r.Float64()*math.Pow(10, float64(r.IntN(15)))
		a := newAxis(low, high, unit.Bytes)
		room := (a.High-a.Low)*1e-6 + math.Abs(high)*1e-12
		if a.Low > low+room || a.High < high-room || !(a.High > a.Low) {
			t.Fatalf("%v to %v: the axis is %v to %v", low, high, a.Low, a.High)
		}
		if n := len(a.Levels[0].Texts); n < 2 || n > coarseTicks+2 {
			t.Fatalf("%v to %v: %d ticks: %v", low, high, n, a.Levels[0].Texts)
		}
		for i, l := range a.Levels {
			if end := a.Low + l.Step*float64(len(l.Texts)-1); math.Abs(end-a.High) > room {
				t.Fatalf("%v to %v: level %d ends at %v, not at %v", low, high, i, end, a.High)
			}
			for k := 1; len(l.Texts) > 3 && k < len(l.Texts); k++ {
				if l.Texts[k] == l.Texts[k-1] {
					t.Fatalf("%v to %v: level %d has %q twice", low, high, i, l.Texts[k])
				}
			}
		}
	}
}

func TestAxisBeginsAtZeroWhereThatIsCheap(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		texts     string
	}{
		{20e6, 61e6, "0 B,20.0 MB,40.0 MB,60.0 MB,80.0 MB"},
		{60e6, 70e6, "60.0 MB,62.0 MB,64.0 MB,66.0 MB,68.0 MB,70.0 MB"},
		{-3, 3, "-3 B,-2 B,-1 B,0 B,1 B,2 B,3 B"},
		{0, 0, "0 B,1 B"},
		{0, 3, "0 B,1 B,2 B,3 B"},
		{100e6, 100e6, "90.0 MB,95.0 MB,100 MB,105 MB,110 MB"},
	} {
		if got := strings.Join(newAxis(c.low, c.high, unit.Bytes).Levels[0].Texts, ","); got != c.texts {
			t.Errorf("%v to %v: %s, want %s", c.low, c.high, got, c.texts)
		}
	}
}

// TestAxisOfOneText has a format that tells nothing apart.
func TestAxisOfOneText(t *testing.T) {
	for _, ends := range [][2]float64{{-1, 1}, {0, 1}, {-5e20, 3}, {7, 7}} {
		a := newAxis(ends[0], ends[1], func(float64) string { return "?" })
		if n := len(a.Levels[0].Texts); len(a.Levels) != 1 || n < 2 || n > 3 || a.Low > ends[0] || a.High < ends[1]-(ends[1]-ends[0])*1e-8 {
			t.Errorf("%v: %+v", ends, a)
		}
	}
}

func TestTicksOfTime(t *testing.T) {
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		span time.Duration
		at   time.Duration
		want string
	}{
		{time.Second, 250 * time.Millisecond, "00.250"},
		{time.Minute, 15 * time.Second, "00:00:15"},
		{20 * time.Minute, 5 * time.Minute, "00:05"},
		{24 * time.Hour, 0, "Nov 22"},
		{24 * time.Hour, 3 * time.Hour, "03:00"},
		{60 * 24 * time.Hour, 0, "2026-11-22"},
		{math.MaxInt64, 0, "2026-11-22"},
	} {
		step := timeStep(c.span, 8)
		if got := tickTime(midnight.Add(c.at), step); got != c.want {
			t.Errorf("%v in a chart of %v with steps of %v is %q, want %q", c.at, c.span, step, got, c.want)
		}
		if c.span/step > 9 {
			t.Errorf("a chart of %v has ticks every %v", c.span, step)
		}
	}
}
