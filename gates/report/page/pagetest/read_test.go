package pagetest_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// TestValuesReadsWhatWasHandedIn writes each sort of number once.
func TestValuesReadsWhatWasHandedIn(t *testing.T) {
	inner := &page.Table{Caption: "sites", Columns: []page.Column{{Title: "site"}, {Title: "bytes", Number: true}},
		Rows: []page.Row{{Cells: []page.Cell{{Text: "main.<load>"}, page.Number(-12.5, "-12 B")}}}}
	p := &page.Page{Parts: []page.Part{{Title: "A & B", Blocks: []page.Block{
		&page.Table{Caption: "limits", Columns: []page.Column{{Title: "name"}, {Title: "peak", Number: true}, {Title: "none", Number: true}},
			Rows: []page.Row{{Cells: []page.Cell{{Text: "cache"}, page.Number(1e7, "10.0 MB")}, Detail: []page.Block{inner}}}},
		&page.Chart{Title: "heap", Format: unit.Bytes, Lines: []page.Line{{Name: "in use", Points: []page.Point{{Time: time.Unix(1.7e9, 5e8), Value: 4096}}}}},
		&page.Flame{Title: "who", Format: unit.Bytes, Root: &page.Frame{Name: "all", Value: 2000, Children: []*page.Frame{{Name: "main", Value: 1500}}}},
	}}}}
	var b bytes.Buffer
	if err := page.Write(&b, p); err != nil {
		t.Fatal(err)
	}
	got, err := pagetest.Values(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	want := []pagetest.Datum{
		{"A & B", "limits", "cache", "peak", "10.0 MB", 1e7},
		{"A & B", "sites", "main.<load>", "bytes", "-12 B", -12.5},
		{"A & B", "heap", "2023-11-14T22:13:20.5Z", "in use", "4.10 kB", 4096},
		{"A & B", "who", "all", "value", "2.00 kB", 2000},
		{"A & B", "who", "main", "value", "1.50 kB", 1500},
	}
	if !slices.Equal(got, want) {
		t.Errorf("read %v\nwant %v", got, want)
	}
	if _, err := pagetest.Values(bytes.Replace(b.Bytes(), []byte("cache"), []byte("<b>"), 1)); err == nil {
		t.Error("an element that is not closed is no error")
	}
}
