package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"strconv"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/history"
	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// How much of a history a page shows at first; less where the page would become too large.
const (
	pageCharts = 300
	pagePoints = 1000 // of one line
	pageRows   = 1000 // of one table
)

// html is the history as a page of its own.
func (p *picture) html() ([]byte, error) {
	var b bytes.Buffer
	if err := page.WriteFirst(&b, report.LastLevel, p.page); err != nil {
		return nil, fmt.Errorf("write the history: %w", err)
	}
	return b.Bytes(), nil
}

// page is the history; a higher level shows less.
func (p *picture) page(level int) *page.Page {
	out := &page.Page{Title: "Memory over " + unit.Things(len(p.history.Reports), "report"), Facts: p.facts()}
	switch n := len(p.drift); n {
	case 0:
		text, judged := p.unproven()
		out.Verdict = &page.Verdict{Word: "no growth", Tone: page.Good, Text: text}
		if !judged {
			out.Verdict.Word, out.Verdict.Tone = "not judged", page.Warn
		}
	default:
		out.Verdict = &page.Verdict{Word: unit.Things(n, "growth"), Tone: page.Warn, Text: "proven, and not gone again"}
	}
	out.Notes = p.notes()
	out.Parts = p.parts(level)
	return out
}

// facts say what was read.
func (p *picture) facts() []page.Fact {
	all := p.history.Reports
	return []page.Fact{{Name: "reports", Value: strconv.Itoa(len(all))}, {Name: "from", Value: day(all[0].Report.StartedAt)},
		{Name: "to", Value: day(all[len(all)-1].Report.StartedAt)}}
}

// notes say what is not shown, and which files are no reports.
func (p *picture) notes() []string {
	const most = 5
	var out []string
	if p.hidden > 0 {
		out = append(out, counted(p.hidden, "series is", "series are")+" not shown: no gate is on them, and they did not change; heaptop history --all shows them")
	}
	skipped := p.history.Skipped
	for _, s := range skipped[:min(len(skipped), most)] {
		out = append(out, s.Path+" is left out: "+s.Reason)
	}
	if n := len(skipped) - most; n > 0 {
		out = append(out, counted(n, "more file was left out", "more files were left out"))
	}
	return out
}

// parts are what has grown, a table of all series, and the charts of each scenario.
func (p *picture) parts(level int) []page.Part {
	rows := max(pageRows>>level, 10)
	parts := []page.Part{p.grown(rows), p.overview(rows)}
	charts := pageCharts >> level
	shown := p.series[:min(len(p.series), charts)]
	for len(shown) > 0 {
		n := 1
		for n < len(shown) && shown[n].Scenario == shown[0].Scenario {
			n++
		}
		parts = append(parts, overTime(shown[:n], level))
		shown = shown[n:]
	}
	if left := len(p.series) - charts; left > 0 {
		parts[1].Note = fmt.Sprintf("so that the page stays small, %d of %d series have no chart", left, len(p.series))
	}
	return parts
}

// capRows keeps so many rows, and says how many it has left out.
func capRows(t *page.Table, rows int) *page.Table {
	if n := len(t.Rows) - rows; n > 0 {
		t.Rows, t.More = t.Rows[:rows], fmt.Sprintf("and %d more; --format json has all", n)
	}
	return t
}

// sizeColumns are those of a change, which sizeCells fill.
func sizeColumns() []page.Column {
	return []page.Column{{Title: "change", Number: true, Hint: "in percent of what was before"}, {Title: "low", Number: true, Hint: "of the 95 % interval of the change"},
		{Title: "high", Number: true, Hint: "of the 95 % interval of the change"}, {Title: "before", Number: true}, {Title: "after", Number: true}}
}

func sizeCells(of string, s *history.Size) []page.Cell {
	change := percentCell(s.Percent)
	if s.Percent != nil {
		change.Tone = movedTone(s)
	}
	return []page.Cell{change, percentCell(s.LowPercent), percentCell(s.HighPercent), valueCell(of, &s.Before), valueCell(of, &s.After)}
}

// movedTone is the direction of a change: of the shift where there is one, as the medians of few noisy nights may say the other.
func movedTone(s *history.Size) page.Tone {
	moved := s.After - s.Before
	if s.Percent != nil {
		moved = *s.Percent
	}
	if moved < 0 {
		return page.Down
	}
	return page.Up
}

// valueCell is a value of a unit that may not exist.
func valueCell(of string, v *float64) page.Cell {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return page.Cell{Text: "-", Tone: page.Faint}
	}
	return page.Number(*v, gates.FormatValue(of, *v))
}

func percentCell(v *float64) page.Cell {
	if v == nil {
		return page.Cell{Text: "-", Tone: page.Faint}
	}
	return page.Number(*v, signedPercent(*v))
}

// grown is what has grown and not gone again.
func (p *picture) grown(rows int) page.Part {
	part := page.Part{Title: "What has grown"}
	if len(p.drift) == 0 {
		text, judged := p.unproven()
		block := page.Text{Text: text, Tone: page.Good}
		if !judged {
			block.Tone = page.Warn
		}
		part.Blocks = []page.Block{block}
		return part
	}
	t := &page.Table{Caption: "Growths that have not gone again", Columns: append([]page.Column{{Title: "series", Code: true}, {Title: "how"}, {Title: "since"}, {Title: "commit", Code: true},
		{Title: "gated", Hint: "whether a limit or a comparison that can fail is on it"}}, sizeColumns()...)}
	for i := range p.drift {
		d := &p.drift[i]
		how, gated := "at one place", "no"
		if d.Kind == history.DriftCreep {
			how = "in small steps"
		}
		if d.Gated {
			gated = "yes"
		}
		t.Rows = append(t.Rows, page.Row{Cells: append([]page.Cell{{Text: d.Scenario + "." + d.Metric}, {Text: how}, {Text: day(d.Time)}, {Text: shortHash(d.Commit)}, {Text: gated}},
			sizeCells(d.Unit, &d.Size)...), Detail: []page.Block{page.Text{Text: d.String()}}})
	}
	part.Blocks = []page.Block{capRows(t, rows)}
	return part
}

// overview is a table of all series.
func (p *picture) overview(rows int) page.Part {
	t := &page.Table{Caption: "All series", Columns: append([]page.Column{{Title: "series", Code: true}, {Title: "now", Number: true}, {Title: "limit", Number: true}, {Title: "verdict"},
		{Title: "changes"}, {Title: "since"}}, sizeColumns()...)}
	for i := range p.series {
		s := &p.series[i]
		cells := []page.Cell{{Text: s.Scenario + "." + s.Metric}, {Text: "-", Tone: page.Faint}, valueCell(s.Unit, nil), {}, {Text: strconv.Itoa(len(s.Changes))}}
		if last, ok := s.Last(); ok {
			cells[1], cells[2] = valueCell(s.Unit, &last.Median), valueCell(s.Unit, last.Limit)
			cells[3] = page.Cell{Text: string(last.Verdict), Tone: report.Tone(last.Verdict)}
		}
		if s.Creep != nil {
			cells = append(append(cells, page.Cell{Text: day(s.Creep.Since)}), sizeCells(s.Unit, &s.Creep.Size)...)
		} else {
			cells = append(cells, page.Cell{Text: s.NoCreep, Tone: page.Faint}, page.Cell{}, page.Cell{}, page.Cell{}, page.Cell{}, page.Cell{})
		}
		t.Rows = append(t.Rows, page.Row{Cells: cells, Detail: []page.Block{page.Text{Text: lastWords(s)}, page.Text{Text: creepWords(s)}}})
	}
	return page.Part{Title: "Trends", Blocks: []page.Block{capRows(t, rows)}}
}

// overTime is the charts of one scenario, and what changed in it.
func overTime(list []history.Series, level int) page.Part {
	part := page.Part{Title: "Over time: " + list[0].Scenario}
	changes := &page.Table{Caption: "Changes of " + list[0].Scenario, Columns: append([]page.Column{{Title: "metric", Code: true}, {Title: "first report of the new level"}, {Title: "commit", Code: true}},
		append(sizeColumns(), page.Column{Title: "p", Number: true, Hint: "of the permutation test"}, page.Column{Title: "lies between", Hint: "with a probability of about 95 %"}, page.Column{Title: "environment"})...)}
	for i := range list {
		s := &list[i]
		part.Blocks = append(part.Blocks, seriesChart(s, max(pagePoints>>level, 20)))
		for j := range s.Changes {
			c := &s.Changes[j]
			cells := append([]page.Cell{{Text: s.Metric}, {Text: day(s.Points[c.At].Time)}, {Text: shortHash(s.Points[c.At].Commit)}}, sizeCells(s.Unit, &c.Size)...)
			cells = append(cells, page.Number(c.P, strconv.FormatFloat(c.P, 'g', 3, 64)), page.Cell{Text: day(s.Points[c.From].Time) + " and " + day(s.Points[c.To].Time)},
				page.Cell{Text: s.Epochs[c.Epoch].Environment})
			changes.Rows = append(changes.Rows, page.Row{Cells: cells, Detail: []page.Block{page.Text{Text: movedWords(s, c)}}})
		}
	}
	if len(changes.Rows) > 0 {
		part.Blocks = append(part.Blocks, capRows(changes, max(pageRows>>level, 10)))
	}
	return part
}

// seriesChart draws a series: a line for each environment, as none is compared with another, with a gap where nothing was
// measured, the limit, and a mark at each change.
func seriesChart(s *history.Series, most int) *page.Chart {
	c := &page.Chart{Title: s.Scenario + "." + s.Metric + ": " + lastWords(s), Format: func(v float64) string { return gates.FormatValue(s.Unit, v) }, Note: creepWords(s)}
	for e, epoch := range s.Epochs {
		if epoch.Points == 0 {
			continue
		}
		name := s.Metric
		if len(s.Epochs) > 1 {
			name = epoch.Environment
			if e > 0 {
				c.Marks = append(c.Marks, page.Mark{Time: epoch.First, Label: "another environment", Tone: page.Faint})
			}
		}
		c.Lines = append(c.Lines, page.Line{Name: name, Dots: true, Points: thinPoints(c, epochPoints(s, e), most)})
	}
	if limit := limitPoints(s); len(limit) > 0 {
		c.Lines = append(c.Lines, page.Line{Name: "limit", Dashed: true, Points: limit})
	}
	for i := range s.Changes {
		at := &s.Changes[i]
		tone, label := page.Good, "changed"
		if movedTone(&at.Size) == page.Up {
			tone = page.Warn
		}
		if at.Percent != nil {
			label = signedPercent(*at.Percent)
		}
		c.Marks = append(c.Marks, page.Mark{Time: s.Points[at.At].Time, Label: label, Tone: tone})
	}
	if len(s.Epochs) > 1 {
		c.Note += fmt.Sprintf("; %d environments, each judged by itself", len(s.Epochs))
	}
	return c
}

// thinPoints keeps so many points, and says so in the note of the chart.
func thinPoints(c *page.Chart, points []page.Point, most int) []page.Point {
	thin, cut := page.Thin(points, most)
	if cut {
		c.Note += "; thinned to " + unit.Count(float64(len(thin))) + " of " + unit.Count(float64(len(points))) + " reports, the highest and the lowest kept"
	}
	return thin
}

// epochPoints are the points of an environment. What was not measured in it interrupts the line.
func epochPoints(s *history.Series, epoch int) []page.Point {
	var out []page.Point
	for _, p := range s.Points {
		if p.Epoch != epoch {
			continue
		}
		label := shortHash(p.Commit)
		if p.Missing != "" {
			out = append(out, page.Point{Time: p.Time, Value: math.NaN(), Label: cmp.Or(label, p.Missing)})
			continue
		}
		if p.Verdict != "" {
			label += " " + string(p.Verdict)
		}
		out = append(out, page.Point{Time: p.Time, Value: p.Median, Low: p.Low, High: p.High, Label: label})
	}
	return out
}

// limitPoints are the corners of the limit: where it begins, where it moves and where it ends. A point without a limit
// interrupts it.
func limitPoints(s *history.Series) []page.Point {
	var out []page.Point
	var last, held *page.Point
	for _, p := range s.Points {
		now := page.Point{Time: p.Time, Value: math.NaN()}
		if p.Limit != nil {
			now.Value = *p.Limit
		}
		switch {
		case last == nil && p.Limit == nil:
			continue
		case last != nil && (last.Value == now.Value || math.IsNaN(last.Value) && p.Limit == nil):
			held = &now
			continue
		case held != nil:
			out = append(out, *held)
			held = nil
		}
		out = append(out, now)
		last = &now
	}
	if held != nil {
		out = append(out, *held)
	}
	return out
}

// shortHash is the beginning of a commit.
func shortHash(commit string) string { return commit[:min(len(commit), 12)] }

func signedPercent(v float64) string { return fmt.Sprintf("%+.3g%%", v) }
