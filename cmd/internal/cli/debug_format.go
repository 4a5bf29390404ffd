package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// textCells is how wide the text of a report is at most.
const textCells = 80

// findings prints a report in one of debugFormats.
func findings(r *analysis.Findings, format string) ([]byte, error) {
	switch format {
	case "json":
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("encode the report: %w", err)
		}
		return []byte(escapeInvisible(string(data)) + "\n"), nil
	case "markdown":
		return []byte(findingsMarkdown(r)), nil
	}
	return []byte(findingsText(r)), nil
}

// headline names the target, how it was read, and when.
func headline(r *analysis.Findings) string {
	name := theme.Clean(r.Target.Name)
	if r.Target.PID != 0 && r.Target.Kind != "file" {
		name += fmt.Sprintf(" %d", r.Target.PID)
	}
	parts := []string{name}
	if r.Target.Go != "" {
		parts = append(parts, theme.Clean(r.Target.Go))
	}
	switch {
	case r.Target.Kind == "file":
		parts = append(parts, "from a snapshot")
	case r.Target.Source != "":
		parts = append(parts, "read from "+theme.Clean(r.Target.Source))
	}
	return strings.Join(append(parts, r.Time.Format(time.DateTime)), " · ")
}

func findingsText(r *analysis.Findings) string {
	var b strings.Builder
	wrap(&b, "", "", headline(r))
	for i := range r.Findings {
		f := &r.Findings[i]
		b.WriteByte('\n')
		wrap(&b, "", "", theme.Clean(f.Title)+".")
		if rate, ok := f.Evidence["sample_rate_bytes"]; ok && rate > 1 {
			wrap(&b, "", "", fmt.Sprintf("One object in every %s was sampled on average; ± is one standard deviation.", unit.Bytes(rate)))
		}
		sitesText(&b, f)
		rootsText(&b, f)
		if f.Advice != "" {
			wrap(&b, "", "", theme.Clean(f.Advice))
		}
	}
	for i, w := range r.Warnings {
		if i == 0 {
			b.WriteByte('\n')
		}
		wrap(&b, "! ", "  ", theme.Clean(w))
	}
	return b.String()
}

// wrap writes a text in lines of at most textCells, the first behind one prefix, the others behind another.
func wrap(b *strings.Builder, first, other, text string) {
	for _, line := range theme.Wrap(text, textCells-theme.Width(first), 100) {
		b.WriteString(strings.TrimRight(first+line, " ") + "\n")
		first = other
	}
}

// siteCells is the room for a site's name behind the columns of numbers.
const siteCells = textCells - 9 - 10 - 7 - 10 - 9 - 2

// sitesText prints the sites as a table, and below each who holds it.
func sitesText(b *strings.Builder, f *analysis.Finding) {
	if len(f.Sites) == 0 {
		if threshold, ok := f.Evidence["threshold_bytes"]; ok {
			wrap(b, "", "", "None of them holds "+unit.Bytes(threshold)+"; --threshold lists smaller ones.")
		}
		return
	}
	fmt.Fprintf(b, "\n%9s%10s%7s%10s%9s  %s\n", "IN USE", "±", "SHARE", "OBJECTS", "SAMPLES", "SITE")
	for i := range f.Sites {
		s := &f.Sites[i]
		name, place, _ := strings.Cut(theme.Clean(s.Site), " ")
		line := fmt.Sprintf("%s%s%s%s%s  ", padLeft(unit.Bytes(s.Bytes), 9), padLeft(unit.Bytes(s.Uncertainty), 10),
			padLeft(unit.Percent(s.SharePercent/100), 7), padLeft(unit.Count(s.Objects), 10), padLeft(unit.Count(float64(s.Samples)), 9))
		if theme.Width(name)+1+theme.Width(place) <= siteCells {
			b.WriteString(line + strings.TrimRight(name+" "+place, " ") + "\n")
		} else {
			b.WriteString(line + theme.TruncateLeft(name, siteCells) + "\n")
			b.WriteString(theme.Spaces(textCells-siteCells) + theme.TruncateLeft(place, siteCells) + "\n")
		}
		holdersText(b, s)
	}
	listed, all := f.Evidence["listed_count"], f.Evidence["sites_count"]
	if all > listed {
		rest := f.Evidence["in_use_bytes"] - f.Evidence["listed_bytes"]
		fmt.Fprintf(b, "%s%s  in %s other sites\n", padLeft(unit.Bytes(max(rest, 0)), 9), theme.Spaces(36), unit.Count(all-listed))
	}
}

func padLeft(text string, width int) string { return theme.PadLeft(text, width) }

// holdersText prints who holds a site, each way with its objects below it.
func holdersText(b *strings.Builder, s *analysis.FoundSite) {
	for i := range s.Holders {
		h := &s.Holders[i]
		note := ""
		if len(s.Holders) > 1 {
			note = " (" + unit.Percent(h.SharePercent/100) + ")"
		}
		wrap(b, "           held by ", "             ", theme.Clean(h.Text)+note)
		if len(h.Path) > 0 {
			wrap(b, "             → ", "               ", theme.Clean(strings.Join(h.Path, " → ")))
		}
	}
}

// rootsText prints what each root alone keeps alive.
func rootsText(b *strings.Builder, f *analysis.Finding) {
	if len(f.Holders) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%9s%8s  %s\n", "KEEPS", "SHARE", "WHO HOLDS IT ALONE")
	const small = 0.05 // percent: below it all that is seen is noise
	for i := range f.Holders {
		h := &f.Holders[i]
		if i > 0 && h.SharePercent < small {
			break
		}
		fmt.Fprintf(b, "%s%s  %s\n", padLeft(unit.Bytes(float64(h.RetainedBytes)), 9), padLeft(unit.Percent(h.SharePercent/100), 8),
			theme.TruncateLeft(theme.Clean(h.Root), textCells-19))
	}
	if shared := f.Evidence["shared_bytes"]; shared > 0 {
		fmt.Fprintf(b, "%s%s  several together: freeing one of them frees nothing\n", padLeft(unit.Bytes(shared), 9), theme.Spaces(8))
	}
}
