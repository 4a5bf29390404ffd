package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/page"
)

// scenario makes the parts of one scenario: what was found, its limits, comparisons, metrics and causes, and what it has of
// overhead and stability. A scenario that passed is closed at first.
func (h *pageOf) scenario(s named) []page.Part {
	passed := s.Verdict == gates.Passed
	main := page.Part{Title: s.label, Verdict: verdictOf(s.Verdict, ""), Note: effort(s.Scenario), Folded: passed}
	for _, f := range findings(s.Scenario) {
		main.Blocks = append(main.Blocks, page.Text{Text: f.text, Tone: Tone(f.verdict)})
	}
	for _, note := range notes(s.Scenario) {
		main.Blocks = append(main.Blocks, page.Text{Text: note, Tone: page.Warn})
	}
	main.Blocks = append(main.Blocks, h.blame(s.Scenario)...)
	main.Blocks = append(main.Blocks, h.trend(s.Trend)...)
	add := func(t *page.Table) {
		if len(t.Rows) > 0 {
			main.Blocks = append(main.Blocks, t)
		}
	}
	add(h.gates(s))
	add(h.comparisons(s))
	measured := h.metrics(s)
	if s.Overhead == nil {
		add(measured)
	}
	if len(main.Blocks) == 0 {
		main.Blocks = append(main.Blocks, page.Text{Text: "nothing was measured", Tone: page.Faint})
	}
	parts := []page.Part{main}
	if s.Stability != nil {
		parts = append(parts, h.stability(s))
	}
	if o := overheadOf(s.Scenario); o != nil {
		parts = append(parts, h.overhead(s, o))
	}
	if s.Overhead != nil && len(measured.Rows) > 0 {
		parts = append(parts, page.Part{Title: "Metrics of " + s.label, Blocks: []page.Block{measured}, Folded: true})
	}
	return parts
}

// cap keeps so many rows of a table, and says how many it has left out. It drops what columns mean where that is asked for.
func (h *pageOf) cap(t *page.Table) *page.Table {
	if !h.hints {
		for i := range t.Columns {
			t.Columns[i].Hint = ""
		}
	}
	if n := len(t.Rows) - h.rows; n > 0 {
		t.Rows, t.More = t.Rows[:h.rows], fmt.Sprintf("and %d more; --format json has all", n)
	}
	return t
}

// gates is the table of the limits.
func (h *pageOf) gates(s named) *page.Table {
	t := &page.Table{Caption: "Limits of " + s.label, Columns: []page.Column{
		{Title: "metric", Code: true}, {Title: "measured", Number: true}, {Title: "limit", Number: true},
		{Title: "left", Number: true, Hint: "in percent of the limit; below 0 above the limit"}, {Title: "verdict"},
		{Title: "from", Hint: "who set the limit: a preset, the configuration or a flag"}, {Title: "reason"},
	}}
	for _, g := range s.Gates {
		print := amounts(g.Unit)
		value, left := figure(g.Value, print), figure(g.HeadroomPercent, percent)
		if there(g.Value) && g.Limit > 0 {
			value.Share = min(max(*g.Value/g.Limit, 0), 1)
		}
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: name(g.Metric)}, value, figure(&g.Limit, print), left,
			{Text: name(string(g.Verdict)), Tone: Tone(g.Verdict)}, {Text: name(g.From)}, {Text: line(g.Reason)}}})
	}
	return h.cap(t)
}

// comparisons is the table of what was compared with a baseline.
func (h *pageOf) comparisons(s named) *page.Table {
	t := &page.Table{Caption: "Comparisons of " + s.label, Columns: []page.Column{
		{Title: "metric", Code: true}, {Title: "against"}, {Title: "baseline", Number: true}, {Title: "current", Number: true},
		{Title: "change", Number: true, Hint: "in percent of the baseline"}, {Title: "from", Number: true, Hint: "lower end of the interval of the change"},
		{Title: "to", Number: true, Hint: "upper end of the interval of the change"}, {Title: "p", Number: true, Hint: "of the test that decided"},
		{Title: "allowed", Number: true, Hint: "growth from which it fails"}, {Title: "runs", Hint: "of the baseline, and of the current side"},
		{Title: "verdict", Hint: "in brackets: it is watched, and fails nothing"},
	}}
	for i := range s.Comparisons {
		c := &s.Comparisons[i]
		t.Rows = append(t.Rows, page.Row{Cells: comparisonCells(c, amounts(unitOf(s.Scenario, c.Metric))), Detail: []page.Block{page.Text{Text: comparisonWords(*c)}}})
	}
	return h.cap(t)
}

func comparisonCells(c *gates.Comparison, print func(float64) string) []page.Cell {
	change := figure(c.ChangePercent, signed)
	if there(c.ChangePercent) {
		change.Tone = changeTone(*c.ChangePercent)
	}
	var r row
	compare(&r, c, "")
	tone := Tone(r.worst)
	if !c.Gated || c.Verdict == gates.Stable {
		tone = page.Plain
	}
	if c.Severity != "" && c.Gated {
		r.verdict += " (" + name(c.Severity) + ")"
	}
	return []page.Cell{{Text: name(c.Metric)}, {Text: name(c.Against)}, figure(c.Baseline, print), figure(c.Current, print), change,
		figure(c.LowPercent, signed), figure(c.HighPercent, signed), figure(c.P, probability), figure(&c.MaxIncrease, percent),
		{Text: strconv.Itoa(c.Runs[0]) + " + " + strconv.Itoa(c.Runs[1])}, {Text: r.verdict, Tone: tone}}
}

func changeTone(percent float64) page.Tone {
	switch {
	case percent > 0:
		return page.Up
	case percent < 0:
		return page.Down
	}
	return page.Plain
}

func probability(p float64) string { return strconv.FormatFloat(p, 'g', 3, 64) }

// unitOf is the unit of a metric of a scenario: of its measurement, of a limit on it, or of the table of metrics.
func unitOf(s *gates.Scenario, metric string) string {
	if m, ok := s.Metrics[metric]; ok && m.Unit != "" {
		return m.Unit
	}
	if i := slices.IndexFunc(s.Gates, func(g gates.Gate) bool { return g.Metric == metric }); i >= 0 {
		return s.Gates[i].Unit
	}
	m, _ := gates.MetricOf(metric)
	return m.Unit
}

// metrics is the table of what was measured; the definition and the values of each run open under a metric.
func (h *pageOf) metrics(s named) *page.Table {
	t := &page.Table{Caption: "Metrics of " + s.label, Columns: []page.Column{
		{Title: "metric", Code: true}, {Title: "median", Number: true, Hint: "of the runs"},
		{Title: "low", Number: true, Hint: "of the median's order-statistic interval; of few runs the smallest value"},
		{Title: "high", Number: true, Hint: "of the median's order-statistic interval; of few runs the largest value"}, {Title: "unit"}, {Title: "read from"},
	}}
	for _, metric := range order(s.Scenario) {
		m := s.Metrics[metric]
		r := page.Row{Cells: []page.Cell{{Text: name(metric)}, {Text: "-", Tone: page.Faint}, {Text: "-", Tone: page.Faint}, {Text: "-", Tone: page.Faint}, {Text: name(m.Unit)}, {Text: line(m.Source)}}}
		if m.Definition != "" && h.hints {
			r.Detail = append(r.Detail, page.Text{Text: line(m.Definition)})
		}
		if measured(m) {
			print := amounts(m.Unit)
			r.Cells[1], r.Cells[2], r.Cells[3] = figure(&m.Median, print), figure(&m.Low, print), figure(&m.High, print)
			if h.runs {
				r.Detail = append(r.Detail, h.values(metric, m.Values, print))
			}
		} else {
			r.Cells[5] = page.Cell{Text: "not measured: " + cmp.Or(line(m.Missing), "no reason is known"), Tone: page.Faint}
		}
		t.Rows = append(t.Rows, r)
	}
	return h.cap(t)
}

// values is the table of the values of each run, with all their digits.
func (h *pageOf) values(of string, values []float64, print func(float64) string) *page.Table {
	t := &page.Table{Caption: "Each run of " + name(of), Columns: []page.Column{{Title: "run"}, {Title: "value", Number: true}, {Title: "exactly", Number: true}}}
	for i, v := range values {
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: strconv.Itoa(i + 1)}, figure(&v, print), figure(&v, number)}})
	}
	return h.cap(t)
}

// blame is the table of what carries a growth.
func (h *pageOf) blame(s *gates.Scenario) []page.Block {
	var out []page.Block
	if len(s.Blame) > 0 {
		t := &page.Table{Caption: blameTitle(s), Columns: []page.Column{{Title: "share", Number: true}, {Title: "change", Number: true}, {Title: "site", Code: true}}}
		for _, b := range s.Blame {
			share, change, site := blameWords(b)
			cells := []page.Cell{figure(&b.SharePercent, func(float64) string { return share }), figure(&b.ChangeBytes, func(float64) string { return change }), {Text: site}}
			cells[0].Share = shareOf(b.SharePercent)
			t.Rows = append(t.Rows, page.Row{Cells: cells})
		}
		out = append(out, h.cap(t))
	}
	if s.BlameNote != "" {
		out = append(out, page.Text{Text: line(s.BlameNote), Tone: page.Faint})
	}
	return out
}

// shareOf makes a bar of a percentage.
func shareOf(percent float64) float64 {
	if !finite(percent) {
		return 0
	}
	return min(max(percent/100, 0), 1)
}

// trend tells whether a long scenario grew.
func (h *pageOf) trend(t *gates.Trend) []page.Block {
	if t == nil {
		return nil
	}
	tone := page.Plain
	if t.Verdict == "growing" {
		tone = page.Bad
	}
	print := amounts(trendUnit(t))
	return []page.Block{page.Text{Text: trendWords(t), Tone: tone}, h.cap(&page.Table{Caption: "Trend", Columns: []page.Column{
		{Title: "series", Code: true}, {Title: "first", Number: true}, {Title: "last", Number: true}, {Title: "an hour", Number: true},
		{Title: "low", Number: true, Hint: "of the interval of the slope"}, {Title: "high", Number: true, Hint: "of the interval of the slope"}, {Title: "verdict"},
	}, Rows: []page.Row{{Cells: []page.Cell{{Text: name(t.Metric)}, figure(t.First, print), figure(t.Last, print), figure(t.SlopePerHour, print),
		figure(t.Low, print), figure(t.High, print), {Text: name(t.Verdict), Tone: tone}}}}})}
}
