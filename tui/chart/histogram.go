package chart

import (
	"math"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Bin is one bar of a histogram: Count events from Low to below High.
type Bin struct {
	Low, High float64
	Count     uint64
}

// Quantile is a value to mark beside the bar it falls into.
type Quantile struct {
	Name string
	At   float64
}

// Histogram is the data and the size of a histogram of lying bars, one to a line.
type Histogram struct {
	Theme         *theme.Theme
	Width, Height int
	Bins          []Bin // ascending, without holes
	Quantiles     []Quantile
	Format        func(v float64) string // prints a boundary, in at most 6 cells
	Style         theme.Style
}

const (
	boundCols = 6
	countCols = 8
)

// View draws the bars with their lower boundary, their count and the names of the quantiles in them. Neighbours are joined when
// there are more bars than lines. Bars are as long as their counts; one event is visible.
func (h Histogram) View() string {
	if h.Width <= 0 || h.Height <= 0 {
		return ""
	}
	bins := joinBins(h.Bins, h.Height)
	most := uint64(0)
	for _, b := range bins {
		most = max(most, b.Count)
	}
	marks := 0
	tags := make([]string, len(bins))
	for i, b := range bins {
		tags[i] = h.tag(b, i == len(bins)-1)
		marks = max(marks, theme.Width(tags[i]))
	}
	length := h.Width - boundCols - 1 - countCols - 1
	if marks > 0 && length-marks-1 >= 6 {
		length -= marks + 1
	} else {
		marks = 0
	}
	lines := make([]string, len(bins))
	for i, b := range bins {
		lines[i] = h.line(b, tags[i], most, max(length, 0), marks)
	}
	return theme.Fit(strings.Join(lines, "\n"), h.Width, h.Height)
}

func (h Histogram) line(b Bin, tag string, most uint64, length, marks int) string {
	share := math.NaN()
	if most > 0 {
		share = float64(b.Count) / float64(most)
	}
	bound := theme.SignUnknown
	if !math.IsInf(b.Low, 0) && h.Format != nil {
		bound = h.Format(b.Low)
	}
	text := h.Theme.Label.Render(theme.PadLeft(bound, boundCols)) + " " + h.Style.Render(Bar(share, length))
	count := theme.PadLeft(unit.Count(float64(b.Count)), countCols)
	if b.Count == 0 {
		count = h.Theme.Faint.Render(count)
	}
	text += " " + count
	if marks > 0 {
		text += " " + h.Theme.Accent.Render(theme.Pad(tag, marks))
	}
	return text
}

// tag names the quantiles that fall into a bar.
func (h Histogram) tag(b Bin, last bool) string {
	var names []string
	for _, q := range h.Quantiles {
		if q.At >= b.Low && (q.At < b.High || (last && q.At <= b.High)) {
			names = append(names, q.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "← " + strings.Join(names, " ")
}

// joinBins joins neighbours until at most n bars are left.
func joinBins(bins []Bin, n int) []Bin {
	if len(bins) <= n || n <= 0 {
		return bins
	}
	each := (len(bins) + n - 1) / n
	var out []Bin
	for i := 0; i < len(bins); i += each {
		j := min(i+each, len(bins))
		joined := Bin{Low: bins[i].Low, High: bins[j-1].High}
		for _, b := range bins[i:j] {
			joined.Count += b.Count
		}
		out = append(out, joined)
	}
	return out
}
