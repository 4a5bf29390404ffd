//go:build unix

package tui

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// keyBytes is what a terminal sends for a key.
func keyBytes(key string) string {
	sent := map[string]string{
		"enter": "\r", "esc": "\x1b", "tab": "\t", "shift+tab": "\x1b[Z", "ctrl+c": "\x03", "up": "\x1b[A", "down": "\x1b[B",
		"pgup": "\x1b[5~", "pgdown": "\x1b[6~", "home": "\x1b[H", "end": "\x1b[F", "left": "\x1b[D", "right": "\x1b[C",
		"delete": "\x1b[3~",
	}
	if s, ok := sent[key]; ok {
		return s
	}
	return key
}

// quietWatch delivers some readings at once and then none, so that what is drawn is an answer to a key.
type quietWatch struct {
	*fakeWatch
	events chan sampler.Event
}

func (q *quietWatch) Events() <-chan sampler.Event { return q.events }

func newQuietWatch(t *testing.T, readings int) *quietWatch {
	t.Helper()
	w := newFakeWatch(samplertest.Options{Asks: true})
	w.output = chatty{}
	q := &quietWatch{w, make(chan sampler.Event, readings)}
	for range readings {
		var s sampler.Snapshot
		if err := w.Read(t.Context(), &s); err != nil {
			t.Fatal(err)
		}
		e := sampler.Event{Snapshot: s.Clone(), Info: w.Describe()}
		w.memory.Event(e)
		q.events <- e
	}
	return q
}

// step is a key, and what the terminal shows after it.
type step struct{ key, shows string }

func steps() []step {
	return []step{
		{"down", "› store.(*Index).insert"}, {"up", "› cache.(*LRU).Add"}, {"j", "› store.(*Index).insert"}, {"k", "› cache.(*LRU).Add"},
		{"end", "› fmt.Sprintf"}, {"home", "› cache.(*LRU).Add"}, {"pgdown", "› "}, {"pgup", "› cache.(*LRU).Add"},
		{"o", "since mark▼"}, {"O", "since mark▲"}, {"i", "Allocation sites · allocated"}, {"i", "Allocation sites · in use"},
		{"/", "filter: ▏"}, {"l", "filter: l▏"}, {"enter", "filter: l"}, {"esc", "fmt.Sprintf"},
		{"m", "marked: changes count from"}, {"p", "‖ paused"}, {"p", "● live"}, {"-", "read every 30s"}, {"+", "read every 1m"},
		{"enter", "▸ Stack"}, {"esc", "▸ Allocation sites"},
		{"f", "›all"}, {"down", "›"}, {"right", "›"}, {"left", "›"}, {"enter", "›"}, {"/", "filter: ▏"}, {"n", " found · "}, {"enter", "›"},
		{"n", "›"}, {"esc", "›"}, {"esc", "›"}, {"esc", "▸ Allocation sites"},
		{"s", "snapshot written: "},
		{"g", "? write 8 bytes into process 4242 to make it collect?"}, {"n", "nothing was written"},
		{"g", "? write 8 bytes"}, {"y", "forcing a collection"}, {"P", "! P record allocation sites in process 4242: it records them already"},
		{"w", "▸ Who holds cache.(*LRU).Add"}, {"esc", "▸ Allocation sites"},
		{"p", "‖ paused"}, {"left", "1s ago"}, {"home", "11s ago"}, {"right", "10s ago"}, {"end", "11:07:21"}, {"home", "11s ago"},
		{"d", "Comparison"}, {"c", "mark"}, {"c", "heap in use"}, {"right", "▸sizes"}, {"left", "▸sites"}, {"M", "· own code"}, {"esc", "▸ Allocation sites"}, {"esc", "● live"},
		{"a", "▸ Who allocates"}, {"esc", "▸ Allocation sites"},
		{"S", "▸ Snapshots and recordings"}, {" ", "● api-server-"}, {"R", "new name: api"}, {"esc", "● api-server-"}, {"D", "? delete api"}, {"n", "nothing was deleted"},
		{"delete", "? delete api"}, {"n", "nothing was deleted"}, {"n", "note: ▏"}, {"esc", "● api-server-"}, {"S", "▸ Allocation sites"},
		{"l", "Output of"}, {"esc", "▸ Allocation sites"}, {"?", "▸ Keys"}, {"?", "▸ Allocation sites"},
		{"v", "▸ Goroutines"}, {"esc", "▸ Allocation sites"}, {"!", "▸ Findings"}, {"!", "▸ Allocation sites"},
		{"2", "▸2 Processes"}, {"t", "tree▼"}, {"3", "▸3 GC"}, {"1", "▸1 Memory"}, {"tab", "▸2 Processes"}, {"shift+tab", "▸1 Memory"},
		{"r", "history, peaks and mark start anew"},
	}
}

// Every key of keymap.md, sent as a terminal sends it, does on a terminal what it says.
func TestEveryKeyOnATerminal(t *testing.T) {
	pressed := map[string]bool{"q": true, "ctrl+c": true} // they end the program below
	for _, s := range steps() {
		pressed[s.key] = true
	}
	for _, b := range keys.Bindings() {
		for _, key := range b.Keys {
			if !pressed[key] {
				t.Errorf("no step presses %q (%s)", key, b.ID)
			}
		}
	}
	for _, last := range []string{"q", "ctrl+c"} {
		keyboard, screen, end := onTerminal(t, newQuietWatch(t, 12))
		screen.waitFor(t, "cache.(*LRU).Add")
		if last == "q" {
			for _, s := range steps() {
				from := len(screen.String())
				send(t, keyboard, s.key)
				screen.waitAfter(t, from, s.key, s.shows)
			}
		}
		send(t, keyboard, last)
		if err := end(); err != nil {
			t.Errorf("%s ended the dashboard with %v", last, err)
		}
		leftAsItWas(t, screen)
	}
}

func send(t *testing.T, keyboard io.Writer, key string) {
	t.Helper()
	if _, err := io.WriteString(keyboard, keyBytes(key)); err != nil {
		t.Fatal(err)
	}
}

// waitAfter waits until the program has written the text after the given offset.
func (s *pretend) waitAfter(t *testing.T, from int, key, text string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(s.String()[from:], text) {
		if time.Now().After(deadline) {
			t.Fatalf("after %q the terminal did not show %q in 20 s, but\n%s", key, text, s.String()[from:])
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// onTerminal runs the dashboard on a pseudo terminal of 120x36.
func onTerminal(t *testing.T, w Watch) (keyboard *os.File, screen *pretend, end func() error) {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Cols: 120, Rows: 36}); err != nil {
		t.Fatal(err)
	}
	screen = &pretend{}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(screen, master) // ends with an error when the terminal is closed
	}()
	done := make(chan error, 1)
	go func() {
		done <- Run(context.Background(), Options{
			Backend: &fakeBackend{lister: samplertest.NewLister(samplertest.ListerOptions{})}, Watch: w,
			Theme: theme.Plain(), Interval: time.Minute, SnapshotDir: t.TempDir(), Input: tty, Output: tty,
		})
	}()
	return master, screen, func() error {
		select {
		case err := <-done:
			_ = tty.Close()
			<-copied
			return err
		case <-time.After(20 * time.Second):
			t.Fatal("the dashboard did not end in 20 s")
			return nil
		}
	}
}
