package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// mostGroups is how many groups of goroutines are listed with their stacks.
const mostGroups = 100

// goroutineStacks lists the groups with what each waits in.
func goroutineStacks(g *sampler.Goroutines) *page.Table {
	all := profile.GoroutineRows(g, nil)
	rows := all[:min(len(all), mostGroups)]
	has := func(known func(*profile.GoroutineRow) bool) bool {
		return slices.ContainsFunc(rows, func(r profile.GoroutineRow) bool { return known(&r) })
	}
	columns := []groupColumn{
		{page.Column{Title: "goroutines", Number: true}, func(r *profile.GoroutineRow) page.Cell {
			return page.Number(float64(r.Count), unit.Count(float64(r.Count)))
		}},
		{page.Column{Title: "share", Number: true}, func(r *profile.GoroutineRow) page.Cell {
			share := float64(r.Count) / float64(max(g.Total, 1))
			c := page.Number(100*share, unit.Percent(share))
			c.Share = min(share, 1)
			return c
		}},
	}
	if has(func(r *profile.GoroutineRow) bool { return r.Stacks.OK }) {
		columns = append(columns, groupColumn{page.Column{Title: "stacks", Number: true, Hint: "memory of their stacks"},
			func(r *profile.GoroutineRow) page.Cell { return exact(r.Stacks, cell(r.Stacks, unit.Bytes)) }})
	}
	if has(func(r *profile.GoroutineRow) bool { return r.WaitMax.OK }) {
		columns = append(columns, groupColumn{page.Column{Title: "waits for", Number: true, Hint: "the longest of them"}, func(r *profile.GoroutineRow) page.Cell {
			return exact(r.WaitMax, cell(r.WaitMax, func(v float64) string { return unit.Format("seconds", v) }))
		}})
	}
	if has(func(r *profile.GoroutineRow) bool { return r.State != "" }) {
		columns = append(columns, groupColumn{page.Column{Title: "state"}, func(r *profile.GoroutineRow) page.Cell { return page.Cell{Text: r.State} }})
	}
	t := &page.Table{Caption: "By stack", Columns: []page.Column{{Title: "function", Code: true}}}
	for _, c := range columns {
		t.Columns = append(t.Columns, c.column)
	}
	for i := range rows {
		row := page.Row{Cells: []page.Cell{{Text: groupName(&rows[i])}}, Detail: groupBlocks(&rows[i])}
		for _, c := range columns {
			row.Cells = append(row.Cells, c.cell(&rows[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	if more := len(all) - len(rows); more > 0 {
		t.More = "and " + unit.Things(more, "smaller group") + " more"
	}
	return t
}

// groupColumn is a column of the table of goroutines.
type groupColumn struct {
	column page.Column
	cell   func(*profile.GoroutineRow) page.Cell
}

// groupBlocks is what opens under a group of goroutines: the stack, and who started them.
func groupBlocks(r *profile.GoroutineRow) []page.Block {
	const most = 2 * stackFrames
	frames := analysis.FrameTexts(r.Stack)
	if len(frames) > most {
		frames = append(frames[:most], "… "+unit.Things(len(r.Stack)-most, "frame")+" more")
	}
	blocks := stackBlocks(frames)
	if r.CreatedBy.Function != "" {
		blocks = append(blocks, page.Facts{{Name: "started by", Value: analysis.FrameText(r.CreatedBy), Code: true}})
	}
	return blocks
}

func groupName(r *profile.GoroutineRow) string {
	if r.Function == "" {
		return "(no stack)"
	}
	return profile.ShortName(r.Function)
}

// metricsPart lists every metric of one reading.
func metricsPart(snap *sampler.Snapshot) page.Part {
	t := &page.Table{Caption: "Every metric that was read", Columns: []page.Column{{Title: "metric", Code: true}, {Title: "value", Number: true}}}
	for _, s := range sorted(snap.Samples) {
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{{Text: string(s.Metric)}, page.Number(s.Value, figure(s.Metric.Unit(), s.Value))}})
	}
	return page.Part{Title: "Metrics", Blocks: []page.Block{t}, Folded: true}
}

func sorted(samples []sampler.Sample) []sampler.Sample {
	out := slices.Clone(samples)
	slices.SortFunc(out, func(a, b sampler.Sample) int { return strings.Compare(string(a.Metric), string(b.Metric)) })
	return out
}

// mostCycles is how many collections are listed.
const mostCycles = 200

// cycleParts lists the last collections; nothing where none is known.
func cycleParts(cycles []sampler.GCCycle) []page.Part {
	if len(cycles) == 0 {
		return nil
	}
	t := &page.Table{Caption: "Garbage collections", Columns: []page.Column{
		{Title: "number", Number: true}, {Title: "ended"}, {Title: "kind"},
		{Title: "before", Number: true, Hint: "heap in use when it began"}, {Title: "after", Number: true, Hint: "heap in use when marking ended"},
		{Title: "live", Number: true, Hint: "found alive"}, {Title: "goal", Number: true, Hint: "the heap goal it ran under"},
		{Title: "pause", Number: true, Hint: "all its stop-the-world time"},
	}}
	if left := len(cycles) - mostCycles; left > 0 {
		t.More = unit.Things(left, "earlier collection") + " are left out"
		cycles = cycles[left:]
	}
	for i := range cycles {
		c := &cycles[i]
		size := func(r sampler.Reading) page.Cell { return exact(r, cell(r, unit.Bytes)) }
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{
			page.Number(float64(c.Number), unit.Count(float64(c.Number))), {Text: c.End.UTC().Format(time.DateTime)}, {Text: c.Kind},
			size(c.Before), size(c.After), size(c.Live), size(c.Goal),
			exact(c.Pause, cell(c.Pause, func(v float64) string { return unit.Format("seconds", v) })),
		}})
	}
	return []page.Part{{Title: "Garbage collections", Blocks: []page.Block{t}, Folded: true}}
}

// pauseParts is the distribution of the collector's pauses since the program began; nothing where that is not known.
func pauseParts(snap *sampler.Snapshot) []page.Part {
	const bars = 24
	h, ok := snap.Histogram(sampler.GoGCPauses)
	if !ok {
		return nil
	}
	p, ok := analysis.PausesOf(h, nil, bars)
	if !ok {
		return nil
	}
	seconds := func(v float64) string { return unit.Format("seconds", v) }
	t := &page.Table{Caption: "Pauses of the collector by length", Columns: []page.Column{
		{Title: "from", Number: true}, {Title: "to", Number: true}, {Title: "pauses", Number: true}}}
	for _, b := range p.Bars {
		count := page.Number(float64(b.Count), unit.Count(float64(b.Count)))
		count.Share = float64(b.Count) / float64(max(p.Count, 1))
		t.Rows = append(t.Rows, page.Row{Cells: []page.Cell{page.Number(b.Low, seconds(b.Low)), page.Number(b.High, seconds(b.High)), count}})
	}
	return []page.Part{{
		Title: "GC pauses", Note: "Since the program began. The runtime counts pauses in buckets: each figure is that or less.",
		Blocks: []page.Block{
			page.Facts{{Name: "half are at most", Value: seconds(p.P50)}, {Name: "99 of 100 are at most", Value: seconds(p.P99)},
				{Name: "the longest", Value: seconds(p.Max)}, {Name: "pauses", Value: unit.Count(float64(p.Count))}}, t},
	}}
}
