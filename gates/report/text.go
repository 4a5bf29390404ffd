package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// How much text is written at most. A report of thousands of scenarios is for machines.
const (
	textWidth     = 80
	textScenarios = 40  // that are told of in sentences
	textFindings  = 12  // of one scenario
	textRows      = 400 // of the table
	maxSites      = 10  // of blame, of one scenario
	maxWarnings   = 20
)

// Text writes for people: the verdict, what is no pass with what explains it, the worst first, all numbers in a table that
// fits 80 columns, and what to do next.
func Text(w io.Writer, r *gates.Report) error {
	t := &text{}
	t.wrap("", headline(r))
	if at := where(r); at != "" {
		t.wrap("", at)
	}
	for _, warning := range atMost(r.Warnings, maxWarnings) {
		t.wrap("! ", line(warning))
	}
	list := scenarios(r, func(s string) string { return s })
	t.problems(list)
	t.stability(list)
	t.table(list)
	if next := advice(r); len(next) > 0 {
		t.b.WriteString("\nNext\n")
		for _, a := range next {
			t.wrap("  * ", a.text)
			if a.code != "" {
				t.wrap("      ", a.code)
			}
		}
	}
	return write(w, &t.b)
}

type text struct{ b strings.Builder }

// wrap writes a text after a lead, broken into lines of 80 columns that stand below each other.
func (t *text) wrap(lead, s string) {
	width := ansi.StringWidth(lead)
	for i, l := range strings.Split(ansi.Wrap(s, textWidth-width, ""), "\n") {
		if i > 0 {
			lead = strings.Repeat(" ", width)
		}
		t.b.WriteString(strings.TrimRight(lead+l, " ") + "\n")
	}
}

func (t *text) problems(list []named) {
	bad := worstFirst(list)
	for _, s := range bad[:min(len(bad), textScenarios)] {
		t.b.WriteString("\n")
		t.wrap("", strings.ToUpper(name(string(s.Verdict)))+" "+s.label)
		all := findings(s.Scenario)
		for _, f := range all[:min(len(all), textFindings)] {
			t.wrap("  - ", f.text)
		}
		if len(all) > textFindings {
			t.wrap("  ", fmt.Sprintf("and %d more", len(all)-textFindings))
		}
		t.blame(s.Scenario)
		if s.Trend != nil && s.Trend.Verdict == "growing" {
			t.wrap("  ", trendWords(s.Trend))
		}
		for _, note := range notes(s.Scenario) {
			t.wrap("  ! ", note)
		}
	}
	if len(bad) > textScenarios {
		t.b.WriteByte('\n')
		t.wrap("", fmt.Sprintf("and %d more scenarios that did not pass; --format json has all", len(bad)-textScenarios))
	}
}

func (t *text) blame(s *gates.Scenario) {
	if len(s.Blame) > 0 {
		t.wrap("  ", blameTitle(s))
	}
	for _, site := range s.Blame[:min(len(s.Blame), maxSites)] {
		share, change, at := blameWords(site)
		t.wrap("    "+pad(share, 6, true)+pad(change, 11, true)+"  ", at)
	}
	if s.BlameNote != "" {
		t.wrap("    ", line(s.BlameNote))
	}
}

// blameTitle says what the sites below it carry.
func blameTitle(s *gates.Scenario) string {
	of := "memory in use"
	if s.Blame[0].Of == "allocated" {
		of = "allocated memory"
	}
	return "Where it comes from, as a share of the growth of " + of + ":"
}

// trendWords says how a long scenario grew.
func trendWords(t *gates.Trend) string {
	text := name(t.Metric) + " is " + name(t.Verdict)
	if there(t.SlopePerHour) {
		unit := trendUnit(t)
		text += " by " + quantity(unit, *t.SlopePerHour) + " an hour"
		if there(t.Low) && there(t.High) {
			text += " (" + quantity(unit, *t.Low) + " to " + quantity(unit, *t.High) + ")"
		}
	}
	return join(text, line(t.Reason))
}

// trendUnit is the unit of the values of a trend.
func trendUnit(t *gates.Trend) string {
	unit := t.Metric[strings.LastIndexByte(t.Metric, ':')+1:] // as in /gc/heap/live:bytes
	if m, ok := gates.MetricOf(t.Metric); ok {
		unit, _, _ = strings.Cut(m.Unit, " per ")
	}
	return unit
}

func (t *text) table(list []named) {
	if len(list) == 0 {
		return
	}
	if slices.ContainsFunc(list, func(s named) bool { return overheadOf(s.Scenario) == nil }) {
		t.b.WriteByte('\n')
		t.cells("", row{metric: "metric", value: "value", limit: "limit", baseline: "baseline", change: "change", verdict: "verdict"})
	}
	left := textRows
	for i, s := range list {
		if overheadOf(s.Scenario) != nil {
			t.overhead(list, s)
			continue
		}
		all := rows(s.Scenario)
		if left -= 1 + len(all); left < 0 {
			t.wrap("", fmt.Sprintf("and %s more; --format json has all", unit.Things(len(list)-i, "scenario")))
			return
		}
		title := s.label
		if e := effort(s.Scenario); e != "" {
			title += " (" + e + ")"
		}
		t.wrap("", title)
		for _, r := range all {
			t.cells("  ", r)
		}
		if len(all) == 0 {
			t.wrap("  ", "nothing was measured")
		}
		if s.Verdict == gates.Passed { // the others' stand above
			for _, note := range notes(s.Scenario) {
				t.wrap("  ! ", note)
			}
		}
	}
}

// cells writes a row: the metric, four numbers to the right, the verdict; and below it what is to be said about it.
func (t *text) cells(lead string, r row) {
	const first, numeric, verdict = 16, 11, 14
	b := lead + pad(r.metric, first-len(lead)+1, false)
	for _, cell := range []string{r.value, r.limit, r.baseline, r.change} {
		if cell == "" {
			cell = "-"
		}
		b += pad(cell, numeric, true)
	}
	t.b.WriteString(strings.TrimRight(b+"  "+pad(r.verdict, verdict, false), " ") + "\n")
	if r.note != "" {
		t.wrap(lead+"  ", r.note)
	}
}

// pad makes a text so many columns wide.
func pad(s string, width int, right bool) string {
	s = ansi.Truncate(s, width-1, "…")
	space := strings.Repeat(" ", width-ansi.StringWidth(s))
	if right {
		return space + s
	}
	return s + space
}

// worstFirst returns the scenarios that did not pass, failed before unmeasured before warned.
func worstFirst(list []named) []named {
	bad := slices.DeleteFunc(slices.Clone(list), func(s named) bool { return s.Verdict == gates.Passed })
	slices.SortStableFunc(bad, func(a, b named) int { return severity(b.Verdict) - severity(a.Verdict) })
	return bad
}

// atMost returns the first n texts, and a last one that says how many more there are.
func atMost(list []string, n int) []string {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), fmt.Sprintf("and %d more", len(list)-n))
}
