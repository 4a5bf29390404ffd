package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// textCells is how wide the text of a report is at most.
const textCells = 80

// findings prints a report in one of debugFormats.
func findings(r *analysis.Findings, format string) ([]byte, error) {
	r = complete(r)
	switch format {
	case "json":
		data, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("encode the report: %w", err)
		}
		return []byte(escapeInvisible(string(data)) + "\n"), nil
	case "markdown":
		return []byte(findingsMarkdown(r)), nil
	case "html":
		return findingsHTML(r)
	}
	return []byte(findingsText(r)), nil
}

// complete returns the report as readers may rely on it: lists are there even when they are empty, and numbers are numbers.
func complete(r *analysis.Findings) *analysis.Findings {
	out := *r
	out.Warnings = append([]string{}, r.Warnings...)
	out.Findings = append([]analysis.Finding{}, r.Findings...)
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Evidence = finite(f.Evidence)
		f.Rows = slices.Clone(f.Rows)
		for j := range f.Rows {
			f.Rows[j].Numbers = finite(f.Rows[j].Numbers)
		}
		f.Sites = append([]analysis.FoundSite{}, f.Sites...)
		for j := range f.Sites {
			f.Sites[j].Holders = append([]analysis.FoundHolder{}, f.Sites[j].Holders...)
			f.Sites[j].Stack = append([]string{}, f.Sites[j].Stack...)
			dropInfinite(&f.Sites[j])
		}
	}
	return &out
}

// dropInfinite leaves out of a site what is no number.
func dropInfinite(s *analysis.FoundSite) {
	for _, p := range []**float64{
		&s.BytesPerHour, &s.Low, &s.High, &s.GrownBytes, &s.AllocPerSecond, &s.GarbagePerSecond, &s.LifetimeSeconds, &s.KeptPercent,
	} {
		if *p != nil && (math.IsNaN(**p) || math.IsInf(**p, 0)) {
			*p = nil
		}
	}
}

func finite(numbers map[string]float64) map[string]float64 {
	out := maps.Clone(numbers)
	maps.DeleteFunc(out, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if out == nil {
		out = map[string]float64{}
	}
	return out
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
		what := "a snapshot"
		if strings.HasSuffix(r.Target.File, capture.RecordingExtension) {
			what = "a recording"
		}
		parts = append(parts, "from "+what)
	case r.Target.Source != "":
		parts = append(parts, "read from "+theme.Clean(r.Target.Source))
	}
	if !r.Time.IsZero() {
		parts = append(parts, r.Time.Format(time.DateTime))
	}
	return strings.Join(parts, " · ")
}

// verdictWords is the verdict, with the reason where there is one.
func verdictWords(r *analysis.Findings) string {
	if r.Reason == "" {
		return r.Verdict
	}
	return r.Verdict + ": " + r.Reason
}

// findingTitle is the finding in a sentence, behind its severity where that is more than information.
func findingTitle(f *analysis.Finding) string {
	if f.Severity == analysis.Info || f.Severity == "" {
		return f.Title
	}
	return strings.ToUpper(string(f.Severity)) + ": " + f.Title
}

func findingsText(r *analysis.Findings) string {
	var b strings.Builder
	wrap(&b, "", "", headline(r))
	if r.Verdict != "" {
		wrap(&b, "", "", "Verdict: "+theme.Clean(verdictWords(r))+".")
	}
	for i := range r.Findings {
		b.WriteByte('\n')
		findingText(&b, &r.Findings[i])
	}
	for i, w := range r.Warnings {
		if i == 0 {
			b.WriteByte('\n')
		}
		wrap(&b, "! ", "  ", theme.Clean(w))
	}
	return b.String()
}

func findingText(b *strings.Builder, f *analysis.Finding) {
	wrap(b, "", "", theme.Clean(findingTitle(f))+".")
	if rate, ok := f.Evidence["sample_rate_bytes"]; ok && rate > 1 {
		wrap(b, "", "", fmt.Sprintf("One object in every %s was sampled on average; ± is one standard deviation.", unit.Bytes(rate)))
	}
	for _, d := range f.Details {
		wrap(b, "", "", theme.Clean(d))
	}
	if words := evidenceWords(f); len(words) > 0 && !spokenFor(f) {
		wrap(b, "  ", "  ", theme.Clean(strings.Join(words, " · ")))
	}
	sitesText(b, f)
	if len(f.Rows) > 0 {
		t := rowTable(f)
		l := newTableText(b, &t)
		for i := range t.rows {
			l.row(&t.rows[i])
		}
	}
	if len(f.Holders) > 0 {
		t := rootTable(f)
		l := newTableText(b, &t)
		for i := range t.rows {
			l.row(&t.rows[i])
		}
	}
	if f.Advice != "" {
		wrap(b, "→ ", "  ", theme.Clean(f.Advice))
	}
}

// wrap writes a text in lines of at most textCells, the first behind one prefix, the others behind another.
func wrap(b *strings.Builder, first, other, text string) {
	for _, line := range theme.Wrap(text, textCells-theme.Width(first), 100) {
		b.WriteString(strings.TrimRight(first+line, " ") + "\n")
		first = other
	}
}

// sitesText prints the sites as a table, and below each who holds it.
func sitesText(b *strings.Builder, f *analysis.Finding) {
	if len(f.Sites) == 0 {
		if threshold, ok := f.Evidence["threshold_bytes"]; ok && f.Evidence["sites_count"] > 0 {
			wrap(b, "", "", "None of them holds "+unit.Bytes(threshold)+"; --threshold lists smaller ones.")
		}
		return
	}
	t := siteTable(f)
	l := newTableText(b, &t)
	for i := range t.rows {
		l.site(&t.rows[i])
		holdersText(b, &f.Sites[i])
	}
	if bytes, text := otherSites(f); text != "" {
		l.row(&tableRow{cells: []string{bytes}, name: text})
	}
}

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
