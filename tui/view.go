package tui

import (
	"strings"

	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// View draws the whole screen: as many lines as the terminal has, none wider. What did not change is not drawn again.
func (m *model) View() string {
	if !m.dirty {
		return m.frame
	}
	lines := make([]string, 0, m.height)
	for _, line := range m.header() {
		lines = append(lines, theme.Pad(line, m.width))
	}
	if m.lineRows() > 0 {
		lines = append(lines, theme.Pad(m.findingsLine(), m.width))
	}
	lines = append(lines, m.top().View(m.st, m.width, m.bodyRows())) // exactly so large, by its contract
	if m.height >= tinyRows {
		lines = append(lines, theme.Pad(m.footer(), m.width))
	}
	m.frame = strings.Join(lines, "\n")
	if m.height < headerRows+1 {
		m.frame = theme.Fit(m.frame, m.width, m.height)
	}
	m.dirty = false
	return m.frame
}

// footer shows the notice, or the keys that work here.
func (m *model) footer() string {
	t := m.st.Theme
	if m.question != nil {
		return m.questionLine()
	}
	if n := m.notice; n.text != "" {
		if n.bad {
			return theme.Truncate(" "+t.Warn.Render("! "+theme.Shorten(n.text, m.width-4)), m.width)
		}
		return theme.Truncate(" "+t.Accent.Render("· ")+theme.Shorten(n.text, m.width-4), m.width)
	}
	var b strings.Builder
	width := 0
	add := func(label, word string) {
		w := theme.Width(label) + 1 + theme.Width(word) + 2
		if width+w > m.width {
			return
		}
		width += w
		b.WriteByte(' ')
		t.Key.Write(&b, label)
		b.WriteByte(' ')
		t.Label.Write(&b, word)
		b.WriteByte(' ')
	}
	for _, k := range m.footerKeys() {
		add(k.Label, k.Word)
	}
	return b.String()
}

// footerKeys are the bindings that work on the screen on top now. Help and quit come first when the rest may not fit.
func (m *model) footerKeys() []keys.Binding {
	top := m.top()
	place := top.Place()
	if top.Mode() == tab.Filtering {
		return keys.In(keys.InFilter)
	}
	var shown []keys.Binding
	if len(m.stack) > 0 || closable(top) {
		shown = append(shown, keys.Binding{Label: "Esc", Word: "back"})
	}
	_, paused := m.st.Paused()
	if b, ok := keys.Find(place, "left"); ok && b.ID == keys.Earlier && m.why(b.ID) == "" {
		shown = append(shown, keys.Binding{Label: "← →", Word: "time"})
	}
	for _, b := range keys.In(place) {
		if b.Word == "" || m.why(b.ID) != "" || b.ID == keys.Log && place == keys.InLog {
			continue
		}
		switch {
		case b.ID == keys.Pause && paused:
			b.Word = "resume"
		case b.ID == keys.Collect && tab.TellsOfServer(m.st):
			b.Word = "purge"
		}
		shown = append(shown, b)
	}
	return fitKeys(shown, m.width)
}

// fitKeys leaves keys out on a narrow screen: the last ones first, then those of every day, help and quit
// never.
func fitKeys(shown []keys.Binding, width int) []keys.Binding {
	total := func() (w int) {
		for _, b := range shown {
			w += theme.Width(b.Label) + theme.Width(b.Word) + 3
		}
		return w
	}
	for total() > width && len(shown) > 2 {
		cut := len(shown) - 3
		for i := cut; i >= 0; i-- {
			if !everyday(shown[i].ID) {
				cut = i
				break
			}
		}
		shown = append(shown[:cut:cut], shown[cut+1:]...)
	}
	return shown
}

// everyday reports whether a key is one of those that work on every screen and are pressed most.
func everyday(id keys.ID) bool {
	switch id {
	case keys.Snapshot, keys.Collect, keys.Pause, keys.Reset:
		return true
	}
	return false
}

func closable(s tab.Screen) bool {
	c, ok := s.(tab.BackHandler)
	return ok && c.Closable()
}
