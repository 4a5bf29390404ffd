package tui

import (
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// How often the full analysis is made: each minute, sooner when the cheap one that follows each reading begins to tell of
// growth, and so seldom that it takes a thousandth of a core.
const (
	judgeEvery    = time.Minute
	judgeSooner   = 15 * time.Second
	judgeShare    = 1000
	judgeRarely   = 30 * time.Minute
	judgeReadings = 60  // fewer are not judged
	judgeQueue    = 256 // readings that wait for an analysis to end
)

// judge collects what was read of the target and has it analysed in commands, one at a time. The collection belongs to
// the analysis while that runs; what arrives meanwhile waits.
type judge struct {
	watch    *analysis.LeakWatch
	every    time.Duration // 0: never
	busy     bool
	readings int // that were taken
	waiting  []func(*analysis.LeakWatch)
	at       time.Time     // of the reading that was judged last
	share    time.Duration // how many times as long as it took the next one is put off
	pause    time.Duration // until the next
	alert    bool          // the cheap analysis told of growth then
}

func newJudge(every time.Duration) judge {
	return judge{watch: analysis.NewLeakWatch(""), every: every, pause: every, share: judgeShare}
}

// judgedMsg brings what was found. watch tells the collection that it rests on from one that was begun anew meanwhile.
type judgedMsg struct {
	watch  *analysis.LeakWatch
	judged *tab.Judged
	took   time.Duration
}

// add takes a reading into the collection.
func (j *judge) add(f func(*analysis.LeakWatch)) {
	switch {
	case j.every == 0:
	case !j.busy:
		f(j.watch)
	case len(j.waiting) < judgeQueue:
		j.waiting = append(j.waiting, f)
	}
}

// read takes a costlier reading, unless it was not possible.
func (j *judge) read(err error, f func(*analysis.LeakWatch)) {
	if err == nil {
		j.add(f)
	}
}

// due reports whether it is time for the full analysis.
func (j *judge) due(at time.Time, g analysis.Growth) bool {
	if j.every == 0 || j.busy || j.readings < judgeReadings {
		return false
	}
	passed := at.Sub(j.at)
	return passed >= j.pause || g.Growing && !j.alert && passed >= max(judgeSooner, j.pause/4)
}

// judgeNow takes a reading, and begins the full analysis when it is time.
func (m *model) judgeNow(s *sampler.Snapshot) tea.Cmd {
	j, d, info := &m.judge, m.st.Live(), m.st.Target().Info
	j.readings++
	j.add(func(w *analysis.LeakWatch) { w.Add(s, info) })
	if m.recording() || !j.due(s.Time, d.Growth) {
		return nil
	}
	j.busy, j.at, j.alert = true, s.Time, d.Growth.Growing
	watch, data, o := j.watch, *d, analysis.LeakJudgement{Live: true, Limits: m.o.Limits, AskHolders: "Press w in the Memory tab to see who holds the objects."}
	return func() tea.Msg {
		began := time.Now()
		return judgedMsg{watch, judgeAll(watch, &data, o), time.Since(began)}
	}
}

// judgeAll makes the full analysis.
func judgeAll(w *analysis.LeakWatch, d *tab.Data, o analysis.LeakJudgement) *tab.Judged {
	j := &tab.Judged{At: d.At, Sites: w.SiteTrends(), Groups: w.GroupTrends()}
	j.RSS, j.RSSOK = w.Judge(sampler.ProcessRSS, o)
	j.Findings = append(w.Report(o).Findings, advised(d)...)
	return j
}

// advised is the advice that is a finding.
func advised(d *tab.Data) []analysis.Finding {
	var found []analysis.Finding
	for _, f := range analysis.Advise(tab.AdviceInput(d)) {
		if f.Analyzer != "whatif" && f.Analyzer != "optimize" { // the GC tab tells the one, and that there is nothing is no finding
			found = append(found, f)
		}
	}
	return found
}

// judged takes the outcome, and what was read meanwhile.
func (m *model) judged(msg judgedMsg) tea.Cmd {
	j := &m.judge
	if msg.watch != j.watch {
		return nil
	}
	j.busy = false
	j.pause = min(max(j.every, j.share*msg.took), judgeRarely)
	for _, f := range j.waiting {
		f(j.watch)
	}
	j.waiting = nil
	m.st.SetJudged(msg.judged)
	return m.heard(tab.NewsJudged)
}

// lineLeast is how many rows a terminal has at least on which the findings line is shown.
const lineLeast = 12

// lineRows is how many rows the findings line takes: one when there is something that a person should hear of unasked.
func (m *model) lineRows() int {
	if m.height < lineLeast || !m.st.Data().IsUrgent() {
		return 0
	}
	return 1
}

// findingsLine tells the most urgent finding, how many more there are, and the key that opens them.
func (m *model) findingsLine() string {
	t := m.st.Theme
	found := m.st.Data().Urgent()
	first := &found[0]
	style, sign := t.Warn, theme.SignWarning
	if first.Severity == analysis.Critical {
		style, sign = t.Bad, theme.SignCritical
	}
	more := ""
	if n := len(found) - 1; n > 0 {
		more = t.Label.Render(strconv.Itoa(n) + " more · ")
	}
	key := more + t.Key.Render("!") + t.Label.Render(" opens") + " "
	text := clean(first.Title)
	if len(first.Sites) > 0 {
		text += ": " + clean(first.Sites[0].Site)
	} else if len(first.Rows) > 0 && first.Verdict != "" {
		text += ": " + clean(first.Rows[0].Name)
	}
	room := m.width - theme.Width(key) - 4
	return " " + style.Render(sign+" "+theme.Pad(theme.Truncate(text, room-2), room-2)) + "  " + key
}
