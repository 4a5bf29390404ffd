package tab

import (
	"testing"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// A lifetime is a word and a duration, and what would be cut of it is the number. Two years fit.
func TestALifetimeFitsItsColumn(t *testing.T) {
	column := NewTrace().table.Columns[traceLives]
	for seconds := 1e-6; seconds < 8e7; seconds *= 1.13 {
		for _, bound := range []analysis.Bound{analysis.LifetimeAbout, analysis.LifetimeBelow, analysis.LifetimeAbove, analysis.LifetimeUnknown} {
			text := analysis.Lifetime{Seconds: seconds, Bound: bound}.String()
			if theme.Width(text) > column.Width {
				t.Errorf("%q is wider than the %d cells of its column", text, column.Width)
			}
		}
	}
}
