package tab

import (
	"slices"

	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Column says how one column of a Table looks.
type Column struct {
	Title string
	Width int  // cells; of a column with Flex the least
	Flex  int  // its part of the cells left over; 0 keeps Width
	Left  bool // text on the left; numbers stand on the right
	// Keep says how long the column stays when the table gets narrow: those with the smallest Keep go first, 0 never
	// goes. Columns of one Keep go together.
	Keep int
	Sort bool // the table can be ordered by it
	// Ascending is the order that comes first when the table is ordered by the column: names do, numbers begin with
	// the largest.
	Ascending bool
}

// Cell is what stands in one place of a Table: text without escape codes, cleaned of foreign characters.
type Cell struct {
	Text  string
	Style theme.Style
}

// Table is a list of rows with columns, one of them selected. The rows are the owner's: the Table knows their keys, in
// the order shown, and asks for the cells of those on screen only. The selection follows its row's key when the order
// changes; until the person moves it, it stays on the first row.
type Table[K comparable] struct {
	Columns []Column
	Order   int  // the column the rows are ordered by
	Reverse bool // against the column's own first order
	// Dense is the least Keep for which columns stand one cell apart rather than go. 0 does so for all.
	Dense int
	Empty string // is said where there are no rows
	// Divider tells the rows that are none but a line of text across all columns, which cannot be selected. nil for a
	// table without.
	Divider func(row int) (Cell, bool)

	rows   []K
	at     int  // the selected row
	key    K    // its key, when there is a row
	has    bool // there is one
	moved  bool // by the person
	top    int  // the first row on screen
	height int  // rows on screen at the last layout
	lay    layout
}

// SetColumns replaces the columns.
func (t *Table[K]) SetColumns(columns []Column) { t.Columns, t.lay = columns, layout{} }

// SetRows tells the keys of all rows in the order they are shown. The Table uses the slice until the next call.
func (t *Table[K]) SetRows(rows []K) {
	if t.moved && t.has && (t.at >= len(rows) || rows[t.at] != t.key) {
		if at := slices.Index(rows, t.key); at >= 0 {
			t.at = at
		}
	}
	t.rows = rows
	t.settle()
}

// Len returns how many rows there are.
func (t *Table[K]) Len() int { return len(t.rows) }

// Selected returns the key of the selected row; ok is false when there is no row.
func (t *Table[K]) Selected() (key K, ok bool) { return t.key, t.has }

// At returns the place of the selected row, from 0; it means nothing when there is no row.
func (t *Table[K]) At() int { return t.at }

// Select moves the selection to a row by its place.
func (t *Table[K]) Select(at int) {
	if t.divides(min(max(at, 0), len(t.rows)-1)) {
		if at < t.at {
			at--
		} else {
			at++
		}
	}
	t.at, t.moved = at, true
	t.settle()
}

func (t *Table[K]) divides(row int) bool {
	if t.Divider == nil || row < 0 || row >= len(t.rows) {
		return false
	}
	_, ok := t.Divider(row)
	return ok
}

// Forget takes the selection back to the first row, where it stays until it is moved.
func (t *Table[K]) Forget() { t.at, t.top, t.moved = 0, 0, false }

// Visible returns the rows on screen, from (included) to (excluded).
func (t *Table[K]) Visible() (from, to int) { return t.top, min(t.top+t.height, len(t.rows)) }

// Resize tells how many lines the table has, its header included. View does so too; a screen that needs Visible
// before the first View calls it on Size.
func (t *Table[K]) Resize(lines int) {
	t.height = max(lines-1, 0)
	t.settle()
}

// settle keeps selection and scrolling within the rows.
func (t *Table[K]) settle() {
	t.at = max(min(t.at, len(t.rows)-1), 0)
	if t.divides(t.at) { // the first row, or the last
		t.at = max(min(t.at+1, len(t.rows)-1), 0)
	}
	if t.has = len(t.rows) > 0; t.has {
		t.key = t.rows[t.at]
	}
	if t.height <= 0 {
		t.top = t.at
		return
	}
	t.top = max(min(t.top, t.at), t.at-t.height+1)
	t.top = max(min(t.top, len(t.rows)-t.height), 0)
}

// Move does what a key for moving asks and reports whether it was one.
func (t *Table[K]) Move(id keys.ID) bool {
	page := max(t.height-1, 1)
	switch id {
	case keys.Up:
		t.Select(t.at - 1)
	case keys.Down:
		t.Select(t.at + 1)
	case keys.PageUp:
		t.Select(t.at - page)
	case keys.PageDown:
		t.Select(t.at + page)
	case keys.Home:
		t.Select(0)
	case keys.End:
		t.Select(len(t.rows) - 1)
	default:
		return false
	}
	return true
}

// Wheel scrolls by lines; the selection stays on screen.
func (t *Table[K]) Wheel(lines int) {
	before := t.top
	t.top = max(min(t.top+lines, len(t.rows)-t.height), 0)
	if t.top == before {
		return
	}
	t.at = max(min(t.at, t.top+t.height-1), t.top)
	t.moved = true
	t.settle()
}

// Hit is what a click met.
type Hit int

// What a click can meet.
const (
	HitNothing Hit = iota
	HitHeader      // the title of a column that the table can be ordered by: it was ordered
	HitRow         // a row: it was selected
	HitAgain       // the row that was selected already
)

// Click takes a click at a cell of the table, its header being line 0.
func (t *Table[K]) Click(x, y int) Hit {
	if y == 0 {
		if c := t.lay.at(x); c >= 0 && t.Columns[c].Sort {
			t.orderBy(c)
			return HitHeader
		}
		return HitNothing
	}
	row := t.top + y - 1
	if y < 0 || y > t.height || row >= len(t.rows) {
		return HitNothing
	}
	again := t.moved && row == t.at
	t.Select(row)
	if again {
		return HitAgain
	}
	return HitRow
}

// orderBy orders by a column, the other way round when it was already.
func (t *Table[K]) orderBy(column int) {
	if t.Order == column {
		t.Reverse = !t.Reverse
		return
	}
	t.Order, t.Reverse = column, false
}

// NextOrder orders by the next column that can be, in a circle.
func (t *Table[K]) NextOrder() {
	for i := 1; i <= len(t.Columns); i++ {
		if c := (t.Order + i) % len(t.Columns); t.Columns[c].Sort && t.lay.shows(c) {
			t.Order, t.Reverse = c, false
			return
		}
	}
}

// Ascending tells whether the smallest comes first as the table is ordered now.
func (t *Table[K]) Ascending() bool {
	if t.Order < 0 || t.Order >= len(t.Columns) {
		return false
	}
	return t.Columns[t.Order].Ascending != t.Reverse
}
