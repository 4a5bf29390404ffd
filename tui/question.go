package tui

import (
	"cmp"
	"context"
	"errors"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// question stands in the footer until the person answers. While it does, every key but yes means no.
type question struct {
	text string         // what would be done
	yes  func() tea.Cmd // does it
	no   string         // is said when the person refuses, of what has nothing to do with the target; "" for what has
}

// questionMsg says that an action needs consent. what is done once it is given.
type questionMsg struct {
	watch   int
	collect bool // the action is a forced collection, which waits for the answer
	text    string
	yes     func() tea.Cmd
	no      string // as of a question
}

// errAsk ends an action that needs consent first.
var errAsk = errors.New("a person has to agree first")

// leastToAsk is the width below which a question could not be read, and is not asked.
const leastToAsk = 40

// pose shows a question, unless it could not be read.
func (m *model) pose(msg questionMsg) tea.Cmd {
	m.notice = notice{}
	if msg.collect && msg.watch == m.watchID {
		m.collect = nil
	}
	switch {
	case msg.no == "" && (msg.watch != m.watchID || m.st.Live().Gone != nil):
	case m.height < tinyRows || m.width < leastToAsk:
		m.say("the terminal is too small to ask before something is written", true)
	default:
		m.question = &question{clean(msg.text), msg.yes, msg.no}
	}
	return nil
}

// answer takes a key as the answer to the question.
func (m *model) answer(msg tea.KeyMsg) tea.Cmd {
	q := m.question
	m.question = nil
	if msg.Type == tea.KeyCtrlC {
		return tea.Quit
	}
	b, ok := keys.Find(keys.InConfirm, msg.String())
	if agreed := ok && b.ID == keys.Agree && !msg.Paste; !agreed || q.no == "" && m.st.Live().Gone != nil {
		m.say(cmp.Or(q.no, "nothing was written"), false)
		return nil
	}
	return q.yes()
}

// questionLine draws the question. Its keys are always seen.
func (m *model) questionLine() string {
	t := m.st.Theme
	ask := " " + t.Warn.Render("?") + " "
	var choices string
	for _, b := range keys.In(keys.InConfirm) {
		choices += "  " + t.Key.Render(b.Label) + " " + t.Label.Render(b.Word)
	}
	room := m.width - theme.Width(ask) - theme.Width(choices) - 1
	return theme.Truncate(ask+theme.Truncate(m.question.text+"?", room)+choices, m.width)
}

// recordedMsg is the end of switching the recording of allocation sites on.
type recordedMsg struct {
	watch int
	err   error
}

// record switches the recording of allocation sites on, or asks first: agreed is the question that the person has
// agreed to.
func (m *model) record(agreed string) tea.Cmd {
	id, ask := m.watchID, ""
	run := func(ctx context.Context, s sampler.Session) error {
		if err := canRecord(s); err != nil {
			return err
		}
		r := s.(sampler.ProfileSwitcher)
		if ask = r.ConfirmRecordSites(); ask != agreed {
			return errAsk
		}
		return r.RecordSites(ctx)
	}
	return m.do(run, func(err error) tea.Msg {
		if errors.Is(err, errAsk) {
			return questionMsg{watch: id, text: ask, yes: func() tea.Cmd { return m.record(ask) }}
		}
		return recordedMsg{id, err}
	})
}

func (m *model) recorded(msg recordedMsg) tea.Cmd {
	switch {
	case msg.watch != m.watchID:
		return nil
	case msg.err != nil:
		m.say(clean(msg.err.Error()), true)
		return nil
	}
	m.say("what is allocated from now on is recorded; sites appear after two collections", false)
	m.asked.heap = asking{}
	return tea.Batch(m.probeMemory(), m.heard(tab.NewsWalk))
}
