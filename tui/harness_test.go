package tui

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// fakeWatch is a Watch over a made-up session, read by the test instead of a loop.
type fakeWatch struct {
	*samplertest.Fake
	session  sampler.Session // what Do gives out; the Fake, or less
	output   sampler.Output
	interval time.Duration
	closed   bool
	memory   *capture.Memory // its past
}

func (w *fakeWatch) Info() sampler.Info                  { return w.Describe() }
func (w *fakeWatch) Events() <-chan sampler.Event        { return nil }
func (w *fakeWatch) SetInterval(d time.Duration)         { w.interval = d }
func (w *fakeWatch) Output() sampler.Output              { return w.output }
func (w *fakeWatch) Past() capture.Past                  { return w.memory }
func (w *fakeWatch) File() string                        { return "" }
func (w *fakeWatch) Sink() capture.Sink                  { return w.memory }
func (w *fakeWatch) Close() error                        { w.closed = true; return nil }
func (w *fakeWatch) BlackBox() (capture.BlackBox, error) { return capture.BlackBox{}, nil }
func (w *fakeWatch) Do(ctx context.Context, f func(context.Context, sampler.Session) error) error {
	return f(ctx, w.session)
}

// fakeBackend opens Fakes and lists made-up processes.
type fakeBackend struct {
	lister *samplertest.FakeLister
	opened []sampler.Target
	ctx    context.Context // of the last Open
	err    error
}

func (b *fakeBackend) Open(ctx context.Context, t sampler.Target) (Watch, error) {
	b.opened, b.ctx = append(b.opened, t), ctx
	if b.err != nil {
		return nil, b.err
	}
	if t.Kind == sampler.KindFile {
		return openWatch(t.Path)
	}
	return newFakeWatch(samplertest.Options{PID: t.PID, Name: "chosen"}), nil
}

func (b *fakeBackend) List(ctx context.Context, o sampler.ListOptions, into *sampler.ProcessTable) error {
	return b.lister.List(ctx, o, into)
}

func newFakeWatch(o samplertest.Options) *fakeWatch {
	f := samplertest.New(o)
	memory := capture.NewMemory(capture.MemoryOptions{Rates: testRates()})
	return &fakeWatch{Fake: f, session: f, output: f, memory: memory}
}

// harness drives the root model as bubbletea would, but for the clock: commands run at once, in the test.
type harness struct {
	t       *testing.T
	m       *model
	watch   *fakeWatch
	backend *fakeBackend
	quit    bool
	dir     string // is shown in place of the snapshot folder's own name, with sizes that do not depend on compression
}

func newHarness(t testing.TB, th *theme.Theme, watch *fakeWatch) *harness {
	t.Helper()
	b := &fakeBackend{lister: samplertest.NewLister(samplertest.ListerOptions{})}
	o := Options{Backend: b, Theme: th, Interval: time.Second, SnapshotDir: t.TempDir(), Version: "test"}
	if watch != nil {
		o.Watch = watch
	}
	h := &harness{m: newModel(context.Background(), o), watch: watch, backend: b}
	if tt, ok := t.(*testing.T); ok {
		h.t = tt
	}
	h.m.tick = func() tea.Cmd { return nil }
	h.m.judge = newJudge(0)
	h.run(h.m.Init())
	return h
}

// run executes a command and everything that follows from it.
func (h *harness) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.QuitMsg:
		h.quit = true
	case tea.BatchMsg:
		for _, c := range msg {
			h.run(c)
		}
	default:
		h.send(msg)
	}
}

func (h *harness) send(msg tea.Msg) {
	if list, ok := msg.(tab.FileList); ok && h.dir != "" {
		list.Dir = h.dir
		for i := range list.Files {
			list.Files[i].Size = int64(5000 * (i + 1))
		}
		msg = list
	}
	_, cmd := h.m.Update(msg)
	h.run(cmd)
}

func (h *harness) resize(w, rows int) { h.send(tea.WindowSizeMsg{Width: w, Height: rows}) }

// read lets n readings arrive, each at the time it was made.
func (h *harness) read(n int) {
	for range n {
		var s sampler.Snapshot
		err := h.watch.Read(context.Background(), &s)
		at := s.Time
		e := sampler.Event{Info: h.watch.Describe(), Cost: 0.001}
		if err != nil {
			e.Err, at = err, h.m.st.Now.Add(time.Second)
		} else {
			e.Snapshot = s.Clone()
			e.Snapshot.Took = 40 * time.Microsecond
		}
		h.watch.memory.Event(e)
		h.send(eventMsg{watch: h.m.watchID, at: at, event: e, open: true})
	}
}

// wait lets seconds pass in which nothing is read.
func (h *harness) wait(d time.Duration) { h.send(tickMsg(h.m.st.Now.Add(d))) }

// press types keys by their names.
func (h *harness) press(names ...string) {
	for _, name := range names {
		h.send(keyMsg(name))
	}
}

func keyMsg(name string) tea.KeyMsg {
	special := map[string]tea.KeyType{
		"enter": tea.KeyEnter, "esc": tea.KeyEsc, "tab": tea.KeyTab, "shift+tab": tea.KeyShiftTab, "up": tea.KeyUp,
		"down": tea.KeyDown, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown, "home": tea.KeyHome, "end": tea.KeyEnd,
		"left": tea.KeyLeft, "right": tea.KeyRight,
		"ctrl+c": tea.KeyCtrlC, "backspace": tea.KeyBackspace, "ctrl+u": tea.KeyCtrlU,
		"delete": tea.KeyDelete,
	}
	if name == " " {
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune(name)}
	}
	if kind, ok := special[name]; ok {
		return tea.KeyMsg{Type: kind}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

func (h *harness) screen() string { return h.m.View() }

// text is the screen without escape codes.
func (h *harness) text() string { return ansi.Strip(h.screen()) }

func (h *harness) mustShow(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(h.text(), w) {
			t.Errorf("the screen does not show %q:\n%s", w, h.text())
		}
	}
}

func (h *harness) mustHide(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(h.text(), w) {
			t.Errorf("the screen shows %q:\n%s", w, h.text())
		}
	}
}

// fits fails when the screen does not have exactly the terminal's size.
func fits(t *testing.T, screen string, width, height int) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) != height {
		t.Errorf("%d lines on a terminal of %dx%d", len(lines), width, height)
	}
	for i, line := range lines {
		if w := ansi.StringWidth(line); w > width {
			t.Errorf("line %d is %d cells wide on a terminal of %dx%d: %q", i+1, w, width, height, line)
		}
	}
}

// golden compares a screen with testdata/NAME.txt, or writes it with -update.
func golden(t *testing.T, name, screen string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	var b strings.Builder
	for line := range strings.SplitSeq(screen, "\n") {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	got := b.String()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./tui -update writes it anew; look at it first)\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}
