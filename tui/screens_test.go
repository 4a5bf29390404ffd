package tui

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// No line is wider and no screen taller than the terminal, whatever its size and whatever was pressed before.
func TestScreensFitAnyTerminal(t *testing.T) {
	samplertest.NotUnderRace(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, th := range []*theme.Theme{theme.Plain(), colourTheme(true)} {
		for _, o := range []samplertest.Options{{}, {Plain: true}, {EndAfter: 6 * time.Minute}, {Name: hostileName()}} {
			h := newHarness(t, th, newFakeWatch(o))
			for range 60 {
				w, rows := 20+random.IntN(381), 5+random.IntN(96)
				if random.IntN(3) == 0 {
					w, rows = 20+random.IntN(80), 5+random.IntN(20)
				}
				h.resize(w, rows)
				h.read(random.IntN(4))
				h.press(randomKey(random))
				h.send(tea.MouseMsg{X: random.IntN(w), Y: random.IntN(rows), Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
				fits(t, h.screen(), w, rows)
			}
		}
	}
}

// The same holds below the sizes a person can use.
func TestTinyTerminalsDoNotPanic(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.read(20)
	for w := range 24 {
		for rows := range 10 {
			h.resize(w, rows)
			h.press("?", "esc", "l", "esc", "enter", "esc")
			fits(t, h.screen(), max(w, 1), max(rows, 1))
		}
	}
}

func randomKey(r *rand.Rand) string {
	all := keys.Bindings()
	for {
		b := all[r.IntN(len(all))]
		if b.ID != keys.Quit {
			return b.Keys[r.IntN(len(b.Keys))]
		}
	}
}

func hostileName() string {
	return "\x1b[31mred\x1b[0m\r\n\x07\u202egnp.exe\u200b" + strings.Repeat("A", 4000) + "世界\x9b2J"
}

func TestHostileNamesNeverReachTheTerminal(t *testing.T) {
	w := newFakeWatch(samplertest.Options{Name: hostileName()})
	h := newHarness(t, theme.Plain(), w)
	h.resize(120, 36)
	h.read(10)
	for _, pressed := range [][]string{{}, {"l"}, {"esc", "?"}, {"esc", "enter"}} {
		h.press(pressed...)
		screen := h.screen()
		for _, bad := range []string{"\x1b", "\r", "\x07", "\u202e", "\u200b", "\x9b"} {
			if strings.Contains(screen, bad) {
				t.Errorf("after %q the screen holds %q", pressed, bad)
			}
		}
		fits(t, screen, 120, 36)
	}
}

// What a script prints as an error may hold anything as well.
func TestHostileErrorsAreCleaned(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{
		Script: func(_ context.Context, n int) error {
			if n > 2 {
				return errors.New("read \x1b]0;owned\x07: connection refused\nsecond line")
			}
			return nil
		},
	}))
	h.resize(120, 36)
	h.read(4)
	h.mustShow(t, "! not read", "connection refused")
	if strings.ContainsAny(h.screen(), "\x1b\x07") {
		t.Errorf("escape codes on the screen: %q", h.screen())
	}
}

// A frame that nothing changed is the very same string, so that nothing is written to the terminal.
func TestNothingIsDrawnWhenNothingChanged(t *testing.T) {
	h := newHarness(t, colourTheme(true), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(8) // the next heap profile is due two seconds later
	before := h.screen()
	allocs := testing.AllocsPerRun(10, func() { h.m.View() })
	h.wait(time.Second)
	if h.m.dirty {
		t.Error("a second in which nothing was read made the frame stale")
	}
	if h.screen() != before || allocs != 0 {
		t.Errorf("an unchanged frame was drawn again, with %v allocations", allocs)
	}
}

// A frame makes a bounded amount of garbage, whatever the size of the terminal.
func TestAFrameAllocatesLittle(t *testing.T) {
	h := newHarness(t, colourTheme(true), newFakeWatch(samplertest.Options{}))
	h.resize(200, 60)
	h.read(100)
	allocs := testing.AllocsPerRun(20, func() {
		h.m.dirty = true
		h.m.st.Version++
		h.m.View()
	})
	if allocs > 3000 {
		t.Errorf("%v allocations for one frame at 200x60", allocs)
	}
}

func TestNoColourMeansNoEscapeCode(t *testing.T) {
	for _, pressed := range []string{"", "?", "l", "enter", "p"} {
		h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
		h.resize(100, 30)
		h.read(10)
		h.press(pressed)
		if strings.Contains(h.screen(), "\x1b") {
			t.Errorf("an escape code after %q", pressed)
		}
	}
}

// Meaning is never carried by colour alone: without colours the screens still differ by their signs.
func TestStatesDifferWithoutColour(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.mustShow(t, "○ first reading")
	h.read(3)
	h.mustShow(t, "● live 1s")
	h.press("p")
	h.mustShow(t, "‖ paused 11:07:12")
	h.press("p")
	h.wait(9 * time.Second)
	h.mustShow(t, "◌ stale 9s")
	h.send(eventMsg{watch: h.m.watchID, at: h.m.st.Now, open: false})
	h.mustShow(t, "■ ended at", "last values shown")
}

func BenchmarkFrame(b *testing.B) {
	for _, size := range sizes() {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			h := newHarness(b, colourTheme(true), newFakeWatch(samplertest.Options{}))
			h.resize(size[0], size[1])
			h.read(400)
			b.ReportAllocs()
			for b.Loop() {
				h.m.dirty = true
				h.m.st.Version++
				if ansi.StringWidth(h.m.View()) == 0 {
					b.Fatal("nothing was drawn")
				}
			}
		})
	}
}

// BenchmarkReading is what one reading costs the dashboard: its history, its judgement, its frame.
func BenchmarkReading(b *testing.B) {
	h := newHarness(b, colourTheme(true), newFakeWatch(samplertest.Options{}))
	h.resize(200, 60)
	h.read(400)
	var s sampler.Snapshot
	if err := h.watch.Read(context.Background(), &s); err != nil {
		b.Fatal(err)
	}
	at := s.Time
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Second)
		snap := s.Clone()
		snap.Time = at
		h.m.st.Hear(at, sampler.Event{Info: h.watch.Describe(), Snapshot: snap})
		h.m.dirty = true
		h.m.View()
	}
}
