package page_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/page"
)

// wave is a noisy line with a spike, a dip and a gap.
func wave(n int) []page.Point {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]page.Point, n)
	for i := range out {
		out[i] = page.Point{Time: start().Add(time.Duration(i) * time.Second), Value: 50e6 + 1e6*r.Float64()}
	}
	out[n/3].Value = 212e6
	out[n/2].Value = 3e6
	for i := n / 5; i < n/5+3; i++ {
		out[i].Value = math.NaN()
	}
	return out
}

// TestThinKeepsWhatStandsOut checks each bucket of time against all the points.
func TestThinKeepsWhatStandsOut(t *testing.T) {
	for _, most := range []int{0, 8, 9, 60, 500, 2000} {
		points := wave(86_400)
		before := slices.Clone(points)
		got, thinned := page.Thin(points, most)
		if !thinned || len(got) > max(most, 8) || len(got) < min(most, 8)/2 {
			t.Fatalf("at most %d: %d points, thinned %t", most, len(got), thinned)
		}
		if !slices.EqualFunc(points, before, same) {
			t.Fatalf("at most %d: Thin changed what it was given", most)
		}
		if !slices.IsSortedFunc(got, func(a, b page.Point) int { return a.Time.Compare(b.Time) }) {
			t.Errorf("at most %d: the points are out of order", most)
		}
		if !same(got[0], points[0]) || !same(got[len(got)-1], points[len(points)-1]) {
			t.Errorf("at most %d: the first or the last point is missing", most)
		}
		for what, is := range map[string]func(page.Point) bool{
			"spike": func(p page.Point) bool { return p.Value == 212e6 },
			"dip":   func(p page.Point) bool { return p.Value == 3e6 },
			"gap":   func(p page.Point) bool { return math.IsNaN(p.Value) },
		} {
			if !slices.ContainsFunc(got, is) {
				t.Errorf("at most %d: the %s is missing", most, what)
			}
		}
	}
}

func TestThinLeavesShortLinesAlone(t *testing.T) {
	for _, n := range []int{0, 1, 8, 100} {
		points := make([]page.Point, n)
		if got, thinned := page.Thin(points, 100); thinned || len(got) != n {
			t.Errorf("of %d points %d are left, thinned %t", n, len(got), thinned)
		}
	}
}

func same(a, b page.Point) bool {
	return a.Time.Equal(b.Time) && (a.Value == b.Value || math.IsNaN(a.Value) && math.IsNaN(b.Value))
}

// FuzzThin checks that thinning keeps the order, the bound, the extremes and every sort of gap, whatever the values.
func FuzzThin(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 4, 0, 9, 9, 9, 9, 9, 9, 200, 9, 9, 9, 9}, 9)
	f.Fuzz(func(t *testing.T, data []byte, most int) {
		points := make([]page.Point, len(data))
		low, high, gaps := math.Inf(1), math.Inf(-1), false
		for i, b := range data {
			points[i] = page.Point{Time: time.Unix(int64(i), 0), Value: float64(b)}
			switch b {
			case 255:
				points[i].Value, gaps = math.NaN(), true
				continue
			case 254:
				points[i].Value, gaps = math.Inf(1), true
				continue
			}
			low, high = min(low, float64(b)), max(high, float64(b))
		}
		got, thinned := page.Thin(points, most)
		if len(got) > max(most, 8) || thinned != (len(points) > max(most, 8)) {
			t.Fatalf("%d of %d points, at most %d, thinned %t", len(got), len(points), most, thinned)
		}
		gotLow, gotHigh, gotGaps := math.Inf(1), math.Inf(-1), false
		for i, p := range got {
			if i > 0 && !p.Time.After(got[i-1].Time) {
				t.Fatal("out of order")
			}
			if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
				gotGaps = true
				continue
			}
			gotLow, gotHigh = min(gotLow, p.Value), max(gotHigh, p.Value)
		}
		if gotLow != low || gotHigh != high || gotGaps != gaps {
			t.Fatalf("from %v to %v, gaps %t: want %v to %v, %t", gotLow, gotHigh, gotGaps, low, high, gaps)
		}
	})
}

func BenchmarkThin(b *testing.B) {
	points := wave(86_400)
	b.ReportAllocs()
	for b.Loop() {
		page.Thin(points, page.MaxPoints)
	}
}
