package tab

import (
	"maps"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// mostWrapped bounds the lines of one paragraph.
const mostWrapped = 40

// findingLines writes a finding out: what it says, how it was found, the causes, what to do, the numbers.
func findingLines(t *theme.Theme, f *analysis.Finding, width int) []string {
	sign := severityCell(t, f)
	var lines []string
	paragraph := func(text string, style theme.Style) {
		for _, l := range theme.Wrap(theme.Clean(text), width, mostWrapped) {
			lines = append(lines, style.Render(l))
		}
	}
	paragraph(sign.Text+": "+f.Title+".", sign.Style)
	for _, d := range f.Details {
		paragraph(d, t.Value)
	}
	if len(f.Sites) > 0 {
		lines = append(append(lines, ""), siteLines(t, f.Sites, width)...)
	}
	if len(f.Rows) > 0 {
		lines = append(append(lines, ""), rowLines(t, f, width)...)
	}
	if f.Advice != "" {
		lines = append(lines, "")
		paragraph("What to do: "+f.Advice, t.Accent)
	}
	if numbers := evidenceText(f.Evidence); numbers != "" {
		lines = append(lines, "")
		paragraph(numbers, t.Label)
	}
	return lines
}

// The cells of the numbers beside the name of a cause.
const numberCells = 12

// siteLines are the allocation sites of a finding: how fast each grows, its share, and what it holds now.
func siteLines(t *theme.Theme, sites []analysis.FoundSite, width int) []string {
	name := max(width-4*numberCells, 10)
	head := []string{"an hour", "at least", "share", "in use"}
	lines := []string{t.Label.Render(theme.Pad("site", name) + padAll(head))}
	for i := range sites {
		s := &sites[i]
		numbers := []string{rateText(s.BytesPerHour), rateText(s.Low), unit.Percent(s.SharePercent / 100), unit.Bytes(s.Bytes)}
		line := theme.Pad(theme.TruncateLeft(theme.Clean(s.Site), name-1), name) + padAll(numbers)
		if s.Verdict != "" && s.Verdict != string(analysis.LeakGrowing) {
			line += "  " + t.Label.Render(theme.Clean(s.Verdict))
		}
		lines = append(lines, theme.Truncate(line, width))
	}
	return lines
}

func padAll(cells []string) string {
	var b strings.Builder
	for _, c := range cells {
		b.WriteString(theme.PadLeft(c, numberCells))
	}
	return b.String()
}

func rateText(perHour *float64) string {
	if perHour == nil {
		return theme.SignUnknown
	}
	return unit.Change(*perHour)
}

// rowLines are the other causes: goroutines, mappings, with as many columns of numbers as there is room for.
func rowLines(t *theme.Theme, f *analysis.Finding, width int) []string {
	columns := f.Columns
	for len(columns) > 0 && width-len(columns)*numberCells < 24 {
		columns = columns[:len(columns)-1]
	}
	name := max(width-len(columns)*numberCells, 10)
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = theme.Clean(c.Title)
	}
	lines := []string{t.Label.Render(theme.Pad(theme.Clean(f.RowsOf), name) + padAll(titles))}
	for i := range f.Rows {
		r := &f.Rows[i]
		numbers := make([]string, len(columns))
		for j, c := range columns {
			numbers[j] = theme.SignUnknown
			if v, ok := r.Numbers[c.Key]; ok {
				numbers[j] = evidenceValue(c.Key, v)
			}
		}
		lines = append(lines, theme.Truncate(theme.Pad(theme.TruncateLeft(theme.Clean(r.Name), name-1), name)+padAll(numbers), width))
		if r.Note != "" {
			lines = append(lines, t.Label.Render(theme.Truncate("  "+theme.Clean(r.Note), width)))
		}
	}
	return lines
}

// evidenceText lists the numbers that a finding rests on.
func evidenceText(evidence map[string]float64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(evidence)) {
		parts = append(parts, strings.ReplaceAll(evidenceName(name), "_", " ")+" "+evidenceValue(name, evidence[name]))
	}
	return strings.Join(parts, " · ")
}

// evidenceUnits are the units that names of evidence end with, the longer before those they end with.
func evidenceUnits() []string {
	return []string{"_bytes_per_hour", "_bytes_per_second", "_count_per_hour", "_per_hour", "_per_second", "_bytes", "_percent", "_seconds", "_count", "_points", "_ratio"}
}

func evidenceName(key string) string {
	for _, u := range evidenceUnits() {
		if name, ok := strings.CutSuffix(key, u); ok {
			return name
		}
	}
	return key
}

// evidenceValue prints a number in the unit that its name ends with.
func evidenceValue(key string, v float64) string {
	after := func(suffix string) bool { return strings.HasSuffix(key, suffix) }
	switch {
	case after("bytes_per_hour"):
		return unit.Bytes(v) + "/h"
	case after("bytes_per_second"):
		return unit.Rate(v)
	case after("_per_hour"):
		return unit.Format("", v) + "/h"
	case after("bytes"):
		return unit.Bytes(v)
	case after("percent"):
		return unit.Percent(v / 100)
	case after("seconds"):
		return unit.Format("seconds", v)
	case after("count"):
		return unit.Count(v)
	}
	return unit.Format("", v)
}
