// Package theme holds every colour and sign of the dashboard: styles named by what they mean, the drawing of panels,
// and the handling of text by terminal cells.
//
// No colour is chosen outside this package, so that a light terminal, a terminal of 16 colours and one without any are
// decided in one place. Meaning is never carried by colour alone: each style that judges goes with a sign or a word.
// It is also the one place where foreign text (names of processes, functions, files) is made safe to print: Clean. The
// package asks the terminal nothing: whoever makes the renderer says whether its background is dark.
package theme

import (
	"io"
	"math"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// Theme is the set of styles a screen is drawn with. It is made once by New and not changed after; any number of
// goroutines may use it.
type Theme struct {
	Dark bool // the background is dark

	Accent   Style // focus, and what the eye should find first
	Title    Style // names of panels
	Label    Style // what a number is
	Value    Style // the number: the default foreground
	Strong   Style // a value that leads its row or line
	Good     Style // a verdict or change for the better
	Warn     Style // a verdict or change that deserves a look
	Bad      Style // a verdict or change for the worse
	Faint    Style // what may be overlooked: unknown values, hints, rules
	Selected Style // the selected row, over its whole width
	Key      Style // a key to press

	Border        Style // the frame of a panel
	BorderFocused Style // the frame of the panel that has the keys

	series [seriesCount]Style
}

// seriesCount is how many chart lines have colours of their own; further ones begin again.
const seriesCount = 6

// New makes a theme whose colours fit the renderer's profile: true colour, 256, 16, or none with termenv.Ascii. dark
// says whether the background is dark.
func New(r *lipgloss.Renderer, dark bool) *Theme {
	p := lightPalette()
	if dark {
		p = darkPalette()
	}
	plain := r.NewStyle()
	fg := func(c lipgloss.CompleteColor) lipgloss.Style { return plain.Foreground(c) }
	t := &Theme{
		Dark:          dark,
		Accent:        newStyle(fg(p.accent)),
		Title:         newStyle(fg(p.accent).Bold(true)),
		Label:         newStyle(fg(p.label)),
		Value:         newStyle(plain),
		Strong:        newStyle(plain.Bold(true)),
		Good:          newStyle(fg(p.good)),
		Warn:          newStyle(fg(p.warn)),
		Bad:           newStyle(fg(p.bad)),
		Faint:         newStyle(fg(p.faint)),
		Selected:      newStyle(fg(p.selected).Background(p.selection)),
		Key:           newStyle(fg(p.accent)),
		Border:        newStyle(fg(p.border)),
		BorderFocused: newStyle(fg(p.accent)),
	}
	for i, c := range p.series {
		t.series[i] = newStyle(fg(c))
	}
	return t
}

// Plain makes a theme without any escape code: for pipes, NO_COLOR and golden screens.
func Plain() *Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.Ascii)
	return New(r, true)
}

// Series returns the style of the i-th line of a chart, i from 0. The order is fixed: resident memory, heap, goal,
// limit, then others.
func (t *Theme) Series(i int) Style {
	return t.series[((i%seriesCount)+seriesCount)%seriesCount]
}

// Share returns the style of a share of a limit: Bad from 0.9, Warn from 0.75, Value below, Faint when it is not finite.
func (t *Theme) Share(share float64) Style {
	switch {
	case math.IsNaN(share) || math.IsInf(share, 0):
		return t.Faint
	case share >= 0.9:
		return t.Bad
	case share >= 0.75:
		return t.Warn
	}
	return t.Value
}

// The signs that go with the judging styles, each one cell wide.
const (
	SignUp      = "▲" // grew
	SignDown    = "▼" // shrank
	SignSelect  = "›" // the selected row
	SignFocus   = "▸" // the panel that has the keys
	SignUnknown = "–" // could not be read
	Ellipsis    = "…" // cut off here

	SignWarning  = "▲" // a finding that is a warning
	SignCritical = "!" // a finding that cannot wait
)

// ChangeStyle returns the style and the sign of a change of memory: growth is Warn with ▲, shrinking Good with ▼, none is
// Faint without a sign.
func (t *Theme) ChangeStyle(change float64) (Style, string) {
	switch {
	case change > 0:
		return t.Warn, SignUp
	case change < 0:
		return t.Good, SignDown
	}
	return t.Faint, " "
}
