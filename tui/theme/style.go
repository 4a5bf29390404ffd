package theme

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// Style prints text of one line in one way. A lipgloss style measures and wraps each text it renders; a screen has
// thousands of cells whose width is already known, so Style keeps the escape codes a lipgloss style would write and
// puts them around the text. The zero Style prints text as it is.
type Style struct {
	open, end string
	lip       lipgloss.Style
}

func newStyle(s lipgloss.Style) Style {
	const probe = "x"
	open, end, found := strings.Cut(s.Render(probe), probe)
	if !found {
		return Style{lip: s}
	}
	return Style{open: open, end: end, lip: s}
}

// Render returns the text in this style. The text has one line and no escape codes of its own; an empty text stays empty.
func (s Style) Render(text string) string {
	if text == "" || s.open == "" {
		return text
	}
	return s.open + text + s.end
}

// Write appends the text in this style to b. It makes no garbage beyond the growth of b.
func (s Style) Write(b *strings.Builder, text string) {
	if text == "" {
		return
	}
	b.WriteString(s.open)
	b.WriteString(text)
	b.WriteString(s.end)
}

// Lipgloss returns the lipgloss style behind s, for components that ask for one.
func (s Style) Lipgloss() lipgloss.Style { return s.lip }
