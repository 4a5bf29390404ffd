package tui

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// comparable reads for some minutes, with goroutines from the start, so that all parts can be compared.
func (h *harness) comparable() {
	h.press("v")
	h.read(3)
	h.press("esc")
	h.read(397)
}

// written leaves some files in the snapshot folder: two snapshots, a recording of a program that was killed, and one
// that is broken. The folder has a name of one length, so that screens show the same everywhere.
func (h *harness) written() {
	h.dir = "/home/app/.local/state/heaptop/snapshots"
	h.read(100)
	h.press("s")
	h.read(60)
	h.press("s")
	box := recordTo(h.t, h.m.o.SnapshotDir, "api-server-4242-oom", samplertest.Options{EndAfter: 7 * time.Minute, End: &sampler.Gone{
		At: samplertest.DefaultStart().Add(7 * time.Minute), Signal: "SIGKILL", OOM: true,
	}}, 200)
	broken := filepath.Join(h.m.o.SnapshotDir, "cut.heapsnap")
	if err := os.WriteFile(broken, []byte("PK half of a file that a full disk has cut off"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	at := samplertest.DefaultStart()
	for i, path := range []string{broken, box} {
		if err := os.Chtimes(path, at, at.Add(time.Duration(i)*time.Hour)); err != nil {
			h.t.Fatal(err)
		}
	}
	h.press("esc")
}

// kept is what the dashboard's own loop would keep of a made-up server: every reading, and the costlier ones as they are due.
func kept(t testing.TB, o samplertest.Options, n int) *capture.Memory {
	t.Helper()
	fake, lister := samplertest.New(o), samplertest.NewLister(samplertest.ListerOptions{})
	m := capture.NewMemory(capture.MemoryOptions{Age: time.Hour, MaxBytes: 64 << 20, Rates: testRates()})
	for range n {
		var s sampler.Snapshot
		if err := fake.Read(context.Background(), &s); err != nil {
			m.Event(sampler.Event{Err: err, Info: fake.Describe()})
			break
		}
		m.Event(sampler.Event{Snapshot: s.Clone(), Info: fake.Describe()})
		if err := capture.Take(context.Background(), fake, s.Time, m); err != nil {
			t.Fatal(err)
		}
		table := sampler.ProcessTable{}
		if err := lister.List(context.Background(), sampler.ListOptions{All: true}, &table); err != nil {
			t.Fatal(err)
		}
		m.Processes(&table)
		lines, dropped := fake.Log()
		m.Log(lines, dropped)
	}
	if n := m.Dropped(); n > 0 {
		t.Fatalf("%d readings were dropped", n)
	}
	return m
}

func testRates() capture.Rates {
	return capture.Rates{Heap: 4 * time.Second, Goroutines: 4 * time.Second, Mappings: 9 * time.Second, Processes: time.Second}
}

// recordTo writes a recording of a made-up server.
func recordTo(t testing.TB, dir, name string, o samplertest.Options, n int) (path string) {
	t.Helper()
	box, err := kept(t, o, n).WriteBlackBox(dir, name, capture.BlackBoxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(box.Snapshot); err != nil {
		t.Fatal(err)
	}
	return box.Recording
}

// fileWatch is a recording or snapshot that is shown.
type fileWatch struct {
	past   capture.Past
	path   string
	info   sampler.Info
	close  func() error
	closed bool
}

// openWatch opens a file as the program around the dashboard does: a snapshot is a past of one moment.
func openWatch(path string) (*fileWatch, error) {
	if filepath.Ext(path) == capture.RecordingExtension {
		r, err := capture.Open(path)
		if err != nil {
			return nil, err
		}
		return &fileWatch{past: r, path: path, info: r.Info(), close: r.Close}, nil
	}
	s, err := capture.Read(path)
	if err != nil {
		return nil, err
	}
	m := capture.NewMemory(capture.MemoryOptions{})
	m.Event(sampler.Event{Snapshot: s.Sample, Info: s.Info})
	if s.Heap != nil {
		heap := *s.Heap
		heap.Time = s.Sample.Time
		m.Heap(heap)
	}
	return &fileWatch{past: m, path: path, info: s.Info, close: func() error { return nil }}, nil
}

func (w *fileWatch) Info() sampler.Info                  { return w.info }
func (w *fileWatch) Events() <-chan sampler.Event        { return nil }
func (w *fileWatch) SetInterval(time.Duration)           {}
func (w *fileWatch) Output() sampler.Output              { return nil }
func (w *fileWatch) Past() capture.Past                  { return w.past }
func (w *fileWatch) File() string                        { return w.path }
func (w *fileWatch) Sink() capture.Sink                  { return nil }
func (w *fileWatch) BlackBox() (capture.BlackBox, error) { return capture.BlackBox{}, nil }
func (w *fileWatch) Close() error                        { w.closed = true; return w.close() }
func (w *fileWatch) Do(context.Context, func(context.Context, sampler.Session) error) error {
	return sampler.ErrUnsupported
}

// replayed opens a recording in the dashboard, as `heaptop FILE` does.
func replayed(t *testing.T, path string) *harness {
	t.Helper()
	return replayedJudging(t, path, 0)
}

// replayedJudging is replayed with the full analysis, which 0 leaves out.
func replayedJudging(t *testing.T, path string, every time.Duration) *harness {
	t.Helper()
	w, err := openWatch(path)
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBackend{lister: samplertest.NewLister(samplertest.ListerOptions{})}
	h := &harness{t: t, backend: b}
	h.m = newModel(context.Background(), Options{
		Backend: b, Theme: theme.Plain(), Interval: time.Second, SnapshotDir: t.TempDir(), Watch: w,
	})
	h.m.judge = newJudge(every)
	h.m.tick = func() tea.Cmd { return nil }
	h.send(tickMsg(samplertest.DefaultStart().Add(20 * time.Minute)))
	h.resize(120, 36)
	h.run(h.m.Init())
	return h
}
