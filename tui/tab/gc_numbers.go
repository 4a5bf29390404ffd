package tab

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// noLimit is where GOMEMLIMIT counts as off: the runtime says the largest integer, which a float cannot hold exactly.
const noLimit = 1 << 62

// fact is one number of the collector with what it is called.
type fact struct {
	name, short string
	text        string
	style       theme.Style
	note        string // what it says, or since when
}

// gcFacts are the numbers of the collector, what matters most first.
func gcFacts(st *State) []fact {
	th, d := st.Theme, st.Data()
	over := ""
	switch span := d.GC.Interval.Round(time.Second); {
	case span >= 55*time.Second:
		over = "last minute"
	case span > 0:
		over = "last " + unit.Duration(span)
	}
	return []fact{
		shareFact(th, "GC CPU", "GC CPU", d.GC.CPUPercent, 100, over),
		pressureFact(th, d.GC.Pressure),
		rated(th, "cycles", "cycles", d.GC.CyclesPerMin, perMinute, over),
		rated(th, "allocation", "alloc", d.GC.AllocRate, unit.Rate, over),
		rated(th, "live heap", "live", d.Snapshot.LiveHeap(), unit.Bytes, "after the last cycle"),
		rated(th, "heap goal", "goal", d.Snapshot.Reading(sampler.GoHeapGoal), unit.Bytes, "the next cycle's aim"),
		rated(th, "GOGC", "GOGC", d.Snapshot.Reading(sampler.GoGCPercent), gogc, ""),
		rated(th, "GOMEMLIMIT", "GOMEMLIMIT", d.Snapshot.Reading(sampler.GoMemLimit), memLimit, ""),
		rated(th, "all cycles", "total", d.Snapshot.Reading(sampler.GoCyclesTotal), unit.Count, sinceStart(d.Snapshot)),
	}
}

func rated(th *theme.Theme, name, short string, r sampler.Reading, print func(float64) string, note string) fact {
	if !r.OK {
		return fact{name, short, theme.SignUnknown, th.Faint, ""}
	}
	return fact{name, short, print(r.Value), th.Value, note}
}

func shareFact(th *theme.Theme, name, short string, r sampler.Reading, whole float64, note string) fact {
	return rated(th, name, short, r, func(v float64) string { return unit.Percent(v / whole) }, note)
}

// pressureFact judges gc_pressure: at 1 the runtime's limiter holds the collector back and the heap outgrows its goal.
func pressureFact(th *theme.Theme, r sampler.Reading) fact {
	f := rated(th, "gc_pressure", "pressure", r, func(v float64) string { return fmt.Sprintf("%.2f", v) }, "")
	switch {
	case !r.OK:
	case r.Value >= 0.8:
		f.style, f.note = th.Bad, "high: the collector is near its limit"
	case r.Value >= 0.5:
		f.style, f.note = th.Warn, "raised: the collector takes a lot"
	default:
		f.style, f.note = th.Good, "low"
	}
	return f
}

func gogc(v float64) string {
	if v < 0 || v >= noLimit {
		return "off"
	}
	return unit.Count(v)
}

func memLimit(v float64) string {
	if v >= noLimit {
		return "off"
	}
	return unit.Bytes(v)
}

// sinceStart tells how many cycles were forced and how long all of them paused the program.
func sinceStart(s *sampler.Snapshot) string {
	var parts []string
	if n := s.Reading(sampler.GoCyclesForced); n.OK && n.Value > 0 {
		parts = append(parts, unit.Count(n.Value)+" forced")
	}
	if p := s.Reading(sampler.GoPauseTotal); p.OK {
		parts = append(parts, seconds(p.Value)+" paused")
	}
	return strings.Join(parts, ", ")
}

// perMinute prints a count a minute, with a decimal while it is small.
func perMinute(v float64) string {
	if v < 9.95 {
		return fmt.Sprintf("%.1f/min", v)
	}
	return unit.Count(v) + "/min"
}

// The cells of a fact's name and text in the panel.
const (
	factName = 11
	factText = 9
)

// numbersPanel lists the numbers, one to a line, and what the last forced collection freed.
func numbersPanel(st *State, b box) string {
	th := st.Theme
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	var lines []string
	for _, f := range gcFacts(st) {
		line := th.Label.Render(theme.Pad(f.name, factName)) + " " + f.style.Render(theme.PadLeft(f.text, factText))
		if f.note != "" {
			line += "  " + th.Faint.Render(f.note)
		}
		lines = append(lines, theme.Truncate(line, inner))
	}
	freed := freedLines(st)
	if room := rows - len(freed); len(lines) > room {
		lines = lines[:max(room, 0)]
	} else if room > len(lines) {
		lines = append(lines, "")
	}
	lines = append(lines, freed...)
	frame := theme.Frame{Title: "Collector"}
	if old := runtimeAge(st.Data().Snapshot); old != "" {
		frame.Note = "runtime figures " + old + " old"
	}
	return th.Frame(frame, strings.Join(lines, "\n"), b.width, b.height)
}

// numberLines are the numbers as running text in so many lines, for a small screen; the last one tells what was freed.
func numberLines(st *State, width, rows int) []string {
	th := st.Theme
	var parts []string
	for _, f := range gcFacts(st) {
		parts = append(parts, th.Label.Render(f.short)+" "+f.style.Render(f.text))
	}
	freed := freedLines(st)
	lines := flow(parts, "   ", width-1, max(rows-1, 1))
	if rows > 1 {
		lines = append(lines, strings.Join(freed[:min(len(freed), 2)], "  "))
	}
	for i := range lines {
		lines[i] = " " + lines[i]
	}
	return lines
}

// freedLines tell what the last forced collection freed.
func freedLines(st *State) []string {
	th, c := st.Theme, st.Data().Collected
	if c == nil || c.Before == nil || c.After == nil {
		if st.CannotCollect != nil && st.Visiting() == nil {
			return []string{th.Faint.Render("a collection cannot be forced: g says why")}
		}
		return []string{th.Faint.Render("g collects and shows what it freed")}
	}
	head := "forced at " + c.At.Format(time.TimeOnly)
	if freed, _ := c.Freed(); freed.OK {
		head += ", freed " + unit.Bytes(freed.Value)
	}
	lines := []string{th.Label.Render(head)}
	for _, m := range []struct {
		name   string
		metric sampler.Metric
	}{{"heap", sampler.GoClassObjects}, {"RSS", sampler.ProcessRSS}} {
		before, after := c.Before.Reading(m.metric), c.After.Reading(m.metric)
		if !before.OK || !after.OK {
			continue
		}
		change := processChange(th, sampler.Known(after.Value-before.Value), before)
		lines = append(lines, th.Label.Render(theme.Pad(m.name, 4))+" "+theme.PadLeft(unit.Bytes(before.Value), 7)+" → "+
			theme.PadLeft(unit.Bytes(after.Value), 7)+"  "+change.Style.Render(change.Text))
	}
	if len(lines) == 1 {
		lines[0] += "; what it freed was not read"
	}
	return lines
}

// pausesPanel draws the distribution of pauses since the mark, or since the program's start when there was none since.
func pausesPanel(st *State, b box) string {
	th := st.Theme
	inner, rows := b.width-theme.PanelCols, b.height-theme.PanelRows
	p, title, ok := pausesOf(st, max(rows-1, 1))
	frame := theme.Frame{Title: title}
	if !ok {
		return th.Frame(frame, th.Label.Render(strings.Join(theme.Wrap(noPauses(st), inner, rows), "\n")), b.width, b.height)
	}
	head := strings.Join(flow([]string{
		th.Label.Render("p50 ") + seconds(p.P50), th.Label.Render("p99 ") + seconds(p.P99),
		th.Label.Render("max ") + seconds(p.Max), th.Label.Render("of ") + unit.Count(float64(p.Count)),
	}, "  ", inner, 1), "")
	bins := make([]chart.Bin, len(p.Bars))
	for i, bar := range p.Bars {
		bins[i] = chart.Bin{Low: bar.Low, High: bar.High, Count: bar.Count}
	}
	h := chart.Histogram{
		Theme: th, Width: inner, Height: max(rows-1, 0), Bins: bins, Format: seconds, Style: th.Series(0),
		Quantiles: []chart.Quantile{{Name: "p50", At: below(p.P50)}, {Name: "p99", At: below(p.P99)}, {Name: "max", At: below(p.Max)}},
	}
	return th.Frame(frame, head+"\n"+h.View(), b.width, b.height)
}

// below takes a quantile, which is the upper edge of the bucket it lies in, into that bucket.
func below(v float64) float64 { return math.Nextafter(v, 0) }

func seconds(v float64) string { return unit.Format("seconds", v) }

func pausesOf(st *State, bars int) (p analysis.Pauses, title string, ok bool) {
	d := st.Data()
	now, found := d.Snapshot.Histogram(sampler.GoGCPauses)
	if !found {
		return p, "Pauses", false
	}
	if mark := d.Mark.Snapshot; mark != nil && mark.Time.Before(d.Snapshot.Time) {
		if before, had := mark.Histogram(sampler.GoGCPauses); had {
			if p, ok = analysis.PausesOf(now, &before, bars); ok {
				return p, "Pauses since mark", true
			}
		}
	}
	p, ok = analysis.PausesOf(now, nil, bars)
	return p, "Pauses since start", ok
}

func noPauses(st *State) string {
	if _, found := st.Data().Snapshot.Histogram(sampler.GoGCPauses); found {
		return "No collection has paused the program yet."
	}
	return "The distribution of pauses is not told by this source. The cycles show the pauses that were seen."
}
