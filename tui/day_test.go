package tui

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// watchLong is a dashboard that reads a made-up server with a clock of its own, as fast as it can. It keeps what the
// program keeps: the series, the last minutes, what leaks and the sites.
type watchLong struct {
	h   *harness
	now time.Time
}

func newWatchLong(t testing.TB, every time.Duration) *watchLong {
	t.Helper()
	w := &watchLong{now: samplertest.DefaultStart().Add(samplertest.DefaultAge)}
	watch := newFakeWatch(samplertest.Options{Step: every})
	watch.memory = capture.NewMemory(capture.MemoryOptions{Now: func() time.Time { return w.now }})
	w.h = newHarness(t, theme.Plain(), watch)
	w.h.m.judge = newJudge(judgeRarely) // what it finds takes the place of what it found before
	w.h.resize(120, 36)
	return w
}

// hours lets so many hours pass, and draws once a minute.
func (w *watchLong) hours(t testing.TB, n int, every time.Duration) {
	t.Helper()
	end := w.now.Add(time.Duration(n) * time.Hour)
	drawn := w.now
	for w.now.Before(end) {
		w.h.read(1)
		w.now = w.h.m.st.Now
		// As the program does between two readings.
		if err := capture.Take(context.Background(), w.h.watch.session, w.now, w.h.watch.memory); err != nil {
			t.Fatal(err)
		}
		if w.now.Sub(drawn) >= time.Minute {
			drawn = w.now
			w.h.screen()
		}
	}
}

// liveHeap is what is reachable, in bytes.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

// TestDaysWithoutGrowth: after two days the dashboard holds as much memory as after one, and has started nothing that stays.
// The readings come every half minute of its clock: what is kept is bounded by time and by number, and full after 32 hours.
func TestDaysWithoutGrowth(t *testing.T) {
	samplertest.Full(t)
	samplertest.NotUnderRace(t)
	const every = 30 * time.Second
	base := liveHeap()
	w := newWatchLong(t, every)
	w.hours(t, 2, every)
	early := liveHeap() - base
	w.hours(t, 30, every)
	day, files, routines := liveHeap()-base, openFiles(t), runtime.NumGoroutine()
	w.hours(t, 24, every)
	days := liveHeap() - base
	t.Logf("live heap after 2 h %.2f MB, after 32 h %.2f MB, after 56 h %.2f MB", float64(early)/1e6, float64(day)/1e6, float64(days)/1e6)
	if float64(days) > 1.05*float64(day) {
		t.Errorf("%d bytes are held after a day and %d after two, want the same", day, days)
	}
	if days > 8e6 {
		t.Errorf("%d bytes are held after two days, want 8 MB at most", days)
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d descriptors were open after a day, %d are after two", files, n)
	}
	if n := runtime.NumGoroutine(); n > routines {
		t.Errorf("%d goroutines ran after a day, %d run after two", routines, n)
	}
	runtime.KeepAlive(w)
}

// TestChartsHaveTheirPast: the screens show the same whether the past of all metrics is kept or of those that the dashboard
// keeps: none of them draws another.
func TestChartsHaveTheirPast(t *testing.T) {
	for name, watched := range map[string]func(t *testing.T) (h *harness, read func()){
		"a Go program": func(t *testing.T) (*harness, func()) {
			h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
			return h, func() { h.read(120) }
		},
		"a server": func(t *testing.T) (*harness, func()) {
			m := &madeServer{}
			h := serve(t, m, 0)
			return h, func() { m.read(h, 0, 120) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept, readKept := watched(t)
			all, readAll := watched(t)
			all.m.st.History = sampler.NewHistory()
			readKept()
			readAll()
			for _, size := range [][2]int{{80, 24}, {200, 60}} {
				for _, key := range []string{"1", "2", "3", "T", "esc"} {
					for _, h := range []*harness{kept, all} {
						h.resize(size[0], size[1])
						h.press(key)
					}
					if is, want := kept.text(), all.text(); is != want {
						t.Errorf("after %s the screen is\n%s\nand with the past of all metrics\n%s", key, is, want)
					}
				}
			}
			if n, of := len(kept.m.st.History.Metrics()), len(all.m.st.History.Metrics()); n == 0 || n > of/2 {
				t.Errorf("the past of %d of %d metrics is kept", n, of)
			}
		})
	}
}
