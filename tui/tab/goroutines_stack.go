package tab

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Stack shows one group of goroutines with its whole stack and the source of the selected frame, and follows the group
// while it is open. Frames and source are drawn as those of an allocation site are.
type Stack struct {
	row  profile.GoroutineRow
	gone bool // the last reading has no such group
	view *Site
}

// NewStack opens a group as a row of the table has it, at the innermost frame outside the runtime.
func NewStack(row profile.GoroutineRow) *Stack {
	s := &Stack{view: NewSite(profile.SiteRow{})}
	at := slices.IndexFunc(row.Stack, func(f sampler.Frame) bool { return f.Function == row.Function })
	s.view.frame = max(at, 0)
	s.set(row)
	return s
}

// set takes the group as it is now. The place that created the goroutines stands below their stack.
func (s *Stack) set(row profile.GoroutineRow) {
	s.row = row
	stack := slices.Clone(row.Stack)
	if row.CreatedBy.Function != "" {
		creator := row.CreatedBy
		creator.Function = "created by " + creator.Function
		stack = append(stack, creator)
	}
	s.view.row.Stack = stack
	s.view.frame = min(s.view.frame, max(len(stack)-1, 0))
}

// Title implements Screen.
func (s *Stack) Title() string { return theme.Clean(profile.ShortName(s.row.Function)) }

// Place implements Screen.
func (s *Stack) Place() keys.Place { return keys.InStack }

// Mode implements Screen.
func (s *Stack) Mode() Mode { return Normal }

// Why implements Screen.
func (s *Stack) Why(*State, keys.ID) string { return "" }

// Needs implements Needer.
func (s *Stack) Needs(*State) Needs { return Needs{Goroutines: true} }

// Update implements Screen.
func (s *Stack) Update(st *State, msg tea.Msg) tea.Cmd {
	if h, ok := msg.(Heard); ok {
		if h.What == NewsGoroutines || h.What == NewsMark || h.What == NewsPause {
			s.refresh(st)
		}
		return nil
	}
	if size, ok := msg.(Size); ok {
		s.view.rows = size.Height
		return s.view.choose(st, s.view.frame)
	}
	return s.view.Update(st, msg)
}

// refresh finds the group in what is shown now.
func (s *Stack) refresh(st *State) {
	d := st.Data()
	if d.Goroutines == nil {
		return
	}
	for _, row := range profile.GoroutineRows(d.Goroutines, d.Mark.Goroutines) {
		if row.Key == s.row.Key {
			s.gone = row.Count == 0
			s.set(row)
			return
		}
	}
	s.gone = true
}

// View implements Screen.
func (s *Stack) View(st *State, width, height int) string {
	th := st.Theme
	facts := theme.Pad(s.facts(th, width), width)
	if len(s.view.row.Stack) == 0 {
		text := th.Label.Render("The source reads no stack of goroutines that run.")
		return theme.Fit(facts+"\n\n "+text, width, height)
	}
	return s.view.below(st, facts, width, height)
}

// facts is the line of numbers: what the row of the table said.
func (s *Stack) facts(th *theme.Theme, width int) string {
	if s.gone {
		return th.Warn.Render(" ! ") + "No goroutine of this group is left; its last stack is shown."
	}
	change := countChange(th, s.row.Change)
	parts := []string{
		th.Strong.Render(unit.Things(s.row.Count, "goroutine")),
		th.Label.Render("since mark ") + change.Style.Render(change.Text),
	}
	if s.row.State != "" {
		parts = append(parts, th.Label.Render("state ")+theme.Clean(s.row.State))
	}
	parts = append(parts, th.Label.Render("waiting ")+waits(th, s.row.WaitMin, s.row.WaitMax))
	return factsLine(th, parts, width)
}

// waits tells how long the shortest and the longest waiting one have waited.
func waits(th *theme.Theme, least, most sampler.Reading) string {
	if !most.OK {
		return th.Faint.Render(theme.SignUnknown)
	}
	text := unit.Format("seconds", most.Value)
	if least.OK && least.Value < most.Value {
		text = unit.Format("seconds", least.Value) + " to " + text
	}
	return text
}
