package tab

import (
	"strings"
	"unicode"

	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// inputMost bounds what can be typed or pasted into a filter, in characters.
const inputMost = 256

// Input is a line of text being typed, with the keys of a shell's line and a cursor that does not blink. The zero
// Input is empty. The clipboard is not read: a terminal pastes by itself.
type Input struct {
	line  textinput.Model
	ready bool
}

func (i *Input) model() *textinput.Model {
	if !i.ready {
		i.line, i.ready = textinput.New(), true
		i.line.CharLimit = inputMost
		i.line.KeyMap.Paste.SetEnabled(false)
		i.line.Focus()
	}
	return &i.line
}

// Text returns what was typed.
func (i *Input) Text() string { return i.model().Value() }

// Set replaces the text, with the cursor at its end.
func (i *Input) Set(text string) {
	i.model().SetValue(text)
	i.line.CursorEnd()
}

// Type takes one key and reports whether the text changed. What is not printable is not text.
func (i *Input) Type(key tea.KeyMsg) (changed bool) {
	before := i.Text()
	key.Runes = []rune(strings.Map(printable, string(key.Runes)))
	if key.Type == tea.KeyRunes && len(key.Runes) == 0 {
		return false
	}
	i.line, _ = i.line.Update(key)
	return i.line.Value() != before
}

func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}

// View draws the line with its cursor in sight, at most width cells wide.
func (i *Input) View(t *theme.Theme, width int) string { return i.ViewAs(t, "filter: ", width) }

// ViewAs draws the line behind another label.
func (i *Input) ViewAs(t *theme.Theme, label string, width int) string {
	text, at := []rune(i.Text()), i.line.Position()
	room := width - len(label) - 1
	before := theme.TruncateLeft(theme.Clean(string(text[:at])), room)
	after := theme.Truncate(theme.Clean(string(text[at:])), max(room-theme.Width(before), 0))
	return theme.Truncate(t.Label.Render(label)+before+t.Accent.Render("▏")+after, width)
}
