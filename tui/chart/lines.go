package chart

import (
	"math"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// Stroke is how a line is drawn, so that lines differ without colour.
type Stroke int

// The strokes.
const (
	Heavy  Stroke = iota // ━
	Light                // ─
	Dotted               // ┈
	Dashed               // ╌
)

// Line is one series of a chart, in bytes.
type Line struct {
	Name   string
	Values []float64 // one for each column of the plot, oldest first, NaN where nothing was read; see Columns
	Text   string    // the value now, for the legend; "" leaves it out
	Stroke Stroke
	Style  theme.Style
	// Reference marks a line that the others are held against, a limit. It is drawn only where the others reach a
	// half of it; above that it would press them flat, and the legend says ↑ instead.
	Reference bool
}

// Options are the data and the size of a line chart.
type Options struct {
	Theme         *theme.Theme
	Width, Height int // cells, in all
	Lines         []Line
	Span          time.Duration // the time from the first column to the last
	End           string        // names the right end: "now", "11:02:10"
	Empty         string        // is said when there is nothing to draw
	// Cursor is the column of the plot that a vertical line marks, from 1; 0 marks none. CursorText stands below it.
	Cursor     int
	CursorText string
}

// CursorColumn returns the Cursor for an instant in a chart of n columns from from to to, 0 outside.
func CursorColumn(at, from, to time.Time, n int) int {
	if n <= 0 || at.Before(from) || at.After(to) || !to.After(from) {
		return 0
	}
	return min(int(float64(at.Sub(from))/float64(to.Sub(from))*float64(n)), n-1) + 1
}

const (
	labelCols = 7 // "1000 MB"
	axisCols  = labelCols + 1
	minRows   = 3
	minCols   = 8
)

// PlotWidth is how many columns of readings a chart of the given width shows: what Columns should be asked for.
func PlotWidth(width int) int { return max(width-axisCols, 1) }

// Lines draws series over time in one box: a legend, a vertical axis from 0 in one unit with labels of fixed width, and
// a horizontal axis of time. Later series are drawn over earlier ones, so the one that matters most comes last; the
// legend names it first, and a box too small for axes gets a sparkline of it.
func Lines(o Options) string {
	if o.Width <= 0 || o.Height <= 0 {
		return ""
	}
	times := 1
	if o.Height-1-times < minRows {
		times = 0
	}
	rows := o.Height - 1 - times // the legend takes one
	cols := PlotWidth(o.Width)
	if rows < minRows-1 || cols < minCols {
		return small(o)
	}
	lines, top := drawable(o.Lines, cols)
	out := []string{theme.Pad(legendLine(o, top), o.Width)}
	if len(lines) == 0 {
		out = append(out, message(o, rows+times)...)
		return strings.Join(out, "\n")
	}
	scale := newAxis(top, rows)
	plot := strokes(lines, scale, cols, rows)
	for r, text := range plot {
		text = withCursor(text, o)
		label := theme.PadLeft(scale.label(r), labelCols)
		out = append(out, o.Theme.Faint.Render(label+"┤")+text)
	}
	if times > 0 {
		out = append(out, o.Theme.Faint.Render(timeLine(o, cols)))
	}
	return strings.Join(out, "\n")
}

// drawable returns the lines that have a reading and fit the scale, cut to the columns, and the largest value in them. A
// reference counts only where it does not press the others flat.
func drawable(lines []Line, cols int) (draw []Line, top float64) {
	for _, l := range lines {
		if !l.Reference {
			top = max(top, largest(l.Values))
		}
	}
	data := top
	for _, l := range lines {
		if v := largest(l.Values); l.Reference && v > 0 && data*2 >= v {
			top = max(top, v)
		}
	}
	for _, l := range lines {
		v := largest(l.Values)
		if math.IsInf(v, -1) || (l.Reference && v > top) {
			continue
		}
		if len(l.Values) > cols {
			l.Values = l.Values[len(l.Values)-cols:]
		}
		draw = append(draw, l)
	}
	return draw, top
}

// largest returns the largest finite value, -Inf when there is none.
func largest(values []float64) float64 {
	m := math.Inf(-1)
	for _, v := range values {
		if v > m && !math.IsInf(v, 1) {
			m = v
		}
	}
	return m
}

func message(o Options, rows int) []string {
	text := o.Empty
	if text == "" {
		text = "nothing read yet"
	}
	wrapped := theme.Wrap(text, max(o.Width-4, 1), rows)
	first := (rows - len(wrapped)) / 2
	out := make([]string, rows)
	for r := range out {
		line := ""
		if i := r - first; i >= 0 && i < len(wrapped) {
			line = o.Theme.Label.Render(wrapped[i])
		}
		out[r] = theme.Center(line, o.Width)
	}
	return out
}

func small(o Options) string {
	var values []float64
	if len(o.Lines) > 0 {
		values = o.Lines[len(o.Lines)-1].Values
	}
	line := Spark(values, o.Width)
	if o.Height >= 2 {
		line = legendLine(o, math.Inf(1)) + "\n" + line
	}
	return theme.Fit(line, o.Width, o.Height)
}

// withCursor draws the cursor into a row of the plot where no line runs.
func withCursor(text string, o Options) string {
	at := o.Cursor - 1
	if at < 0 {
		return text
	}
	before, rest := ansi.Truncate(text, at, ""), ansi.TruncateLeft(text, at, "")
	under, after := ansi.Truncate(rest, 1, ""), ansi.TruncateLeft(rest, 1, "")
	if ansi.Strip(under) != " " {
		return text
	}
	return before + o.Theme.Accent.Render("│") + after
}

// timeLine is the horizontal axis: ages at round distances from the right end.
func timeLine(o Options, cols int) string {
	line := []rune(strings.Repeat(" ", axisCols+cols))
	end := o.End
	if end == "" {
		end = "now"
	}
	put := func(text string, at int) {
		r := []rune(text)
		if at < 0 || at+len(r) > len(line) {
			return
		}
		for i := max(at-1, 0); i < min(at+len(r)+1, len(line)); i++ {
			if line[i] != ' ' {
				return
			}
		}
		copy(line[at:], r)
	}
	if col := o.Cursor; col > 0 && col <= cols {
		text := o.CursorText
		put(text, min(max(axisCols+col-1-len([]rune(text))/2, axisCols), len(line)-len([]rune(text))))
	}
	put(end, len(line)-len([]rune(end)))
	step := roundStep(o.Span, max(cols/14, 1))
	for age := step; step > 0 && age <= o.Span; age += step {
		col := axisCols + cols - 1 - int(math.Round(float64(cols-1)*float64(age)/float64(o.Span)))
		text := "-" + shortAge(age)
		put(text, max(col-len(text)/2, axisCols))
	}
	return string(line)
}

// roundStep returns a round time that divides span into at most n parts.
func roundStep(span time.Duration, n int) time.Duration {
	for _, s := range []time.Duration{
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 168 * time.Hour,
	} {
		if span/s <= time.Duration(n) {
			return s
		}
	}
	return 0
}

func shortAge(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
