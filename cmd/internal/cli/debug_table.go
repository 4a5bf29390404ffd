package cli

import (
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// table is a table of a report: columns of numbers, and behind them what they are of. Names are as strangers gave them.
type table struct {
	titles []string // of the columns of numbers
	of     string   // the title of the names
	rows   []tableRow
}

type tableRow struct {
	cells []string
	name  string
	note  string
}

// number prints a number by the unit that its key ends with: "61.2 MB", "+3.10 MB/h", "12%". See analysis.FoundColumn.
func number(key string, v float64) string {
	per := ""
	for _, p := range []struct{ end, sign string }{{"_per_hour", "/h"}, {"_per_second", "/s"}, {"_per_minute", "/min"}} {
		if base, found := strings.CutSuffix(key, p.end); found {
			key, per = base, p.sign
		}
	}
	what := key[strings.LastIndexByte(key, '_')+1:]
	switch {
	case what == "bytes" && strings.Contains(key, "change"):
		return unit.Change(v) + per
	case what == "ratio" || what == "score":
		what = ""
	}
	return unit.Format(what, v) + per
}

// rowTable is the table of a finding's rows, with the columns that a row has a number for.
func rowTable(f *analysis.Finding) table {
	t := table{of: f.RowsOf}
	var keys []string
	for _, c := range f.Columns {
		if slices.ContainsFunc(f.Rows, func(r analysis.FoundRow) bool { _, has := r.Numbers[c.Key]; return has }) {
			keys, t.titles = append(keys, c.Key), append(t.titles, c.Title)
		}
	}
	for i := range f.Rows {
		r := &f.Rows[i]
		row := tableRow{name: r.Name, note: r.Note}
		for _, key := range keys {
			text := unknown
			if v, has := r.Numbers[key]; has {
				text = number(key, v)
			}
			row.cells = append(row.cells, text)
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// rootTable is what each root alone keeps alive.
func rootTable(f *analysis.Finding) table {
	t := table{titles: []string{"keeps", "share"}, of: "who holds it alone"}
	const small = 0.05 // percent: below it all that is seen is noise
	for i := range f.Holders {
		h := &f.Holders[i]
		if i > 0 && h.SharePercent < small {
			break
		}
		t.rows = append(t.rows, tableRow{cells: []string{unit.Bytes(float64(h.RetainedBytes)), unit.Percent(h.SharePercent / 100)}, name: h.Root})
	}
	if shared := f.Evidence["shared_bytes"]; shared > 0 {
		t.rows = append(t.rows, tableRow{cells: []string{unit.Bytes(shared), ""}, name: "several together: freeing one of them frees nothing"})
	}
	return t
}

// siteColumn is a column of the table of allocation sites.
type siteColumn struct {
	title string
	cell  func(*analysis.FoundSite) string
}

func optional(v *float64, key string) string {
	if v == nil {
		return unknown
	}
	return number(key, *v)
}

// foundColumns returns the columns that tell what the finding is about: growth, garbage, what was kept, or what is in use.
func foundColumns(sites []analysis.FoundSite) []siteColumn {
	any := func(has func(*analysis.FoundSite) bool) bool {
		return slices.ContainsFunc(sites, func(s analysis.FoundSite) bool { return has(&s) })
	}
	inUse := siteColumn{"in use", func(s *analysis.FoundSite) string { return unit.Bytes(s.Bytes) }}
	share := siteColumn{"share", func(s *analysis.FoundSite) string { return unit.Percent(s.SharePercent / 100) }}
	verdict := siteColumn{"verdict", func(s *analysis.FoundSite) string { return s.Verdict }}
	kept := siteColumn{"kept", func(s *analysis.FoundSite) string { return optional(s.KeptPercent, "percent") }}
	var columns []siteColumn
	switch {
	case any(func(s *analysis.FoundSite) bool { return s.BytesPerHour != nil }):
		last := share
		columns = []siteColumn{inUse}
		if any(func(s *analysis.FoundSite) bool { return s.KeptPercent != nil }) {
			columns, last = append(columns, kept), verdict
		}
		columns = append(columns,
			siteColumn{"growth", func(s *analysis.FoundSite) string { return optional(s.BytesPerHour, "change_bytes_per_hour") }},
			siteColumn{"low", func(s *analysis.FoundSite) string { return optional(s.Low, "change_bytes_per_hour") }},
			siteColumn{"high", func(s *analysis.FoundSite) string { return optional(s.High, "change_bytes_per_hour") }}, last)
		if last.title == share.title && any(func(s *analysis.FoundSite) bool { return s.Verdict != "" }) {
			columns = append(columns, verdict)
		}
	case any(func(s *analysis.FoundSite) bool { return s.GarbagePerSecond != nil }):
		columns = []siteColumn{
			{"alloc/s", func(s *analysis.FoundSite) string { return optional(s.AllocPerSecond, "bytes_per_second") }},
			{"garbage/s", func(s *analysis.FoundSite) string { return optional(s.GarbagePerSecond, "bytes_per_second") }}, share,
			{"lives", func(s *analysis.FoundSite) string { return s.Lifetime }},
		}
	case any(func(s *analysis.FoundSite) bool { return s.KeptPercent != nil }):
		columns = []siteColumn{inUse, kept, share, verdict}
	default:
		return []siteColumn{
			inUse, {"±", func(s *analysis.FoundSite) string { return unit.Bytes(s.Uncertainty) }}, share,
			{"objects", func(s *analysis.FoundSite) string { return unit.Count(s.Objects) }},
			{"samples", func(s *analysis.FoundSite) string { return unit.Count(float64(s.Samples)) }},
		}
	}
	return columns
}

func siteTable(f *analysis.Finding) table {
	t := table{of: "site"}
	columns := foundColumns(f.Sites)
	for _, c := range columns {
		t.titles = append(t.titles, c.title)
	}
	for i := range f.Sites {
		row := tableRow{name: f.Sites[i].Site}
		for _, c := range columns {
			row.cells = append(row.cells, c.cell(&f.Sites[i]))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// otherSites is a line about the sites that are not listed; "" when all are.
func otherSites(f *analysis.Finding) (bytes, text string) {
	listed, all := f.Evidence["listed_count"], f.Evidence["sites_count"]
	if all <= listed || len(f.Sites) == 0 {
		return "", ""
	}
	rest := f.Evidence["in_use_bytes"] - f.Evidence["listed_bytes"]
	if rest < 1 {
		return "", "" // what they allocated is freed
	}
	return unit.Bytes(rest), "in " + unit.Count(all-listed) + " other sites"
}

// spokenFor says whether the finding's numbers are in its tables, so that the evidence need not be listed.
func spokenFor(f *analysis.Finding) bool {
	inUse := slices.ContainsFunc(f.Sites, func(s analysis.FoundSite) bool { return s.BytesPerHour == nil })
	_, lists := f.Evidence["listed_count"]
	return len(f.Rows) > 0 || len(f.Holders) > 0 || inUse || lists || f.Verdict != "" // a verdict is told with its numbers
}

// evidenceWords lists the evidence in words, in alphabetical order: "first 12.0 MB", "per hour 3.10 MB/h".
func evidenceWords(f *analysis.Finding) []string {
	var words []string
	for key, v := range f.Evidence {
		name := key
		for _, end := range []string{"_per_hour", "_per_second", "_per_minute"} {
			name = strings.TrimSuffix(name, end)
		}
		if i := strings.LastIndexByte(name, '_'); i > 0 {
			name = name[:i]
		}
		words = append(words, strings.ReplaceAll(name, "_", " ")+" "+number(key, v))
	}
	slices.Sort(words)
	return words
}
