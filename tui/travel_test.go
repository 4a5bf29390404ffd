package tui

import (
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func TestTimeMovesOnAllTabsAtOnce(t *testing.T) {
	h := started(t, 200)
	h.press("left")
	h.mustShow(t, "! ← moves in time while the screen is paused: p pauses it")
	h.press("p", "left", "left")
	h.mustShow(t, "‖ 11:10:27, 2s ago", "│")
	h.press("pgup")
	h.mustShow(t, "‖ 11:09:27, 1m02s ago")
	rss, _ := h.m.st.Data().Snapshot.Get(sampler.ProcessRSS)
	want, ok := h.m.st.History.Series(sampler.ProcessRSS).At(h.m.st.Data().At)
	if !ok || want.Last != rss {
		t.Errorf("RSS of then is %v, the series has %v", rss, want.Last)
	}
	h.mustShow(t, "rss "+unit.Bytes(rss))
	for _, tab := range []string{"3", "2", "v", "esc", "1"} {
		h.press(tab)
		h.mustShow(t, "‖ 11:09:27, 1m02s ago")
	}
	h.read(30)
	h.mustShow(t, "‖ 11:09:27, 1m32s ago")
	h.press("end")
	h.mustShow(t, "‖ 11:10:59")
	h.press("right")
	h.mustShow(t, "· this is the last reading")
	h.press("home")
	h.mustShow(t, "‖ 11:07:10", "this is the first reading that is kept")
	h.press("left")
	h.mustShow(t, "this is the first reading that is kept")
	h.press("esc")
	h.mustShow(t, "● live 1s")
	if got := h.m.st.History.Series(sampler.ProcessRSS).Len(); got != 230 {
		t.Errorf("%d readings in the history after 230", got)
	}
}

func TestAMarkSetInThePastIsWhatNowIsComparedWith(t *testing.T) {
	h := started(t, 300)
	h.press("p", "home", "pgdown", "m")
	h.mustShow(t, "marked: changes count from 11:08:10")
	h.press("left")
	h.mustShow(t, "before mark 1s")
	h.press("p")
	h.mustShow(t, "since mark 3m59s")
	h.press("d")
	h.mustShow(t, "from mark  11:08:10", "to   now   11:12:09", "3m59s later")
}

func TestTheMomentShownIsComparedWithNow(t *testing.T) {
	h := started(t, 300)
	h.press("p", "pgup", "d")
	h.mustShow(t, "from 11:11:09  11:11:09", "to   now", "1m00s later")
	h.press("c")
	h.mustShow(t, "from mark", "to   11:11:09")
	h.press("c")
	h.mustShow(t, "from mark", "to   now", "4m59s later")
}

// Keys pressed faster than moments are read add up.
func TestStepsAddUpWhileAMomentIsRead(t *testing.T) {
	h := started(t, 100)
	h.press("p")
	_, first := h.m.Update(keyMsg("left"))
	for range 5 {
		if _, cmd := h.m.Update(keyMsg("left")); cmd != nil {
			if msg := cmd(); msg != nil {
				t.Fatalf("a second moment is read while the first is: %T", msg)
			}
		}
	}
	h.run(first)
	h.mustShow(t, "‖ 11:08:43, 6s ago")
}

func TestResetEndsThePast(t *testing.T) {
	h := started(t, 100)
	h.press("r")
	h.read(5)
	h.press("p", "home")
	h.mustShow(t, "‖ 11:08:49")
	h.press("left")
	h.mustShow(t, "‖ 11:08:49", "first reading that is kept")
}

func TestATargetWithoutAPastSaysSo(t *testing.T) {
	w := newFakeWatch(samplertest.Options{})
	h := newHarness(t, theme.Plain(), w)
	h.resize(120, 36)
	h.m.watch = struct{ Watch }{w} // no Recorded
	h.read(10)
	h.press("p", "left")
	h.mustShow(t, "! ← nothing is kept of the past of this target")
	h.press("end", "home")
	h.mustShow(t, "› cache.(*LRU).Add")
}

func TestADeadTargetCanBeGoneBackInAtOnce(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{EndAfter: 6 * time.Minute}))
	h.resize(120, 36)
	h.read(61)
	h.mustShow(t, "■ exited 0")
	h.press("left")
	h.mustShow(t, "‖ 11:08:08")
	h.press("p")
	h.mustShow(t, "■ exited 0")
}

func BenchmarkOneStepBack(b *testing.B) {
	h := newHarness(b, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(400)
	h.press("p")
	b.ReportAllocs()
	for b.Loop() {
		h.press("left", "right")
	}
}
