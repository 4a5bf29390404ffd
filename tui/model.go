package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// modeTrace is Options.Mode of `heaptop --mode trace`.
const modeTrace = "trace"

// noticeTime is how long a notice stays in the footer.
const noticeTime = 6 * time.Second

// The rows that header and footer take. A screen with fewer rows than tinyRows goes without the footer.
const (
	headerRows = 2
	footerRows = 1
	tinyRows   = 4
)

// model is the root: size, tab, what is opened on top, which readings are under way.
type model struct {
	ctx      context.Context
	o        Options
	st       *tab.State
	watch    Watch // nil when only the machine is shown
	watchID  int   // counts targets, so that late news of an old one is dropped
	width    int
	height   int
	tabs     []tab.Screen
	current  int
	stack    []tab.Screen // opened on top of the tab; the last is seen
	notice   notice
	asked    asked
	rung     []bool      // for each of the person's limits: it was passed and said so
	collect  *collecting // a forced collection whose reading after it is awaited
	walk     *walking    // a walk over the heap that is under way
	question *question   // what the person is asked
	trip     journey     // in the past
	since    time.Time   // the last reset: what is older is not gone back to
	tick     func() tea.Cmd
	judge    judge
	lined    int    // rows that the findings line took at the last message
	frame    string // the last View; valid unless dirty
	dirty    bool
}

// notice is the line that takes the footer's place for a while.
type notice struct {
	text  string
	bad   bool
	until time.Time
}

func newModel(ctx context.Context, o Options) *model {
	m := &model{judge: newJudge(judgeEvery), ctx: ctx, o: o, watch: o.Watch, tabs: tab.All(), tick: tick, dirty: true, width: 80, height: 24}
	m.st = tab.NewState(o.Theme, o.Interval, o.Limits)
	if m.watch != nil {
		m.watchID = 1
		m.st.Retarget(m.watch.Info(), m.watch.Output())
	}
	m.current = firstTab(m.st)
	m.rung = make([]bool, len(o.Limits))
	if o.Mode == modeTrace && m.watch != nil {
		m.push(tab.NewTrace())
	}
	return m
}

// Init starts to listen and to count seconds.
func (m *model) Init() tea.Cmd {
	return tea.Batch(m.listen(), m.probe(), m.probeMemory(), m.tick(), m.begin())
}

// Update takes one message. Every message but a second that changed nothing makes the frame stale.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	cmd := m.take(msg)
	if rows := m.lineRows(); rows != m.lined {
		m.lined, m.dirty = rows, true
		cmd = tea.Batch(cmd, m.resize())
	}
	return m, tea.Batch(cmd, m.ask())
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	if msg, ok := msg.(tickMsg); ok {
		return m.second(time.Time(msg))
	}
	m.dirty = true
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(msg.Width, 1), max(msg.Height, 1)
		return m.resize()
	case tea.KeyMsg:
		return m.key(msg)
	case tea.MouseMsg:
		return m.mouse(msg)
	case tab.Push:
		return m.push(msg.Screen)
	case tab.Notice:
		m.say(msg.Text, msg.Bad)
		return nil
	case tab.Watch:
		if msg.Target.Kind == sampler.KindFile && m.watch != nil && !m.recording() {
			return m.openFile(msg.Target.Path)
		}
		m.say("opening "+clean(msg.Name)+" …", false)
		return m.open(msg)
	}
	if cmd, taken := m.holdNews(msg); taken {
		return cmd
	}
	if cmd, taken := m.news(msg); taken {
		return cmd
	}
	return m.tell(msg)
}

// second moves time on. The frame is drawn anew only where something on it counts seconds.
func (m *model) second(now time.Time) tea.Cmd {
	m.st.Tick(now)
	if m.notice.text != "" && now.After(m.notice.until) {
		m.notice = notice{}
		m.dirty = true
	}
	if m.staleFor() > 0 {
		m.dirty = true
	}
	return tea.Batch(m.tick(), m.tell(tab.Heard{What: tab.NewsTime}))
}

// top is the screen that is seen and has the keys.
func (m *model) top() tab.Screen {
	if n := len(m.stack); n > 0 {
		return m.stack[n-1]
	}
	return m.tabs[m.current]
}

// tell gives a message to all screens, shown or not.
func (m *model) tell(msg tea.Msg) tea.Cmd {
	cmds := make([]tea.Cmd, 0, len(m.tabs)+len(m.stack))
	for _, s := range m.tabs {
		cmds = append(cmds, s.Update(m.st, msg))
	}
	for _, s := range m.stack {
		cmds = append(cmds, s.Update(m.st, msg))
	}
	return tea.Batch(cmds...)
}

func (m *model) push(s tab.Screen) tea.Cmd {
	m.stack = append(m.stack, s)
	return s.Update(m.st, m.size())
}

// pop closes the screen on top and reports whether there was one.
func (m *model) pop() bool {
	n := len(m.stack)
	if n == 0 {
		return false
	}
	m.stack = m.stack[:n-1]
	return true
}

func (m *model) showTab(i int) {
	if i >= 0 && i < len(m.tabs) {
		m.current, m.stack = i, nil
	}
}

func (m *model) size() tab.Size {
	return tab.Size{Width: m.width, Height: m.bodyRows()}
}

func (m *model) resize() tea.Cmd { return m.tell(m.size()) }

// bodyRows is what header and footer leave to the screen, at least 1.
func (m *model) bodyRows() int {
	rows := m.height - headerRows - m.lineRows()
	if m.height >= tinyRows {
		rows -= footerRows
	}
	return max(rows, 1)
}

func (m *model) say(text string, bad bool) {
	m.notice = notice{text: text, bad: bad, until: m.st.Now.Add(noticeTime)}
}

// staleFor is how long nothing was heard of a target that should have been read by now; 0 when all is well.
func (m *model) staleFor() time.Duration {
	st := m.st
	if !st.Watching || st.Heard.IsZero() || st.Live().Gone != nil {
		return 0
	}
	silence := st.Now.Sub(st.Heard)
	if silence <= 2*st.Interval+time.Second {
		return 0
	}
	return silence
}

func (m *model) closeWatch() {
	if m.watch != nil {
		_ = m.watch.Close() // the program ends: nobody is left to tell
	}
	if m.trip.guest != nil {
		_ = m.trip.guest.Close() // it was only read
	}
}

// why returns the reason for which an action can do nothing now; "" when it works.
func (m *model) why(id keys.ID) string {
	st := m.st
	_, paused := st.Paused()
	if why := m.whyNotInPast(id); why != "" {
		return why
	}
	switch id {
	case keys.Mark, keys.Pause:
		if st.Live().Snapshot == nil && st.Live().Processes == nil {
			return "nothing was read yet"
		}
	case keys.Snapshot:
		if st.Data().Snapshot == nil {
			return "nothing was read yet: there is nothing to write"
		}
	case keys.Reset:
		if paused {
			return "the screen is paused: p resumes, then r resets"
		}
	case keys.Collect:
		return m.whyNotCollect()
	case keys.Log:
		if v := st.Visiting(); st.Output == nil && (v == nil || len(v.Log) == 0) {
			return "heaptop did not start this program: heaptop -- COMMAND shows its output"
		}
	case keys.Slower:
		if _, ok := slower(st.Interval); !ok {
			return "it is read as seldom as heaptop can"
		}
	case keys.Faster:
		if _, ok := faster(st.Interval); !ok {
			return "it is read as often as heaptop can"
		}
	}
	return m.top().Why(st, id)
}

func (m *model) whyNotCollect() string {
	switch st := m.st; {
	case !st.Watching:
		return "no program is watched: choose one with Enter"
	case st.Live().Gone != nil:
		return "the program has ended"
	case m.collect != nil:
		return "a collection is under way"
	case st.CannotCollect != nil:
		return clean(st.CannotCollect.Error())
	}
	return ""
}

// intervals are the steps of + and -.
func intervals() []time.Duration {
	return []time.Duration{
		100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
		5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
	}
}

func slower(d time.Duration) (time.Duration, bool) {
	for _, step := range intervals() {
		if step > d {
			return step, true
		}
	}
	return d, false
}

func faster(d time.Duration) (time.Duration, bool) {
	steps := intervals()
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] < d {
			return steps[i], true
		}
	}
	return d, false
}

// needs joins what the screen on top wants with what any target wants always.
func (m *model) needs() tab.Needs {
	if n, ok := m.top().(tab.Needer); ok {
		return n.Needs(m.st)
	}
	return tab.Needs{}
}

// collecting is a forced collection: the reading before it, and how often a reading without a new cycle was let pass.
type collecting struct {
	before *sampler.Snapshot
	at     time.Time
	took   time.Duration
	done   bool
	passed int
}
