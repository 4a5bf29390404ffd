package tab

import (
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Findings lists what was found about the target, what matters most first, and shows the one that is selected.
type Findings struct {
	table Table[string]
	list  []analysis.Finding
	size  Size
}

// The columns of the findings.
const (
	findSign = iota
	findVerdict
	findTitle
)

// NewFindings returns the list of findings.
func NewFindings() *Findings {
	s := &Findings{}
	s.table.SetColumns([]Column{
		{Title: "severity", Width: 10, Left: true},
		{Title: "verdict", Width: 12, Left: true, Keep: 1},
		{Title: "finding", Width: 20, Flex: 1, Left: true},
	})
	s.table.Order = -1
	return s
}

// Title implements Screen.
func (s *Findings) Title() string { return "Findings" }

// Place implements Screen.
func (s *Findings) Place() keys.Place { return keys.InFindings }

// Mode implements Screen.
func (s *Findings) Mode() Mode { return Normal }

// Needs implements Needer: the cause of growth is told by what the findings are about.
func (s *Findings) Needs(*State) Needs { return Needs{Heap: true, Goroutines: true, Mappings: true} }

// Why implements Screen.
func (s *Findings) Why(_ *State, id keys.ID) string {
	if id == keys.Open && len(s.list) == 0 {
		return "nothing was found that could be opened"
	}
	return ""
}

// Update implements Screen.
func (s *Findings) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard:
		if msg.What != NewsTime {
			s.take(st)
		}
	case Size:
		s.size = msg
		s.take(st)
		s.table.Resize(s.listHeight() - theme.PanelRows)
	default:
		done := s.table.heed(msg, box{x: theme.PanelCols / 2, y: 1})
		if act, ok := msg.(Act); done == outcomeAgain || ok && act.ID == keys.Open {
			return s.open()
		}
	}
	return nil
}

func (s *Findings) take(st *State) {
	s.list = st.Data().Findings()
	rows := make([]string, len(s.list))
	for i := range s.list {
		rows[i] = findingKey(&s.list[i])
	}
	s.table.SetRows(rows)
}

// findingKey tells findings apart in others that are made later.
func findingKey(f *analysis.Finding) string {
	if f.Series != "" {
		return f.Analyzer + " " + f.Series
	}
	return f.Analyzer + " " + f.RowsOf
}

func (s *Findings) open() tea.Cmd {
	if len(s.list) == 0 {
		return nil
	}
	return Ask(Push{&Finding{finding: s.list[s.table.At()]}})
}

// listHeight is how many rows the list takes; the selected finding has the rest.
func (s *Findings) listHeight() int {
	if s.size.Height < 12 {
		return s.size.Height
	}
	return min(max(len(s.list)+1+theme.PanelRows, 4), s.size.Height/2)
}

// View implements Screen.
func (s *Findings) View(st *State, width, height int) string {
	s.size = Size{width, height}
	t, top := st.Theme, s.listHeight()
	frame := theme.Frame{Title: "Findings", Focused: true, Note: judgedNote(st)}
	inner, rows := width-theme.PanelCols, top-theme.PanelRows
	if len(s.list) == 0 {
		body := t.Label.Render(strings.Join(theme.Wrap(noFindings(st), max(inner, 1), max(height-theme.PanelRows, 1)), "\n"))
		return t.Frame(frame, body, width, height)
	}
	if n := s.table.Len(); n > rows-1 {
		frame.Foot = span(s.table.At()+1, s.table.At()+1, n)
	}
	list := t.Frame(frame, s.table.View(t, inner, rows, func(row, column int) Cell { return s.cell(t, row, column) }), width, top)
	if top == height {
		return list
	}
	selected := &s.list[min(s.table.At(), len(s.list)-1)]
	lines := findingLines(t, selected, inner)
	below := theme.Frame{Title: "Evidence"}
	if room := height - top - theme.PanelRows; len(lines) > room {
		below.Foot = "Enter shows all"
		lines = lines[:room]
	}
	return list + "\n" + t.Frame(below, strings.Join(lines, "\n"), width, height-top)
}

func (s *Findings) cell(t *theme.Theme, row, column int) Cell {
	f := &s.list[row]
	switch column {
	case findSign:
		return severityCell(t, f)
	case findVerdict:
		return Cell{theme.Clean(string(f.Verdict)), t.Label}
	case findTitle:
		return Cell{theme.Truncate(theme.Clean(f.Title), s.table.Cells(findTitle)), t.Value}
	}
	return Cell{}
}

func severityCell(t *theme.Theme, f *analysis.Finding) Cell {
	switch f.Severity {
	case analysis.Critical:
		return Cell{theme.SignCritical + " critical", t.Bad}
	case analysis.Warning:
		return Cell{theme.SignWarning + " warning", t.Warn}
	}
	return Cell{"· " + theme.Clean(string(f.Severity)), t.Label}
}

func judgedNote(st *State) string {
	if j := st.Data().Judged; j != nil {
		return "judged at " + j.At.Format(time.TimeOnly)
	}
	return ""
}

func noFindings(st *State) string {
	d := st.Data()
	switch {
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case st.Visiting() != nil && st.Visiting().File == "":
		return "Findings are of now, and this is how it was: p goes back to now."
	case st.Visiting() != nil && !st.Visiting().Last.After(st.Visiting().First):
		return "A snapshot is one moment, and a leak takes time to be seen: record one."
	case st.Visiting() != nil:
		return "The recording is being judged as a whole."
	case d.Growth.OK:
		return "Nothing was found yet. What was read is judged each minute."
	case d.Growth.Reason != "":
		return sentence("Nothing can be judged yet: " + d.Growth.Reason)
	}
	return "Nothing was read yet."
}

// Finding shows one finding with all its evidence. It stays as it was when it was opened.
type Finding struct {
	finding analysis.Finding
	scroll  scroller
}

// Title implements Screen.
func (s *Finding) Title() string { return "Finding" }

// Place implements Screen.
func (s *Finding) Place() keys.Place { return keys.InFinding }

// Mode implements Screen.
func (s *Finding) Mode() Mode { return Normal }

// Why implements Screen.
func (s *Finding) Why(*State, keys.ID) string { return "" }

// Needs implements Needer, as the list of findings does.
func (s *Finding) Needs(*State) Needs { return Needs{Heap: true, Goroutines: true, Mappings: true} }

// Update implements Screen.
func (s *Finding) Update(_ *State, msg tea.Msg) tea.Cmd {
	s.scroll.update(msg)
	return nil
}

// View implements Screen.
func (s *Finding) View(st *State, width, height int) string {
	lines := findingLines(st.Theme, &s.finding, max(width-theme.PanelCols, 1))
	body, foot := s.scroll.window(lines, height-theme.PanelRows)
	frame := theme.Frame{Title: "Finding", Note: fmt.Sprintf("by %s", theme.Clean(s.finding.Analyzer)), Foot: foot, Focused: true}
	return st.Theme.Frame(frame, body, width, height)
}
