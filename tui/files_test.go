package tui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// listed has two snapshots, a minute apart, and shows the list.
func listed(t *testing.T) *harness {
	t.Helper()
	h := started(t, 100)
	h.press("s")
	h.read(60)
	h.press("s", "S")
	h.mustShow(t, "Snapshots and recordings", "11:08:49", "11:09:49")
	return h
}

func names(t *testing.T, h *harness) []string {
	t.Helper()
	entries, err := os.ReadDir(h.m.o.SnapshotDir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func typed(text string) []string { return strings.Split(text, "") }

func TestTheListShowsWhatIsInTheFiles(t *testing.T) {
	h := listed(t)
	for _, name := range names(t, h) {
		s, err := capture.Read(filepath.Join(h.m.o.SnapshotDir, name))
		if err != nil {
			t.Fatal(err)
		}
		line := lineWith(t, h.text(), s.Meta.Time.Format(time.TimeOnly)+"  ")
		if rss, _ := s.Sample.Get(sampler.ProcessRSS); !strings.Contains(line, unit.Bytes(rss)) {
			t.Errorf("%s has an RSS of %s: %q", name, unit.Bytes(rss), line)
		}
	}
}

func TestASnapshotIsRenamedAndNoted(t *testing.T) {
	h := listed(t)
	h.press("R", "ctrl+u")
	h.press(typed("before")...)
	h.press("enter")
	h.mustShow(t, "renamed: before.heapsnap", "›   before")
	h.press("n")
	h.press(typed("cold cache")...)
	h.press("enter")
	h.mustShow(t, "noted in before.heapsnap", "cold cache")
	s, err := capture.Read(filepath.Join(h.m.o.SnapshotDir, "before.heapsnap"))
	if err != nil || s.Note != "cold cache" || s.Heap == nil || s.Goroutine == nil || s.Mappings == nil || len(s.Ledger) == 0 {
		t.Errorf("the file is %+v, %v", s, err)
	}
	h.press("down", "R", "ctrl+u")
	h.press(typed("before")...)
	h.press("enter")
	h.mustShow(t, "! there is a file called before already: nothing was renamed")
	h.press("R", "ctrl+u")
	h.press(typed("../../escape")...)
	h.press("enter")
	h.mustShow(t, "is no plain name")
	if got := len(names(t, h)); got != 2 {
		t.Errorf("%d files, want 2: %q", got, names(t, h))
	}
}

func TestASnapshotIsDeletedAfterAQuestionOnly(t *testing.T) {
	h := listed(t)
	h.press("D")
	h.mustShow(t, "? delete api-server-4242-20261121T110949.heapsnap?")
	h.press("n")
	h.mustShow(t, "nothing was deleted")
	if got := len(names(t, h)); got != 2 {
		t.Fatalf("%d files are left after a no", got)
	}
	h.press("D", "y")
	h.mustShow(t, "deleted: api-server-4242-20261121T110949.heapsnap")
	if got := names(t, h); len(got) != 1 || !strings.Contains(got[0], "110849") {
		t.Errorf("left are %q", got)
	}
}

func TestTwoFilesAreCompared(t *testing.T) {
	h := listed(t)
	h.press("down", " ", "home", " ", "d")
	h.mustShow(t, "from api-server-4242-20261121T110849", "to   api-server-4242-20261121T110949", "1m00s later")
	h.press("c")
	h.mustShow(t, "from mark", "to   now")
	h.press("esc", "esc")
	h.mustHide(t, "●  ")
	h.press("end", " ", "d")
	h.mustShow(t, "from api-server-4242-20261121T110849", "to   now")
}

func TestASnapshotIsOpenedBesideTheLiveTarget(t *testing.T) {
	h := listed(t)
	h.press("end", "enter")
	h.mustShow(t, "‖ 11:08:49 · a snapshot", "cache.(*LRU).Add", "heap, live")
	h.read(10)
	h.mustShow(t, "‖ 11:08:49 · a snapshot")
	h.press("d")
	h.mustShow(t, "to   now")
	h.press("esc", "esc", "esc")
	h.mustShow(t, "● live 1s")
	if h.watch.closed {
		t.Error("the live target is no longer watched")
	}
}

func TestARecordingIsOpenedBesideTheLiveTarget(t *testing.T) {
	h := started(t, 50)
	recordTo(t, h.m.o.SnapshotDir, "old", samplertest.Options{Name: "other", PID: 77}, 120)
	h.press("S", "enter")
	h.mustShow(t, "other 77", "the end of the recording")
	h.press("home")
	h.mustShow(t, "‖ 11:07:10 · recorded 1m59s before its end")
	guest := h.m.trip.guest.(*fileWatch)
	h.press("p")
	h.mustShow(t, "api-server 4242", "● live 1s")
	if !guest.closed {
		t.Error("the recording was not closed")
	}
}

func TestABrokenFileShowsItsError(t *testing.T) {
	h := started(t, 5)
	for name, content := range map[string]string{"cut.heapsnap": "PK", "cut.heaprec": "\x1f\x8b\x08", "evil\x1b[31m\u202e.heapsnap": "x"} {
		if err := os.WriteFile(filepath.Join(h.m.o.SnapshotDir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(h.m.o.SnapshotDir, "folder.heapsnap"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.press("S")
	h.mustShow(t, "! it is no snapshot", "! it is no recording", "of 3")
	for _, key := range []string{"enter", " ", "n"} {
		h.press(key)
		h.mustShow(t, "this file cannot be read")
	}
	if strings.ContainsAny(h.screen(), "\x1b\u202e") {
		t.Errorf("a hostile name reached the screen: %q", h.screen())
	}
}

func TestAHostileSnapshotNeverReachesTheTerminal(t *testing.T) {
	h := started(t, 20)
	evil := "\x1b]0;owned\x07\u202e\r\nname"
	fake := samplertest.New(samplertest.Options{Name: evil})
	var s sampler.Snapshot
	if err := fake.Read(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	info := fake.Describe()
	if _, err := capture.WriteNew(h.m.o.SnapshotDir, &capture.Snapshot{Info: info, Note: evil, Sample: &s}); err != nil {
		t.Fatal(err)
	}
	for _, pressed := range [][]string{{"S"}, {"n"}, {"esc", " ", "d"}, {"esc", "enter"}, {"d"}} {
		h.press(pressed...)
		if strings.ContainsAny(h.screen(), "\x1b\x07\r\u202e") {
			t.Errorf("after %q: %q", pressed, h.screen())
		}
		fits(t, h.screen(), 120, 36)
	}
}

func TestAFolderThatCannotBeReadSaysSo(t *testing.T) {
	h := started(t, 5)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.m.o.SnapshotDir = file
	h.press("S")
	h.mustShow(t, "The folder cannot be read")
	h.press("esc")
	h.m.o.SnapshotDir = filepath.Join(t.TempDir(), "missing")
	h.press("S")
	h.mustShow(t, "Nothing was written yet")
}

// A folder of thousands of files is listed in bounded time and memory: the newest are.
func TestAFolderOfManyFilesIsBounded(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(3)
	for i := range mostFiles + 40 {
		path := filepath.Join(h.m.o.SnapshotDir, "f"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Duration(i).String()+".heapsnap")
		if err := os.WriteFile(path, []byte("PK"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.press("S")
	h.mustShow(t, "of 500, 40 older ones left out")
}
