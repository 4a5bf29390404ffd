package tab

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// wide is the width from which panels stand beside each other.
const wide = 100

// Memory is the first tab: memory over time, where resident memory is, and which code holds it.
type Memory struct {
	rows   []profile.SiteRow // of the profile that is shown, all sites
	places map[string]int    // a site's key to its place in rows
	listing[string]
	trends  map[string]analysis.RowTrend // of the sites; nil before anything was judged
	alloc   bool                         // the sites show all that was allocated, not what is in use
	size    Size
	touched uint64 // counts what changed here, for the cache
	cache   memoryCache
}

// memoryCache is the last View and what it was drawn from.
type memoryCache struct {
	version, touched uint64
	width, height    int
	view             string
}

// NewMemory returns the tab before anything was read.
func NewMemory() *Memory {
	m := &Memory{places: map[string]int{}}
	m.table.SetColumns(siteColumns(m.alloc))
	m.table.Order = colUse
	return m
}

// Title implements Screen.
func (m *Memory) Title() string { return "Memory" }

// Place implements Screen.
func (m *Memory) Place() keys.Place { return keys.InMemory }

// Needs implements Needer.
func (m *Memory) Needs(*State) Needs { return Needs{Heap: true, Mappings: true} }

// Why implements Screen.
func (m *Memory) Why(st *State, id keys.ID) string {
	switch id {
	case keys.Open, keys.Filter, keys.Sort, keys.Reverse, keys.Measure:
		if len(m.rows) == 0 {
			return "there are no allocation sites to choose from"
		}
	case keys.Goroutines:
		return whyNoGoroutines(st)
	case keys.Trace:
		return whyNoTrace(st)
	case keys.Flame:
		if len(m.rows) == 0 {
			return "there are no allocation sites to draw"
		}
	case keys.Holders:
		return whyNoHolders(st)
	case keys.Record:
		return whyNoRecord(st)
	}
	return ""
}

// whyNoTrace is the reason for which nobody can tell what is allocated.
func whyNoTrace(st *State) string {
	if why := whyNoGoroutines(st); why != "" {
		return strings.Replace(why, "it has no goroutines", "it counts no allocations", 1)
	}
	return ""
}

// whyNoGoroutines is the reason for which goroutines cannot be shown at all.
func whyNoGoroutines(st *State) string {
	switch {
	case !st.Watching:
		return "no program is watched: choose one with Enter"
	case notGo(st):
		return "not a Go program, as far as can be told: it has no goroutines"
	}
	return ""
}

// Update implements Screen.
func (m *Memory) Update(st *State, msg tea.Msg) tea.Cmd {
	if h, ok := msg.(Heard); !ok || h.What != NewsTime {
		m.touched++
	}
	switch msg := msg.(type) {
	case Heard:
		m.hear(st, msg.What)
	case Size:
		m.size = msg
		m.table.Resize(m.sitesHeight() - theme.PanelRows)
	default:
		switch m.heed(msg, m.body()) {
		case outcomeAgain:
			return m.open()
		case outcomeOrder, outcomeFilter:
			m.order()
		case outcomeElse:
			if act, ok := msg.(Act); ok {
				return m.act(act.ID)
			}
		}
	}
	return nil
}

func (m *Memory) hear(st *State, what News) {
	switch what {
	case NewsTarget:
		*m = Memory{places: map[string]int{}, listing: listing[string]{table: m.table}, alloc: m.alloc, size: m.size, touched: m.touched}
		m.table.Forget()
		m.order()
	case NewsHeap, NewsMark, NewsReset, NewsPause, NewsJudged:
		m.take(st)
	}
}

// take makes the rows anew from what is shown.
func (m *Memory) take(st *State) {
	d := st.Data()
	m.rows, m.trends = nil, nil
	if d.Judged != nil {
		m.trends = d.Judged.Sites
	}
	if d.Heap != nil {
		m.rows = profile.Rows(*d.Heap, d.Mark.Heap, d.HeapBefore)
	}
	clear(m.places)
	for i := range m.rows {
		m.places[m.rows[i].Key()] = i
	}
	m.order()
}

func (m *Memory) act(id keys.ID) tea.Cmd {
	switch id {
	case keys.Open:
		return m.open()
	case keys.Measure:
		m.alloc = !m.alloc
		m.table.SetColumns(siteColumns(m.alloc))
		m.order()
	case keys.Goroutines:
		return Ask(Push{NewGoroutines()})
	case keys.Flame:
		return Ask(Push{NewFlame(nil)})
	case keys.Trace:
		return Ask(Push{NewTrace()})
	case keys.Holders:
		return m.holders()
	case keys.Record:
		return Ask(RecordSites{})
	}
	return nil
}

func (m *Memory) open() tea.Cmd {
	key, ok := m.table.Selected()
	if !ok {
		return nil
	}
	return Ask(Push{NewSite(m.rows[m.places[key]])})
}

// holders asks who holds the selected site; without any site, who holds the heap.
func (m *Memory) holders() tea.Cmd {
	key, ok := m.table.Selected()
	if !ok {
		return Ask(Push{NewHolders(nil)})
	}
	return Ask(Push{NewHolders(&m.rows[m.places[key]])})
}

// body is where the table of the sites begins.
func (m *Memory) body() box {
	b := box{x: theme.PanelCols / 2, y: m.topHeight() + 1}
	if m.lineShown() {
		b.y++
	}
	return b
}

// sitesHeight is how many rows of the screen the allocation sites take.
func (m *Memory) sitesHeight() int { return m.size.Height - m.topHeight() }

// topHeight is how many rows chart and ledger take.
func (m *Memory) topHeight() int {
	w, h := m.size.Width, m.size.Height
	switch {
	case w >= wide && h >= 14:
		return min(max(h*2/5, min(wideTop, h-8)), 22)
	case w >= wide:
		return 0
	case h >= 20:
		return stackedChart(h) + stackedLedger
	case h >= 12:
		return stackedLedger
	case h >= 8:
		return h / 2
	}
	return 0
}

// wideTop holds the ledger of a Go program with its sentence.
const wideTop = 15

// On a narrow screen the ledger takes a fixed height and the chart a part of what is left.
const stackedLedger = 7

func stackedChart(height int) int { return min(max((height-stackedLedger)/2, 5), 14) }

// View implements Screen.
func (m *Memory) View(st *State, width, height int) string {
	c := &m.cache
	if c.view != "" && c.version == st.Version && c.touched == m.touched && c.width == width && c.height == height {
		return c.view
	}
	m.size = Size{width, height}
	*c = memoryCache{st.Version, m.touched, width, height, m.draw(st, width, height)}
	return c.view
}

func (m *Memory) draw(st *State, width, height int) string {
	top := m.topHeight()
	sites := height - top
	if height < 8 { // too small for panels: the ledger, or the sites when there are some
		return theme.Fit(strings.Join(tinyMemory(st, width, height), "\n"), width, height)
	}
	parts := make([]string, 0, 3)
	switch {
	case top == 0:
	case width >= wide:
		right := min(max(width*2/5, 48), 76)
		parts = append(parts, theme.Join(1, memoryChart(st, width-right-1, top), memoryLedger(st, right, top)))
	case height >= 20:
		chart := stackedChart(height)
		parts = append(parts, memoryChart(st, width, chart), memoryLedger(st, width, top-chart))
	default:
		parts = append(parts, memoryLedger(st, width, top))
	}
	if TellsOfServer(st) && len(m.rows) == 0 {
		parts = append(parts, serverBoard(st, width, sites))
	} else {
		parts = append(parts, m.sites(st, width, sites))
	}
	return strings.Join(parts, "\n")
}

// tinyMemory is what a screen too small for panels shows: where resident memory is, without borders.
func tinyMemory(st *State, width, height int) []string {
	d := st.Data()
	if !d.LedgerOK {
		return theme.Wrap(whyNoLedger(st), width, height)
	}
	return ledgerRows(st.Theme, d.Ledger, width, height, 1)
}
