package tab

import (
	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// cell is what stands in one place of the table.
func (s *Compare) cell(t *theme.Theme, row, column int) Cell {
	r := &s.rows[row]
	id := s.ids[column]
	value, quiet := t.Value, t.Label
	if r.apart {
		value, quiet = t.Faint, t.Faint
	}
	switch id {
	case cmpName:
		name := theme.Clean(r.name)
		if name == "" {
			return Cell{theme.SignUnknown, t.Faint}
		}
		if len(r.stack) > 0 {
			name = theme.Clean(profile.ShortName(r.name))
		}
		return Cell{theme.TruncateLeft(name, s.cells(cmpName)), value}
	case cmpPlace:
		return Cell{theme.TruncateLeft(theme.Clean(r.place), s.cells(cmpPlace)), quiet}
	case cmpChange:
		return r.changeCell(t)
	case cmpSure:
		if r.sure <= 0 {
			return Cell{}
		}
		return Cell{unit.Bytes(r.sure), quiet}
	case cmpShare:
		return Cell{shareWords(r.from, r.change()), value}
	case cmpFrom:
		return figure(t, r.from, r.unit, quiet)
	case cmpTo:
		return figure(t, r.to, r.unit, value)
	case cmpObjects:
		if !r.objects.OK || r.objects.Value == 0 {
			return Cell{"", t.Faint}
		}
		return Cell{signedCount(r.objects.Value), value}
	}
	return Cell{}
}

func (r *changeRow) changeCell(t *theme.Theme) Cell {
	c := r.change()
	switch {
	case !c.OK:
		return Cell{theme.SignUnknown, t.Faint}
	case c.Value == 0:
		return Cell{"0", t.Faint}
	}
	text := changeWords(r.unit, c.Value)
	if r.apart {
		return Cell{text, t.Faint}
	}
	style, sign := t.ChangeStyle(c.Value)
	if !growsWithMemory(r.unit) { // more of it is neither good nor bad
		style = t.Value
	}
	return Cell{sign + " " + text, style}
}

// growsWithMemory tells the units of which more is worse.
func growsWithMemory(name string) bool { return name == "bytes" || name == "goroutines" }

func changeWords(name string, v float64) string {
	switch name {
	case "bytes":
		return unit.Change(v)
	case "goroutines":
		return signedCount(v)
	}
	text := unit.Format(name, v)
	if v > 0 {
		text = "+" + text
	}
	return text
}

func signedCount(v float64) string {
	if v > 0 {
		return "+" + unit.Count(v)
	}
	return unit.Count(v)
}

func figure(t *theme.Theme, r sampler.Reading, name string, style theme.Style) Cell {
	if !r.OK {
		return Cell{theme.SignUnknown, t.Faint}
	}
	if name == "goroutines" {
		return Cell{unit.Count(r.Value), style}
	}
	return Cell{unit.Format(name, r.Value), style}
}

// shareWords prints a relative change.
func shareWords(from, change sampler.Reading) string {
	if !from.OK {
		return ""
	}
	return analysis.ShareWords(from.Value, change)
}

// apartWords stand on the line above what is set apart.
func (s *Compare) apartWords(n int) string {
	words := "── unchanged, or not known on one side: "
	if s.list == listSites || s.list == listSizes {
		words = "── within the uncertainty of sampling: "
	}
	return words + unit.Count(float64(n)) + " ──"
}
