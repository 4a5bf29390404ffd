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
	if st.Walk.Running || st.Walk.Failed != nil || s.walk == nil {
		return s.lines(st, width, height)
	}
	facts := walkFacts(st, s.walk, width)
	if height < 8 || width < 30 {
		return theme.Fit(facts+"\n"+s.rowsView(st, width, height-1), width, height)
	}
	top := height - 1
	if s.key == "" {
		return theme.Fit(facts, width, 1) + "\n" + s.rootsPanel(st, width, top)
	}
	top = min(max(height*2/5, 7), s.table.Len()+theme.PanelRows+1)
	if s.table.Len() == 0 {
		top = min(height-1, 7)
	}
	rest := height - 1 - top
	parts := []string{theme.Fit(facts, width, 1), s.waysPanel(st, width, top)}
	switch {
	case rest < 3:
		parts[1] = s.waysPanel(st, width, height-1)
	case width >= wide:
		right := min(max(width*2/5, 44), 76)
		parts = append(parts, theme.Join(1, s.pathPanel(st, width-right-1, rest), s.keepersPanel(st, right, rest)))
	default:
		parts = append(parts, s.pathPanel(st, width, rest))
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
	if w.Marked.OK {
		reached += t.Label.Render(" of ") + unit.Bytes(w.Marked.Value) + t.Label.Render(" the collector marked")
		if w.Marked.Value > 0 {
			reached += " " + unit.Percent(float64(w.Reached)/w.Marked.Value)
		}
	}
	parts := []string{
		reached,
		t.Label.Render("walked at ") + clock(w.Time),
		t.Label.Render("in ") + unit.Duration(w.Took),
		t.Label.Render("objects ") + unit.Count(float64(w.Objects)),
		t.Label.Render("read ") + unit.Bytes(float64(w.Read)),
	}
	if n := len(w.Warnings); n > 0 {
		warning := t.Warn.Render("! ") + theme.Clean(w.Warnings[0].Error())
		if n > 1 {
			warning += fmt.Sprintf(" (and %d more)", n-1)
		}
		parts = append([]string{parts[0], warning}, parts[1:]...)
	}
	line := " " + strings.Join(parts, t.Faint.Render(" · "))
	for theme.Width(line) > width && len(parts) > 1 {
		parts = parts[:len(parts)-1]
		line = " " + strings.Join(parts, t.Faint.Render(" · "))
	}
	return theme.Truncate(line, width)
}

// waysPanel lists the ways in which the site's objects are held.
func (s *Holders) waysPanel(st *State, width, height int) string {
	f := theme.Frame{Title: "Who holds " + s.name, Focused: true, Note: s.place}
	if h := s.site; h != nil {
		f.Note = unit.Bytes(float64(h.Bytes)) + " in " + plural(h.Objects, "object")
		if width >= wide {
			f.Note = s.place + " · " + f.Note + " · " + plural(h.Samples, "sample")
			if h.Dead > 0 {
				f.Note += ", " + unit.Count(float64(h.Dead)) + " more are garbage by now"
			}
		}
	}
	if n := s.table.Len(); n > 0 {
		f.Foot = unit.Count(float64(s.table.At()+1)) + " of " + plural(n, "way")
	}
	body := s.rowsView(st, width-theme.PanelCols, height-theme.PanelRows)
	return st.Theme.Frame(f, body, width, height)
}

// rootsPanel lists what keeps the whole heap alive.
func (s *Holders) rootsPanel(st *State, width, height int) string {
	f := theme.Frame{Title: "Who holds the heap", Focused: true, Note: sharedNote(s.walk)}
	if n := s.table.Len(); n > 0 {
		f.Foot = unit.Count(float64(s.table.At()+1)) + " of " + unit.Count(float64(n))
	}
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
		return fmt.Sprintf("Nothing holds the %s of this site any more: they are garbage that the next collections free.", plural(s.site.Dead, "sampled object"))
	case len(s.walk.Sites) == 0 && len(s.walk.Warnings) > 0:
		return sentence("Which objects are of this site is not known: " + theme.Clean(s.walk.Warnings[0].Error()))
	}
	return "The walk met no sampled object of this site: what it held was freed, or was garbage. w walks again."
}

// keepersPanel is the whole heap beside one site: what each root alone keeps alive.
func (s *Holders) keepersPanel(st *State, width, height int) string {
	t := st.Theme
	inner, rows := width-theme.PanelCols, height-theme.PanelRows
	const barCells = 8
	fixed := bytesCells + 1 + shareCells + 1 + barCells + 2
	var lines []string
	for i := range s.walk.Roots {
		if len(lines) == rows {
			break
		}
		r := &s.walk.Roots[i]
		part := share(r.Retained, s.walk.Reached)
		numbers := theme.PadLeft(unit.Bytes(float64(r.Retained)), bytesCells) + " " +
			t.Label.Render(theme.PadLeft(unit.Percent(part), shareCells)) + " " + t.Series(1).Render(chart.Bar(part, barCells))
		if inner-fixed < 12 {
			numbers = theme.PadLeft(unit.Bytes(float64(r.Retained)), bytesCells)
			lines = append(lines, theme.Pad(rootText(r.HoldRoot), max(inner-bytesCells-2, 1))+"  "+numbers)
			continue
		}
		lines = append(lines, theme.Pad(rootText(r.HoldRoot), inner-fixed)+"  "+numbers)
	}
	f := theme.Frame{Title: "What each holds alone", Note: "of the whole heap"}
	if s.walk.Shared > 0 {
		f.Foot = unit.Bytes(float64(s.walk.Shared)) + " held by several"
	}
	return t.Frame(f, strings.Join(lines, "\n"), width, height)
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
			t.Series(1).Render(chart.Bar(w.Progress.Part, bar)) + " " + unit.Percent(w.Progress.Part), t.Label.Render(w.Progress.Stage), "",
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
	return append(lines, "", t.Key.Render("⏎")+" walks the heap   "+t.Key.Render("Esc")+" leaves it")
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
	next := t.Key.Render("⏎") + " tries again"
	if errors.Is(err, sampler.ErrSwapped) {
		lines = append(lines, theme.Wrap("Objects that were swapped out would be read back into memory, where they would take room, and slow the program down meanwhile.", width, 3)...)
		next = t.Key.Render("⏎") + " walks all the same"
	}
	return append(lines, next+"   "+t.Key.Render("Esc")+" leaves it")
}
