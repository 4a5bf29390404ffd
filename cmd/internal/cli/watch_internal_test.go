//go:build unix

package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// counting is a session whose readings carry their number, until it ends after so many.
type counting struct {
	n, last int
	closed  bool
}

func (c *counting) Read(_ context.Context, s *sampler.Snapshot) error {
	s.Reset(time.Now())
	c.n++
	if c.n > c.last {
		return &sampler.Gone{At: time.Now()}
	}
	s.Add(sampler.ProcessRSS, float64(c.n))
	return nil
}

func (c *counting) Close() error { c.closed = true; return nil }

func TestSlowReceiverLosesOlderEventsNeverTheLast(t *testing.T) {
	session := &counting{last: 3 * eventsKept}
	w := newWatch(t.Context(), &opened{session: session, kind: sampler.KindProcess}, newKeeper(&opened{}, nil, ""), time.Millisecond)
	w.SetInterval(sampler.MinInterval)
	<-w.done // nobody received
	var got []sampler.Event
	for ev := range w.Events() {
		got = append(got, ev)
	}
	if len(got) != eventsKept {
		t.Fatalf("%d events are left, want %d", len(got), eventsKept)
	}
	if !errors.Is(got[len(got)-1].Err, sampler.ErrGone) {
		t.Errorf("the last event is not the end: %+v", got[len(got)-1])
	}
	before := 0.0
	for _, ev := range got[:len(got)-1] {
		v, _ := ev.Snapshot.Get(sampler.ProcessRSS)
		if v <= before {
			t.Fatalf("reading %g comes after %g", v, before)
		}
		before = v
	}
	if !session.closed {
		t.Error("the session was not closed")
	}
}

func TestCloseEndsTheWatchAndTheEvents(t *testing.T) {
	session := &counting{last: 1 << 30}
	w := newWatch(t.Context(), &opened{session: session, kind: sampler.KindProcess}, newKeeper(&opened{}, nil, ""), time.Hour)
	<-w.Events()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-w.Events(); open {
		t.Error("an event after Close")
	}
	if !session.closed {
		t.Error("the session was not closed")
	}
	if err := w.Do(t.Context(), func(context.Context, sampler.Session) error { return nil }); err == nil {
		t.Error("Do works after Close")
	}
}

// testBackend is a backend over a command, as the dashboard has one.
func testBackend(t *testing.T, command ...string) *backend {
	t.Helper()
	o := &live{
		format: "dashboard", interval: sampler.MinInterval,
		target: sampler.Target{Kind: sampler.KindCommand, Command: command},
		env:    &environment{Streams: Streams{Err: &bytes.Buffer{}, Getenv: os.Getenv}},
	}
	b := newBackend(o)
	t.Cleanup(func() { b.close(t.Context()) })
	return b
}

func TestCommandIsStartedOnceAndFoundAgain(t *testing.T) {
	b := testBackend(t, "sh", "-c", "echo hello; sleep 60")
	first, err := b.Open(t.Context(), b.options.target)
	if err != nil {
		t.Fatal(err)
	}
	pid := first.Info().PID
	if first.Info().Target.Kind != sampler.KindCommand || pid != b.command.PID() {
		t.Errorf("info %+v", first.Info())
	}
	first.Close()
	other, err := b.Open(t.Context(), sampler.Target{Kind: sampler.KindProcess, PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	if other.Output() != nil || other.Info().Target.Kind != sampler.KindProcess || other.Info().PID != os.Getpid() {
		t.Errorf("another process has the command's output: %+v", other.Info())
	}
	other.Close()
	again, err := b.Open(t.Context(), sampler.Target{Kind: sampler.KindProcess, PID: pid})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Output() == nil {
		t.Fatal("the command's output is lost after a look at another process")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		lines, _ := again.Output().Log()
		if len(lines) == 1 && lines[0].Text == "hello" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("output %+v", lines)
		}
	}
}

func TestEndOfACommandIsExact(t *testing.T) {
	b := testBackend(t, "sh", "-c", "sleep 0.3; exit 7")
	w, err := b.Open(t.Context(), b.options.target)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var last sampler.Event
	for ev := range w.Events() {
		last = ev
	}
	var gone *sampler.Gone
	if !errors.As(last.Err, &gone) || !gone.ExitCode.OK || gone.ExitCode.Value != 7 {
		t.Errorf("the end is %v, want exit code 7", last.Err)
	}
	if !strings.HasPrefix(last.Err.Error(), "exited 7 at ") {
		t.Errorf("in words: %s", last.Err)
	}
}

func TestListReadsTheProcessTable(t *testing.T) {
	b := testBackend(t, "true")
	var table sampler.ProcessTable
	if err := b.List(t.Context(), sampler.ListOptions{}, &table); err != nil {
		t.Fatal(err)
	}
	for _, p := range table.Processes {
		if p.PID == os.Getpid() {
			if !p.RSS.OK || p.RSS.Value < 1e6 {
				t.Errorf("this process: %+v", p)
			}
			return
		}
	}
	t.Errorf("this process is not among %d", len(table.Processes))
}
