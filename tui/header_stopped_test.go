package tui

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// A program that stands still looks like one whose memory is steady: the header says the difference.
func TestTheHeaderSaysThatTheTargetIsStopped(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	hear := func(second int, warnings ...error) {
		s := &sampler.Snapshot{Time: samplertest.DefaultStart().Add(time.Duration(second) * time.Second)}
		s.Add(sampler.ProcessRSS, 76.7e6)
		s.Warnings = warnings
		h.send(eventMsg{watch: h.m.watchID, at: s.Time, event: sampler.Event{Info: sampler.Info{Name: "shop", PID: 7}, Snapshot: s}, open: true})
	}
	live := fmt.Errorf("process 7 is %w", sampler.ErrStopped)
	hear(1, errors.New("swap was not read"))
	h.mustShow(t, "● live 1s")
	h.mustHide(t, "stopped")
	for i, warning := range []error{live, errors.New(live.Error())} { // of a recording there are the words only
		hear(2+2*i, errors.New("swap was not read"), warning)
		for _, size := range sizes() {
			h.resize(size[0], size[1])
			h.mustShow(t, "! target stopped (SIGSTOP)")
			h.mustHide(t, "● live")
		}
		h.resize(40, 12)
		h.mustShow(t, "! stopped")
		h.resize(120, 36)
		hear(3 + 2*i)
		h.mustShow(t, "● live 1s")
		h.mustHide(t, "stopped")
	}
}

func TestAnErrorWithALongPathShowsItsCause(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(100, 30)
	h.m.say("write snapshot /home/somebody/.local/state/heaptop/snapshots/of/a/long/evening/shop-4242-20261122T084303.heapsnap: no space left on device", true)
	h.send(nil)
	h.mustShow(t, "! write snapshot /home/", "T084303.heapsnap: no space left on device")
}
