package tab

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// The columns of the allocation sites.
const (
	colFunction = iota
	colPlace
	colUse
	colChange
	colGrowth
	colRate
	colObjects
	colSamples
	colAge
	colVerdict
	colPast
)

// fewSamples is below what a site's figure is marked as a rough one.
const fewSamples = 10

// pastCells is the width of a site's sparkline.
const pastCells = 20

func siteColumns(alloc bool) []Column {
	use := "in use"
	if alloc {
		use = "allocated"
	}
	return []Column{
		colFunction: {Title: "function", Width: 24, Flex: 1, Left: true, Sort: true, Ascending: true},
		colPlace:    {Title: "line", Width: 20, Left: true, Keep: 4},
		colUse:      {Title: use, Width: 10, Sort: true},
		colChange:   {Title: "since mark", Width: 12, Sort: true, Keep: 9},
		colGrowth:   {Title: "an hour", Width: 11, Sort: true, Keep: 6},
		colRate:     {Title: "alloc/s", Width: 10, Sort: true, Keep: 8},
		colObjects:  {Title: "objects", Width: 9, Sort: true, Keep: 5},
		colSamples:  {Title: "samples", Width: 8, Sort: true, Keep: 7},
		colAge:      {Title: "seen for", Width: 8, Sort: true, Keep: 2},
		colVerdict:  {Title: "verdict", Width: 8, Left: true, Keep: 3},
		colPast:     {Title: "in use over time", Width: pastCells, Left: true, Keep: 1},
	}
}

// order filters and sorts the rows into the table.
func (m *Memory) order() {
	words := m.words()
	shown := make([]int, 0, len(m.rows))
	for i := range m.rows {
		if matches(&m.rows[i], words) {
			shown = append(shown, i)
		}
	}
	column, ascending := m.table.Order, m.table.Ascending()
	slices.SortStableFunc(shown, func(a, b int) int {
		c := m.compare(&m.rows[a], &m.rows[b], column)
		if !ascending {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(m.use(&m.rows[b]), m.use(&m.rows[a])), cmp.Compare(m.rows[a].Key(), m.rows[b].Key()))
	})
	sites := make([]string, len(shown))
	for i, at := range shown {
		sites[i] = m.rows[at].Key()
	}
	m.table.SetRows(sites)
}

// matches reports whether every word stands in the function or the file.
func matches(row *profile.SiteRow, words []string) bool {
	for _, w := range words {
		if !strings.Contains(strings.ToLower(row.Function), w) && !strings.Contains(strings.ToLower(row.File), w) {
			return false
		}
	}
	return true
}

func (m *Memory) compare(a, b *profile.SiteRow, column int) int {
	switch column {
	case colFunction:
		return cmp.Compare(a.Function, b.Function)
	case colChange:
		return cmp.Compare(m.change(a).Value, m.change(b).Value)
	case colRate:
		return cmp.Compare(a.AllocPerSec.Value, b.AllocPerSec.Value)
	case colGrowth:
		return compareTrends(m.trends, a.Key(), b.Key())
	case colAge:
		return compareAges(m.trends, a.Key(), b.Key())
	case colObjects:
		return cmp.Compare(m.objects(a), m.objects(b))
	case colSamples:
		return cmp.Compare(m.samples(a), m.samples(b))
	}
	return cmp.Compare(m.use(a), m.use(b))
}

func (m *Memory) use(r *profile.SiteRow) float64 {
	if m.alloc {
		return r.AllocBytes
	}
	return r.InUseBytes
}

func (m *Memory) objects(r *profile.SiteRow) float64 {
	if m.alloc {
		return r.AllocObjects
	}
	return r.InUseObjects
}

func (m *Memory) samples(r *profile.SiteRow) int64 {
	if m.alloc {
		return r.AllocSamples
	}
	return r.Samples
}

// sites draws the panel of allocation sites.
func (m *Memory) sites(st *State, width, height int) string {
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	frame := theme.Frame{Title: "Allocation sites · in use", Focused: true}
	if m.alloc {
		frame.Title = "Allocation sites · allocated"
	}
	frame.Note = m.sitesNote(st, width)
	from, to := m.table.Visible()
	if n := m.table.Len(); n > to-from && n > 0 {
		frame.Foot = span(from+1, to, n)
	}
	m.table.Empty = m.whyNoSites(st)
	head := ""
	if m.lineShown() {
		head = m.filterLine(st, inner) + "\n"
		rows--
	}
	if rows < 1 || inner < 1 {
		return st.Theme.Frame(frame, head, width, height)
	}
	body := ""
	if m.table.Len() == 0 {
		body = emptySites(st, m.table.Empty, inner, rows)
	} else {
		body = m.table.View(st.Theme, inner, rows, func(row, column int) Cell { return m.cell(st, row, column) })
	}
	return st.Theme.Frame(frame, head+body, width, height)
}

func (m *Memory) filterLine(st *State, width int) string {
	if m.typing {
		return m.input.View(st.Theme, width)
	}
	return st.Theme.Label.Render("filter: ") + theme.Truncate(theme.Clean(m.input.Text()), max(width-8, 1))
}

// sitesNote says what the sites amount to, and how finely the profile looks.
func (m *Memory) sitesNote(st *State, width int) string {
	d := st.Data()
	if d.Heap == nil || len(m.rows) == 0 {
		return ""
	}
	if d.HeapFailed != nil {
		return "not read since " + d.Heap.Time.Format(time.TimeOnly) + ": " + theme.Clean(d.HeapFailed.Error())
	}
	total := d.Heap.TotalInUse
	if m.alloc {
		total = d.Heap.TotalAlloc
	}
	note := unit.Bytes(total) + " in " + unit.Things(len(m.rows), "site")
	if n := m.table.Len(); m.input.Text() != "" {
		held := 0.0
		for _, key := range m.table.rows {
			held += m.use(&m.rows[m.places[key]])
		}
		note = fmt.Sprintf("%s in %d of %s, %s in all", unit.Bytes(held), n, unit.Things(len(m.rows), "site"), unit.Bytes(total))
	}
	if d.Heap.Rate > 1 && width >= wide {
		note += " · one sample per " + unit.Bytes(float64(d.Heap.Rate))
	}
	return note
}

// cell is what stands in one place of the sites' table.
func (m *Memory) cell(st *State, row, column int) Cell {
	t := st.Theme
	r := &m.rows[m.places[m.table.rows[row]]]
	switch column {
	case colFunction:
		return Cell{theme.TruncateLeft(theme.Clean(profile.ShortName(r.Function)), m.table.Cells(colFunction)), t.Value}
	case colPlace:
		place := theme.Clean(filepath.Base(r.File)) + ":" + strconv.Itoa(r.Line)
		return Cell{theme.TruncateLeft(place, m.table.Cells(colPlace)), t.Label}
	case colUse:
		if m.use(r) == 0 {
			return Cell{"0 B", t.Faint}
		}
		return Cell{m.rough(r, unit.Bytes(m.use(r))), t.Value}
	case colChange:
		return changeCell(t, m.change(r), m.changeError(r))
	case colGrowth:
		return growthCell(t, m.trends, r.Key(), bytesAnHour)
	case colAge:
		return ageCell(t, m.trends, r.Key(), st.Cursor())
	case colVerdict:
		return verdictCell(t, m.trends, r.Key())
	case colRate:
		if !r.AllocPerSec.OK {
			return Cell{theme.SignUnknown, t.Faint}
		}
		if r.AllocPerSec.Value == 0 {
			return Cell{"0 B/s", t.Faint}
		}
		return Cell{unit.Rate(r.AllocPerSec.Value), t.Value}
	case colObjects:
		if m.objects(r) == 0 {
			return Cell{"0", t.Faint}
		}
		return Cell{unit.Count(m.objects(r)), t.Value}
	case colSamples:
		return Cell{unit.Count(float64(m.samples(r))), t.Label}
	case colPast:
		_, values := st.Sites.Of(r.Key(), st.Cursor())
		return Cell{chart.Spark(values, pastCells), t.Label}
	}
	return Cell{}
}

// change is what the row changed by since the mark, of the measure that is shown.
func (m *Memory) change(r *profile.SiteRow) sampler.Reading {
	if m.alloc {
		return r.AllocChange
	}
	return r.Change
}

func (m *Memory) changeError(r *profile.SiteRow) float64 {
	if m.alloc {
		return 0
	}
	return r.ChangeError
}

// changeCell prints a change. One that sampling alone explains has neither colour nor arrow.
func changeCell(t *theme.Theme, change sampler.Reading, deviation float64) Cell {
	switch v := change.Value; {
	case !change.OK:
		return Cell{theme.SignUnknown, t.Faint}
	case v == 0:
		return Cell{"0 B", t.Faint}
	case math.Abs(v) < 2*deviation:
		return Cell{unit.Change(v), t.Faint}
	default:
		style, sign := t.ChangeStyle(v)
		return Cell{sign + " " + unit.Change(v), style}
	}
}

// rough marks a figure that rests on few samples.
func (m *Memory) rough(r *profile.SiteRow, text string) string {
	if m.samples(r) < fewSamples {
		return "~" + text
	}
	return text
}

// whyNoSites says why the table is empty, and what would fill it.
func (m *Memory) whyNoSites(st *State) string {
	d := st.Data()
	switch {
	case len(m.rows) > 0:
		return "No site matches the filter. Esc drops it."
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case d.Heap != nil && d.Heap.Empty != "":
		return sentence("No allocation sites: " + theme.Clean(d.Heap.Empty))
	case d.Heap != nil:
		return "No allocation sites: the profile is empty."
	case d.HeapFailed != nil && notGo(st):
		return "No allocation sites: " + theme.Clean(st.Info.Name) + " is not a Go program, as far as can be told, and only Go programs record which code allocates."
	case d.HeapFailed != nil:
		return sentence("No allocation sites: "+theme.Clean(d.HeapFailed.Error())) + withoutSites(st)
	case d.Gone != nil:
		return "The program ended before a heap profile was read."
	case d.Snapshot == nil:
		return "Nothing was read yet."
	}
	return "The first heap profile is being read."
}

// notGo reports whether nothing that was read speaks of a Go program. What could not be looked into may be one.
func notGo(st *State) bool {
	if st.Info.GoVersion != "" || st.Info.Opaque || st.Live().Snapshot == nil {
		return false
	}
	_, ok := st.Live().Snapshot.Get(sampler.GoGoroutines)
	return !ok
}

// emptySites draws the sentence and what would show more.
func emptySites(st *State, why string, width, rows int) string {
	t := st.Theme
	lines := []string{""}
	for _, l := range theme.Wrap(why, width-2, rows) {
		lines = append(lines, " "+l)
	}
	if st.Watching && st.Visiting() == nil {
		for _, h := range st.Hints {
			lines = append(lines, "")
			for i, l := range theme.Wrap(h, width-4, rows) {
				sign := "→ "
				if i > 0 {
					sign = "  "
				}
				lines = append(lines, " "+t.Accent.Render(sign)+t.Label.Render(l))
			}
		}
	}
	if rows < len(lines) && rows > 0 {
		lines = lines[min(1, len(lines)-rows):]
		lines = lines[:min(rows, len(lines))]
	}
	return strings.Join(lines, "\n")
}
