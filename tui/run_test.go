package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

const (
	enterAltScreen = "\x1b[?1049h"
	leaveAltScreen = "\x1b[?1049l"
	showCursor     = "\x1b[?25h"
)

// pretend collects what a program writes; any goroutine may read it.
type pretend struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *pretend) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *pretend) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// waitFor waits until the program has written the text.
func (s *pretend) waitFor(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(s.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("the program did not write %q in 20 s:\n%q", text, s.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// loopWatch is a Watch with the real loop over a made-up session.
type loopWatch struct {
	*fakeWatch
	loop   *sampler.Watcher
	events chan sampler.Event
	stop   context.CancelFunc
}

func newLoopWatch(o samplertest.Options) *loopWatch {
	w := newFakeWatch(o)
	ctx, stop := context.WithCancel(context.Background())
	l := &loopWatch{w, sampler.NewWatcher(w, sampler.WatchOptions{Interval: 50 * time.Millisecond}), make(chan sampler.Event, 64), stop}
	go func() {
		defer close(l.events)
		_ = l.loop.Run(ctx, func(e sampler.Event) {
			select {
			case l.events <- e:
			case <-ctx.Done():
			}
		})
	}()
	return l
}

func (l *loopWatch) Events() <-chan sampler.Event { return l.events }
func (l *loopWatch) Do(ctx context.Context, f func(context.Context, sampler.Session) error) error {
	return l.loop.Do(ctx, f)
}
func (l *loopWatch) Close() error { l.stop(); return nil }

// launched runs the dashboard on a made-up terminal; the returned function waits for its end.
func launched(ctx context.Context, t *testing.T, w Watch) (keyboard io.Writer, screen *pretend, end func() error) {
	t.Helper()
	input, keyboard := io.Pipe()
	screen = &pretend{}
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{
			Backend: &fakeBackend{lister: samplertest.NewLister(samplertest.ListerOptions{})}, Watch: w,
			Theme: theme.Plain(), Interval: 50 * time.Millisecond, SnapshotDir: t.TempDir(), Input: input, Output: screen,
		})
	}()
	return keyboard, screen, func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("the dashboard did not end in 20 s")
			return nil
		}
	}
}

func leftAsItWas(t *testing.T, screen *pretend) {
	t.Helper()
	out := screen.String()
	if !strings.Contains(out, enterAltScreen) {
		t.Fatal("the dashboard never took the alternate screen")
	}
	if strings.LastIndex(out, leaveAltScreen) < strings.LastIndex(out, enterAltScreen) {
		t.Error("the dashboard did not leave the alternate screen")
	}
	if !strings.Contains(out[strings.LastIndex(out, enterAltScreen):], showCursor) {
		t.Error("the dashboard did not show the cursor again")
	}
}

func TestRunShowsReadingsAndQuits(t *testing.T) {
	w := newLoopWatch(samplertest.Options{})
	keyboard, screen, end := launched(t.Context(), t, w)
	screen.waitFor(t, "cache.(*LRU).Add")
	if _, err := io.WriteString(keyboard, "q"); err != nil {
		t.Fatal(err)
	}
	if err := end(); err != nil {
		t.Errorf("quitting with q returned %v", err)
	}
	leftAsItWas(t, screen)
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	_, screen, end := launched(ctx, t, newLoopWatch(samplertest.Options{}))
	screen.waitFor(t, "api-server")
	stopped := errors.New("terminated")
	cancel(stopped)
	if err := end(); !errors.Is(err, stopped) {
		t.Errorf("Run returned %v, want the cause of the context's end", err)
	}
	leftAsItWas(t, screen)
}

// panicking is a session whose profile reading has a bug.
type panicking struct{ *samplertest.Fake }

func (panicking) CanCollect() error { panic("a bug in a command") }

func TestAPanicLeavesTheTerminalAsItWas(t *testing.T) {
	w := newFakeWatch(samplertest.Options{})
	w.session = panicking{w.Fake}
	_, screen, end := launched(t.Context(), t, w)
	if err := end(); err == nil {
		t.Error("a panic ended the dashboard without an error")
	}
	leftAsItWas(t, screen)
}

func TestRunWithoutABackendSaysSo(t *testing.T) {
	if err := Run(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "no backend") {
		t.Errorf("got %v", err)
	}
}
