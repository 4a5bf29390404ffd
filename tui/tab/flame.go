package tab

import (
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Flame shows a heap profile as a flame graph: who calls whom down to what allocates, widths in proportion to bytes. It is
// of the watched target, or of two profiles that were compared.
type Flame struct {
	nav     chart.FlameNav
	measure profile.Measure
	filtering
	size Size

	start []sampler.Frame // the stack to begin at; nil once that is done
	title string          // "" for the watched target
	fixed *profile.Joined // what was compared; nil for the watched target

	wanted flameOf // what was asked for last
	shown  flameBuilt
}

// flameOf says what a graph is of.
type flameOf struct {
	from, to *profile.Heap
	measure  profile.Measure
}

// flameBuilt is a graph, made by a command.
type flameBuilt struct {
	of     flameOf
	joined *profile.Joined
	root   *profile.Node
	err    error
}

// NewFlame returns the flame graph of what the watched target holds, and allocated since the mark. The function at the
// end of the stack, innermost frame first, is selected; nil selects the root.
func NewFlame(stack []sampler.Frame) *Flame { return &Flame{start: stack} }

// NewFlameOf returns the flame graph of a comparison. title says what was compared.
func NewFlameOf(joined *profile.Joined, title string) *Flame {
	return &Flame{fixed: joined, title: theme.Clean(title), measure: profile.MeasureChange}
}

// Title implements Screen.
func (s *Flame) Title() string { return "Flame graph" }

// Place implements Screen.
func (s *Flame) Place() keys.Place {
	return s.keysOf(keys.InFlame)
}

// Closable implements BackHandler: Esc ends the search, then undoes the zoom.
func (s *Flame) Closable() bool {
	return s.nav.Searching() || s.nav.Zoomed() != s.nav.Root()
}

// Needs implements Needer.
func (s *Flame) Needs(*State) Needs { return Needs{Heap: s.fixed == nil} }

// Why implements Screen.
func (s *Flame) Why(_ *State, id keys.ID) string {
	switch id {
	case keys.FlameZoom:
		if s.nav.Selected() != nil && s.nav.Selected() == s.nav.Zoomed() {
			return "this function has the whole width: choose one below it"
		}
		if s.nav.Root() == nil {
			return "there is nothing to zoom in on"
		}
	case keys.FlameNext:
		if n, _ := s.nav.Found(); n == 0 {
			return "nothing is searched for, or nothing was found: / searches"
		}
	}
	return ""
}

// Update implements Screen.
func (s *Flame) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard:
		if msg.What != NewsTime {
			return s.build(st)
		}
	case Size:
		s.size = msg
		s.nav.Settle(s.width())
		return s.build(st)
	case flameBuilt:
		if msg.of == s.wanted {
			s.shown = msg
			s.nav.SetRoot(msg.root)
			if msg.root != nil && s.start != nil {
				s.nav.Go(s.start)
				s.start = nil
			}
			s.nav.Settle(s.width())
		}
	case tea.KeyMsg:
		if s.typed(msg) {
			s.nav.Search(s.input.Text())
		}
	case Wheel:
		s.move(msg.Lines)
	case Click:
		s.click(msg)
	case Act:
		return s.act(st, msg.ID)
	}
	return nil
}

// build asks for the graph, unless it is there or under way. It takes some ten milliseconds for large profiles.
func (s *Flame) build(st *State) tea.Cmd {
	of := flameOf{measure: s.measure}
	if s.fixed != nil {
		of.from, of.to = s.fixed.From, s.fixed.To
	} else {
		d := st.Data()
		of.from, of.to = d.Mark.Heap, d.Heap
	}
	if of == s.wanted {
		return nil
	}
	s.wanted = of
	if of.to == nil {
		s.shown = flameBuilt{of: of}
		s.nav.SetRoot(nil)
		return nil
	}
	joined := s.fixed
	if joined == nil && s.shown.of.from == of.from && s.shown.of.to == of.to {
		joined = s.shown.joined // another measure of the same
	}
	return func() tea.Msg {
		out := flameBuilt{of: of, joined: joined}
		if out.joined == nil {
			if out.joined, out.err = profile.Join(of.from, of.to, false); out.err != nil {
				return out
			}
		}
		out.root, out.err = out.joined.Flame(of.measure, profile.Filter{})
		return out
	}
}

func (s *Flame) act(st *State, id keys.ID) tea.Cmd {
	width := s.width()
	switch id {
	case keys.Up:
		s.nav.Up()
	case keys.Down:
		s.nav.Down(width)
	case keys.PageUp:
		s.move(-flamePage)
	case keys.PageDown:
		s.move(flamePage)
	case keys.FlameLeft:
		s.nav.Beside(-1, width)
	case keys.FlameRight:
		s.nav.Beside(1, width)
	case keys.Home:
		s.nav.Home()
	case keys.End:
		s.nav.Deepest(width)
	case keys.FlameZoom:
		s.nav.Zoom()
	case keys.FlameSearch:
		s.typing = true
	case keys.FlameNext:
		s.nav.NextFound(width)
	case keys.FilterKeep:
		s.typing = false
		s.nav.NextFound(width)
	case keys.FilterDrop:
		s.drop()
		s.nav.Search("")
	case keys.Back:
		s.nav.Back()
		if !s.nav.Searching() {
			s.input.Set("")
		}
	case keys.FlameMeasure:
		s.measure = s.measure.Next()
		return s.build(st)
	}
	return nil
}

// flamePage is how many calls PgUp and PgDn move by.
const flamePage = 8

// move goes to callers, for a negative number, or to what is called.
func (s *Flame) move(by int) {
	for ; by < 0; by++ {
		s.nav.Up()
	}
	for ; by > 0; by-- {
		s.nav.Down(s.width())
	}
}

// click selects a function; a click on the selected one zooms in.
func (s *Flame) click(c Click) {
	body := s.body()
	g := chart.Flame{Nav: &s.nav, Measure: s.measure, Width: body.width, Height: body.height}
	node := g.At(c.X-body.x, c.Y-body.y)
	if node != nil && node == s.nav.Selected() {
		s.nav.Zoom()
		return
	}
	s.nav.Select(node)
}

func (s *Flame) framed() bool { return s.size.Width >= 24 && s.size.Height >= 8 }

// flameFacts is how many lines below the graph tell of the selected function.
const flameFacts = 2

// body is where the graph stands.
func (s *Flame) body() box {
	if !s.framed() {
		return box{0, 0, s.size.Width, max(s.size.Height-1, 1)}
	}
	return box{theme.PanelCols / 2, 1, s.size.Width - theme.PanelCols, s.size.Height - theme.PanelRows - flameFacts - 1}
}

func (s *Flame) width() int { return max(s.body().width, 1) }

// View implements Screen.
func (s *Flame) View(st *State, width, height int) string {
	t, body := st.Theme, s.body()
	var text string
	if root := s.nav.Root(); root == nil || root.Bytes == 0 {
		text = theme.Fit(emptySites(st, s.empty(st), body.width, body.height), body.width, body.height)
	} else {
		g := chart.Flame{Nav: &s.nav, Measure: s.measure, Width: body.width, Height: body.height}
		text = g.View(t)
	}
	if !s.framed() {
		return theme.Fit(text+"\n"+s.name(t, width), width, height)
	}
	text += "\n" + t.Border.Render(rule(body.width)) + "\n" + s.name(t, body.width) + "\n" + s.facts(t, body.width)
	f := theme.Frame{Title: s.head(), Note: s.note(st, width), Foot: s.foot(), Focused: true}
	return t.Frame(f, text, width, height)
}

func rule(width int) string {
	b := make([]byte, 0, 3*width)
	for range width {
		b = append(b, "─"...)
	}
	return string(b)
}

func (s *Flame) head() string {
	if s.title != "" {
		return "Flame graph · " + s.title + " · " + s.measure.String()
	}
	return "Flame graph · " + s.measure.String()
}

// note says what the graph amounts to and from when it is.
func (s *Flame) note(st *State, width int) string {
	root := s.nav.Root()
	if root == nil || s.shown.of.to == nil {
		return ""
	}
	note := unit.Bytes(root.Bytes)
	if s.measure == profile.MeasureChange {
		note = "grown " + unit.Bytes(root.Grown) + " · shrunk " + unit.Bytes(root.Shrunk)
	}
	if s.fixed != nil {
		return note
	}
	if err := st.Data().HeapFailed; err != nil {
		return "not read since " + s.shown.of.to.Time.Format(time.TimeOnly)
	}
	if s.measure.Compares() && s.shown.of.from != nil && width >= wide {
		note += " · since " + s.shown.of.from.Time.Format(time.TimeOnly)
	}
	return note + " · " + s.shown.of.to.Time.Format(time.TimeOnly)
}

func (s *Flame) foot() string {
	if n, bytes := s.nav.Found(); s.nav.Searching() {
		return theme.Clean(s.input.Text()) + ": " + unit.Count(float64(n)) + " found · " + unit.Bytes(bytes)
	}
	return ""
}

// name is the selected function in full, or the line of the search.
func (s *Flame) name(t *theme.Theme, width int) string {
	if s.typing {
		return s.input.View(t, width)
	}
	n := s.nav.Selected()
	if n == nil {
		return ""
	}
	if n.Parent == nil || n.Merged > 0 {
		return theme.Truncate(t.Strong.Render(chart.FlameName(n)), width)
	}
	place := ""
	if n.Frame.File != "" {
		place = theme.Clean(n.Frame.File) + ":" + strconv.Itoa(n.Frame.Line)
	}
	name := theme.TruncateLeft(theme.Clean(n.Frame.Function), width)
	room := width - theme.Width(name) - 2
	if room < 8 {
		return t.Strong.Render(name)
	}
	return t.Strong.Render(name) + "  " + t.Label.Render(theme.TruncateLeft(place, room))
}

// facts are the numbers of the selected function.
func (s *Flame) facts(t *theme.Theme, width int) string {
	n, root := s.nav.Selected(), s.nav.Root()
	if n == nil || root == nil || root.Bytes == 0 {
		return ""
	}
	label := func(word, value string) string { return t.Label.Render(word+" ") + value }
	var line string
	if s.measure == profile.MeasureChange {
		style, sign := t.ChangeStyle(n.Change())
		line = style.Render(sign+" "+unit.Change(n.Change())) + t.Label.Render(" ± "+unit.Bytes(n.Uncertainty())) +
			"  " + label("grown", unit.Bytes(n.Grown)) + "  " + label("shrunk", unit.Bytes(n.Shrunk))
	} else {
		line = t.Strong.Render(unit.Bytes(n.Bytes)) + "  " + label("of all", unit.Percent(n.Bytes/root.Bytes))
		if p := n.Parent; p != nil && p.Parent != nil {
			line += "  " + label("of its caller", unit.Percent(n.Bytes/p.Bytes))
		}
	}
	line += "  " + label("itself", unit.Bytes(n.Self))
	if n.Own {
		line += "  " + t.Label.Render("own code")
	}
	return theme.Truncate(line, width)
}

// empty says why there is no graph.
func (s *Flame) empty(st *State) string {
	d := st.Data()
	switch {
	case s.shown.err != nil:
		return sentence("No graph: " + theme.Clean(s.shown.err.Error()))
	case s.nav.Root() != nil && s.measure.Compares():
		return "Nothing changed since the mark, as far as the profile's samples tell."
	case s.nav.Root() != nil || s.fixed != nil:
		return "No graph: the profile holds nothing of this."
	case !st.Watching:
		return "No program is watched. Tab 2 lists the processes; Enter watches one."
	case d.Heap != nil && d.Heap.Empty != "":
		return sentence("No graph: " + theme.Clean(d.Heap.Empty))
	case d.HeapFailed != nil && notGo(st):
		return "No graph: " + theme.Clean(st.Info.Name) + " is not a Go program, as far as can be told."
	case d.HeapFailed != nil:
		return sentence("No graph: " + theme.Clean(d.HeapFailed.Error()))
	case d.Gone != nil:
		return "The program ended before a heap profile was read."
	case s.wanted.to != nil:
		return "The graph is being made."
	}
	return "The first heap profile is being read."
}
