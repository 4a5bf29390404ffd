package tab

import (
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Stack shows one group of goroutines with its whole stack, and follows the group while it is open.
type Stack struct {
	scroller
	row  profile.GoroutineRow
	gone bool // the last reading has no such group
}

// NewStack opens a group as a row of the table has it.
func NewStack(row profile.GoroutineRow) *Stack { return &Stack{row: row} }

// Title implements Screen.
func (s *Stack) Title() string { return theme.Clean(shortFunction(s.row.Function)) }

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
	if h, ok := msg.(Heard); ok && (h.What == NewsGoroutines || h.What == NewsMark || h.What == NewsPause) {
		s.refresh(st)
		return nil
	}
	s.update(msg)
	return nil
}

// refresh finds the group in what is shown now.
func (s *Stack) refresh(st *State) {
	d := st.Data()
	if d.Goroutines == nil {
		return
	}
	for _, row := range profile.GoroutineRows(d.Goroutines, d.Mark.Goroutines) {
		if row.Key == s.row.Key {
			s.row, s.gone = row, row.Count == 0
			return
		}
	}
	s.gone = true
}

// View implements Screen.
func (s *Stack) View(st *State, width, height int) string {
	th := st.Theme
	facts := s.facts(th, width)
	if width < 24 || height < 6 {
		body, _ := s.window(append([]string{facts}, s.lines(th, width)...), height)
		return theme.Fit(body, width, height)
	}
	body, foot := s.window(s.lines(th, width-theme.PanelCols), height-1-theme.PanelRows)
	frame := theme.Frame{Title: "Stack", Note: "innermost first", Foot: foot, Focused: true}
	return theme.Pad(facts, width) + "\n" + th.Frame(frame, body, width, height-1)
}

// facts is the line of numbers: what the row of the table said.
func (s *Stack) facts(th *theme.Theme, width int) string {
	if s.gone {
		return th.Warn.Render(" ! ") + "No goroutine of this group is left; its last stack is shown."
	}
	change := countChange(th, s.row.Change)
	parts := []string{
		th.Strong.Render(plural(s.row.Count, "goroutine")),
		th.Label.Render("since mark ") + change.Style.Render(change.Text),
	}
	if s.row.State != "" {
		parts = append(parts, th.Label.Render("state ")+theme.Clean(s.row.State))
	}
	parts = append(parts, th.Label.Render("waiting ")+waits(th, s.row.WaitMin, s.row.WaitMax))
	line := " " + strings.Join(parts, th.Faint.Render(" · "))
	for theme.Width(line) > width && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		line = " " + strings.Join(parts, th.Faint.Render(" · "))
	}
	return line
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

// lines are the frames, each with its place on the same line where there is room, else below.
func (s *Stack) lines(th *theme.Theme, width int) []string {
	if len(s.row.Stack) == 0 {
		return theme.Wrap("The source reads no stack of a running goroutine.", width, 3)
	}
	var lines []string
	for _, f := range s.row.Stack {
		lines = append(lines, frameLines(th, f, "", width)...)
	}
	if s.row.CreatedBy.Function != "" {
		lines = append(lines, frameLines(th, s.row.CreatedBy, "created by ", width)...)
	}
	return lines
}

func frameLines(th *theme.Theme, f sampler.Frame, before string, width int) []string {
	name := th.Label.Render(before) + theme.Clean(f.Function)
	if f.File == "" {
		return []string{theme.Truncate(name, width)}
	}
	place := theme.Clean(f.File) + ":" + strconv.Itoa(f.Line)
	if room := width - theme.Width(name) - 2; room >= theme.Width(place) {
		return []string{name + theme.Spaces(room-theme.Width(place)+2) + th.Label.Render(place)}
	}
	return []string{theme.Truncate(name, width), "    " + th.Label.Render(theme.TruncateLeft(place, max(width-4, 1)))}
}
