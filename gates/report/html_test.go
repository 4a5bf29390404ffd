package report_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/gates/report/page/pagetest"
)

// pageText is what a page says, a line for each paragraph, fact and row, without its drawings.
func pageText(html string) ([]string, error) {
	root, err := pagetest.Parse([]byte(html))
	if err != nil {
		return nil, err
	}
	var lines []string
	var walk func(*pagetest.Element)
	walk = func(e *pagetest.Element) {
		switch e.Name {
		case "svg", "script", "footer", "head", "nav", "header":
		case "p", "h1", "h2", "h3", "li", "summary", "caption":
			lines = append(lines, strings.Join(strings.Fields(e.Content()), " "))
		case "div", "tr":
			if !e.Class("more") && (e.Name == "tr" || len(e.Children) == 2 && e.Children[0].Name == "dt") {
				var cells []string
				for _, c := range e.Children {
					cells = append(cells, strings.Join(strings.Fields(c.Content()), " "))
				}
				lines = append(lines, strings.Join(cells, " | "))
				return
			}
			fallthrough
		default:
			for _, child := range e.Children {
				walk(child)
			}
		}
	}
	walk(root)
	return lines, nil
}

// pageNumbers reads the numbers of a page.
func pageNumbers(t testing.TB, html string) []pagetest.Datum {
	t.Helper()
	list, err := pagetest.Values([]byte(html))
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, html)
	}
	return list
}

// TestHTMLText holds what a page says, without how it looks.
func TestHTMLText(t *testing.T) {
	all := reports(t)
	maps.Copy(all, nightlies(t))
	for kind, r := range all {
		t.Run(kind, func(t *testing.T) {
			lines, err := pageText(render(t, "html", r))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(lines, "\n") + "\n"
			golden(t, filepath.Join("testdata", kind+".html.txt"), got)
		})
	}
}

// numbersOf collects the numbers of a JSON value under the names of their fields.
func numbersOf(v any, field string, into map[string]map[float64]bool) {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			numbersOf(e, k, into)
		}
	case []any:
		for _, e := range x {
			numbersOf(e, field, into)
		}
	case float64:
		if into[field] == nil {
			into[field] = map[float64]bool{}
		}
		into[field][x] = true
	}
}

// told are the fields whose numbers are no figures of a table: they are said in words, or follow from others.
var told = []string{"exit_code", "seed", "cpus", "memory_bytes", "sessions", "warn_increase_percent", "smallest_provable_percent", "set_to", "runs", "planned_s", "watched_s",
	"at_s", "key_bytes", "copies", "copy_low", "copy_high", "copy_slack", "low", "high", "bytes", "max"}

// TestNumbersOfPagesAreThoseOfTheJSON reads both: every number behind a figure of a page is in the JSON of the same report, and
// every number of the JSON that belongs into a table is behind a figure.
func TestNumbersOfPagesAreThoseOfTheJSON(t *testing.T) {
	all := reports(t)
	maps.Copy(all, nightlies(t))
	all["hostile"] = hostile(t)
	for kind, r := range all {
		t.Run(kind, func(t *testing.T) {
			var tree any
			if err := json.Unmarshal([]byte(render(t, "json", r)), &tree); err != nil {
				t.Fatal(err)
			}
			fields := map[string]map[float64]bool{}
			numbersOf(tree, "", fields)
			known := map[float64]bool{}
			for _, numbers := range fields {
				maps.Copy(known, numbers)
			}
			found := map[float64]bool{}
			for _, d := range pageNumbers(t, render(t, "html", r)) {
				if !known[d.Value] {
					t.Errorf("%s / %s / %s / %s: %q stands for %v, which is in no JSON", d.Part, d.Block, d.Row, d.Column, d.Text, d.Value)
				}
				found[d.Value] = true
			}
			for field, numbers := range fields {
				for v := range numbers {
					if !found[v] && !slices.Contains(told, field) {
						t.Errorf("%s is %v in the JSON, and not on the page", field, v)
					}
				}
			}
		})
	}
}

// TestFiguresStandWhereTheyBelong looks up single figures by table, or chart, row and column.
func TestFiguresStandWhereTheyBelong(t *testing.T) {
	all := reports(t)
	maps.Copy(all, nightlies(t))
	for _, c := range []struct {
		kind, block, row, column string
		want                     float64
		text                     string
	}{
		{"failed", "Limits of import", "peak_rss", "measured", 72.5e6, "72.5 MB"},
		{"failed", "Limits of import", "peak_rss", "limit", 64e6, "64.0 MB"},
		{"failed", "Limits of import", "peak_rss", "left", -13.28125, "-13.3%"},
		{"failed", "Comparisons of import", "allocs", "change", 12, "+12%"},
		{"failed", "Comparisons of import", "allocs", "from", 11.9, "+11.9%"},
		{"failed", "Comparisons of import", "allocs", "to", 12.1, "+12.1%"},
		{"failed", "Metrics of import", "peak_rss", "median", 72e6, "72.0 MB"},
		{"failed", "Where it comes from, as a share of the growth of allocated memory:", "61%", "change", 18.4e6, "+18.4 MB"},
		{"failed", "Trend", "/gc/heap/live:bytes", "an hour", 72e6, "72.0 MB"},
		{"failed", "All scenarios", "import", "left", -13.28125, "-13.3%"},
		{"stability", "What was judged", "the live heap", "an hour", 2400, "2.40 kB"},
		{"stability", "What grows, an hour and as a share of the growth:", "20.0 MB/h", "share", 83.5, "83.5%"},
		{"stability", "Memory", "2026-11-22T01:32:03Z", "RSS", 31e6, "31.0 MB"},
		{"overhead", "Over all documents, as a multiple of a string", "json", "overall", 2.112, "2.11x"},
	} {
		list := pageNumbers(t, render(t, "html", all[c.kind]))
		i := slices.IndexFunc(list, func(d pagetest.Datum) bool {
			return d.Block == c.block && d.Row == c.row && d.Column == c.column && math.Abs(d.Value-c.want) <= 1e-9*math.Abs(c.want)
		})
		if i < 0 {
			t.Errorf("%s: no %v as %s of %s in %q", c.kind, c.want, c.column, c.row, c.block)
		} else if list[i].Text != c.text {
			t.Errorf("%s: %s of %s in %q reads %q, want %q", c.kind, c.column, c.row, c.block, list[i].Text, c.text)
		}
	}
}

// TestPagesOfThousands: what did not pass is there in full, all of the others in the table as far as they fit, and the page says so.
func TestPagesOfThousands(t *testing.T) {
	for _, bad := range []int{40, 10_000} {
		t.Run(fmt.Sprintf("%d of 10000 did not pass", bad), func(t *testing.T) {
			r := reports(t)["failed"]
			pass, fail := r.Scenarios[0], r.Scenarios[2]
			r.Scenarios = nil
			for i := range 10_000 {
				s := pass
				if i >= 10_000-bad {
					s = fail
				}
				s.Name = fmt.Sprintf("scenario %d", i)
				r.Scenarios = append(r.Scenarios, s)
			}
			r.Judge()
			got := render(t, "html", r)
			if len(got) > page.MaxBytes {
				t.Errorf("%d bytes, want at most %d", len(got), page.MaxBytes)
			}
			lines, err := pageText(got)
			if err != nil {
				t.Fatal(err)
			}
			full, listed := 0, map[string]bool{}
			for _, l := range lines {
				if strings.HasPrefix(l, "Limits of scenario") {
					full++
				}
				if name, _, _ := strings.Cut(l, " | "); strings.HasPrefix(name, "scenario ") {
					listed[name] = true
				}
			}
			if want := min(bad, 40); full < want {
				t.Errorf("%d of %d scenarios that failed are told in full, want %d at least", full, bad, want)
			}
			if want := map[int]int{40: 10_000, 10_000: 500}[bad]; len(listed) < want {
				t.Errorf("the tables have %d of 10000 scenarios, want %d", len(listed), want)
			}
			for _, want := range []string{"so that the page stays small", "--format json has all"} {
				if !strings.Contains(got, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
		})
	}
}

// TestHTMLTakesWhatComesBesides looks for links, notes and parts of the caller.
func TestHTMLTakesWhatComesBesides(t *testing.T) {
	var b strings.Builder
	err := report.HTMLWith(&b, reports(t)["passed"], report.Extras{Title: "A night", Facts: []page.Fact{{Name: "profiles", Value: "there", Link: "https://example.com/"}},
		Notes: []string{"a note"}, Parts: func(int) []page.Part {
			return []page.Part{{Title: "Between", Blocks: []page.Block{page.Text{Text: "words"}}}}
		}})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pageText(b.String())
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(lines, "\n")
	last := -1
	for _, want := range []string{"A night", "profiles", "a note", "Scenarios", "Between", "words", "parse"} {
		at := strings.Index(text[last+1:], want)
		if at < 0 {
			t.Fatalf("no %q behind what comes before it:\n%s", want, text)
		}
		last += at + 1
	}
	if !strings.Contains(b.String(), `href="https://example.com/"`) {
		t.Error("the link is none")
	}
}

// TestHostileTextsStayText looks for elements that no page has.
func TestHostileTextsStayText(t *testing.T) {
	got := render(t, "html", hostile(t))
	root, err := pagetest.Parse([]byte(got))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b", "img", "iframe", "object", "form"} {
		if n := len(root.All(name)); n > 0 {
			t.Errorf("%d elements %s of a stranger", n, name)
		}
	}
	if strings.Count(got, "<script") != strings.Count(got, "</script>") || strings.Contains(got, "<b>@root") {
		t.Error("markup of a stranger")
	}
}
