package tab

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/tui/theme"
)

func typed(text string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text)} }

func TestInputEditsLikeALineOfAShell(t *testing.T) {
	var in Input
	for _, step := range []struct {
		key  tea.KeyMsg
		want string
	}{
		{typed("mem>1gb"), "mem>1gb▏"},
		{tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}, "mem>1gb ▏"},
		{typed("naméx\x1b[31m\u202e"), "mem>1gb naméx[31m▏"},
		{tea.KeyMsg{Type: tea.KeyCtrlW}, "mem>1gb ▏"},
		{typed("ab"), "mem>1gb ab▏"},
		{tea.KeyMsg{Type: tea.KeyLeft}, "mem>1gb a▏b"},
		{tea.KeyMsg{Type: tea.KeyBackspace}, "mem>1gb ▏b"},
		{tea.KeyMsg{Type: tea.KeyHome}, "▏mem>1gb b"},
		{tea.KeyMsg{Type: tea.KeyCtrlV}, "▏mem>1gb b"},
		{tea.KeyMsg{Type: tea.KeyCtrlK}, "▏"},
		{tea.KeyMsg{Type: tea.KeyBackspace}, "▏"},
		{typed("a b"), "a b▏"},
		{tea.KeyMsg{Type: tea.KeyCtrlU}, "▏"},
	} {
		before := in.Text()
		changed := in.Type(step.key)
		if got := in.View(theme.Plain(), 40); got != "filter: "+step.want || changed != (in.Text() != before) {
			t.Errorf("%v: %q, changed %t, want %q", step.key, got, changed, step.want)
		}
	}
}

func TestInputIsBounded(t *testing.T) {
	var in Input
	in.Type(typed(strings.Repeat("世x", 5000)))
	if n := len([]rune(in.Text())); n != inputMost {
		t.Errorf("%d characters", n)
	}
	for width := range 60 {
		if w := ansi.StringWidth(in.View(theme.Plain(), width)); w > width {
			t.Errorf("%d cells of %d", w, width)
		}
	}
}
