package cli

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
)

// TestTraceKeepsExtremes compares what is kept of each stretch with all values in it.
func TestTraceKeepsExtremes(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const n = 20_000
	to := from.Add((n - 1) * time.Second)
	line, random := newTrace(from, to), rand.New(rand.NewPCG(1, 2))
	low, high := map[int]float64{}, map[int]float64{}
	for i := range n {
		at, v := from.Add(time.Duration(i)*time.Second), random.NormFloat64()
		line.add(at, at, v, v, v)
		c := int(at.Sub(from) / line.width)
		if _, seen := low[c]; !seen {
			low[c], high[c] = v, v
		}
		low[c], high[c] = min(low[c], v), max(high[c], v)
	}
	points := line.points()
	if len(points) > 2*traceCells+2 {
		t.Fatalf("%d points", len(points))
	}
	if !line.thinned {
		t.Error("it is not told that the line is thinned")
	}
	gotLow, gotHigh := map[int]float64{}, map[int]float64{}
	last := time.Time{}
	for _, p := range points {
		if math.IsNaN(p.Value) {
			t.Fatalf("a gap at %s, where there is none", p.Time)
		}
		if p.Time.Before(last) {
			t.Fatalf("%s is after %s", p.Time, last)
		}
		last = p.Time
		c := int(p.Time.Sub(from) / line.width)
		if _, seen := gotLow[c]; !seen {
			gotLow[c], gotHigh[c] = p.Value, p.Value
		}
		gotLow[c], gotHigh[c] = min(gotLow[c], p.Value), max(gotHigh[c], p.Value)
	}
	for c := range low {
		if gotLow[c] != low[c] || gotHigh[c] != high[c] {
			t.Fatalf("stretch %d: %v to %v, want %v to %v", c, gotLow[c], gotHigh[c], low[c], high[c])
		}
	}
	if !points[0].Time.Equal(from) || !points[len(points)-1].Time.Equal(to) {
		t.Errorf("from %s to %s, want %s to %s", points[0].Time, points[len(points)-1].Time, from, to)
	}
}

func TestTraceShowsGaps(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		name string
		at   []int // seconds
		gaps int
	}{
		{"regular", []int{0, 1, 2, 3, 4, 5}, 0},
		{"one missing time", []int{0, 1, 2, 30, 31, 32}, 1},
		{"two", []int{0, 1, 2, 30, 31, 32, 60, 61}, 2},
		{"before the last reading", []int{0, 1, 2, 3, 30}, 1},
		{"a longer interval from then on", []int{0, 1, 2, 12, 22, 32}, 0},
		{"one reading", []int{7}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := newTrace(from, from.Add(time.Minute))
			for _, s := range c.at {
				at := from.Add(time.Duration(s) * time.Second)
				line.add(at, at, 1, 1, 1)
			}
			gaps, values := 0, 0
			for _, p := range line.points() {
				if math.IsNaN(p.Value) {
					gaps++
				} else {
					values++
				}
			}
			if gaps != c.gaps || values != len(c.at) || line.thinned {
				t.Errorf("%d gaps and %d values, want %d and %d; thinned: %v", gaps, values, c.gaps, len(c.at), line.thinned)
			}
		})
	}
}

// TestThinnedReadingsKeepTheirExtremes: a moment that stands for many readings is drawn with all three of its values.
func TestThinnedReadingsKeepTheirExtremes(t *testing.T) {
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	line := newTrace(from, from.Add(time.Hour))
	for i := range 60 {
		begin := from.Add(time.Duration(i) * time.Minute)
		line.add(begin, begin.Add(59*time.Second), 1, float64(100+i), 50)
	}
	if v, ok := line.largest(); !ok || v != 159 {
		t.Errorf("the largest is %v", v)
	}
	for _, p := range line.points() {
		if math.IsNaN(p.Value) {
			t.Fatalf("a gap at %s", p.Time)
		}
	}
}

// TestFlameStaysSmall: a graph of many functions is cut down to so many, and loses no bytes.
func TestFlameStaysSmall(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var grow func(depth int) *profile.Node
	grow = func(depth int) *profile.Node {
		n := &profile.Node{Self: 1 + 1000*random.Float64()}
		n.Bytes = n.Self
		if depth > 0 {
			for range 6 {
				c := grow(depth - 1)
				n.Children = append(n.Children, c)
				n.Bytes += c.Bytes
			}
		}
		return n
	}
	root := grow(6)
	all := countFrom(root, 0)
	const most = 500
	f := newFlame("x", root, nil, most)
	shown := 0
	var check func(f *page.Frame)
	check = func(f *page.Frame) {
		shown++
		sum := 0.0
		for _, c := range f.Children {
			sum += c.Value
			check(c)
		}
		if sum > f.Value*(1+1e-9) {
			t.Fatalf("the children have %v bytes, their parent %v", sum, f.Value)
		}
	}
	check(f.Root)
	if f.Root.Value != root.Bytes || shown > 2*most || shown < most/2 {
		t.Errorf("%d of %d functions, with %v of %v bytes", shown, all, f.Root.Value, root.Bytes)
	}
	if f.Note == "" {
		t.Error("it is not said that functions are merged")
	}
}
