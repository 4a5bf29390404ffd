package tab

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Log shows what the program that heaptop started has printed. It follows the end until somebody scrolls up.
type Log struct{ scroll scroller }

// NewLog returns the log at its end.
func NewLog() *Log { return &Log{scroller{follow: true}} }

// Title implements Screen.
func (l *Log) Title() string { return "Output" }

// Place implements Screen.
func (l *Log) Place() keys.Place { return keys.InLog }

// Mode implements Screen.
func (l *Log) Mode() Mode { return Normal }

// Why implements Screen.
func (l *Log) Why(*State, keys.ID) string { return "" }

// Needs implements Needer.
func (l *Log) Needs(*State) Needs { return Needs{Log: true} }

// Update implements Screen.
func (l *Log) Update(_ *State, msg tea.Msg) tea.Cmd {
	l.scroll.update(msg)
	return nil
}

// View implements Screen. Only the lines that are seen are made safe and cut.
func (l *Log) View(st *State, width, height int) string {
	t := st.Theme
	lines := make([]string, 0, len(st.Log)+1)
	if st.LogDropped > 0 {
		lines = append(lines, fmt.Sprintf("%s older lines are no longer kept", unit.Count(float64(st.LogDropped))))
	}
	first := len(lines)
	for i := range st.Log {
		lines = append(lines, st.Log[i].Text)
	}
	rows := max(height-theme.PanelRows, 1)
	l.scroll.window(lines, rows)
	top := l.scroll.top
	seen := lines[top:min(top+rows, len(lines))]
	for i := range seen {
		at := top + i - first
		if at < 0 {
			seen[i] = t.Faint.Render(seen[i])
			continue
		}
		seen[i] = l.line(st, at)
	}
	if len(lines) == 0 {
		seen = []string{t.Label.Render("The program has printed nothing yet.")}
	}
	body, _ := (&scroller{}).window(seen, rows)
	frame := theme.Frame{Title: "Output of " + theme.Clean(st.Info.Name), Focused: true}
	if l.scroll.follow {
		frame.Note = "follows the end"
	}
	if len(lines) > rows {
		frame.Foot = span(top+1, top+len(seen), len(lines))
	}
	return t.Frame(frame, body, width, height)
}

// line is one line of output with its time; ! marks standard error, by a sign and not by colour alone.
func (l *Log) line(st *State, i int) string {
	entry := st.Log[i]
	stamp := st.Theme.Faint.Render(entry.Time.Format(time.TimeOnly))
	if entry.Stderr {
		return stamp + " " + st.Theme.Warn.Render("!") + " " + theme.Clean(entry.Text)
	}
	return stamp + "   " + theme.Clean(entry.Text)
}

// span says which lines of how many are seen.
func span(from, to, of int) string {
	return fmt.Sprintf("%s–%s of %s", unit.Count(float64(from)), unit.Count(float64(to)), unit.Count(float64(of)))
}
