package tab

import (
	"fmt"
	"math"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// CompareStack shows the stacks behind one line of a comparison, the one that changed most first, and the source of the
// selected frame. Frames and source are drawn as those of an allocation site are.
type CompareStack struct {
	title  string
	names  string // of the sides
	row    changeRow
	stacks []stackOf
	count  int // stacks there are; some may not be kept
	at     int // of stacks
	view   *Site
	said   func(t *theme.Theme) []string // the parts of the line of numbers, where they are no change
}

// stackOf is a stack and what it changed by.
type stackOf struct {
	frames []sampler.Frame
	change changeRow
}

func newCompareStack(d *analysis.Diff, row changeRow, alloc bool) *CompareStack {
	s := &CompareStack{
		title: theme.Clean(profile.ShortName(row.name)), row: row, view: NewSite(profile.SiteRow{}), count: 1,
		names: theme.Clean(d.From.Name) + " → " + theme.Clean(d.To.Name),
	}
	if row.site == nil {
		s.stacks = []stackOf{{row.stack, row}}
	} else {
		s.count = row.site.StackCount
		for _, k := range row.site.Stacks {
			c := changeRow{unit: "bytes", from: sampler.Known(k.From.InUseBytes), to: sampler.Known(k.To.InUseBytes), sure: k.Uncertainty}
			if alloc {
				c.from, c.to, c.sure = sampler.Known(k.From.AllocBytes), sampler.Known(k.To.AllocBytes), k.AllocUncertainty
			}
			s.stacks = append(s.stacks, stackOf{k.Frames, c})
		}
	}
	s.view.row.Stack = s.stacks[0].frames
	return s
}

// Title implements Screen.
func (s *CompareStack) Title() string { return s.title }

// Place implements Screen.
func (s *CompareStack) Place() keys.Place { return keys.InCompareStack }

// Mode implements Screen.
func (s *CompareStack) Mode() Mode { return Normal }

// Why implements Screen.
func (s *CompareStack) Why(_ *State, id keys.ID) string {
	if (id == keys.StackBefore || id == keys.StackAfter) && len(s.stacks) < 2 {
		return "there is no other stack"
	}
	return ""
}

// Update implements Screen.
func (s *CompareStack) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard: // a comparison stays as it is
		return nil
	case Size:
		s.view.rows = msg.Height
		return s.view.choose(st, s.view.frame)
	case Act:
		switch msg.ID {
		case keys.StackBefore:
			return s.turn(st, s.at-1)
		case keys.StackAfter:
			return s.turn(st, s.at+1)
		}
	}
	return s.view.Update(st, msg)
}

// turn shows another stack.
func (s *CompareStack) turn(st *State, to int) tea.Cmd {
	s.at = (to + len(s.stacks)) % len(s.stacks)
	s.view.row.Stack = s.stacks[s.at].frames
	return s.view.choose(st, 0)
}

// View implements Screen.
func (s *CompareStack) View(st *State, width, height int) string {
	facts := theme.Pad(s.facts(st.Theme, width), width)
	return s.view.below(st, facts, width, height)
}

// facts is the line of numbers: of the line of the comparison, and of the stack where there are several.
func (s *CompareStack) facts(t *theme.Theme, width int) string {
	word := func(label string, r *changeRow) string {
		r.apart = !r.change().OK || math.Abs(r.change().Value) <= r.sure
		c := r.changeCell(t)
		text := t.Label.Render(label) + c.Style.Render(strings.TrimSpace(c.Text))
		if r.sure > 0 {
			text += t.Label.Render(" ± " + unit.Bytes(r.sure))
		}
		return text
	}
	if s.said != nil {
		return factsLine(t, s.said(t), width)
	}
	row := s.row
	from, to := figure(t, row.from, row.unit, t.Value), figure(t, row.to, row.unit, t.Strong)
	parts := []string{word("", &row), from.Style.Render(from.Text) + t.Faint.Render(" → ") + to.Style.Render(to.Text)}
	if len(s.stacks) > 1 {
		stack := s.stacks[s.at].change
		parts = append(parts, t.Label.Render(fmt.Sprintf("stack %d of %d ", s.at+1, s.count))+word("", &stack))
	}
	parts = append(parts, t.Label.Render(s.names))
	return factsLine(t, parts, width)
}
