package tab

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// compareList is one of the lists of a comparison.
type compareList int

const (
	listSites compareList = iota
	listSizes
	listGoroutines
	listMappings
	listRuntime
	listLedger // beside the others where there is room
	listCount
)

func (l compareList) word() string {
	return [...]string{"sites", "sizes", "goroutines", "mappings", "runtime", "ledger"}[l]
}

func (l compareList) title() string {
	return [...]string{"Allocation sites", "Objects by size", "Goroutines", "Mappings", "Runtime and system", "Where RSS is"}[l]
}

// changeRow is a line of any of the lists.
type changeRow struct {
	key      string
	name     string // as it came, to be cleaned
	place    string
	unit     string
	from, to sampler.Reading
	objects  sampler.Reading // the change of their number
	sure     float64         // the uncertainty of the change; 0 where it was counted
	apart    bool            // the change does not exceed that
	divider  bool            // no row: what stands below it is set apart
	stack    []sampler.Frame
	site     *profile.SiteChange
}

func (r *changeRow) change() sampler.Reading {
	if !r.from.OK || !r.to.OK {
		return sampler.Reading{}
	}
	return sampler.Known(r.to.Value - r.from.Value)
}

// The columns of the lists.
const (
	cmpName = iota
	cmpPlace
	cmpChange
	cmpSure
	cmpShare
	cmpFrom
	cmpTo
	cmpObjects
)

// dividerKey is the key of the line that sets rows apart.
const dividerKey = "\x00apart"

// columns are those of a list, and what each one is.
func (l compareList) columns() (ids []int, columns []Column) {
	place, objects, sure := 0, 0, 0
	switch l {
	case listSites:
		place, objects, sure = 20, 11, 8
	case listGoroutines:
		place = 20
	case listSizes:
		objects, sure = 11, 8
	}
	name := [...]string{"function", "size of an object", "function", "mapping", "metric", "part"}[l]
	for id, c := range []Column{
		cmpName:    {Title: name, Width: 22, Flex: 1, Left: true, Sort: true, Ascending: true},
		cmpPlace:   {Title: "line", Width: place, Left: true, Keep: 2},
		cmpChange:  {Title: "change", Width: 11, Sort: true},
		cmpSure:    {Title: "±", Width: sure, Keep: 5},
		cmpShare:   {Title: "%", Width: 7, Sort: true, Keep: 6},
		cmpFrom:    {Title: "before", Width: 9, Keep: 4},
		cmpTo:      {Title: "after", Width: 9, Sort: true, Keep: 7},
		cmpObjects: {Title: "objects", Width: objects, Keep: 3},
	} {
		if c.Width > 0 {
			ids, columns = append(ids, id), append(columns, c)
		}
	}
	return ids, columns
}

// show turns to a list, ordered by change.
func (s *Compare) show(list compareList) {
	if list != s.list {
		s.table.Forget()
	}
	s.list = list
	ids, columns := list.columns()
	s.ids = ids
	s.table.SetColumns(columns)
	s.table.Order, s.table.Reverse = slices.Index(ids, cmpChange), false
	s.arrange()
}

// cells is how wide a column is drawn.
func (s *Compare) cells(id int) int { return s.table.Cells(slices.Index(s.ids, id)) }

// step turns to the next list in a direction.
func (s *Compare) step(by int) {
	lists := s.lists()
	at := max(slices.Index(lists, s.list), 0)
	s.show(lists[(at+by+len(lists))%len(lists)])
}

// lists are those one can turn to. The ledger has its own place where there is room.
func (s *Compare) lists() []compareList {
	all := []compareList{listSites, listSizes, listGoroutines, listMappings, listRuntime}
	if !s.hasLedger() {
		all = append(all, listLedger)
	}
	return all
}

// collect makes the rows of the list that is shown.
func (s *Compare) collect() []changeRow {
	d := s.diff
	if d == nil {
		return nil
	}
	switch s.list {
	case listSites:
		return siteChanges(d, s.alloc)
	case listSizes:
		return sizeChanges(d)
	case listGoroutines:
		return goroutineChanges(d)
	case listMappings:
		return s.named(d.Mappings)
	case listRuntime:
		return s.named(d.Runtime)
	}
	return s.named(d.Ledger)
}

func siteChanges(d *analysis.Diff, alloc bool) []changeRow {
	rows := make([]changeRow, 0, len(d.Sites))
	for i := range d.Sites {
		c := &d.Sites[i]
		r := changeRow{
			key: analysis.FrameText(c.Frame), name: c.Frame.Function, place: placeOf(c.Frame.File, c.Frame.Line), unit: "bytes", site: c,
			from: sampler.Known(c.From.InUseBytes), to: sampler.Known(c.To.InUseBytes),
			objects: sampler.Known(c.To.InUseObjects - c.From.InUseObjects), sure: c.Uncertainty,
		}
		if alloc {
			r.from, r.to = sampler.Known(c.From.AllocBytes), sampler.Known(c.To.AllocBytes)
			r.objects, r.sure = sampler.Known(c.To.AllocObjects-c.From.AllocObjects), c.AllocUncertainty
		}
		if len(c.Stacks) > 0 {
			r.stack = c.Stacks[0].Frames
		}
		rows = append(rows, r)
	}
	return rows
}

func sizeChanges(d *analysis.Diff) []changeRow {
	rows := make([]changeRow, 0, len(d.Sizes))
	for i := range d.Sizes {
		c := &d.Sizes[i]
		name := unit.Bytes(c.Size)
		if c.Size == 0 {
			name = "larger than any class"
		}
		if c.NoScan {
			name += ", no pointers"
		}
		rows = append(rows, changeRow{
			key: name + strconv.FormatFloat(c.Size, 'f', -1, 64), name: name, unit: "bytes",
			from: c.Bytes.From, to: c.Bytes.To, objects: c.Objects.Value(), sure: c.Uncertainty,
		})
	}
	return rows
}

func goroutineChanges(d *analysis.Diff) []changeRow {
	rows := make([]changeRow, 0, len(d.Goroutines))
	for i := range d.Goroutines {
		g := &d.Goroutines[i]
		r := changeRow{name: g.Function, unit: "goroutines", stack: g.Stack, from: sampler.Known(float64(g.From)), to: sampler.Known(float64(g.To))}
		r.key = g.Function + " " + strings.Join(analysis.FrameTexts(g.Stack), "\n")
		for _, f := range g.Stack {
			if f.Function == g.Function {
				r.place = placeOf(f.File, f.Line)
				break
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// named makes rows of changes that have a name and no stack, as far as the filter takes the name.
func (s *Compare) named(list []analysis.Change) []changeRow {
	rows := make([]changeRow, 0, len(list))
	for i := range list {
		c := &list[i]
		if s.focus != nil && !s.focus.MatchString(c.Name) || s.ignore != nil && s.ignore.MatchString(c.Name) {
			continue
		}
		rows = append(rows, changeRow{key: c.Key + " " + c.Name, name: c.Name, unit: c.Unit, from: c.From, to: c.To})
	}
	return rows
}

// arrange orders the rows, those that did not change for sure apart, and hands them to the table.
func (s *Compare) arrange() {
	s.rows = s.collect()
	apart := 0
	for i := range s.rows {
		r := &s.rows[i]
		change := r.change()
		if r.apart = !change.OK || math.Abs(change.Value) <= r.sure; r.apart {
			apart++
		}
	}
	column, sign := s.ids[s.table.Order], -1
	if s.table.Ascending() {
		sign = 1
	}
	slices.SortStableFunc(s.rows, func(a, b changeRow) int {
		if a.apart != b.apart {
			if b.apart {
				return -1
			}
			return 1
		}
		return cmp.Or(compareChanges(&a, &b, column, sign), strings.Compare(a.key, b.key))
	})
	if s.list == listLedger {
		apart = 0
	}
	if apart > 0 {
		at := len(s.rows) - apart
		s.rows = slices.Insert(s.rows, at, changeRow{key: dividerKey, divider: true, objects: sampler.Known(float64(apart))})
	}
	clear(s.at)
	order := make([]string, len(s.rows))
	for i := range s.rows {
		order[i] = s.rows[i].key
		s.at[order[i]] = i
	}
	s.table.Divider = nil
	if apart > 0 {
		s.table.Divider = s.divider
	}
	s.table.SetRows(order)
}

// divider is the line above the rows that are set apart.
func (s *Compare) divider(row int) (Cell, bool) {
	if row >= len(s.rows) || !s.rows[row].divider {
		return Cell{}, false
	}
	return Cell{s.apartWords(int(s.rows[row].objects.Value)), s.faint}, true
}

func compareChanges(a, b *changeRow, column, sign int) int {
	switch column {
	case cmpName:
		return sign * strings.Compare(profile.ShortName(a.name), profile.ShortName(b.name))
	case cmpShare:
		return compareReadings(analysis.Share(a.from.Value, a.change()), analysis.Share(b.from.Value, b.change()), sign)
	case cmpTo:
		return compareReadings(a.to, b.to, sign)
	}
	if a.unit != b.unit { // sizes first, other units each by itself
		return cmp.Or(cmp.Compare(unitRank(a.unit), unitRank(b.unit)), strings.Compare(a.unit, b.unit))
	}
	return compareReadings(a.change(), b.change(), sign)
}

func unitRank(name string) int {
	if name == "bytes" {
		return 0
	}
	return 1
}
