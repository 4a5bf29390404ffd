package page_test

import (
	"bytes"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
)

// everywhere is a page with one text in every place that takes one.
func everywhere(s string) *page.Page {
	print := func(float64) string { return s }
	at := start()
	blocks := []page.Block{
		page.Text{Text: s, Tone: page.Warn},
		page.Facts{{Name: s, Value: s, Code: true}},
		&page.Chart{Title: s, Note: s, Format: print,
			Lines: []page.Line{{Name: s, Points: []page.Point{{Time: at, Value: 1, Label: s}, {Time: at.Add(time.Minute), Value: 2, Low: 1, High: 3}}}, {Name: s, Dots: true, Points: []page.Point{{Time: at, Value: 2}}}},
			Marks: []page.Mark{{Time: at, Label: s}}},
		&page.Flame{Title: s, Note: s, Format: print, Root: &page.Frame{Name: s, Detail: s, Value: 10, Children: []*page.Frame{{Name: s, Value: 4, Change: 1}}}},
	}
	table := &page.Table{Caption: s, More: s, Columns: []page.Column{{Title: s, Hint: s, Code: true}, {Title: s, Number: true}},
		Rows: []page.Row{{Cells: []page.Cell{{Text: s, Link: s}, page.Number(1, s)}, Detail: blocks}, {Cells: []page.Cell{{Text: s}}}}}
	verdict := &page.Verdict{Word: s, Text: s, Tone: page.Bad}
	return &page.Page{Title: s, Verdict: verdict, Facts: []page.Fact{{Name: s, Value: s, Link: s}}, Notes: []string{s},
		Parts: []page.Part{{Title: s, Note: s, Verdict: verdict, Blocks: append(blocks, table)}, {Title: s, Folded: true}}}
}

// skeleton lists the elements of a page with the names of their attributes.
func skeleton(e *pagetest.Element, depth int) []string {
	out := []string{strings.Repeat(" ", depth) + e.Name + " " + strings.Join(slices.Sorted(maps.Keys(e.Attributes)), " ")}
	for _, child := range e.Children {
		out = append(out, skeleton(child, depth+1)...)
	}
	return out
}

// harmless is what every page of one text must be like.
type harmless struct {
	skeleton []string
	scripts  int
}

// harmlessPage returns it, made once.
var harmlessPage = sync.OnceValues(func() (harmless, error) {
	var b bytes.Buffer
	if err := page.Write(&b, everywhere("x")); err != nil {
		return harmless{}, err
	}
	root, err := pagetest.Parse(b.Bytes())
	if err != nil {
		return harmless{}, err
	}
	return harmless{skeleton(root, 0), bytes.Count(b.Bytes(), []byte("<script"))}, nil
})

// checkHostile compares the page of a text with that of a harmless one: no element and no attribute may be new, and no
// character may be one that acts.
func checkHostile(t *testing.T, s string) {
	t.Helper()
	s = "x" + s // an empty text leaves elements out
	html := written(t, everywhere(s))
	got, err := pagetest.Parse(html)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	harmless, err := harmlessPage()
	if err != nil {
		t.Fatal(err)
	}
	if a, b := skeleton(got, 0), harmless.skeleton; !slices.Equal(a, b) {
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("%q changes the page: element %d is %q", s, i, a[i])
			}
		}
		t.Fatalf("%q takes elements away", s)
	}
	if bytes.Count(html, []byte("<script")) != harmless.scripts || bytes.Count(html, []byte("<!--")) != 0 {
		t.Fatalf("%q makes a script or a comment", s)
	}
	for i, r := range string(html) {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%q: the page has %U at byte %d", s, r, i)
		}
	}
	if heads := got.All("h1"); len(heads) != 1 || !strings.HasPrefix(heads[0].Content(), "x") {
		t.Fatalf("%q: the heading is %v", s, heads)
	}
}

// hostile are texts that have broken pages before.
func hostile() []string {
	return []string{"", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", `" onmouseover="alert(1)`, `' autofocus onfocus='alert(1)`,
		"]]>", "<!-- ", "-->", "&lt;b&gt;", "&#x3c;", "\x00\x1b[31m\x07", "\u202eexe.gpj", "\u2028\u2029", "\xff\xfe", "javascript:alert(1)",
		"{{.Title}}", "${1}`", "</style><style>*{display:none}", "<svg/onload=alert(1)>", "\ufeff", strings.Repeat("<", 5000), "\ue000\U000e0001"}
}

func TestTextsOfStrangersStayTexts(t *testing.T) {
	for _, s := range hostile() {
		checkHostile(t, s)
	}
}

func FuzzPage(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkHostile(t, s) })
}

func TestLinksLeadToWebAddressesAlone(t *testing.T) {
	for link, want := range map[string]string{
		"https://github.com/alloc-dev/heaptop/issues": "https://github.com/alloc-dev/heaptop/issues",
		"http://localhost:8080/a?b=c&d=%3Ce%3E":       "http://localhost:8080/a?b=c&d=%3Ce%3E",
		"javascript:alert(1)":                         "",
		"JaVaScRiPt:alert(1)":                         "",
		"java\nscript:alert(1)":                       "",
		"data:text/html,hello":                        "",
		"//example.com":                               "",
		"https:alert":                                 "",
		"https://user:secret@example.com":             "",
		"file:///etc/passwd":                          "",
		"https://exam\u202eple.com":                   "",
		"":                                            "",
	} {
		p := &page.Page{Facts: []page.Fact{{Name: "see", Value: "here", Link: link}}}
		root, err := pagetest.Parse(written(t, p))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range root.All("dd")[0].All("a") {
			got = a.Attributes["href"]
		}
		if got != want {
			t.Errorf("%q is linked to %q, want %q", link, got, want)
		}
		if dd := root.All("dd")[0].Content(); dd != "here" {
			t.Errorf("%q: the value is %q", link, dd)
		}
	}
}

// TestNumbersThatAreNone writes pages of values that no axis has.
func TestNumbersThatAreNone(t *testing.T) {
	values := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, 5e-324, 0, -1, 1e17, 1e17 + 16, 1e20}
	for i, v := range values {
		for _, w := range values[i:] {
			points := []page.Point{{Time: start(), Value: v, Low: w, High: v}, {Time: time.Time{}, Value: w, Low: v, High: w}, {Time: time.Unix(1<<61, 0), Value: 1}}
			p := &page.Page{Parts: []page.Part{{Title: "odd", Blocks: []page.Block{
				&page.Chart{Title: "chart", Format: exactly, Lines: []page.Line{{Name: "a", Points: points}, {Name: "b", Points: points[:1]}}},
				&page.Chart{Title: "empty", Format: exactly}, &page.Flame{Title: "none", Format: exactly},
				&page.Table{Caption: "cells", Columns: []page.Column{{Title: "v"}, {Title: "w"}}, Rows: []page.Row{{Cells: []page.Cell{{Value: &v, Share: w}, {Value: &w, Share: v, Tone: 99}}}}},
				&page.Flame{Title: "flame", Format: exactly, Root: &page.Frame{Value: v, Change: w, Children: []*page.Frame{nil, {Value: w, Change: v}}}},
			}}}}
			html := written(t, p)
			if bytes.Contains(html[bytes.Index(html, []byte("<main")):bytes.Index(html, []byte("<footer"))], []byte("NaN")) {
				t.Errorf("%v and %v: the page has a NaN", v, w)
			}
			data, err := pagetest.Values(html)
			if err != nil {
				t.Fatalf("%v and %v: %v", v, w, err)
			}
			for _, d := range data {
				if math.IsNaN(d.Value) || math.IsInf(d.Value, 0) {
					t.Errorf("%v and %v: the page has %v", v, w, d)
				}
			}
		}
	}
}
