package tab

import (
	"errors"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// askAbove is the heap in use, in bytes, from which a walk over it is not begun without asking. Below it takes less than
// a third of a second.
const askAbove = 256e6

// Holders shows who holds the live objects of one allocation site, or of the whole heap: the ways from the objects to
// the variables and goroutines that keep them alive.
type Holders struct {
	key     string // of the site; "" for the whole heap
	name    string
	place   string // file and line
	asked   bool   // whether to walk was decided
	walking bool
	walk    *sampler.HeapWalk // that the rows are of
	site    *profile.Holding  // nil when the walk has none, or for the whole heap
	table   Table[string]
	size    Size
}

// The columns of the ways to a root.
const (
	holdBy = iota
	holdThrough
	holdUse
	holdShare
	holdObjects
	holdSamples
)

// The columns of the roots of the whole heap.
const (
	rootName = iota
	rootKind
	rootRetained
	rootShare
	rootBar
)

// NewHolders opens a site as a row of the table has it. nil stands for the whole heap.
func NewHolders(row *profile.SiteRow) *Holders {
	s := &Holders{}
	if row == nil {
		s.table.SetColumns([]Column{
			rootName:     {Title: "held by", Width: 24, Flex: 1, Left: true},
			rootKind:     {Title: "kind", Width: 12, Left: true, Keep: 2},
			rootRetained: {Title: "keeps alive", Width: 11},
			rootShare:    {Title: "share", Width: 6, Keep: 3},
			rootBar:      {Title: "", Width: 16, Left: true, Keep: 1},
		})
		return s
	}
	s.key, s.name = row.Key(), theme.Clean(profile.ShortName(row.Function))
	s.place = placeOf(row.File, row.Line)
	s.table.SetColumns([]Column{
		holdBy:      {Title: "held by", Width: 44, Flex: 3, Left: true},
		holdThrough: {Title: "through", Width: 20, Flex: 1, Left: true, Keep: 1},
		holdUse:     {Title: "in use", Width: 9},
		holdShare:   {Title: "share", Width: 5, Keep: 4},
		holdObjects: {Title: "objects", Width: 9, Keep: 3},
		holdSamples: {Title: "samples", Width: 8, Keep: 2},
	})
	return s
}

// placeOf is the file and line of a frame as tables show it.
func placeOf(file string, line int) string {
	if file == "" {
		return ""
	}
	return theme.Clean(file[strings.LastIndex(file, "/")+1:]) + ":" + strconv.Itoa(line)
}

// Title implements Screen.
func (s *Holders) Title() string { return "Who holds it" }

// Place implements Screen.
func (s *Holders) Place() keys.Place { return keys.InHolders }

// Mode implements Screen.
func (s *Holders) Mode() Mode { return Normal }

// Closable implements BackHandler: Esc stops a walk that is under way.
func (s *Holders) Closable() bool { return s.walking }

// Why implements Screen.
func (s *Holders) Why(st *State, id keys.ID) string {
	switch id {
	case keys.Walk:
		if st.Walk.Last != nil && st.Walk.Failed == nil {
			return "the heap was walked at " + clock(st.Walk.Last.Time) + ": w walks it again"
		}
		return whyNoWalk(st)
	case keys.Holders:
		return whyNoWalk(st)
	}
	return ""
}

// whyNoHolders is the reason for which a screen with allocation sites cannot tell who holds them: that of whyNoWalk,
// unless there is an earlier walk to show.
func whyNoHolders(st *State) string {
	if st.Visiting() != nil {
		return notOfThen(st)
	}
	if st.Walk.Last != nil {
		return ""
	}
	return whyNoWalk(st)
}

// whyNoWalk is the reason for which the target's heap cannot be walked now.
func whyNoWalk(st *State) string {
	switch {
	case !st.Watching:
		return "no program is watched: choose one with Enter"
	case notGo(st):
		return "not a Go program, as far as can be told: it has no heap to follow"
	case st.Live().Gone != nil:
		return "the program has ended: there is no heap to follow any more"
	case st.CannotWalk != nil:
		return theme.Clean(st.CannotWalk.Error())
	case st.Walk.Running:
		return "the heap is being walked: Esc stops it"
	}
	return ""
}

// whyNoRecord is the reason for which the recording of allocation sites cannot be switched on.
func whyNoRecord(st *State) string {
	switch {
	case st.Visiting() != nil:
		return notOfThen(st)
	case !st.Watching:
		return "no program is watched: choose one with Enter"
	case notGo(st):
		return "not a Go program, as far as can be told: it records no allocation sites"
	case st.Live().Gone != nil:
		return "the program has ended"
	case errors.Is(st.CannotRecord, sampler.ErrPermission):
		return "it writes 8 bytes into the program, which --allow-write permits"
	case st.CannotRecord != nil:
		return theme.Clean(st.CannotRecord.Error())
	}
	return ""
}

// withoutSites says which keys help where a Go program records no allocation sites.
func withoutSites(st *State) string {
	if st.Live().Gone != nil || st.Visiting() != nil {
		return ""
	}
	text := ""
	switch {
	case st.CannotRecord == nil:
		text = " P makes it record them from now on."
	case errors.Is(st.CannotRecord, sampler.ErrPermission):
		text = " With --allow-write the key P makes it record them from now on."
	}
	if st.CannotWalk == nil {
		text += " w shows who holds the heap all the same."
	}
	return text
}

// Update implements Screen.
func (s *Holders) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Size:
		s.size = msg
		s.take(st)
		if !s.asked {
			s.asked = true
			return s.begin(st)
		}
	case Heard:
		if msg.What == NewsWalk || msg.What == NewsTarget {
			s.take(st)
		}
	default:
		done := s.table.heed(msg, box{x: theme.PanelCols / 2, y: s.headRows() + 1})
		if act, ok := msg.(Act); ok && done == outcomeElse {
			return s.act(st, act.ID)
		}
	}
	return nil
}

// begin walks a small heap at once. A large one is walked when the person has read what that takes.
func (s *Holders) begin(st *State) tea.Cmd {
	if st.Walk.Last != nil || st.Walk.Running || heapInUse(st) > askAbove {
		return nil
	}
	return Ask(WalkHeap{})
}

// heapInUse is what a walk has before it, in bytes: unknown is much.
func heapInUse(st *State) float64 {
	if snap := st.Live().Snapshot; snap != nil {
		for _, m := range []sampler.Metric{sampler.GoClassObjects, sampler.GoHeapLive, sampler.ProcessRSS} {
			if v, ok := snap.Get(m); ok {
				return v
			}
		}
	}
	return 2 * askAbove
}

func (s *Holders) act(st *State, id keys.ID) tea.Cmd {
	switch id {
	case keys.Walk:
		return Ask(WalkHeap{Force: swapped(st)}) // the person has read what that does
	case keys.Holders:
		return Ask(WalkHeap{})
	case keys.Back:
		return Ask(StopWalk{})
	}
	return nil
}

// take makes the rows anew when there is another walk.
func (s *Holders) take(st *State) {
	s.walking = st.Walk.Running
	if s.walk == st.Walk.Last {
		return
	}
	s.walk, s.site = st.Walk.Last, nil
	if s.key != "" {
		s.site = st.Walk.Of(s.key)
	}
	s.table.SetRows(s.rows())
}

// rows are the keys of the ways, or of the roots.
func (s *Holders) rows() []string {
	var out []string
	switch {
	case s.site != nil:
		for i := range s.site.Ways {
			w := &s.site.Ways[i]
			out = append(out, holdersOf(w)+"\x00"+throughOf(w)+"\x00"+strconv.Itoa(i))
		}
	case s.key == "" && s.walk != nil:
		for i := range s.walk.Roots {
			out = append(out, s.walk.Roots[i].String())
		}
	}
	return out
}

// way is the selected one, nil without any.
func (s *Holders) way() *sampler.HoldPath {
	if s.site == nil || s.table.At() >= len(s.site.Ways) {
		return nil
	}
	return &s.site.Ways[s.table.At()]
}

func (s *Holders) cell(st *State, row, column int) Cell {
	if s.site == nil {
		return s.rootCell(st.Theme, row, column)
	}
	t, w := st.Theme, &s.site.Ways[row]
	switch column {
	case holdBy:
		return Cell{holdersOf(w), t.Value}
	case holdThrough:
		return Cell{throughOf(w), t.Label}
	case holdUse:
		return Cell{roughly(w.Samples, unit.Bytes(float64(w.Bytes))), t.Value}
	case holdShare:
		return Cell{unit.Percent(share(w.Bytes, s.site.Bytes)), t.Label}
	case holdObjects:
		return Cell{unit.Count(float64(w.Objects)), t.Value}
	case holdSamples:
		return Cell{unit.Count(float64(w.Samples)), t.Label}
	}
	return Cell{}
}

func (s *Holders) rootCell(t *theme.Theme, row, column int) Cell {
	r := &s.walk.Roots[row]
	part := share(r.Retained, s.walk.Reached)
	switch column {
	case rootName:
		return Cell{keeperText(r.HoldRoot), t.Value}
	case rootKind:
		return Cell{rootKindText(r.HoldRoot), t.Label}
	case rootRetained:
		return Cell{unit.Bytes(float64(r.Retained)), t.Value}
	case rootShare:
		return Cell{unit.Percent(part), t.Label}
	case rootBar:
		return Cell{chart.Bar(part, 16), t.Series(1)}
	}
	return Cell{}
}

func share(part, whole int64) float64 {
	if whole <= 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// roughly marks a figure that rests on few samples.
func roughly(samples int, text string) string {
	if samples < fewSamples {
		return "~" + text
	}
	return text
}

// swapped reports whether the last walk was refused to keep memory in swap.
func swapped(st *State) bool { return errors.Is(st.Walk.Failed, sampler.ErrSwapped) }
