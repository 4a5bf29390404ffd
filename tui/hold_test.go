package tui

import (
	"context"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func startedWith(t *testing.T, o samplertest.Options, readings int) *harness {
	t.Helper()
	h := newHarness(t, theme.Plain(), newFakeWatch(o))
	h.resize(120, 36)
	h.read(readings)
	return h
}

func collections(t *testing.T, h *harness) float64 {
	t.Helper()
	h.read(1)
	n, ok := h.m.st.Live().Snapshot.Get(sampler.GoCyclesTotal)
	if !ok {
		t.Fatal("the number of collections is not known")
	}
	return n
}

func TestNothingIsWrittenUnlessThePersonSaysYes(t *testing.T) {
	for _, key := range []string{"n", "esc", "enter", "q", "g", "x", "Y", "up"} {
		h := startedWith(t, samplertest.Options{Asks: true, Step: time.Millisecond}, 10)
		before := collections(t, h)
		h.press("g")
		h.mustShow(t, "? write 8 bytes into process 4242 to make it collect?  y yes  n no")
		h.press(key)
		h.mustShow(t, "nothing was written")
		if h.quit {
			t.Errorf("%q as an answer ended the dashboard", key)
		}
		if after := collections(t, h); after != before {
			t.Errorf("%q made the program collect", key)
		}
	}
	h := startedWith(t, samplertest.Options{Asks: true, Step: time.Millisecond}, 10)
	before := collections(t, h)
	h.press("g", "y")
	if after := collections(t, h); after != before+1 {
		t.Errorf("%v collections after yes, want %v", after, before+1)
	}
	h.read(4)
	h.mustShow(t, "freed ")
}

func TestAPasteIsNoConsent(t *testing.T) {
	h := startedWith(t, samplertest.Options{Asks: true}, 10)
	h.press("g")
	msg := keyMsg("y")
	msg.Paste = true
	h.send(msg)
	h.mustShow(t, "nothing was written")
}

func TestKeysThatComeInOnePieceAreTakenOneByOne(t *testing.T) {
	h := startedWith(t, samplertest.Options{Asks: true}, 10)
	before := collections(t, h)
	h.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("2/chos")})
	h.mustShow(t, "▸2 Processes")
	h.mustShow(t, "chos")
	h.press("esc")
	h.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("1gy")})
	h.mustShow(t, "▸1 Memory")
	if after := collections(t, h); after > before+1 {
		t.Errorf("a key that nobody read the question before agreed to it")
	}
}

func TestAPausedScreenDoesNotPromiseWhatItWillNotShow(t *testing.T) {
	for key, want := range map[string]string{"2": "The process table was not read before the screen was frozen", "v": "The goroutines were not read before the screen was frozen"} {
		h := startedWith(t, samplertest.Options{}, 10)
		h.press("p", key)
		h.read(3)
		h.mustShow(t, want)
	}
}

func TestAQuestionThatCannotBeReadIsNotAsked(t *testing.T) {
	for _, size := range [][2]int{{39, 24}, {120, 3}} {
		h := startedWith(t, samplertest.Options{Asks: true}, 10)
		before := collections(t, h)
		h.resize(size[0], size[1])
		h.press("g", "y")
		h.resize(120, 36)
		h.mustShow(t, "too small to ask")
		if after := collections(t, h); after > before+1 {
			t.Errorf("at %v the program was made to collect without a question that could be read", size)
		}
	}
}

func TestRecordingOfSitesIsSwitchedOnAfterYes(t *testing.T) {
	h := startedWith(t, samplertest.Options{Asks: true, NoSites: true}, 10)
	h.mustShow(t, "records no allocation stacks", "P makes it record them from now on", "P record sites")
	h.press("P")
	h.mustShow(t, "? write 8 bytes into process 4242 to make it record allocation sites?")
	h.press("n")
	h.read(10)
	h.mustShow(t, "records no allocation stacks")
	h.press("P", "y")
	h.mustShow(t, "what is allocated from now on is recorded")
	h.read(10)
	h.mustShow(t, "cache.(*LRU).Add")
	h.mustHide(t, "P record sites")
}

func TestRecordingWithoutTheFlagSaysWhatPermitsIt(t *testing.T) {
	h := startedWith(t, samplertest.Options{NoSites: true}, 10)
	h.mustShow(t, "With --allow-write the key P makes it record them", "w shows who holds")
	h.press("P")
	h.mustShow(t, "! P ", "writes 8 bytes into the program, which --allow-write permits")
}

func TestOneWalkAnswersForEverySite(t *testing.T) {
	h := startedWith(t, samplertest.Options{}, 10)
	walks := 0
	h.watch.session = counting{h.watch.Fake, &walks}
	h.press("w")
	h.mustShow(t, "Who holds cache.(*LRU).Add", "main.srv")
	h.press("esc", "down", "enter", "w")
	h.mustShow(t, "Who holds store.(*Index).insert")
	if walks != 1 {
		t.Errorf("the heap was walked %d times for two sites", walks)
	}
	h.press("w")
	if walks != 2 {
		t.Errorf("w on the screen walked the heap %d times in all, want 2", walks)
	}
	h.press("enter")
	h.mustShow(t, "w walks it again")
}

type counting struct {
	*samplertest.Fake
	walks *int
}

func (c counting) Walk(ctx context.Context, o sampler.WalkOptions) (sampler.HeapWalk, error) {
	*c.walks++
	return c.Fake.Walk(ctx, o)
}

func TestASwappedTargetIsWalkedOnlyWhenForced(t *testing.T) {
	h := startedWith(t, samplertest.Options{Swapped: 1 << 20}, 10)
	h.press("w")
	h.mustShow(t, "1024 kB of it are swapped out", "Enter walks all the same")
	h.press("enter")
	h.mustShow(t, "global main.srv")
}

func TestWhatCannotBeWalkedSaysWhy(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.watch.session = plainSession{h.watch.Fake}
	h.resize(120, 36)
	h.run(h.m.Init())
	h.read(10)
	h.press("w")
	h.mustShow(t, "! w this source cannot follow pointers")
}

// plainSession has no ability but to be read and to tell its sites.
type plainSession struct{ f *samplertest.Fake }

func (p plainSession) Read(ctx context.Context, s *sampler.Snapshot) error { return p.f.Read(ctx, s) }
func (p plainSession) Close() error                                        { return nil }
func (p plainSession) HeapProfile(ctx context.Context) (sampler.Profile, error) {
	return p.f.HeapProfile(ctx)
}

// Late news of a walk that was stopped, or of another target, changes nothing.
func TestNewsOfAStoppedWalkIsNotHeard(t *testing.T) {
	h := startedWith(t, samplertest.Options{}, 10)
	h.m.startWalk(false)
	old := h.m.walk
	h.send(tab.StopWalk{})
	h.send(walkProgressMsg{old, sampler.WalkProgress{Part: 0.5}})
	h.send(walkedMsg{walk: old, result: &sampler.HeapWalk{Reached: 1}})
	if w := &h.m.st.Walk; w.Running || w.Last != nil {
		t.Errorf("after a stopped walk: %+v", w)
	}
	h.m.startWalk(false)
	old = h.m.walk
	h.send(openedMsg{watch: newFakeWatch(samplertest.Options{Name: "other"})})
	h.send(walkedMsg{walk: old, result: &sampler.HeapWalk{Reached: 1}})
	if w := &h.m.st.Walk; w.Running || w.Last != nil || h.m.walk != nil {
		t.Errorf("a walk over the old target is shown for the new one: %+v", w)
	}
}
