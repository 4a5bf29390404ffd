package tui

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// chatty is a program that has printed more than a screen.
type chatty struct{}

func (chatty) Log() (lines []sampler.LogLine, dropped int) {
	for i := range 300 {
		lines = append(lines, sampler.LogLine{Time: samplertest.DefaultStart(), Text: fmt.Sprintf("line %d", i)})
	}
	return lines, 7
}

// wayTo is which keys lead from the first screen to a place.
func wayTo() map[keys.Place][]string {
	return map[keys.Place][]string{
		keys.InMemory:     nil,
		keys.InSite:       {"enter"},
		keys.InProcesses:  {"2"},
		keys.InGoroutines: {"v"},
		keys.InStack:      {"v", "enter"},
		keys.InGC:         {"3"},
		keys.InFlame:      {"f"},
		keys.InLog:        {"l"},
		keys.InHelp:       {"?"},
		keys.InHolders:    {"w"},
		keys.InFilter:     {"/", "a"},
		keys.InConfirm:    {"g"},

		keys.InPast:         {"p"},
		keys.InCompare:      {"d"},
		keys.InCompareStack: {"d", "enter"},
		keys.InSnapshots:    {"S"},
		keys.InTrace:        {"a"},
		keys.InFindings:     {"!"},
		keys.InFinding:      {"!", "enter"},
	}
}

// at reaches a place on a terminal small enough for everything to scroll.
func at(t *testing.T, place keys.Place) *harness {
	t.Helper()
	w := newFakeWatch(samplertest.Options{Asks: place == keys.InConfirm})
	w.output = chatty{}
	h := newHarness(t, theme.Plain(), w)
	h.resize(80, 16)
	if place == keys.InStack {
		h.resize(80, 8)
	}
	h.read(12)
	switch place {
	case keys.InSnapshots:
		h.press("s", "s", "p", "esc")
		h.send(tab.Notice{})
	case keys.InPast, keys.InCompare:
		h.read(20)
	}
	if place == keys.InFindings || place == keys.InFinding {
		h.find(40)
	}
	h.press(wayTo()[place]...)
	h.read(6) // what the screen asks for arrives
	if got := h.m.top().Place(); got != place && !slices.Contains([]keys.Place{keys.InFilter, keys.InConfirm, keys.InPast}, place) {
		t.Fatalf("%q lead to %s, not to %s", wayTo()[place], got, place)
	}
	return h
}

// prepare brings a screen to where the action has something to do.
func prepare(h *harness, id keys.ID) {
	switch id {
	case keys.Up, keys.PageUp, keys.Home:
		h.press("end")
	case keys.Down, keys.PageDown, keys.End:
		h.press("home")
	case keys.FlameZoom:
		h.press("end")
	case keys.FlameRight:
		h.press("down")
	case keys.FlameLeft:
		h.press("down", "right")
	case keys.FlameNext:
		h.press("/", "s", "e", "r", "enter")
	case keys.Later, keys.PageLate:
		h.press("p", "home")
	case keys.Last:
		h.press("home")
	case keys.Sides:
		h.press("esc", "p", "left", "d")
	case keys.Back:
		if len(h.m.stack) == 0 {
			h.press("/", "a", "enter")
		}
	}
}

// Every binding does something a person can see, in every place it is listed for.
func TestEveryBindingHasAnEffectInEveryPlace(t *testing.T) {
	t.Parallel()
	own := map[keys.ID]keys.Place{keys.Tab1: keys.InMemory, keys.Tab2: keys.InProcesses, keys.Tab3: keys.InGC}
	for _, p := range keys.Places() {
		if p.Place == keys.Everywhere {
			continue
		}
		for _, b := range keys.In(p.Place) {
			if own[b.ID] == p.Place || (b.ID == keys.Tab1 && p.Place == keys.InPast) || (b.ID == keys.Back && p.Place == keys.InGC) {
				continue // it leads to where one is
			}
			for _, key := range b.Keys {
				t.Run(fmt.Sprintf("%s/%s", p.Place, key), func(t *testing.T) {
					t.Parallel()
					h := at(t, p.Place)
					prepare(h, b.ID)
					before := h.text()
					h.press(key)
					if !h.quit && h.text() == before {
						t.Errorf("%q (%s) changed nothing:\n%s", key, b.ID, before)
					}
				})
			}
		}
	}
}

// A key that is bound nowhere on a screen changes nothing there.
func TestUnboundKeysDoNothing(t *testing.T) {
	for place := range wayTo() {
		if place == keys.InFilter || place == keys.InConfirm {
			continue
		}
		h := at(t, place)
		before := h.text()
		for _, key := range []string{"x", "Z", "ctrl+u", "backspace", "9"} {
			if _, bound := keys.Find(place, key); bound {
				t.Fatalf("%q is bound in %s: choose another for this test", key, place)
			}
			h.press(key)
		}
		if h.text() != before {
			t.Errorf("an unbound key changed %s", place)
		}
	}
}

func TestEveryScreenIsReachedInTwoKeysAndEscLeadsBack(t *testing.T) {
	for place, way := range wayTo() {
		if len(way) > 2 {
			t.Errorf("%s takes %d keys", place, len(way))
		}
		h := at(t, place)
		h.press(slices.Repeat([]string{"esc"}, 3)...)
		if len(h.m.stack) != 0 {
			t.Errorf("three Esc in %s leave %d screens on top", place, len(h.m.stack))
		}
		h.wait(time.Second)
	}
}
