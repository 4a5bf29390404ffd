package cli

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// findingsMarkdown prints a report as GitHub's Markdown.
func findingsMarkdown(r *analysis.Findings) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# heaptop debug %s\n\n%s\n", r.Command, inMarkdown(headline(r)))
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "\n> ⚠ %s\n", inMarkdown(w))
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		fmt.Fprintf(&b, "\n## %s\n", inMarkdown(f.Title))
		sitesMarkdown(&b, f)
		rootsMarkdown(&b, f)
		if f.Advice != "" {
			fmt.Fprintf(&b, "\n%s\n", inMarkdown(f.Advice))
		}
	}
	return b.String()
}

func sitesMarkdown(b *strings.Builder, f *analysis.Finding) {
	if len(f.Sites) == 0 {
		return
	}
	b.WriteString("\n| in use | ± | share | objects | samples | site |\n| --: | --: | --: | --: | --: | :-- |\n")
	for i := range f.Sites {
		s := &f.Sites[i]
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", unit.Bytes(s.Bytes), unit.Bytes(s.Uncertainty), unit.Percent(s.SharePercent/100),
			unit.Count(s.Objects), unit.Count(float64(s.Samples)), inCode(s.Site))
	}
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

func rootsMarkdown(b *strings.Builder, f *analysis.Finding) {
	if len(f.Holders) == 0 {
		return
	}
	b.WriteString("\n| keeps alone | share | who |\n| --: | --: | :-- |\n")
	for i := range f.Holders {
		h := &f.Holders[i]
		fmt.Fprintf(b, "| %s | %s | %s |\n", unit.Bytes(float64(h.RetainedBytes)), unit.Percent(h.SharePercent/100), inCode(h.Root))
	}
}

// inMarkdown makes a sentence with names from strangers safe in Markdown: no markup, no HTML, no mention, no link, and no
// end of a table's cell.
func inMarkdown(s string) string {
	s = strings.ReplaceAll(theme.Clean(s), "www.", "www\x00")
	var b strings.Builder
	for i, r := range s {
		link := r == ':' && strings.HasPrefix(s[i:], "://")
		switch {
		case r == 0:
			b.WriteString("&#46;")
		case link, r < 0x80 && strings.ContainsRune("\\`*_{}[]<>#!|~@&$", r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inCode makes a name from a stranger a piece of code, without what would reach a terminal that shows the text.
func inCode(s string) string { return code(theme.Clean(s)) }
