package tab

import (
	"math"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// processColumn names a column of the process table.
type processColumn int

const (
	procPID processColumn = iota
	procName
	procSpark
	procTree
	procRSS
	procChange
	procRate
	procPeak
	procSwap
	procThreads
	procCPU
	procUser
	procContainer
	procCommand
)

// processColumns is the columns of the list or the tree, with what each one is.
func processColumns(tree bool) (ids []processColumn, columns []Column) {
	for _, c := range []struct {
		id processColumn
		Column
	}{
		{procPID, Column{Title: "pid", Width: 7, Sort: true, Ascending: true}},
		{procName, Column{Title: "name", Width: 13, Flex: 2, Left: true, Sort: true, Ascending: true}},
		{procSpark, Column{Title: "last minute", Width: 12, Keep: 3}},
		{procTree, Column{Title: "tree", Width: 7, Sort: true}},
		{procRSS, Column{Title: "RSS", Width: 7, Sort: true}},
		{procChange, Column{Title: "since mark", Width: 11, Sort: true, Keep: 11}},
		{procRate, Column{Title: "per min", Width: 8, Sort: true, Keep: 8}},
		{procPeak, Column{Title: "peak", Width: 7, Sort: true, Keep: 7}},
		{procSwap, Column{Title: "swap", Width: 7, Sort: true, Keep: 6}},
		{procThreads, Column{Title: "thr", Width: 5, Sort: true, Keep: 5}},
		{procCPU, Column{Title: "CPU", Width: 5, Sort: true, Keep: 9}},
		{procUser, Column{Title: "user", Width: 9, Left: true, Sort: true, Ascending: true, Keep: 4}},
		{procContainer, Column{Title: "container", Width: 14, Left: true, Sort: true, Ascending: true, Keep: 2}},
		{procCommand, Column{Title: "command", Width: 24, Flex: 5, Left: true, Keep: 1}},
	} {
		if c.id == procTree && !tree {
			continue
		}
		if c.id == procName && tree {
			c.Width = 22 // the branches take room
		}
		ids, columns = append(ids, c.id), append(columns, c.Column)
	}
	return ids, columns
}

// denseKeep is the Keep of the swap column: it and what is worth more is shown closely packed rather than not at all.
const denseKeep = 6

// cell returns what stands in a row of the table.
func (s *Processes) cell(th *theme.Theme, row, column int) Cell {
	r := &s.all[s.shown[row]]
	switch c := s.ids[column]; c {
	case procPID:
		return Cell{strconv.Itoa(r.p.PID), th.Label}
	case procName:
		return s.nameCell(th, r, row)
	case procSpark:
		return sparkCell(th, r, s.table.Cells(column))
	case procRSS, procTree, procPeak:
		return bytesCell(th, r.number(c))
	case procSwap:
		return swapCell(th, r.p.Swap)
	case procChange:
		if r.fresh {
			return Cell{"new", th.Label}
		}
		return processChange(th, r.change, r.p.RSS)
	case procRate:
		return processRate(th, r.rate, r.p.RSS)
	case procThreads:
		return countCell(th, r.p.Threads)
	case procCPU:
		return shareCell(th, r.share)
	default:
		text, _ := r.text(c)
		return textCell(th, text)
	}
}

// nameCell marks the watched process with ● and puts the branches of the tree before the name.
func (s *Processes) nameCell(th *theme.Theme, r *processRow, row int) Cell {
	name, style := theme.Clean(r.p.Name), th.Value
	if strings.TrimSpace(name) == "" {
		name, style = "(no name)", th.Faint
	}
	switch {
	case r.p.Kernel:
		style = th.Faint
	case r.p.PID == s.watched && s.watched > 0:
		name, style = "● "+name, th.Accent
	}
	if row < len(s.branch) {
		name = s.branch[row].String() + name
		if !s.filter.Empty() && !s.filter.Match(r.p) {
			style = th.Faint
		}
	}
	return Cell{name, style}
}

// sparkCell draws the last minute. What did not change by a percent is a quiet line at the bottom.
func sparkCell(th *theme.Theme, r *processRow, width int) Cell {
	values := make([]float64, 0, trackSlots)
	low, high := math.Inf(1), math.Inf(-1)
	for _, f := range r.ring {
		v := float64(f)
		if len(values) == 0 && math.IsNaN(v) {
			continue
		}
		values = append(values, v)
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if high-low < 0.01*high || high <= 0 {
		n := min((len(values)*width+trackSlots-1)/trackSlots, width)
		return Cell{strings.Repeat("▁", n), th.Faint}
	}
	return Cell{chart.Spark(values, min((len(values)*width+trackSlots-1)/trackSlots, width)), th.Series(0)}
}

func unknownCell(th *theme.Theme) Cell { return Cell{theme.SignUnknown, th.Faint} }

func textCell(th *theme.Theme, text string) Cell {
	if text == "" {
		return unknownCell(th)
	}
	return Cell{theme.Clean(text), th.Label}
}

func bytesCell(th *theme.Theme, r sampler.Reading) Cell {
	if !r.OK {
		return unknownCell(th)
	}
	return Cell{unit.Bytes(r.Value), th.Value}
}

// swapCell leaves no swap quiet, because most processes have none.
func swapCell(th *theme.Theme, r sampler.Reading) Cell {
	c := bytesCell(th, r)
	if r.OK && r.Value == 0 {
		c.Style = th.Faint
	}
	return c
}

func countCell(th *theme.Theme, r sampler.Reading) Cell {
	if !r.OK {
		return unknownCell(th)
	}
	return Cell{unit.Count(r.Value), th.Value}
}

func shareCell(th *theme.Theme, r sampler.Reading) Cell {
	switch {
	case !r.OK:
		return unknownCell(th)
	case r.Value < 0.0005:
		return Cell{unit.Percent(0), th.Faint}
	}
	return Cell{unit.Percent(r.Value), th.Value}
}

// changeCells is the width of a change: "+18.4 MB".
const changeCells = 8

// processChange shows a change with its sign. One of less than a percent of the whole keeps its sign but not its colour: the
// eye is to find those that matter.
func processChange(th *theme.Theme, r, whole sampler.Reading) Cell {
	if !r.OK {
		return unknownCell(th)
	}
	style, sign := th.ChangeStyle(r.Value)
	if whole.OK && math.Abs(r.Value) < 0.01*whole.Value {
		style = th.Label
	}
	if r.Value == 0 {
		return Cell{unit.Bytes(0), th.Faint}
	}
	return Cell{sign + " " + theme.PadLeft(unit.Change(r.Value), changeCells), style}
}

// processRate shows growth in bytes a minute.
func processRate(th *theme.Theme, perSecond, whole sampler.Reading) Cell {
	if !perSecond.OK {
		return unknownCell(th)
	}
	v := perSecond.Value * 60
	if math.Abs(v) < 0.5 {
		return Cell{unit.Bytes(0), th.Faint}
	}
	style, _ := th.ChangeStyle(v)
	if whole.OK && math.Abs(v) < 0.01*whole.Value {
		style = th.Label
	}
	return Cell{unit.Change(v), style}
}
