package tab

import (
	"cmp"
	"fmt"
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

// Goroutines shows the target's goroutines, grouped by what they do.
type Goroutines struct {
	listing[string]
	rows  []profile.GoroutineRow
	shown []int // places in rows
	taken *sampler.Goroutines
	mark  *sampler.Goroutines

	judged *Judged
	trends map[string]analysis.RowTrend // of the groups; nil before anything was judged

	size Size
}

// The columns of the groups.
const (
	goCount = iota
	goChange
	goGrowth
	goState
	goWait
	goVerdict
	goAge
	goFunction
	goCallers
	goCreator
)

// NewGoroutines returns the screen, the largest groups first.
func NewGoroutines() *Goroutines {
	s := &Goroutines{}
	s.table.SetColumns([]Column{
		{Title: "count", Width: 7, Sort: true},
		{Title: "since mark", Width: 11, Sort: true},
		{Title: "a minute", Width: 8, Sort: true, Keep: 5},
		{Title: "state", Width: 14, Left: true, Sort: true, Ascending: true, Keep: 7},
		{Title: "waiting", Width: 8, Sort: true, Keep: 6},
		{Title: "verdict", Width: 8, Left: true, Keep: 4},
		{Title: "seen for", Width: 8, Sort: true, Keep: 2},
		{Title: "function", Width: 22, Flex: 3, Left: true, Sort: true, Ascending: true},
		{Title: "called by", Width: 22, Flex: 4, Left: true, Keep: 3},
		{Title: "created by", Width: 22, Flex: 2, Left: true, Keep: 1},
	})
	return s
}

// Title implements Screen.
func (s *Goroutines) Title() string { return "Goroutines" }

// Place implements Screen.
func (s *Goroutines) Place() keys.Place {
	return s.keysOf(keys.InGoroutines)
}

// Needs implements Needer.
func (s *Goroutines) Needs(*State) Needs { return Needs{Goroutines: true} }

// Why implements Screen.
func (s *Goroutines) Why(_ *State, id keys.ID) string {
	if id == keys.Open && s.table.Len() == 0 {
		return "there is no goroutine to open"
	}
	return ""
}

// Update implements Screen.
func (s *Goroutines) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard:
		if msg.What != NewsTime {
			s.take(st)
		}
	case Size:
		s.size = msg
		s.table.Resize(s.body().height)
		s.take(st)
	default:
		if act, ok := msg.(Act); ok && act.ID == keys.Open {
			return s.open()
		}
		switch s.heed(msg, s.body()) {
		case outcomeOrder, outcomeFilter:
			s.arrange()
		}
		s.table.Resize(s.body().height)
	}
	return nil
}

// take groups the goroutines anew when they, or the mark, are others.
func (s *Goroutines) take(st *State) {
	d := st.Data()
	if d.Goroutines == s.taken && d.Mark.Goroutines == s.mark && d.Judged == s.judged {
		return
	}
	s.judged, s.trends = d.Judged, nil
	if d.Judged != nil {
		s.trends = d.Judged.Groups
	}
	s.taken, s.mark = d.Goroutines, d.Mark.Goroutines
	s.rows = s.rows[:0]
	if s.taken != nil {
		s.rows = profile.GoroutineRows(s.taken, s.mark)
	}
	s.arrange()
}

func (s *Goroutines) open() tea.Cmd {
	if row := s.selected(); row != nil {
		return Ask(Push{NewStack(*row)})
	}
	return nil
}

func (s *Goroutines) selected() *profile.GoroutineRow {
	if s.table.Len() == 0 {
		return nil
	}
	return &s.rows[s.shown[s.table.At()]]
}

// arrange filters and orders the groups and hands them to the table.
func (s *Goroutines) arrange() {
	words := s.words()
	s.shown = s.shown[:0]
	for i := range s.rows {
		if speaksOf(&s.rows[i], words) {
			s.shown = append(s.shown, i)
		}
	}
	sign := -1
	if s.table.Ascending() {
		sign = 1
	}
	slices.SortStableFunc(s.shown, func(a, b int) int {
		x, y := &s.rows[a], &s.rows[b]
		switch s.table.Order {
		case goCount:
			return sign * cmp.Compare(x.Count, y.Count)
		case goChange:
			return compareReadings(x.Change, y.Change, sign)
		case goWait:
			return compareReadings(x.WaitMax, y.WaitMax, sign)
		case goGrowth:
			return sign * compareTrends(s.trends, x.Key, y.Key)
		case goAge:
			return sign * compareAges(s.trends, x.Key, y.Key)
		case goState:
			return sign * strings.Compare(x.State, y.State)
		}
		return sign * strings.Compare(profile.ShortName(x.Function), profile.ShortName(y.Function))
	})
	groups := make([]string, len(s.shown))
	for i, at := range s.shown {
		groups[i] = s.rows[at].Key
	}
	s.table.SetRows(groups)
}

// compareReadings puts what is unknown last.
func compareReadings(a, b sampler.Reading, sign int) int {
	switch {
	case a.OK && b.OK:
		return sign * cmp.Compare(a.Value, b.Value)
	case a.OK:
		return -1
	case b.OK:
		return 1
	}
	return 0
}

// speaksOf tells whether state, functions or creator contain every word.
func speaksOf(r *profile.GoroutineRow, words []string) bool {
	for _, w := range words {
		found := strings.Contains(strings.ToLower(r.State), w) || strings.Contains(strings.ToLower(r.CreatedBy.Function), w) ||
			slices.ContainsFunc(r.Stack, func(f sampler.Frame) bool { return strings.Contains(strings.ToLower(f.Function), w) })
		if !found {
			return false
		}
	}
	return true
}

// body is where the table stands.
func (s *Goroutines) body() box { return within(s.size.box(), s.lineShown()) }

// View implements Screen.
func (s *Goroutines) View(st *State, width, height int) string {
	s.size = Size{width, height}
	th, body := st.Theme, s.body()
	var text string
	if len(s.rows) == 0 {
		text = emptySites(st, s.empty(st), body.width, body.height)
	} else {
		s.table.Empty = "No goroutine matches the filter. Esc drops it."
		text = s.table.View(th, body.width, body.height, func(row, column int) Cell { return s.cell(st, row, column) })
	}
	if s.lineShown() {
		text = s.line(th, body.width) + "\n" + text
	}
	if framedBox(s.size.box()) {
		f := theme.Frame{Title: "Goroutines", Note: s.note(st), Foot: s.table.foot(), Focused: true}
		text = th.Frame(f, text, width, height)
	}
	return theme.Fit(text, width, height)
}

func (s *Goroutines) note(st *State) string {
	g := s.taken
	if g == nil {
		return ""
	}
	note := unit.Count(float64(g.Total)) + " in " + unit.Things(len(s.rows), "group")
	if s.input.Text() != "" {
		held := 0
		for _, at := range s.shown {
			held += s.rows[at].Count
		}
		note = fmt.Sprintf("%s in %d of %s", unit.Count(float64(held)), len(s.shown), unit.Things(len(s.rows), "group"))
	}
	if s.mark != nil && g.Total != s.mark.Total {
		note += fmt.Sprintf(" · %+d since mark", g.Total-s.mark.Total)
	}
	if err := st.Data().GoroutinesFail; err != nil {
		return "not read since " + g.Time.Format(time.TimeOnly) + ": " + theme.Clean(err.Error())
	}
	if g.Source != "" {
		note += " · by " + theme.Clean(g.Source)
	}
	if g.Took > 0 {
		note += " in " + unit.Duration(g.Took)
	}
	if len(g.Warnings) > 0 {
		note = theme.Clean(g.Warnings[0].Error()) + " · " + note
	}
	return note
}

// empty says why there are no groups.
func (s *Goroutines) empty(st *State) string {
	d := st.Data()
	switch {
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case s.taken != nil:
		return "No goroutine was found."
	case d.GoroutinesFail != nil && notGo(st):
		return "No goroutines: " + theme.Clean(st.Info.Name) + " is not a Go program, as far as can be told."
	case d.GoroutinesFail != nil:
		return sentence("The goroutines cannot be read: " + theme.Clean(d.GoroutinesFail.Error()))
	case d.Gone != nil:
		return "The program ended before its goroutines were read."
	}
	if st.frozen != nil {
		return "The goroutines were not read before the screen was frozen: p goes on."
	}
	return "The goroutines are being read."
}

func (s *Goroutines) cell(st *State, row, column int) Cell {
	th, r := st.Theme, &s.rows[s.shown[row]]
	switch column {
	case goGrowth:
		return growthCell(th, s.trends, r.Key, countAMinute)
	case goVerdict:
		return verdictCell(th, s.trends, r.Key)
	case goAge:
		return ageCell(th, s.trends, r.Key, st.Cursor())
	case goCount:
		if r.Count == 0 {
			return Cell{"0", th.Faint}
		}
		return Cell{unit.Count(float64(r.Count)), th.Value}
	case goChange:
		return countChange(th, r.Change)
	case goState:
		return textCell(th, r.State)
	case goWait:
		return waitCell(th, r.WaitMax)
	case goFunction:
		if r.Function == "" {
			return unknownCell(th)
		}
		return Cell{theme.Clean(profile.ShortName(r.Function)), th.Value}
	case goCallers:
		return Cell{callers(r), th.Label}
	case goCreator:
		return textCell(th, profile.ShortName(r.CreatedBy.Function))
	}
	return Cell{}
}

// callers is who called the function of the row, innermost first.
func callers(r *profile.GoroutineRow) string {
	at := slices.IndexFunc(r.Stack, func(f sampler.Frame) bool { return f.Function == r.Function })
	var names []string
	for _, f := range r.Stack[at+1 : min(at+4, len(r.Stack))] {
		names = append(names, theme.Clean(profile.ShortName(f.Function)))
	}
	return strings.Join(names, " ← ")
}

func countChange(th *theme.Theme, r sampler.Reading) Cell {
	switch {
	case !r.OK:
		return unknownCell(th)
	case r.Value == 0:
		return Cell{"0", th.Faint}
	}
	style, sign := th.ChangeStyle(r.Value)
	text := unit.Count(r.Value)
	if r.Value > 0 {
		text = "+" + text
	}
	return Cell{sign + " " + theme.PadLeft(text, 6), style}
}

// waitCell shows how long the longest waiting one has waited.
func waitCell(th *theme.Theme, r sampler.Reading) Cell {
	if !r.OK {
		return unknownCell(th)
	}
	return Cell{unit.Format("seconds", r.Value), th.Value}
}
