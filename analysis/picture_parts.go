package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// mostRows is how many lines a table has at most; what it leaves out is said.
const mostRows = 15

// kernelFinding is what the kernel counts of the process.
func kernelFinding(s *sampler.Snapshot) []Finding {
	rss := s.Reading(sampler.ProcessRSS)
	f := Finding{
		Analyzer: "process", Severity: Info, RowsOf: "counted by the kernel", Evidence: numbers{},
		Columns: []FoundColumn{{"bytes", "bytes"}, {"share_percent", "of RSS"}},
	}
	for _, m := range []struct {
		metric          sampler.Metric
		key, name, note string
	}{
		{sampler.ProcessPeakRSS, "peak_rss_bytes", "peak RSS", "the most since the program began"},
		{sampler.ProcessAnon, "anon_bytes", "anonymous", "heap, stacks, mmap"},
		{sampler.ProcessFile, "file_bytes", "file pages", "mapped files: can be read again, so given up first"},
		{sampler.ProcessShmem, "shmem_bytes", "shared memory", ""},
		{sampler.ProcessPSS, "pss_bytes", "PSS", "shared pages by its share of them"},
		{sampler.ProcessUSS, "uss_bytes", "USS", "its own alone: what its end would free"},
		{sampler.ProcessHuge, "huge_bytes", "huge pages", "transparent huge pages among the anonymous memory"},
		{sampler.ProcessSwap, "swap_bytes", "swapped out", "not in RSS"},
	} {
		v, ok := s.Get(m.metric)
		if !ok {
			continue
		}
		f.Evidence[m.key] = v
		row := FoundRow{Name: m.name, Note: m.note, Numbers: numbers{"bytes": v}}
		if rss.OK && rss.Value > 0 {
			row.Numbers["share_percent"] = shareOf(v, rss.Value)
		}
		f.Rows = append(f.Rows, row)
	}
	var parts []string
	for _, m := range []struct {
		metric         sampler.Metric
		key, one, rest string
	}{
		{sampler.TreeProcesses, "tree_processes_count", "process", " in its tree"},
		{sampler.ProcessThreads, "threads_count", "thread", ""},
		{sampler.ProcessFDs, "files_count", "open file", ""},
		{sampler.ProcessMinorFaults, "minor_faults_count", "minor page fault", ""},
		{sampler.ProcessMajorFaults, "major_faults_count", "major page fault", " (read from the disk)"},
	} {
		if v, ok := s.Get(m.metric); ok {
			f.Evidence[m.key] = v
			if m.metric == sampler.TreeProcesses && v <= 1 {
				continue // it alone
			}
			parts = append(parts, unit.Things(v, m.one)+m.rest)
		}
	}
	numbers(f.Evidence).add("tree_rss_bytes", s.Reading(sampler.TreeRSS))
	if len(f.Rows) == 0 {
		return nil
	}
	f.Title = "What the kernel counts of the process"
	if len(parts) > 0 {
		f.Details = []string{strings.Join(parts, ", ") + "."}
	}
	return []Finding{f}
}

// shareOf is a share in percent, to two decimals, that may exceed 100: swap and peaks are no part of RSS.
func shareOf(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return 100 * part / whole
}

// typesFinding is the sampled objects by their Go type, where the walk knows it.
func typesFinding(w *sampler.HeapWalk) []Finding {
	type sum struct{ bytes, objects, samples float64 }
	sums, known, all := map[string]*sum{}, 0.0, 0.0
	for i := range w.Sites {
		for j := range w.Sites[i].Paths {
			p := &w.Sites[i].Paths[j]
			all += float64(p.Bytes)
			if len(p.Steps) == 0 || p.Steps[0].Type == "" {
				continue
			}
			of := sums[p.Steps[0].Type]
			if of == nil {
				of = &sum{}
				sums[p.Steps[0].Type] = of
			}
			known += float64(p.Bytes)
			of.bytes += float64(p.Bytes)
			of.objects += float64(p.Objects)
			of.samples += float64(p.Samples)
		}
	}
	if len(sums) == 0 || all <= 0 {
		return nil
	}
	f := Finding{
		Analyzer: "types", Severity: Info, RowsOf: "Go type",
		Title:    fmt.Sprintf("The type is known of %s of what the sampled objects stand for, %s", unit.Percent(known/all), unit.Bytes(all)),
		Evidence: numbers{"typed_bytes": known, "sampled_bytes": all},
		Columns:  []FoundColumn{{"bytes", "bytes"}, {"share_percent", "share"}, {"objects_count", "objects"}, {"samples_count", "samples"}},
	}
	for name, of := range sums {
		f.Rows = append(f.Rows, FoundRow{Name: name, Numbers: numbers{
			"bytes": of.bytes, "share_percent": partOf(of.bytes, all), "objects_count": of.objects, "samples_count": of.samples,
		}})
	}
	f.keepLargest("bytes", "types")
	return []Finding{f}
}

// keepLargest sorts the rows by a number, the largest first, and leaves out what is beyond mostRows, which it says.
func (f *Finding) keepLargest(key, many string) {
	slices.SortFunc(f.Rows, func(a, b FoundRow) int {
		return cmp.Or(cmp.Compare(b.Numbers[key], a.Numbers[key]), cmp.Compare(a.Name, b.Name))
	})
	if len(f.Rows) <= mostRows {
		return
	}
	rest := 0.0
	for _, r := range f.Rows[mostRows:] {
		rest += r.Numbers[key]
	}
	text := unit.Count(float64(len(f.Rows)-mostRows)) + " further " + many + " are not listed"
	if strings.HasSuffix(key, "bytes") {
		text += "; they come to " + unit.Bytes(rest)
	}
	f.Details = append(f.Details, text+".")
	f.Rows = f.Rows[:mostRows]
}

// classesFinding is how the Go heap is cut up, and how much of it no object uses.
func classesFinding(s *sampler.Spans) []Finding {
	if s.Bytes == 0 {
		return nil
	}
	unused := float64(s.Bytes) - min(float64(s.InUse), float64(s.Bytes))
	f := Finding{
		Analyzer: "fragmentation", Severity: Info, RowsOf: "size class",
		Title: fmt.Sprintf("%s of the %s in spans holds no object: %s fragmentation",
			unit.Bytes(unused), unit.Bytes(float64(s.Bytes)), unit.Percent(unused/float64(s.Bytes))),
		Evidence: numbers{
			"spans_bytes": float64(s.Bytes), "in_use_bytes": float64(s.InUse), "unused_bytes": unused, "spans_count": float64(s.Spans),
			"objects_count": float64(s.Objects), "manual_bytes": float64(s.Manual), "free_bytes": float64(s.Free), "released_bytes": float64(s.Released),
		},
		Columns: []FoundColumn{
			{"unused_bytes", "unused"}, {"share_percent", "share"}, {"bytes", "spans"}, {"fill_percent", "filled"}, {"objects_count", "objects"},
		},
		Details: []string{"Objects that are dead and not yet swept count as objects."},
	}
	for i := range s.Classes {
		c := &s.Classes[i]
		if c.Bytes == 0 {
			continue
		}
		f.Rows = append(f.Rows, FoundRow{Name: className(c), Numbers: numbers{
			"unused_bytes": float64(c.Free()), "share_percent": partOf(float64(c.Free()), unused), "bytes": float64(c.Bytes),
			"fill_percent": partOf(float64(c.InUse), float64(c.Bytes)), "objects_count": float64(c.Objects), "spans_count": float64(c.Spans),
			"slot_bytes": float64(c.Size),
		}})
	}
	f.keepLargest("unused_bytes", "classes")
	return []Finding{f}
}

func className(c *sampler.SizeClass) string {
	name := unit.Count(float64(c.Size)) + " B"
	if c.Size == 0 {
		name = "large objects"
	}
	if c.NoScan {
		name += ", no pointers"
	}
	return name
}

// mappingsFinding is the address space by name.
func mappingsFinding(m *sampler.Mappings) Finding {
	f := Finding{
		Analyzer: "mappings", Severity: Info, RowsOf: "mapping", Evidence: numbers{},
		Columns: []FoundColumn{
			{"rss_bytes", "RSS"}, {"share_percent", "share"}, {"pss_bytes", "PSS"}, {"size_bytes", "size"}, {"swap_bytes", "swap"}, {"mappings_count", "count"},
		},
	}
	rss, pss, swap, size, n := 0.0, 0.0, 0.0, 0.0, 0
	for i := range m.List {
		x := &m.List[i]
		rss, pss, swap, size, n = rss+x.RSS, pss+x.PSS, swap+x.Swap, size+x.Size, n+x.Count
	}
	f.Evidence = numbers{"rss_bytes": rss, "pss_bytes": pss, "swap_bytes": swap, "size_bytes": size, "mappings_count": float64(n)}
	f.Title = fmt.Sprintf("%s of the %s of address space is resident, in %s", unit.Bytes(rss), unit.Bytes(size), unit.Things(n, "mapping"))
	for i := range m.List {
		x := &m.List[i]
		row := FoundRow{Name: nameOfMapping(x), Numbers: numbers{
			"rss_bytes": x.RSS, "share_percent": partOf(x.RSS, rss), "pss_bytes": x.PSS, "size_bytes": x.Size, "mappings_count": float64(x.Count),
			"anon_bytes": x.Anon, "private_bytes": x.Private,
		}}
		if swap > 0 {
			row.Numbers["swap_bytes"] = x.Swap
		}
		f.Rows = append(f.Rows, row)
	}
	f.keepLargest("rss_bytes", "names")
	return f
}

func nameOfMapping(m *sampler.Mapping) string {
	switch {
	case m.Name == "" && m.Go:
		return "[Go heap]"
	case m.Name == "":
		return "[anonymous]"
	}
	return m.Name
}

// goroutinesFinding is the goroutines by what they do, with the memory of their stacks where that is known.
func goroutinesFinding(g *sampler.Goroutines, s *sampler.Snapshot) []Finding {
	rows := profile.GoroutineRows(g, nil)
	if len(rows) == 0 {
		return nil
	}
	f := Finding{
		Analyzer: "goroutines", Severity: Info, RowsOf: "goroutines", Evidence: numbers{"goroutines_count": float64(g.Total), "groups_count": float64(len(rows))},
		Title:   unit.Things(g.Total, "goroutine") + " in " + unit.Things(len(rows), "group"),
		Columns: []FoundColumn{{"goroutines_count", "count"}, {"share_percent", "share"}, {"stacks_bytes", "stacks"}, {"wait_max_seconds", "waits for"}},
	}
	stacks, measured := 0.0, true
	for i := range rows {
		stacks += rows[i].Stacks.Value
		measured = measured && rows[i].Stacks.OK
		row := namedRow(&rows[i])
		row.Numbers["share_percent"] = partOf(float64(rows[i].Count), float64(g.Total))
		f.Rows = append(f.Rows, row)
	}
	if measured {
		f.Evidence["stacks_bytes"] = stacks
		f.Title += ", with stacks of " + unit.Bytes(stacks)
	}
	if s != nil {
		numbers(f.Evidence).add("stack_spans_bytes", s.Reading(sampler.GoClassStacks))
	}
	for _, w := range g.Warnings {
		f.Details = append(f.Details, w.Error()+".")
	}
	f.keepLargest("goroutines_count", "groups")
	return []Finding{f}
}

// namedRow is a row with a name also for goroutines whose stack was not read: those that run.
func namedRow(r *profile.GoroutineRow) FoundRow {
	row := goroutineRow(r)
	if row.Name == "" {
		row.Name = "(no stack)"
	}
	return row
}
