package chart

import (
	"math"
	"strconv"
	"strings"

	"github.com/guptarohit/asciigraph"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// firstColor is the asciigraph colour that stands for the first line. The colours it writes are only marks: they are read
// back and replaced by the styles of the theme, which know what the terminal can show.
const firstColor = 16

// strokes draws the lines into rows of exactly cols cells.
func strokes(lines []Line, scale axis, cols, rows int) []string {
	data := make([][]float64, len(lines))
	colors := make([]asciigraph.AnsiColor, len(lines))
	sets := make([]asciigraph.CharSet, len(lines))
	styles := make([]theme.Style, len(lines))
	for i, l := range lines {
		data[i] = heights(l.Values, scale, cols)
		colors[i] = asciigraph.AnsiColor(firstColor + i)
		sets[i] = l.Stroke.charSet()
		styles[i] = l.Style
	}
	text := asciigraph.PlotMany(data,
		asciigraph.Offset(1), asciigraph.Height(rows-1),
		asciigraph.LowerBound(0), asciigraph.UpperBound(float64(rows-1)),
		asciigraph.YAxisValueFormatter(func(float64) string { return "" }),
		asciigraph.SeriesColors(colors...), asciigraph.SeriesChars(sets...))
	out := make([]string, rows)
	for r := range out {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		out[r] = recolor(line, styles, cols)
	}
	return out
}

// heights turns readings into whole rows from the bottom. asciigraph draws the step from each point to the next in the
// column of the first, so the last point is given twice.
func heights(values []float64, scale axis, cols int) []float64 {
	out := make([]float64, cols+1)
	for i := range out {
		out[i] = math.NaN()
	}
	shift := cols - len(values)
	for i, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[shift+i] = float64(scale.height(v))
		}
	}
	out[cols] = out[cols-1]
	return out
}

// recolor drops the axis, which is the first cell, replaces asciigraph's colours by styles, and fills the row.
func recolor(line string, styles []theme.Style, cols int) string {
	var b strings.Builder
	style, cells := -1, -1 // the axis is cell -1
	for line != "" {
		if mark, rest, ok := cutColor(line); ok {
			style, line = mark, rest
			continue
		}
		run := line
		if i := strings.IndexByte(line, '\x1b'); i >= 0 {
			run = line[:i]
		}
		line = line[len(run):]
		if cells < 0 {
			_, after := cutRune(run)
			run, cells = after, 0
		}
		run = firstRunes(run, cols-cells)
		cells += len([]rune(run))
		if style >= 0 && style < len(styles) {
			styles[style].Write(&b, run)
		} else {
			b.WriteString(run)
		}
	}
	b.WriteString(theme.Spaces(cols - max(cells, 0)))
	return b.String()
}

// cutColor takes one colour code off the front of s: the index of its line, -1 for the reset.
func cutColor(s string) (line int, rest string, ok bool) {
	if !strings.HasPrefix(s, "\x1b[") {
		return 0, s, false
	}
	code, rest, _ := strings.Cut(s[2:], "m")
	number, found := strings.CutPrefix(code, "38;5;")
	n, err := strconv.Atoi(number)
	if !found || err != nil {
		return -1, rest, true
	}
	return n - firstColor, rest, true
}

func cutRune(s string) (first, rest string) {
	for i := range s {
		if i > 0 {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func firstRunes(s string, n int) string {
	if n <= 0 {
		return ""
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// sign is what the legend shows of a stroke.
func (s Stroke) sign() string { return s.charSet().Horizontal }

func (s Stroke) charSet() asciigraph.CharSet {
	switch s {
	case Heavy:
		return asciigraph.CharSet{
			Horizontal: "━", VerticalLine: "┃", ArcDownRight: "┏", ArcDownLeft: "┓",
			ArcUpRight: "┗", ArcUpLeft: "┛", EndCap: "╸", StartCap: "╺",
		}
	case Dotted:
		return asciigraph.CharSet{
			Horizontal: "┈", VerticalLine: "┊", ArcDownRight: "╭", ArcDownLeft: "╮",
			ArcUpRight: "╰", ArcUpLeft: "╯", EndCap: "┈", StartCap: "┈",
		}
	case Dashed:
		return asciigraph.CharSet{
			Horizontal: "╌", VerticalLine: "╎", ArcDownRight: "╭", ArcDownLeft: "╮",
			ArcUpRight: "╰", ArcUpLeft: "╯", EndCap: "╌", StartCap: "╌",
		}
	}
	return asciigraph.DefaultCharSet
}
