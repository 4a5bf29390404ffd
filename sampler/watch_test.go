package sampler

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a session whose n-th reading is what read does. It notes when it is used, and fails the test when it is
// used twice at once.
type scripted struct {
	t     *testing.T
	read  func(ctx context.Context, n int, s *Snapshot) error
	times []time.Duration // of readings, since start
	start time.Time
	inUse atomic.Bool
}

func (s *scripted) Read(ctx context.Context, into *Snapshot) error {
	if s.inUse.Swap(true) {
		s.t.Error("a reading while the session is in use")
	}
	defer s.inUse.Store(false)
	n := len(s.times)
	s.times = append(s.times, time.Since(s.start))
	into.Reset(time.Now())
	into.Add(ProcessRSS, float64(n))
	if s.read == nil {
		return nil
	}
	return s.read(ctx, n, into)
}

func (*scripted) Close() error   { return nil }
func (*scripted) Describe() Info { return Info{Name: "scripted"} }

// watch runs a watcher over s until for has passed, in a bubble, with more going on beside it.
func watch(t *testing.T, s *scripted, o WatchOptions, length time.Duration, beside func(*Watcher, func(time.Duration))) (events []Event, err error) {
	t.Helper()
	s.t, s.start = t, time.Now()
	w := NewWatcher(s, o)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	if beside != nil {
		go beside(w, func(at time.Duration) { time.Sleep(time.Until(s.start.Add(at))) })
	}
	err = w.Run(ctx, func(e Event) { events = append(events, e) })
	return events, err
}

func wantTimes(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("read at %v, want %v", got, want)
	}
}

const ms = time.Millisecond

func TestWatcherReadsAtOnceAndOnAGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{read: func(_ context.Context, n int, _ *Snapshot) error {
			time.Sleep(time.Duration(n) * 100 * ms) // must not shift the grid
			return nil
		}}
		events, err := watch(t, s, WatchOptions{Interval: time.Second}, 3500*ms, nil)
		if err != nil {
			t.Errorf("ended with %v", err)
		}
		wantTimes(t, s.times, 0, 1000*ms, 2000*ms, 3000*ms)
		for i, e := range events {
			if v, ok := e.Snapshot.Get(ProcessRSS); !ok || v != float64(i) || e.Info.Name != "scripted" {
				t.Errorf("event %d holds %v of %q: want the reading, its own", i, v, e.Info.Name)
			}
		}
	})
}

func TestWatcherSkipsWhatItMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{read: func(_ context.Context, n int, _ *Snapshot) error {
			if n == 1 {
				time.Sleep(2300 * ms)
			}
			return nil
		}}
		_, _ = watch(t, s, WatchOptions{Interval: time.Second}, 5500*ms, nil)
		wantTimes(t, s.times, 0, 1000*ms, 4000*ms, 5000*ms)
	})
}

func TestWatcherChangesTheIntervalAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		_, _ = watch(t, s, WatchOptions{Interval: time.Hour}, 8500*ms, func(w *Watcher, until func(time.Duration)) {
			until(2500 * ms)
			w.SetInterval(time.Second) // the last reading is longer ago than that
			until(4200 * ms)
			w.SetInterval(3 * time.Second)
			until(5000 * ms)
			w.SetInterval(2 * time.Second)
		})
		wantTimes(t, s.times, 0, 2500*ms, 3500*ms, 5500*ms, 7500*ms)
	})
}

func TestWatcherLimitsTheInterval(t *testing.T) {
	w := NewWatcher(&scripted{}, WatchOptions{})
	for _, c := range []struct{ set, want time.Duration }{{0, MinInterval}, {-time.Second, MinInterval}, {2 * time.Hour, MaxInterval}, {time.Minute, time.Minute}} {
		if w.SetInterval(c.set); w.Interval() != c.want {
			t.Errorf("%v is taken as %v, want %v", c.set, w.Interval(), c.want)
		}
	}
}

func TestWatcherReadsAtOnceThoughTheIntervalWasSetBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{t: t, start: time.Now()}
		w := NewWatcher(s, WatchOptions{})
		w.SetInterval(10 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		_ = w.Run(ctx, func(Event) {})
		wantTimes(t, s.times, 0, 10*time.Second)
	})
}

func TestWatcherDoRunsBetweenReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{read: func(context.Context, int, *Snapshot) error { time.Sleep(400 * ms); return nil }}
		sentinel := errors.New("said f")
		var ran time.Duration
		_, _ = watch(t, s, WatchOptions{Interval: time.Second}, 3100*ms, func(w *Watcher, until func(time.Duration)) {
			until(100 * ms) // while the first reading goes on
			err := w.Do(t.Context(), func(_ context.Context, got Session) error {
				ran = time.Since(s.start)
				if got != Session(s) || s.inUse.Swap(true) {
					t.Error("f does not have the session to itself")
				}
				time.Sleep(900 * ms)
				s.inUse.Store(false)
				return sentinel
			})
			if !errors.Is(err, sentinel) {
				t.Errorf("Do returned %v, want f's error", err)
			}
		})
		if ran != 400*ms {
			t.Errorf("f ran at %v, want it after the reading, at 400ms", ran)
		}
		// The reading of 1 s waited for f and came at once after it.
		wantTimes(t, s.times, 0, 1300*ms, 2000*ms, 3000*ms)
	})
}

func TestWatcherDoGivesUpWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		type key struct{}
		_, _ = watch(t, s, WatchOptions{Interval: time.Second}, 5*time.Second-ms, func(w *Watcher, until func(time.Duration)) {
			until(500 * ms)
			ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "v"), time.Second)
			defer cancel()
			err := w.Do(ctx, func(ctx context.Context, _ Session) error {
				if ctx.Value(key{}) != "v" {
					t.Error("f has another context than its caller's")
				}
				<-ctx.Done()
				return ctx.Err()
			})
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(s.start) != 1500*ms {
				t.Errorf("Do returned %v after %v", err, time.Since(s.start))
			}
		})
		wantTimes(t, s.times, 0, 1500*ms, 2000*ms, 3000*ms, 4000*ms)
	})
}

func TestWatcherDoAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &Gone{At: time.Now(), Signal: "SIGKILL"}
		s := &scripted{t: t, start: time.Now(), read: func(context.Context, int, *Snapshot) error { return gone }}
		w := NewWatcher(s, WatchOptions{})
		_ = w.Run(t.Context(), func(Event) {})
		if err := w.Do(t.Context(), func(context.Context, Session) error { return nil }); !errors.Is(err, gone) {
			t.Errorf("Do returned %v, want how the target ended", err)
		}
		if err := w.Run(t.Context(), func(Event) {}); err == nil {
			t.Error("Run ran twice")
		}
	})
}

func TestWatcherEndsWhenTheTargetDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &Gone{At: time.Now(), ExitCode: Known(3)}
		s := &scripted{read: func(_ context.Context, n int, _ *Snapshot) error {
			if n == 2 {
				return fmt.Errorf("read process 1: %w", gone)
			}
			return nil
		}}
		events, err := watch(t, s, WatchOptions{Interval: time.Second}, time.Hour, nil)
		if !errors.Is(err, ErrGone) || time.Since(s.start) != 2*time.Second {
			t.Errorf("ended with %v after %v", err, time.Since(s.start))
		}
		last := events[len(events)-1]
		if len(events) != 3 || !errors.Is(last.Err, err) || last.Snapshot != nil || last.Info.Name != "scripted" {
			t.Errorf("%d events, the last %+v: want the end as the third", len(events), last)
		}
	})
}

func TestWatcherGoesOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{read: func(_ context.Context, n int, _ *Snapshot) error {
			switch n {
			case 1:
				return ErrPermission
			case 2:
				panic("boom")
			case 3:
				runtime.Goexit()
			}
			return nil
		}}
		events, err := watch(t, s, WatchOptions{Interval: time.Second}, 4500*ms, nil)
		if err != nil || len(events) != 5 {
			t.Fatalf("%d events, ended with %v; want 5", len(events), err)
		}
		var p *Panic
		if !errors.Is(events[1].Err, ErrPermission) || !errors.As(events[2].Err, &p) || p.Value != "boom" || len(p.Stack) == 0 || events[3].Err == nil {
			t.Errorf("errors are %v, %v, %v", events[1].Err, events[2].Err, events[3].Err)
		}
		if events[4].Err != nil || events[4].Snapshot == nil {
			t.Errorf("the reading after the errors is %+v", events[4])
		}
	})
}

func TestWatcherCutsAHangingReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{read: func(ctx context.Context, n int, _ *Snapshot) error {
			if n == 1 {
				<-ctx.Done()
				return fmt.Errorf("read endpoint: %w", ctx.Err())
			}
			return nil
		}}
		events, _ := watch(t, s, WatchOptions{Interval: time.Second, Timeout: 2500 * ms}, 4500*ms, nil)
		wantTimes(t, s.times, 0, 1000*ms, 4000*ms)
		if len(events) != 3 || !errors.Is(events[1].Err, context.DeadlineExceeded) {
			t.Errorf("%d events: %v; want the second to be the timeout", len(events), events)
		}
	})
}

func TestWatcherOutlivesASessionThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &scripted{read: func(_ context.Context, n int, _ *Snapshot) error {
			if n == 1 {
				<-release
			}
			return nil
		}}
		events, err := watch(t, s, WatchOptions{Interval: time.Second, Timeout: 2 * time.Second}, 9*time.Second, func(w *Watcher, until func(time.Duration)) {
			until(4 * time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := w.Do(ctx, func(context.Context, Session) error { t.Error("f ran beside a reading"); return nil }); err == nil {
				t.Error("Do did not give up")
			}
		})
		if took := time.Since(s.start); err != nil || took != 10*time.Second {
			t.Errorf("ended with %v after %v, want a second after the end of its context", err, took)
		}
		close(release) // the bubble must be empty at its end
		synctest.Wait()
		wantTimes(t, s.times, 0, 1000*ms)
		if len(events) != 4 { // the reading, then an error at 3.1 s and every 2 s
			t.Errorf("%d events, want 4", len(events))
		}
		for _, e := range events[1:] {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				t.Errorf("event %+v, want a timeout", e)
			}
		}
	})
}

func TestWatcherHandsOutSnapshotsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{}
		events, _ := watch(t, s, WatchOptions{Interval: time.Second}, 3500*ms, nil)
		for i, e := range events {
			if v, _ := e.Snapshot.Get(ProcessRSS); v != float64(i) {
				t.Errorf("event %d holds reading %v afterwards", i, v)
			}
		}
	})
}

func TestWatcherTellsItsCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{read: func(_ context.Context, n int, s *Snapshot) error {
			if n < 60 {
				time.Sleep(100 * ms)
				s.Took = 100 * ms
			}
			return nil
		}}
		events, _ := watch(t, s, WatchOptions{Interval: time.Second}, 150*time.Second, nil)
		for _, c := range []struct {
			at        int
			low, high float64
		}{{0, .09, .11}, {30, .09, .11}, {59, .09, .11}, {89, .03, .07}, {140, 0, 0}} {
			if got := events[c.at].Cost; got < c.low || got > c.high {
				t.Errorf("after %d s the cost is %v, want %v to %v", c.at, got, c.low, c.high)
			}
		}
	})
}
