package tab

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// inputMost bounds what can be typed or pasted into a filter, in bytes.
const inputMost = 256

// Input is a line of text being typed at its end: enough for a filter, with a cursor that does not blink. The zero
// Input is empty.
type Input struct{ text string }

// Text returns what was typed.
func (i *Input) Text() string { return i.text }

// Set replaces the text.
func (i *Input) Set(text string) { i.text = text }

// Type takes one key and reports whether the text changed. Control characters are not text; Ctrl-U and Ctrl-W delete
// everything and the last word.
func (i *Input) Type(key tea.KeyMsg) (changed bool) {
	before := i.text
	switch key.Type {
	case tea.KeyRunes, tea.KeySpace:
		for _, r := range key.Runes {
			if unicode.IsPrint(r) && len(i.text)+utf8.RuneLen(r) <= inputMost {
				i.text += string(r)
			}
		}
	case tea.KeyBackspace:
		_, size := utf8.DecodeLastRuneInString(i.text)
		i.text = i.text[:len(i.text)-size]
	case tea.KeyCtrlU:
		i.text = ""
	case tea.KeyCtrlW:
		trimmed := strings.TrimRight(i.text, " ")
		i.text = trimmed[:strings.LastIndex(trimmed, " ")+1]
	}
	return i.text != before
}

// View draws the line with its cursor, cut on the left to width cells.
func (i *Input) View(t *theme.Theme, width int) string { return i.ViewAs(t, "filter: ", width) }

// ViewAs draws the line behind another label.
func (i *Input) ViewAs(t *theme.Theme, label string, width int) string {
	text := theme.TruncateLeft(theme.Clean(i.text), width-len(label)-1)
	return theme.Truncate(t.Label.Render(label)+text+t.Accent.Render("▏"), width)
}
