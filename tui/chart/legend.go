package chart

import (
	"math"
	"strings"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// legendLine names the lines, the one that matters most first. Where there is no room, the last lose their values, then
// the last are left out: a number is never cut.
func legendLine(o Options, top float64) string {
	valued, named := len(o.Lines), len(o.Lines)
	for legendWidth(o, top, valued, named) > o.Width && valued > 1 {
		valued--
	}
	for legendWidth(o, top, valued, named) > o.Width && named > 1 {
		named--
	}
	var b strings.Builder
	for i := range named {
		if i > 0 {
			b.WriteString("  ")
		}
		l := &o.Lines[len(o.Lines)-1-i]
		name, value, above := legendEntry(l, top, i < valued)
		l.Style.Write(&b, name)
		if value == theme.SignUnknown {
			value = o.Theme.Faint.Render(value)
		}
		if value != "" {
			b.WriteString(" " + value)
		}
		if above != "" {
			b.WriteString(o.Theme.Faint.Render(above))
		}
	}
	return b.String()
}

// legendEntry is what the legend says of a line. above is set for a reference higher than what is drawn.
func legendEntry(l *Line, top float64, valued bool) (name, value, above string) {
	v := largest(l.Values)
	switch {
	case math.IsInf(v, -1):
		value = theme.SignUnknown
	case valued:
		value = l.Text
	}
	if l.Reference && v > top {
		above = " ↑"
	}
	return l.Stroke.sign() + " " + l.Name, value, above
}

// legendWidth is how many cells the first entries take, the first of them with values.
func legendWidth(o Options, top float64, valued, named int) (cells int) {
	for i := range named {
		name, value, above := legendEntry(&o.Lines[len(o.Lines)-1-i], top, i < valued)
		cells += theme.Width(name) + theme.Width(above)
		if value != "" {
			cells += 1 + theme.Width(value)
		}
	}
	return cells + 2*max(named-1, 0)
}
