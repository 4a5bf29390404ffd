package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/feed"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// fileJudgedMsg brings what a recording tells as a whole.
type fileJudgedMsg struct {
	journey int
	judged  *tab.Judged
	err     error
}

// judgeFile judges the recording that the journey is in, behind its first screen: it is read to its end for that, as the
// command debug leaks does. end is its last moment, for advice. A snapshot is one moment, in which nothing grows.
func (m *model) judgeFile(end *tab.Data) tea.Cmd {
	all, past, number := m.trip.loaded, m.trip.past, m.trip.number
	if m.judge.every == 0 || !all.last.After(all.first) {
		return nil
	}
	ctx, data, o := m.ctx, *end, analysis.LeakJudgement{Limits: m.o.Limits}
	return func() tea.Msg {
		judged, err := judgePast(ctx, past, &data, o)
		return fileJudgedMsg{number, judged, err}
	}
}

// judgePast makes the full analysis of a past.
func judgePast(ctx context.Context, past capture.Past, end *tab.Data, o analysis.LeakJudgement) (*tab.Judged, error) {
	from, to := past.Span()
	l := feed.New("", to.Sub(from), nil)
	if err := l.Replay(ctx, past); err != nil {
		return nil, err
	}
	return &tab.Judged{At: to, Findings: append(l.Report(o).Findings, advised(end)...)}, nil
}

// fileJudged takes the findings of the file that is shown.
func (m *model) fileJudged(msg fileJudgedMsg) tea.Cmd {
	t := &m.trip
	if msg.journey != t.number || t.loaded == nil {
		return nil
	}
	if msg.err != nil {
		m.say("the recording was not judged: "+clean(msg.err.Error()), true)
		return nil
	}
	t.loaded.judged = msg.judged
	m.st.SetPastJudged(msg.judged)
	return m.heard(tab.NewsJudged)
}
