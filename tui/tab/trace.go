package tab

import (
	"cmp"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Trace shows what is being allocated: how much over time, who did in the last half minute, how long it lives.
type Trace struct {
	listing[string]
	shown  []int          // places in the trace's sites
	places map[string]int // a site's key to its place in the trace's sites
	trace  *analysis.Trace
	of     traceOf // what the trace is of
	wanted traceOf

	size Size
}

// traceOf is what a trace is made of.
type traceOf struct {
	from, to *sampler.Snapshot
	before   *profile.Heap
	heap     *profile.Heap
}

// traced is a trace, made by a command.
type traced struct {
	screen *Trace
	of     traceOf
	trace  analysis.Trace
}

// The columns of the sites.
const (
	traceFunction = iota
	traceLine
	traceBytes
	traceObjects
	traceSure
	traceUse
	traceLives
)

// NewTrace returns the screen before anything was read.
func NewTrace() *Trace {
	s := &Trace{places: map[string]int{}}
	s.table.SetColumns([]Column{
		traceFunction: {Title: "function", Width: 24, Flex: 1, Left: true, Sort: true, Ascending: true},
		traceLine:     {Title: "line", Width: 20, Left: true, Keep: 1},
		traceBytes:    {Title: "bytes/s", Width: 10, Sort: true},
		traceSure:     {Title: "±", Width: 6, Keep: 3},
		traceObjects:  {Title: "objects/s", Width: 11, Sort: true, Keep: 4},
		traceUse:      {Title: "in use", Width: 8, Sort: true, Keep: 2},
		traceLives:    {Title: "lives", Width: 13, Sort: true, Keep: 5},
	})
	s.table.Order = traceBytes
	return s
}

// Title implements Screen.
func (s *Trace) Title() string { return "Trace" }

// Place implements Screen.
func (s *Trace) Place() keys.Place {
	return s.keysOf(keys.InTrace)
}

// Needs implements Needer.
func (s *Trace) Needs(*State) Needs { return Needs{Heap: true} }

// Why implements Screen.
func (s *Trace) Why(_ *State, id keys.ID) string {
	if id == keys.Open && s.table.Len() == 0 {
		return "there is no allocation site to open"
	}
	return ""
}

// Update implements Screen.
func (s *Trace) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard:
		if msg.What != NewsTime {
			return s.make(st)
		}
	case Size:
		s.size = msg
		s.table.Resize(s.body().height)
		return s.make(st)
	case traced:
		if msg.screen == s && msg.of == s.wanted {
			s.of, s.trace = msg.of, &msg.trace
			s.arrange()
		}
	default:
		if act, ok := msg.(Act); ok && act.ID == keys.Open {
			return s.open()
		}
		switch s.heed(msg, s.body()) {
		case outcomeAgain:
			return s.open()
		case outcomeOrder, outcomeFilter:
			s.arrange()
		}
		s.table.Resize(s.body().height)
	}
	return nil
}

// make asks for a trace of what is shown, once for each heap profile: the readings in between change the totals little.
func (s *Trace) make(st *State) tea.Cmd {
	d := st.Data()
	of := traceOf{d.Recent, d.Snapshot, d.HeapBefore, d.Heap}
	switch {
	case of.from == nil || of.to == nil:
		if d.Snapshot == nil || st.Visiting() != nil {
			s.trace, s.of, s.wanted = nil, traceOf{}, traceOf{}
			s.arrange()
		}
		return nil
	case of == s.wanted, of.heap != nil && of.heap == s.wanted.heap && st.Visiting() == nil && s.trace != nil && of.to.Time.Sub(s.wanted.to.Time) < HeapSpan/6:
		return nil
	}
	s.wanted = of
	from := analysis.TracePoint{Snapshot: of.from, Cycles: d.Cycles, Heap: of.before}
	to := analysis.TracePoint{Snapshot: of.to, Cycles: d.Cycles, Heap: of.heap}
	return func() tea.Msg { return traced{s, of, analysis.TraceBetween(from, to)} }
}

// arrange filters and orders the sites.
func (s *Trace) arrange() {
	clear(s.places)
	if s.trace == nil {
		s.table.SetRows(nil)
		return
	}
	sites := s.trace.Sites
	words := s.words()
	s.shown = s.shown[:0]
	for i := range sites {
		if hasAll(sites[i].Frame.Function+" "+sites[i].Frame.File, words) {
			s.shown = append(s.shown, i)
		}
	}
	column, sign := s.table.Order, -1
	if s.table.Ascending() {
		sign = 1
	}
	slices.SortStableFunc(s.shown, func(a, b int) int { return sign * compareTraced(&sites[a], &sites[b], column) })
	order := make([]string, len(s.shown))
	for i, at := range s.shown {
		order[i] = analysis.FrameText(sites[at].Frame)
		s.places[order[i]] = at
	}
	s.table.SetRows(order)
}

func compareTraced(a, b *analysis.TraceSite, column int) int {
	switch column {
	case traceFunction:
		return strings.Compare(profile.ShortName(a.Frame.Function), profile.ShortName(b.Frame.Function))
	case traceObjects:
		return cmp.Compare(a.ObjectsPerSec, b.ObjectsPerSec)
	case traceUse:
		return cmp.Compare(a.InUseBytes, b.InUseBytes)
	case traceLives:
		return cmp.Compare(a.Lifetime.Seconds, b.Lifetime.Seconds)
	}
	return cmp.Compare(a.BytesPerSec, b.BytesPerSec)
}

// open shows the stack that allocated most at the selected site, with its source.
func (s *Trace) open() tea.Cmd {
	key, ok := s.table.Selected()
	if !ok {
		return nil
	}
	site := s.trace.Sites[s.places[key]]
	if len(site.Stack) == 0 {
		return nil
	}
	screen := &CompareStack{
		title: theme.Clean(profile.ShortName(site.Frame.Function)), view: NewSite(profile.SiteRow{}), count: 1,
		stacks: []stackOf{{frames: site.Stack}},
	}
	screen.view.row.Stack = site.Stack
	over := s.trace.SitesTo.Sub(s.trace.SitesFrom)
	screen.said = func(t *theme.Theme) []string {
		return []string{
			t.Strong.Render(unit.Rate(site.BytesPerSec)),
			unit.Bytes(site.Bytes) + t.Label.Render(" ± "+unit.Bytes(site.Uncertainty)+" in "+unit.Duration(over.Round(time.Second))),
			t.Label.Render("objects ") + unit.Count(site.Objects),
			t.Label.Render("in use ") + unit.Bytes(site.InUseBytes),
			t.Label.Render("lives ") + site.Lifetime.String(),
		}
	}
	return Ask(Push{screen})
}
