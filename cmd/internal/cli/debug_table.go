package cli

import (
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// table is a table of a report: columns of numbers, and behind them what they are of. Names are as strangers gave them.
type table struct {
	titles []string // of the columns of numbers
	of     string   // the title of the names
	rows   []tableRow
}

type tableRow struct {
	cells  []string
	values []sampler.Reading // the exact numbers of the cells, unknown where a cell has none; nil where nobody needs them
	name   string
	note   string
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
			v, has := r.Numbers[key]
			value := sampler.Reading{Value: v, OK: has}
			row.values = append(row.values, value)
			row.cells = append(row.cells, cell(value, func(v float64) string { return number(key, v) }))
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
		t.rows = append(t.rows, tableRow{
			cells:  []string{unit.Bytes(float64(h.RetainedBytes)), unit.Percent(h.SharePercent / 100)},
			values: []sampler.Reading{sampler.Known(float64(h.RetainedBytes)), sampler.Known(h.SharePercent)}, name: h.Root,
		})
	}
	if shared := f.Evidence["shared_bytes"]; shared > 0 {
		t.rows = append(t.rows, tableRow{cells: []string{unit.Bytes(shared), ""}, values: []sampler.Reading{sampler.Known(shared), {}}, name: "several together: freeing one of them frees nothing"})
	}
	return t
}

// siteColumn is a column of the table of allocation sites: a number, which key prints, or words with the number they rest on.
type siteColumn struct {
	title string
	key   string
	value func(*analysis.FoundSite) *float64
	words func(*analysis.FoundSite) string // nil prints the value
}

func (c *siteColumn) text(s *analysis.FoundSite) string {
	if c.words != nil {
		return c.words(s)
	}
	if v := c.value(s); v != nil {
		return number(c.key, *v)
	}
	return unknown
}

func (c *siteColumn) reading(s *analysis.FoundSite) sampler.Reading {
	if c.value == nil {
		return sampler.Reading{}
	}
	if v := c.value(s); v != nil {
		return sampler.Known(*v)
	}
	return sampler.Reading{}
}

// foundColumns returns the columns that tell what the finding is about: growth, garbage, what was kept, or what is in use.
func foundColumns(sites []analysis.FoundSite) []siteColumn {
	any := func(has func(*analysis.FoundSite) bool) bool {
		return slices.ContainsFunc(sites, func(s analysis.FoundSite) bool { return has(&s) })
	}
	field := func(title, key string, value func(*analysis.FoundSite) *float64) siteColumn {
		return siteColumn{title: title, key: key, value: value}
	}
	inUse := field("in use", "bytes", func(s *analysis.FoundSite) *float64 { return &s.Bytes })
	share := field("share", "percent", func(s *analysis.FoundSite) *float64 { return &s.SharePercent })
	verdict := siteColumn{title: "verdict", words: func(s *analysis.FoundSite) string { return s.Verdict }}
	kept := field("kept", "percent", func(s *analysis.FoundSite) *float64 { return s.KeptPercent })
	var columns []siteColumn
	switch {
	case any(func(s *analysis.FoundSite) bool { return s.BytesPerHour != nil }):
		last := share
		columns = []siteColumn{inUse}
		if any(func(s *analysis.FoundSite) bool { return s.KeptPercent != nil }) {
			columns, last = append(columns, kept), verdict
		}
		columns = append(columns,
			field("growth", "change_bytes_per_hour", func(s *analysis.FoundSite) *float64 { return s.BytesPerHour }),
			field("low", "change_bytes_per_hour", func(s *analysis.FoundSite) *float64 { return s.Low }),
			field("high", "change_bytes_per_hour", func(s *analysis.FoundSite) *float64 { return s.High }), last)
		if last.title == share.title && any(func(s *analysis.FoundSite) bool { return s.Verdict != "" }) {
			columns = append(columns, verdict)
		}
	case any(func(s *analysis.FoundSite) bool { return s.GarbagePerSecond != nil }):
		columns = []siteColumn{
			field("alloc/s", "bytes_per_second", func(s *analysis.FoundSite) *float64 { return s.AllocPerSecond }),
			field("garbage/s", "bytes_per_second", func(s *analysis.FoundSite) *float64 { return s.GarbagePerSecond }), share,
			{title: "lives", value: func(s *analysis.FoundSite) *float64 { return s.LifetimeSeconds },
				words: func(s *analysis.FoundSite) string { return s.Lifetime }},
		}
	case any(func(s *analysis.FoundSite) bool { return s.KeptPercent != nil }):
		columns = []siteColumn{inUse, kept, share, verdict}
	default:
		return []siteColumn{
			inUse, field("±", "bytes", func(s *analysis.FoundSite) *float64 { return &s.Uncertainty }), share,
			field("objects", "count", func(s *analysis.FoundSite) *float64 { return &s.Objects }),
			field("samples", "count", func(s *analysis.FoundSite) *float64 { n := float64(s.Samples); return &n }),
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
		for j := range columns {
			row.cells = append(row.cells, columns[j].text(&f.Sites[i]))
			row.values = append(row.values, columns[j].reading(&f.Sites[i]))
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

// evidencePair is a number of the evidence in words: "live", "12.0 MB".
type evidencePair struct{ name, text string }

// evidencePairs lists the evidence, in alphabetical order.
func evidencePairs(f *analysis.Finding) []evidencePair {
	var pairs []evidencePair
	for key, v := range f.Evidence {
		name := key
		for _, end := range []string{"_per_hour", "_per_second", "_per_minute"} {
			name = strings.TrimSuffix(name, end)
		}
		if i := strings.LastIndexByte(name, '_'); i > 0 {
			name = name[:i]
		}
		pairs = append(pairs, evidencePair{strings.ReplaceAll(name, "_", " "), number(key, v)})
	}
	slices.SortFunc(pairs, func(a, b evidencePair) int { return strings.Compare(a.name+" "+a.text, b.name+" "+b.text) })
	return pairs
}

// evidenceWords lists the evidence in words, in alphabetical order: "first 12.0 MB", "per hour 3.10 MB/h".
func evidenceWords(f *analysis.Finding) []string {
	var words []string
	for _, p := range evidencePairs(f) {
		words = append(words, p.name+" "+p.text)
	}
	return words
}
