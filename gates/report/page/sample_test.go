package page_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// start is when the made-up measurements begin.
func start() time.Time { return time.Date(2026, 11, 21, 23, 40, 0, 0, time.UTC) }

// sample is a page with every sort of block.
func sample() *page.Page {
	return &page.Page{
		Title:   "Nightly memory report",
		Verdict: &page.Verdict{Word: "failed", Tone: page.Bad, Text: "2 of 28 scenarios are above their limit, 1 could not be measured."},
		Facts: []page.Fact{
			{Name: "Measured", Value: "2026-11-22 03:00 UTC"},
			{Name: "Commit", Value: "9fcb0431c2aa", Code: true, Link: "https://github.com/alloc-dev/heaptop/commit/9fcb0431c2aa"},
			{Name: "Machine", Value: "linux/amd64, 2 CPUs, 8.3 GB"},
			{Name: "Go", Value: "go1.26.0", Code: true},
			{Name: "Took", Value: "31m12s"},
		},
		Notes: []string{"The recording was thinned: 2,000 of 86,400 readings are kept."},
		Parts: []page.Part{
			{Title: "Over the night", Note: "What the process held, second by second.", Blocks: []page.Block{sampleChart(), sampleTrend()}},
			{Title: "Gates", Verdict: &page.Verdict{Word: "failed", Tone: page.Bad, Text: "peak_heap of ingest grew by 12.7% (11.2% to 14.1%), 5% is allowed."}, Blocks: []page.Block{sampleTable(28)}},
			{Title: "Who holds it", Blocks: []page.Block{sampleFlame(0), sampleFlame(1)}},
			{Title: "Environment", Folded: true, Blocks: []page.Block{
				page.Facts{{Name: "Kernel", Value: "6.12.9"}, {Name: "GOGC", Value: "100", Code: true}},
				page.Text{Text: "The machine was busy with something else for 12s.", Tone: page.Warn},
				page.Text{Text: "Nothing was swapped.", Tone: page.Good},
			}},
		},
	}
}

func sampleChart() *page.Chart {
	c := &page.Chart{Title: "Memory of server", Format: unit.Bytes, Lines: []page.Line{{Name: "RSS"}, {Name: "Heap in use"}, {Name: "Heap goal", Dashed: true}}}
	for i := range 600 {
		at := start().Add(time.Duration(i) * 2 * time.Second)
		heap := 40e6 + float64(i)*1e5 + 18e6*math.Abs(math.Mod(float64(i), 40)/40)
		rss := heap*1.2 + 30e6
		if i == 333 {
			rss = 212e6
		}
		if i > 400 && i < 420 {
			rss, heap = math.NaN(), math.NaN()
		}
		for l, v := range []float64{rss, heap, 130e6} {
			c.Lines[l].Points = append(c.Lines[l].Points, page.Point{Time: at, Value: v})
		}
	}
	c.Marks = []page.Mark{{Time: start().Add(4 * time.Minute), Label: "collection forced"}, {Time: start().Add(13 * time.Minute), Label: "no answer", Tone: page.Bad}}
	return c
}

func sampleTrend() *page.Chart {
	c := &page.Chart{Title: "peak_heap of ingest, last 60 nights", Format: unit.Bytes, Lines: []page.Line{{Name: "Median of 5 runs", Dots: true}, {Name: "Limit", Dashed: true}}}
	for i := range 60 {
		v := 61e6 + 9e5*math.Sin(float64(i)*1.7)
		if i > 42 {
			v += 7.5e6
		}
		at := start().AddDate(0, 0, i-60)
		c.Lines[0].Points = append(c.Lines[0].Points, page.Point{Time: at, Value: v, Low: v - 6e5, High: v + 9e5, Label: fmt.Sprintf("commit %07x", i*7919)})
		c.Lines[1].Points = append(c.Lines[1].Points, page.Point{Time: at, Value: 66e6})
	}
	c.Marks = []page.Mark{{Time: start().AddDate(0, 0, -17), Label: "+12%", Tone: page.Bad}}
	return c
}

func sampleTable(rows int) *page.Table {
	t := &page.Table{Caption: "Limits and what was measured", Columns: []page.Column{
		{Title: "Scenario"}, {Title: "Metric", Code: true}, {Title: "Measured", Number: true, Hint: "The median of the runs."},
		{Title: "Limit", Number: true}, {Title: "Change", Number: true, Hint: "Against the baseline, with 95% confidence."}, {Title: "Verdict"}}}
	for i := range rows {
		v := 20e6 + 4e6*float64((i*7)%13)
		change := float64((i*5)%11) - 4
		r := page.Row{Cells: []page.Cell{{Text: fmt.Sprintf("scenario-%02d", i)}, {Text: "peak_heap"},
			{Text: unit.Bytes(v), Value: &v, Share: v / 72e6}, page.Number(66e6, "66.0 MB"), page.Number(change, fmt.Sprintf("%+.1f%%", change)), {Text: "passed", Tone: page.Good}}}
		switch {
		case v > 66e6:
			r.Cells[5] = page.Cell{Text: "failed", Tone: page.Bad}
			r.Detail = []page.Block{page.Text{Text: "Above its limit by 1.2%; these sites grew:"}, &page.Table{Caption: "Sites", Columns: []page.Column{{Title: "Site", Code: true}, {Title: "Change", Number: true}},
				Rows: []page.Row{{Cells: []page.Cell{{Text: "main.load server.go:88"}, {Text: "+6.10 MB", Value: new(6.1e6), Tone: page.Bad}}}}}}
		case i%9 == 4:
			r.Cells[2], r.Cells[4], r.Cells[5] = page.Cell{}, page.Cell{}, page.Cell{Text: "unmeasured", Tone: page.Warn}
		case change > 4:
			r.Cells[4].Tone = page.Up
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

func sampleFlame(change float64) *page.Flame {
	var grow func(name string, value float64, depth int) *page.Frame
	grow = func(name string, value float64, depth int) *page.Frame {
		f := &page.Frame{Name: name, Value: value, Detail: fmt.Sprintf("server/%s.go:%d", "file", 10+depth*7), Change: change * value * math.Sin(value/3e5+float64(depth))}
		if depth < 9 && value > 2e5 {
			for i, share := range []float64{0.55, 0.27, 0.1} {
				pkg := []string{"main", "github.com/alloc-dev/heaptop/sampler/goproc", "encoding/json", "runtime", "net/http"}[(depth*3+i)%5]
				f.Children = append(f.Children, grow(fmt.Sprintf("%s.(*thing%d).handle%c", pkg, depth, 'A'+i), value*share, depth+1))
			}
		}
		return f
	}
	title := "Heap in use by call stack"
	if change != 0 {
		title = "What grew since the baseline"
	}
	return &page.Flame{Title: title, Format: unit.Bytes, Root: grow("all", 61.2e6, 0)}
}

// written is a page as a file has it.
func written(t testing.TB, p *page.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
