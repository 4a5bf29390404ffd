package chart

import (
	"cmp"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/analysis/profile"
)

// FlameSpan is where a function stands in its row: Width cells from X.
type FlameSpan struct {
	Node     *profile.Node
	X, Width int
}

// FlameRow is a row of a flame graph, from left to right. Between spans, and behind the last one, there may be room: what
// the caller above it allocated itself.
type FlameRow []FlameSpan

// FlameLayout places the functions below zoomed in width cells, the callers of zoomed above it at full width. Row 0 is
// the root. The cells of each function are divided among what it calls and itself in proportion to their bytes, by largest
// remainder: no width is off by a cell or more, children never exceed their parent, and who holds more is never narrower.
// What gets no cell is not in a row.
func FlameLayout(zoomed *profile.Node, width int) []FlameRow {
	if zoomed == nil || width <= 0 || !(zoomed.Bytes > 0) {
		return nil
	}
	var rows []FlameRow
	for n := zoomed.Parent; n != nil; n = n.Parent {
		rows = append(rows, FlameRow{{n, 0, width}})
	}
	slices.Reverse(rows)
	row := FlameRow{{zoomed, 0, width}}
	for len(row) > 0 {
		rows = append(rows, row)
		var next FlameRow
		for _, s := range row {
			next = append(next, below(s)...)
		}
		row = next
	}
	return rows
}

// below places what a function calls.
func below(s FlameSpan) FlameRow {
	children := s.Node.Children
	if len(children) == 0 {
		return nil
	}
	parts := make([]float64, len(children)+1)
	for i, c := range children {
		parts[i] = c.Bytes
	}
	parts[len(children)] = s.Node.Self
	x := s.X
	var out FlameRow
	for i, w := range apportion(parts, s.Width)[:len(children)] {
		if w > 0 {
			out = append(out, FlameSpan{children[i], x, w})
			x += w
		}
	}
	return out
}

// apportion divides n among parts that are not negative, in proportion, by largest remainder. The shares sum to n exactly;
// all are 0 when the parts are.
func apportion(parts []float64, n int) []int {
	total := 0.0
	for _, p := range parts {
		total += p
	}
	shares := make([]int, len(parts))
	if !(total > 0) {
		return shares
	}
	remainders := make([]float64, len(parts))
	order := make([]int, len(parts))
	left := n
	for i, p := range parts {
		exact := p / total * float64(n)
		shares[i] = int(math.Floor(exact))
		remainders[i] = exact - math.Floor(exact)
		order[i] = i
		left -= shares[i]
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(remainders[b], remainders[a]), cmp.Compare(parts[b], parts[a]), cmp.Compare(a, b))
	})
	for _, i := range order[:min(max(left, 0), len(order))] {
		shares[i]++
	}
	return shares
}
