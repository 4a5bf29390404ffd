package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/history"
	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// picture is a history as it is shown.
type picture struct {
	history *history.History
	series  []history.Series
	hidden  int
	drift   []history.Drift
}

const (
	plotRows    = 6
	historyCols = 10 // "1.23 MB/h "
)

// text is the history for people, charts included.
func (p *picture) text(width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s to %s\n", unit.Things(len(p.history.Reports), "report"), day(p.history.Reports[0].Report.StartedAt),
		day(p.history.Reports[len(p.history.Reports)-1].Report.StartedAt))
	p.findings(&b, "  ", theme.Clean)
	for i := range p.series {
		b.WriteString("\n" + historySeries(&p.series[i], width))
	}
	if p.hidden > 0 {
		b.WriteString("\n" + counted(p.hidden, "series is", "series are") + " not shown; --all shows them\n")
	}
	return b.String()
}

// findings tells what has grown.
func (p *picture) findings(b *strings.Builder, indent string, clean func(string) string) {
	if len(p.drift) == 0 {
		text, _ := p.unproven()
		b.WriteString(text + "\n")
		return
	}
	b.WriteString(unit.Things(len(p.drift), "growth") + " that has not gone again:\n")
	for _, d := range p.drift {
		b.WriteString(indent + clean(d.String()) + "\n")
	}
}

// unproven says what is known where no growth is proven, and whether that is good: it is no pass where there are too few reports.
func (p *picture) unproven() (text string, judged bool) {
	few := 0
	for i := range p.series {
		if !p.series[i].Judged() {
			few++
		}
	}
	text = "no growth is proven that has not gone again"
	switch {
	case few == 0:
		return text, true
	case few == len(p.series):
		return fmt.Sprintf("too few reports to judge growth by: %d of one environment are needed", history.LeastReports), false
	}
	return text + "; " + counted(few, "series has", "series have") + " too few reports to judge", true
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// historySeries is the chart of one series and what is to be said of it.
func historySeries(s *history.Series, width int) string {
	var b strings.Builder
	b.WriteString(theme.Truncate(theme.Clean(s.Scenario+"."+s.Metric)+"  "+lastWords(s), width) + "\n")
	drawPoints(&b, s, width)
	for i := range s.Changes {
		wrapHistory(&b, width, fmt.Sprintf("%d ", i+1), theme.Clean(movedWords(s, &s.Changes[i])))
	}
	wrapHistory(&b, width, "  ", theme.Clean(creepWords(s)))
	if n := len(s.Epochs); n > 1 {
		wrapHistory(&b, width, "  ", theme.Clean(fmt.Sprintf("%d environments, each judged by itself; the latest: %s", n, latestEpoch(s).Environment)))
	}
	return b.String()
}

func wrapHistory(b *strings.Builder, width int, first, text string) {
	for _, line := range theme.Wrap(text, width-2, 20) {
		b.WriteString(strings.TrimRight(first+line, " ") + "\n")
		first = "  "
	}
}

func latestEpoch(s *history.Series) history.Epoch {
	if p, ok := s.Last(); ok {
		return s.Epochs[p.Epoch]
	}
	return s.Epochs[len(s.Epochs)-1]
}

// lastWords is the latest value and what was made of it.
func lastWords(s *history.Series) string {
	p, ok := s.Last()
	if !ok {
		return "was never measured"
	}
	text := gates.FormatValue(s.Unit, p.Median)
	if p.Limit != nil {
		text += " of " + gates.FormatValue(s.Unit, *p.Limit)
	}
	if p.Verdict != "" {
		text += ", " + string(p.Verdict)
	}
	if gap := s.Points[len(s.Points)-1]; gap.Missing != "" {
		text += "; not measured since " + day(p.Time) + ": " + theme.Clean(gap.Missing)
	}
	return text
}

// movedWords says where a level changed, and by how much.
func movedWords(s *history.Series, c *history.Change) string {
	at := s.Points[c.At]
	text := day(at.Time)
	if at.Commit != "" {
		text += " at " + shortHash(at.Commit)
	}
	text += ": " + movedSize(s.Unit, &c.Size)
	if from, to := s.Points[c.From].Time, s.Points[c.To].Time; !from.Equal(to) {
		text += fmt.Sprintf("; it lies between %s and %s", day(from), day(to))
	}
	return text
}

func creepWords(s *history.Series) string {
	c := s.Creep
	if c == nil {
		return "since the anchor: " + s.NoCreep
	}
	since := day(c.Since)
	if c.Commit != "" {
		since += " (" + shortHash(c.Commit) + ")"
	}
	return "since " + since + ": " + movedSize(s.Unit, &c.Size)
}

// movedSize is a change with its interval, and the values before and after.
func movedSize(of string, s *history.Size) string {
	text := gates.FormatValue(of, s.Before) + " to " + gates.FormatValue(of, s.After)
	if s.Percent == nil {
		return text
	}
	percent := signedPercent(*s.Percent)
	if s.LowPercent != nil && s.HighPercent != nil {
		percent += " (" + signedPercent(*s.LowPercent) + " to " + signedPercent(*s.HighPercent) + ")"
	}
	return percent + ", " + text
}

// plotted is what stands in one column of a chart.
type plotted struct {
	values []float64
	marks  []int // numbers of changes
}

// drawPoints draws a point for each report, in the order of time: several to a column where there are more than columns.
func drawPoints(b *strings.Builder, s *history.Series, width int) {
	columns, low, high := inColumns(s, max(width-historyCols-1, 20))
	if math.IsInf(low, 1) {
		b.WriteString("  " + theme.SignUnknown + "\n")
		return
	}
	if pad := math.Max(math.Abs(high)*.02, (high-low)*.05); high-low < 2*pad { // a flat line is drawn as one
		low, high = low-pad, high+pad
	}
	for row := range plotRows {
		label := ""
		switch row {
		case 0:
			label = gates.FormatValue(s.Unit, high)
		case plotRows - 1:
			label = gates.FormatValue(s.Unit, low)
		}
		b.WriteString(strings.TrimRight(theme.PadLeft(label, historyCols)+"┤"+plotRow(columns, low, high, row), " ") + "\n")
	}
	marks := []byte(strings.Repeat(" ", len(columns)))
	any := false
	for i, c := range columns {
		for _, m := range c.marks {
			marks[i], any = "123456789+"[min(m, 9)], true
		}
	}
	if any {
		b.WriteString(strings.TrimRight(theme.Spaces(historyCols+1)+string(marks), " ") + "\n")
	}
}

// inColumns puts the points into columns, and returns the range of the values.
func inColumns(s *history.Series, most int) (columns []plotted, low, high float64) {
	n := min(len(s.Points), most)
	columns = make([]plotted, n)
	low, high = math.Inf(1), math.Inf(-1)
	for i, p := range s.Points {
		if p.Missing == "" {
			c := &columns[i*n/len(s.Points)]
			c.values = append(c.values, p.Median)
			low, high = math.Min(low, p.Median), math.Max(high, p.Median)
		}
	}
	for i, c := range s.Changes {
		at := &columns[c.At*n/len(s.Points)]
		at.marks = append(at.marks, i)
	}
	return columns, low, high
}

// plotRow is one row of the plot, the top one being 0. A change is a line in its column where no point is.
func plotRow(columns []plotted, low, high float64, row int) string {
	var b strings.Builder
	for _, c := range columns {
		cell := " "
		if len(c.marks) > 0 {
			cell = "│"
		}
		for _, v := range c.values {
			if plotRows-1-int(math.Round((v-low)/(high-low)*(plotRows-1))) == row {
				cell = "•"
			}
		}
		b.WriteString(cell)
	}
	return b.String()
}

// markdown is the history for an issue or a summary.
func (p *picture) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## Memory over %s, %s to %s\n\n", unit.Things(len(p.history.Reports), "report"), day(p.history.Reports[0].Report.StartedAt),
		day(p.history.Reports[len(p.history.Reports)-1].Report.StartedAt))
	p.findings(&b, "\n* ", report.MarkdownText)
	b.WriteString("\n| series | trend | now | since the anchor | changes |\n|---|---|---|---|---|\n")
	for i := range p.series {
		s := &p.series[i]
		var values []float64
		for _, point := range s.Points {
			v := math.NaN()
			if point.Missing == "" {
				v = point.Median
			}
			values = append(values, v)
		}
		var changes []string
		for j := range s.Changes {
			changes = append(changes, report.MarkdownText(movedWords(s, &s.Changes[j])))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", report.MarkdownText(s.Scenario+"."+s.Metric), strings.TrimSpace(chart.Spark(values, 24)),
			report.MarkdownText(lastWords(s)), report.MarkdownText(strings.TrimPrefix(creepWords(s), "since the anchor: ")), strings.Join(changes, "<br>"))
	}
	if p.hidden > 0 {
		b.WriteString("\n" + counted(p.hidden, "series is", "series are") + " not shown.\n")
	}
	return b.String()
}

// json is the history for programs.
func (p *picture) json() ([]byte, error) {
	out := struct {
		Schema  string            `json:"schema"`
		Reports int               `json:"reports"`
		Series  []history.Series  `json:"series"`
		Drift   []history.Drift   `json:"drift"`
		Skipped []history.Skipped `json:"skipped,omitempty"`
	}{"heaptop.history/v1", len(p.history.Reports), p.series, p.drift, p.history.Skipped}
	if out.Series == nil {
		out.Series = []history.Series{}
	}
	if out.Drift == nil {
		out.Drift = []history.Drift{}
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the history: %w", err)
	}
	return append(data, '\n'), nil
}
