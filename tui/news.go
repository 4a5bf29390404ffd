package tui

import (
	"errors"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/tab"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// clean makes foreign text safe to draw.
func clean(s string) string { return theme.Clean(s) }

// news puts an answer into the State and tells the screens. taken is false for a message that is none of the root's.
func (m *model) news(msg tea.Msg) (cmd tea.Cmd, taken bool) {
	switch msg := msg.(type) {
	case eventMsg:
		return m.heardEvent(msg), true
	case heapMsg:
		m.asked.heap.busy = false
		if msg.watch == m.watchID {
			m.st.SetHeap(msg.heap, msg.raw, msg.err)
			m.judge.read(msg.err, func(w *analysis.LeakWatch) { w.Heap(msg.heap) })
			return m.heard(tab.NewsHeap), true
		}
	case goroutinesMsg:
		m.asked.goroutines.busy = false
		if msg.watch == m.watchID {
			m.st.SetGoroutines(msg.groups, msg.err)
			m.judge.read(msg.err, func(w *analysis.LeakWatch) { w.Goroutines(msg.groups) })
			return m.heard(tab.NewsGoroutines), true
		}
	case mappingsMsg:
		m.asked.mappings.busy = false
		if errors.Is(msg.err, sampler.ErrBudget) {
			m.asked.mappings.sooner(mappingsEvery, mappingsAgain)
		}
		if msg.watch == m.watchID {
			m.st.SetMappings(msg.maps, msg.err)
			m.judge.read(msg.err, func(w *analysis.LeakWatch) { w.Mappings(msg.maps) })
			return m.heard(tab.NewsMappings), true
		}
	case logMsg:
		m.asked.log.busy = false
		if msg.watch == m.watchID {
			m.st.SetLog(msg.lines, msg.dropped)
			return m.heard(tab.NewsLog), true
		}
	case processesMsg:
		m.asked.processes.busy = false
		m.st.SetProcesses(msg.table, msg.err)
		return m.heard(tab.NewsProcesses), true
	case judgedMsg:
		return m.judged(msg), true
	case abilitiesMsg:
		if msg.watch == m.watchID {
			m.st.SetAbilities(msg.cannotCollect)
		}
	default:
		if cmd, taken := m.filesNews(msg); taken {
			return cmd, true
		}
		if cmd, taken := m.serverNews(msg); taken {
			return cmd, true
		}
		return m.result(msg)
	}
	return nil, true
}

// serverNews takes what only a server tells.
func (m *model) serverNews(msg tea.Msg) (cmd tea.Cmd, taken bool) {
	switch msg := msg.(type) {
	case keysMsg:
		m.asked.keys.busy = false
		if msg.watch == m.watchID {
			m.st.SetKeys(msg.keys, msg.err)
			m.judge.read(msg.err, func(w *analysis.LeakWatch) { w.Keys(msg.keys) })
			return m.heard(tab.NewsServer), true
		}
	case clientsMsg:
		m.asked.clients.busy = false
		if msg.watch == m.watchID {
			m.st.SetClients(msg.clients, msg.err)
			m.judge.read(msg.err, func(w *analysis.LeakWatch) { w.Clients(msg.clients) })
			return m.heard(tab.NewsServer), true
		}
	default:
		return nil, false
	}
	return nil, true
}

// result takes the outcome of what a person asked for.
func (m *model) result(msg tea.Msg) (cmd tea.Cmd, taken bool) {
	switch msg := msg.(type) {
	case momentMsg:
		return m.arrived(msg), true
	case loadedMsg:
		return m.loadedFile(msg), true
	case sitesMsg:
		return m.loadedSites(msg), true
	case fileJudgedMsg:
		return m.fileJudged(msg), true
	case guestMsg:
		return m.openedGuest(msg), true
	case openedMsg:
		return m.opened(msg), true
	case collectedMsg:
		return m.collected(msg), true
	case savedMsg:
		if msg.err != nil {
			m.say(clean(msg.err.Error()), true)
			return nil, true
		}
		m.st.AddSaved(tab.Saved{At: msg.at, Path: msg.path})
		m.say("snapshot written: "+clean(msg.path), false)
		return m.tell(tab.FilesChanged{Was: msg.path, Path: msg.path}), true
	}
	return nil, false
}

func (m *model) heard(what tab.News) tea.Cmd { return m.tell(tab.Heard{What: what}) }

func (m *model) heardEvent(msg eventMsg) tea.Cmd {
	if msg.watch != m.watchID {
		return nil
	}
	if !msg.open {
		m.ended(msg.at)
		return m.heard(tab.NewsSnapshot)
	}
	source, hints := m.st.Target().Info.Source, m.st.Target().Info.Hints
	m.hear(msg.at, msg.event)
	cmds := []tea.Cmd{m.heard(tab.NewsSnapshot), m.listen()}
	// An endpoint that was found beside memory changes the hints alone.
	if is := m.st.Target().Info; is.Source != source || !slices.Equal(is.Hints, hints) {
		cmds = append(cmds, m.probe(), m.probeMemory())
	}
	if msg.event.Snapshot != nil {
		m.noteClock(msg.event.Snapshot)
		cmds = append(cmds, m.finishCollect(msg.event.Snapshot), m.alarm(msg.event.Snapshot), m.judgeNow(msg.event.Snapshot))
	}
	return tea.Batch(cmds...)
}

// noteClock says so when the machine's clock was set.
func (m *model) noteClock(s *sampler.Snapshot) {
	for _, w := range s.Warnings {
		var set *sampler.ClockSet
		if errors.As(w, &set) {
			m.say(set.Error(), true)
		}
	}
}

// ended says so when the watch closed without telling how the target ended.
func (m *model) ended(at time.Time) {
	if m.st.Live().Gone == nil {
		m.hear(at, sampler.Event{Err: &sampler.Gone{At: at, Reason: "nothing more is read from it"}})
	}
}

// hear passes an event on, and says so when the target has ended with it.
func (m *model) hear(at time.Time, e sampler.Event) {
	lived := m.st.Live().Gone == nil
	m.st.Hear(at, e)
	if gone := m.st.Live().Gone; gone != nil && lived {
		m.collect = nil
		if q := m.question; q != nil && q.no == "" {
			m.question = nil
		}
		m.say(clean(gone.Error())+m.kept(), true)
	}
}

// kept says what is left of a target that has ended.
func (m *model) kept() string {
	if r, ok := m.watch.(Recorded); ok {
		box, err := r.BlackBox()
		switch {
		case err != nil:
			return "; its last minutes could not be written: " + clean(err.Error())
		case box.Recording != "":
			return ": ← goes back, S shows the file of its last minutes"
		}
	}
	return "; the last values are shown"
}

// opened turns to another target, or says why that was not possible and stays.
func (m *model) opened(msg openedMsg) tea.Cmd {
	if msg.err != nil {
		m.say(clean(msg.err.Error()), true)
		return nil
	}
	m.stopWalk()
	m.question = nil
	old := m.watch
	m.watch = msg.watch
	m.watchID++
	m.collect, m.since = nil, time.Time{}
	m.judge = newJudge(m.judge.every)
	guest := m.trip.guest
	m.trip = journey{number: m.trip.number + 1}
	m.asked = asked{processes: m.asked.processes}
	m.st.Retarget(msg.watch.Info(), msg.watch.Output())
	m.notice = notice{}
	m.showTab(0)
	closeOld := func() tea.Msg {
		if old != nil {
			_ = old.Close() // its end concerns nobody any more
		}
		if guest != nil {
			_ = guest.Close() // it was only read
		}
		return nil
	}
	pace := m.st.Interval
	keepPace := func() tea.Msg { msg.watch.SetInterval(pace); return nil }
	return tea.Batch(closeOld, keepPace, m.listen(), m.probe(), m.probeMemory(), m.begin(), m.heard(tab.NewsTarget))
}

// collected takes the end of a forced collection. What it freed is known with the next reading.
func (m *model) collected(msg collectedMsg) tea.Cmd {
	if msg.watch != m.watchID || m.collect == nil {
		return nil
	}
	if msg.err != nil {
		m.collect = nil
		m.say("force a collection: "+clean(msg.err.Error()), true)
		return nil
	}
	m.collect.done, m.collect.at, m.collect.took = true, msg.at, msg.took
	return nil
}

// finishCollect takes the first reading that shows the forced collection: one with more cycles than before, or, where
// cycles are not read, the second one. It waits for four at most.
func (m *model) finishCollect(after *sampler.Snapshot) tea.Cmd {
	c := m.collect
	if c == nil || !c.done {
		return nil
	}
	c.passed++
	was, okWas := c.before.Get(sampler.GoCyclesTotal)
	is, okIs := after.Get(sampler.GoCyclesTotal)
	seen := is > was
	if !okWas || !okIs {
		seen = c.passed >= 2
	}
	if !seen && c.passed < 4 {
		return nil
	}
	m.collect = nil
	done := &tab.Collected{At: c.at, Took: c.took, Before: c.before, After: after}
	m.st.SetCollected(done)
	m.say(freed(done), false)
	return m.heard(tab.NewsCollected)
}

// freed says what a forced collection did to the heap.
func freed(c *tab.Collected) string {
	took := ", in " + unit.Duration(c.Took)
	change := "a collection ran"
	if _, ok := c.After.Get(sampler.RedisUsed); ok {
		change = "memory purged"
	}
	free, allocated := c.Freed()
	switch {
	case free.OK && free.Value > 0:
		change = "freed " + unit.Bytes(free.Value)
	case free.OK:
		change = "freed nothing"
	}
	for _, metric := range []sampler.Metric{sampler.GoClassObjects, sampler.GoHeapLive, sampler.ProcessRSS} {
		was, okWas := c.Before.Get(metric)
		is, okIs := c.After.Get(metric)
		if !okWas || !okIs {
			continue
		}
		what := "heap in use "
		switch metric {
		case sampler.GoHeapLive:
			what = "live heap "
		case sampler.ProcessRSS:
			what = "RSS "
		}
		change += ": " + what + unit.Bytes(was) + " → " + unit.Bytes(is)
		if allocated.Value > was/100 {
			change += ", " + unit.Bytes(allocated.Value) + " allocated meanwhile"
		}
		break
	}
	return change + took
}
