package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// headerEvery is how many lines a terminal shows before the column titles are repeated.
const headerEvery = 24

// unknown stands for what was not read.
const unknown = "-"

// column is a column of the text lines.
type column struct {
	title string
	width int
	cell  func(*textPrinter, *sampler.Snapshot) string
}

// textPrinter prints a reading as one aligned line for people.
type textPrinter struct {
	w        io.Writer
	terminal bool // titles are repeated
	limits   []analysis.Limit

	printed      int
	shown        string          // the titles that were printed last
	first        sampler.Reading // RSS of the first line, which changes count from
	before, last *sampler.Snapshot
}

func (p *textPrinter) print(ev sampler.Event) error {
	if ev.Snapshot == nil {
		return nil // the conversation on stderr tells why
	}
	p.before, p.last = p.last, ev.Snapshot
	columns := columnsFor(ev)
	titles := "TIME    "
	line := ev.Snapshot.Time.Format(time.TimeOnly)
	for _, c := range columns {
		titles += fmt.Sprintf("  %*s", c.width, c.title)
		line += fmt.Sprintf("  %*s", c.width, c.cell(p, ev.Snapshot))
	}
	if limit, ok := analysis.NearestLimit(ev.Snapshot, p.limits...); ok {
		titles += "  NEAREST LIMIT"
		line += fmt.Sprintf("  %s of %s (%s)", unit.Percent(limit.Used/limit.Bytes), unit.Bytes(limit.Bytes), limit.Name)
	}
	if titles != p.shown || p.terminal && p.printed%headerEvery == 0 {
		p.shown = titles
		line = titles + "\n" + line
	}
	p.printed++
	_, err := io.WriteString(p.w, strings.TrimRight(line, " ")+"\n")
	return err
}

// columnsFor returns what is worth a column for this target. Once a deeper source appears there are more.
func columnsFor(ev sampler.Event) []column {
	if ev.Info.Target.Kind == sampler.KindMachine {
		return []column{
			sizeColumn("AVAILABLE", sampler.MachineAvailable),
			{"IN USE", 9, differenceCell(sampler.MachineMemory, sampler.MachineAvailable)},
			{"SWAPPED", 9, differenceCell(sampler.MachineSwapTotal, sampler.MachineSwapFree)},
			{"STALLED", 7, func(_ *textPrinter, s *sampler.Snapshot) string {
				return cell(s.Reading(sampler.PressureSome10), func(v float64) string { return unit.Percent(v / 100) })
			}},
			countColumn("PROCESSES", machineProcesses),
		}
	}
	columns := []column{
		sizeColumn("RSS", sampler.ProcessRSS),
		{"CHANGE", 9, changeCell},
		sizeColumn("PEAK", sampler.ProcessPeakRSS),
	}
	if _, ok := ev.Snapshot.Get(sampler.GoClassObjects); ok || ev.Info.GoVersion != "" {
		columns = append(columns,
			sizeColumn("HEAP", sampler.GoClassObjects),
			column{"LIVE", 9, liveCell},
			sizeColumn("GOAL", sampler.GoHeapGoal),
			countColumn("GCS", sampler.GoCyclesTotal),
			countColumn("GOROUTINES", sampler.GoGoroutines),
		)
	}
	return append(columns,
		countColumn("THREADS", sampler.ProcessThreads),
		column{"CPU", 5, cpuCell})
}

func sizeColumn(title string, m sampler.Metric) column {
	return column{title, 9, func(_ *textPrinter, s *sampler.Snapshot) string { return cell(s.Reading(m), unit.Bytes) }}
}

// liveCell shows what the last collection found alive.
func liveCell(_ *textPrinter, s *sampler.Snapshot) string { return cell(s.LiveHeap(), unit.Bytes) }

func countColumn(title string, m sampler.Metric) column {
	return column{title, max(len(title), 6), func(_ *textPrinter, s *sampler.Snapshot) string {
		return cell(s.Reading(m), unit.Count)
	}}
}

func cell(r sampler.Reading, format func(float64) string) string {
	if !r.OK {
		return unknown
	}
	return format(r.Value)
}

func differenceCell(whole, part sampler.Metric) func(*textPrinter, *sampler.Snapshot) string {
	return func(_ *textPrinter, s *sampler.Snapshot) string {
		a, b := s.Reading(whole), s.Reading(part)
		return cell(sampler.Reading{Value: a.Value - b.Value, OK: a.OK && b.OK}, unit.Bytes)
	}
}

// changeCell shows how much RSS changed since the first line.
func changeCell(p *textPrinter, s *sampler.Snapshot) string {
	now, ok := s.Get(sampler.ProcessRSS)
	if !ok {
		return unknown
	}
	if !p.first.OK {
		p.first = sampler.Known(now)
	}
	return unit.Change(now - p.first.Value)
}

// cpuCell shows the share of one CPU the target used since the line before.
func cpuCell(p *textPrinter, s *sampler.Snapshot) string {
	if p.before == nil {
		return unknown
	}
	now, before := s.Reading(sampler.ProcessCPU), p.before.Reading(sampler.ProcessCPU)
	elapsed := s.Time.Sub(p.before.Time).Seconds()
	if !now.OK || !before.OK || elapsed <= 0 {
		return unknown
	}
	return unit.Percent(max(now.Value-before.Value, 0) / elapsed)
}
