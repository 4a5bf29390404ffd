package tui

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func started(t *testing.T, readings int) *harness {
	t.Helper()
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(readings)
	return h
}

func TestHeaderAnswersWhatGrowthAndLimit(t *testing.T) {
	h := started(t, 30)
	rss, ok := h.m.st.Live().Snapshot.Get(sampler.ProcessRSS)
	if !ok {
		t.Fatal("no RSS")
	}
	limit := h.m.st.Live().Limit
	h.mustShow(t, "api-server 4242", "go1.26.8", "agent", "RSS "+unit.Bytes(rss),
		unit.Percent(limit.Used/limit.Bytes)+" of 512 MB (cgroup)", "● live 1s", "since mark 29s", "cost 0.10%")
}

func TestPauseFreezesTheScreenWhileSamplingGoesOn(t *testing.T) {
	h := started(t, 30)
	h.press("p")
	frozen := h.text()
	h.read(40)
	if h.text() != frozen {
		t.Errorf("a paused screen changed:\n%s\nwas\n%s", h.text(), frozen)
	}
	h.press("down", "o", "enter")
	h.mustShow(t, "Stack")
	h.press("esc", "p")
	if got := h.m.st.History.Series(sampler.ProcessRSS).Len(); got != 70 {
		t.Errorf("%d readings in the history after 70, 40 of them while paused", got)
	}
	h.mustShow(t, "● live", "since mark 1m09s")
}

func TestMarkIsWhatChangesCountFrom(t *testing.T) {
	h := started(t, 400)
	h.mustShow(t, "since mark 6m39s", "▲ +")
	h.press("m")
	h.mustShow(t, "marked: changes count from")
	h.press("down") // any key takes the notice away
	h.mustShow(t, "since mark 0s")
	h.mustHide(t, "▲ +")
}

func TestResetForgetsHistoryAndMark(t *testing.T) {
	h := started(t, 100)
	h.press("r")
	h.mustShow(t, "since mark 0s", "Memory, last 1 min")
	if n := h.m.st.History.Series(sampler.ProcessRSS).Len(); n != 1 {
		t.Errorf("%d readings are left after a reset, want the last one", n)
	}
}

func TestSnapshotIsWrittenAndReadBack(t *testing.T) {
	h := started(t, 10)
	h.press("s")
	files, err := filepath.Glob(filepath.Join(h.m.o.SnapshotDir, "*.heapsnap"))
	if err != nil || len(files) != 1 {
		t.Fatalf("snapshot files: %v, %v", files, err)
	}
	h.mustShow(t, "snapshot written: ")
	if len(h.m.st.Saved) != 1 || h.m.st.Saved[0].Path != files[0] {
		t.Errorf("recorded %+v, on disk %v", h.m.st.Saved, files)
	}
	snap, err := capture.Read(files[0])
	if err != nil {
		t.Fatal(err)
	}
	want, _ := h.m.st.Live().Snapshot.Get(sampler.ProcessRSS)
	if got, ok := snap.Sample.Get(sampler.ProcessRSS); !ok || got != want {
		t.Errorf("RSS in the file is %v, on the screen %v", got, want)
	}
	if snap.Heap == nil || snap.Goroutine == nil || snap.Mappings == nil || !strings.Contains(string(snap.Ledger), "heap_live") {
		t.Errorf("parts are missing: heap %v, goroutines %v, mappings %v, ledger %s", snap.Heap != nil, snap.Goroutine != nil, snap.Mappings != nil, snap.Ledger)
	}
	if snap.Meta.Version != "test" {
		t.Errorf("written by version %q", snap.Meta.Version)
	}
}

func TestSnapshotThatCannotBeWrittenSaysWhy(t *testing.T) {
	h := started(t, 5)
	file := filepath.Join(t.TempDir(), "taken")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.m.o.SnapshotDir = file
	h.press("s")
	h.mustShow(t, "! make the folder for snapshots")
}

func TestCollectShowsWhatItFreed(t *testing.T) {
	h := started(t, 20)
	h.press("g")
	h.mustShow(t, "forcing a collection")
	h.read(4)
	c := h.m.st.Live().Collected
	if c == nil {
		t.Fatal("nothing is known of the collection")
	}
	before, _ := c.Before.Get(sampler.GoClassObjects)
	after, _ := c.After.Get(sampler.GoClassObjects)
	h.mustShow(t, "heap in use "+unit.Bytes(before)+" → "+unit.Bytes(after))
}

func TestAKeyThatCannotWorkSaysWhy(t *testing.T) {
	plain := newFakeWatch(samplertest.Options{Plain: true})
	plain.output = nil
	h := newHarness(t, theme.Plain(), plain)
	h.resize(120, 36)
	h.press("s")
	h.mustShow(t, "! s nothing was read yet")
	h.read(5)
	for key, why := range map[string]string{
		"g": "not a Go program",
		"l": "heaptop did not start this program",
		"v": "not a Go program",
		"w": "not a Go program",
		"a": "not a Go program",
		"i": "no allocation sites",
	} {
		h.press(key)
		h.mustShow(t, "! "+key+" ", why)
		h.resize(80, 24)
		if line := lineWith(t, h.text(), "! "+key+" "); key != "g" && strings.Contains(line, theme.Ellipsis) { // g repeats what the source says
			t.Errorf("a narrow screen cuts the reason: %q", line)
		}
		h.resize(120, 36)
	}
	h.press("esc")
	h.mustHide(t, " gc ", " log ")
}

func TestIntervalMovesInSteps(t *testing.T) {
	h := started(t, 3)
	h.press("+")
	if h.watch.interval != 2*time.Second {
		t.Errorf("after + the watch reads every %s", h.watch.interval)
	}
	h.mustShow(t, "read every 2s", "● live 2s")
	h.press("-", "-")
	if h.watch.interval != 500*time.Millisecond {
		t.Errorf("after - - the watch reads every %s", h.watch.interval)
	}
	for range 20 {
		h.press("-")
	}
	h.mustShow(t, "! - it is read as often as heaptop can")
}

func TestSiteShowsItsStackAndSource(t *testing.T) {
	h := started(t, 20)
	dir := t.TempDir()
	file := filepath.Join(dir, "lru.go")
	source := "package cache\n\nfunc (c *LRU) Add(key string) {\n\tc.entries[key] = make([]byte, 1024) // kept for ever\n}\n"
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	heap := *h.m.st.Live().Heap
	for i := range heap.Sites {
		heap.Sites[i].Stack[0] = sampler.Frame{Function: "cache.(*LRU).Add", File: file, Line: 4}
	}
	h.send(heapMsg{watch: h.m.watchID, heap: &heap, raw: &sampler.Profile{}})
	h.press("enter")
	h.mustShow(t, "Stack", "›4", "c.entries[key] = make([]byte, 1024) // kept for ever", "rests on", "in use ")
	h.press("down")
	h.mustShow(t, "is not on this machine")
	h.press("esc")
	h.mustShow(t, "Allocation sites")
}

func TestTheSelectionFollowsTheSite(t *testing.T) {
	h := started(t, 20)
	h.press("down", "down")
	name := strings.Fields(strings.Split(lineWith(t, h.text(), "›"), "›")[1])[0]
	h.press("o", "o", "o", "O")
	if got := lineWith(t, h.text(), "›"); !strings.Contains(got, name) {
		t.Errorf("sorted, the selection moved from %s to %q", name, got)
	}
}

func lineWith(t *testing.T, screen, sign string) string {
	t.Helper()
	for line := range strings.SplitSeq(screen, "\n") {
		if strings.Contains(line, sign) {
			return line
		}
	}
	t.Fatalf("no line with %q:\n%s", sign, screen)
	return ""
}

func TestFilterIsTypedKeptAndDropped(t *testing.T) {
	h := started(t, 20)
	h.press("/", "q") // q is text here
	if h.quit {
		t.Fatal("a letter of the filter quit the program")
	}
	h.press("backspace", "l", "r", "u", "enter")
	h.mustShow(t, "filter: lru", "cache.(*LRU).Add")
	h.mustHide(t, "fmt.Sprintf")
	h.press("/", "x", "x", "enter")
	h.mustShow(t, "No site matches the filter")
	h.press("esc")
	h.mustShow(t, "fmt.Sprintf")
}

func TestSwitchingTargetForgetsTheOld(t *testing.T) {
	h := started(t, 30)
	old := h.watch
	h.press("+")
	h.send(tab.Watch{Target: sampler.Target{Kind: sampler.KindProcess, PID: 77}, Name: "other"})
	if !old.closed {
		t.Error("the old watch was not closed")
	}
	if len(h.backend.opened) != 1 || h.backend.opened[0].PID != 77 {
		t.Errorf("opened %+v", h.backend.opened)
	}
	if err := h.backend.ctx.Err(); err != nil {
		t.Errorf("the context that the new watch lives under has ended: %v", err)
	}
	h.mustShow(t, "chosen 77", "○ first reading")
	if got := h.m.watch.(*fakeWatch).interval; got != 2*time.Second {
		t.Errorf("the new target is read every %s, not every 2s as the old one was", got)
	}
	h.mustHide(t, "api-server", "cache.(*LRU).Add")
	late := sampler.Event{Snapshot: &sampler.Snapshot{Time: h.m.st.Now}, Info: sampler.Info{Name: "late"}}
	h.send(eventMsg{watch: h.m.watchID - 1, at: h.m.st.Now, event: late, open: true})
	h.mustHide(t, "late")
}

func TestATargetThatCannotBeOpenedLeavesTheOldOne(t *testing.T) {
	h := started(t, 10)
	h.backend.err = errors.New("open process 77: permission denied: run heaptop as root to read it")
	h.send(tab.Watch{Target: sampler.Target{Kind: sampler.KindProcess, PID: 77}, Name: "other"})
	h.mustShow(t, "! open process 77: permission denied: run heaptop as root", "api-server 4242")
}

func TestADeadTargetKeepsItsLastValues(t *testing.T) {
	w := newFakeWatch(samplertest.Options{EndAfter: 6 * time.Minute, End: &sampler.Gone{
		At: samplertest.DefaultStart().Add(6 * time.Minute), ExitCode: sampler.Known(3),
	}})
	h := newHarness(t, theme.Plain(), w)
	h.resize(120, 36)
	h.read(100)
	h.mustShow(t, "■ exited 3 at 11:08:10", "last values", "cache.(*LRU).Add", "heap, live")
	h.press("g")
	h.mustShow(t, "! g the program has ended")
}

func TestMouse(t *testing.T) {
	h := started(t, 20)
	click := func(x, y int) {
		h.send(tea.MouseMsg{X: x, Y: y, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
	}
	lines := strings.Split(h.text(), "\n")
	row := 0
	for i, line := range lines {
		if strings.Contains(line, "store.(*arena).grow") {
			row = i
		}
	}
	click(10, row)
	if got := lineWith(t, h.text(), "›"); !strings.Contains(got, "store.(*arena).grow") {
		t.Errorf("a click selected %q", got)
	}
	click(10, row)
	h.mustShow(t, "Stack")
	click(15, 1)
	if h.m.current != 1 || len(h.m.stack) != 0 {
		t.Errorf("a click on the second tab shows tab %d with %d screens on top", h.m.current+1, len(h.m.stack))
	}
	click(3, 1)
	h.send(tea.MouseMsg{X: 10, Y: row, Action: tea.MouseActionPress, Button: tea.MouseButtonWheelDown})
	h.mustShow(t, "Allocation sites")
}

func TestCostlyReadingsKeepTheirPace(t *testing.T) {
	w := newFakeWatch(samplertest.Options{})
	counted := &countingHeap{Fake: w.Fake}
	w.session = counted
	h := newHarness(t, theme.Plain(), w)
	h.resize(120, 36)
	h.read(51)
	if counted.heaps < 9 || counted.heaps > 11 {
		t.Errorf("%d heap profiles in 50 s, want one each 5 s", counted.heaps)
	}
	h.press("l")
	before := counted.heaps
	h.read(30)
	if counted.heaps != before {
		t.Errorf("%d heap profiles were read while no screen showed them", counted.heaps-before)
	}
}

type countingHeap struct {
	*samplertest.Fake
	heaps int
}

func (c *countingHeap) HeapProfile(ctx context.Context) (sampler.Profile, error) {
	c.heaps++
	return c.Fake.HeapProfile(ctx)
}

func TestPassingAnOwnLimitSaysSoAndRingsOnce(t *testing.T) {
	h := started(t, 1)
	rings := &pretend{}
	rss, _ := h.m.st.Live().Snapshot.Get(sampler.ProcessRSS)
	h.m.o.Limits = []analysis.Limit{{Name: "rss", Metric: sampler.ProcessRSS, Bytes: rss + 1}}
	h.m.o.Output, h.m.rung = rings, make([]bool, 1)
	event := func(rss float64) {
		snap := h.m.st.Live().Snapshot.Clone()
		snap.Time = snap.Time.Add(time.Second)
		snap.Set(sampler.ProcessRSS, rss)
		h.send(eventMsg{watch: h.m.watchID, at: snap.Time, event: sampler.Event{Snapshot: snap, Info: h.watch.Describe()}, open: true})
	}
	event(rss)
	if got := rings.String(); got != "" {
		t.Errorf("below the limit the terminal got %q", got)
	}
	for range 3 {
		event(rss + 1)
	}
	h.mustShow(t, "! rss is passed: ")
	event(rss / 2)
	event(rss + 2)
	if got := rings.String(); got != bell+bell {
		t.Errorf("two crossings sent %q", got)
	}
}
