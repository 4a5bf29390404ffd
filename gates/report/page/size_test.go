package page_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

func exactly(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// recordingOfADay has six lines of a reading every second.
func recordingOfADay() *page.Page {
	c := &page.Chart{Title: "memory", Format: unit.Bytes}
	for i := range 6 {
		c.Lines = append(c.Lines, page.Line{Name: fmt.Sprintf("line %d", i), Points: wave(86_400)})
	}
	return &page.Page{Title: "a day", Parts: []page.Part{{Title: "memory", Blocks: []page.Block{c}}}}
}

func manyScenarios(n int) *page.Page {
	return &page.Page{Title: "many", Parts: []page.Part{{Title: "gates", Blocks: []page.Block{sampleTable(n)}}}}
}

// TestLargePagesStaySmall checks the size of what would be large, that the page says what is left out, and that what
// stands out is still there.
func TestLargePagesStaySmall(t *testing.T) {
	samplertest.NotUnderRace(t)
	day := recordingOfADay()
	memory := day.Parts[0].Blocks[0]
	deep := &page.Frame{Name: "all", Value: 1e6}
	for at, i := deep, 0; i < 5000; i++ {
		next := &page.Frame{Name: fmt.Sprintf("main.f%d", i), Value: 1e6}
		at.Children, at = []*page.Frame{next}, next
	}
	wide := &page.Frame{Name: "all", Value: 1e6}
	for i := range 50_000 {
		wide.Children = append(wide.Children, &page.Frame{Name: fmt.Sprintf("main.f%d", i), Value: 20})
	}
	charts := page.Part{Title: "charts"}
	for range 60 {
		charts.Blocks = append(charts.Blocks, memory)
	}
	for name, c := range map[string]struct {
		page *page.Page
		says string // what the page tells about what it leaves out
		has  string // and what must still be there
	}{
		"a day":          {day, " of 518,400 points; the largest and the smallest", "212 MB"},
		"many charts":    {&page.Page{Parts: []page.Part{charts}}, " of 518,400 points", "212 MB"},
		"many scenarios": {manyScenarios(10_000), "more rows are left out, to keep the page small", "scenario-1999"},
		"many sections":  {&page.Page{Parts: make([]page.Part, 100_000)}, "98,000 sections are left out", ""},
		"many notes":     {&page.Page{Notes: strings.Fields(strings.Repeat("note ", 1e6))}, "notes are left out", ""},
		"long notes":     {&page.Page{Notes: strings.Fields(strings.Repeat(strings.Repeat("<", 3000)+" ", 500))}, "notes are left out", ""},
		"deep flame":     {&page.Page{Parts: []page.Part{{Blocks: []page.Block{&page.Flame{Title: "f", Format: unit.Bytes, Root: deep}}}}}, "deeper than 200", "main.f199"},
		"wide flame":     {&page.Page{Parts: []page.Part{{Blocks: []page.Block{&page.Flame{Title: "f", Format: unit.Bytes, Root: wide}}}}}, "50,000 frames below 0.10%", "1.00 MB"},
	} {
		html := written(t, c.page)
		if len(html) >= page.MaxBytes {
			t.Errorf("%s: the page has %d bytes, want less than %d", name, len(html), page.MaxBytes)
		}
		if _, err := pagetest.Values(html); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range []string{c.says, c.has} {
			if !strings.Contains(string(html), want) {
				t.Errorf("%s: the page does not have %q", name, want)
			}
		}
		t.Logf("%s: %d bytes", name, len(html))
	}
}

// TestPageHasEveryNumber compares a page with what was handed in.
func TestPageHasEveryNumber(t *testing.T) {
	p := sample()
	data, err := pagetest.Values(written(t, p))
	if err != nil {
		t.Fatal(err)
	}
	type key struct{ block, row, column string }
	got := make(map[key]pagetest.Datum)
	for _, d := range data {
		got[key{d.Block, d.Row, d.Column}] = d
	}
	checked := 0
	expect := func(block, row, column, text string, v float64) {
		t.Helper()
		if d := got[key{block, row, column}]; d.Value != v || d.Text != text {
			t.Errorf("%s, %s, %s: %v as %q, want %v as %q", block, row, column, d.Value, d.Text, v, text)
		}
		checked++
	}
	for _, part := range p.Parts {
		for _, block := range part.Blocks {
			switch b := block.(type) {
			case *page.Table:
				for _, r := range b.Rows {
					for i, c := range r.Cells {
						if c.Value != nil {
							expect(b.Caption, r.Cells[0].Text, b.Columns[i].Title, c.Text, *c.Value)
						}
					}
				}
			case *page.Chart:
				for _, l := range b.Lines {
					for _, point := range l.Points {
						if point.Value == point.Value {
							text := b.Format(point.Value)
							if point.High != 0 {
								text += " (" + b.Format(point.Low) + " to " + b.Format(point.High) + ")"
							}
							expect(b.Title, point.Time.Format(time.RFC3339Nano), l.Name, text, point.Value)
						}
					}
				}
			}
		}
	}
	if checked < 1900 {
		t.Errorf("only %d numbers were compared", checked)
	}
}

func BenchmarkWriteDay(b *testing.B) {
	p := recordingOfADay()
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(written(b, p))))
	}
}

func BenchmarkWrite10000Rows(b *testing.B) {
	p := manyScenarios(10_000)
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(written(b, p))))
	}
}
