package tui

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// body is the screen without what tells live from recorded: the second line of the header, and the footer.
func (h *harness) body() string {
	lines := strings.Split(h.text(), "\n")
	return strings.Join(append(lines[:1:1], lines[2:len(lines)-1]...), "\n")
}

// A recording opened at its end shows what the live dashboard showed at that moment, to the letter, on every tab.
func TestARecordingShowsWhatWasLive(t *testing.T) {
	for _, n := range []int{8, 70, 200, 420} {
		h := started(t, n)
		h.press("v")
		h.read(8)
		h.press("esc")
		h.read(8)
		h.press("p")
		box, err := h.watch.memory.WriteBlackBox(t.TempDir(), "run", capture.BlackBoxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r := replayed(t, box.Recording)
		for _, size := range sizes() {
			h.resize(size[0], size[1])
			r.resize(size[0], size[1])
			for _, keys := range []string{"1", "3", "i", "v", "esc"} {
				h.press(keys)
				r.press(keys)
				live, recorded := h.body(), r.body()
				recorded = ofNow(recorded)
				live = ofNow(live)
				if live != recorded {
					t.Fatalf("after %d readings, on %q at %v: live\n%s\nrecorded\n%s", n, keys, size, live, recorded)
				}
			}
		}
	}
}

// ofNow takes out the titles of charts: of now they say "last 5 min", of then "5 min".
func ofNow(screen string) string {
	var kept []string
	for line := range strings.SplitSeq(screen, "\n") {
		if !strings.Contains(line, " min ─") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// Every moment that one goes back to shows the numbers it showed live, in the live dashboard and in a recording of it.
func TestEveryMomentShowsItsOwnNumbers(t *testing.T) {
	samplertest.NotUnderRace(t)
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(80, 24)
	was := map[time.Time][2]string{} // the Memory and the GC tab
	const every = 5
	for range 48 {
		h.read(every)
		memory := h.numbersOfMemory()
		h.press("3")
		gc := h.numbersOfGC()
		h.press("1")
		was[h.m.st.Live().At] = [2]string{memory, gc}
	}
	box, err := h.watch.memory.WriteBlackBox(t.TempDir(), "run", capture.BlackBoxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := replayed(t, box.Recording)
	r.resize(80, 24)
	h.press("p")
	for _, where := range []*harness{h, r} {
		where.press("home")
		seen := 0
		for range 48 * every {
			at := where.m.st.Data().At
			want, ok := was[at]
			if ok {
				seen++
				if got := where.numbersOfMemory(); got != want[0] {
					t.Fatalf("at %s, in %q: the tab was\n%s\nis\n%s", at, where.m.trip.file, want[0], got)
				}
				where.press("3")
				if got := where.numbersOfGC(); got != want[1] {
					t.Fatalf("at %s, in %q: the tab was\n%s\nis\n%s", at, where.m.trip.file, want[1], got)
				}
				where.press("1")
			}
			where.press("right")
		}
		if seen != len(was) {
			t.Errorf("%d of %d moments were seen again", seen, len(was))
		}
	}
}

// numbersOfMemory is the first line of the header, the ledger and the sites: the tab but for its chart.
func (h *harness) numbersOfMemory() string {
	lines := strings.Split(h.text(), "\n")
	for i, line := range lines {
		if strings.Contains(line, "Where RSS is") {
			return lines[0] + "\n" + strings.Join(lines[i:len(lines)-1], "\n")
		}
	}
	return "no ledger:\n" + h.text()
}

// numbersOfGC is the figures and the cycles: the tab but for its chart.
func (h *harness) numbersOfGC() string {
	lines := strings.Split(h.text(), "\n")
	for i, line := range lines {
		if strings.Contains(line, "Cycles ─") {
			return strings.Join(lines[2:5], "\n") + "\n" + strings.Join(lines[i:len(lines)-1], "\n")
		}
	}
	return "no cycles:\n" + h.text()
}

func TestAKilledProgramIsShownAsItWasBefore(t *testing.T) {
	path := recordTo(t, t.TempDir(), "killed", samplertest.Options{EndAfter: 7 * time.Minute, End: &sampler.Gone{
		At: samplertest.DefaultStart().Add(7 * time.Minute), Signal: "SIGKILL", OOM: true,
	}}, 200)
	r := replayed(t, path)
	r.mustShow(t, "killed by the kernel for memory at 11:09:10: this is what was in memory", "cache.(*LRU).Add", "heap, live")
	r.press("left")
	r.mustShow(t, "before: killed by the kernel for memory")
	for key, why := range map[string]string{"p": "nothing live behind it", "g": "nothing live", "r": "nothing live", "+": "nothing live"} {
		r.press(key)
		r.mustShow(t, "! "+key, why)
	}
	r.press("2")
	r.mustShow(t, "api-server")
	r.press("enter")
	r.mustShow(t, "the processes of then")
}

func TestGoldenReplay(t *testing.T) {
	path := recordTo(t, t.TempDir(), "killed", samplertest.Options{EndAfter: 9 * time.Minute, End: &sampler.Gone{
		At: samplertest.DefaultStart().Add(9 * time.Minute), Signal: "SIGKILL", OOM: true,
	}}, 300)
	r := replayed(t, path)
	r.resize(120, 36)
	lookAt(t, r, "replay")
	r.press("pgup", "pgup", "left")
	lookAt(t, r, "replay-back")
}

// The screens of the past fit any terminal, however small.
func TestScreensOfThePastFitAnyTerminal(t *testing.T) {
	samplertest.NotUnderRace(t)
	ways := [][]string{
		{"d"}, {"d", "i"}, {"d", "right"}, {"d", "left", "left"}, {"d", "enter"}, {"d", "/", "x"}, {"S"}, {"S", "R"}, {"S", "D"}, {"a"}, {"a", "enter"},
		{"p", "pgup"}, {"p", "left", "2"}, {"p", "home", "3"}, {"p", "left", "d"},
	}
	t.Parallel()
	for _, way := range ways {
		t.Run(strings.Join(way, " "), func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, colourTheme(true), newFakeWatch(samplertest.Options{Name: hostileName()}))
			h.resize(120, 36)
			h.read(60)
			h.press("s")
			h.press(way...)
			for w := 1; w < 240; w += 7 {
				for rows := 1; rows < 70; rows += 3 {
					h.resize(w, rows)
					fits(t, h.screen(), w, rows)
				}
			}
		})
	}
}

func TestTraceModeBeginsWithWhatIsAllocated(t *testing.T) {
	w := newFakeWatch(samplertest.Options{})
	b := &fakeBackend{lister: samplertest.NewLister(samplertest.ListerOptions{})}
	h := &harness{t: t, backend: b, watch: w}
	h.m = newModel(t.Context(), Options{Backend: b, Theme: theme.Plain(), Interval: time.Second, SnapshotDir: t.TempDir(), Watch: w, Mode: "trace"})
	h.m.tick = func() tea.Cmd { return nil }
	h.resize(120, 36)
	h.read(90)
	h.mustShow(t, "Who allocates", "bytes.growSlice", "a byte lives", "Bytes a second")
	h.press("p", "pgup")
	h.mustShow(t, "Who allocates", "bytes.growSlice", "ago")
	// What stands here is the difference of the runtime's own totals, at the moment that is shown.
	d := h.m.st.Data()
	now, _ := d.Snapshot.Get(sampler.GoHeapAllocs)
	before, _ := d.Recent.Get(sampler.GoHeapAllocs)
	h.mustShow(t, unit.Rate((now-before)/d.At.Sub(d.Recent.Time).Seconds()))
	h.press("esc", "esc")
	h.mustShow(t, "Allocation sites")
}
