package chart

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Flame is a flame graph to draw: callers above, what they call below, widths in proportion to bytes.
type Flame struct {
	Nav     *FlameNav
	Measure profile.Measure
	Width   int
	Height  int // rows; deeper ones are reached by moving down
}

// The signs at the left edge of a function. They carry what colours say too.
const (
	flameEdge   = "│" // where a function begins
	flameGrown  = "+" // it holds more than before, by more than sampling explains
	flameShrunk = "-" // it holds less
	flameEven   = "~" // its change is within the uncertainty
	flameMatch  = "*" // the search finds it
)

// View draws exactly Height lines of exactly Width cells.
func (f *Flame) View(t *theme.Theme) string {
	rows := f.Nav.Layout(f.Width)
	first := f.first(len(rows))
	styles := newFlameStyles(t)
	lines := make([]string, 0, max(f.Height, 0))
	for i := first; i < min(first+f.Height, len(rows)); i++ {
		lines = append(lines, f.row(rows[i], styles))
	}
	return theme.Fit(strings.Join(lines, "\n"), f.Width, f.Height)
}

// first is the row at the top, so that the selected one is seen.
func (f *Flame) first(rows int) int {
	return min(max(depthOf(f.Nav.Selected())-f.Height*2/3, 0), max(rows-f.Height, 0))
}

// At returns the function at a cell of the view, nil where there is none.
func (f *Flame) At(x, y int) *profile.Node {
	rows := f.Nav.Layout(f.Width)
	i := y + f.first(len(rows))
	if y < 0 || y >= f.Height || i >= len(rows) {
		return nil
	}
	for _, s := range rows[i] {
		if x >= s.X && x < s.X+s.Width {
			return s.Node
		}
	}
	return nil
}

func (f *Flame) row(row FlameRow, styles flameStyles) string {
	var b strings.Builder
	x := 0
	for _, s := range row {
		b.WriteString(theme.Spaces(s.X - x))
		f.style(s.Node, styles).Write(&b, f.cells(s))
		x = s.X + s.Width
	}
	b.WriteString(theme.Spaces(f.Width - x))
	return b.String()
}

// cells is what stands in a span: a sign and as much of name and size as there is room for.
func (f *Flame) cells(s FlameSpan) string {
	sign := flameEdge
	switch {
	case s.Node == f.Nav.Selected():
		sign = theme.SignSelect
	case f.Nav.Matches(s.Node):
		sign = flameMatch
	}
	change := ""
	if f.Measure == profile.MeasureChange {
		change = changeSign(s.Node)
	}
	if s.Width == 1 {
		if sign == flameEdge && change != "" {
			return change
		}
		return sign
	}
	return sign + theme.Pad(change+f.label(s.Node, s.Width-1-len(change)), s.Width-1)
}

// leastLabel is below what a piece of a name tells nothing.
const leastLabel = 3

// label is the function's name, and its size where there is room for both.
func (f *Flame) label(n *profile.Node, room int) string {
	if room < leastLabel {
		return ""
	}
	name := FlameName(n)
	size := unit.Bytes(n.Bytes)
	if f.Measure == profile.MeasureChange {
		size = unit.Change(n.Change())
	}
	if theme.Width(name)+2+theme.Width(size) <= room {
		return name + "  " + size
	}
	if theme.Width(name) <= room {
		return name
	}
	return theme.Truncate(bare(name), room)
}

// FlameName is what a function is called in a flame graph: without the folders of its package.
func FlameName(n *profile.Node) string {
	switch {
	case n.Parent == nil:
		return "all"
	case n.Merged > 0:
		return "(" + unit.Count(float64(n.Merged)) + " smaller)"
	}
	return theme.Clean(profile.ShortName(n.Frame.Function))
}

// bare leaves the package out: "(*Server).reply" of "server.(*Server).reply".
func bare(name string) string {
	if _, after, ok := strings.Cut(name, "."); ok && after != "" {
		return after
	}
	return name
}

func changeSign(n *profile.Node) string {
	switch change := n.Change(); {
	case math.Abs(change) <= n.Uncertainty():
		return flameEven
	case change > 0:
		return flameGrown
	default:
		return flameShrunk
	}
}

// flameStyles are blocks of colour, made once for a view.
type flameStyles struct {
	own                                          [6]theme.Style
	library, grown, shrunk, selected, match, dim theme.Style
}

func newFlameStyles(t *theme.Theme) flameStyles {
	s := flameStyles{
		library: t.Block(t.Label), grown: t.Block(t.Warn), shrunk: t.Block(t.Good),
		selected: t.Selected, match: t.Block(t.Accent), dim: t.Faint,
	}
	for i := range s.own {
		s.own[i] = t.Block(t.Series(i))
	}
	return s
}

func (f *Flame) style(n *profile.Node, s flameStyles) theme.Style {
	switch {
	case n == f.Nav.Selected():
		return s.selected
	case f.Nav.Searching() && f.Nav.Matches(n):
		return s.match
	case f.Nav.Searching():
		return s.dim
	case f.Measure == profile.MeasureChange:
		switch changeSign(n) {
		case flameGrown:
			return s.grown
		case flameShrunk:
			return s.shrunk
		}
		return s.library
	case n.Own:
		h := fnv.New32a()
		_, _ = h.Write([]byte(n.Frame.File[:strings.LastIndex(n.Frame.File, "/")+1])) // a hash never fails
		return s.own[h.Sum32()%uint32(len(s.own))]
	}
	return s.library
}
