package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
)

// overheadOf returns the overhead of a scenario that was measured, nil otherwise.
func overheadOf(s *gates.Scenario) *gates.OverheadReport {
	if s.Error != "" {
		return nil
	}
	return s.Overhead
}

// overheadLines are METRIC:<name>:<value> of the documents of a scenario. Where one scenario of a report has an overhead its
// names stand alone, else behind the scenario's.
func overheadLines(label string, o *gates.OverheadReport) string {
	var b strings.Builder
	for _, n := range overhead.Numbers(o) {
		value := number(n.Value)
		if n.Unit == "ratio" {
			value = fmt.Sprintf("%.4f", n.Value)
		}
		fmt.Fprintf(&b, "METRIC:%s%s:%s\n", label, inMetricLine(name(n.Name)), value)
	}
	return b.String()
}

// overheadLabel is what stands before the names of METRIC lines.
func overheadLabel(list []named, s named) string {
	n := 0
	for _, o := range list {
		if o.Overhead != nil {
			n++
		}
	}
	if n < 2 {
		return ""
	}
	return inMetricLine(s.label) + "."
}

// times prints a ratio, or that there is none.
func times(v *float64) string {
	if !there(v) {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', 2, 64) + "x"
}

func whole(v *float64) string {
	if !there(v) {
		return "-"
	}
	return strconv.FormatFloat(*v, 'f', 0, 64)
}

// serverWords is "redis 7.0.15, jemalloc-5.3.0, key names of 24 bytes".
func serverWords(s gates.OverheadServer) string {
	parts := []string{strings.TrimSpace(name(s.Name) + " " + name(s.Version)), name(s.Allocator), name(s.Mode)}
	if s.JSON != "" {
		parts = append(parts, "JSON module: "+name(s.JSON))
	} else {
		parts = append(parts, "no JSON module")
	}
	if s.KeyBytes > 0 {
		parts = append(parts, fmt.Sprintf("key names of %d bytes", s.KeyBytes))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

// summaryWords are the sentences of one representation: the overall ratio with its formula, by size, best and worst.
func summaryWords(o *gates.OverheadReport, s gates.OverheadSummary) []string {
	as := name(s.As)
	if !there(s.Overall) {
		return []string{as + ": unmeasured; " + cmp.Or(line(s.Missing), "no reason is known")}
	}
	out := []string{
		fmt.Sprintf("%s: overall overhead %.4f = %s", as, *s.Overall, line(o.Formula)),
		fmt.Sprintf("small %s, medium %s, large %s the memory of a string", times(s.Small), times(s.Medium), times(s.Large)),
	}
	if s.Best != nil && s.Worst != nil {
		out = append(out, fmt.Sprintf("best %s %.2fx, worst %s %.2fx", name(s.Best.Document), s.Best.Ratio, name(s.Worst.Document), s.Worst.Ratio))
	}
	return out
}

// What the columns of the tables are, and why there is no trend.
const (
	overheadLegend  = "a copy: the change of used_memory for one of many, a second figure; / text: memory over the bytes of compact JSON; / string: memory over that as a string"
	noOverheadTrend = "no trend: --baseline FILE names an earlier report"
)

// overheadTable is a table of a nightly report: cells, the first to the left and the others to the right.
type overheadTable struct {
	title string
	head  []string
	rows  [][]string
}

// overheadTables are the breakdown, the budgets, the categories and the trend, those of them that hold something.
func overheadTables(o *gates.OverheadReport) []overheadTable {
	all := []overheadTable{breakdown(o), budgets(o), categories(o), trend(o)}
	return slices.DeleteFunc(all, func(t overheadTable) bool { return len(t.rows) == 0 })
}

func breakdown(o *gates.OverheadReport) overheadTable {
	out := overheadTable{"Breakdown", []string{"document", "text B", "as", "memory B", "a copy B", "/ text", "/ string"}, nil}
	for _, d := range o.Documents {
		for i, s := range d.Stored {
			document, text := name(d.Name), strconv.Itoa(d.TextBytes)
			if i > 0 {
				document, text = "", ""
			}
			out.rows = append(out.rows, []string{document, text, name(s.As), whole(s.Memory), whole(s.Copy), times(s.OverheadText), times(s.OverheadString)})
		}
	}
	return out
}

func budgets(o *gates.OverheadReport) overheadTable {
	out := overheadTable{"Budgets of / text, and what was measured when they were set", []string{"document", "as", "/ text", "budget", "left", "was", "on"}, nil}
	for _, d := range o.Documents {
		for _, s := range d.Stored {
			if s.Budget == nil || s.Budget.Max <= 0 {
				continue
			}
			left, was := "-", "-"
			if there(s.OverheadText) {
				left = percent((s.Budget.Max - *s.OverheadText) / s.Budget.Max * 100)
			}
			if s.Budget.Measured > 0 {
				was = times(&s.Budget.Measured)
			}
			on := strings.TrimPrefix(name(s.Budget.Date), "20") // 26-11-22 fits
			out.rows = append(out.rows, []string{name(d.Name), name(s.As), times(s.OverheadText), times(&s.Budget.Max), left, was, on})
		}
	}
	return out
}

func categories(o *gates.OverheadReport) overheadTable {
	out := overheadTable{"By category, mean of / string over so many documents", []string{"category", "as", "of", "mean"}, nil}
	for _, s := range o.Summary {
		for _, c := range s.Categories {
			out.rows = append(out.rows, []string{name(c.Name), name(s.As), strconv.Itoa(c.Documents), times(&c.Mean)})
		}
	}
	return out
}

func trend(o *gates.OverheadReport) overheadTable {
	out := overheadTable{"Trend of / string against " + name(o.Against), []string{"document", "as", "current", "baseline", "change", "status"}, nil}
	for _, t := range o.Trend {
		change := "-"
		if there(t.ChangePercent) {
			change = fmt.Sprintf("%+.1f%%", *t.ChangePercent)
		}
		out.rows = append(out.rows, []string{name(t.Document), name(t.As), times(t.Current), times(t.Baseline), change, name(t.Status)})
	}
	return out
}

// overhead writes the nightly report of a scenario.
func (t *text) overhead(list []named, s named) {
	o := s.Overhead
	t.b.WriteString("\n")
	title := "Memory overhead: " + s.label
	if e := effort(s.Scenario); e != "" {
		title += " (" + e + ")"
	}
	t.wrap("", title)
	t.wrap("  ", serverWords(o.Server))
	t.wrap("  ", overheadLegend)
	for _, sum := range o.Summary {
		lead := "  "
		for _, words := range summaryWords(o, sum) {
			t.wrap(lead, words)
			lead = "    "
		}
	}
	if o.Against == "" {
		t.wrap("  ", noOverheadTrend)
	}
	for _, table := range overheadTables(o) {
		t.b.WriteString("\n")
		t.wrap("", table.title)
		t.columns(table.head)
		for _, row := range table.rows[:min(len(table.rows), textRows)] {
			t.columns(row)
		}
	}
	if s.Verdict == gates.Passed { // the others' stand above
		for _, note := range notes(s.Scenario) {
			t.wrap("  ! ", note)
		}
	}
	t.b.WriteString("\nMetrics\n")
	for l := range strings.Lines(overheadLines(overheadLabel(list, s), o)) {
		t.b.WriteString(l)
	}
}

// columns writes a row of a table of the nightly report within 80 columns.
func (t *text) columns(cells []string) {
	const first, other = 24, 9
	b := "  " + pad(cells[0], first, false)
	for _, c := range cells[1:] {
		b += pad(c, other, true)
	}
	t.b.WriteString(strings.TrimRight(b, " ") + "\n")
}

// overheads adds the nightly reports of those scenarios that have one.
func (m *bounded) overheads(list []named) {
	for _, s := range list {
		if overheadOf(s.Scenario) == nil {
			continue
		}
		for _, block := range overheadMarkdown(list, s) {
			m.add(block)
		}
	}
}

// overheadMarkdown writes the nightly report of a scenario as blocks, the key metrics first.
func overheadMarkdown(list []named, s named) []string {
	o := s.Overhead
	var b strings.Builder
	fmt.Fprintf(&b, "\n### Memory overhead: %s\n\n%s\n\n", MarkdownCode(s.label), prose(serverWords(o.Server)))
	for _, sum := range o.Summary {
		b.WriteString("* " + prose(strings.Join(summaryWords(o, sum), "; ")) + "\n")
	}
	blocks := []string{b.String()}
	for _, table := range overheadTables(o) {
		var b strings.Builder
		fmt.Fprintf(&b, "\n<details><summary>%s</summary>\n\n| %s |\n| :-- |%s\n", prose(table.title), strings.Join(table.head, " | "), strings.Repeat(" --: |", len(table.head)-1))
		for _, row := range table.rows {
			cells := []string{MarkdownCode(row[0])}
			for _, c := range row[1:] {
				cells = append(cells, prose(c))
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
		blocks = append(blocks, b.String()+"\n</details>\n")
	}
	return append(blocks, "\n<details><summary>Metrics</summary>\n\n```\n"+strings.ReplaceAll(overheadLines(overheadLabel(list, s), o), "```", "'''")+"```\n\n</details>\n")
}
