// Package terminal settles what the dashboard assumes of the terminal without asking it.
//
// Bubble Tea v1 asks the terminal for its background colour in a package init, on every command of a program that
// imports it: a terminal that does not answer delays `heaptop version` by five seconds, and the question's escape codes
// reach whatever reads the output. This package answers first, so the question is never asked. Packages whose imports
// are ready are initialised in the order of their paths; this one needs lipgloss alone, which Bubble Tea needs as well,
// and its path sorts before github.com/charmbracelet/bubbletea. Whoever imports the dashboard imports this package.
//
// It refuses to query the terminal at all: an answer that comes late would be read as keys. Dark or light is what the
// person says, else what COLORFGBG says, else dark.
package terminal

import (
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// A variable initialiser and no init(): this runs as soon as lipgloss is ready, which is before Bubble Tea's init.
var _ = answerFirst()

func answerFirst() bool {
	lipgloss.SetHasDarkBackground(true)
	return true
}

// Theme returns the theme for a screen written to w, as rich in colour as w's terminal is by its environment (TERM,
// COLORTERM, NO_COLOR): none where w is no terminal.
func Theme(w io.Writer, dark bool) *theme.Theme {
	r := lipgloss.NewRenderer(w)
	r.SetHasDarkBackground(dark)
	return theme.New(r, dark)
}

// Dark tells from the environment whether the background is dark; true where it does not say. COLORFGBG is
// "foreground;background", or with something between, as colour numbers: 0 to 6 and 8 are the dark ones.
func Dark(getenv func(string) string) bool {
	parts := strings.Split(getenv("COLORFGBG"), ";")
	background, err := strconv.Atoi(parts[len(parts)-1])
	if err != nil || len(parts) < 2 || background < 0 || background > 15 {
		return true
	}
	return background < 7 || background == 8
}
