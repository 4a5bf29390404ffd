package cli

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// findingsHTML prints a report as a page.
func findingsHTML(r *analysis.Findings) ([]byte, error) {
	p := &page.Page{Title: "heaptop debug " + r.Command + ": " + r.Target.Name, Verdict: leakVerdict(r.Verdict, r.Reason), Notes: r.Warnings}
	p.Facts = targetFacts(r)
	for i := range r.Findings {
		part := findingPart
		if r.Command == "analyze" {
			part = picturePart
		}
		p.Parts = append(p.Parts, part(&r.Findings[i]))
	}
	var b bytes.Buffer
	if err := page.Write(&b, p); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func targetFacts(r *analysis.Findings) []page.Fact {
	facts := []page.Fact{{Name: "target", Value: r.Target.Name, Code: true}}
	if r.Target.PID != 0 {
		facts = append(facts, page.Fact{Name: "process", Value: pidWords(r.Target.PID)})
	}
	for _, f := range []page.Fact{
		{Name: "file", Value: r.Target.File, Code: true}, {Name: "Go", Value: r.Target.Go}, {Name: "read from", Value: r.Target.Source},
		{Name: "read at", Value: moment(r.Time)},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

// moment is a time as pages and comparisons show it; "" for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// leakVerdict is the verdict of a command that judges; nil for one that does not.
func leakVerdict(verdict, reason string) *page.Verdict {
	if verdict == "" {
		return nil
	}
	v := &page.Verdict{Word: verdict, Text: reason}
	switch analysis.LeakVerdict(verdict) {
	case analysis.LeakGrowing:
		v.Tone = page.Bad
	case analysis.LeakFlat:
		v.Tone = page.Good
	case analysis.LeakInconclusive, analysis.LeakInsufficient:
		v.Tone = page.Warn
	}
	return v
}

// severityVerdict is the severity of a finding as a word; nil for information.
func severityVerdict(s analysis.Severity) *page.Verdict {
	switch s {
	case analysis.Warning:
		return &page.Verdict{Word: string(s), Tone: page.Warn}
	case analysis.Critical:
		return &page.Verdict{Word: string(s), Tone: page.Bad}
	}
	return nil
}

// findingPart is a finding as a section.
func findingPart(f *analysis.Finding) page.Part {
	return page.Part{Title: f.Title, Verdict: severityVerdict(f.Severity), Blocks: findingBlocks(f)}
}

// picturePart is a finding of a complete picture as a section: its heading is a word or two, and its sentence stands below.
func picturePart(f *analysis.Finding) page.Part {
	part := findingPart(f)
	for _, h := range [...]struct{ analyzer, heading string }{
		{"ledger", "Where RSS is"}, {"limits", "Limits"}, {"process", "What the kernel counts"}, {"collector", "Go heap"},
		{"hotspots", "Allocation sites"}, {"types", "Types"}, {"fragmentation", "Size classes"}, {"mappings", "Mappings"},
		{"goroutines", "Goroutines"},
	} {
		if h.analyzer == f.Analyzer {
			part.Title, part.Note = h.heading, f.Title+"."
		}
	}
	return part
}

// findingBlocks is what a finding says besides its title, with the numbers of its JSON.
func findingBlocks(f *analysis.Finding) []page.Block {
	var blocks []page.Block
	say := func(text string, tone page.Tone) { blocks = append(blocks, page.Text{Text: text, Tone: tone}) }
	if rate, ok := f.Evidence["sample_rate_bytes"]; ok && rate > 1 {
		say("One object in every "+unit.Bytes(rate)+" was sampled on average; ± is one standard deviation.", page.Faint)
	}
	for _, d := range f.Details {
		say(d, page.Plain)
	}
	if pairs := evidencePairs(f); len(pairs) > 0 && !spokenFor(f) {
		facts := make(page.Facts, len(pairs))
		for i, p := range pairs {
			facts[i] = page.Fact{Name: p.name, Value: p.text}
		}
		blocks = append(blocks, facts)
	}
	switch threshold, ok := f.Evidence["threshold_bytes"]; {
	case len(f.Sites) > 0:
		t := siteTable(f)
		out := tableHTML(captionOf(t.of), &t)
		for i := range f.Sites {
			out.Rows[i].Detail = siteBlocks(&f.Sites[i])
		}
		if bytes, text := otherSites(f); text != "" {
			out.More = "besides " + bytes + " " + text
		}
		blocks = append(blocks, out)
	case ok && threshold > 0 && f.Evidence["sites_count"] > 0:
		say("None of them holds "+unit.Bytes(threshold)+"; --threshold lists smaller ones.", page.Faint)
	}
	if len(f.Rows) > 0 {
		t := rowTable(f)
		blocks = append(blocks, tableHTML(captionOf(t.of), &t))
	}
	if len(f.Holders) > 0 {
		t := rootTable(f)
		blocks = append(blocks, tableHTML("Who holds it alone", &t))
	}
	if f.Advice != "" {
		say("→ "+f.Advice, page.Plain)
	}
	return blocks
}

// captionOf says what the rows of a table are.
func captionOf(of string) string {
	switch of {
	case "site":
		return "Allocation sites"
	case "counted by the kernel":
		return "Counts of the kernel"
	case "goroutines":
		return "Goroutines by what they do"
	}
	return "By " + of
}

// siteBlocks is what opens under an allocation site: its stack, and who holds what it allocated.
func siteBlocks(s *analysis.FoundSite) []page.Block {
	stack := s.Stack
	if len(stack) > stackFrames {
		stack = append(slices.Clone(stack[:stackFrames]), "… "+unit.Things(len(stack)-stackFrames, "frame")+" more")
	}
	blocks := stackBlocks(stack)
	var holders page.Facts
	for i := range s.Holders {
		h := &s.Holders[i]
		text := h.Text + " (" + unit.Percent(h.SharePercent/100) + ")"
		if len(h.Path) > 0 {
			text += " → " + strings.Join(h.Path, " → ")
		}
		holders = append(holders, page.Fact{Name: "held by", Value: text, Code: true})
	}
	if len(holders) > 0 {
		blocks = append(blocks, holders)
	}
	return blocks
}

// tableHTML is a table of a report, what its rows are of first, and a column for notes where there are some.
func tableHTML(caption string, t *table) *page.Table {
	out := &page.Table{Caption: caption, Columns: []page.Column{{Title: t.of, Code: t.of == "site" || t.of == "mapping" || t.of == "goroutines"}}}
	for _, title := range t.titles {
		out.Columns = append(out.Columns, page.Column{Title: title, Number: true})
	}
	notes := slices.ContainsFunc(t.rows, func(r tableRow) bool { return r.note != "" })
	if notes {
		out.Columns = append(out.Columns, page.Column{Title: "note"})
	}
	for i := range t.rows {
		r := &t.rows[i]
		row := page.Row{Cells: []page.Cell{{Text: r.name}}}
		for j, title := range t.titles {
			var value sampler.Reading
			if j < len(r.values) {
				value = r.values[j]
			}
			cell := exact(value, r.cells[j])
			if title == "share" && value.OK && value.Value > 0 {
				cell.Share = min(value.Value/100, 1)
			}
			row.Cells = append(row.Cells, cell)
		}
		if notes {
			row.Cells = append(row.Cells, page.Cell{Text: strings.TrimPrefix(r.note, ", ")})
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}
