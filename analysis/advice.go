package analysis

import (
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// AdviceInput is what advice rests on. What is nil was not read, and nothing is advised from it.
type AdviceInput struct {
	Record         WhatIfRecord // the readings, at least one
	From, To       TracePoint   // allocation sites when the watching began, and at its end
	GoroutinesFrom *sampler.Goroutines
	Goroutines     *sampler.Goroutines
	Maps           *sampler.Mappings
}

// adviser returns what it found worth changing: each finding has its numbers as evidence, and advice that says what to
// do, what that gains and what it costs.
type adviser func(*facts) []Finding

func advisers() []adviser {
	return []adviser{
		adviseCollector, adviseForced, adviseFree, adviseHuge, adviseNative, adviseGoroutines, adviseStacks, adviseShortLived, adviseGrowing,
	}
}

// What is too small to be worth a word.
const (
	leastGain      = 16e6 // bytes of memory
	leastShare     = 0.1  // and of RSS
	leastRateGain  = 0.1  // of the allocation rate
	leastGCPercent = 0.5  // of the CPU, where it is known what collections take
	leastRate      = 10e6 // bytes a second, where it is not
	mostAdvised    = 5    // sites or groups in a finding
)

// facts is the input, and what follows from it for more than one adviser.
type facts struct {
	*AdviceInput
	last     *sampler.Snapshot
	measured WhatIfInput // all that the readings tell
	whatIf   WhatIfInput // the same, without what collections cost where too few were seen to tell
	gc       GC          // so here
	ledger   Ledger
	rss      sampler.Reading
	churn    []churn // what the sites allocated, and the sum of their rates
	total    float64
	span     float64 // seconds that churn is about
}

// Advise returns advice, the most severe first, and behind it what other settings of the collector would cost. Where
// there is nothing to advise, one finding says so. It needs a reading in in.Record.
func Advise(in *AdviceInput) []Finding {
	f := &facts{AdviceInput: in, last: in.Record.Last(), measured: in.Record.Input(), gc: GCBetween(in.Record.First(), in.Record.Last())}
	if f.last == nil {
		return nil
	}
	f.whatIf = f.measured
	if !f.collected(costCollections) {
		f.whatIf.GCCPU, f.gc.CPUPercent, f.gc.Pressure = sampler.Reading{}, sampler.Reading{}, sampler.Reading{}
	}
	f.rss = f.last.Reading(sampler.ProcessRSS)
	f.ledger, _ = NewLedger(f.last, in.Maps)
	f.churns()
	var out []Finding
	for _, a := range advisers() {
		out = append(out, a(f)...)
	}
	rank := map[Severity]int{Critical: 0, Warning: 1, Info: 2}
	slices.SortStableFunc(out, func(a, b Finding) int { return rank[a.Severity] - rank[b.Severity] })
	if len(out) == 0 {
		out = append(out, f.nothing())
	}
	return append(out, f.curve()...)
}

// nothing says what was looked at in vain.
func (f *facts) nothing() Finding {
	looked := []string{}
	look := func(there bool, what string) {
		if there {
			looked = append(looked, what)
		}
	}
	_, isGo := f.last.Get(sampler.GoClassObjects)
	look(f.gc.CPUPercent.OK, "the collector's work")
	look(isGo && f.rss.OK, "free and native memory")
	look(f.last.Reading(sampler.ProcessHuge).OK && f.Maps != nil, "huge pages")
	look(f.Goroutines != nil, "goroutines and stacks")
	look(len(f.churn) > 0, "allocation sites")
	out := Finding{Analyzer: "optimize", Severity: Info, Title: "Nothing was found that is worth changing", Sites: []FoundSite{}, Evidence: map[string]float64{}}
	switch {
	case len(looked) > 0:
		out.Details = []string{"Looked at: " + strings.Join(looked, ", ") + "."}
	case !isGo:
		out.Details = []string{"Advice is about Go programs: of others the kernel does not tell what could be better."}
	}
	if f.measured.Cycles.OK && !f.collected(costCollections) {
		out.Details = append(out.Details, "Too little was seen to judge the collector: "+f.seen()+". "+f.watchLonger(costCollections))
	}
	if f.rss.OK {
		out.Evidence["rss_bytes"] = f.rss.Value
	}
	if span := f.Record.Span().Seconds(); span > 0 {
		out.Evidence["watched_seconds"] = span
	}
	if f.gc.CPUPercent.OK {
		out.Evidence["gc_cpu_percent"] = f.gc.CPUPercent.Value
	}
	return out
}

// curve is the finding that tells what other settings would cost.
func (f *facts) curve() []Finding {
	rows := WhatIfCurve(f.whatIf)
	if len(rows) == 0 {
		return nil
	}
	out := Finding{
		Analyzer: "whatif", Severity: Info, Title: "What other settings of the collector would cost", Sites: []FoundSite{}, Evidence: map[string]float64{},
		RowsOf: "setting", Columns: []FoundColumn{{"peak_heap_bytes", "peak heap"}, {"gc_cpu_percent", "gc cpu"}},
	}
	in := &f.whatIf
	for key, r := range map[string]sampler.Reading{
		"live_bytes": in.LiveHeap, "alloc_bytes_per_second": in.AllocRate, "collection_seconds": in.GCCPU, "collections_count": in.Cycles,
		"while_marking_bytes": in.MarkAlloc, "not_heap_bytes": in.NonHeap,
	} {
		if r.OK {
			out.Evidence[key] = r.Value
		}
	}
	out.Details = []string{f.basis()}
	for i := range rows {
		out.Rows = append(out.Rows, whatIfRow(&rows[i]))
	}
	return []Finding{out}
}

// basis tells what the prediction rests on.
func (f *facts) basis() string {
	in := &f.whatIf
	text := "By the runtime's own pacing, from " + unit.Bytes(in.LiveHeap.Value) + " live heap"
	if in.AllocRate.OK {
		text += ", " + unit.Rate(in.AllocRate.Value) + " allocated"
	}
	switch {
	case in.GCCPU.OK:
		text += " and " + unit.Format("seconds", in.GCCPU.Value) + " of CPU for a collection, as " + unit.Things(in.Cycles.Value, "collection") + " showed"
	case in.Cycles.OK && in.Cycles.Value == 0:
		text += "; no collection ended while it was watched, so what one costs is not known: watch longer"
	case in.Cycles.OK && !f.collected(costCollections):
		text += "; " + f.seen() + " is too little to tell what one costs: watch longer"
	default:
		text += "; what a collection costs is not known"
	}
	return text + "."
}

func whatIfRow(w *WhatIf) FoundRow {
	r := FoundRow{Name: w.GOGCText(), Note: w.Note, Numbers: map[string]float64{}}
	if w.Current {
		r.Note = strings.TrimSuffix("now; "+w.Note, "; ")
	}
	if w.GOGC >= 0 {
		r.Numbers["gogc_percent"] = float64(w.GOGC)
	}
	if w.MemoryLimit > 0 {
		r.Numbers["gomemlimit_bytes"] = w.MemoryLimit
	}
	if w.PeakHeap.OK {
		r.Numbers["peak_heap_bytes"] = w.PeakHeap.Value
	}
	if w.GCPercent.OK {
		r.Numbers["gc_cpu_percent"] = w.GCPercent.Value
	}
	return r
}

// found begins a finding of an adviser.
func found(analyzer string, s Severity, title string) Finding {
	return Finding{Analyzer: analyzer, Severity: s, Title: title, Sites: []FoundSite{}, Evidence: map[string]float64{}}
}

// row is a row of the ledger, 0 where there is none of that key.
func (f *facts) row(key string) float64 {
	r, _ := rowOf(&f.ledger, key)
	return r.Bytes
}

// matters says whether so many bytes are worth a word beside the whole.
func (f *facts) matters(bytes float64) bool {
	return bytes >= leastGain && f.rss.OK && bytes >= leastShare*f.rss.Value
}
