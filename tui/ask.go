package tui

import (
	"context"
	"errors"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// How often the costlier readings are made, while a screen shows them. A heap profile from an endpoint makes the target
// stop the world, hence its pace; mappings have a time budget of their own.
const (
	heapEvery       = 5 * time.Second
	goroutinesEvery = 5 * time.Second
	mappingsEvery   = 10 * time.Second
	mappingsAgain   = 2 * time.Second // after they were put off: somebody else had just read them
	processesEvery  = time.Second
	logEvery        = 500 * time.Millisecond
	serverEvery     = time.Second
	keysBudget      = 20 * time.Millisecond // of a server's time in each serverEvery: 2 %
	readTimeout     = 15 * time.Second
)

// asking is one sort of reading: when it was last asked for, and whether the answer is still awaited.
type asking struct {
	at   time.Time
	busy bool
}

// due reports whether it is time to ask again, and if so records that it was asked.
func (a *asking) due(now time.Time, every time.Duration) bool {
	const slack = 100 * time.Millisecond // so that a tick a little early does not cost a whole round
	if a.busy || (!a.at.IsZero() && now.Sub(a.at) < every-min(slack, every/10)) {
		return false
	}
	a.at, a.busy = now, true
	return true
}

// sooner makes it due again after wait instead of every.
func (a *asking) sooner(every, wait time.Duration) { a.at = a.at.Add(wait - every) }

// asked is all sorts.
type asked struct{ heap, goroutines, mappings, processes, log, keys, clients asking }

// Messages with the answers. watch is the number of the target that was asked.
type (
	tickMsg  time.Time
	eventMsg struct {
		watch int
		at    time.Time
		event sampler.Event
		open  bool // false: the watch has no more events
	}
	heapMsg struct {
		watch int
		heap  *profile.Heap
		raw   *sampler.Profile
		err   error
	}
	goroutinesMsg struct {
		watch  int
		groups *sampler.Goroutines
		err    error
	}
	mappingsMsg struct {
		watch int
		maps  *sampler.Mappings
		err   error
	}
	processesMsg struct {
		table *sampler.ProcessTable
		err   error
	}
	logMsg struct {
		watch   int
		lines   []sampler.LogLine
		dropped int
	}
	keysMsg struct {
		watch int
		keys  *sampler.Keys
		err   error
	}
	clientsMsg struct {
		watch   int
		clients *sampler.Clients
		err     error
	}
	abilitiesMsg struct {
		watch         int
		cannotCollect error
	}
	openedMsg struct {
		watch Watch
		err   error
	}
	collectedMsg struct {
		watch int
		at    time.Time
		took  time.Duration
		err   error
	}
	savedMsg struct {
		at   time.Time
		path string
		err  error
	}
)

func tick() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// listen waits for the next event of the watch.
func (m *model) listen() tea.Cmd {
	if m.watch == nil {
		return nil
	}
	ctx, id, events := m.ctx, m.watchID, m.watch.Events()
	if events == nil {
		return nil
	}
	return func() tea.Msg {
		select {
		case e, open := <-events:
			return eventMsg{watch: id, at: time.Now(), event: e, open: open}
		case <-ctx.Done():
			return nil
		}
	}
}

// ask returns commands for the readings the screen on top wants and that are due. It has no effect of its own.
func (m *model) ask() tea.Cmd {
	now, need := m.st.Now, m.needs()
	if now.IsZero() || m.recording() { // what a file tells is read moment by moment
		return nil
	}
	var cmds []tea.Cmd
	if need.Processes && m.asked.processes.due(now, max(processesEvery, m.st.Interval)) {
		cmds = append(cmds, m.readProcesses(need.List))
	}
	if m.watch == nil || m.st.Live().Snapshot == nil {
		return tea.Batch(cmds...)
	}
	if need.Log && m.st.Output != nil && m.asked.log.due(now, logEvery) {
		cmds = append(cmds, m.readLog())
	}
	if m.st.Live().Gone != nil {
		return tea.Batch(cmds...)
	}
	if need.Heap && m.asked.heap.due(now, heapEvery) {
		cmds = append(cmds, m.readHeap())
	}
	if need.Goroutines && m.asked.goroutines.due(now, goroutinesEvery) {
		cmds = append(cmds, m.readGoroutines())
	}
	if need.Mappings && m.asked.mappings.due(now, mappingsEvery) {
		cmds = append(cmds, m.readMappings())
	}
	return tea.Batch(append(cmds, m.askServer(need)...)...)
}

// askServer returns commands for what only a server tells.
func (m *model) askServer(need tab.Needs) []tea.Cmd {
	var cmds []tea.Cmd
	if every := max(serverEvery, m.st.Interval); need.Keys && m.asked.keys.due(m.st.Now, every) {
		cmds = append(cmds, m.readKeys())
	}
	if every := max(serverEvery, m.st.Interval); need.Clients && m.asked.clients.due(m.st.Now, every) {
		cmds = append(cmds, m.readClients())
	}
	return cmds
}

func (m *model) readKeys() tea.Cmd {
	id := m.watchID
	var keys sampler.Keys
	read := able("has no keys", &keys, func(l sampler.KeyLister, ctx context.Context) (sampler.Keys, error) {
		return l.BiggestKeys(ctx, keysBudget)
	})
	return m.do(read, func(err error) tea.Msg { return keysMsg{id, &keys, err} })
}

func (m *model) readClients() tea.Cmd {
	id := m.watchID
	var clients sampler.Clients
	read := able("has no clients", &clients, sampler.ClientLister.Clients)
	return m.do(read, func(err error) tea.Msg { return clientsMsg{id, &clients, err} })
}

// able returns what reads into a place of the caller's by an ability of the session; lacks says what a source without it does.
func able[A, V any](lacks string, into *V, read func(A, context.Context) (V, error)) func(context.Context, sampler.Session) error {
	return func(ctx context.Context, s sampler.Session) (err error) {
		a, ok := s.(A)
		if !ok {
			return fmt.Errorf("this source %s: %w", lacks, sampler.ErrUnsupported)
		}
		*into, err = read(a, ctx)
		return err
	}
}

// do runs f with the session in a command and makes a message of its result.
func (m *model) do(f func(context.Context, sampler.Session) error, result func(error) tea.Msg) tea.Cmd {
	ctx, watch := m.ctx, m.watch
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, readTimeout)
		defer stop()
		return result(watch.Do(ctx, f))
	}
}

// sink returns what hands a reading on to be kept, so that it is in the past as well.
func (m *model) sink() func(keep func(capture.Sink)) {
	r, ok := m.watch.(Recorded)
	if !ok || r.Sink() == nil {
		return func(func(capture.Sink)) {}
	}
	return func(keep func(capture.Sink)) { keep(r.Sink()) }
}

func (m *model) readHeap() tea.Cmd {
	id, keep := m.watchID, m.sink()
	var raw sampler.Profile
	read := able("reads no allocation sites", &raw, sampler.HeapProfiler.HeapProfile)
	return m.do(read, func(err error) tea.Msg {
		if err != nil {
			return heapMsg{watch: id, err: err}
		}
		keep(func(s capture.Sink) { s.Heap(raw) })
		heap, err := profile.ParseHeap(raw)
		return heapMsg{watch: id, heap: &heap, raw: &raw, err: err}
	})
}

func (m *model) readGoroutines() tea.Cmd {
	id, keep := m.watchID, m.sink()
	var groups sampler.Goroutines
	read := able("reads no goroutines", &groups, sampler.GoroutineProfiler.Goroutines)
	return m.do(read, func(err error) tea.Msg {
		if err == nil {
			keep(func(s capture.Sink) { s.Goroutines(groups) })
		}
		return goroutinesMsg{id, &groups, err}
	})
}

func (m *model) readMappings() tea.Cmd {
	id, keep := m.watchID, m.sink()
	var maps sampler.Mappings
	read := able("reads no mappings", &maps, sampler.Mapper.Mappings)
	return m.do(read, func(err error) tea.Msg {
		if err == nil {
			keep(func(s capture.Sink) { s.Mappings(maps) })
		}
		return mappingsMsg{id, &maps, err}
	})
}

func (m *model) readProcesses(o sampler.ListOptions) tea.Cmd {
	ctx, backend, table, keep := m.ctx, m.o.Backend, m.st.SpareTable(), m.sink()
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(ctx, readTimeout)
		defer stop()
		err := backend.List(ctx, o, table)
		if err == nil {
			keep(func(s capture.Sink) { s.Processes(table) })
		}
		return processesMsg{table, err}
	}
}

func (m *model) readLog() tea.Cmd {
	id, out, keep := m.watchID, m.st.Output, m.sink()
	return func() tea.Msg {
		lines, dropped := out.Log()
		keep(func(s capture.Sink) { s.Log(lines, dropped) })
		return logMsg{id, lines, dropped}
	}
}

// probe asks the session once what it cannot do, so that the footer shows only keys that work.
func (m *model) probe() tea.Cmd {
	if m.watch == nil {
		return nil
	}
	id := m.watchID
	return m.do(canCollect, func(err error) tea.Msg {
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			err = nil // not known: the key may be tried
		}
		return abilitiesMsg{id, err}
	})
}

func canCollect(_ context.Context, s sampler.Session) error {
	c, ok := s.(sampler.Collector)
	if !ok {
		return fmt.Errorf("a collection can be forced in a Go program with heaptop's agent or a pprof endpoint only: %w",
			sampler.ErrUnsupported)
	}
	return c.CanCollect()
}

func (m *model) open(req tab.Watch) tea.Cmd {
	ctx, backend := m.ctx, m.o.Backend
	return func() tea.Msg {
		watch, err := backend.Open(ctx, req.Target)
		return openedMsg{watch, err}
	}
}

func (m *model) resetPeaks() tea.Cmd {
	if m.watch == nil || m.st.Live().Gone != nil {
		return nil
	}
	reset := func(_ context.Context, s sampler.Session) error {
		if p, ok := s.(sampler.PeakResetter); ok {
			p.ResetPeaks()
		}
		return nil
	}
	return m.do(reset, func(error) tea.Msg { return nil })
}
