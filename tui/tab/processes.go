package tab

import (
	"errors"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Processes shows the machine's processes, ordered, filtered or as a tree, and what each changed since the mark.
type Processes struct {
	listing[processKey]
	ids    []processColumn // what the table's columns are
	tracks processTracks
	all    []processRow // in ascending order of pid
	shown  []int32      // places in all, in the order shown
	branch []branchOf   // of each shown, in a tree
	keys   []processKey
	sorted []sortKey
	at     *sampler.ProcessTable // the table that all points into

	tree   bool
	filter analysis.Filter
	wrong  error // what is wrong with the text typed

	size    Size
	asked   map[int]bool // the rows that Needs last named; never changed once handed out
	watched int          // the pid of the target, 0 without one
	drawn   drawing
}

// drawing is a View that was made, and what for.
type drawing struct {
	version       uint64
	width, height int
	text          string
}

// NewProcesses returns the tab, ordered by resident memory.
func NewProcesses() *Processes {
	s := &Processes{}
	s.table.Dense = denseKeep
	s.setTree(false)
	return s
}

// Title implements Screen.
func (s *Processes) Title() string { return "Processes" }

// Place implements Screen.
func (s *Processes) Place() keys.Place {
	return s.keysOf(keys.InProcesses)
}

// Closable implements BackHandler: Esc drops a filter that was kept.
func (s *Processes) Closable() bool { return !s.filter.Empty() || s.wrong != nil }

// Why implements Screen.
func (s *Processes) Why(st *State, id keys.ID) string {
	switch id {
	case keys.Open:
		row := s.selected()
		switch {
		case st.Visiting() != nil:
			return "these are the processes of then: p shows those of now"
		case row == nil:
			return "there is no process to open"
		case row.p.Kernel:
			return "a kernel thread has no memory of its own to watch"
		}
	case keys.Goroutines:
		return whyNoGoroutines(st)
	}
	return ""
}

// Needs implements Needer: the table, with peak and swap of the rows on screen and a page around them, or of all when
// they are ordered or filtered by one of them.
func (s *Processes) Needs(*State) Needs {
	n := Needs{Processes: true}
	if c := s.column(); c == procPeak || c == procSwap || s.filter.NeedsStatus() {
		n.List.All = true
		return n
	}
	from, to := s.table.Visible()
	page := to - from
	from, to = max(from-page, 0), min(to+page, len(s.shown))
	if !s.asksFor(from, to) {
		s.asked = make(map[int]bool, to-from)
		for _, i := range s.shown[from:to] {
			s.asked[s.all[i].p.PID] = true
		}
	}
	n.List.PIDs = s.asked
	return n
}

func (s *Processes) asksFor(from, to int) bool {
	if len(s.asked) != to-from {
		return false
	}
	for _, i := range s.shown[from:to] {
		if !s.asked[s.all[i].p.PID] {
			return false
		}
	}
	return true
}

// Update implements Screen.
func (s *Processes) Update(st *State, msg tea.Msg) (cmd tea.Cmd) {
	switch msg := msg.(type) {
	case Heard:
		s.hear(st, msg.What)
	case Size:
		s.size = msg
		s.table.Resize(s.body().height)
	default:
		cmd = s.used(msg)
	}
	s.drawn = drawing{}
	return cmd
}

// used does what keys and mouse ask.
func (s *Processes) used(msg tea.Msg) tea.Cmd {
	if act, ok := msg.(Act); ok {
		if cmd, done := s.act(act.ID); done {
			return cmd
		}
	}
	switch s.heed(msg, s.body()) {
	case outcomeOrder:
		s.arrange()
	case outcomeFilter:
		s.parse()
	}
	s.table.Resize(s.body().height)
	return nil
}

func (s *Processes) hear(st *State, what News) {
	_, paused := st.Paused()
	switch what {
	case NewsProcesses:
		if table := st.Live().Processes; table != nil && st.Live().ProcessesFail == nil && table.Time.After(s.tracks.last) {
			s.tracks.add(table)
		}
	case NewsMark:
		if s.at != nil && st.Data().At.Sub(s.at.Time) < 5*time.Second {
			s.tracks.setMark(s.all)
			return
		}
		s.tracks.forgetMark()
	case NewsReset:
		s.tracks = processTracks{}
		if table := st.Live().Processes; table != nil {
			s.tracks.add(table)
		}
	case NewsPause:
		if st.Visiting() != nil {
			s.showPast(st)
			return
		}
	default:
		return
	}
	if table := st.Live().Processes; table != nil && !paused && len(table.Processes) == len(s.tracks.list) {
		s.all, s.at = s.tracks.collect(table, s.all), table
		s.arrange()
	}
}

// act does what is asked of this screen alone; done is false where it is the list's to do.
func (s *Processes) act(id keys.ID) (cmd tea.Cmd, done bool) {
	switch id {
	case keys.Open:
		if row := s.selected(); row != nil {
			target := sampler.Target{Kind: sampler.KindProcess, PID: row.p.PID}
			return Ask(Watch{Target: target, Name: theme.Clean(row.p.Name)}), true
		}
	case keys.Goroutines:
		return Ask(Push{NewGoroutines()}), true
	case keys.FilterKeep:
		if s.wrong == nil {
			return nil, false
		}
		text := s.wrong.Error()
		s.dropFilter()
		return Ask(Notice{Text: text, Bad: true}), true
	case keys.FilterDrop, keys.Back:
		s.dropFilter()
	case keys.Tree:
		s.setTree(!s.tree)
		s.arrange()
	default:
		return nil, false
	}
	return nil, true
}

func (s *Processes) setTree(tree bool) {
	s.tree = tree
	ids, columns := processColumns(tree)
	s.ids = ids
	s.table.SetColumns(columns)
	s.table.Reverse = false
	for i, id := range ids {
		if tree && id == procTree || !tree && id == procRSS {
			s.table.Order = i
		}
	}
}

// column is the column the rows are ordered by.
func (s *Processes) column() processColumn { return s.ids[s.table.Order] }

func (s *Processes) selected() *processRow {
	if at := s.table.At(); s.table.Len() > 0 {
		return &s.all[s.shown[at]]
	}
	return nil
}

// parse takes the text typed so far. While it is wrong the last filter that was right stays.
func (s *Processes) parse() {
	filter, err := analysis.ParseFilter(s.input.Text())
	s.wrong = err
	if err == nil {
		s.filter = filter
		s.arrange()
	}
}

func (s *Processes) dropFilter() {
	s.drop()
	s.wrong, s.filter = nil, analysis.Filter{}
	s.table.Resize(s.body().height)
	s.arrange()
}

// box is where the table stands on the screen.
type box struct{ x, y, width, height int }

// body is where the table stands: below the machine's line, within a panel, below the line of the filter.
func (s *Processes) body() box {
	b := s.size.box()
	if b.height >= 8 {
		b.y++
		b.height--
	}
	return within(b, s.typing)
}

// View implements Screen.
func (s *Processes) View(st *State, width, height int) string {
	if s.drawn.text != "" && s.drawn.version == st.Version && s.drawn.width == width && s.drawn.height == height {
		return s.drawn.text
	}
	s.size = Size{width, height}
	s.table.Empty, s.watched = s.empty(st), 0
	if st.Watching {
		s.watched = st.Info.PID
	}
	th, body := st.Theme, s.body()
	text := s.table.View(th, body.width, body.height, func(row, column int) Cell { return s.cell(th, row, column) })
	if s.typing {
		text = strings.TrimSuffix(s.filterLine(th, body.width)+"\n"+text, "\n")
	}
	rows := height
	if height >= 8 {
		rows--
	}
	if framedBox(s.size.box()) {
		text = th.Frame(theme.Frame{Title: "Processes", Note: s.note(), Foot: s.foot(st), Focused: true}, text, width, rows)
	}
	if height >= 8 {
		text = s.machine(st, width) + "\n" + text
	}
	s.drawn = drawing{st.Version, width, height, theme.Fit(text, width, height)}
	return s.drawn.text
}

func (s *Processes) machine(st *State, width int) string {
	if s.at == nil {
		return theme.Spaces(width)
	}
	return machineLine(st.Theme, s.at.Machine, width)
}

// filterLine is the text typed and what is wrong with it.
func (s *Processes) filterLine(th *theme.Theme, width int) string {
	line := s.input.View(th, width)
	hint := th.Faint.Render("mem>1gb user=root name~api")
	switch {
	case s.wrong != nil:
		hint = th.Warn.Render("! " + theme.Clean(strings.TrimPrefix(s.wrong.Error(), "filter, ")))
	case s.input.Text() != "":
		hint = th.Faint.Render(unit.Count(float64(len(s.shown))) + " shown")
	}
	return theme.Pad(line+"  "+hint, width)
}

func (s *Processes) note() string {
	note := "by " + s.table.Columns[s.table.Order].Title
	if s.tree {
		note = "tree · sums count shared pages once a process · " + note
	}
	if !s.filter.Empty() && !s.typing {
		note = "filter " + theme.Clean(s.filter.String()) + " · " + note
	}
	return note
}

func (s *Processes) foot(st *State) string {
	d := st.Data()
	if d.ProcessesFail != nil {
		return "the last table: " + theme.Clean(d.ProcessesFail.Error())
	}
	if s.at == nil {
		return ""
	}
	foot := unit.Count(float64(len(s.all))) + " processes"
	if s.table.Len() > 0 {
		foot = s.table.foot()
	}
	if n := len(s.at.Warnings); n > 0 {
		return theme.Clean(s.at.Warnings[0].Error()) + " · " + foot
	}
	return foot
}

// empty says why there are no rows.
func (s *Processes) empty(st *State) string {
	err := st.Data().ProcessesFail
	switch {
	case errors.Is(err, sampler.ErrUnsupported):
		return "There is no process table here: " + theme.Clean(err.Error())
	case err != nil:
		return "The process table cannot be read: " + theme.Clean(err.Error())
	case s.at == nil && st.frozen != nil:
		return "The process table was not read before the screen was frozen: p goes on."
	case s.at == nil:
		return "Reading the process table."
	case !s.filter.Empty():
		return "No process passes the filter. Esc drops it."
	}
	return "There is no process."
}
