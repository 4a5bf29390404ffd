package chart

import (
	"math"
	"strings"

	"github.com/alloc-dev/heaptop/tui/theme"
)

const eighths = " ▏▎▍▌▋▊▉█"

// Bar draws a share of 0 to 1 as a bar of exactly width cells, in eighths of a cell. A share that is not 0 shows at least
// one eighth; one outside 0 to 1 is taken as the nearer end; NaN is empty.
func Bar(share float64, width int) string {
	if width <= 0 {
		return ""
	}
	if math.IsNaN(share) || share <= 0 {
		return theme.Spaces(width)
	}
	n := min(max(int(math.Round(share*float64(width)*8)), 1), width*8)
	bar := strings.Repeat("█", n/8)
	if rest := n % 8; rest > 0 {
		bar += string([]rune(eighths)[rest])
	}
	return bar + theme.Spaces(width-(n+7)/8)
}

const levels = "▁▂▃▄▅▆▇█"

// Spark draws values, oldest first, as a line of exactly width cells: several values to a cell show their largest, fewer
// than width stand at the right. The levels span the values, but at least a fifth of the largest, so that a wiggle of
// a percent does not look like a mountain. NaN is a blank.
func Spark(values []float64, width int) string {
	if width <= 0 {
		return ""
	}
	cells := squeeze(values, width)
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range cells {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			low, high = min(low, v), max(high, v)
		}
	}
	mid, half := (low+high)/2, max((high-low)/2, 0.1*math.Abs(high))
	low, high = mid-half, mid+half
	var b strings.Builder
	b.WriteString(theme.Spaces(width - len(cells)))
	steps := []rune(levels)
	for _, v := range cells {
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			b.WriteByte(' ')
		case high <= low:
			b.WriteRune(steps[0])
		default:
			i := int((v - low) / (high - low) * float64(len(steps)))
			b.WriteRune(steps[min(max(i, 0), len(steps)-1)])
		}
	}
	return b.String()
}

// squeeze brings values down to at most n, each the largest of its share.
func squeeze(values []float64, n int) []float64 {
	if len(values) <= n {
		return values
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	for i, v := range values {
		if c := i * n / len(values); !math.IsNaN(v) && (math.IsNaN(out[c]) || v > out[c]) {
			out[c] = v
		}
	}
	return out
}
