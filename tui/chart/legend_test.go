package chart

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/tui/theme"
)

func TestALegendCutsNoNumber(t *testing.T) {
	o := Options{Theme: theme.Plain(), Lines: []Line{
		{Name: "limit", Values: []float64{100}, Text: "25.3 GB", Stroke: Dashed, Reference: true},
		{Name: "goal", Text: "72.6 MB", Stroke: Dotted},
		{Name: "heap", Values: []float64{10}, Text: "61.0 MB", Stroke: Light},
		{Name: "rss", Values: []float64{20}, Text: "90.4 MB", Stroke: Heavy},
	}}
	for _, c := range []struct {
		width int
		want  string
	}{
		{60, "━ rss 90.4 MB  ─ heap 61.0 MB  ┈ goal –  ╌ limit 25.3 GB ↑"},
		{57, "━ rss 90.4 MB  ─ heap 61.0 MB  ┈ goal –  ╌ limit ↑"},
		{45, "━ rss 90.4 MB  ─ heap  ┈ goal –  ╌ limit ↑"},
		{40, "━ rss 90.4 MB  ─ heap  ┈ goal –"},
		{20, "━ rss 90.4 MB"},
		{5, "━ rss 90.4 MB"}, // the caller cuts what has no room at all
	} {
		o.Width = c.width
		if got := legendLine(o, 20); got != c.want {
			t.Errorf("%d cells: %q, want %q", c.width, got, c.want)
		}
		o.Height = 6
		for _, line := range strings.Split(Lines(o), "\n") {
			if w := theme.Width(line); w != c.width {
				t.Errorf("a line of %d cells, want %d: %q", w, c.width, line)
			}
		}
	}
}
