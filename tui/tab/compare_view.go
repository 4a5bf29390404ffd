package tab

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// compareTop is how many rows summary and ledger take beside each other.
const compareTop = 15

// hasLedger reports whether the ledger has a place of its own.
func (s *Compare) hasLedger() bool { return s.size.Width >= wide && s.size.Height >= compareTop+10 }

// factsRows is how many lines a smaller screen gives to the summary.
func (s *Compare) factsRows() int {
	switch h := s.size.Height; {
	case s.hasLedger():
		return min(compareTop+max((h-compareTop-18)/6, 0), 18)
	case h >= 16:
		return 3
	case h >= 8:
		return 1
	}
	return 0
}

// place is where the panel of the list stands.
func (s *Compare) place() box {
	top := s.factsRows()
	return box{0, top, s.size.Width, max(s.size.Height-top, 1)}
}

// body is where the table stands.
func (s *Compare) body() box { return within(s.place(), s.lineShown()) }

// View implements Screen.
func (s *Compare) View(st *State, width, height int) string {
	s.size = Size{width, height}
	t, top := st.Theme, s.factsRows()
	var parts []string
	switch {
	case s.hasLedger():
		right := min(max(width*9/20, 50), 84)
		parts = append(parts, theme.Join(1, s.summary(t, width-right-1, top), s.ledger(t, right, top)))
	case top > 0:
		parts = append(parts, theme.Fit(strings.Join(s.facts(t, width, top), "\n"), width, top))
	}
	return theme.Fit(strings.Join(append(parts, s.listPanel(st, width, height-top)), "\n"), width, height)
}

// listPanel draws the list that is shown.
func (s *Compare) listPanel(st *State, width, height int) string {
	t, body := st.Theme, s.body()
	var text string
	if len(s.rows) == 0 {
		text = emptyLines(t, s.empty(), body.width, body.height)
	} else {
		text = s.table.View(t, body.width, body.height, func(row, column int) Cell { return s.cell(t, row, column) })
	}
	if s.lineShown() {
		text = s.filterLine(t, body.width) + "\n" + text
	}
	if !framedBox(s.place()) {
		return theme.Fit(text, width, height)
	}
	f := theme.Frame{Title: s.head(), Note: s.tabs(t, width), Foot: s.table.foot(), Focused: true}
	return t.Frame(f, text, width, height)
}

func emptyLines(t *theme.Theme, text string, width, rows int) string {
	lines := []string{""}
	for _, l := range theme.Wrap(text, max(width-2, 1), rows) {
		lines = append(lines, " "+t.Label.Render(l))
	}
	return strings.Join(lines, "\n")
}

func (s *Compare) filterLine(t *theme.Theme, width int) string {
	line := s.line(t, width)
	if s.wrong != nil {
		line += "  " + t.Warn.Render("! "+theme.Clean(s.wrong.Error()))
	}
	return theme.Truncate(line, width)
}

func (s *Compare) head() string {
	title := s.list.title()
	if s.list == listSites {
		title += " · in use"
		if s.alloc {
			title = s.list.title() + " · allocated"
		}
	}
	if s.mine {
		title += " · own code"
	}
	return title
}

// tabs names the lists; ▸ stands before the one that is shown.
func (s *Compare) tabs(t *theme.Theme, width int) string {
	var long []string
	at, lists := 0, s.lists()
	for i, l := range lists {
		if l == s.list {
			at = i
			long = append(long, t.Accent.Render(theme.SignFocus+l.word()))
			continue
		}
		long = append(long, t.Label.Render(l.word()))
	}
	text := "← " + strings.Join(long, " ") + " →"
	if theme.Width(text)+theme.Width(s.head())+14 <= width {
		return text
	}
	return fmt.Sprintf("← %d of %d →", at+1, len(lists))
}

// empty says why the list has no rows.
func (s *Compare) empty() string {
	switch {
	case s.err != nil:
		return sentence(theme.Clean(s.err.Error()))
	case s.diff == nil:
		return "Both sides are being read and compared."
	case s.lineShown():
		return "Nothing passes the filter. Esc drops it."
	}
	missing := map[compareList]string{
		listSites: "allocation sites", listSizes: "objects by size", listGoroutines: "goroutines", listMappings: "mappings",
		listRuntime: "figures of the runtime", listLedger: "parts of the resident memory",
	}[s.list]
	text := "No " + missing + " to compare: " + s.whichLacks()
	if s.list == listGoroutines && s.diff.From.Goroutines == nil {
		text += " v reads them: open it before m sets a mark."
	}
	return text
}

// whichLacks names the side that a part is missing on.
func (s *Compare) whichLacks() string {
	for _, w := range s.diff.Warnings {
		if strings.Contains(w, "not compared") && strings.Contains(w, s.list.part()) {
			return sentence(theme.Clean(w))
		}
	}
	return "they were read on neither side, or are the same."
}

// part is the word in the analysis' warnings for what a list is made of.
func (l compareList) part() string {
	return [...]string{"heap profile", "heap profile", "goroutines", "address space", "metrics", "ledger"}[l]
}

// sideLine tells what one side is.
func sideLine(t *theme.Theme, word string, side *analysis.Side, names int) string {
	line := t.Label.Render(theme.Pad(word, 5)) + t.Strong.Render(theme.Pad(theme.TruncateLeft(theme.Clean(side.Name), names), names))
	if !side.Time.IsZero() {
		line += "  " + side.Time.Format(time.TimeOnly)
	}
	if side.Note != "" {
		line += "  " + t.Label.Render(theme.Clean(side.Note))
	}
	return line
}

func (s *Compare) later() string {
	switch d := s.diff; {
	case d.From.Time.IsZero() || d.To.Time.IsZero():
		return ""
	case d.To.Time.Before(d.From.Time):
		return unit.Duration(d.From.Time.Sub(d.To.Time)) + " earlier"
	default:
		return unit.Duration(d.To.Time.Sub(d.From.Time)) + " later"
	}
}

// filteredWords says that the sums count what passes the filter only.
func (s *Compare) filteredWords() string {
	if s.diff.Filter == (profile.Filter{}) {
		return ""
	}
	return " · as filtered"
}

// sumRow is a line of the summary.
type sumRow struct {
	name, unit string
	from, to   sampler.Reading
	sure       float64
}

func (s *Compare) sums() []sumRow {
	d := s.diff
	var rows []sumRow
	if n := len(d.Ledger); n > 0 {
		rows = append(rows, sumRow{"RSS", "bytes", d.Ledger[n-1].From, d.Ledger[n-1].To, 0})
	}
	if d.Joined != nil {
		h := &d.Heap
		rows = append(rows, sumRow{"heap in use", "bytes", sampler.Known(h.From.InUseBytes), sampler.Known(h.To.InUseBytes), h.Uncertainty},
			sumRow{"allocated", "bytes", sampler.Known(h.From.AllocBytes), sampler.Known(h.To.AllocBytes), h.AllocUncertainty})
	}
	if a, b := d.From.Goroutines, d.To.Goroutines; a != nil && b != nil {
		rows = append(rows, sumRow{"goroutines", "goroutines", sampler.Known(float64(a.Total)), sampler.Known(float64(b.Total)), 0})
	}
	return rows
}

// changeOf prints the change of a sum in the way of the table.
func (r *sumRow) changeOf(t *theme.Theme) Cell {
	row := changeRow{unit: r.unit, from: r.from, to: r.to, sure: r.sure}
	c := row.change()
	row.apart = !c.OK || math.Abs(c.Value) <= r.sure
	return row.changeCell(t)
}

// summary is the panel that says what is compared and what it comes to.
func (s *Compare) summary(t *theme.Theme, width, height int) string {
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	f := theme.Frame{Title: "Comparison"}
	if s.diff == nil {
		return t.Frame(f, emptyLines(t, s.empty(), inner, rows), width, height)
	}
	f.Note = s.later() + s.filteredWords()
	names := min(max(theme.Width(theme.Clean(s.diff.From.Name)), theme.Width(theme.Clean(s.diff.To.Name))), max(inner-16, 8))
	lines := []string{sideLine(t, "from", s.diff.From, names), sideLine(t, "to", s.diff.To, names), ""}
	head := theme.Spaces(12) + theme.PadLeft("change", 12) + theme.PadLeft("±", 9) + theme.PadLeft("before", 10) + theme.PadLeft("after", 10)
	lines = append(lines, t.Label.Render(head))
	for _, r := range s.sums() {
		c, sure := r.changeOf(t), ""
		if r.sure > 0 {
			sure = unit.Bytes(r.sure)
		}
		from, to := figure(t, r.from, r.unit, t.Label), figure(t, r.to, r.unit, t.Value)
		lines = append(lines, theme.Pad(t.Label.Render(r.name), 12)+c.Style.Render(theme.PadLeft(c.Text, 12))+
			t.Label.Render(theme.PadLeft(sure, 9))+from.Style.Render(theme.PadLeft(from.Text, 10))+to.Style.Render(theme.PadLeft(to.Text, 10)))
	}
	if left := rows - len(lines) - 1; left > 0 && len(s.diff.Warnings) > 0 {
		lines = append(lines, "")
		for _, w := range s.diff.Warnings {
			for i, l := range theme.Wrap(theme.Clean(w), inner-2, 2) {
				sign := "! "
				if i > 0 {
					sign = "  "
				}
				lines = append(lines, t.Faint.Render(sign+l))
			}
		}
	}
	return t.Frame(f, strings.Join(lines[:min(len(lines), max(rows, 0))], "\n"), width, height)
}

// shortSide names a side in as few cells as a narrow screen has for it.
func shortSide(t *theme.Theme, side *analysis.Side, width int) string {
	name := theme.TruncateLeft(theme.Clean(side.Name), max((width-36)/2, 8))
	at := ""
	if !side.Time.IsZero() && side.Time.Format(time.TimeOnly) != name {
		at = " " + side.Time.Format(time.TimeOnly)
	}
	return t.Strong.Render(name) + at
}

// facts are the summary for a smaller screen.
func (s *Compare) facts(t *theme.Theme, width, rows int) []string {
	if s.diff == nil {
		return []string{" " + t.Label.Render(theme.Truncate(s.empty(), width-2))}
	}
	lines := []string{" " + shortSide(t, s.diff.From, width) + t.Faint.Render(" → ") + shortSide(t, s.diff.To, width) + t.Label.Render("  "+s.later()+s.filteredWords())}
	var parts []string
	for _, r := range s.sums() {
		c := r.changeOf(t)
		text := t.Label.Render(r.name+" ") + c.Style.Render(strings.TrimSpace(c.Text))
		if r.sure > 0 {
			text += t.Label.Render(" ± " + unit.Bytes(r.sure))
		}
		parts = append(parts, text)
	}
	for _, l := range flow(parts, t.Faint.Render(" · "), width-2, 2) {
		lines = append(lines, " "+l)
	}
	if len(lines) < rows && len(s.diff.Warnings) > 0 {
		lines = append(lines, " "+t.Faint.Render(theme.Truncate("! "+theme.Clean(s.diff.Warnings[0]), width-2)))
	}
	return lines
}

// ledger is the panel of the parts of resident memory, with a bar for each change.
func (s *Compare) ledger(t *theme.Theme, width, height int) string {
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	f := theme.Frame{Title: "Where RSS is"}
	if s.diff == nil || len(s.diff.Ledger) == 0 {
		why := ""
		if s.diff != nil {
			why = "The parts of the resident memory were not read on both sides."
		}
		return t.Frame(f, emptyLines(t, why, inner, rows), width, height)
	}
	largest := 0.0
	list := s.diff.Ledger
	for i := range list[:len(list)-1] {
		largest = max(largest, math.Abs(list[i].Value().Value))
	}
	names := 18
	for i := range list {
		names = max(names, theme.Width(theme.Clean(list[i].Name))+1)
	}
	names = min(names, max(inner-9-12-6, 18))
	var lines []string
	for i := range list {
		lines = append(lines, ledgerChange(t, &list[i], inner, names, largest, i == len(list)-1))
	}
	if len(lines) > rows && rows > 1 { // what changed least in the middle makes room
		lines = append(lines[:rows-1], lines[len(lines)-1])
	}
	return t.Frame(f, strings.Join(lines, "\n"), width, height)
}

func ledgerChange(t *theme.Theme, c *analysis.Change, width, names int, largest float64, whole bool) string {
	row := changeRow{unit: "bytes", from: c.From, to: c.To}
	v := c.Value()
	row.apart = !v.OK || v.Value == 0
	text := row.changeCell(t)
	name, style := theme.Pad(theme.Clean(c.Name), names), t.Label
	if whole {
		style = t.Strong
	}
	to := figure(t, c.To, "bytes", t.Value)
	line := style.Render(name) + to.Style.Render(theme.PadLeft(to.Text, 9)) + text.Style.Render(theme.PadLeft(text.Text, 12))
	if room := width - names - 9 - 12 - 1; room > 3 && v.OK && largest > 0 && !whole {
		line += " " + text.Style.Render(chart.Bar(math.Abs(v.Value)/largest, room))
	}
	return theme.Truncate(line, width)
}
