package tab

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Site shows one allocation site: its stack, the source of the selected frame, and its memory over time.
type Site struct {
	key    string
	name   string
	row    profile.SiteRow // as last seen in a profile
	gone   bool            // the latest profile has no such site
	frame  int             // the selected frame
	source sourceText
	rows   int
}

// NewSite opens a site as a row of the table has it.
func NewSite(row profile.SiteRow) *Site {
	return &Site{key: row.Key(), name: theme.Clean(row.Function), row: row}
}

// Title implements Screen.
func (s *Site) Title() string { return s.name }

// Place implements Screen.
func (s *Site) Place() keys.Place { return keys.InSite }

// Mode implements Screen.
func (s *Site) Mode() Mode { return Normal }

// Why implements Screen.
func (s *Site) Why(st *State, id keys.ID) string {
	if id == keys.Holders {
		return whyNoHolders(st)
	}
	return ""
}

// Needs implements Needer.
func (s *Site) Needs(*State) Needs { return Needs{Heap: true} }

// Update implements Screen.
func (s *Site) Update(st *State, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case Heard:
		if msg.What == NewsHeap || msg.What == NewsMark || msg.What == NewsPause {
			s.refresh(st)
		}
	case Size:
		s.rows = msg.Height
		if s.source.frame == (sampler.Frame{}) {
			return s.choose(st, 0)
		}
	case sourceText:
		if msg.frame == s.selected() {
			s.source = msg
		}
	case Wheel:
		return s.choose(st, s.frame+msg.Lines/max(abs(msg.Lines), 1))
	case Click:
		if i, ok := s.frameAt(msg.Y); ok {
			return s.choose(st, i)
		}
	case Act:
		return s.act(st, msg.ID)
	}
	return nil
}

func (s *Site) act(st *State, id keys.ID) tea.Cmd {
	switch id {
	case keys.Flame:
		return Ask(Push{NewFlame(s.row.Stack)})
	case keys.Up:
		return s.choose(st, s.frame-1)
	case keys.Down:
		return s.choose(st, s.frame+1)
	case keys.PageUp, keys.Home:
		return s.choose(st, 0)
	case keys.PageDown, keys.End:
		return s.choose(st, len(s.row.Stack)-1)
	case keys.Holders:
		return Ask(Push{NewHolders(&s.row)})
	}
	return nil
}

// choose selects a frame and asks for its source.
func (s *Site) choose(st *State, i int) tea.Cmd {
	if len(s.row.Stack) == 0 {
		return nil
	}
	s.frame = min(max(i, 0), len(s.row.Stack)-1)
	f := s.selected()
	if s.source.frame == f {
		return nil
	}
	s.source = sourceText{frame: f}
	return readSource(st.Theme, f)
}

func (s *Site) selected() sampler.Frame {
	if s.frame < len(s.row.Stack) {
		return s.row.Stack[s.frame]
	}
	return sampler.Frame{}
}

// refresh finds the site in what is shown now.
func (s *Site) refresh(st *State) {
	d := st.Data()
	if d.Heap == nil {
		return
	}
	for _, row := range profile.Rows(*d.Heap, d.Mark.Heap, d.HeapBefore) {
		if row.Key() == s.key {
			s.row, s.gone = row, false
			return
		}
	}
	s.gone = true
}

// View implements Screen.
func (s *Site) View(st *State, width, height int) string {
	facts := s.facts(st, width)
	if height < 8 || width < 30 {
		return theme.Fit(facts+"\n"+s.stack(st, width), width, height)
	}
	past := min(max(height/4, 5), 12)
	if height < 18 {
		past = 0
	}
	rest := height - 1 - past
	parts := []string{theme.Fit(facts, width, 1)}
	if width >= wide {
		left := min(max(width*9/20, 46), 90)
		parts = append(parts, theme.Join(1, s.stackPanel(st, left, rest), s.sourcePanel(st, width-left-1, rest)))
	} else {
		top := min(max(rest*2/5, 3), len(s.row.Stack)+theme.PanelRows)
		parts = append(parts, s.stackPanel(st, width, top), s.sourcePanel(st, width, rest-top))
	}
	if past > 0 {
		parts = append(parts, s.pastPanel(st, width, past))
	}
	return strings.Join(parts, "\n")
}

// facts is the line of numbers: what the row of the table said.
func (s *Site) facts(st *State, width int) string {
	t := st.Theme
	if s.gone {
		return t.Warn.Render(" ! ") + "The latest profile has nothing left of this site; the last values are shown."
	}
	change := changeCell(t, s.row.Change, s.row.ChangeError)
	rests := t.Label.Render("rests on ") + unit.Things(int(s.row.Samples), "sample")
	parts := []string{
		t.Label.Render("in use ") + t.Strong.Render(unit.Bytes(s.row.InUseBytes)),
		t.Label.Render("since mark ") + change.Style.Render(change.Text),
		rests,
		t.Label.Render("objects ") + unit.Count(s.row.InUseObjects),
		t.Label.Render("allocated ") + unit.Bytes(s.row.AllocBytes),
	}
	if s.row.Uncertainty > 0 {
		parts[2] += t.Label.Render(", ± ") + unit.Bytes(s.row.Uncertainty)
	}
	if s.row.AllocPerSec.OK {
		parts = append(parts, unit.Rate(s.row.AllocPerSec.Value))
	}
	line := " " + strings.Join(parts, t.Faint.Render(" · "))
	for theme.Width(line) >= width && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		line = " " + strings.Join(parts, t.Faint.Render(" · "))
	}
	return line
}

func (s *Site) stackPanel(st *State, width, height int) string {
	f := theme.Frame{Title: "Stack", Note: "innermost first", Focused: true}
	if n := s.row.StackCount; n > 1 {
		f.Note = "of " + unit.Count(float64(n)) + " the one that holds most"
	}
	rows := height - theme.PanelRows
	if n := len(s.row.Stack); n > rows && rows > 0 {
		first := s.firstFrame(rows)
		f.Foot = span(first+1, min(first+rows, n), n)
	}
	return st.Theme.Frame(f, s.stackRows(st, width-theme.PanelCols, rows), width, height)
}

func (s *Site) stack(st *State, width int) string { return s.stackRows(st, width, len(s.row.Stack)) }

// firstFrame is the frame in the first of so many rows.
func (s *Site) firstFrame(rows int) int {
	return min(max(s.frame-rows/2, 0), max(len(s.row.Stack)-rows, 0))
}

func (s *Site) stackRows(st *State, width, rows int) string {
	t := st.Theme
	if rows <= 0 {
		return ""
	}
	var b strings.Builder
	first := s.firstFrame(rows)
	for i := first; i < min(first+rows, len(s.row.Stack)); i++ {
		f := s.row.Stack[i]
		place := theme.Clean(filepath.Base(f.File)) + ":" + strconv.Itoa(f.Line)
		if f.File == "" {
			place = ""
		}
		room := max(width-2-theme.Width(place)-1, width/2)
		name := theme.Clean(f.Function)
		if theme.Width(name) > room {
			name = theme.Truncate(profile.ShortName(name), room)
		}
		name = theme.Pad(name, room)
		text := theme.Pad(name+" "+place, width-2)
		if i == s.frame {
			t.Selected.Write(&b, theme.Pad(theme.SignSelect+" "+text, width))
		} else {
			b.WriteString("  " + name + " " + t.Label.Render(theme.Truncate(place, max(width-3-room, 0))))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// frameAt finds the frame in a row of the screen, in the layout View draws.
func (s *Site) frameAt(y int) (int, bool) {
	rows := s.rows - 1
	i := y - 2
	if i < 0 || i >= rows {
		return 0, false
	}
	i += s.firstFrame(min(rows, len(s.row.Stack)))
	return i, i < len(s.row.Stack)
}

func (s *Site) sourcePanel(st *State, width, height int) string {
	t := st.Theme
	f := s.selected()
	frame := theme.Frame{Title: "Source"}
	if f.File != "" {
		room := max(width-theme.PanelCols-14, 8)
		frame.Note = theme.TruncateLeft(theme.Clean(f.File)+":"+strconv.Itoa(f.Line), room)
	}
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	var body string
	switch {
	case s.source.err != nil:
		text := theme.Wrap(sentence(theme.Clean(s.source.err.Error())), inner, rows)
		body = t.Label.Render(strings.Join(text, "\n"))
	case len(s.source.lines) > 0 && inner > 8 && rows > 0:
		body = s.sourceRows(t, f.Line, inner, rows)
	}
	return t.Frame(frame, body, width, height)
}

func (s *Site) sourceRows(t *theme.Theme, line, width, rows int) string {
	at := line - s.source.first
	first := min(max(at-rows/2, 0), max(len(s.source.lines)-rows, 0))
	last := min(first+rows, len(s.source.lines))
	digits := len(strconv.Itoa(s.source.first + last - 1))
	var b strings.Builder
	for i := first; i < last; i++ {
		number := theme.PadLeft(strconv.Itoa(s.source.first+i), digits)
		if i == at {
			b.WriteString(t.Accent.Render(theme.SignSelect+number) + "  ")
		} else {
			b.WriteString(t.Faint.Render(" "+number) + "  ")
		}
		b.WriteString(theme.Truncate(s.source.lines[i], width-digits-3))
		b.WriteByte('\n')
	}
	return b.String()
}

// pastPanel draws the site's memory in use over time.
func (s *Site) pastPanel(st *State, width, height int) string {
	times, values := st.Sites.Of(s.key, st.Cursor())
	inner := width - theme.PanelCols
	title := "In use"
	body := st.Theme.Label.Render(fmt.Sprintf("Profiles are read every %s; two are needed to draw a line.", unit.Duration(siteEvery)))
	if len(values) >= 2 {
		points := make([]sampler.Point, len(values))
		for i, v := range values {
			points[i] = sampler.Point{Time: times[i], Min: v, Max: v, Last: v}
		}
		from, to := times[0], times[len(times)-1]
		title += ", last " + unit.Duration(to.Sub(from))
		body = chart.Lines(chart.Options{
			Theme: st.Theme, Width: inner, Height: height - theme.PanelRows, Span: to.Sub(from), End: endLabel(st),
			Lines: []chart.Line{{
				Name: "in use", Text: unit.Bytes(values[len(values)-1]), Style: st.Theme.Series(1), Stroke: chart.Heavy,
				Values: chart.Columns(points, from, to, chart.PlotWidth(inner)),
			}},
		})
	}
	return st.Theme.Frame(theme.Frame{Title: title}, body, width, height)
}

func abs(n int) int { return int(math.Abs(float64(n))) }

// sentence makes an error's words a sentence.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// below draws the stack and the source of the selected frame below a line of facts.
func (s *Site) below(st *State, facts string, width, height int) string {
	if height < 8 || width < 30 {
		return theme.Fit(facts+"\n"+s.stack(st, width), width, height)
	}
	rest := height - 1
	if width >= wide {
		left := min(max(width*9/20, 46), 90)
		return facts + "\n" + theme.Join(1, s.stackPanel(st, left, rest), s.sourcePanel(st, width-left-1, rest))
	}
	top := min(max(rest/2, 3), len(s.row.Stack)+theme.PanelRows)
	return facts + "\n" + s.stackPanel(st, width, top) + "\n" + s.sourcePanel(st, width, rest-top)
}

// factsLine joins as many parts as fit.
func factsLine(t *theme.Theme, parts []string, width int) string {
	line := " " + strings.Join(parts, t.Faint.Render(" · "))
	for theme.Width(line) > width && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		line = " " + strings.Join(parts, t.Faint.Render(" · "))
	}
	return line
}
