package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// HTML writes a page that needs nothing but itself: the verdict, a table of all scenarios, and each of them with its limits,
// metrics, comparisons and causes, the worst first. Every figure is that of the report. Where all of it would make more than
// page.MaxBytes, the scenarios that passed stand in the table alone, and then less is told of the others; the page says so.
func HTML(w io.Writer, r *gates.Report) error { return HTMLWith(w, r, Extras{}) }

// Extras are what a page of a report tells besides it.
type Extras struct {
	Title string
	Facts []page.Fact
	Notes []string
	// Parts stand between the table of the scenarios and the scenarios themselves. With a level above 0 less is asked for, as
	// page.WriteFirst does, up to LastLevel. It may be nil.
	Parts func(level int) []page.Part
}

// HTMLWith is HTML with something besides.
func HTMLWith(w io.Writer, r *gates.Report, also Extras) error {
	list := scenarios(r, func(s string) string { return s })
	least := 0
	if len(list) > 2000 { // even the smallest scenarios would be too much
		least = 3
	}
	return page.WriteFirst(w, LastLevel-least, func(level int) *page.Page { return reportPage(r, list, extentOf(level+least), also, level) })
}

// LastLevel is the level at which a page asks for next to nothing, as page.WriteFirst counts them.
const LastLevel = 12

// extent is how much a page tells.
type extent struct {
	passed bool // scenarios that passed are told in full
	runs   bool // so are the values of each run
	hints  bool // and what metrics and columns mean
	full   int  // so many of those that did not pass are told in full
	table  int  // rows of the table of scenarios
	names  int  // of those that passed and have no row there
	rows   int  // rows of any other table
}

func extentOf(level int) extent {
	e := extent{passed: level < 1, runs: level < 2, hints: level < 3, full: 1000, table: 10_000, names: 10_000, rows: 1000}
	if level > 2 {
		e.full, e.table = 128>>(level-3), 500
		e.rows = max(e.rows>>(level-2), 10)
	}
	if level > 5 {
		e.table, e.names = e.table>>(level-5), e.names>>(level-5)
	}
	return e
}

// reportPage fills a page.
func reportPage(r *gates.Report, list []named, e extent, also Extras, level int) *page.Page {
	h := &pageOf{extent: e, started: r.StartedAt}
	title := also.Title
	if title == "" {
		title = "Memory report"
	}
	p := &page.Page{Title: title, Verdict: verdictOf(r.Verdict, scenarioTally(r)), Facts: append(environmentFacts(r), also.Facts...)}
	told := h.told(list)
	p.Parts = append(p.Parts, h.summary(list))
	if part, ok := h.namesPart(list); ok {
		p.Parts = append(p.Parts, part)
	}
	if part, ok := nextPart(r); ok {
		p.Parts = append(p.Parts, part)
	}
	if also.Parts != nil {
		p.Parts = append(p.Parts, also.Parts(level)...)
	}
	for _, s := range told {
		p.Parts = append(p.Parts, h.scenario(s)...)
	}
	for _, warning := range atMost(r.Warnings, maxWarnings) {
		p.Notes = append(p.Notes, line(warning))
	}
	p.Notes = append(p.Notes, also.Notes...)
	p.Notes = append(p.Notes, h.leftOut(list, told)...)
	return p
}

// pageOf makes the parts of a page.
type pageOf struct {
	extent
	started time.Time
}

// told are the scenarios that have a part of their own, the worst first.
func (h *pageOf) told(list []named) []named {
	bad := worstFirst(list)
	out := bad[:min(len(bad), h.full)]
	if !h.passed {
		return out
	}
	for _, s := range list {
		if s.Verdict == gates.Passed {
			out = append(out, s)
		}
	}
	return out
}

// leftOut says what the page does not tell.
func (h *pageOf) leftOut(list, told []named) []string {
	var out []string
	bad := len(worstFirst(list))
	if !h.passed && bad < len(list) {
		out = append(out, "so that the page stays small, "+unit.Things(len(list)-bad, "scenario")+" that passed: in a table alone; --format json has all")
	}
	if len(told) < bad {
		out = append(out, "so that the page stays small, "+unit.Count(float64(len(told)))+" of "+unit.Things(bad, "scenario")+" that did not pass are told in full, the worst; --format json has all")
	}
	switch {
	case !h.hints:
		out = append(out, "the values of single runs and the definitions of metrics are left out; --format json has them")
	case !h.runs:
		out = append(out, "the values of single runs are left out; --format json has them")
	}
	return out
}

// Tone is how a verdict is meant. What could not be measured is no pass.
func Tone(v gates.Verdict) page.Tone {
	switch v {
	case gates.Passed:
		return page.Good
	case gates.Warned:
		return page.Warn
	}
	return page.Bad
}

func verdictOf(v gates.Verdict, text string) *page.Verdict {
	return &page.Verdict{Word: name(string(v)), Tone: Tone(v), Text: text}
}

// scenarioTally is "3 scenarios: 1 failed, 2 passed".
func scenarioTally(r *gates.Report) string {
	if len(r.Scenarios) == 0 {
		return "no scenario was measured"
	}
	return unit.Things(len(r.Scenarios), "scenario") + ": " + tally(r)
}

// environmentFacts tell when, with what and where was measured, as far as is known.
func environmentFacts(r *gates.Report) []page.Fact {
	e := r.Environment
	var out []page.Fact
	add := func(label, value string, code bool) {
		if value != "" {
			out = append(out, page.Fact{Name: label, Value: value, Code: code})
		}
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	add("started", at(r.StartedAt), false)
	add("finished", at(r.FinishedAt), false)
	add("exit code", strconv.Itoa(r.ExitCode), false)
	add("environment", name(e.Name), false)
	add("commit", name(e.Commit), true)
	add("branch", name(e.Branch), true)
	if e.OS != "" || e.Arch != "" {
		add("system", name(e.OS)+"/"+name(e.Arch), false)
	}
	add("kernel", name(e.Kernel), false)
	add("processor", name(e.CPU), false)
	if e.CPUs > 0 {
		add("CPUs", strconv.Itoa(e.CPUs), false)
	}
	if e.MemoryBytes > 0 {
		add("memory", quantity("bytes", float64(e.MemoryBytes)), false)
	}
	add("Go of the measured", name(e.Go), false)
	add("GOGC", name(e.GOGC), true)
	add("GOMEMLIMIT", name(e.GOMEMLIMIT), true)
	if r.Seed != 0 {
		add("seed of the order of runs", strconv.FormatUint(r.Seed, 10), true)
	}
	if r.Tool.Version != "" {
		add("heaptop", name(r.Tool.Version)+", "+name(r.Tool.Go), false)
	}
	return out
}

// summary is the table of all scenarios.
func (h *pageOf) summary(list []named) page.Part {
	t := &page.Table{Caption: "All scenarios", Columns: []page.Column{
		{Title: "scenario", Code: true}, {Title: "verdict"}, {Title: "runs", Number: true}, {Title: "time", Number: true},
		{Title: "closest limit"}, {Title: "left", Number: true, Hint: "what is left of the limit, in percent of it; below 0 above the limit"}, {Title: "what"},
	}}
	order := allWorstFirst(list)
	for _, s := range order[:min(len(order), h.table)] {
		t.Rows = append(t.Rows, page.Row{Cells: summaryCells(s)})
	}
	if n := len(order) - len(t.Rows); n > 0 {
		t.More = "and " + unit.Things(n, "scenario") + " more; --format json has all"
	}
	return page.Part{Title: "Scenarios", Blocks: []page.Block{t}}
}

func allWorstFirst(list []named) []named {
	order := worstFirst(list)
	for _, s := range list {
		if s.Verdict == gates.Passed {
			order = append(order, s)
		}
	}
	return order
}

// namesPart names the scenarios that passed and have no row in the table of all.
func (h *pageOf) namesPart(list []named) (page.Part, bool) {
	order := allWorstFirst(list)
	first := max(h.table, len(worstFirst(list)))
	if first >= len(order) || h.names == 0 {
		return page.Part{}, false
	}
	t := &page.Table{Caption: "More scenarios that passed", Columns: []page.Column{{Title: "scenario"}}}
	rest := order[first:]
	for _, s := range rest[:min(len(rest), h.names)] {
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: s.label}}})
	}
	if n := len(rest) - len(t.Rows); n > 0 {
		t.More = "and " + unit.Things(n, "scenario") + " more; --format json has all"
	}
	return page.Part{Title: "More scenarios that passed", Blocks: []page.Block{t}, Folded: true}, true
}

func summaryCells(s named) []page.Cell {
	what := ""
	if found := findings(s.Scenario); len(found) > 0 {
		what = found[0].text
		if len(found) > 1 {
			what += fmt.Sprintf(" (and %d more)", len(found)-1)
		}
	}
	metric, left := page.Cell{}, page.Cell{}
	if g := closest(s.Scenario); g != nil {
		metric.Text, left = name(g.Metric), figure(g.HeadroomPercent, percent)
		if g.Verdict == gates.Failed {
			left.Tone = page.Bad
		}
	}
	cells := []page.Cell{{Text: s.label}, {Text: name(string(s.Verdict)), Tone: Tone(s.Verdict)}, {}, {}, metric, left, {Text: what}}
	if s.Runs > 0 {
		cells[2] = page.Number(float64(s.Runs), strconv.Itoa(s.Runs))
	}
	if finite(s.DurationS) && s.DurationS > 0 {
		cells[3] = page.Number(s.DurationS, took(s.DurationS))
	}
	return cells
}

// closest is the gate with the least room, nil where none has any.
func closest(s *gates.Scenario) *gates.Gate {
	var least *gates.Gate
	for i := range s.Gates {
		if g := &s.Gates[i]; there(g.HeadroomPercent) && (least == nil || *g.HeadroomPercent < *least.HeadroomPercent) {
			least = g
		}
	}
	return least
}

// figure is a number that may not exist.
func figure(v *float64, print func(float64) string) page.Cell {
	if !there(v) {
		return page.Cell{Text: "-", Tone: page.Faint}
	}
	return page.Number(*v, print(*v))
}

// amounts prints quantities of a unit.
func amounts(unit string) func(float64) string {
	return func(v float64) string { return quantity(unit, v) }
}

// nextPart is the advice.
func nextPart(r *gates.Report) (page.Part, bool) {
	part := page.Part{Title: "What to do next"}
	for _, a := range advice(r) {
		part.Blocks = append(part.Blocks, page.Text{Text: a.text})
		if a.code != "" {
			key, entry, _ := strings.Cut(a.code, "\n")
			entry = strings.ReplaceAll(strings.TrimSpace(entry), "\n      ", " ")
			part.Blocks = append(part.Blocks, page.Facts{{Name: key, Value: entry, Code: true}})
		}
	}
	return part, len(part.Blocks) > 0
}
