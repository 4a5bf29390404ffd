package tab

import (
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/tui/theme"
)

// selectCols is the room for the sign of the selected row.
const selectCols = 2

// layout is where the columns stand for one width.
type layout struct {
	width int
	gap   int
	shown []int // columns, from left to right
	cells []int // their widths
}

// layoutOf finds the columns that fit: all of them two cells apart, else one cell apart, else without those of the
// smallest Keep, and so on. What is left over goes to the columns with Flex.
func layoutOf(columns []Column, width, dense int) layout {
	for keep := 0; ; keep = nextKeep(columns, keep) {
		for gap := 2; gap >= 1; gap-- {
			next := nextKeep(columns, keep)
			if gap == 1 && next != keep && next < dense {
				continue
			}
			l, need := fitting(columns, keep, gap)
			if need <= width {
				l.width = width
				l.spread(columns, width-need)
				return l
			}
			if gap == 1 && next == keep {
				l.width = width
				l.shrink(need - width)
				return l
			}
		}
	}
}

// nextKeep returns the smallest Keep above keep, or keep when there is none.
func nextKeep(columns []Column, keep int) int {
	next := keep
	for _, c := range columns {
		if c.Keep > keep && (next == keep || c.Keep < next) {
			next = c.Keep
		}
	}
	return next
}

func fitting(columns []Column, keep, gap int) (l layout, need int) {
	l.gap = gap
	need = selectCols
	for i, c := range columns {
		if c.Keep != 0 && c.Keep <= keep {
			continue
		}
		if len(l.shown) > 0 {
			need += gap
		}
		l.shown = append(l.shown, i)
		l.cells = append(l.cells, c.Width)
		need += c.Width
	}
	return l, need
}

func (l *layout) spread(columns []Column, spare int) {
	parts := 0
	for _, c := range l.shown {
		parts += columns[c].Flex
	}
	for i, c := range l.shown {
		if f := columns[c].Flex; f > 0 {
			more := spare * f / parts
			l.cells[i] += more
			spare -= more
			parts -= f
		}
	}
}

// shrink takes cells off the widest columns when even the last ones do not fit.
func (l *layout) shrink(excess int) {
	for excess > 0 {
		widest := 0
		for i, w := range l.cells {
			if w > l.cells[widest] {
				widest = i
			}
		}
		if len(l.cells) == 0 || l.cells[widest] <= 0 {
			return
		}
		l.cells[widest]--
		excess--
	}
}

// at returns the column at a cell, -1 for none.
func (l *layout) at(x int) int {
	from := selectCols
	for i, c := range l.shown {
		if x >= from-1 && x < from+l.cells[i] {
			return c
		}
		from += l.cells[i] + l.gap
	}
	return -1
}

func (l *layout) shows(column int) bool { return len(l.shown) == 0 || slices.Contains(l.shown, column) }

// Cells returns how wide a column is drawn, 0 when it is not.
func (t *Table[K]) Cells(column int) int {
	if i := slices.Index(t.lay.shown, column); i >= 0 {
		return t.lay.cells[i]
	}
	return 0
}

// View draws header and rows into exactly width by height cells; cell is asked for what stands in a row, by its place,
// and a column. The selected row is marked by › and over its whole width.
func (t *Table[K]) View(th *theme.Theme, width, height int, cell func(row, column int) Cell) string {
	if width <= 0 || height <= 0 {
		return ""
	}
	if t.lay.width != width || len(t.lay.shown) == 0 {
		t.lay = layoutOf(t.Columns, width, t.Dense)
	}
	t.Resize(height)
	var b strings.Builder
	b.Grow((width + 32) * height)
	t.header(&b, th)
	from, to := t.Visible()
	for row := from; row < to; row++ {
		b.WriteByte('\n')
		if t.Divider != nil {
			if line, ok := t.Divider(row); ok {
				line.Style.Write(&b, theme.Pad(theme.Spaces(selectCols)+line.Text, width))
				continue
			}
		}
		if row == t.at {
			t.selectedRow(&b, th, row, cell)
		} else {
			t.row(&b, row, cell)
		}
	}
	if len(t.rows) == 0 {
		for _, line := range theme.Wrap(t.Empty, width-selectCols, height-1) {
			b.WriteString("\n" + theme.Spaces(selectCols) + th.Label.Render(line))
		}
	}
	return theme.Fit(b.String(), width, height)
}

func (t *Table[K]) header(b *strings.Builder, th *theme.Theme) {
	b.WriteString(theme.Spaces(selectCols))
	for i, c := range t.lay.shown {
		if i > 0 {
			b.WriteString(theme.Spaces(t.lay.gap))
		}
		style, title := th.Label, t.Columns[c].Title
		if c == t.Order && t.Columns[c].Sort {
			style = th.Accent
			title = t.signed(title, t.lay.cells[i])
		}
		style.Write(b, pad(title, t.lay.cells[i], t.Columns[c].Left))
	}
}

// signed adds the sign of the order, in place of the title's end where there is no room.
func (t *Table[K]) signed(title string, width int) string {
	sign := theme.SignDown
	if t.Ascending() {
		sign = theme.SignUp
	}
	if theme.Width(title)+1 > width {
		title = theme.Truncate(title, width-1)
	}
	return title + sign
}

func (t *Table[K]) row(b *strings.Builder, row int, cell func(row, column int) Cell) {
	b.WriteString(theme.Spaces(selectCols))
	for i, c := range t.lay.shown {
		if i > 0 {
			b.WriteString(theme.Spaces(t.lay.gap))
		}
		it := cell(row, c)
		it.Style.Write(b, pad(it.Text, t.lay.cells[i], t.Columns[c].Left))
	}
}

// selectedRow draws a row in one style, because a cell's own colours would punch holes into it.
func (t *Table[K]) selectedRow(b *strings.Builder, th *theme.Theme, row int, cell func(row, column int) Cell) {
	var line strings.Builder
	line.WriteString(theme.Pad(theme.SignSelect, selectCols))
	for i, c := range t.lay.shown {
		if i > 0 {
			line.WriteString(theme.Spaces(t.lay.gap))
		}
		line.WriteString(pad(cell(row, c).Text, t.lay.cells[i], t.Columns[c].Left))
	}
	th.Selected.Write(b, theme.Pad(line.String(), t.lay.width))
}

func pad(text string, width int, left bool) string {
	if left {
		return theme.Pad(text, width)
	}
	return theme.PadLeft(text, width)
}
