package cli

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// findingsMarkdown prints a report as GitHub's Markdown.
func findingsMarkdown(r *analysis.Findings) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# heaptop debug %s\n\n%s\n", r.Command, inMarkdown(headline(r)))
	if r.Verdict != "" {
		fmt.Fprintf(&b, "\nVerdict: **%s**\n", inMarkdown(verdictWords(r)))
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\n> ⚠ %s\n", inMarkdown(w))
	}
	for i := range r.Findings {
		findingMarkdown(&b, &r.Findings[i])
	}
	return b.String()
}

func findingMarkdown(b *strings.Builder, f *analysis.Finding) {
	fmt.Fprintf(b, "\n## %s\n", inMarkdown(findingTitle(f)))
	for _, d := range f.Details {
		fmt.Fprintf(b, "\n%s\n", inMarkdown(d))
	}
	if words := evidenceWords(f); len(words) > 0 && !spokenFor(f) {
		fmt.Fprintf(b, "\n%s\n", inMarkdown(strings.Join(words, " · ")))
	}
	if len(f.Sites) > 0 {
		t := siteTable(f)
		if bytes, text := otherSites(f); text != "" {
			t.rows = append(t.rows, tableRow{cells: []string{bytes}, note: text})
		}
		tableMarkdown(b, &t)
		holdersMarkdown(b, f)
	}
	if len(f.Rows) > 0 {
		t := rowTable(f)
		tableMarkdown(b, &t)
	}
	if len(f.Holders) > 0 {
		t := rootTable(f)
		tableMarkdown(b, &t)
	}
	if f.Advice != "" {
		fmt.Fprintf(b, "\n**Advice:** %s\n", inMarkdown(f.Advice))
	}
}

func tableMarkdown(b *strings.Builder, t *table) {
	b.WriteString("\n|")
	for _, title := range t.titles {
		b.WriteString(" " + inMarkdown(title) + " |")
	}
	b.WriteString(" " + inMarkdown(t.of) + " |\n|" + strings.Repeat(" --: |", len(t.titles)) + " :-- |\n")
	for i := range t.rows {
		r := &t.rows[i]
		b.WriteByte('|')
		for j := range t.titles {
			cell := ""
			if j < len(r.cells) {
				cell = r.cells[j]
			}
			b.WriteString(" " + inMarkdown(cell) + " |")
		}
		parts := []string{}
		if r.name != "" {
			parts = append(parts, inCode(r.name))
		}
		if r.note != "" {
			parts = append(parts, inMarkdown(r.note))
		}
		b.WriteString(" " + strings.Join(parts, ": ") + " |\n")
	}
}

func holdersMarkdown(b *strings.Builder, f *analysis.Finding) {
	for i := range f.Sites {
		s := &f.Sites[i]
		if len(s.Holders) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s is held by\n\n", inCode(s.Site))
		for j := range s.Holders {
			h := &s.Holders[j]
			fmt.Fprintf(b, "* %s: %s in %s objects", inCode(h.Text), unit.Bytes(float64(h.Bytes)), unit.Count(float64(h.Objects)))
			if len(h.Path) > 0 {
				b.WriteString(", through " + inCode(strings.Join(h.Path, " → ")))
			}
			b.WriteByte('\n')
		}
	}
}

// inMarkdown makes a sentence with names from strangers safe in Markdown.
func inMarkdown(s string) string { return report.MarkdownText(theme.Clean(s)) }

// inCode makes a name from a stranger a piece of code, without what would reach a terminal that shows the text.
func inCode(s string) string { return code(theme.Clean(s)) }
