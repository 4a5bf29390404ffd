package tab

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// traceLayout is where the panels stand: chart and numbers above, sites below, large objects beside them where there is room.
type traceLayout struct{ chart, numbers, sites, large box }

func (s *Trace) layout() traceLayout {
	w, h := s.size.Width, s.size.Height
	var l traceLayout
	switch {
	case w >= wide && h >= 20:
		right := min(max(w*2/5, 44), 64)
		top := min(max(h*2/5, 12), 20)
		l.chart, l.numbers = box{0, 0, w - right - 1, top}, box{w - right, 0, right, top}
		l.sites = box{0, top, w, h - top}
		if w >= 170 {
			l.sites.width = w - right - 1
			l.large = box{w - right, top, right, h - top}
		}
		return l
	case h >= 18:
		l.numbers = box{0, 0, w, 3}
		l.chart = box{0, 3, w, min(max(h/3, 6), 10)}
	case h >= 8:
		l.numbers = box{0, 0, w, 2}
	}
	top := l.numbers.height + l.chart.height
	l.sites = box{0, top, w, h - top}
	return l
}

// body is where the table stands.
func (s *Trace) body() box { return within(s.layout().sites, s.lineShown()) }

// View implements Screen.
func (s *Trace) View(st *State, width, height int) string {
	s.size = Size{width, height}
	l := s.layout()
	var parts []string
	if l.numbers.x > 0 {
		parts = append(parts, theme.Join(1, traceChart(st, l.chart), s.numbersPanel(st, l.numbers)))
	} else {
		if l.numbers.height > 0 {
			lines := flow(s.numbers(st), "   ", width-2, l.numbers.height)
			for i := range lines {
				lines[i] = " " + lines[i]
			}
			parts = append(parts, theme.Fit(strings.Join(lines, "\n"), width, l.numbers.height))
		}
		if l.chart.height > 0 {
			parts = append(parts, traceChart(st, l.chart))
		}
	}
	if l.large.height > 0 {
		parts = append(parts, theme.Join(1, s.sitesPanel(st, l.sites), s.largePanel(st, l.large)))
	} else {
		parts = append(parts, s.sitesPanel(st, l.sites))
	}
	return theme.Fit(strings.Join(parts, "\n"), width, height)
}

// traceChart draws how much was allocated and freed a second over the last minutes.
func traceChart(st *State, b box) string {
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	cols := chart.PlotWidth(inner)
	var lines []chart.Line
	for _, c := range []struct {
		name   string
		metric sampler.Metric
		stroke chart.Stroke
		color  int
	}{
		{"freed", sampler.GoHeapFrees, chart.Dotted, 2},
		{"allocated", sampler.GoHeapAllocs, chart.Heavy, 0},
	} {
		values := rates(st, c.metric, cols)
		line := chart.Line{Name: c.name, Stroke: c.stroke, Style: st.Theme.Series(c.color), Values: values}
		if at := lastFinite(values); at >= 0 && st.Visiting() == nil {
			line.Text = unit.Rate(values[at])
		}
		lines = append(lines, line)
	}
	body := chart.Lines(withMoment(st, chart.Options{
		Width: inner, Height: rows, Lines: lines, Empty: "What is allocated is not counted by this source.",
	}))
	return st.Theme.Frame(theme.Frame{Title: spanTitle(st, "Bytes a second")}, body, b.width, b.height)
}

// rates is the growth of a counter in each column of a chart, per second. Freed memory is counted when it is swept, in
// jumps, so that a column has the growth over the last ten seconds and not over its own.
func rates(st *State, metric sampler.Metric, cols int) []float64 {
	const over = 10 * time.Second
	from, to := st.Window()
	out := make([]float64, max(cols, 0))
	series := st.History.Series(metric)
	for i := range out {
		out[i] = math.NaN()
		at := from.Add(time.Duration(float64(to.Sub(from)) * float64(i+1) / float64(cols)))
		if series == nil {
			continue
		}
		b, okB := series.At(at)
		a, okA := series.At(at.Add(-over))
		if span := b.Time.Sub(a.Time); okA && okB && span > 0 && at.Sub(b.Time) < over && b.Last >= a.Last {
			out[i] = (b.Last - a.Last) / span.Seconds()
		}
	}
	return out
}

func lastFinite(values []float64) int {
	for i := len(values) - 1; i >= 0; i-- {
		if !math.IsNaN(values[i]) {
			return i
		}
	}
	return -1
}

// numbers are the totals, what matters most first.
func (s *Trace) numbers(st *State) []string {
	t := st.Theme
	var parts []string
	for _, f := range s.facts(t) {
		parts = append(parts, t.Label.Render(f.short+" ")+f.style.Render(f.text))
	}
	return parts
}

func (s *Trace) facts(t *theme.Theme) []fact {
	tr := s.trace
	if tr == nil {
		return []fact{{"reading", "reading", "two readings are needed", t.Label, ""}}
	}
	average := sampler.Reading{}
	if tr.Bytes.OK && tr.Objects.OK && tr.Objects.Value > 0 {
		average = sampler.Known(tr.Bytes.Value / tr.Objects.Value)
	}
	over := "over " + unit.Duration(tr.To.Sub(tr.From).Round(time.Second))
	return []fact{
		rated(t, "allocated", "allocated", tr.BytesPerSec, unit.Rate, over),
		rated(t, "objects", "objects", tr.ObjectsPerSec, func(v float64) string { return unit.Count(v) + "/s" }, ""),
		rated(t, "average", "average", average, unit.Bytes, "an object"),
		rated(t, "freed", "freed", tr.FreedPerSec, unit.Rate, ""),
		rated(t, "GC cycles", "cycles", tr.Collections, unit.Count, ""),
		{"a byte lives", "a byte lives", tr.Lifetime.String(), t.Value, ""},
		largeFact(t, tr),
	}
}

// largeFact tells how many large objects were seen, and of what size.
func largeFact(t *theme.Theme, tr *analysis.Trace) fact {
	f := fact{"large", "large", "none seen", t.Label, "of " + unit.Bytes(analysis.LargeObject) + " or more"}
	if n := len(tr.Large); n > 0 {
		f.text, f.style = unit.Bytes(tr.Large[0].Size), t.Value
		f.note = "the largest, " + theme.Clean(profile.ShortName(tr.Large[0].Frame.Function))
	}
	return f
}

// numbersPanel lists the totals, one to a line, and how far they can be trusted.
func (s *Trace) numbersPanel(st *State, b box) string {
	t := st.Theme
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	var lines []string
	for _, f := range s.facts(t) {
		line := t.Label.Render(theme.Pad(f.name, 12)) + " " + f.style.Render(theme.PadLeft(f.text, 12))
		if f.note != "" {
			line += "  " + t.Faint.Render(f.note)
		}
		lines = append(lines, theme.Truncate(line, inner))
	}
	if s.trace != nil && len(s.trace.Notes) > 0 && rows > len(lines)+1 {
		lines = append(lines, "")
		for _, note := range s.trace.Notes {
			for _, l := range theme.Wrap(sentence(theme.Clean(note)), inner, 3) {
				lines = append(lines, t.Faint.Render(l))
			}
		}
	}
	return t.Frame(theme.Frame{Title: "What is allocated"}, strings.Join(lines[:min(len(lines), max(rows, 0))], "\n"), b.width, b.height)
}

// sitesPanel draws who allocated.
func (s *Trace) sitesPanel(st *State, b box) string {
	t, body := st.Theme, s.body()
	var text string
	if s.table.Len() == 0 {
		text = emptySites(st, s.empty(st), body.width, body.height)
	} else {
		text = s.table.View(t, body.width, body.height, func(row, column int) Cell { return s.cell(t, row, column) })
	}
	if s.lineShown() {
		text = s.line(t, body.width) + "\n" + text
	}
	if !framedBox(b) {
		return theme.Fit(text, b.width, b.height)
	}
	f := theme.Frame{Title: "Who allocates", Foot: s.table.foot(), Focused: true}
	if tr := s.trace; tr != nil && len(tr.Sites) > 0 {
		f.Note = tr.SitesFrom.Format(time.TimeOnly) + " to " + tr.SitesTo.Format(time.TimeOnly)
	}
	return t.Frame(f, text, b.width, b.height)
}

func (s *Trace) empty(st *State) string {
	d := st.Data()
	switch tr := s.trace; {
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case s.lineShown() && tr != nil && len(tr.Sites) > 0:
		return "No site matches the filter. Esc drops it."
	case d.HeapFailed != nil:
		return sentence("No allocation sites: " + theme.Clean(d.HeapFailed.Error()))
	case tr != nil && len(tr.Notes) > 0 && d.HeapBefore != nil:
		return "No allocation sites: " + sentence(theme.Clean(tr.Notes[0]))
	}
	return "Two heap profiles, five seconds apart, tell who allocates."
}

// cell is what stands in one place of the table.
func (s *Trace) cell(t *theme.Theme, row, column int) Cell {
	r := &s.trace.Sites[s.shown[row]]
	switch column {
	case traceFunction:
		return Cell{theme.TruncateLeft(theme.Clean(profile.ShortName(r.Frame.Function)), s.table.Cells(traceFunction)), t.Value}
	case traceLine:
		return Cell{theme.TruncateLeft(placeOf(r.Frame.File, r.Frame.Line), s.table.Cells(traceLine)), t.Label}
	case traceBytes:
		text := unit.Rate(r.BytesPerSec)
		if r.Samples < fewSamples {
			text = "~" + text
		}
		return Cell{text, t.Value}
	case traceObjects:
		return Cell{unit.Count(r.ObjectsPerSec), t.Value}
	case traceSure:
		if r.Bytes <= 0 || r.Uncertainty <= 0 {
			return Cell{}
		}
		return Cell{unit.Percent(r.Uncertainty / r.Bytes), t.Label}
	case traceUse:
		if r.InUseBytes == 0 {
			return Cell{"0 B", t.Faint}
		}
		return Cell{unit.Bytes(r.InUseBytes), t.Value}
	case traceLives:
		return Cell{r.Lifetime.String(), t.Label}
	}
	return Cell{}
}

// largePanel lists the large objects that were seen.
func (s *Trace) largePanel(st *State, b box) string {
	t := st.Theme
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	f := theme.Frame{Title: "Large allocations", Note: "from " + unit.Bytes(analysis.LargeObject)}
	var lines []string
	if s.trace != nil {
		for i := range s.trace.Large {
			l := &s.trace.Large[i]
			line := theme.PadLeft(unit.Bytes(l.Size), 8) + t.Label.Render(" × ") + theme.Pad("~"+unit.Count(l.Count), 8) + " "
			lines = append(lines, line+t.Label.Render(theme.TruncateLeft(theme.Clean(profile.ShortName(l.Frame.Function))+":"+strconv.Itoa(l.Frame.Line), max(inner-20, 1))))
		}
	}
	if len(lines) == 0 {
		return t.Frame(f, emptyLines(t, "None was seen in this time.", inner, rows), b.width, b.height)
	}
	if len(lines) > rows {
		f.Foot = unit.Things(len(lines)-rows, "more")
	}
	return t.Frame(f, strings.Join(lines[:min(len(lines), max(rows, 0))], "\n"), b.width, b.height)
}
