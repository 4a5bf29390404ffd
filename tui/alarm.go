package tui

import (
	"io"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// bell makes a terminal ring.
const bell = "\a"

// alarm says so, and rings once, when a reading passes a limit that the person set. It is armed again when the memory
// falls below nine tenths of the limit.
func (m *model) alarm(s *sampler.Snapshot) tea.Cmd {
	var ring tea.Cmd
	for i, l := range m.o.Limits {
		used, ok := s.Get(l.Metric)
		switch {
		case !ok || l.Bytes <= 0:
		case used < 0.9*l.Bytes:
			m.rung[i] = false
		case used >= l.Bytes && !m.rung[i]:
			m.rung[i] = true
			m.say(clean(l.Name)+" is passed: "+unit.Bytes(used)+" of "+unit.Bytes(l.Bytes), true)
			out := m.o.Output
			ring = func() tea.Msg {
				_, _ = io.WriteString(out, bell) // a terminal that cannot ring still shows the notice
				return nil
			}
		}
	}
	return ring
}
