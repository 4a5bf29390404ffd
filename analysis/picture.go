package analysis

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Sight is everything that was read of one target at about one moment. What is nil was not read.
type Sight struct {
	Info       sampler.Info
	Snapshot   *sampler.Snapshot
	Mappings   *sampler.Mappings
	Heap       *profile.Heap
	Goroutines *sampler.Goroutines
	Spans      *sampler.Spans
	Walk       *sampler.HeapWalk
	Threshold  float64 // bytes: smaller allocation sites are not listed
}

// Picture tells where the target's memory is, in all parts that were read: what every analyzer of All finds, in that order.
// warnings is what weakens the numbers. Parts that were not read are left out.
func Picture(s *Sight) (out []Finding, warnings []string) {
	for _, a := range All() {
		found, notes := a.Find(s)
		out, warnings = append(out, found...), append(warnings, notes...)
	}
	return out, warnings
}

// numbers collects what is known under keys that say the unit.
type numbers map[string]float64

// add takes a reading under the key, where it is known.
func (n numbers) add(key string, r sampler.Reading) {
	if r.OK {
		n[key] = r.Value
	}
}

// ledgerFinding is the ledger with the sentence that explains it.
func ledgerFinding(s *sampler.Snapshot, m *sampler.Mappings) (out []Finding, warnings []string) {
	l, ok := NewLedger(s, m)
	if !ok {
		return nil, nil
	}
	f := Finding{
		Analyzer: "ledger", Severity: Info, Title: "Where RSS is: " + unit.Bytes(l.Total), Evidence: numbers{"rss_bytes": l.Total},
		RowsOf: "part of RSS", Columns: []FoundColumn{{"bytes", "bytes"}, {"share_percent", "share"}},
	}
	if text := Explain(&l, s); text != "" {
		f.Details = []string{text}
	}
	for _, r := range l.Rows {
		f.Rows = append(f.Rows, FoundRow{Name: r.Name, Key: r.Key, Numbers: numbers{"bytes": r.Bytes, "share_percent": partOf(r.Bytes, l.Total)}, Note: r.Note})
		if r.Key == "unexplained" {
			f.Evidence["unexplained_bytes"] = r.Bytes
		}
	}
	return []Finding{f}, l.Warnings
}

// warnShare is the part of a limit from which on it is worth a warning.
const warnShare = 0.9

// limitsFinding is how far the target is from what bounds it.
func limitsFinding(s *sampler.Snapshot) []Finding {
	nearest, ok := NearestLimit(s)
	if !ok {
		return nil
	}
	f := Finding{
		Analyzer: "limits", Severity: Info, RowsOf: "limit",
		Title:    fmt.Sprintf("%s of the nearest limit is used: %s of %s (%s)", unit.Percent(nearest.Used/nearest.Bytes), unit.Bytes(nearest.Used), unit.Bytes(nearest.Bytes), nearest.Name),
		Evidence: numbers{"nearest_used_bytes": nearest.Used, "nearest_limit_bytes": nearest.Bytes},
		Columns:  []FoundColumn{{"used_bytes", "used"}, {"limit_bytes", "limit"}, {"share_percent", "share"}, {"left_bytes", "left"}},
	}
	if nearest.Used >= warnShare*nearest.Bytes {
		f.Severity = Warning
	}
	for _, l := range Limits(s) {
		f.Rows = append(f.Rows, FoundRow{Name: l.Name, Note: limitNote(l.Name), Numbers: numbers{
			"used_bytes": l.Used, "limit_bytes": l.Bytes, "share_percent": partOf(l.Used, l.Bytes), "left_bytes": max(l.Bytes-l.Used, 0),
		}})
	}
	if kills := s.Reading(sampler.CgroupOOMKills); kills.OK {
		f.Evidence["oom_kills_count"] = kills.Value
		if kills.Value > 0 {
			f.Severity = Warning
			f.Details = append(f.Details, fmt.Sprintf("The kernel has killed %s in this cgroup for memory.", unit.Things(kills.Value, "process")))
		}
	}
	for _, p := range []struct {
		metric sampler.Metric
		key    string
	}{{sampler.CgroupPeak, "cgroup_peak_bytes"}, {sampler.PressureSome10, "pressure_some_percent"}, {sampler.PressureFull10, "pressure_full_percent"}} {
		numbers(f.Evidence).add(p.key, s.Reading(p.metric))
	}
	if text := pressureWords(s.Reading(sampler.PressureSome10), s.Reading(sampler.PressureFull10)); text != "" {
		f.Details = append(f.Details, text)
	}
	return []Finding{f}
}

func limitNote(name string) string {
	switch name {
	case "cgroup":
		return "page cache counts too, and is given up first"
	case "GOMEMLIMIT":
		return "beyond it the collector works harder; nothing dies"
	case "machine":
		return "used is what is not available, by all processes"
	}
	return ""
}

// pressureWords says how much of the time tasks waited for memory, "" where the kernel does not tell.
func pressureWords(some, full sampler.Reading) string {
	if !some.OK {
		return ""
	}
	text := "In the last 10 s tasks of this machine waited for memory " + unit.Percent(some.Value/100) + " of the time"
	if full.OK {
		text += ", all of them at once " + unit.Percent(full.Value/100)
	}
	return text + "."
}

// collectorFinding is the state of the Go heap and its collector, and its work on average since the program began.
func collectorFinding(s *sampler.Snapshot, started time.Time) []Finding {
	e := numbers{}
	for _, m := range []struct {
		metric sampler.Metric
		key    string
	}{
		{sampler.GoHeapLive, "heap_live_bytes"}, {sampler.GoHeapGoal, "heap_goal_bytes"}, {sampler.GoClassObjects, "heap_objects_bytes"},
		{sampler.GoCyclesTotal, "collections_count"}, {sampler.GoCyclesForced, "forced_collections_count"},
		{sampler.GoHeapAllocs, "allocated_bytes"}, {sampler.GoHeapAllocCount, "allocations_count"}, {sampler.GoHeapCount, "objects_count"},
		{sampler.GoPauseTotal, "pauses_seconds"},
	} {
		e.add(m.key, s.Reading(m.metric))
	}
	if len(e) == 0 {
		return nil
	}
	if n, counted := e["collections_count"]; counted && n == 0 {
		delete(e, "heap_live_bytes") // nobody has looked yet
	}
	if gogc := s.Reading(sampler.GoGCPercent); gogc.OK && gogc.Value < unlimited {
		e.add("gogc_percent", gogc)
	}
	if limit := s.Reading(sampler.GoMemLimit); bounded(limit) {
		e.add("gomemlimit_bytes", limit)
	}
	var parts []string
	add := func(key, words string) {
		if v, ok := e[key]; ok {
			parts = append(parts, words+" "+unit.Bytes(v))
		}
	}
	add("heap_live_bytes", "live")
	add("heap_objects_bytes", "in use")
	add("heap_goal_bytes", "next collection at")
	f := Finding{Analyzer: "collector", Severity: Info, Title: "Go heap: " + strings.Join(parts, ", "), Evidence: e}
	if len(parts) == 0 {
		f.Title = "Go heap"
	}
	if text := sinceStart(s, started, e); text != "" {
		f.Details = append(f.Details, text)
	}
	return []Finding{f}
}

// sinceStart tells the collector's work on average since the program began, as all its counters start at 0.
func sinceStart(s *sampler.Snapshot, started time.Time, e numbers) string {
	if started.IsZero() || !s.Time.After(started) {
		return ""
	}
	zero := &sampler.Snapshot{Time: started}
	for _, m := range []sampler.Metric{
		sampler.GoCPUTotal, sampler.GoCPUIdle, sampler.GoCPUGCIdle, sampler.GoCPUGCAssist, sampler.GoCPUGCDedicated,
		sampler.GoCPUGCPause, sampler.GoCyclesTotal, sampler.GoHeapAllocs,
	} {
		zero.Add(m, 0)
	}
	gc := GCBetween(zero, s)
	means := numbers{}
	means.add("mean_gc_cpu_percent", gc.CPUPercent)
	means.add("mean_alloc_bytes_per_second", gc.AllocRate)
	means.add("mean_collections_per_minute", gc.CyclesPerMin)
	means["age_seconds"] = gc.Interval.Seconds()
	maps.Copy(e, means)
	if !gc.AllocRate.OK {
		return ""
	}
	text := fmt.Sprintf("On average since its start %s ago it allocates %s", unit.Duration(gc.Interval), unit.Rate(gc.AllocRate.Value))
	if gc.CPUPercent.OK {
		text += " and gives " + unit.Percent(gc.CPUPercent.Value/100) + " of its CPU time to the collector"
	}
	return text + "."
}
