package analysis

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// When goroutines that wait are worth a word. Idle workers wait too: a few of them for an hour are nothing.
const (
	manyWaiting  = 100 // goroutines that wait at one place
	longWaiting  = 60  // seconds that all of them have waited
	manyNew      = 10  // that came while the program was watched, and none went
	newShare     = 0.02
	manyForever  = 10 // that wait for what can never happen
	smallStack   = 2048
	largeStack   = 32 << 10 // bytes on average: goroutines that call deep
	unusedStacks = 0.5      // of the stacks not in use is worth a word
)

// adviseGoroutines looks for goroutines that come and do not go.
func adviseGoroutines(f *facts) []Finding {
	if f.Goroutines == nil {
		return nil
	}
	out := found("goroutines", Info, "")
	count, growing, forever := 0.0, false, false
	stacks := sampler.Known(0)
	for _, row := range profile.GoroutineRows(f.Goroutines, f.GoroutinesFrom) {
		grows, never := f.comes(&row), neverEnds(row.State)
		idle := blocked(row.State) && row.Count >= manyWaiting && row.WaitMin.OK && row.WaitMin.Value >= longWaiting
		if told := grows || idle || never && row.Count >= manyForever; !told || len(out.Rows) == mostAdvised {
			continue
		}
		growing, forever = growing || grows, forever || never
		count += float64(row.Count)
		if stacks.Value += row.Stacks.Value; !row.Stacks.OK {
			stacks.OK = false
		}
		out.Rows = append(out.Rows, goroutineRow(&row))
	}
	if len(out.Rows) == 0 {
		return f.burst()
	}
	if !stacks.OK {
		stacks = sampler.Known(count * smallStack)
	}
	out.RowsOf = "goroutines at"
	out.Columns = []FoundColumn{{"goroutines_count", "goroutines"}, {"change_count", "new"}, {"wait_min_seconds", "wait, least"}, {"wait_max_seconds", "most"}}
	out.Evidence["goroutines_count"], out.Evidence["stacks_bytes"], out.Evidence["all_goroutines_count"] = count, stacks.Value, float64(f.Goroutines.Total)
	out.Title = fmt.Sprintf("%s goroutines wait and do not end", unit.Count(count))
	switch {
	case forever:
		out.Severity = Warning
		out.Title += "; some wait for what can never happen"
	case growing:
		out.Severity = Warning
		out.Title += ", and more come"
	}
	out.Advice = fmt.Sprintf("Give each a way to end: a context that is cancelled, a channel that is closed, a deadline. It frees at least %s of stacks, and what "+
		"they refer to. It costs nothing but the change; where they are a pool that is meant to wait, fewer would do.", unit.Bytes(stacks.Value))
	return []Finding{out}
}

// comes says whether goroutines of a group came while the program was watched, as many as cannot be chance, and wait.
func (f *facts) comes(row *profile.GoroutineRow) bool {
	return f.Record.Span() >= newSpan && f.arrived(row)
}

// arrived is the same, however short the watch was.
func (f *facts) arrived(row *profile.GoroutineRow) bool {
	if !row.Change.OK || !blocked(row.State) || !row.WaitMax.OK {
		return false
	}
	lasting := row.WaitMax.Value >= f.Record.Span().Seconds()/2
	return lasting && row.Change.Value >= manyNew && row.Change.Value >= newShare*float64(row.Count)
}

// burst says, in place of advice, that goroutines came in too short a time to tell whether they stay.
func (f *facts) burst() []Finding {
	span, count := f.Record.Span(), 0.0
	if span >= newSpan {
		return nil
	}
	for _, row := range profile.GoroutineRows(f.Goroutines, f.GoroutinesFrom) {
		if f.arrived(&row) {
			count += row.Change.Value
		}
	}
	if count == 0 {
		return nil
	}
	out := found("optimize", Info, fmt.Sprintf("Too little was seen to tell whether goroutines end: %s came and wait, in %s",
		unit.Count(count), unit.Duration(span)))
	out.Evidence["new_goroutines_count"], out.Evidence["watched_seconds"] = count, span.Seconds()
	out.Details = []string{"It may be a burst of work that is done soon."}
	out.Advice = "Watch for " + unit.Duration(roundUp(newSpan.Seconds())) + " or longer."
	return []Finding{out}
}

// blocked says whether goroutines in this state wait for others. Those that wait for the network or for time are woken
// from outside.
func blocked(state string) bool {
	for _, prefix := range []string{"chan receive", "chan send", "select", "semacquire", "sync."} {
		if strings.HasPrefix(state, prefix) {
			return true
		}
	}
	return false
}

func neverEnds(state string) bool {
	return strings.Contains(state, "nil chan") || strings.Contains(state, "no cases")
}

func goroutineRow(row *profile.GoroutineRow) FoundRow {
	name := profile.ShortName(row.Function)
	for _, frame := range row.Stack {
		if frame.Function == row.Function && frame.File != "" {
			name = SiteName(frame.Function, frame.File, frame.Line)
			break
		}
	}
	r := FoundRow{Name: name, Note: row.State, Numbers: map[string]float64{"goroutines_count": float64(row.Count)}}
	for key, v := range map[string]sampler.Reading{"change_count": row.Change, "wait_min_seconds": row.WaitMin, "wait_max_seconds": row.WaitMax, "stacks_bytes": row.Stacks} {
		if v.OK {
			r.Numbers[key] = v.Value
		}
	}
	if row.CreatedBy.Function != "" {
		r.Note += ", started by " + profile.ShortName(row.CreatedBy.Function)
	}
	return r
}

// adviseStacks looks at the memory of goroutine stacks.
func adviseStacks(f *facts) []Finding {
	stacks, count := f.last.Reading(sampler.GoClassStacks), f.last.Reading(sampler.GoGoroutines)
	if !stacks.OK || !count.OK || count.Value < 1 || !f.matters(min(stacks.Value, f.row("stacks"))) {
		return nil
	}
	average := stacks.Value / count.Value
	out := found("stacks", Info, fmt.Sprintf("Goroutine stacks take %s: %s for each of %s goroutines on average",
		unit.Bytes(stacks.Value), unit.Bytes(average), unit.Count(count.Value)))
	out.Evidence["stacks_bytes"], out.Evidence["goroutines_count"], out.Evidence["average_bytes"] = stacks.Value, count.Value, average
	if used := f.last.Reading(scanStack); used.OK && used.Value > 0 && used.Value < (1-unusedStacks)*stacks.Value {
		out.Evidence["used_bytes"] = used.Value
		out.Details = []string{fmt.Sprintf("Only %s of it was in use at the last collection: stacks that once were deep shrink by half at each collection, "+
			"and never below 2 kB.", unit.Bytes(used.Value))}
	}
	if average >= largeStack {
		out.Advice = fmt.Sprintf("Deep calls or large local arrays made them grow: recursion turned into a loop, and buffers from a pool instead of the stack, would "+
			"bring them to a few kB each, a gain of up to %s. The price is the change. Work done by few goroutines instead of each keeps it to those few.",
			unit.Bytes(stacks.Value-count.Value*4*smallStack))
	} else {
		out.Advice = "The stacks are small, there are many of them: fewer goroutines, such as a pool of workers instead of one for each task, save a few kB each. The price is " +
			"that tasks wait for a worker."
	}
	return []Finding{out}
}
