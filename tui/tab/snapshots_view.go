package tab

import (
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func (s *Snapshots) lineShown() bool { return s.edit != editNothing || s.input.Text() != "" }

// body is where the table stands.
func (s *Snapshots) body() box { return within(s.size.box(), s.lineShown()) }

// View implements Screen.
func (s *Snapshots) View(st *State, width, height int) string {
	s.size = Size{width, height}
	t, body := st.Theme, s.body()
	var text string
	if s.table.Len() == 0 {
		text = emptyLines(t, s.empty(), body.width, body.height)
	} else {
		text = s.table.View(t, body.width, body.height, func(row, column int) Cell { return s.cell(st, row, column) })
	}
	if s.lineShown() {
		text = theme.Truncate(s.line(t, body.width), body.width) + "\n" + text
	}
	if framedBox(s.size.box()) {
		f := theme.Frame{Title: "Snapshots and recordings", Foot: s.foot(), Focused: true}
		f.Note = theme.TruncateLeft(theme.Clean(s.dir), max(width-44, 8))
		text = t.Frame(f, text, width, height)
	}
	return theme.Fit(text, width, height)
}

// line is what is typed, or the filter that is kept.
func (s *Snapshots) line(t *theme.Theme, width int) string {
	switch s.edit {
	case editName:
		return s.input.ViewAs(t, "new name: ", width)
	case editNote:
		return s.input.ViewAs(t, "note: ", width)
	case editFilter:
		return s.input.View(t, width)
	}
	return keptLine(t, &s.input)
}

func (s *Snapshots) empty() string {
	switch {
	case s.err != nil:
		return sentence("The folder cannot be read: " + theme.Clean(s.err.Error()))
	case !s.listed:
		return "The folder is being read."
	case len(s.order) > 0:
		return "No file matches the filter. Esc drops it."
	}
	return "Nothing was written yet. s writes a snapshot; a program that dies leaves its last minutes here."
}

func (s *Snapshots) foot() string {
	foot := s.table.foot()
	if foot == "" {
		return ""
	}
	if s.more > 0 {
		foot += ", " + unit.Count(float64(s.more)) + " older ones left out"
	}
	switch len(s.chosen) {
	case 1:
		foot = "d compares ● with now · " + foot
	case 2:
		foot = "d compares the two ● · " + foot
	}
	return foot
}

func (s *Snapshots) cell(st *State, row, column int) Cell {
	t := st.Theme
	f := s.files[s.table.rows[row]]
	switch column {
	case fileName:
		sign := "  "
		if slices.Contains(s.chosen, f.Path) {
			sign = "● "
		}
		name := theme.Clean(shownName(f.Path))
		return Cell{sign + theme.TruncateLeft(name, max(s.table.Cells(fileName)-2, 1)), t.Value}
	case fileTime:
		return Cell{dayAndTime(f.when(), st.Now), t.Label}
	case fileRSS:
		return s.number(t, &f, f.RSS)
	case fileHeap:
		return s.number(t, &f, f.Heap)
	case fileSize:
		return Cell{unit.Bytes(float64(f.Size)), t.Label}
	}
	switch {
	case f.Err != nil:
		return Cell{"! " + theme.Clean(f.Err.Error()), t.Warn}
	case f.Recording && f.Known:
		note := "recording of " + unit.Duration(f.Length)
		if f.Note != "" {
			note = theme.Clean(f.Note) + ", " + note
		}
		return Cell{note, t.Label}
	}
	return Cell{theme.Clean(f.Note), t.Label}
}

// number is blank until the file was looked into.
func (s *Snapshots) number(t *theme.Theme, f *FileInfo, r sampler.Reading) Cell {
	switch {
	case !f.Known:
		return Cell{}
	case f.Err != nil || !r.OK:
		return Cell{theme.SignUnknown, t.Faint}
	}
	return Cell{unit.Bytes(r.Value), t.Value}
}

// dayAndTime prints the time of today, and the day of another one.
func dayAndTime(at, now time.Time) string {
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	if at.Year() == now.Year() {
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006")
}
