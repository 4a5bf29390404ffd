package analysis

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// ledger compares the rows of the resident memory. A row that one side lacks is unknown there: rows that nothing was read
// for are left out of a ledger, and their memory is in another row.
func (d *Diff) ledger() []Change {
	a, b := d.From.Ledger, d.To.Ledger
	if d.oneMissing("ledger", "the parts of the resident memory are", a != nil, b != nil) {
		return nil
	}
	from, to := alike(a.Rows, b.Rows), alike(b.Rows, a.Rows)
	rows := make([]Change, 0, len(from)+2)
	for _, r := range to {
		rows = append(rows, Change{Key: r.Key, Name: r.Name, Unit: "bytes", To: sampler.Known(r.Bytes)})
	}
	for _, r := range from {
		at := slices.IndexFunc(rows, func(c Change) bool { return c.Key == r.Key })
		if at < 0 {
			at = len(rows)
			rows = append(rows, Change{Key: r.Key, Name: r.Name, Unit: "bytes"})
		}
		rows[at].From = sampler.Known(r.Bytes)
	}
	byChange(rows)
	return append(rows, Change{Key: "rss", Name: "resident memory", Unit: "bytes", From: sampler.Known(a.Total), To: sampler.Known(b.Total)})
}

// alike returns the rows, live and uncollected objects as one where the other ledger has them so: before the first
// collection nothing is known to be live.
func alike(rows, other []Row) []Row {
	objects := func(r Row) bool { return r.Key == "heap_objects" }
	if !slices.ContainsFunc(other, objects) || slices.ContainsFunc(rows, objects) {
		return rows
	}
	one := Row{Key: "heap_objects", Name: "heap, objects"}
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		if r.Key == "heap_live" || r.Key == "heap_garbage" {
			one.Bytes += r.Bytes
			continue
		}
		out = append(out, r)
	}
	if len(out) == len(rows) {
		return rows
	}
	return append(out, one)
}

// byChange puts what grew most first, what shrank most last, and what is unknown behind.
func byChange(rows []Change) {
	slices.SortStableFunc(rows, func(x, y Change) int {
		a, b := x.Value(), y.Value()
		switch {
		case a.OK && !b.OK:
			return -1
		case b.OK && !a.OK:
			return 1
		}
		return cmp.Or(cmp.Compare(b.Value, a.Value), cmp.Compare(y.To.Value, x.To.Value), strings.Compare(x.Name, y.Name))
	})
}

// mappings compares the address space by name. It is read as a whole, so a name that one side lacks had nothing there.
func (d *Diff) mappings() []Change {
	a, b := d.From.Mappings, d.To.Mappings
	if d.oneMissing("address space", "mappings are", a != nil, b != nil) {
		return nil
	}
	rows := map[string]*Change{}
	row := func(m sampler.Mapping) *Change {
		c := rows[m.Name]
		if c == nil {
			c = &Change{Key: m.Name, Name: m.Name, Unit: "bytes", From: sampler.Known(0), To: sampler.Known(0)}
			if m.Name == "" {
				c.Name = "[anonymous]"
			}
			rows[m.Name] = c
		}
		return c
	}
	for _, m := range a.List {
		row(m).From.Value += m.RSS
	}
	for _, m := range b.List {
		row(m).To.Value += m.RSS
	}
	out := make([]Change, 0, len(rows))
	for _, c := range rows {
		c.From, c.To = finite(c.From), finite(c.To)
		out = append(out, *c)
	}
	byChange(out)
	return out
}

// sizes compares the objects by size: as the spans of the heap have them where both sides read those, else by the profiles.
func (d *Diff) sizes() []SizeClassChange {
	if a, b := d.From.Spans, d.To.Spans; a != nil && b != nil {
		return sizesOfSpans(a, b)
	}
	if d.Joined == nil {
		return nil
	}
	changes := d.Joined.Sizes()
	out := make([]SizeClassChange, len(changes))
	for i, s := range changes {
		out[i] = SizeClassChange{
			Size: s.Size, Uncertainty: s.Uncertainty,
			Bytes:   Change{Unit: "bytes", From: sampler.Known(s.From.InUseBytes), To: sampler.Known(s.To.InUseBytes)},
			Objects: Change{Unit: "objects", From: sampler.Known(s.From.InUseObjects), To: sampler.Known(s.To.InUseObjects)},
		}
	}
	return out
}

func sizesOfSpans(a, b *sampler.Spans) []SizeClassChange {
	type class struct {
		size   uint64
		noScan bool
	}
	rows := map[class]*SizeClassChange{}
	row := func(c *sampler.SizeClass) *SizeClassChange {
		r := rows[class{c.Size, c.NoScan}]
		if r == nil {
			r = &SizeClassChange{
				Size: float64(c.Size), NoScan: c.NoScan,
				Bytes:   Change{Unit: "bytes", From: sampler.Known(0), To: sampler.Known(0)},
				Objects: Change{Unit: "objects", From: sampler.Known(0), To: sampler.Known(0)},
			}
			rows[class{c.Size, c.NoScan}] = r
		}
		return r
	}
	for i := range a.Classes {
		r := row(&a.Classes[i])
		r.Bytes.From.Value += float64(a.Classes[i].InUse)
		r.Objects.From.Value += float64(a.Classes[i].Objects)
	}
	for i := range b.Classes {
		r := row(&b.Classes[i])
		r.Bytes.To.Value += float64(b.Classes[i].InUse)
		r.Objects.To.Value += float64(b.Classes[i].Objects)
	}
	out := make([]SizeClassChange, 0, len(rows))
	for _, r := range rows {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(x, y SizeClassChange) int {
		scan := 0
		if x.NoScan != y.NoScan && x.NoScan {
			scan = 1
		} else if x.NoScan != y.NoScan {
			scan = -1
		}
		return cmp.Or(cmp.Compare(y.Bytes.Value().Value, x.Bytes.Value().Value), cmp.Compare(x.Size, y.Size), scan)
	})
	return out
}

// goroutines compares the groups by stack. States are left out: a goroutine that runs one moment and waits the next did
// not come or go, and a profile does not tell them.
func (d *Diff) goroutines(f profile.Filter) []GoroutineChange {
	a, b := d.From.Goroutines, d.To.Goroutines
	if d.oneMissing("goroutines", "they are", a != nil, b != nil) {
		return nil
	}
	var out []GoroutineChange
	for _, r := range profile.GoroutineRows(stateless(b), stateless(a)) {
		if !matches(f, r.Stack) {
			continue
		}
		out = append(out, GoroutineChange{Function: r.Function, Stack: r.Stack, From: r.Count - int(r.Change.Value), To: r.Count})
	}
	slices.SortStableFunc(out, func(x, y GoroutineChange) int {
		return cmp.Or(cmp.Compare(y.Change(), x.Change()), cmp.Compare(y.To, x.To))
	})
	return out
}

func stateless(g *sampler.Goroutines) *sampler.Goroutines {
	c := *g
	c.Groups = slices.Clone(g.Groups)
	for i := range c.Groups {
		c.Groups[i].State = ""
	}
	return &c
}

// runtime compares all metrics that either side read: bytes first, then the other units, each by change.
func (d *Diff) runtime() []Change {
	a, b := d.From.Sample, d.To.Sample
	if d.oneMissing("metrics", "figures of runtime and system are", a != nil, b != nil) {
		return nil
	}
	rows := map[sampler.Metric]Change{}
	for _, s := range []*sampler.Snapshot{a, b} {
		for _, x := range s.Samples {
			m := x.Metric
			rows[m] = Change{Key: string(m), Name: string(m), Unit: m.Unit(), From: finite(a.Reading(m)), To: finite(b.Reading(m))}
		}
	}
	out := make([]Change, 0, len(rows))
	for _, c := range rows {
		out = append(out, c)
	}
	byChange(out)
	slices.SortStableFunc(out, func(x, y Change) int {
		return cmp.Or(cmp.Compare(unitOrder(x.Unit), unitOrder(y.Unit)), strings.Compare(x.Unit, y.Unit))
	})
	return out
}

// finite makes unknown what is no number: files hold what strangers wrote, and sums of it may overflow.
func finite(r sampler.Reading) sampler.Reading {
	if math.IsNaN(r.Value) || math.IsInf(r.Value, 0) {
		return sampler.Reading{}
	}
	return r
}

func unitOrder(unit string) int {
	if unit == "bytes" {
		return 0
	}
	return 1
}
