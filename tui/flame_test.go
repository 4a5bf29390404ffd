package tui

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func flameAt(t *testing.T, w, rows, readings int) *harness {
	t.Helper()
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(w, rows)
	h.read(readings)
	h.press("f")
	return h
}

func TestFlameShowsEveryMeasureOfTheProfile(t *testing.T) {
	h := flameAt(t, 120, 36, 400)
	d := h.m.st.Data()
	j, err := profile.Join(d.Mark.Heap, d.Heap, false)
	if err != nil {
		t.Fatal(err)
	}
	all := j.Total(profile.Filter{})
	for _, want := range []struct {
		title string
		bytes float64
	}{{"in use", all.To.InUseBytes}, {"allocated", all.To.AllocBytes}, {"allocated since mark", all.AllocChange()}} {
		h.mustShow(t, "Flame graph · "+want.title, "all  "+unit.Bytes(want.bytes))
		h.press("i")
	}
	h.mustShow(t, "Flame graph · change since mark", "›~all", "session.(*Manager).remember")
	h.press("i")
	h.mustShow(t, "Flame graph · in use")
}

func TestFlameFollowsTheProfileAndKeepsItsPlace(t *testing.T) {
	h := flameAt(t, 120, 36, 60)
	h.press("end")
	before := h.text()
	h.read(60)
	if h.text() == before {
		t.Error("a minute later the graph is the same")
	}
	h.mustShow(t, "›cache.(*LRU).Add")
	h.press("p")
	frozen := graphOf(h)
	h.read(60)
	if graphOf(h) != frozen {
		t.Error("the graph moves although the screen is paused")
	}
	h.press("p")
	h.read(6)
	if graphOf(h) == frozen {
		t.Error("the graph does not go on after the pause")
	}
}

// graphOf is the screen without header and footer.
func graphOf(h *harness) string {
	lines := strings.Split(h.text(), "\n")
	return strings.Join(lines[headerRows:len(lines)-1], "\n")
}

func TestFlameFromASiteBeginsThere(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(60)
	h.press("down", "enter", "f")
	h.mustShow(t, "›(*Index).ins", "github.com/acme/api/store.(*Index).insert  /src")
	h.press("esc")
	h.mustShow(t, "▸ Stack")
}

func TestFlameClicksSelectAndZoom(t *testing.T) {
	h := flameAt(t, 120, 36, 60)
	x, y := cellOf(t, h, "│main.main")
	click := tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft}
	h.send(click)
	h.mustShow(t, "›main.main")
	h.send(click)
	h.mustHide(t, "http.(*conn).serve")
	h.press("esc")
	h.mustShow(t, "http.(*conn).serve", "Flame graph")
	h.press("esc")
	h.mustHide(t, "Flame graph")
}

// cellOf finds a text on the screen.
func cellOf(t *testing.T, h *harness, text string) (x, y int) {
	t.Helper()
	for y, line := range strings.Split(h.text(), "\n") {
		if before, _, ok := strings.Cut(line, text); ok {
			return len([]rune(before)), y
		}
	}
	t.Fatalf("the screen does not show %q:\n%s", text, h.text())
	return 0, 0
}

func TestFlameSearchFindsAndSaysHowMuch(t *testing.T) {
	h := flameAt(t, 120, 36, 60)
	h.press("/", "s", "t", "o", "r", "e", ".", "enter")
	h.mustShow(t, "›store.Load", "*(*Index)", " store.: 3 found · ")
	h.press("esc")
	h.mustHide(t, " found · ", "*(*Index)")
}

func TestFlameOfAComparison(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(400)
	d := h.m.st.Data()
	j, err := profile.Join(d.Mark.Heap, d.Heap, false)
	if err != nil {
		t.Fatal(err)
	}
	h.send(tab.Push{Screen: tab.NewFlameOf(j, "a \x1b[31m→ b")})
	h.mustShow(t, "Flame graph · a → b · change since mark", "+session.(*Manager).remember")
	before := graphOf(h)
	h.read(60)
	if graphOf(h) != before {
		t.Error("a comparison of two profiles changes while the target is watched")
	}
}

func TestFlameSaysWhyThereIsNone(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{Plain: true}))
	h.resize(120, 36)
	h.read(20)
	h.press("f")
	h.mustShow(t, "! f there are no allocation sites to draw")
	h = flameAt(t, 120, 36, 20)
	h.press("m", "i", "i", "i")
	h.mustShow(t, "Nothing changed since the mark")
}
