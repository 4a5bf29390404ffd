package cli

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// diffReport is a comparison in words, the same for every format that people read. Its texts are cleaned of what acts on
// a terminal; each format escapes them for itself.
type diffReport struct {
	Sides    []diffSide // from, to
	Later    string     // how much later the second is; "" where that is not known
	Filter   string     // the options, as typed; "" for none
	Warnings []string
	Lists    []diffList
}

type diffSide struct{ Word, Name, Time, Program, Note string }

// diffList is a table with a title.
type diffList struct {
	Title   string
	Note    string // a sentence below the title; may be ""
	Columns []diffColumn
	Rows    []diffRow
	More    string // what is left out; "" for nothing
}

type diffColumn struct {
	Title string
	Width int  // cells in text; the last column has what is left
	Code  bool // names of code, files and metrics, as others chose them, against our own words and numbers
}

// diffRow is a line of a table. Below it may stand details, and a stack.
type diffRow struct {
	Cells  []string
	Values []sampler.Reading // the exact numbers of Cells, but the last one; unknown where a cell has none
	Narrow string            // what stands for the last cell where there is little room; "" for the cell itself
	Detail string
	Stack  []diffFrame // innermost first
	Sign   int         // of the change, 1, -1 or 0
}

// diffFrame is a frame in full, without the folders of package and file, and with its line alone.
type diffFrame struct{ Full, Short, Narrow string }

const (
	detailStacks = 5  // rows that show their stack
	stackFrames  = 12 // frames of a stack in a report
	apartMost    = 5  // rows of sites within the uncertainty
)

// newDiffReport puts a comparison in words, with at most top rows a list, 0 meaning all. Of each list at most stacks rows
// show their stack.
func newDiffReport(d *analysis.Diff, top, stacks int) *diffReport {
	if top == 0 {
		top = maxTop
	}
	r := &diffReport{Sides: []diffSide{sideWords("from", d.From), sideWords("to", d.To)}, Filter: filterWords(d.Filter)}
	if !d.From.Time.IsZero() && !d.To.Time.IsZero() && !d.To.Time.Before(d.From.Time) {
		r.Later = unit.Duration(d.To.Time.Sub(d.From.Time)) + " later"
	}
	for _, w := range d.Warnings {
		r.Warnings = append(r.Warnings, theme.Clean(w))
	}
	for _, l := range []diffList{
		summaryList(d), ledgerList(d), siteList(d, top, stacks), apartList(d, min(top, apartMost)), allocList(d, top),
		goroutineList(d, top, stacks), sizeList(d, top), mappingList(d, top), runtimeList(d, top),
	} {
		if len(l.Rows) > 0 || l.More != "" {
			r.Lists = append(r.Lists, l)
		}
	}
	return r
}

func sideWords(word string, s *analysis.Side) diffSide {
	w := diffSide{Word: word, Name: theme.Clean(s.Name), Time: moment(s.Time), Note: theme.Clean(s.Note)}
	var parts []string
	for _, p := range []string{theme.Clean(s.Info.Name), pidWords(s.Info.PID), theme.Clean(s.Info.GoVersion)} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	w.Program = strings.Join(parts, " ")
	return w
}

func pidWords(pid int) string {
	if pid == 0 {
		return ""
	}
	return strconv.Itoa(pid)
}

func filterWords(f profile.Filter) string {
	var words []string
	if f.Focus != nil {
		words = append(words, "--focus "+theme.Clean(f.Focus.String()))
	}
	if f.Ignore != nil {
		words = append(words, "--ignore "+theme.Clean(f.Ignore.String()))
	}
	if f.Mine {
		words = append(words, "--mine")
	}
	return strings.Join(words, " ")
}

// The columns that most lists have.
func changeColumn() diffColumn { return diffColumn{Title: "CHANGE", Width: 8} }
func shareColumn() diffColumn  { return diffColumn{Title: "%", Width: 6} }
func fromColumn() diffColumn   { return diffColumn{Title: "FROM", Width: 7} }
func toColumn() diffColumn     { return diffColumn{Title: "TO", Width: 7} }

func sureColumn() diffColumn { return diffColumn{Title: "±", Width: 7} }

// largest returns the rows whose change is largest, at most top of them, in their own order, how many others changed,
// and what those come to.
func largest[T any](rows []T, top int, change func(*T) float64) (shown []*T, left int, rest float64) {
	changed := make([]int, 0, len(rows))
	for i := range rows {
		if change(&rows[i]) != 0 {
			changed = append(changed, i)
		}
	}
	slices.SortStableFunc(changed, func(a, b int) int {
		return cmp.Compare(math.Abs(change(&rows[b])), math.Abs(change(&rows[a])))
	})
	keep := changed[:min(top, len(changed))]
	for _, i := range changed[len(keep):] {
		left++
		rest += change(&rows[i])
	}
	slices.Sort(keep)
	for _, i := range keep {
		shown = append(shown, &rows[i])
	}
	return shown, left, rest
}

func moreWords(left int, rest string) string {
	if left == 0 {
		return ""
	}
	return fmt.Sprintf("and %s more, together %s", unit.Count(float64(left)), rest)
}

func sign(v float64) int { return cmp.Compare(v, 0) }

func shareWords(from, change float64) string { return analysis.ShareWords(from, sampler.Known(change)) }

// sharePercent is a relative change in percent, unknown where there was nothing before.
func sharePercent(from, change sampler.Reading) sampler.Reading {
	share := analysis.Share(from.Value, change)
	share.Value *= 100
	share.OK = share.OK && from.OK && !math.IsInf(share.Value, 0)
	return share
}

// above is a number that is told only where it is above 0.
func above(v float64) sampler.Reading { return sampler.Reading{Value: v, OK: v > 0} }

func sizeWords(r sampler.Reading) string { return cell(r, unit.Bytes) }

func changeWords(r sampler.Reading) string { return cell(r, unit.Change) }

func countChangeWords(v float64) string {
	if v > 0 {
		return "+" + unit.Count(v)
	}
	return unit.Count(v)
}

// shortFrame is a frame as a table shows it: without the folders of package and file.
func shortFrame(f sampler.Frame) string {
	return theme.Clean(analysis.SiteName(f.Function, f.File, f.Line))
}

// narrowFrame is a frame as a function and a line.
func narrowFrame(f sampler.Frame) string {
	name := theme.Clean(profile.ShortName(f.Function))
	if f.Line == 0 {
		return name
	}
	return name + ":" + strconv.Itoa(f.Line)
}

func stackWords(stack []sampler.Frame) []diffFrame {
	var out []diffFrame
	for _, f := range stack[:min(len(stack), stackFrames)] {
		out = append(out, diffFrame{theme.Clean(analysis.FrameText(f)), shortFrame(f), narrowFrame(f)})
	}
	if more := len(stack) - stackFrames; more > 0 {
		words := "… " + unit.Things(more, "frame") + " more"
		out = append(out, diffFrame{words, words, words})
	}
	return out
}

// summaryRow is a size before and after.
func summaryRow(name string, from, to sampler.Reading, uncertainty float64) diffRow {
	change := sampler.Reading{Value: to.Value - from.Value, OK: from.OK && to.OK}
	sure := ""
	if uncertainty > 0 {
		sure = unit.Bytes(uncertainty)
	}
	row := diffRow{Cells: []string{changeWords(change), sure, "", sizeWords(from), sizeWords(to), name}, Sign: sign(change.Value)}
	row.Values = []sampler.Reading{change, above(uncertainty), sharePercent(from, change), from, to}
	if change.OK {
		row.Cells[2] = shareWords(from.Value, change.Value)
	}
	return row
}

// summaryList is what a reader wants first: resident memory, heap in use, allocated, goroutines.
func summaryList(d *analysis.Diff) diffList {
	l := diffList{Title: "Summary", Columns: []diffColumn{changeColumn(), sureColumn(), shareColumn(), fromColumn(), toColumn(), {Title: "WHAT"}}}
	if n := len(d.Ledger); n > 0 {
		l.Rows = append(l.Rows, summaryRow("resident memory", d.Ledger[n-1].From, d.Ledger[n-1].To, 0))
	}
	if d.Joined != nil {
		what := ""
		if d.Filter != (profile.Filter{}) {
			what = ", as filtered"
		}
		h := &d.Heap
		l.Rows = append(l.Rows,
			summaryRow("heap in use, by allocation sites"+what, sampler.Known(h.From.InUseBytes), sampler.Known(h.To.InUseBytes), h.Uncertainty),
			summaryRow("allocated since the start"+what, sampler.Known(h.From.AllocBytes), sampler.Known(h.To.AllocBytes), h.AllocUncertainty))
	}
	if d.From.Goroutines != nil && d.To.Goroutines != nil {
		a, b := float64(d.From.Goroutines.Total), float64(d.To.Goroutines.Total)
		l.Rows = append(l.Rows, diffRow{Sign: sign(b - a), Cells: []string{
			countChangeWords(b - a), "", shareWords(a, b-a), unit.Count(a), unit.Count(b), "goroutines"},
			Values: []sampler.Reading{sampler.Known(b - a), {}, sharePercent(sampler.Known(a), sampler.Known(b-a)), sampler.Known(a), sampler.Known(b)}})
	}
	if !d.From.Time.IsZero() && !d.To.Time.IsZero() && len(l.Rows) == 0 {
		l.More = "nothing was read on both sides that could be compared"
	}
	return l
}

// elapsed is the time between the sides, 0 where that is not known.
func elapsed(d *analysis.Diff) time.Duration {
	if d.From.Time.IsZero() || d.To.Time.IsZero() {
		return 0
	}
	return max(d.To.Time.Sub(d.From.Time), 0)
}
