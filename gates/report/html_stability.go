package report

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// maxPoints is how many points a line of a chart has at most.
const maxPoints = 1000

// stability tells of a workload that was watched for long.
func (h *pageOf) stability(s named) page.Part {
	st := s.Stability
	part := page.Part{Title: "Stability of " + s.label, Verdict: verdictOf(st.Verdict, line(st.Reason)), Note: stabilityTitle(st)}
	var facts page.Facts
	for _, f := range stabilityFacts(st) {
		if f.label != "judged" { // these are a table of their own
			facts = append(facts, page.Fact{Name: f.label, Value: f.text})
		}
	}
	if len(facts) > 0 {
		part.Blocks = append(part.Blocks, facts)
	}
	part.Blocks = append(part.Blocks, h.moments(st)...)
	for _, t := range []*page.Table{h.causes(st), h.series(st), memoryTable(st), workTable(st.Operations), h.files(st)} {
		if len(t.Rows) > 0 {
			part.Blocks = append(part.Blocks, h.cap(t))
		}
	}
	return part
}

// moments are the charts of what was read over time.
func (h *pageOf) moments(st *gates.Stability) []page.Block {
	var out []page.Block
	for _, c := range []struct {
		title, unit string
		lines       []momentLine
	}{
		{"Memory", "bytes", []momentLine{{"RSS", func(m *gates.Moment) *float64 { return m.RSS }}, {"live heap", func(m *gates.Moment) *float64 { return m.Live }}}},
		{"Goroutines", "goroutines", []momentLine{{"goroutines", func(m *gates.Moment) *float64 { return m.Goroutines }}}},
		{"Operations since the first reading", "count", []momentLine{{"operations", func(m *gates.Moment) *float64 { return m.Operations }}}},
	} {
		chart := &page.Chart{Title: c.title, Format: amounts(c.unit), Note: "times count from the beginning of the report"}
		for _, l := range c.lines {
			points, ok := h.points(st.Moments, l.of)
			if !ok {
				continue
			}
			thin, cut := page.Thin(points, min(maxPoints, max(h.rows, 50)))
			if cut {
				chart.Note += "; thinned to " + unit.Count(float64(len(thin))) + " of " + unit.Count(float64(len(points))) + " readings, the highest and the lowest kept"
			}
			chart.Lines = append(chart.Lines, page.Line{Name: l.name, Points: thin})
		}
		if len(chart.Lines) > 0 {
			out = append(out, chart)
		}
	}
	return out
}

type momentLine struct {
	name string
	of   func(*gates.Moment) *float64
}

// points makes a line; ok is false where nothing was read. What was not read interrupts it.
func (h *pageOf) points(moments []gates.Moment, of func(*gates.Moment) *float64) (points []page.Point, ok bool) {
	start := h.started
	if start.IsZero() {
		start = time.Unix(0, 0)
	}
	for i := range moments {
		m := &moments[i]
		if !finite(m.AtS) || m.AtS < 0 {
			continue
		}
		p := page.Point{Time: start.Add(time.Duration(min(m.AtS, 1e9) * float64(time.Second))), Value: math.NaN()}
		if v := of(m); there(v) {
			p.Value, ok = *v, true
		}
		points = append(points, p)
	}
	return points, ok
}

// causes is the table of what grows.
func (h *pageOf) causes(st *gates.Stability) *page.Table {
	t := &page.Table{Caption: causesTitle, Columns: []page.Column{
		{Title: "an hour", Number: true}, {Title: "low", Number: true, Hint: "of its interval"}, {Title: "high", Number: true, Hint: "of its interval"},
		{Title: "share", Number: true}, {Title: "what", Code: true}, {Title: "of", Code: true},
	}}
	for i := range st.Causes {
		c := &st.Causes[i]
		rate, share, at := causeRow(c)
		print := amounts(causeUnit(c))
		cells := []page.Cell{figure(c.RatePerHour, func(float64) string { return rate }), figure(c.Low, print), figure(c.High, print),
			figure(c.SharePercent, func(float64) string { return share }), {Text: at}, {Text: name(c.Series)}}
		if there(c.SharePercent) {
			cells[3].Share = shareOf(*c.SharePercent)
		}
		r := page.Row{Cells: cells}
		if len(c.Stack) > 0 {
			stack := &page.Table{Caption: "Stack of " + at, Columns: []page.Column{{Title: "function, the innermost first", Code: true}}}
			for _, f := range c.Stack {
				stack.Rows = append(stack.Rows, page.Row{Cells: []page.Cell{{Text: name(f)}}})
			}
			r.Detail = append(r.Detail, h.cap(stack))
		}
		t.Rows = append(t.Rows, r)
	}
	return h.cap(t)
}

// series is the table of everything that was judged.
func (h *pageOf) series(st *gates.Stability) *page.Table {
	t := &page.Table{Caption: "What was judged", Columns: []page.Column{
		{Title: "series"}, {Title: "verdict"}, {Title: "first", Number: true}, {Title: "last", Number: true}, {Title: "an hour", Number: true},
		{Title: "low", Number: true, Hint: "of the interval of the rate"}, {Title: "high", Number: true, Hint: "of the interval of the rate"},
		{Title: "an operation", Number: true, Hint: "growth for each operation"}, {Title: "needed", Number: true, Hint: "how much longer would decide"}, {Title: "reason"},
	}}
	for i := range st.Series {
		s := &st.Series[i]
		print, tone, verdict := amounts(s.Unit), page.Plain, name(s.Verdict)
		rate, low, high, per := s.RatePerHour, s.Low, s.High, s.PerWork
		if s.Verdict == "flat" && falls(s.High) {
			verdict, rate, low, high, per = "does not grow", nil, nil, nil, nil
		}
		switch s.Verdict {
		case "growing":
			tone = page.Bad
		case "flat", "settling":
			tone = page.Good
		}
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: name(s.Name)}, {Text: verdict, Tone: tone}, figure(s.First, print), figure(s.Last, print),
			figure(rate, print), figure(low, print), figure(high, print), figure(per, print), figure(s.NeededS, seconds), {Text: line(s.Reason)}}})
	}
	return h.cap(t)
}

// memoryTable holds where memory went, and the threshold.
func memoryTable(st *gates.Stability) *page.Table {
	t := &page.Table{Caption: "Memory", Columns: []page.Column{{Title: "what"}, {Title: "value", Number: true}, {Title: "low", Number: true}, {Title: "high", Number: true}}}
	print := amounts("bytes")
	add := func(what string, v, low, high *float64) {
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: what}, figure(v, print), figure(low, print), figure(high, print)}})
	}
	if m := st.Memory; m != nil {
		of := name(m.Name)
		beginning := "at the beginning"
		if there(m.InitialAtS) {
			beginning = "when first known, after " + seconds(*m.InitialAtS)
		}
		add(of+" "+beginning, &m.Initial, nil, nil)
		add(of+" at the end", &m.Final, nil, nil)
		add("growth", &m.Growth, nil, nil)
		if !falls(m.High) {
			add("growth an hour after the warm-up", m.RatePerHour, m.Low, m.High)
		}
	}
	if g := st.Threshold; g != nil {
		add("growth after the warm-up", g.Grown, nil, nil)
		add("threshold", &g.Limit, nil, nil)
	}
	return t
}

// workTable holds how much was done, and whether it became slower.
func workTable(o *gates.Operations) *page.Table {
	t := &page.Table{Caption: "Work", Columns: []page.Column{{Title: "what"}, {Title: "value", Number: true}, {Title: "change an hour", Number: true},
		{Title: "low", Number: true, Hint: "of the 95 % interval of the change"}, {Title: "high", Number: true, Hint: "of the 95 % interval of the change"}, {Title: "verdict"}}}
	if o == nil {
		return t
	}
	whole := func(v float64) string { return quantity("count", math.Round(v)) }
	t.Rows = append(t.Rows,
		page.Row{Cells: []page.Cell{{Text: "operations (" + name(o.Metric) + ")"}, figure(&o.Total, whole), {}, {}, {}, {}}},
		page.Row{Cells: []page.Cell{{Text: "operations an hour"}, figure(&o.PerHour, whole), figure(o.ChangePercent, signed), figure(o.LowPercent, signed), figure(o.HighPercent, signed),
			{Text: name(o.Verdict), Tone: rateTone(o.Verdict)}}},
		page.Row{Cells: []page.Cell{{Text: "change an hour that is too much"}, {}, figure(&o.LimitPercent, percent), {}, {}, {}}})
	if c := o.CPU; c != nil {
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: "CPU time of an operation"}, figure(&c.SecondsPerOp, amounts("seconds")), figure(c.ChangePercent, signed),
			figure(c.LowPercent, signed), figure(c.HighPercent, signed), {Text: name(c.Verdict), Tone: rateTone(c.Verdict)}}})
	}
	return t
}

func rateTone(verdict string) page.Tone {
	switch verdict {
	case gates.Steady:
		return page.Good
	case gates.Degrading:
		return page.Bad
	case gates.FellOnce:
		return page.Warn
	}
	return page.Plain
}

// files are the profiles and recordings that lie beside the report.
func (h *pageOf) files(st *gates.Stability) *page.Table {
	t := &page.Table{Caption: "Files beside the report", Columns: []page.Column{{Title: "file", Code: true}}}
	for _, f := range st.Files {
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: name(f)}}})
	}
	return h.cap(t)
}
