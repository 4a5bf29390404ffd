package tui

import (
	"errors"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// lateEndpoint is a session that can force a collection only once its endpoint was found.
type lateEndpoint struct {
	*samplertest.Fake
	found bool
}

func (l *lateEndpoint) CanCollect() error {
	if l.found {
		return nil
	}
	return errors.New("it takes a pprof endpoint")
}

// The source stays what it was when an endpoint is found beside memory: only what would show more changes.
func TestAbilitiesAreAskedAgainWhenAnEndpointWasFound(t *testing.T) {
	w := newFakeWatch(samplertest.Options{})
	late := &lateEndpoint{Fake: w.Fake}
	w.session = late
	h := newHarness(t, theme.Plain(), w)
	h.resize(120, 36)
	hear := func(hints ...string) {
		info := w.Describe()
		info.Source, info.Hints = "memory", hints
		var s sampler.Snapshot
		if err := w.Read(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		h.send(eventMsg{watch: h.m.watchID, at: s.Time, event: sampler.Event{Info: info, Snapshot: s.Clone()}, open: true})
	}
	hear("to force a collection, serve pprof")
	h.press("g")
	h.mustShow(t, "! g it takes a pprof endpoint")
	late.found = true
	hear()
	h.press("g")
	h.mustShow(t, "forcing a collection")
}

// A busy program fills its heap again before the reading that shows the collection.
func TestFreedIsWhatTheRuntimeCounted(t *testing.T) {
	at := samplertest.DefaultStart()
	reading := func(inUse, allocs, frees float64) *sampler.Snapshot {
		s := &sampler.Snapshot{Time: at}
		s.Add(sampler.GoClassObjects, inUse)
		if allocs > 0 {
			s.Add(sampler.GoHeapAllocs, allocs)
			s.Add(sampler.GoHeapFrees, frees)
		}
		return s
	}
	for _, c := range []struct {
		name          string
		before, after *sampler.Snapshot
		want          string
	}{
		{"refilled", reading(39.1e6, 100e6, 60.9e6), reading(40.9e6, 110e6, 69.1e6), "freed 8.20 MB: heap in use 39.1 MB → 40.9 MB, 10.0 MB allocated meanwhile, in 11ms"},
		{"idle", reading(60e6, 100e6, 40e6), reading(40e6, 100e6, 60e6), "freed 20.0 MB: heap in use 60.0 MB → 40.0 MB, in 11ms"},
		{"nothing dead", reading(60e6, 100e6, 40e6), reading(60e6, 100e6, 40e6), "freed nothing: heap in use 60.0 MB → 60.0 MB, in 11ms"},
		{"without totals", reading(60e6, 0, 0), reading(45e6, 0, 0), "freed 15.0 MB: heap in use 60.0 MB → 45.0 MB, in 11ms"},
		{"unknown", &sampler.Snapshot{}, &sampler.Snapshot{}, "a collection ran, in 11ms"},
	} {
		if got := freed(&tab.Collected{At: at, Took: 11 * time.Millisecond, Before: c.before, After: c.after}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
