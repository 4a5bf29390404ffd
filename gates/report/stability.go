package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const maxCauses = 10 // of one scenario

// fact is one line about a workload that was watched for long; both are safe to print.
type fact struct{ label, text string }

// seconds prints a time; hours of a foreign report are bounded.
func seconds(v float64) string {
	if !finite(v) || v < 0 {
		return "?"
	}
	return unit.Duration(time.Duration(min(v, 1e9) * float64(time.Second)).Round(time.Second))
}

// stabilityTitle is "stability: watched 30m of 30m".
func stabilityTitle(s *gates.Stability) string {
	text := "watched " + seconds(s.WatchedS)
	if seconds(s.WatchedS) != seconds(s.PlannedS) {
		text += " of " + seconds(s.PlannedS)
	}
	return text
}

// stabilityFacts tells what became of memory and of the work.
func stabilityFacts(s *gates.Stability) []fact {
	var out []fact
	add := func(label, text string) {
		if text != "" {
			out = append(out, fact{label, text})
		}
	}
	if m := s.Memory; m != nil {
		initial := quantity("bytes", m.Initial)
		if there(m.InitialAtS) {
			initial += " (first known after " + seconds(*m.InitialAtS) + ")"
		}
		add("memory", fmt.Sprintf("%s from %s to %s, growth %s", name(m.Name), initial, quantity("bytes", m.Final), quantity("bytes", m.Growth)))
		rate := "not known: the time was too short"
		switch {
		case falls(m.High):
			rate = "none: it does not grow after the warm-up"
		case there(m.RatePerHour):
			rate = hourly("bytes", m.RatePerHour, m.Low, m.High) + " after the warm-up"
		}
		add("growth rate", rate)
	}
	if t := s.Threshold; t != nil {
		text := quantity("bytes", t.Limit) + " is allowed in all"
		if there(t.Grown) {
			text = quantity("bytes", *t.Grown) + " after the warm-up, " + text
		}
		add("threshold", join(text, line(t.Reason)))
	}
	add("operations", operationWords(s.Operations))
	if o := s.Operations; o != nil && o.CPU != nil {
		add("CPU", fmt.Sprintf("%s an operation, %s", quantity("seconds", o.CPU.SecondsPerOp), changeWords(o.CPU.Verdict, o.CPU.ChangePercent, o.CPU.LowPercent, o.CPU.HighPercent)))
	}
	for i := range s.Series[:min(len(s.Series), maxCauses)] {
		add("judged", trendFact(&s.Series[i]))
	}
	add("load", line(s.Load))
	add("ended", line(s.Ended))
	if n := len(s.Files); n > 0 {
		add("files", unit.Things(n, "file")+", the first is "+name(s.Files[0]))
	}
	return out
}

// hourly is "1.2 MB an hour (1.0 MB to 1.4 MB)".
func hourly(of string, rate, low, high *float64) string {
	if !there(rate) {
		return ""
	}
	text := quantity(of, *rate) + " an hour"
	if there(low) && there(high) {
		text += " (" + quantity(of, *low) + " to " + quantity(of, *high) + ")"
	}
	return text
}

func operationWords(o *gates.Operations) string {
	if o == nil {
		return ""
	}
	text := fmt.Sprintf("%s, %s an hour, %s", quantity("count", math.Round(o.Total)), quantity("count", math.Round(o.PerHour)), changeWords(o.Verdict, o.ChangePercent, o.LowPercent, o.HighPercent))
	return join(text, line(o.Reason))
}

// changeWords is "steady: -0.1% an hour (-0.4% to +0.2%)".
func changeWords(verdict string, change, low, high *float64) string {
	text := name(verdict)
	if there(change) {
		text += ": " + signed(*change) + " an hour"
		if there(low) && there(high) {
			text += " (" + signed(*low) + " to " + signed(*high) + ")"
		}
	}
	return text
}

// falls reports whether even the upper end of the interval of a rate lies below 0: how steep a fall is says nothing of growth.
func falls(high *float64) bool { return there(high) && *high < 0 }

func trendFact(t *gates.StabilityTrend) string {
	text := name(t.Name) + " is " + name(t.Verdict)
	if t.Verdict == "flat" && falls(t.High) {
		return name(t.Name) + " does not grow"
	}
	if rate := hourly(name(t.Unit), t.RatePerHour, t.Low, t.High); rate != "" {
		text += ", " + rate
	}
	if t.Verdict == "flat" || t.Verdict == "growing" {
		return text
	}
	return join(text, line(t.Reason))
}

// causeRow returns the columns of a cause: an hour, share, name with its kind.
func causeRow(c *gates.StabilityCause) (rate, share, at string) {
	of := causeUnit(c)
	if there(c.RatePerHour) {
		rate = quantity(of, *c.RatePerHour) + "/h"
	}
	if there(c.SharePercent) {
		share = percent(*c.SharePercent)
	}
	at = name(c.Name)
	if c.Kind != "allocation site" {
		at = name(c.Kind) + ": " + at
	}
	if c.Note != "" {
		at += " (" + line(c.Note) + ")"
	}
	return rate, share, at
}

func causeUnit(c *gates.StabilityCause) string {
	if c.Kind == "goroutines" {
		return "count"
	}
	return "bytes"
}

// causesBeside are the causes that the scenario's blame does not tell.
func causesBeside(s *gates.Scenario) []gates.StabilityCause {
	var out []gates.StabilityCause
	for i := range s.Stability.Causes {
		if c := s.Stability.Causes[i]; c.Kind != "allocation site" || len(s.Blame) == 0 {
			out = append(out, c)
		}
	}
	return out[:min(len(out), maxCauses)]
}

const causesTitle = "What grows, an hour and as a share of the growth:"

// stability writes what was watched for long, of every scenario that was.
func (t *text) stability(list []named) {
	for _, s := range list[:min(len(list), textScenarios)] {
		if s.Stability == nil {
			continue
		}
		t.b.WriteByte('\n')
		t.wrap("", "stability of "+s.label+": "+name(string(s.Stability.Verdict))+", "+stabilityTitle(s.Stability))
		before := ""
		for _, f := range stabilityFacts(s.Stability) {
			label := f.label
			if label == before {
				label = ""
			}
			before = f.label
			t.wrap("  "+pad(label, 13, false), f.text)
		}
		causes := causesBeside(s.Scenario)
		if len(causes) > 0 {
			t.wrap("  ", causesTitle)
		}
		for i := range causes {
			rate, share, at := causeRow(&causes[i])
			t.wrap("    "+pad(rate, 13, true)+pad(share, 7, true)+"  ", at)
		}
	}
}

// stability adds a section for every workload that was watched for long.
func (m *bounded) stability(list []named) {
	for _, s := range list {
		if s.Stability == nil {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "\n**Stability of %s**: %s, %s\n\n", MarkdownCode(s.label), prose(name(string(s.Stability.Verdict))), prose(stabilityTitle(s.Stability)))
		for _, f := range stabilityFacts(s.Stability) {
			fmt.Fprintf(&b, "* %s: %s\n", f.label, prose(f.text))
		}
		causes := causesBeside(s.Scenario)
		if len(causes) > 0 {
			b.WriteString("\n" + prose(causesTitle) + "\n\n| an hour | share | what |\n| --: | --: | :-- |\n")
		}
		for i := range causes {
			rate, share, at := causeRow(&causes[i])
			fmt.Fprintf(&b, "| %s | %s | %s |\n", prose(rate), prose(share), MarkdownCode(at))
		}
		m.add(b.String())
	}
}
