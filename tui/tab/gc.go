package tab

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// GC shows what the garbage collector does: live heap and goal over time, its cycles, its pauses and its price.
type GC struct {
	table   Table[cycleKey]
	cycles  []sampler.GCCycle // in the order shown
	rows    []cycleKey
	largest float64 // heap of any cycle listed
	whatIf  bool    // where there is no room for both, the other settings are shown and not the pauses
	size    Size
	drawn   drawing
}

// NewGC returns the tab.
func NewGC() *GC {
	g := &GC{}
	g.table.SetColumns(cycleColumns())
	return g
}

// Title implements Screen.
func (g *GC) Title() string { return "GC" }

// Place implements Screen.
func (g *GC) Place() keys.Place { return keys.InGC }

// Mode implements Screen.
func (g *GC) Mode() Mode { return Normal }

// Why implements Screen.
func (g *GC) Why(st *State, id keys.ID) string {
	if TellsOfServer(st) && id == keys.WhatIf {
		return "a server has no GOGC: what it does instead is shown"
	}
	switch id {
	case keys.Goroutines:
		return whyNoGoroutines(st)
	case keys.Trace:
		return whyNoTrace(st)
	case keys.WhatIf:
		if whyNoGC(st) != "" {
			return "there is no collector to see"
		}
		if l := g.layout(g.size.Width, g.size.Height); l.whatIf.height > 0 && l.pauses.height > 0 {
			return "other settings are shown already"
		} else if l.whatIf.height == 0 && l.pauses.height == 0 {
			return "this screen is too small for it"
		}
	}
	return ""
}

// Update implements Screen.
func (g *GC) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard:
		if msg.What == NewsTime {
			return nil
		}
		if msg.What == NewsTarget {
			g.table.Forget()
		}
		g.take(st)
	case Size:
		g.size = msg
		g.take(st)
	default:
		b := g.layout(g.size.Width, g.size.Height).cycles
		if g.table.heed(msg, box{x: b.x + theme.PanelCols/2, y: b.y + 1}) == outcomeOrder {
			g.arrange()
		}
	}
	if act, ok := msg.(Act); ok {
		switch act.ID {
		case keys.Goroutines:
			return Ask(Push{NewGoroutines()})
		case keys.Trace:
			return Ask(Push{NewTrace()})
		case keys.WhatIf:
			g.whatIf = !g.whatIf
		}
	}
	g.drawn = drawing{}
	return nil
}

// take makes the rows of the cycles that are shown now.
func (g *GC) take(st *State) {
	all := st.Data().Cycles
	g.cycles = g.cycles[:0]
	for i := len(all) - 1; i >= 0; i-- {
		g.cycles = append(g.cycles, all[i])
	}
	g.arrange()
}

// gcLayout is where the panels stand.
type gcLayout struct{ chart, numbers, cycles, pauses, whatIf box }

// layout puts chart and numbers above cycles and pauses, beside each other where there is room, and leaves out what a
// small screen has none for: first the pauses, then the cycles, then the chart.
func (g *GC) layout(w, h int) gcLayout {
	var l gcLayout
	if w >= wide && h >= 16 {
		right := min(max(w*2/5, 40), 64)
		top := min(max(h*9/20, 12), 24)
		l.chart = box{0, 0, w - right - 1, top}
		l.numbers = box{w - right, 0, right, top}
		l.cycles = box{0, top, w - right - 1, h - top}
		l.pauses = box{w - right, top, right, h - top}
		if rest := h - top; rest >= 14 {
			l.whatIf = box{w - right, h - rest*3/5, right, rest * 3 / 5}
			l.pauses.height = rest - rest*3/5
		} else if g.whatIf {
			l.pauses, l.whatIf = box{}, l.pauses
		}
		return l
	}
	numbers := 3
	switch {
	case h < 6:
		l.numbers = box{0, 0, w, h}
		return l
	case h < 12:
		l.numbers = box{0, 0, w, numbers}
		l.chart = box{0, numbers, w, h - numbers}
		return l
	}
	top := min(max((h-numbers)/2, 6), 12)
	l.numbers = box{0, 0, w, numbers}
	l.chart = box{0, numbers, w, top}
	rest := h - numbers - top
	if w < 70 {
		l.cycles = box{0, numbers + top, w, rest}
		return l
	}
	right := 36
	l.cycles = box{0, numbers + top, w - right, rest}
	l.pauses = box{w - right, numbers + top, right, rest}
	if g.whatIf {
		l.pauses, l.whatIf = box{}, l.pauses
	}
	return l
}

// View implements Screen.
func (g *GC) View(st *State, width, height int) string {
	if g.drawn.text != "" && g.drawn.version == st.Version && g.drawn.width == width && g.drawn.height == height {
		return g.drawn.text
	}
	text := g.draw(st, width, height)
	g.drawn = drawing{st.Version, width, height, theme.Fit(text, width, height)}
	return g.drawn.text
}

func (g *GC) draw(st *State, width, height int) string {
	if TellsOfServer(st) {
		return serverCollector(st, width, height)
	}
	if why := whyNoGC(st); why != "" {
		if width < 24 || height < 5 {
			return emptySites(st, why, width, height)
		}
		body := emptySites(st, why, width-theme.PanelCols, height-theme.PanelRows)
		return st.Theme.Panel("Garbage collector", body, width, height, true)
	}
	l := g.layout(width, height)
	if l.numbers.y == l.chart.y && l.chart.height > 0 {
		top := theme.Join(1, gcChart(st, l.chart), numbersPanel(st, l.numbers))
		return top + "\n" + theme.Join(1, g.cyclesPanel(st, l.cycles), sidePanels(st, l))
	}
	parts := []string{theme.Fit(strings.Join(numberLines(st, width, l.numbers.height), "\n"), width, l.numbers.height)}
	if l.chart.height > 0 {
		parts = append(parts, gcChart(st, l.chart))
	}
	switch {
	case l.pauses.height > 0 || l.whatIf.height > 0:
		parts = append(parts, theme.Join(0, g.cyclesPanel(st, l.cycles), sidePanels(st, l)))
	case l.cycles.height > 0:
		parts = append(parts, g.cyclesPanel(st, l.cycles))
	}
	return strings.Join(parts, "\n")
}

// sidePanels are the pauses, what other settings would cost, or both below each other.
func sidePanels(st *State, l gcLayout) string {
	var parts []string
	if l.pauses.height > 0 {
		parts = append(parts, pausesPanel(st, l.pauses))
	}
	if l.whatIf.height > 0 {
		parts = append(parts, whatIfPanel(st, l.whatIf))
	}
	return strings.Join(parts, "\n")
}

// gcChart draws the live heap, the heap in use and the goal, and GOMEMLIMIT where there is one.
func gcChart(st *State, b box) string {
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	if inner <= 0 || rows <= 0 {
		inner, rows = b.width, b.height
	}
	body := chart.Lines(withMoment(st, chart.Options{
		Width: inner, Height: rows, Lines: gcLines(st, chart.PlotWidth(inner)), Empty: "The heap was not read yet.",
	}))
	return st.Theme.Frame(theme.Frame{Title: spanTitle(st, "Heap")}, body, b.width, b.height)
}

func gcLines(st *State, cols int) []chart.Line {
	d := st.Data()
	from, to := st.Window()
	var lines []chart.Line
	if limit := d.Snapshot.Reading(sampler.GoMemLimit); limit.OK && limit.Value < noLimit {
		lines = append(lines, chart.Line{
			Name: "GOMEMLIMIT", Values: chart.Constant(limit.Value, cols), Text: unit.Bytes(limit.Value),
			Stroke: chart.Dashed, Style: st.Theme.Series(3), Reference: true,
		})
	}
	for _, c := range []struct {
		name   string
		metric sampler.Metric
		stroke chart.Stroke
		color  int
	}{
		{"goal", sampler.GoHeapGoal, chart.Dotted, 2},
		{"in use", sampler.GoClassObjects, chart.Light, 1},
		{"live", sampler.GoHeapLive, chart.Heavy, 0},
	} {
		line := chart.Line{Name: c.name, Stroke: c.stroke, Style: st.Theme.Series(c.color)}
		if series := st.History.Series(c.metric); series != nil {
			line.Values = chart.Columns(series.Points(from, to, cols), from, to, cols)
		}
		now := d.Snapshot.Reading(c.metric)
		if c.metric == sampler.GoHeapLive {
			now = d.Snapshot.LiveHeap()
		}
		if now.OK {
			line.Text = unit.Bytes(now.Value)
		}
		lines = append(lines, line)
	}
	return lines
}

// whyNoGC is the reason for which nothing of a collector can be shown, "" when something can.
func whyNoGC(st *State) string {
	d := st.Data()
	switch {
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case d.Snapshot == nil && d.Gone != nil:
		return "The program ended before anything was read."
	case d.Snapshot == nil && d.Failed != nil:
		return sentence("Nothing could be read: " + theme.Clean(d.Failed.Error()))
	case d.Snapshot == nil:
		return "Nothing was read yet."
	case len(d.Cycles) > 0 || anyOf(d.Snapshot, sampler.GoHeapLive, sampler.GoHeapGoal, sampler.GoCyclesTotal, sampler.GoClassObjects):
		return ""
	case notGo(st):
		return "No collector to show: " + nameOf(st) + " is not a Go program, as far as can be told."
	}
	if st.Info.Opaque {
		return "No collector to show: whether " + nameOf(st) + " is a Go program cannot be read. What would show more is on tab 1."
	}
	why := nameOf(st) + " is a Go program, but its collector cannot be seen: all that is read comes from the operating system."
	for _, w := range d.Snapshot.Warnings {
		why += " " + sentence(theme.Clean(w.Error()))
	}
	return why
}

func nameOf(st *State) string {
	if name := strings.TrimSpace(theme.Clean(st.Info.Name)); name != "" {
		return name
	}
	return "the target"
}

func anyOf(s *sampler.Snapshot, metrics ...sampler.Metric) bool {
	for _, m := range metrics {
		if _, ok := s.Get(m); ok {
			return true
		}
	}
	return false
}
