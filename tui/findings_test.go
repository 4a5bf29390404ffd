package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// find has n findings arrive, each with evidence enough to fill a screen.
func (h *harness) find(n int) {
	j := &tab.Judged{At: h.m.st.Live().At}
	for i := range n {
		f := analysis.Finding{Analyzer: fmt.Sprintf("made-up %d", i), Severity: analysis.Info, Title: fmt.Sprintf("Finding %d", i), Evidence: map[string]float64{}}
		for k := range 20 {
			f.Details = append(f.Details, fmt.Sprintf("Sentence %d of finding %d.", k, i))
		}
		j.Findings = append(j.Findings, f)
	}
	h.send(judgedMsg{watch: h.m.judge.watch, judged: j})
}

// judging has the full analysis made as the dashboard does.
func (h *harness) judging() {
	h.m.judge = newJudge(judgeEvery)
	h.m.judge.share = 0 // what is judged when must not depend on how fast the machine is
}

// The Fake's leak is found: by a line under the header, by a list behind the line's key, and by columns of the table; its site is named.
func TestALeakIsTold(t *testing.T) {
	samplertest.NotUnderRace(t)
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.judging()
	h.resize(120, 36)
	h.read(30)
	h.mustHide(t, "! opens")
	h.read(870)
	h.mustShow(t, "The live heap grows by", "! opens", "▸ Allocation sites")
	lookAt(t, h, "memory-findings")
	h.press("!")
	lookAt(t, h, "findings")
	h.resize(120, 36)
	h.mustShow(t, "▸ Findings", "! critical", "growing", "manager.go:132", "an hour")
	h.press("enter")
	lookAt(t, h, "finding")
	h.mustShow(t, "▸ Finding ", "session.(*Manager).remember", "What to do: ")
	h.press("esc", "esc")
	h.mustShow(t, "▸ Allocation sites")
	h.resize(200, 60)
	line := shownLine(t, h.text(), "session.(*Manager).remember")
	if !strings.Contains(line, "▲ +") || !strings.Contains(line, "growing") {
		t.Errorf("the leaking site is not marked: %q", line)
	}
	h.send(tea.MouseMsg{X: 10, Y: headerRows, Action: tea.MouseActionPress, Button: tea.MouseButtonLeft})
	h.mustShow(t, "▸ Findings")
}

// shownLine is the line of the table that holds the text.
func shownLine(t *testing.T, screen, text string) string {
	t.Helper()
	for l := range strings.SplitSeq(screen, "\n") {
		if strings.Contains(l, text) && strings.HasPrefix(l, "│") {
			return l
		}
	}
	t.Fatalf("no line shows %q:\n%s", text, screen)
	return ""
}

// tell sends a reading of a program whose resident memory is as given.
func (h *harness) tell(at time.Time, rss float64) {
	s := &sampler.Snapshot{Time: at}
	s.Add(sampler.ProcessRSS, rss)
	s.Add(sampler.ProcessAnon, rss)
	s.Add(sampler.CgroupLimit, 1e9)
	s.Add(sampler.CgroupCurrent, rss)
	info := sampler.Info{Name: "cache", PID: 4242, Started: samplertest.DefaultStart().Add(-time.Hour)}
	h.send(eventMsg{watch: h.m.watchID, at: at, event: sampler.Event{Info: info, Snapshot: s}, open: true})
}

// A cache that fills looks like a leak while it fills. When it stays, the finding is withdrawn.
func TestAFindingIsWithdrawnWhenACacheStays(t *testing.T) {
	samplertest.NotUnderRace(t)
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{Plain: true}))
	h.judging()
	h.resize(120, 36)
	at, filling := samplertest.DefaultStart(), false
	for i := range 720 {
		level := 100e6 + 300e6*min(float64(i)/180, 1) + 1e6*float64(i%7)
		h.tell(at.Add(time.Duration(i)*10*time.Second), level)
		filling = filling || strings.Contains(h.text(), "grows by")
	}
	if !filling {
		t.Error("it grew by 300 MB in half an hour, and that was never told")
	}
	h.mustHide(t, "grows by", "! opens", "full in")
	h.mustShow(t, "steady")
}

// A limit that is nearly reached is told at once, and no more when there is room again.
func TestANearLimitIsTold(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{Plain: true}))
	h.resize(80, 24)
	at := samplertest.DefaultStart()
	h.tell(at, 880e6)
	h.mustHide(t, "! opens")
	h.tell(at.Add(time.Second), 950e6)
	h.mustShow(t, "95% of the limit of 1.00 GB (cgroup) is used", "! opens")
	fits(t, h.screen(), 80, 24)
	h.press("!", "enter")
	h.mustShow(t, "then kills a", "limit used 950 MB")
	h.press("esc", "esc")
	h.tell(at.Add(2*time.Second), 400e6)
	h.mustHide(t, "! opens")
}

// Readings that arrive while an analysis runs are not lost, and it is not begun twice.
func TestReadingsWaitForTheAnalysis(t *testing.T) {
	j := newJudge(time.Minute)
	at := samplertest.DefaultStart()
	add := func(i int) {
		s := &sampler.Snapshot{Time: at.Add(time.Duration(i) * time.Second)}
		s.Add(sampler.ProcessRSS, 1e6)
		j.add(func(w *analysis.LeakWatch) { w.Add(s, sampler.Info{}) })
	}
	add(0)
	if j.due(at, analysis.Growth{OK: true}) {
		t.Error("a single reading would be judged")
	}
	j.readings = judgeReadings
	if !j.due(at, analysis.Growth{OK: true}) {
		t.Fatal("the first analysis is not due")
	}
	j.busy = true
	add(1)
	if last := j.watch.Last().Time; !last.Equal(at) {
		t.Errorf("a reading of %v was added to what is being analysed", last)
	}
	if j.due(at.Add(time.Hour), analysis.Growth{OK: true}) {
		t.Error("a second analysis would run beside the first")
	}
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.m.judge = j
	h.send(judgedMsg{watch: j.watch, judged: &tab.Judged{}, took: time.Second})
	if last := j.watch.Last().Time; !last.Equal(at.Add(time.Second)) {
		t.Errorf("the reading that waited was lost: the last is of %v", last)
	}
	if got, want := h.m.judge.pause, judgeShare*time.Second; got != want {
		t.Errorf("after an analysis of 1 s the next is in %v, want %v", got, want)
	}
}

func TestFullIn(t *testing.T) {
	for _, c := range []struct {
		r           analysis.Reach
		long, short string
	}{
		{analysis.Reach{OK: true, At: 4 * time.Hour, Earliest: 3 * time.Hour, Latest: 6 * time.Hour}, "full in 3h to 6h", "full in 4h"},
		{analysis.Reach{OK: true, At: 4 * time.Hour, Earliest: 3 * time.Hour}, "full in at least 3h", "full in at least 3h"},
		{analysis.Reach{OK: true, At: 4 * time.Hour, Earliest: 4 * time.Hour, Latest: 4 * time.Hour}, "full in 4h", "full in 4h"},
		{analysis.Reach{OK: true}, "full", "full"},
	} {
		if long, short := fullIn(c.r); strings.ReplaceAll(long, "h00m", "h") != c.long || strings.ReplaceAll(short, "h00m", "h") != c.short {
			t.Errorf("%+v: %q, %q, want %q, %q", c.r, long, short, c.long, c.short)
		}
	}
}

// A filtered table says how many of how many it shows, and what they hold.
func TestAFilteredTableCountsWhatItShows(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(100)
	h.press("/", "b", "u", "f", "enter")
	h.mustShow(t, "6.84 MB in 3 of 12 sites, 60.6 MB in all")
	h.press("esc")
	h.mustHide(t, "of 12 sites")
	h.press("v")
	h.read(6)
	h.press("/", "s", "e", "l", "e", "c", "t", "enter")
	h.mustShow(t, " of ", "groups")
}

// The runtime's figures of a source that is asked every few seconds only have their age beside them.
func TestOldRuntimeFiguresAreSaidToBeOld(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.resize(120, 36)
	h.read(10)
	h.mustHide(t, "s old")
	var s sampler.Snapshot
	if err := h.watch.Read(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	s.Runtime = s.Time.Add(-4 * time.Second)
	h.send(eventMsg{watch: h.m.watchID, at: s.Time, event: sampler.Event{Info: h.watch.Describe(), Snapshot: s.Clone()}, open: true})
	h.mustShow(t, "runtime 4s old · 151 MB")
	h.press("3")
	h.mustShow(t, "runtime figures 4s old")
}
