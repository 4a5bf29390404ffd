package tab

import (
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// The columns of what other settings would cost.
const (
	whatIfPeak = 10
	whatIfCPU  = 8
)

// whatIf predicts from the last minute what other settings of the collector would cost.
func whatIf(d *Data) []analysis.WhatIf {
	if d.Recent == nil || d.Snapshot == nil {
		return nil
	}
	return analysis.WhatIfCurve(analysis.WhatIfInputOf(d.Recent, withCycles(d)))
}

// withCycles is the last reading with all collections of the last minute.
func withCycles(d *Data) *sampler.Snapshot {
	to := *d.Snapshot
	to.Cycles = nil
	for i, c := range d.Cycles {
		if c.End.After(d.Recent.Time) {
			to.Cycles = d.Cycles[i:]
			break
		}
	}
	return &to
}

// AdviceInput is what advice can rest on without a further reading: the last minute, and what the screens have shown.
// Allocation sites are left out of it, for the profiles at hand are not as old as the readings.
func AdviceInput(d *Data) *analysis.AdviceInput {
	in := &analysis.AdviceInput{Goroutines: d.Goroutines, Maps: d.Mappings}
	if d.Mark.Goroutines != d.Goroutines {
		in.GoroutinesFrom = d.Mark.Goroutines
	}
	in.Record.Add(d.Recent)
	if d.Recent != nil && d.Snapshot != nil {
		in.Record.Add(withCycles(d))
	}
	return in
}

// whatIfPanel draws the prediction, the settings nearest to the present one when there is no room for all.
func whatIfPanel(st *State, b box) string {
	th, curve := st.Theme, st.Data().WhatIf
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	frame := theme.Frame{Title: "What other settings would cost"}
	if theme.Width(frame.Title) > inner-2 {
		frame.Title = "What if"
	}
	if len(curve) == 0 {
		return th.Frame(frame, th.Label.Render(strings.Join(theme.Wrap(noWhatIf(st), inner, rows), "\n")), b.width, b.height)
	}
	cells := max(inner-whatIfPeak-whatIfCPU, 8)
	lines := []string{th.Label.Render(theme.Pad("setting", cells) + theme.PadLeft("peak heap", whatIfPeak) + theme.PadLeft("GC CPU", whatIfCPU))}
	for _, w := range nearest(curve, rows-1) {
		lines = append(lines, whatIfLine(th, &w, cells))
	}
	return th.Frame(frame, strings.Join(lines, "\n"), b.width, b.height)
}

// now follows the present setting where there is room for it beside its sign.
const now = ", now"

func whatIfLine(th *theme.Theme, w *analysis.WhatIf, cells int) string {
	name := w.GOGCText()
	sign, style := "  ", th.Value
	if w.Current {
		sign, style = theme.SignFocus+" ", th.Strong
		if theme.Width(sign+name)+len(now) < cells {
			name += now
		}
	}
	peak, cpu := theme.SignUnknown, theme.SignUnknown
	if w.PeakHeap.OK {
		peak = unit.Bytes(w.PeakHeap.Value)
	}
	if w.GCPercent.OK {
		cpu = unit.Percent(w.GCPercent.Value / 100)
	}
	if w.Spiral {
		peak, cpu, style = "does not", "fit", th.Bad
	}
	return style.Render(theme.Pad(theme.Truncate(sign+name, cells-1), cells) + theme.PadLeft(peak, whatIfPeak) + theme.PadLeft(cpu, whatIfCPU))
}

// nearest leaves out the settings farthest from the present one: first the limits, then the GOGC away from it.
func nearest(curve []analysis.WhatIf, rows int) []analysis.WhatIf {
	if len(curve) <= rows {
		return curve
	}
	limit, gogc, now := curve[0].MemoryLimit, len(curve), 0
	for i := range curve {
		if curve[i].MemoryLimit != limit {
			gogc = i
			break
		}
		if curve[i].Current {
			now = i
		}
	}
	if gogc+3 <= rows { // some limits too
		return curve[:rows]
	}
	rows = max(min(rows, gogc), 0)
	from := min(max(now-rows/2, 0), gogc-rows)
	return curve[from : from+rows]
}

func noWhatIf(st *State) string {
	d := st.Data()
	switch {
	case !anyOf(d.Snapshot, sampler.GoGCPercent):
		return "This source does not tell GOGC and GOMEMLIMIT: what others would cost cannot be said."
	case !anyOf(d.Snapshot, sampler.GoHeapLive) && len(d.Cycles) == 0:
		return "No live heap is known yet: it is known after the first collection."
	}
	return "Not enough was read yet."
}
