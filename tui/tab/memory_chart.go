package tab

import (
	"strconv"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// siteEvery is how often heap profiles are read, as the sentences on screen say it.
const siteEvery = 5 * time.Second

// memoryChart draws resident memory, heap in use, the heap goal and the nearest limit over the last minutes.
func memoryChart(st *State, width, height int) string {
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	d := st.Data()
	frame := theme.Frame{Title: spanTitle(st, "Memory")}
	if width < theme.PanelCols+1 || height < theme.PanelRows+1 {
		inner, rows = width, height
	}
	body := chart.Lines(withMoment(st, chart.Options{
		Width: inner, Height: rows, Lines: memoryLines(st, d, chart.PlotWidth(inner)), Empty: whyNoChart(st),
	}))
	return st.Theme.Frame(frame, body, width, height)
}

// withMoment puts the time that charts show into the options of one, and the cursor where a moment of the past is shown.
func withMoment(st *State, o chart.Options) chart.Options {
	o.Theme, o.Span, o.End = st.Theme, st.Span(), endLabel(st)
	if st.Visiting() != nil && st.Cursor().Before(st.Edge()) {
		from, to := st.Window()
		o.Cursor, o.CursorText = chart.CursorColumn(st.Cursor(), from, to, chart.PlotWidth(o.Width)), st.Cursor().Format(time.TimeOnly)
	}
	return o
}

// spanTitle names a chart and the time it shows.
func spanTitle(st *State, name string) string {
	if st.Visiting() != nil {
		return name + ", " + minutes(st.Span())
	}
	return name + ", last " + minutes(st.Span())
}

// minutes prints a span of whole minutes.
func minutes(d time.Duration) string { return strconv.Itoa(int(d.Minutes())) + " min" }

// endLabel names the right end of a chart: the instant that is shown.
func endLabel(st *State) string {
	if _, paused := st.Paused(); paused {
		_, to := st.Window()
		return to.Format(time.TimeOnly)
	}
	if st.Live().Gone != nil {
		return st.Live().At.Format(time.TimeOnly)
	}
	return "now"
}

func whyNoChart(st *State) string {
	switch {
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case st.Live().Gone != nil:
		return "The program ended before its memory was read."
	case st.Live().Failed != nil:
		return sentence("Its memory could not be read: " + theme.Clean(st.Live().Failed.Error()))
	}
	return "The first reading is under way."
}

// memoryLines are the chart's lines, the most important last, because that one is drawn on top.
func memoryLines(st *State, d *Data, cols int) []chart.Line {
	if d.Snapshot == nil {
		return nil
	}
	from, to := st.Window()
	values := func(m sampler.Metric) []float64 {
		series := st.History.Series(m)
		if series == nil {
			return nil
		}
		return chart.Columns(series.Points(from, to, cols), from, to, cols)
	}
	line := func(name string, m sampler.Metric, i int, stroke chart.Stroke) (chart.Line, bool) {
		v := values(m)
		if v == nil {
			return chart.Line{}, false
		}
		l := chart.Line{Name: name, Values: v, Stroke: stroke, Style: st.Theme.Series(i)}
		if now, ok := d.Snapshot.Get(m); ok {
			l.Text = unit.Bytes(now)
		}
		return l, true
	}
	var lines []chart.Line
	if d.LimitOK {
		flat := make([]float64, cols)
		for i := range flat {
			flat[i] = d.Limit.Bytes
		}
		lines = append(lines, chart.Line{
			Name: "limit", Values: flat, Text: unit.Bytes(d.Limit.Bytes), Stroke: chart.Dashed, Style: st.Theme.Series(3), Reference: true,
		})
	}
	for _, l := range []struct {
		name   string
		metric sampler.Metric
		series int
		stroke chart.Stroke
	}{
		{"goal", sampler.GoHeapGoal, 2, chart.Dotted},
		{"swap", sampler.ProcessSwap, 4, chart.Dotted},
		{"heap in use", sampler.GoClassObjects, 1, chart.Light},
		{"peak used", sampler.RedisUsedPeak, 2, chart.Dotted},
		{"used", sampler.RedisUsed, 1, chart.Light},
		{"rss", sampler.ProcessRSS, 0, chart.Heavy},
	} {
		if l.metric == sampler.ProcessSwap && (d.Snapshot.Reading(l.metric).Value == 0 || cols < 60) {
			continue
		}
		if drawn, ok := line(l.name, l.metric, l.series, l.stroke); ok {
			lines = append(lines, drawn)
		}
	}
	if _, ok := d.Snapshot.Get(sampler.ProcessRSS); !ok {
		if total, ok := line("go runtime, all", sampler.GoClassTotal, 0, chart.Heavy); ok {
			lines = append(lines, total)
		}
	}
	return lines
}
