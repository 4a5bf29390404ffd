package tab

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// outcome is what a message to a list asks of the screen that owns it.
type outcome int

const (
	outcomeElse   outcome = iota // the message was not for the list
	outcomeDone                  // nothing is left to do
	outcomeOrder                 // the rows are to be ordered anew
	outcomeFilter                // the text of the filter is another
	outcomeAgain                 // the selected row was clicked
)

// heed does what a message asks of a table that stands at a place: moving, ordering, the mouse.
func (t *Table[K]) heed(msg tea.Msg, at box) outcome {
	switch msg := msg.(type) {
	case Wheel:
		t.Wheel(msg.Lines)
		return outcomeDone
	case Click:
		switch t.Click(msg.X-at.x, msg.Y-at.y) {
		case HitHeader:
			return outcomeOrder
		case HitAgain:
			return outcomeAgain
		}
		return outcomeDone
	case Act:
		switch {
		case t.Move(msg.ID):
			return outcomeDone
		case msg.ID == keys.Sort:
			t.NextOrder()
			return outcomeOrder
		case msg.ID == keys.Reverse:
			t.Reverse = !t.Reverse
			return outcomeOrder
		}
	}
	return outcomeElse
}

// foot says which row is selected, and of how many; "" where there is none.
func (t *Table[K]) foot() string {
	if len(t.rows) == 0 {
		return ""
	}
	return unit.Count(float64(t.at+1)) + " of " + unit.Count(float64(len(t.rows)))
}

// filtering is the part of a screen with a filter: its text, and whether keys are typed into it.
type filtering struct {
	typing bool
	input  Input
}

// Mode implements Screen.
func (f *filtering) Mode() Mode {
	if f.typing {
		return Filtering
	}
	return Normal
}

// Closable implements BackHandler: Esc drops a filter that was kept.
func (f *filtering) Closable() bool { return f.input.Text() != "" }

// keysOf is where the keys of a screen are looked up that has its own place when no filter is typed.
func (f *filtering) keysOf(own keys.Place) keys.Place {
	if f.typing {
		return keys.InFilter
	}
	return own
}

// lineShown tells whether a line of the screen is the filter's: while it is typed, and while it is kept.
func (f *filtering) lineShown() bool { return f.typing || f.input.Text() != "" }

// line is what is typed, or the filter that is kept.
func (f *filtering) line(t *theme.Theme, width int) string {
	if f.typing {
		return f.input.View(t, width)
	}
	return keptLine(t, &f.input)
}

func keptLine(t *theme.Theme, input *Input) string {
	return t.Label.Render("filter: ") + theme.Clean(input.Text())
}

// typed takes a key that is text and tells whether the text is another.
func (f *filtering) typed(key tea.KeyMsg) bool { return f.typing && f.input.Type(key) }

// drop ends the typing and forgets the text.
func (f *filtering) drop() {
	f.typing = false
	f.input.Set("")
}

// heed does what a message asks of the filter.
func (f *filtering) heed(msg tea.Msg) outcome {
	switch msg := msg.(type) {
	case tea.KeyMsg:
		if f.typed(msg) {
			return outcomeFilter
		}
		return outcomeDone
	case Act:
		switch msg.ID {
		case keys.Filter, keys.FilterKeep:
			f.typing = msg.ID == keys.Filter
			return outcomeDone
		case keys.FilterDrop, keys.Back:
			f.drop()
			return outcomeFilter
		}
	}
	return outcomeElse
}

// listing is the part of a screen that is a table with a filter.
type listing[K comparable] struct {
	table Table[K]
	filtering
}

// heed does what a message asks of a table that stands at a place, or of its filter.
func (l *listing[K]) heed(msg tea.Msg, at box) outcome {
	if done := l.table.heed(msg, at); done != outcomeElse {
		return done
	}
	return l.filtering.heed(msg)
}

// within is where a table stands in a part of the screen: inside the frame, where there is room for one, and below the
// line of its filter.
func within(b box, line bool) box {
	if framedBox(b) {
		b = box{b.x + theme.PanelCols/2, b.y + 1, b.width - theme.PanelCols, b.height - theme.PanelRows}
	}
	if line {
		b.y++
		b.height--
	}
	return b
}

// framedBox tells whether a part of the screen has room for a frame.
func framedBox(b box) bool { return b.width >= 24 && b.height >= 6 }

// words are those of the filter, each of which a row must contain.
func (f *filtering) words() []string { return wordsOf(f.input.Text()) }

func wordsOf(text string) []string { return strings.Fields(strings.ToLower(text)) }

// hasAll tells whether a text contains every word, in letters of either kind.
func hasAll(text string, words []string) bool {
	text = strings.ToLower(text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}
