package tab

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// cycleKey identifies a collection, also where its source knows no number.
type cycleKey struct {
	number uint64
	end    int64
}

// The columns of the cycles.
const (
	cycleTime = iota
	cycleNumber
	cycleKind
	cycleHeap
	cycleGoal
	cyclePause
	cycleCPU
	cycleBar
)

func cycleColumns() []Column {
	return []Column{
		{Title: "time", Width: 8, Left: true, Sort: true},
		{Title: "number", Width: 7, Keep: 3},
		{Title: "kind", Width: 9, Left: true, Keep: 4},
		{Title: "heap before → live", Width: 18, Sort: true},
		{Title: "goal", Width: 7, Sort: true, Keep: 2},
		{Title: "pause", Width: 6, Sort: true},
		{Title: "Σ CPU", Width: 6, Keep: 5},
		{Title: "live ▓ and freed ░", Width: 20, Flex: 1, Left: true, Keep: 1},
	}
}

// arrange orders the cycles and hands them to the table.
func (g *GC) arrange() {
	sign := -1
	if g.table.Ascending() {
		sign = 1
	}
	slices.SortStableFunc(g.cycles, func(a, b sampler.GCCycle) int {
		switch g.table.Order {
		case cycleHeap:
			return compareReadings(a.Before, b.Before, sign)
		case cycleGoal:
			return compareReadings(a.Goal, b.Goal, sign)
		case cyclePause:
			return compareReadings(a.Pause, b.Pause, sign)
		}
		return sign * a.End.Compare(b.End)
	})
	g.rows, g.largest = g.rows[:0], 0
	for i := range g.cycles {
		g.largest = max(g.largest, g.cycles[i].Before.Value, left(&g.cycles[i]).Value)
		g.rows = append(g.rows, cycleKey{g.cycles[i].Number, g.cycles[i].End.UnixNano()})
	}
	g.table.SetRows(g.rows)
}

func (g *GC) cyclesPanel(st *State, b box) string {
	f := theme.Frame{Title: "Cycles", Focused: true}
	g.table.Empty = g.noCycles(st)
	if n := len(g.cycles); n > 0 {
		f.Foot = fmt.Sprintf("%d of the last %d", g.table.At()+1, n)
	}
	text := g.table.View(st.Theme, b.width-theme.PanelCols, b.height-theme.PanelRows, func(row, column int) Cell {
		return g.cell(st.Theme, row, column)
	})
	return st.Theme.Frame(f, text, b.width, b.height)
}

func (g *GC) noCycles(st *State) string {
	if n := st.Data().Snapshot.Reading(sampler.GoCyclesTotal); n.OK && n.Value > 0 {
		return "No cycle ended while heaptop watched; " + unit.Count(n.Value) + " did before."
	}
	return "No cycle was seen yet."
}

func (g *GC) cell(th *theme.Theme, row, column int) Cell {
	c := &g.cycles[row]
	switch column {
	case cycleTime:
		return Cell{c.End.Format(time.TimeOnly), th.Label}
	case cycleNumber:
		if c.Number == 0 {
			return unknownCell(th)
		}
		return Cell{unit.Count(float64(c.Number)), th.Label}
	case cycleKind:
		return kindCell(th, c.Kind)
	case cycleHeap:
		live := left(c)
		if !c.Before.OK && !live.OK {
			return unknownCell(th)
		}
		return Cell{bytesOr(c.Before) + " → " + theme.PadLeft(bytesOr(live), 7), th.Value}
	case cycleGoal:
		return bytesCell(th, c.Goal)
	case cyclePause:
		if !c.Pause.OK {
			return unknownCell(th)
		}
		return Cell{unit.Format("seconds", c.Pause.Value), th.Value}
	case cycleCPU:
		if !c.CPU.OK {
			return unknownCell(th)
		}
		return Cell{unit.Percent(c.CPU.Value / 100), th.Value}
	case cycleBar:
		return Cell{g.bar(c, g.table.Cells(cycleBar)), th.Series(1)}
	}
	return Cell{}
}

// left is the memory that a cycle found alive. The heap's size at its end is no measure of what it freed: the dead objects
// are swept later. It stands in only where the live heap was not told.
func left(c *sampler.GCCycle) sampler.Reading {
	if c.Live.OK {
		return c.Live
	}
	return c.After
}

// bar draws what the cycle left alive, and behind it what it freed, on the scale of the largest heap listed.
func (g *GC) bar(c *sampler.GCCycle, width int) string {
	live := left(c)
	if !c.Before.OK || !live.OK || g.largest <= 0 {
		return ""
	}
	cells := func(v float64) int { return min(max(int(math.Round(v/g.largest*float64(width))), 0), width) }
	alive := cells(live.Value)
	return strings.Repeat("▓", alive) + strings.Repeat("░", max(cells(c.Before.Value)-alive, 0))
}

// kindCell sets off the collections that the runtime did not begin by itself.
func kindCell(th *theme.Theme, kind string) Cell {
	switch kind {
	case "":
		return unknownCell(th)
	case "automatic":
		return Cell{"automatic", th.Label}
	}
	return Cell{theme.Clean(kind), th.Accent}
}

func bytesOr(r sampler.Reading) string {
	if !r.OK {
		return theme.SignUnknown
	}
	return unit.Bytes(r.Value)
}
