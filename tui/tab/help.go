package tab

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Help lists the keys that work on the screen it was opened from, then those that work everywhere.
type Help struct {
	title  string
	place  keys.Place
	scroll scroller
}

// NewHelp returns the help for a screen.
func NewHelp(title string, place keys.Place) *Help { return &Help{title: title, place: place} }

// Title implements Screen.
func (h *Help) Title() string { return "Help" }

// Place implements Screen.
func (h *Help) Place() keys.Place { return keys.InHelp }

// Mode implements Screen.
func (h *Help) Mode() Mode { return Normal }

// Why implements Screen.
func (h *Help) Why(*State, keys.ID) string { return "" }

// Update implements Screen.
func (h *Help) Update(_ *State, msg tea.Msg) tea.Cmd {
	h.scroll.update(msg)
	return nil
}

// View implements Screen.
func (h *Help) View(st *State, width, height int) string {
	lines := h.lines(st, width-theme.PanelCols)
	body, foot := h.scroll.window(lines, height-theme.PanelRows)
	return st.Theme.Frame(theme.Frame{Title: "Keys", Note: "? or Esc closes", Foot: foot, Focused: true}, body, width, height)
}

func (h *Help) lines(st *State, width int) []string {
	t := st.Theme
	var here, everywhere []keys.Binding
	for _, b := range keys.In(h.place) {
		if b.Global() {
			everywhere = append(everywhere, b)
		} else {
			here = append(here, b)
		}
	}
	column := (width - 4) / 2
	narrow := column < 50
	room := column
	if narrow {
		room = width
	}
	signs := append(signLines(t), notes(st, room)...)
	left := append([]string{t.Title.Render("On " + h.title), ""}, bindingLines(t, here, room)...)
	right := append([]string{t.Title.Render("Everywhere"), ""}, bindingLines(t, everywhere, room)...)
	if !narrow {
		left = append(append(left, ""), signs...)
		return strings.Split(theme.Join(4, block(left, column), block(right, column)), "\n")
	}
	return append(append(append(append(left, ""), right...), ""), signs...)
}

// block makes lines of one width, so that they can stand beside others.
func block(lines []string, width int) string {
	return theme.Fit(strings.Join(lines, "\n"), width, len(lines))
}

// The cells of the column of keys, with the blank after it, and the most rows that one explanation takes.
const (
	keyCells = 11
	helpRows = 8
)

// bindingLines explains keys in lines of at most width cells; what is longer goes on below.
func bindingLines(t *theme.Theme, list []keys.Binding, width int) []string {
	lines := make([]string, 0, len(list))
	for _, b := range list {
		head := t.Key.Render(theme.Pad(strings.Join(b.Names(), " "), keyCells-1)) + " "
		for _, words := range theme.Wrap(b.Help, max(width-keyCells, keyCells), helpRows) {
			lines = append(lines, head+words)
			head = theme.Spaces(keyCells)
		}
	}
	return lines
}

func signLines(t *theme.Theme) []string {
	row := func(sign, words string) string { return theme.Pad(sign, 10) + " " + words }
	return []string{
		t.Title.Render("Signs"),
		"",
		row(t.Warn.Render(theme.SignUp)+" "+t.Good.Render(theme.SignDown), "grew, shrank since the mark"),
		row(t.Bad.Render(theme.SignCritical)+" "+t.Warn.Render(theme.SignWarning), "a finding: critical, a warning"),
		row(t.Faint.Render(theme.SignUnknown), "could not be read; never 0"),
		row(t.Accent.Render(theme.SignFocus), "the tab and the panel that have the keys"),
		row("MB", "10^6 bytes; three digits count"),
		row(t.Faint.Render("‖")+" "+t.Faint.Render("■"), "paused; the program has ended"),
		row("~", "a site that rests on fewer than 10 samples"),
	}
}

// notes are what could not be read, and what would show more.
func notes(st *State, width int) []string {
	t := st.Theme
	var lines []string
	add := func(title string, texts []string) {
		if len(texts) == 0 {
			return
		}
		lines = append(lines, "", t.Title.Render(title), "")
		for _, text := range texts {
			lines = append(lines, theme.Wrap(theme.Clean(text), width, 4)...)
		}
	}
	var missing []string
	d := st.Data()
	if d.LedgerOK {
		missing = append(missing, d.Ledger.Warnings...)
	}
	if d.Snapshot != nil {
		for _, w := range d.Snapshot.Warnings {
			missing = append(missing, w.Error())
		}
	}
	if w := st.Walk.Last; w != nil {
		for _, warning := range w.Warnings {
			missing = append(missing, "the walk over the heap: "+warning.Error())
		}
	}
	add("Not read", missing)
	add("What would show more", st.Hints)
	return lines
}

// scroller is a window over lines that keys and the wheel move.
type scroller struct {
	top    int
	height int // of the window, from the last Size
	count  int // lines at the last window
	follow bool
}

// update moves the window and reports whether the message was one that moves.
func (s *scroller) update(msg tea.Msg) bool {
	switch msg := msg.(type) {
	case Size:
		s.height = max(msg.Height-theme.PanelRows, 1)
	case Wheel:
		s.move(msg.Lines)
	case Act:
		return s.act(msg.ID)
	default:
		return false
	}
	return true
}

func (s *scroller) act(id keys.ID) bool {
	switch id {
	case keys.Up:
		s.move(-1)
	case keys.Down:
		s.move(1)
	case keys.PageUp:
		s.move(-s.height)
	case keys.PageDown:
		s.move(s.height)
	case keys.Home:
		s.top, s.follow = 0, false
	case keys.End:
		s.follow = true
		s.top = max(s.count-s.height, 0)
	default:
		return false
	}
	return true
}

func (s *scroller) move(lines int) {
	last := max(s.count-s.height, 0)
	s.top = min(max(s.top+lines, 0), last)
	s.follow = s.follow && s.top == last
}

// window cuts the lines that are seen, and says which they are when there are more.
func (s *scroller) window(lines []string, height int) (body, foot string) {
	height = max(height, 1)
	s.count, s.height = len(lines), height
	last := max(len(lines)-height, 0)
	if s.follow {
		s.top = last
	}
	s.top = min(s.top, last)
	seen := lines[s.top:min(s.top+height, len(lines))]
	if len(lines) > height {
		foot = span(s.top+1, s.top+len(seen), len(lines))
	}
	return strings.Join(seen, "\n"), foot
}
