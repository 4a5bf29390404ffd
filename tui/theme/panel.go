package theme

import "strings"

// The cells a panel's frame takes from its size: a border and a blank on each side, a border above and below.
const (
	PanelCols = 4
	PanelRows = 2
)

// Frame says what is written into the border of a panel. Every text may carry escape codes and is cut where room ends.
type Frame struct {
	Title   string // at the top left
	Note    string // at the top right: the order, the span of time
	Foot    string // at the bottom right: "3 of 120"
	Focused bool   // it has the keys: another colour, and ▸ before its title
}

// Panel draws a rounded border of exactly w by h cells around the body, which is cut or filled to w-4 by h-2. Focus is
// marked by colour and by ▸ before the title. A size too small for a border gives the body alone.
func (t *Theme) Panel(title, body string, w, h int, focused bool) string {
	return t.Frame(Frame{Title: title, Focused: focused}, body, w, h)
}

// Frame is Panel with texts at the other corners of the border.
func (t *Theme) Frame(f Frame, body string, w, h int) string {
	if w <= PanelCols || h <= PanelRows {
		return Fit(body, w, h)
	}
	line := t.Border
	if f.Focused {
		line = t.BorderFocused
	}
	var b strings.Builder
	b.Grow((w + 24) * h)
	t.top(&b, f, line, w)
	left, right := line.Render("│")+" ", " "+line.Render("│")
	for range h - PanelRows {
		text, rest, _ := strings.Cut(body, "\n")
		body = rest
		b.WriteString(left)
		b.WriteString(Pad(text, w-PanelCols))
		b.WriteString(right)
		b.WriteByte('\n')
	}
	t.bottom(&b, f, line, w)
	return b.String()
}

func (t *Theme) top(b *strings.Builder, f Frame, line Style, w int) {
	room := w - 2
	title := ""
	if f.Title != "" {
		sign := ""
		if f.Focused {
			sign = line.Render(SignFocus) + " "
		}
		title = " " + sign + t.Title.Render(Truncate(f.Title, room-4)) + " "
		title = Truncate(title, room)
	}
	note := ""
	if left := room - Width(title) - 4; f.Note != "" && left >= 6 {
		note = " " + t.Label.Render(Truncate(f.Note, left)) + " "
	}
	fill := room - Width(title) - Width(note)
	end := min(fill, 1)
	if note == "" {
		end = 0
	}
	line.Write(b, "╭")
	b.WriteString(title)
	line.Write(b, strings.Repeat("─", fill-end))
	b.WriteString(note)
	line.Write(b, strings.Repeat("─", end)+"╮")
	b.WriteByte('\n')
}

func (t *Theme) bottom(b *strings.Builder, f Frame, line Style, w int) {
	room := w - 2
	foot := ""
	if f.Foot != "" && room >= 8 {
		foot = " " + t.Label.Render(Truncate(f.Foot, room-4)) + " "
	}
	fill := room - Width(foot)
	end := min(fill, 1)
	if foot == "" {
		end = 0
	}
	line.Write(b, "╰"+strings.Repeat("─", fill-end))
	b.WriteString(foot)
	line.Write(b, strings.Repeat("─", end)+"╯")
}
