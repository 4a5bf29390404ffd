package profile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// groupFrames is how many innermost frames make two stacks the same row.
const groupFrames = 16

// GoroutineRow is goroutines that do the same: same state, same innermost frames, same creator.
type GoroutineRow struct {
	Key       string // identifies the row in other readings of the same program
	Function  string // the innermost function outside the runtime; for goroutines without a stack, where they were created
	State     string // "chan receive", "running"; "" where the source cannot tell
	Count     int
	Change    sampler.Reading // of Count since the mark
	WaitMin   sampler.Reading // seconds
	WaitMax   sampler.Reading // seconds
	Stacks    sampler.Reading // bytes that the stacks of all of them take
	Stack     []sampler.Frame // of the largest group, innermost first; may be empty
	CreatedBy sampler.Frame
}

// GoroutineRows groups goroutines by state, innermost frames and creator, and compares each group with the mark, which
// may be nil. Groups that only the mark has are rows with a count of 0. Rows come in descending order of count. now may be nil.
func GoroutineRows(now, mark *sampler.Goroutines) []GoroutineRow {
	rows := groupGoroutines(now)
	if mark != nil {
		before := groupGoroutines(mark)
		for key, row := range rows {
			count := 0
			if old := before[key]; old != nil {
				count = old.Count
			}
			row.Change = sampler.Known(float64(row.Count - count))
		}
		for key, old := range before {
			if rows[key] == nil {
				old.Change = sampler.Known(float64(-old.Count))
				old.Count, old.WaitMin, old.WaitMax = 0, sampler.Reading{}, sampler.Reading{}
				old.Stacks = sampler.Reading{}
				rows[key] = old
			}
		}
	}
	out := make([]GoroutineRow, 0, len(rows))
	for _, row := range rows {
		out = append(out, *row)
	}
	slices.SortFunc(out, func(a, b GoroutineRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Change.Value, a.Change.Value), strings.Compare(a.Key, b.Key))
	})
	return out
}

func groupGoroutines(g *sampler.Goroutines) map[string]*GoroutineRow {
	rows := map[string]*GoroutineRow{}
	if g == nil {
		return rows
	}
	largest := map[string]int{}
	for i := range g.Groups {
		group := &g.Groups[i]
		key := goroutineKey(group)
		row := rows[key]
		if row == nil {
			row = &GoroutineRow{Key: key, Function: functionOf(group), State: group.State, CreatedBy: group.CreatedBy, Stacks: sampler.Known(0)}
			rows[key] = row
		}
		row.Count += group.Count
		if row.Stacks.Value += group.Stacks.Value; !group.Stacks.OK || !row.Stacks.OK {
			row.Stacks = sampler.Reading{}
		}
		row.WaitMin = pick(row.WaitMin, group.WaitMin, func(a, b float64) bool { return b < a })
		row.WaitMax = pick(row.WaitMax, group.WaitMax, func(a, b float64) bool { return b > a })
		if group.Count > largest[key] {
			largest[key] = group.Count
			row.Stack = group.Stack
		}
	}
	return rows
}

func goroutineKey(g *sampler.GoroutineGroup) string {
	var b strings.Builder
	b.WriteString(g.State)
	frame := func(f sampler.Frame) {
		b.WriteByte('\n')
		b.WriteString(f.Function)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(f.Line))
	}
	for _, f := range g.Stack[:min(groupFrames, len(g.Stack))] {
		frame(f)
	}
	b.WriteByte('\n')
	frame(g.CreatedBy)
	return b.String()
}

func functionOf(g *sampler.GoroutineGroup) string {
	if user := withoutRuntime(g.Stack); len(user) > 0 {
		return user[0].Function
	}
	return g.CreatedBy.Function
}

// pick returns a, or b where a is unknown or better says so.
func pick(a, b sampler.Reading, better func(a, b float64) bool) sampler.Reading {
	if b.OK && (!a.OK || better(a.Value, b.Value)) {
		return b
	}
	return a
}
