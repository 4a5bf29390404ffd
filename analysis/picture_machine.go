package analysis

import (
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// What of a machine is worth a warning.
const (
	littleAvailable = 0.05 // of its memory
	muchPressure    = 10   // percent of the time in which everything waits for memory
)

// MachinePicture tells how much memory the machine has left, whether tasks wait for it, and which processes take most.
func MachinePicture(t *sampler.ProcessTable) []Finding {
	m := &t.Machine
	f := Finding{Analyzer: "machine", Severity: Info, Title: "The machine's memory", Evidence: numbers{"processes_count": float64(len(t.Processes))}}
	e := numbers(f.Evidence)
	e.add("memory_bytes", m.Total)
	e.add("available_bytes", m.Available)
	e.add("swap_bytes", m.SwapTotal)
	e.add("swap_free_bytes", m.SwapFree)
	e.add("pressure_some_percent", m.PressureSome10)
	e.add("pressure_full_percent", m.PressureFull10)
	f.RowsOf, f.Columns = "of the machine", []FoundColumn{{"bytes", "bytes"}, {"share_percent", "share"}}
	part := func(name string, part, whole sampler.Reading) {
		if part.OK && whole.OK && whole.Value > 0 {
			f.Rows = append(f.Rows, FoundRow{Name: name, Numbers: numbers{"bytes": part.Value, "share_percent": partOf(part.Value, whole.Value)}})
		}
	}
	part("available", m.Available, m.Total)
	part("in use", sampler.Reading{Value: m.Total.Value - m.Available.Value, OK: m.Available.OK}, m.Total)
	part("memory", m.Total, m.Total)
	part("swap in use", sampler.Reading{Value: m.SwapTotal.Value - m.SwapFree.Value, OK: m.SwapFree.OK}, m.SwapTotal)
	part("swap", m.SwapTotal, m.SwapTotal)
	if m.Total.OK && m.Available.OK && m.Total.Value > 0 {
		f.Title = fmt.Sprintf("%s of %s is available (%s)", unit.Bytes(m.Available.Value), unit.Bytes(m.Total.Value), unit.Percent(m.Available.Value/m.Total.Value))
		if m.Available.Value < littleAvailable*m.Total.Value {
			f.Severity = Warning
		}
	}
	if m.SwapTotal.OK && m.SwapTotal.Value == 0 {
		f.Details = append(f.Details, "There is no swap.")
	}
	if text := pressureWords(m.PressureSome10, m.PressureFull10); text != "" {
		f.Details = append(f.Details, text)
	} else {
		f.Details = append(f.Details, "This system does not tell how long tasks wait for memory.")
	}
	if m.PressureFull10.OK && m.PressureFull10.Value >= muchPressure {
		f.Severity = Warning
	}
	return []Finding{f, processesFinding(t)}
}

// processesFinding is the largest processes.
func processesFinding(t *sampler.ProcessTable) Finding {
	f := Finding{
		Analyzer: "processes", Severity: Info, RowsOf: "process",
		Columns: []FoundColumn{{"rss_bytes", "RSS"}, {"share_percent", "share"}, {"peak_bytes", "peak"}, {"swap_bytes", "swap"}},
		Details: []string{"Memory that processes share counts in each of them, so that these are more than the machine uses."},
	}
	var sum, swapped sampler.Reading // of those that tell
	for i := range t.Processes {
		sum, swapped = plus(sum, t.Processes[i].RSS), plus(swapped, t.Processes[i].Swap)
	}
	for i := range t.Processes {
		p := &t.Processes[i]
		if !p.RSS.OK || p.Kernel || p.RSS.Value == 0 {
			continue
		}
		row := FoundRow{Name: fmt.Sprintf("%s %d", p.Name, p.PID), Note: p.User, Numbers: numbers{"pid": float64(p.PID), "rss_bytes": p.RSS.Value}}
		if p.Container != "" {
			row.Note += " in " + p.Container
		}
		n := numbers(row.Numbers)
		n.add("peak_bytes", p.Peak)
		if swapped.Value > 0 {
			n.add("swap_bytes", p.Swap)
		}
		if t.Machine.Total.OK {
			row.Numbers["share_percent"] = partOf(p.RSS.Value, t.Machine.Total.Value)
		}
		f.Rows = append(f.Rows, row)
	}
	f.Title = fmt.Sprintf("The largest of %s", unit.Things(len(t.Processes), "process"))
	e := numbers{"processes_count": float64(len(t.Processes))}
	e.add("rss_bytes", sum)
	e.add("swapped_bytes", swapped)
	f.Evidence = e
	f.keepLargest("rss_bytes", "processes")
	return f
}

// plus adds a reading to a sum of those that are known.
func plus(sum, r sampler.Reading) sampler.Reading {
	if !r.OK {
		return sum
	}
	return sampler.Known(sum.Value + r.Value)
}
