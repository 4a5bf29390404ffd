package tab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/tui/keys"
	"github.com/alloc-dev/heaptop/tui/theme"
)

func testTable() *Table[int] {
	return &Table[int]{Order: 1, Empty: "nothing here", Columns: []Column{
		{Title: "NAME", Width: 8, Flex: 1, Left: true, Sort: true, Ascending: true},
		{Title: "RSS", Width: 7, Sort: true},
		{Title: "PEAK", Width: 7, Sort: true, Keep: 2},
		{Title: "USER", Width: 6, Left: true, Keep: 1},
	}}
}

func testCell(t *Table[int]) func(row, column int) Cell {
	return func(row, column int) Cell {
		if column == 0 {
			return Cell{Text: "name-" + strconv.Itoa(t.rows[row])}
		}
		return Cell{Text: strconv.Itoa(t.rows[row]) + " MB"}
	}
}

func assertFits(t *testing.T, s string, w, h int) {
	t.Helper()
	lines := strings.Split(s, "\n")
	if len(lines) != h {
		t.Errorf("%d lines, want %d", len(lines), h)
	}
	for i, l := range lines {
		if n := ansi.StringWidth(l); n > w {
			t.Errorf("line %d takes %d cells of %d: %q", i, n, w, l)
		}
	}
}

func TestTableLooks(t *testing.T) {
	table := testTable()
	table.SetRows([]int{31, 20, 7})
	table.Select(1)
	want := strings.Join([]string{
		"  NAME               RSS▼     PEAK  USER  ",
		"  name-31           31 MB    31 MB  31 MB ",
		"› name-20           20 MB    20 MB  20 MB ",
		"  name-7             7 MB     7 MB  7 MB  ",
	}, "\n")
	if got := table.View(theme.Plain(), 42, 4, testCell(table)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	narrow := strings.Join([]string{
		"  NAME        RSS▼",
		"  name-31    31 MB",
		"› name-20    20 MB",
	}, "\n")
	if got := table.View(theme.Plain(), 18, 3, testCell(table)); got != narrow {
		t.Errorf("got\n%s\nwant\n%s", got, narrow)
	}
	table.SetRows(nil)
	if got := table.View(theme.Plain(), 20, 3, testCell(table)); !strings.Contains(got, "nothing here") {
		t.Errorf("an empty table does not say so:\n%s", got)
	}
}

func TestTableIsExactAtAnySize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	table := testTable()
	for range 2000 {
		rows := make([]int, rnd.IntN(60))
		for i := range rows {
			rows[i] = rnd.IntN(1000)
		}
		table.SetRows(rows)
		switch rnd.IntN(4) {
		case 0:
			table.Select(rnd.IntN(80) - 10)
		case 1:
			table.Wheel(rnd.IntN(21) - 10)
		case 2:
			table.Click(rnd.IntN(60), rnd.IntN(30)-2)
		}
		w, h := rnd.IntN(70)+1, rnd.IntN(30)+1
		out := table.View(theme.Plain(), w, h, testCell(table))
		assertFits(t, out, w, h)
		from, to := table.Visible()
		if at := table.At(); len(rows) > 0 && h > 1 && (at < from || at >= to) {
			t.Fatalf("row %d of %d is selected, but %d to %d are on screen", at, len(rows), from, to)
		}
		if len(rows) > 0 && h > 1 && w > 2 && strings.Count(out, "›") != 1 {
			t.Fatalf("the selection is not to be seen once:\n%s", out)
		}
	}
}

func TestSelectionFollowsTheItem(t *testing.T) {
	table := testTable()
	table.Resize(5)
	rows := []int{1, 2, 3, 4, 5, 6, 7, 8}
	table.SetRows(rows)
	if key, _ := table.Selected(); key != 1 {
		t.Fatalf("at first %d is selected", key)
	}
	table.SetRows([]int{9, 1, 2})
	if key, _ := table.Selected(); key != 9 {
		t.Errorf("a selection nobody moved left the first row for %d", key)
	}
	table.SetRows(rows)
	table.Move(keys.Down)
	slices.Reverse(rows) // the owner may use its slice again
	table.SetRows(rows)
	if key, _ := table.Selected(); key != 2 || table.At() != 6 {
		t.Errorf("selected is %d in row %d", key, table.At())
	}
	table.SetRows([]int{7, 8})
	if key, ok := table.Selected(); !ok || key != 8 {
		t.Errorf("after the item is gone %d is selected", key)
	}
	table.SetRows(nil)
	if _, ok := table.Selected(); ok {
		t.Error("something is selected in an empty table")
	}
}

func TestTableMoves(t *testing.T) {
	table := testTable()
	table.Resize(11)
	rows := make([]int, 100)
	for i := range rows {
		rows[i] = i
	}
	table.SetRows(rows)
	steps := []struct {
		key      keys.ID
		at, from int
	}{
		{keys.Up, 0, 0}, {keys.Down, 1, 0}, {keys.PageDown, 10, 1}, {keys.End, 99, 90}, {keys.Down, 99, 90},
		{keys.PageUp, 90, 90}, {keys.Up, 89, 89}, {keys.Home, 0, 0},
	}
	for _, s := range steps {
		table.Move(s.key)
		if from, _ := table.Visible(); table.At() != s.at || from != s.from {
			t.Errorf("after %s: row %d with %d on top, want %d with %d", s.key, table.At(), from, s.at, s.from)
		}
	}
	if table.Move(keys.Quit) {
		t.Error("quit is taken for a move")
	}
}

func TestTableTakesTheMouse(t *testing.T) {
	table := testTable()
	table.SetRows([]int{31, 20, 7})
	table.View(theme.Plain(), 42, 6, testCell(table))
	steps := []struct {
		x, y int
		want Hit
	}{
		{5, 2, HitRow}, {30, 2, HitAgain}, {5, 3, HitRow}, {5, 4, HitNothing}, {5, -1, HitNothing}, {40, 0, HitNothing},
		{23, 0, HitHeader}, {4, 0, HitHeader}, {4, 0, HitHeader},
	}
	for i, s := range steps {
		if got := table.Click(s.x, s.y); got != s.want {
			t.Errorf("click %d at %d,%d met %d, want %d", i, s.x, s.y, got, s.want)
		}
	}
	if table.Order != 0 || table.Ascending() {
		t.Errorf("after two clicks on NAME: order %d, ascending %v", table.Order, table.Ascending())
	}
}

func TestNextOrderSkipsWhatIsNotShown(t *testing.T) {
	table := testTable()
	table.SetRows([]int{1})
	table.View(theme.Plain(), 18, 3, testCell(table))
	var seen []string
	for range 3 {
		table.NextOrder()
		seen = append(seen, table.Columns[table.Order].Title)
	}
	if got := fmt.Sprint(seen); got != "[NAME RSS NAME]" {
		t.Errorf("orders by %s", got)
	}
}

func TestTableAsksForVisibleCellsOnly(t *testing.T) {
	table := testTable()
	table.SetRows(make([]int, 5000))
	asked := 0
	table.View(theme.Plain(), 80, 30, func(int, int) Cell { asked++; return Cell{} })
	if asked > 29*len(table.Columns) {
		t.Errorf("%d cells asked for, %d are on screen", asked, 29*len(table.Columns))
	}
}
