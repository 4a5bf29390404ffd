package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// recordingPage is a recording as a page. It is read once, from its beginning to its end.
func recordingPage(ctx context.Context, f *file, bar *progress) (*page.Page, error) {
	t := newTale(ctx, f.path, f.past, bar)
	leaks := newLeakWatch("", t.to.Sub(t.from))
	if err := replayLeaks(ctx, leaks, t); err != nil {
		return nil, cause(ctx, err)
	}
	if t.last == nil {
		return nil, &usageError{fmt.Errorf("%s has no readings in it", f.path), ""}
	}
	t.end()
	judged := leaks.Report(analysis.LeakJudgement{Material: defaultGrowth})
	s, err := sceneAt(f.past, t.last, t.info)
	if err != nil {
		return nil, err
	}
	parts, warnings, err := s.parts()
	if err != nil {
		return nil, err
	}
	p := &page.Page{
		Title: "Recording of " + subjectName(&t.info), Verdict: leakVerdict(string(judged.Verdict), judged.Reason), Facts: recordingFacts(f, t),
	}
	if f.note != "" {
		p.Notes = append(p.Notes, f.note)
	}
	p.Notes = append(append(append(p.Notes, t.notes()...), warnings...), s.missing...)
	p.Parts = append(p.Parts, page.Part{Title: "Over time", Blocks: t.drawn.pages(t.marks)})
	p.Parts = append(p.Parts, growthPart(judged))
	p.Parts = append(p.Parts, atTheEnd(parts)...)
	changes, notes := t.changes(f, s)
	p.Parts = append(p.Parts, changes...)
	p.Notes = append(p.Notes, notes...)
	p.Parts = append(p.Parts, pauseParts(t.last)...)
	cycles, err := f.past.CyclesUntil(t.to)
	if err != nil {
		return nil, &usageError{err, ""}
	}
	p.Parts = append(p.Parts, cycleParts(cycles)...)
	p.Parts = append(p.Parts, t.metricsPart())
	p.Notes = distinct(append(p.Notes, judged.Warnings...))
	return p, nil
}

func recordingFacts(f *file, t *tale) []page.Fact {
	facts := fileFacts(f.path, &t.info)
	facts = append(facts, page.Fact{Name: "from", Value: moment(t.from)},
		page.Fact{Name: "to", Value: moment(t.to) + ", " + unit.Duration(t.to.Sub(t.from).Round(time.Millisecond)) + " later"},
		page.Fact{Name: "readings", Value: unit.Count(float64(t.readings))},
		page.Fact{Name: "a reading took", Value: unit.Duration(t.took/time.Duration(max(t.kept, 1))) + " on average"})
	if span := t.to.Sub(t.from); span > 0 && t.most <= 1 {
		facts = append(facts, page.Fact{Name: "cost", Value: unit.Percent(float64(t.took)/float64(span)) + " of the time went into reading"})
	}
	if gone := f.past.Gone(); gone != nil {
		facts = append(facts, page.Fact{Name: "its end", Value: gone.Error()})
	}
	if r, ok := f.past.(*capture.Recording); ok {
		if meta := r.Meta(); meta.Version != "" {
			facts = append(facts, page.Fact{Name: "made by", Value: "heaptop " + meta.Version})
		}
	}
	return facts
}

// growthPart is what heaptop debug leaks says of the recording.
func growthPart(r *analysis.LeakReport) page.Part {
	part := page.Part{Title: "Does it grow", Verdict: leakVerdict(string(r.Verdict), r.Reason), Note: "As heaptop debug leaks judges the recording as a whole."}
	for i := range r.Findings {
		f := &r.Findings[i]
		tone := page.Plain
		if v := severityVerdict(f.Severity); v != nil {
			tone = v.Tone
		}
		part.Blocks = append(part.Blocks, page.Text{Text: findingTitle(f) + ".", Tone: tone})
		part.Blocks = append(part.Blocks, findingBlocks(f)...)
	}
	return part
}

// atTheEnd says in the titles that the sections are of the end.
func atTheEnd(parts []page.Part) []page.Part {
	for i := range parts {
		parts[i].Title = "At the end: " + afterColon(parts[i].Title)
	}
	return parts
}

// afterColon makes the first letter a small one, unless the word is an abbreviation or a number.
func afterColon(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] >= 'a' && s[1] <= 'z') && !strings.HasPrefix(s, "Go ") {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}

// changes is what changed from the beginning of the recording to its end.
func (t *tale) changes(f *file, end *scene) (parts []page.Part, warnings []string) {
	if t.first == nil || !t.last.Time.After(t.first.Time) {
		return nil, nil
	}
	info, err := f.past.InfoAt(t.first.Time)
	if err != nil {
		info = t.info
	}
	from := &analysis.Side{Name: "the beginning", Time: t.first.Time, Info: info, Sample: t.first, Goroutines: t.beginning.goroutines, Mappings: t.beginning.maps}
	to := &analysis.Side{
		Name: "the end", Time: t.last.Time, Info: end.sight.Info, Sample: t.last, Heap: end.sight.Heap,
		Goroutines: end.sight.Goroutines, Mappings: end.sight.Mappings,
	}
	for _, s := range []*analysis.Side{from, to} {
		if l, ok := analysis.NewLedger(s.Sample, s.Mappings); ok {
			s.Ledger = &l
		}
	}
	if p := t.beginning.heap; p != nil {
		heap, err := profile.ParseHeap(*p)
		if err != nil {
			warnings = append(warnings, "the first heap profile: "+err.Error())
		} else {
			from.Heap = &heap
		}
	}
	if from.Heap == nil || to.Heap == nil {
		from.Heap, to.Heap = nil, nil // said elsewhere
	}
	d := analysis.Compare(from, to, profile.Filter{})
	r := newDiffReport(&d, changedRows, maxTop)
	for i := range r.Lists {
		part := listPart(&r.Lists[i])
		part.Title, part.Folded = "Since the beginning: "+afterColon(part.Title), i > 0
		parts = append(parts, part)
		if i == 0 {
			for _, flame := range diffFlames(&d) {
				flame.Title = "Since the beginning: " + afterColon(flame.Title)
				parts = append(parts, flame)
			}
		}
	}
	return parts, append(warnings, r.Warnings...)
}

// changedRows is how many rows a list of changes has.
const changedRows = 30

// mostMetrics is how many metrics of a recording are listed.
const mostMetrics = 400

// metricsPart lists what each metric was over the recording.
func (t *tale) metricsPart() page.Part {
	table := &page.Table{Caption: "Every metric over the recording", Columns: []page.Column{
		{Title: "metric", Code: true}, {Title: "first", Number: true}, {Title: "smallest", Number: true}, {Title: "largest", Number: true},
		{Title: "last", Number: true}, {Title: "readings", Number: true, Hint: "those that are kept and tell it"},
	}}
	names := make([]sampler.Metric, 0, len(t.totals))
	for m := range t.totals {
		names = append(names, m)
	}
	slices.Sort(names)
	if left := len(names) - mostMetrics; left > 0 {
		table.More = "and " + unit.Things(left, "metric") + " more"
		names = names[:mostMetrics]
	}
	for _, m := range names {
		v := t.totals[m]
		row := page.Row{Cells: []page.Cell{{Text: string(m)}}}
		for _, n := range []float64{v.first, v.low, v.high, v.last} {
			row.Cells = append(row.Cells, page.Number(n, figure(m.Unit(), n)))
		}
		row.Cells = append(row.Cells, page.Number(float64(v.readings), unit.Count(float64(v.readings))))
		table.Rows = append(table.Rows, row)
	}
	return page.Part{Title: "Metrics", Blocks: []page.Block{table}, Folded: true}
}
