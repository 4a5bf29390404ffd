package tab

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// The fixed columns of the ledger, in cells: a size, a share.
const (
	bytesCells = 8
	shareCells = 5
)

// memoryLedger draws where the resident memory is, and the sentence that says why.
func memoryLedger(st *State, width, height int) string {
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	frame := theme.Frame{Title: "Where RSS is"}
	d := st.Data()
	if !d.LedgerOK {
		text := theme.Wrap(whyNoLedger(st), max(inner, 1), max(rows, 1))
		return st.Theme.Frame(frame, st.Theme.Label.Render(strings.Join(text, "\n")), width, height)
	}
	if rss, ok := d.Snapshot.Get(sampler.ProcessRSS); ok {
		frame.Note = unit.Bytes(rss)
	}
	if old := runtimeAge(d.Snapshot); old != "" {
		frame.Note = "runtime " + old + " old · " + frame.Note
	}
	if n := len(d.Ledger.Warnings) + len(d.Snapshot.Warnings); n > 0 && rows < len(d.Ledger.Rows)+4 {
		frame.Foot = fmt.Sprintf("%d not read, ? says what", n)
	}
	return st.Theme.Frame(frame, strings.Join(ledgerBody(st, d, inner, rows), "\n"), width, height)
}

// runtimeAge says how old the Go runtime's figures are where that is two seconds or more; "" where they are fresh.
func runtimeAge(s *sampler.Snapshot) string {
	age := s.Time.Sub(s.RuntimeTime())
	if age < 2*time.Second {
		return ""
	}
	return wholeSeconds(age)
}

// ledgerBody fills the rows of the panel: the parts first, then the sentence, then what else is known, as far as there is room.
func ledgerBody(st *State, d *Data, width, rows int) []string {
	t := st.Theme
	columns := 1
	if rows < len(d.Ledger.Rows)+1 && width >= 66 {
		columns = 2
	}
	said := wholeClauses(d.Ledger.Sentence, width, 3)
	if full := theme.Wrap(theme.Clean(analysis.Explain(&d.Ledger, d.Snapshot)), width, rows); len(full) > 0 && len(d.Ledger.Rows)+1+len(full) <= rows {
		said = full
	}
	room := rows
	if rows > 3 {
		room = rows - min(len(said), max(rows-(len(d.Ledger.Rows)+columns-1)/columns, 1))
	}
	lines := ledgerRows(t, d.Ledger, width, room, columns)
	left := rows - len(lines)
	if left > len(said)+1 {
		lines = append(lines, "")
		left--
	}
	if len(said) > left && left > 0 {
		said = wholeClauses(d.Ledger.Sentence, width, left)
	}
	for i := 0; i < len(said) && left > 0; i++ {
		lines, left = append(lines, t.Label.Render(said[i])), left-1
	}
	if left >= 2 {
		lines = append(lines, "")
		lines = append(lines, processFacts(t, d, width, left-1)...)
		left = rows - len(lines)
	}
	if left >= 2 {
		lines = append(append(lines, ""), warnings(t, d, width, left-1)...)
	}
	return lines
}

// wholeClauses wraps the sentence. Where there is no room for it, it names fewer of the parts it lists, of which the
// largest is the first, or none.
func wholeClauses(sentence string, width, rows int) []string {
	sentence = theme.Clean(sentence)
	said := theme.Wrap(sentence, width, rows)
	head, list, found := strings.Cut(sentence, ": ")
	for found && len(said) > 0 && strings.HasSuffix(said[len(said)-1], theme.Ellipsis) {
		shorter := head + "."
		if at := strings.LastIndex(list, ", "); at >= 0 {
			list = list[:at]
			shorter = head + ": above all " + list + "."
		} else {
			found = false
		}
		said = theme.Wrap(shorter, width, rows)
	}
	return said
}

// ledgerRows draws the parts in one or two columns, the smallest folded into one row when there are too many.
func ledgerRows(t *theme.Theme, l analysis.Ledger, width, rows, columns int) []string {
	parts := l.Rows
	if most := rows * columns; len(parts) > most && most > 1 {
		parts = folded(parts, most)
	}
	per := (len(parts) + columns - 1) / columns
	column := (width - 3*(columns-1)) / columns
	names := 0
	for _, p := range parts {
		names = max(names, theme.Width(theme.Clean(p.Name)))
	}
	names = min(names, max(column-bytesCells-shareCells-5, 8))
	lines := make([]string, 0, per)
	for i := range per {
		line := ledgerRow(t, parts[i], column, names)
		if j := i + per; columns == 2 && j < len(parts) {
			line += "   " + ledgerRow(t, parts[j], column, names)
		}
		lines = append(lines, line)
	}
	return lines
}

// folded leaves out what is 0 and then sums the last parts but the unexplained one, until there are so many at most. Where
// that leaves room for one part alone, an unexplained part of 0 gives its row to the largest.
func folded(parts []analysis.Row, most int) []analysis.Row {
	last := parts[len(parts)-1]
	if most == 2 && last.Bytes == 0 {
		largest := slices.MaxFunc(parts, func(a, b analysis.Row) int { return cmp.Compare(a.Bytes, b.Bytes) })
		rest := analysis.Row{Key: "rest", Name: "the rest", Share: 1 - largest.Share}
		for _, p := range parts {
			rest.Bytes += p.Bytes
		}
		rest.Bytes -= largest.Bytes
		return []analysis.Row{largest, rest}
	}
	var kept []analysis.Row
	for _, p := range parts[:len(parts)-1] {
		if p.Bytes > 0 {
			kept = append(kept, p)
		}
	}
	if len(kept) < most {
		return append(kept, last)
	}
	rest := analysis.Row{Key: "rest", Name: "the rest"}
	for _, p := range kept[max(most-2, 0):] {
		rest.Bytes += p.Bytes
		rest.Share += p.Share
	}
	return append(kept[:max(most-2, 0)], rest, last)
}

func ledgerRow(t *theme.Theme, p analysis.Row, width, names int) string {
	bar := width - names - bytesCells - shareCells - 1
	style := t.Series(0)
	switch p.Key {
	case "heap_live", "heap_garbage", "heap_objects":
		style = t.Series(1)
	case "unexplained":
		style = t.Faint
	}
	var b strings.Builder
	name := theme.Clean(p.Name)
	if strings.HasPrefix(p.Key, "file:") { // the end of a path tells files apart
		name = theme.TruncateLeft(name, names)
	}
	t.Label.Write(&b, theme.Pad(name, names))
	value := t.Value
	if p.Bytes == 0 {
		value = t.Faint
	}
	value.Write(&b, theme.PadLeft(unit.Bytes(p.Bytes), bytesCells+1)+theme.PadLeft(wholePercent(p.Share), shareCells))
	if bar > 2 {
		b.WriteByte(' ')
		style.Write(&b, chart.Bar(p.Share, bar-1))
	}
	return theme.Pad(b.String(), width)
}

// wholePercent prints a share without decimals: the parts of a whole are compared by their bars.
func wholePercent(share float64) string {
	if share > 0 && share < 0.005 {
		return "<1%"
	}
	return strconv.Itoa(int(math.Round(share*100))) + "%"
}

// processFacts are the figures beside the ledger: peaks, swap, threads, files, goroutines. What is read seldom has its age.
func processFacts(t *theme.Theme, d *Data, width, rows int) []string {
	var facts []string
	add := func(label string, m sampler.Metric, print func(float64) string) {
		v, age, ok := d.latest(m)
		if !ok {
			return
		}
		text := t.Label.Render(label+" ") + print(v)
		if age >= time.Second {
			text += t.Faint.Render(" " + unit.Duration(age.Truncate(time.Second)) + " ago")
		}
		facts = append(facts, text)
	}
	add("peak", sampler.ProcessPeakRSS, unit.Bytes)
	add("swap", sampler.ProcessSwap, unit.Bytes)
	add("pss", sampler.ProcessPSS, unit.Bytes)
	if tree, _, ok := d.latest(sampler.TreeRSS); ok && tree > d.Snapshot.Reading(sampler.ProcessRSS).Value {
		add("with children", sampler.TreeRSS, unit.Bytes)
	}
	add("threads", sampler.ProcessThreads, unit.Count)
	add("files", sampler.ProcessFDs, unit.Count)
	add("goroutines", sampler.GoGoroutines, unit.Count)
	add("cgroup", sampler.CgroupCurrent, unit.Bytes)
	add("oom kills", sampler.CgroupOOMKills, unit.Count)
	return flow(facts, t.Faint.Render(" · "), width, rows)
}

// flow fills lines with parts, as many as fit in so many rows.
func flow(parts []string, between string, width, rows int) []string {
	var lines []string
	line := ""
	for _, p := range parts {
		switch grown := line + between + p; {
		case line == "":
			line = p
		case theme.Width(grown) <= width:
			line = grown
		default:
			lines, line = append(lines, line), p
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines[:min(len(lines), max(rows, 0))]
}

// warnings are what could not be read or told, each cut to its lines.
func warnings(t *theme.Theme, d *Data, width, rows int) []string {
	var lines []string
	add := func(text string) {
		for i, l := range theme.Wrap(theme.Clean(text), width-2, 2) {
			sign := "! "
			if i > 0 {
				sign = "  "
			}
			lines = append(lines, t.Faint.Render(sign+l))
		}
	}
	for _, w := range d.Ledger.Warnings {
		add(w)
	}
	for _, w := range d.Snapshot.Warnings {
		add(w.Error())
	}
	return lines[:min(len(lines), max(rows, 0))]
}

func whyNoLedger(st *State) string {
	d := st.Data()
	switch {
	case !st.Watching:
		return "No program is watched."
	case d.Snapshot == nil:
		return "Nothing was read yet."
	}
	for _, w := range d.Snapshot.Warnings {
		return sentence("The resident memory of this target was not read: " + theme.Clean(w.Error()))
	}
	return "This source does not tell the resident memory of the target, only what its Go runtime knows."
}
