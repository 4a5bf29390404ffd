package tab

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/chart"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func clock(t time.Time) string { return t.Format(time.TimeOnly) }

// View implements Screen.
func (s *Holders) View(st *State, width, height int) string {
	s.size = Size{width, height}
	if st.Walk.Running || st.Walk.Failed != nil || s.walk == nil {
		return s.lines(st, width, height)
	}
	facts, head := walkFacts(st, s.walk, width), s.headRows()
	if height < 8 || width < 30 {
		return theme.Fit(facts+"\n"+s.rowsView(st, width, height-1), width, height)
	}
	facts = theme.Fit(facts+"\n"+walkWarning(st, s.walk, width), width, head)
	if s.key == "" {
		return facts + "\n" + s.rootsPanel(st, width, height-head)
	}
	return facts + "\n" + s.panels(st, width, height-head)
}

// headRows is how many lines of numbers stand above the panels: a second one says what weakens those of the first.
func (s *Holders) headRows() int {
	if s.walk != nil && len(s.walk.Warnings) > 0 && s.size.Height >= 12 {
		return 2
	}
	return 1
}

// panels are the ways, the selected one of them, and the whole heap.
func (s *Holders) panels(st *State, width, height int) string {
	top := min(max(height*2/5, 7), s.table.Len()+theme.PanelRows+1)
	if s.table.Len() == 0 {
		top = min(height, 7)
	}
	rest := height - top
	parts := []string{s.waysPanel(st, width, top)}
	switch {
	case rest < 3:
		return s.waysPanel(st, width, height)
	case width >= wide:
		right := min(max(width*2/5, 44), 76)
		parts = append(parts, theme.Join(1, s.pathPanel(st, width-right-1, rest), s.keepersPanel(st, right, rest)))
	default:
		way := rest
		if w := s.way(); w != nil {
			way = len(s.path(st, w, width-theme.PanelCols)) + theme.PanelRows
		}
		if rest-way < theme.PanelRows+2 {
			way = rest
		}
		parts = append(parts, s.pathPanel(st, width, way))
		if way < rest {
			parts = append(parts, s.keepersPanel(st, width, rest-way))
		}
	}
	return strings.Join(parts, "\n")
}

func (s *Holders) rowsView(st *State, width, rows int) string {
	s.table.Empty = s.whyNothing(st)
	return s.table.View(st.Theme, width, rows, func(row, column int) Cell { return s.cell(st, row, column) })
}

// walkFacts is the line of numbers: how far the walk saw, what it cost, and when that was.
func walkFacts(st *State, w *sampler.HeapWalk, width int) string {
	t := st.Theme
	reached := t.Label.Render("reached ") + t.Strong.Render(unit.Bytes(float64(w.Reached)))
	switch marked := w.Marked.Value; {
	case !w.Marked.OK:
	case float64(w.Reached) > 1.005*marked:
		reached += t.Label.Render(": ") + unit.Bytes(marked) + t.Label.Render(" that the collector marked, and newer ones")
	default:
		reached += t.Label.Render(" of ") + unit.Bytes(marked) + t.Label.Render(" the collector marked ") + unit.Percent(share(w.Reached, int64(marked)))
	}
	parts := []string{
		reached,
		t.Label.Render("walked at ") + clock(w.Time),
		t.Label.Render("in ") + unit.Duration(w.Took),
		t.Label.Render("objects ") + unit.Count(float64(w.Objects)),
		t.Label.Render("read ") + unit.Bytes(float64(w.Read)),
	}
	line := " " + strings.Join(parts, t.Faint.Render(" · "))
	for theme.Width(line) > width && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		line = " " + strings.Join(parts, t.Faint.Render(" · "))
	}
	return theme.Truncate(line, width)
}

// walkWarning is the line that says what weakens the numbers, "" when nothing does.
func walkWarning(st *State, w *sampler.HeapWalk, width int) string {
	if len(w.Warnings) == 0 {
		return ""
	}
	text := theme.Clean(w.Warnings[0].Error())
	if n := len(w.Warnings); n > 1 {
		text += fmt.Sprintf(" (and %d more: ?)", n-1)
	}
	return theme.Truncate(" "+st.Theme.Warn.Render("!")+" "+theme.Truncate(text, width-4), width)
}

// waysPanel lists the ways in which the site's objects are held.
func (s *Holders) waysPanel(st *State, width, height int) string {
	f := theme.Frame{Title: "Who holds " + s.name, Focused: true, Note: s.place}
	if h := s.site; h != nil {
		f.Note = unit.Bytes(float64(h.Bytes)) + " in " + unit.Things(h.Objects, "object")
		if width >= wide {
			f.Note = s.place + " · " + f.Note + " · " + unit.Things(h.Samples, "sample")
			if h.Dead > 0 {
				f.Note += ", " + unit.Count(float64(h.Dead)) + " more are garbage by now"
			}
		}
	}
	if n := s.table.Len(); n > 0 {
		f.Foot = unit.Count(float64(s.table.At()+1)) + " of " + unit.Things(n, "way")
	}
	body := s.rowsView(st, width-theme.PanelCols, height-theme.PanelRows)
	return st.Theme.Frame(f, body, width, height)
}

// rootsPanel lists what keeps the whole heap alive.
func (s *Holders) rootsPanel(st *State, width, height int) string {
	f := theme.Frame{Title: "Who holds the heap", Focused: true, Note: sharedNote(s.walk)}
	f.Foot = s.table.foot()
	body := s.rowsView(st, width-theme.PanelCols, height-theme.PanelRows)
	return st.Theme.Frame(f, body, width, height)
}

func sharedNote(w *sampler.HeapWalk) string {
	if w.Shared == 0 {
		return "each alone"
	}
	return "each alone; " + unit.Bytes(float64(w.Shared)) + " are held by several"
}

// whyNothing says why there is no row.
func (s *Holders) whyNothing(st *State) string {
	switch {
	case s.key == "":
		return "No variable and no goroutine alone keeps an object alive."
	case s.site != nil && s.site.Dead > 0:
		return fmt.Sprintf("Nothing holds the %s of this site any more: they are garbage that the next collections free.", unit.Things(s.site.Dead, "sampled object"))
	case len(s.walk.Sites) == 0 && len(s.walk.Warnings) > 0:
		return sentence("Which objects are of this site is not known: " + theme.Clean(s.walk.Warnings[0].Error()))
	}
	return "The walk met no sampled object of this site: what it held was freed, or was garbage. w walks again."
}

// keepersPanel is the whole heap beside one site: what each root alone keeps alive, the small ones summed up.
func (s *Holders) keepersPanel(st *State, width, height int) string {
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	list := s.walk.Roots
	const small = 0.001
	shown := 0
	for shown < len(list) && (shown < rows-1 || len(list) <= rows) && share(list[shown].Retained, s.walk.Reached) >= small {
		shown++
	}
	lines := make([]string, 0, rows)
	for i := range shown {
		lines = append(lines, s.keeperLine(st.Theme, keeperText(list[i].HoldRoot), list[i].Retained, inner))
	}
	if rest := list[shown:]; len(rest) > 0 {
		var sum int64
		for i := range rest {
			sum += rest[i].Retained
		}
		lines = append(lines, s.keeperLine(st.Theme, unit.Things(len(rest), "other"), sum, inner))
	}
	f := theme.Frame{Title: "What each holds alone", Note: "of the whole heap"}
	if s.walk.Shared > 0 {
		f.Foot = unit.Bytes(float64(s.walk.Shared)) + " held by several"
	}
	return st.Theme.Frame(f, strings.Join(lines, "\n"), width, height)
}

// keeperLine is a name with its bytes, their share, and a bar where there is room.
func (s *Holders) keeperLine(t *theme.Theme, name string, bytes int64, width int) string {
	part := share(bytes, s.walk.Reached)
	numbers := "  " + theme.PadLeft(unit.Bytes(float64(bytes)), bytesCells) + t.Label.Render(theme.PadLeft(unit.Percent(part), shareCells+2))
	if bar := min(width/5, 16); width >= 56 {
		numbers += " " + t.Series(1).Render(chart.Bar(part, bar))
	}
	if width < 36 {
		numbers = "  " + theme.PadLeft(unit.Bytes(float64(bytes)), bytesCells)
	}
	return theme.Pad(name, max(width-theme.Width(numbers), 1)) + numbers
}

// lines is the screen without a result: what a walk takes, how far it is, or why there is none.
func (s *Holders) lines(st *State, width, height int) string {
	title := "Who holds " + s.name
	if s.key == "" {
		title = "Who holds the heap"
	}
	f := theme.Frame{Title: title, Note: s.place, Focused: true}
	framed := height >= 6 && width >= 24
	inner, rows := width, height
	if framed {
		inner, rows = width-theme.PanelCols, height-theme.PanelRows
	}
	body := strings.Join(s.words(st, max(inner-2, 1), rows), "\n ")
	if framed {
		return st.Theme.Frame(f, "\n "+body, width, height)
	}
	return theme.Fit(" "+body, width, height)
}

func (s *Holders) words(st *State, width, rows int) []string {
	t := st.Theme
	switch w := &st.Walk; {
	case w.Running:
		bar := min(max(width-8, 1), 60)
		return append([]string{
			t.Series(1).Render(chart.Bar(w.Progress.Part, bar)) + " " + unit.Percent(w.Progress.Part), t.Label.Render(theme.Clean(w.Progress.Stage)), "",
		}, theme.Wrap("Every pointer of the heap is followed. The program goes on meanwhile; readings wait. Esc stops it.", width, rows)...)
	case w.Failed != nil:
		return s.failedWords(st, width, rows)
	}
	size := "the heap"
	if v, ok := liveReading(st, sampler.GoClassObjects); ok {
		size = "a heap of " + unit.Bytes(v)
	}
	lines := theme.Wrap("To tell who holds what, every pointer of "+size+" is followed. What may hold pointers is read from the process's memory, "+
		"most often a tenth of it; nothing is written, and the program is not stopped. A heap of 1 GB with 2 million objects takes about a second, "+
		"in which one processor is busy and heaptop takes some 50 bytes for each object.", width, rows)
	return append(lines, "", t.Key.Render("Enter")+" walks the heap   "+t.Key.Render("Esc")+" leaves it")
}

func liveReading(st *State, m sampler.Metric) (float64, bool) {
	if st.Live().Snapshot == nil {
		return 0, false
	}
	return st.Live().Snapshot.Get(m)
}

func (s *Holders) failedWords(st *State, width, rows int) []string {
	t, err := st.Theme, st.Walk.Failed
	text := theme.Wrap(sentence(theme.Clean(err.Error())), max(width-2, 1), rows)
	lines := make([]string, 0, len(text)+6)
	for i, l := range text {
		sign := "  "
		if i == 0 {
			sign = t.Warn.Render("!") + " "
		}
		lines = append(lines, sign+l)
	}
	lines = append(lines, "")
	next := t.Key.Render("Enter") + " tries again"
	if errors.Is(err, sampler.ErrSwapped) {
		lines = append(lines, theme.Wrap("Objects that were swapped out would be read back into memory, where they would take room, and slow the program down meanwhile.", width, 3)...)
		next = t.Key.Render("Enter") + " walks all the same"
	}
	return append(lines, next+"   "+t.Key.Render("Esc")+" leaves it")
}
