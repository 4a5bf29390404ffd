package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// sayEvery is how often progress is told where it is not shown in place.
const sayEvery = 10 * time.Second

// progress tells how far long work is: on a terminal in one line that changes, elsewhere in a line now and then. It
// writes no escape codes.
type progress struct {
	w        io.Writer
	terminal bool
	shown    int // cells of the line on the terminal
	said     time.Time
}

func newProgress(w io.Writer) *progress { return &progress{w: w, terminal: isTerminal(w)} }

// say tells the state at that time.
func (p *progress) say(now time.Time, text string) {
	text = "heaptop: " + theme.Clean(text)
	if p.terminal {
		text = theme.Truncate(text, textWidth(p.w)-1)
		width := theme.Width(text)
		fmt.Fprint(p.w, "\r"+text+strings.Repeat(" ", max(0, p.shown-width)))
		p.shown = width
		return
	}
	if p.said.IsZero() || now.Sub(p.said) >= sayEvery {
		p.said = now
		fmt.Fprintln(p.w, text)
	}
}

// clear leaves the line empty for what is printed next.
func (p *progress) clear() {
	if p.shown > 0 {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", p.shown)+"\r")
		p.shown = 0
	}
}
