package tui

import (
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// wheelLines is how far one turn of the mouse wheel moves.
const wheelLines = 3

// key finds what a key is bound to and does it. While a filter is typed, what is not bound is text.
func (m *model) key(msg tea.KeyMsg) tea.Cmd {
	if m.question != nil {
		return m.answer(msg)
	}
	top := m.top()
	if msg.Type == tea.KeyRunes && len(msg.Runes) > 1 && !msg.Paste && top.Mode() != tab.Filtering {
		return m.burst(msg)
	}
	if top.Mode() == tab.Filtering {
		if msg.Type == tea.KeyCtrlC {
			return tea.Quit
		}
		if b, ok := keys.Find(keys.InFilter, msg.String()); ok && !msg.Paste {
			return top.Update(m.st, tab.Act{ID: b.ID})
		}
		return top.Update(m.st, msg)
	}
	b, ok := m.find(msg.String())
	if !ok || msg.Paste {
		return nil
	}
	m.notice = notice{}
	if reason := m.why(b.ID); reason != "" {
		m.say(b.Label+" "+reason, true)
		return nil
	}
	if b.Global() {
		return m.act(b.ID)
	}
	if l, ok := m.leapOf(b.ID); ok {
		return m.travel(l)
	}
	return top.Update(m.st, tab.Act{ID: b.ID})
}

// burst takes keys that came in one piece, typed faster than the terminal was read, one after the other. None of them answers
// a question that another one raised, for nobody has read it.
func (m *model) burst(msg tea.KeyMsg) tea.Cmd {
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		if m.question != nil {
			break
		}
		cmds = append(cmds, m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt}))
	}
	return tea.Batch(cmds...)
}

// find looks a key up where the person is; on a tab that is paused the keys that move in time come first.
func (m *model) find(key string) (keys.Binding, bool) {
	if m.travelling() {
		if b, ok := keys.Find(keys.InPast, key); ok && !b.Global() {
			return b, true
		}
	}
	return keys.Find(m.top().Place(), key)
}

// act does what keys.Everywhere binds.
func (m *model) act(id keys.ID) tea.Cmd {
	switch id {
	case keys.Quit:
		return tea.Quit
	case keys.Help:
		return m.toggle(keys.InHelp, func() tab.Screen { return tab.NewHelp(m.top().Title(), m.top().Place()) })
	case keys.Log:
		return m.toggle(keys.InLog, func() tab.Screen { return tab.NewLog() })
	case keys.Back:
		return m.back()
	case keys.Compare:
		return m.compare()
	case keys.Findings:
		return m.toggle(keys.InFindings, func() tab.Screen { return tab.NewFindings() })
	case keys.Snapshots:
		return m.toggle(keys.InSnapshots, func() tab.Screen { return tab.NewSnapshots() })
	case keys.NextTab:
		m.showTab((m.current + 1) % len(m.tabs))
	case keys.PrevTab:
		m.showTab((m.current + len(m.tabs) - 1) % len(m.tabs))
	case keys.Tab1:
		m.showTab(0)
	case keys.Tab2:
		m.showTab(1)
	case keys.Tab3:
		m.showTab(2)
	case keys.Snapshot:
		m.say("writing a snapshot …", false)
		return m.writeSnapshot()
	case keys.Collect:
		return m.startCollect("")
	default:
		return m.actOnState(id)
	}
	return nil
}

// actOnState does what changes the State and nothing outside.
func (m *model) actOnState(id keys.ID) tea.Cmd {
	st := m.st
	switch id {
	case keys.Pause:
		if _, paused := st.Paused(); paused {
			return m.leave()
		}
		st.Freeze()
		return m.tell(tab.Heard{What: tab.NewsPause})
	case keys.Mark:
		st.SetMark()
		m.keepMark()
		m.say("marked: changes count from "+st.Data().Mark.At.Format(time.TimeOnly), false)
		return m.tell(tab.Heard{What: tab.NewsMark})
	case keys.Reset:
		m.since = st.Live().At
		st.Reset()
		m.judge = newJudge(m.judge.every)
		m.say("history, peaks and mark start anew", false)
		return tea.Batch(m.resetPeaks(), m.tell(tab.Heard{What: tab.NewsReset}))
	case keys.Slower:
		d, _ := slower(st.Interval)
		return m.setInterval(d)
	case keys.Faster:
		d, _ := faster(st.Interval)
		return m.setInterval(d)
	}
	return nil
}

func (m *model) setInterval(d time.Duration) tea.Cmd {
	m.st.SetInterval(d)
	m.say("read every "+interval(d), false)
	watch := m.watch
	if watch == nil {
		return nil
	}
	return func() tea.Msg { watch.SetInterval(d); return nil }
}

// toggle opens a screen of the place, or closes it when it is on top.
func (m *model) toggle(place keys.Place, open func() tab.Screen) tea.Cmd {
	if m.top().Place() == place {
		m.pop()
		return nil
	}
	return m.push(open())
}

// back closes what is open: first something within the screen on top, then the screen.
func (m *model) back() tea.Cmd {
	top := m.top()
	if c, ok := top.(tab.BackHandler); ok && c.Closable() {
		return top.Update(m.st, tab.Act{ID: keys.Back})
	}
	if _, paused := m.st.Paused(); !m.pop() && paused && !m.recording() {
		return m.leave()
	}
	return nil
}

func (m *model) mouse(msg tea.MouseMsg) tea.Cmd {
	if msg.Action != tea.MouseActionPress || m.question != nil {
		return nil
	}
	y := msg.Y - headerRows - m.lineRows()
	inside := y >= 0 && y < m.bodyRows()
	switch msg.Button {
	case tea.MouseButtonLeft:
		if inside {
			return m.top().Update(m.st, tab.Click{X: msg.X, Y: y})
		}
		if i, ok := m.tabAt(msg.X, msg.Y); ok {
			m.showTab(i)
		}
		if y == -1 && m.lineRows() > 0 && m.top().Place() != keys.InFindings {
			return m.act(keys.Findings)
		}
	case tea.MouseButtonWheelUp:
		if inside {
			return m.top().Update(m.st, tab.Wheel{X: msg.X, Y: y, Lines: -wheelLines})
		}
	case tea.MouseButtonWheelDown:
		if inside {
			return m.top().Update(m.st, tab.Wheel{X: msg.X, Y: y, Lines: wheelLines})
		}
	}
	return nil
}

// tabLabel is what the tab bar shows for the i-th tab.
func (m *model) tabLabel(i int) string { return fmt.Sprintf("%d %s", i+1, m.tabs[i].Title()) }
