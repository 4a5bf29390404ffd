package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// ledgerList shows the parts of the resident memory, those that did not change too: they sum to it.
func ledgerList(d *analysis.Diff) diffList {
	l := diffList{Title: "Resident memory by part", Columns: []diffColumn{changeColumn(), shareColumn(), fromColumn(), toColumn(), {Title: "PART", Code: true}}}
	for i := range d.Ledger {
		c := &d.Ledger[i]
		if c.Key == "rss" || c.From.Value == 0 && c.To.Value == 0 {
			continue
		}
		l.Rows = append(l.Rows, sizeChangeRow(c, theme.Clean(c.Name)))
	}
	return l
}

func sizeChangeRow(c *analysis.Change, name string) diffRow {
	change := c.Value()
	row := diffRow{Cells: []string{changeWords(change), "", sizeWords(c.From), sizeWords(c.To), name}, Sign: sign(change.Value)}
	row.Values = []sampler.Reading{change, sharePercent(c.From, change), c.From, c.To}
	if change.OK {
		row.Cells[1] = shareWords(c.From.Value, change.Value)
	}
	return row
}

func siteColumns() []diffColumn {
	return []diffColumn{changeColumn(), sureColumn(), shareColumn(), fromColumn(), toColumn(), {Title: "SITE", Code: true}}
}

func siteChange(s *profile.SiteChange) float64 { return s.Change() }

// siteList shows the sites whose change is more than sampling explains.
func siteList(d *analysis.Diff, top, stacks int) diffList {
	certain, _ := apart(d.Sites)
	l := diffList{
		Title: "Allocation sites, in use", Columns: siteColumns(),
		Note: fmt.Sprintf("%s of %s changed by more than the uncertainty of sampling",
			unit.Count(float64(len(certain))), unit.Things(len(d.Sites), "site")),
	}
	if d.Joined == nil || len(d.Sites) == 0 {
		return diffList{}
	}
	shown, left, rest := largest(certain, top, siteChange)
	for i, s := range shown {
		row := siteRow(s)
		row.Detail = siteDetail(d, s)
		if i < stacks && len(s.Stacks) > 0 {
			row.Stack = stackWords(s.Stacks[0].Frames)
		}
		l.Rows = append(l.Rows, row)
	}
	l.More = moreWords(left, unit.Change(rest))
	if len(certain) == 0 {
		l.More = "no site"
	}
	return l
}

// apart divides the sites into those whose change exceeds its uncertainty and the others.
func apart(sites []profile.SiteChange) (certain, within []profile.SiteChange) {
	for i := range sites {
		if sites[i].Certain() {
			certain = append(certain, sites[i])
		} else {
			within = append(within, sites[i])
		}
	}
	return certain, within
}

func siteRow(s *profile.SiteChange) diffRow {
	return diffRow{Sign: sign(s.Change()), Cells: []string{
		unit.Change(s.Change()), unit.Bytes(s.Uncertainty), shareWords(s.From.InUseBytes, s.Change()),
		unit.Bytes(s.From.InUseBytes), unit.Bytes(s.To.InUseBytes), shortFrame(s.Frame),
	}, Values: deltaValues(s.Change(), s.Uncertainty, s.From.InUseBytes, s.To.InUseBytes), Narrow: narrowFrame(s.Frame)}
}

// deltaValues are the exact numbers of a row with a change, its uncertainty, and what it is the change of.
func deltaValues(change, uncertainty, from, to float64) []sampler.Reading {
	return []sampler.Reading{
		sampler.Known(change), sampler.Known(uncertainty), sharePercent(sampler.Known(from), sampler.Known(change)), sampler.Known(from), sampler.Known(to),
	}
}

// siteDetail says what else is known of a site: objects, what it allocated, in how many stacks.
func siteDetail(d *analysis.Diff, s *profile.SiteChange) string {
	parts := []string{countChangeWords(s.To.InUseObjects-s.From.InUseObjects) + " objects"}
	if d.SameRun {
		words := "allocated " + unit.Bytes(s.AllocChange())
		if t := elapsed(d); t > 0 && s.AllocChange() > 0 {
			words += ", " + unit.Rate(s.AllocChange()/t.Seconds())
		}
		parts = append(parts, words)
	}
	if s.StackCount > 1 {
		parts = append(parts, "in "+unit.Things(s.StackCount, "stack"))
	}
	return strings.Join(parts, " · ")
}

// apartList shows the sites whose change sampling alone explains.
func apartList(d *analysis.Diff, top int) diffList {
	_, within := apart(d.Sites)
	shown, left, rest := largest(within, top, siteChange)
	if len(shown) == 0 {
		return diffList{}
	}
	l := diffList{
		Title: "Allocation sites within the uncertainty", Columns: siteColumns(),
		Note: "these changes are not told from chance",
		More: moreWords(left, unit.Change(rest)),
	}
	for _, s := range shown {
		l.Rows = append(l.Rows, siteRow(s))
	}
	return l
}

// allocList shows the sites by what they allocated in between.
func allocList(d *analysis.Diff, top int) diffList {
	if d.Joined == nil {
		return diffList{}
	}
	title := "Allocation sites, allocated in between"
	if !d.SameRun {
		title = "Allocation sites, allocated by each run"
	}
	l := diffList{Title: title, Columns: siteColumns()}
	sites := slices.Clone(d.Sites)
	slices.SortStableFunc(sites, func(a, b profile.SiteChange) int { return sign(b.AllocChange() - a.AllocChange()) })
	shown, left, rest := largest(sites, top, func(s *profile.SiteChange) float64 {
		if math.Abs(s.AllocChange()) <= s.AllocUncertainty {
			return 0
		}
		return s.AllocChange()
	})
	for _, s := range shown {
		l.Rows = append(l.Rows, diffRow{Sign: sign(s.AllocChange()), Cells: []string{
			unit.Change(s.AllocChange()), unit.Bytes(s.AllocUncertainty), shareWords(s.From.AllocBytes, s.AllocChange()),
			unit.Bytes(s.From.AllocBytes), unit.Bytes(s.To.AllocBytes), shortFrame(s.Frame),
		}, Values: deltaValues(s.AllocChange(), s.AllocUncertainty, s.From.AllocBytes, s.To.AllocBytes), Narrow: narrowFrame(s.Frame)})
	}
	l.More = moreWords(left, unit.Change(rest))
	return l
}

func goroutineList(d *analysis.Diff, top, stacks int) diffList {
	l := diffList{Title: "Goroutines by stack", Columns: []diffColumn{changeColumn(), shareColumn(), fromColumn(), toColumn(), {Title: "FUNCTION", Code: true}}}
	shown, left, rest := largest(d.Goroutines, top, func(g *analysis.GoroutineChange) float64 { return float64(g.Change()) })
	for i, g := range shown {
		change := float64(g.Change())
		frame := sampler.Frame{Function: g.Function}
		if at := slices.IndexFunc(g.Stack, func(f sampler.Frame) bool { return f.Function == g.Function }); at >= 0 {
			frame = g.Stack[at]
		}
		row := diffRow{Sign: sign(change), Cells: []string{
			countChangeWords(change), shareWords(float64(g.From), change), unit.Count(float64(g.From)), unit.Count(float64(g.To)), shortFrame(frame),
		}, Narrow: narrowFrame(frame)}
		from := sampler.Known(float64(g.From))
		row.Values = []sampler.Reading{sampler.Known(change), sharePercent(from, sampler.Known(change)), from, sampler.Known(float64(g.To))}
		if i < stacks {
			row.Stack = stackWords(g.Stack)
		}
		l.Rows = append(l.Rows, row)
	}
	l.More = moreWords(left, countChangeWords(rest))
	return l
}

// sizeList shows objects by size, without the sizes whose change sampling explains.
func sizeList(d *analysis.Diff, top int) diffList {
	l := diffList{Title: "Objects by size", Columns: []diffColumn{
		changeColumn(), sureColumn(), shareColumn(), fromColumn(), toColumn(), {Title: "OBJECTS OF"}}}
	shown, left, rest := largest(d.Sizes, top, func(s *analysis.SizeClassChange) float64 {
		if v := s.Bytes.Value().Value; math.Abs(v) > s.Uncertainty {
			return v
		}
		return 0
	})
	for _, s := range shown {
		change := s.Bytes.Value().Value
		sure := ""
		if s.Uncertainty > 0 {
			sure = unit.Bytes(s.Uncertainty)
		}
		what := "large, in spans of their own"
		if s.Size > 0 {
			what = unit.Bytes(s.Size)
		}
		if s.NoScan {
			what += ", without pointers"
		}
		what += " (" + countChangeWords(s.Objects.Value().Value) + ")"
		l.Rows = append(l.Rows, diffRow{Sign: sign(change), Cells: []string{
			unit.Change(change), sure, shareWords(s.Bytes.From.Value, change), sizeWords(s.Bytes.From), sizeWords(s.Bytes.To), what,
		}, Values: []sampler.Reading{sampler.Known(change), above(s.Uncertainty), sharePercent(s.Bytes.From, sampler.Known(change)), s.Bytes.From, s.Bytes.To}})
	}
	l.More = moreWords(left, unit.Change(rest))
	return l
}

func mappingList(d *analysis.Diff, top int) diffList {
	l := diffList{Title: "Mappings, resident", Columns: []diffColumn{changeColumn(), shareColumn(), fromColumn(), toColumn(), {Title: "NAME", Code: true}}}
	shown, left, rest := largest(d.Mappings, top, func(c *analysis.Change) float64 { return c.Value().Value })
	for _, c := range shown {
		l.Rows = append(l.Rows, sizeChangeRow(c, theme.Clean(c.Name)))
	}
	l.More = moreWords(left, unit.Change(rest))
	return l
}

// runtimeList shows the metrics that changed, at most top of those in bytes and as many of the others.
func runtimeList(d *analysis.Diff, top int) diffList {
	l := diffList{Title: "Figures of runtime and system", Columns: []diffColumn{
		{Title: "CHANGE", Width: 11}, shareColumn(), {Title: "FROM", Width: 11}, {Title: "TO", Width: 11}, {Title: "METRIC", Code: true}}}
	left, shown := 0, map[bool]int{}
	for i := range d.Runtime {
		c := &d.Runtime[i]
		change := c.Value()
		if change.Value == 0 && c.From.OK == c.To.OK {
			continue
		}
		if shown[c.Unit == "bytes"]++; shown[c.Unit == "bytes"] > top {
			left++
			continue
		}
		row := diffRow{Sign: sign(change.Value), Cells: []string{
			cell(change, func(v float64) string { return signed(c.Unit, v) }), "",
			cell(c.From, func(v float64) string { return figure(c.Unit, v) }), cell(c.To, func(v float64) string { return figure(c.Unit, v) }),
			theme.Clean(c.Name)}, Values: []sampler.Reading{change, sharePercent(c.From, change), c.From, c.To}}
		if change.OK {
			row.Cells[1] = shareWords(c.From.Value, change.Value)
		}
		l.Rows = append(l.Rows, row)
	}
	if left > 0 {
		l.More = "and " + unit.Things(left, "figure") + " more"
	}
	return l
}

// figure prints a metric by its unit; numbers that do not fit a column become short ones.
func figure(name string, v float64) string {
	text := unit.Format(name, v)
	if len(text) > 11 {
		text = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return text
}

func signed(name string, v float64) string {
	if v > 0 {
		return "+" + figure(name, v)
	}
	return figure(name, v)
}
