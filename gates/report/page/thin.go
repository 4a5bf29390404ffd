package page

import "math"

// fewest is how many points Thin keeps at least: a line of fewer has no shape.
const fewest = 8

// Thin returns at most most points, in their order, and whether any were left out. The first and the last point are kept,
// and of each stretch between them the smallest and the largest value and one of its gaps: a spike of a single sample
// stays where it was. Limits under 8 are taken as 8. What it returns shares no memory with points if it left any out.
func Thin(points []Point, most int) ([]Point, bool) {
	most = max(most, fewest)
	if len(points) <= most {
		return points, false
	}
	each := 2
	for _, p := range points {
		if !drawable(p.Value) {
			each = 3
			break
		}
	}
	inner := points[1 : len(points)-1]
	stretches := (most - 2) / each
	out := make([]Point, 0, most)
	out = append(out, points[0])
	for i := range stretches {
		out = appendExtremes(out, inner[i*len(inner)/stretches:(i+1)*len(inner)/stretches])
	}
	return append(out, points[len(points)-1]), true
}

// appendExtremes appends the smallest and the largest point of a stretch and its first gap, in their order.
func appendExtremes(out, stretch []Point) []Point {
	low, high, gap := -1, -1, -1
	for i, p := range stretch {
		switch {
		case !drawable(p.Value):
			if gap < 0 {
				gap = i
			}
		case low < 0:
			low, high = i, i
		case p.Value < stretch[low].Value:
			low = i
		case p.Value > stretch[high].Value:
			high = i
		}
	}
	for i := range stretch {
		if i == low || i == high || i == gap {
			out = append(out, stretch[i])
		}
	}
	return out
}

// drawable reports whether a value has a place on an axis.
func drawable(v float64) bool { return !math.IsNaN(v) && math.Abs(v) < 1e300 }
