package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/feed"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// TestARecordingShowsItsFindings opens a recording of a leak: the line under the header and the list behind its key tell what
// the command debug leaks tells of the file, at every moment of it.
func TestARecordingShowsItsFindings(t *testing.T) {
	samplertest.NotUnderRace(t)
	live := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	live.read(900)
	box, err := live.watch.memory.WriteBlackBox(t.TempDir(), "run", capture.BlackBoxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := replayedJudging(t, box.Recording, judgeEvery)
	past := pastOf(h.m.watch)
	from, to := past.Span()
	l := feed.New("", to.Sub(from), nil)
	if err := l.Replay(context.Background(), past); err != nil {
		t.Fatal(err)
	}
	report := l.Report(analysis.LeakJudgement{})
	if report.Verdict != analysis.LeakGrowing || len(report.Findings) < 3 {
		t.Fatalf("the recording tells %s: %d findings", report.Verdict, len(report.Findings))
	}
	h.mustShow(t, "! opens", report.Findings[0].Title[:30])
	h.press("!")
	h.mustShow(t, "judged at "+to.Format(time.TimeOnly))
	for _, f := range report.Findings {
		if title := f.Title[:min(len(f.Title), 40)]; !strings.Contains(h.text(), title) {
			t.Errorf("%q is not shown:\n%s", title, h.text())
		}
	}
	h.press("esc", "left", "left")
	h.mustShow(t, "! opens")
	h.press("!", "enter")
	h.mustShow(t, "▸ Finding ")
}

// TestALivePastHasNoFindings goes back in time: findings are of now.
func TestALivePastHasNoFindings(t *testing.T) {
	h := newHarness(t, theme.Plain(), newFakeWatch(samplertest.Options{}))
	h.read(30)
	h.press("p", "left", "!")
	h.mustShow(t, "Findings are of now, and this is how it was")
}
