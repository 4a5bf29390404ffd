package tui

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// sizes are the terminals that screens are looked at on.
func sizes() [][2]int { return [][2]int{{80, 24}, {120, 36}, {200, 60}} }

func colourTheme(dark bool) *theme.Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(termenv.TrueColor)
	return theme.New(r, dark)
}

// story is a state of the dashboard that a golden screen shows.
type story struct {
	name  string
	watch samplertest.Options
	tell  func(h *harness)
}

func stories() []story {
	return []story{
		{"memory", samplertest.Options{}, func(h *harness) { h.read(400) }},
		{"memory-paused", samplertest.Options{}, func(h *harness) { h.read(300); h.press("p"); h.read(60) }},
		{"memory-dead", samplertest.Options{EndAfter: 8 * time.Minute, End: &sampler.Gone{
			At: samplertest.DefaultStart().Add(8 * time.Minute), Signal: "SIGKILL", OOM: true,
		}}, func(h *harness) { h.read(181) }},
		{"memory-notgo", samplertest.Options{Plain: true}, func(h *harness) { h.read(100) }},
		{"memory-start", samplertest.Options{}, func(*harness) {}},
		{"memory-stale", samplertest.Options{}, func(h *harness) { h.read(30); h.wait(7 * time.Second) }},
		{"memory-allocated", samplertest.Options{}, func(h *harness) { h.read(100); h.press("i", "down", "down") }},
		{"memory-filter", samplertest.Options{}, func(h *harness) { h.read(100); h.press("/", "b", "u", "f") }},
		{"site", samplertest.Options{}, func(h *harness) { h.read(400); h.press("down", "enter", "down") }},
		{"flame", samplertest.Options{}, func(h *harness) { h.read(400); h.press("f", "down", "down", "down") }},
		{"flame-change", samplertest.Options{}, func(h *harness) { h.read(400); h.press("f", "i", "i", "i", "end") }},
		{"flame-zoom", samplertest.Options{}, func(h *harness) {
			h.read(100)
			h.press("f", "down", "down", "down", "enter", "/", "j", "s", "o", "n", "enter")
		}},
		{"holders", samplertest.Options{}, func(h *harness) { h.read(400); h.press("w") }},
		{"holders-shared", samplertest.Options{}, func(h *harness) { h.read(400); h.press("enter", "w", "down") }},
		{"holders-heap", samplertest.Options{NoSites: true}, func(h *harness) { h.read(400); h.press("w") }},
		{"holders-swapped", samplertest.Options{Swapped: 3_481 << 10}, func(h *harness) { h.read(100); h.press("w") }},
		{"question", samplertest.Options{Asks: true}, func(h *harness) { h.read(100); h.press("g") }},
		{"memory-nosites", samplertest.Options{Asks: true, NoSites: true}, func(h *harness) { h.read(100) }},
		{"compare", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("d") }},
		{"compare-goroutines", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("d", "right", "right") }},
		{"compare-runtime", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("d", "left") }},
		{"compare-filter", samplertest.Options{}, func(h *harness) {
			h.comparable()
			h.press("d", "i", "/", "j", "s", "o", "n")
		}},
		{"compare-stack", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("d", "enter", "down") }},
		{"snapshots", samplertest.Options{}, func(h *harness) { h.written(); h.press("S", " ") }},
		{"snapshots-note", samplertest.Options{}, func(h *harness) { h.written(); h.press("S", "n", "b", "e", "f", "o", "r", "e") }},
		{"snapshots-delete", samplertest.Options{}, func(h *harness) { h.written(); h.press("S", "down", "D") }},
		{"past-memory", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("p", "pgup", "pgup", "left") }},
		{"past-processes", samplertest.Options{}, func(h *harness) {
			h.read(10)
			h.press("2")
			h.read(200)
			h.press("p", "pgup", "pgup")
		}},
		{"past-gc", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("3", "p", "pgup", "pgup", "right") }},
		{"past-goroutines", samplertest.Options{}, func(h *harness) { h.comparable(); h.press("v"); h.read(100); h.press("p", "pgup") }},
		{"trace", samplertest.Options{}, func(h *harness) { h.read(400); h.press("a") }},
		{"help", samplertest.Options{}, func(h *harness) { h.read(10); h.press("?") }},
		{"log", samplertest.Options{}, func(h *harness) { h.read(10); h.press("l"); h.read(2) }},
		{"notice", samplertest.Options{}, func(h *harness) { h.read(10); h.press("p", "r") }},
	}
}

func TestGoldenScreens(t *testing.T) {
	t.Parallel()
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, theme.Plain(), newFakeWatch(s.watch))
			h.resize(120, 36)
			s.tell(h)
			lookAt(t, h, s.name)
		})
	}
	t.Run("memory-notarget", func(t *testing.T) {
		h := newHarness(t, theme.Plain(), nil)
		h.resize(120, 36)
		h.send(tickMsg(samplertest.DefaultStart()))
		h.press("1")
		lookAt(t, h, "memory-notarget")
	})
}

// lookAt compares the screen at every size.
func lookAt(t *testing.T, h *harness, name string) {
	t.Helper()
	for _, size := range sizes() {
		h.resize(size[0], size[1])
		screen := h.screen()
		fits(t, screen, size[0], size[1])
		if strings.Contains(screen, "\x1b") {
			t.Error("an escape code although there are no colours")
		}
		golden(t, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), screen)
	}
}

// The styles are guarded by screens that keep their escape codes.
func TestGoldenColours(t *testing.T) {
	for _, c := range []struct {
		name string
		dark bool
	}{{"colour-dark", true}, {"colour-light", false}} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t, colourTheme(c.dark), newFakeWatch(samplertest.Options{}))
			h.resize(120, 36)
			h.read(400)
			fits(t, h.screen(), 120, 36)
			golden(t, c.name, strings.ReplaceAll(h.screen(), "\x1b", "␛"))
		})
	}
}
