package report

import (
	"slices"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/page"
)

// overhead tells what documents take in a database.
func (h *pageOf) overhead(s named, o *gates.OverheadReport) page.Part {
	part := page.Part{Title: "Memory overhead: " + s.label, Verdict: verdictOf(s.Verdict, ""), Note: serverWords(o.Server)}
	for _, sum := range o.Summary {
		for i, words := range summaryWords(o, sum) {
			text := page.Text{Text: words}
			if i == 0 && !there(sum.Overall) {
				text.Tone = page.Warn
			}
			part.Blocks = append(part.Blocks, text)
		}
	}
	if t := summaryTable(o); len(t.Rows) > 0 {
		part.Blocks = append(part.Blocks, t)
	}
	part.Blocks = append(part.Blocks, page.Text{Text: overheadLegend, Tone: page.Faint})
	if o.Against == "" {
		part.Blocks = append(part.Blocks, page.Text{Text: noOverheadTrend, Tone: page.Faint})
	}
	for _, t := range []struct {
		overheadTable
		values [][]*float64
		tone   func(text string) page.Tone // of the last column
	}{
		{breakdown(o), breakdownValues(o), nil}, {budgets(o), budgetValues(s.Scenario, o), nil},
		{categories(o), categoryValues(o), nil}, {trend(o), trendValues(o), statusTone},
	} {
		if len(t.rows) > 0 {
			part.Blocks = append(part.Blocks, h.cap(overheadPage(t.overheadTable, t.values, t.tone)))
		}
	}
	if h.runs {
		part.Blocks = append(part.Blocks, h.cap(h.documents(o)))
	}
	return part
}

// overheadPage puts the exact values behind the figures of a table. Where a document is named once for several rows, each row
// gets its name, as rows are sorted here.
func overheadPage(t overheadTable, values [][]*float64, tone func(string) page.Tone) *page.Table {
	out := &page.Table{Caption: t.title}
	for i, title := range t.head {
		number := slices.ContainsFunc(values, func(row []*float64) bool { return row[i] != nil })
		out.Columns = append(out.Columns, page.Column{Title: title, Number: number, Code: i == 0})
	}
	for i, cells := range t.rows {
		row := page.Row{}
		for j, text := range cells {
			if j < 2 && text == "" && i > 0 {
				text = out.Rows[i-1].Cells[j].Text
			}
			row.Cells = append(row.Cells, page.Cell{Text: text, Value: values[i][j]})
		}
		if tone != nil {
			last := &row.Cells[len(row.Cells)-1]
			last.Tone = tone(last.Text)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func statusTone(status string) page.Tone {
	switch status {
	case gates.TrendBetter:
		return page.Good
	case gates.TrendHigher, gates.TrendUnmeasured:
		return page.Warn
	}
	return page.Plain
}

// exact is the number behind a figure, nil where there is none.
func exact(v *float64) *float64 {
	if !there(v) {
		return nil
	}
	return v
}

// breakdownValues are the numbers behind breakdown, row by row.
func breakdownValues(o *gates.OverheadReport) [][]*float64 {
	var out [][]*float64
	for _, d := range o.Documents {
		text := float64(d.TextBytes)
		for _, s := range d.Stored {
			out = append(out, []*float64{nil, &text, nil, exact(s.Memory), exact(s.Copy), exact(s.OverheadText), exact(s.OverheadString)})
		}
	}
	return out
}

// budgetValues are the numbers behind budgets. What is left is that of the gate.
func budgetValues(sc *gates.Scenario, o *gates.OverheadReport) [][]*float64 {
	left := map[string]*float64{}
	for _, g := range sc.Gates {
		left[g.Metric] = g.HeadroomPercent
	}
	var out [][]*float64
	for _, d := range o.Documents {
		for _, s := range d.Stored {
			if s.Budget == nil || s.Budget.Max <= 0 {
				continue
			}
			was := &s.Budget.Measured
			if *was <= 0 {
				was = nil
			}
			out = append(out, []*float64{nil, nil, exact(s.OverheadText), &s.Budget.Max, exact(left[s.As+"."+d.Name+".overhead_text"]), was, nil})
		}
	}
	return out
}

func categoryValues(o *gates.OverheadReport) [][]*float64 {
	var out [][]*float64
	for _, s := range o.Summary {
		for _, c := range s.Categories {
			of := float64(c.Documents)
			out = append(out, []*float64{nil, nil, &of, exact(&c.Mean)})
		}
	}
	return out
}

func trendValues(o *gates.OverheadReport) [][]*float64 {
	var out [][]*float64
	for _, t := range o.Trend {
		out = append(out, []*float64{nil, nil, exact(t.Current), exact(t.Baseline), exact(t.ChangePercent), nil})
	}
	return out
}

// summaryTable holds each representation over all documents.
func summaryTable(o *gates.OverheadReport) *page.Table {
	t := &page.Table{Caption: "Over all documents, as a multiple of a string", Columns: []page.Column{{Title: "as", Code: true}, {Title: "overall", Number: true, Hint: line(o.Formula)},
		{Title: "small", Number: true}, {Title: "medium", Number: true}, {Title: "large", Number: true}, {Title: "best", Number: true}, {Title: "document"}, {Title: "worst", Number: true}, {Title: "document"}}}
	for _, s := range o.Summary {
		ratio := func(v *float64) page.Cell { return page.Cell{Text: times(v), Value: exact(v)} }
		extreme := func(c *gates.OverheadCase) (of, document page.Cell) {
			if c == nil {
				return ratio(nil), page.Cell{}
			}
			return ratio(&c.Ratio), page.Cell{Text: name(c.Document)}
		}
		best, bestOf := extreme(s.Best)
		worst, worstOf := extreme(s.Worst)
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: name(s.As)}, ratio(s.Overall), ratio(s.Small), ratio(s.Medium), ratio(s.Large), best, bestOf, worst, worstOf}})
	}
	return t
}

// documents tells what each document is, with the values of each run.
func (h *pageOf) documents(o *gates.OverheadReport) *page.Table {
	t := &page.Table{Caption: "Documents, and each run", Columns: []page.Column{{Title: "document", Code: true}, {Title: "category"}, {Title: "text B", Number: true}, {Title: "what"}}}
	for _, d := range o.Documents {
		r := page.Row{Cells: []page.Cell{{Text: name(d.Name)}, {Text: name(d.Category)}, page.Number(float64(d.TextBytes), number(float64(d.TextBytes))), {Text: line(d.Description)}}}
		detail := &page.Table{Caption: "Each run of " + name(d.Name), Columns: []page.Column{{Title: "as", Code: true}, {Title: "encoding", Code: true}, {Title: "what"}, {Title: "bytes", Number: true}}}
		for _, s := range d.Stored {
			add := func(what, missing string, values []float64) {
				for _, v := range values {
					detail.Rows = append(detail.Rows, page.Row{Cells: []page.Cell{{Text: name(s.As)}, {Text: name(s.Encoding)}, {Text: what}, figure(&v, number)}})
				}
				if len(values) == 0 && missing != "" {
					detail.Rows = append(detail.Rows, page.Row{Cells: []page.Cell{{Text: name(s.As)}, {Text: name(s.Encoding)}, {Text: what + ": " + line(missing), Tone: page.Warn}, figure(nil, number)}})
				}
			}
			add("MEMORY USAGE", s.Missing, s.Values)
			add("a copy of many, by used_memory", s.CopyMissing, s.CopyValues)
		}
		if len(detail.Rows) > 0 {
			h.cap(detail)
			r.Detail = append(r.Detail, detail)
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}
