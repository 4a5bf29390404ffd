package tui

import (
	"path/filepath"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// journey is moving in the past: of the watched target, or of a file.
type journey struct {
	past capture.Past
	file string
	// guest is the file's Watch where the file was opened beside a live target. It is closed when the person goes back.
	guest  Recorded
	loaded *loaded // of a file
	number int     // of the journey, so that late answers of an old one are dropped
	busy   bool
	want   leap // asked for while a moment was being read
}

// leap is where to go from where one is.
type leap struct {
	steps int           // readings, negative for back
	by    time.Duration // or time
	edge  int           // or -1 to the first reading, 1 to the last
}

// Messages of a journey.
type (
	momentMsg struct {
		journey int
		visit   *tab.Visit
		end     string // why it is not further, "" when it is
		err     error
	}
	loadedMsg struct {
		journey int
		loaded  *loaded
		visit   *tab.Visit
		err     error
	}
	sitesMsg struct {
		journey int
		sites   *tab.SiteHistory
	}
	guestMsg struct {
		watch Watch
		err   error
	}
)

// pastOf returns what a watch keeps of the past, nil when it keeps nothing.
func pastOf(w Watch) capture.Past {
	if r, ok := w.(Recorded); ok {
		return r.Past()
	}
	return nil
}

// fileOf is the file that a watch shows, "" for a live target.
func fileOf(w Watch) string {
	if r, ok := w.(Recorded); ok {
		return r.File()
	}
	return ""
}

// travelling reports whether the keys of keys.InPast work on the screen on top.
func (m *model) travelling() bool {
	if _, paused := m.st.Paused(); !paused || m.pastShown() == nil || m.top().Mode() != tab.Normal {
		return false
	}
	switch m.top().Place() {
	case keys.InMemory, keys.InProcesses, keys.InGoroutines, keys.InGC, keys.InTrace:
		return true
	}
	return false
}

// pastShown is the past in which the person moves, or would.
func (m *model) pastShown() capture.Past {
	if m.trip.past != nil {
		return m.trip.past
	}
	return pastOf(m.watch)
}

// whyNotInPast is the reason for which an action cannot be done in time, or in a recording; "" when it can, as far as that goes.
func (m *model) whyNotInPast(id keys.ID) string {
	_, paused := m.st.Paused()
	switch id {
	case keys.Earlier, keys.Later, keys.PageEarly, keys.PageLate, keys.First, keys.Last:
		switch {
		case !m.st.Watching:
			return "no program is watched: choose one with Enter"
		case m.pastShown() == nil:
			return "nothing is kept of the past of this target"
		case !paused && m.st.Live().Gone == nil:
			return "moves in time while the screen is paused: p pauses it"
		}
	case keys.Compare:
		return m.whyNotCompare()
	case keys.Pause, keys.Reset, keys.Collect, keys.Slower, keys.Faster:
		if m.recording() {
			return "this is a file: there is nothing live behind it"
		}
	}
	return ""
}

// leapOf is what a key asks for; ok is false for another action.
func (m *model) leapOf(id keys.ID) (l leap, ok bool) {
	page := m.st.Span() / 5
	switch id {
	case keys.Earlier:
		return leap{steps: -1}, true
	case keys.Later:
		return leap{steps: 1}, true
	case keys.PageEarly:
		return leap{by: -page}, true
	case keys.PageLate:
		return leap{by: page}, true
	case keys.First:
		return leap{edge: -1}, true
	case keys.Last:
		return leap{edge: 1}, true
	}
	return leap{}, false
}

// travel goes to another moment. What is asked for while one is being read is added up.
func (m *model) travel(l leap) tea.Cmd {
	if m.trip.past == nil {
		m.trip = journey{past: pastOf(m.watch), number: m.trip.number + 1}
	}
	t := &m.trip
	if t.busy {
		if l.edge != 0 {
			t.want = l
		} else {
			t.want.steps += l.steps
			t.want.by += l.by
		}
		return nil
	}
	t.busy = true
	past, number, from, was, since := t.past, t.number, m.st.Cursor(), *m.st.Data(), m.since
	if t.file != "" {
		since = time.Time{}
	}
	return func() tea.Msg {
		at, end := l.from(past, from, since)
		visit, err := readMoment(past, at, &was)
		return momentMsg{number, visit, end, err}
	}
}

// from finds the reading that the leap leads to. Before since, when the person began anew, it does not lead.
func (l leap) from(past capture.Past, at, since time.Time) (to time.Time, end string) {
	const first, last = "this is the first reading that is kept", "this is the last reading"
	switch {
	case l.edge < 0:
		at, end = time.Time{}, first
	case l.edge > 0:
		at, end = farEnd(), last
	}
	for n := l.steps; n < 0; n++ {
		before, ok := past.Before(at)
		if !ok {
			end = first
			break
		}
		at = before
	}
	for n := l.steps; n > 0; n-- {
		next, ok := past.Next(at)
		if !ok {
			end = last
			break
		}
		at = next
	}
	at = at.Add(l.by)
	if at.Before(since) {
		at, end = since, first
	}
	if before, ok := past.Before(at.Add(1)); ok && !before.Before(since) {
		if next, more := past.Next(at.Add(-1)); l.by > 0 && more {
			return next, end
		}
		if l.by > 0 && before.Before(at) {
			end = last
		}
		return before, end
	}
	if next, ok := past.Next(at.Add(-1)); ok {
		return next, first
	}
	return at, end
}

// arrived shows the moment that was read, and goes on if more was asked for meanwhile.
func (m *model) arrived(msg momentMsg) tea.Cmd {
	t := &m.trip
	if msg.journey != t.number || t.past == nil {
		return nil
	}
	t.busy = false
	next := t.want
	t.want = leap{}
	if msg.err != nil {
		m.say(clean(msg.err.Error()), true)
		return nil
	}
	if msg.end != "" {
		m.say(msg.end, false)
	}
	cmd := m.visit(msg.visit)
	if next != (leap{}) {
		return tea.Batch(cmd, m.travel(next))
	}
	return cmd
}

// visit shows a moment on all tabs.
func (m *model) visit(v *tab.Visit) tea.Cmd {
	t := &m.trip
	if t.file != "" {
		v.File, v.Gone = t.file, t.loaded.gone
		v.History, v.Sites = t.loaded.history, t.loaded.sites
		v.First, v.Last = t.loaded.first, t.loaded.last
		v.Data.Mark, v.Data.Judged = t.loaded.mark, t.loaded.judged
		v.Info.Target = sampler.Target{Kind: sampler.KindFile, Path: t.file}
	} else {
		v.First, v.Last = t.past.Span()
	}
	m.st.Visit(v)
	return m.heard(tab.NewsPause)
}

// keepMark keeps a mark that was set in a file for its other moments.
func (m *model) keepMark() {
	if m.trip.file != "" && m.trip.loaded != nil {
		m.trip.loaded.mark = m.st.Data().Mark
	}
}

// openFile shows a file beside the live target, which stays watched.
func (m *model) openFile(path string) tea.Cmd {
	ctx, backend := m.ctx, m.o.Backend
	m.say("opening "+clean(filepath.Base(path))+" …", false)
	return func() tea.Msg {
		watch, err := backend.Open(ctx, sampler.Target{Kind: sampler.KindFile, Path: path})
		return guestMsg{watch, err}
	}
}

// openedGuest begins a journey in a file that was opened beside the live target.
func (m *model) openedGuest(msg guestMsg) tea.Cmd {
	if msg.err != nil {
		m.say(clean(msg.err.Error()), true)
		return nil
	}
	guest, ok := msg.watch.(Recorded)
	if !ok || guest.Past() == nil || guest.File() == "" {
		m.say("this file has no past to show", true)
		return func() tea.Msg {
			_ = msg.watch.Close() // it was only read
			return nil
		}
	}
	leave := m.leave()
	m.trip = journey{past: guest.Past(), file: guest.File(), guest: guest, number: m.trip.number + 1}
	return tea.Batch(leave, m.loadFile())
}

// loadFile reads the file that the journey is in, and its last moment.
func (m *model) loadFile() tea.Cmd {
	m.trip.busy = true
	past, number := m.trip.past, m.trip.number
	return func() tea.Msg {
		_, last := past.Span()
		visit, err := readMoment(past, last, nil)
		if err != nil {
			return loadedMsg{journey: number, err: err}
		}
		all, err := load(past)
		return loadedMsg{number, all, visit, err}
	}
}

// loadedFile shows a file at its end: what was in memory then.
func (m *model) loadedFile(msg loadedMsg) tea.Cmd {
	t := &m.trip
	if msg.journey != t.number || t.past == nil {
		return nil
	}
	t.busy = false
	if msg.err != nil {
		leave := m.leave()
		m.say(clean(msg.err.Error()), true)
		return leave
	}
	t.loaded = msg.loaded
	m.notice = notice{}
	if gone := msg.loaded.gone; gone != nil {
		m.say(clean(gone.Error())+": this is what was in memory", gone.OOM || gone.Signal != "")
	}
	m.showTab(max(m.current, 0))
	all, past, number := t.loaded, t.past, t.number
	sites := func() tea.Msg { return sitesMsg{number, all.sitesOf(past)} }
	shown := m.visit(msg.visit)
	return tea.Batch(shown, sites, m.judgeFile(m.st.Data()))
}

// loadedSites takes the memory of each site over time, which is read behind the first screen.
func (m *model) loadedSites(msg sitesMsg) tea.Cmd {
	if msg.journey != m.trip.number || m.trip.loaded == nil {
		return nil
	}
	m.trip.loaded.sites = msg.sites
	m.st.SetSites(msg.sites)
	return m.heard(tab.NewsHeap)
}

// leave ends the journey and shows the live data. A file that was itself named on the command line has none.
func (m *model) leave() tea.Cmd {
	guest := m.trip.guest
	m.trip = journey{number: m.trip.number + 1}
	m.st.Resume()
	cmd := m.heard(tab.NewsPause)
	if guest == nil {
		return cmd
	}
	return tea.Batch(cmd, func() tea.Msg {
		_ = guest.Close() // it was only read
		return nil
	})
}

// recording reports whether what is watched is a file: there is nothing live to go back to.
func (m *model) recording() bool { return fileOf(m.watch) != "" }

// begin starts with what was named: a file is shown at its end.
func (m *model) begin() tea.Cmd {
	if !m.recording() {
		return nil
	}
	m.trip = journey{past: pastOf(m.watch), file: fileOf(m.watch), number: m.trip.number + 1}
	return m.loadFile()
}
