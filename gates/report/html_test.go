package report_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/gates/report"
	"github.com/alloc-dev/heaptop/gates/report/page"
)

// shown is a table of a page, with the title of the section that it stands in.
type shown struct {
	part, caption string
	head          []string
	rows          [][]shownCell
}

type shownCell struct{ text, value string }

// opaque is what a browser reads as no HTML.
var opaque = regexp.MustCompile(`(?s)<(script|style)\b.*?</(script|style)>`)

// readPage reads a page as a tree, which it must be, and returns its text, a line for each paragraph, fact and row, and its tables.
func readPage(text string) (lines []string, tables []*shown, err error) {
	d := xml.NewDecoder(strings.NewReader(opaque.ReplaceAllString(text, "")))
	d.Strict, d.Entity = true, xml.HTMLEntity
	var open []*shown // tables within tables
	var b strings.Builder
	var cell *shownCell
	part, at := "", []string{}
	flush := func() {
		if s := strings.Join(strings.Fields(b.String()), " "); s != "" {
			lines = append(lines, s)
		}
		b.Reset()
	}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			flush()
			return lines, tables, nil
		}
		if err != nil {
			return nil, nil, err
		}
		switch x := token.(type) {
		case xml.StartElement:
			at = append(at, x.Name.Local)
			switch x.Name.Local {
			case "table":
				flush()
				open = append(open, &shown{part: part})
				tables = append(tables, open[len(open)-1])
			case "tr":
				flush()
				t := open[len(open)-1]
				t.rows = append(t.rows, nil)
			case "th", "td":
				t := open[len(open)-1]
				row := &t.rows[len(t.rows)-1]
				*row = append(*row, shownCell{})
				cell = &(*row)[len(*row)-1]
				for _, a := range x.Attr {
					if a.Name.Local == "data-value" {
						cell.value = a.Value
					}
				}
			case "p", "dt", "li", "h1", "h2", "h3", "summary", "title", "caption", "text", "option":
				flush()
			}
			if x.Name.Local == "svg" { // drawings are looked at in a browser
				if err := d.Skip(); err != nil {
					return nil, nil, err
				}
				at = at[:len(at)-1]
			}
		case xml.EndElement:
			at = at[:len(at)-1]
			switch x.Name.Local {
			case "table":
				t := open[len(open)-1]
				open = open[:len(open)-1]
				t.rows = slices.DeleteFunc(t.rows, func(r []shownCell) bool { return len(r) < 2 && len(t.head) > 1 })
			case "thead":
				t := open[len(open)-1]
				for _, c := range t.rows[0] {
					t.head = append(t.head, c.text)
				}
				t.rows = nil
				flush()
			case "th", "td":
				cell = nil
				b.WriteString(" | ")
			case "dt":
				b.WriteString(": ")
			case "h2":
				part = strings.TrimSpace(b.String())
				flush()
			case "caption":
				if len(open) > 0 {
					open[len(open)-1].caption = strings.TrimSpace(b.String())
				}
				flush()
			case "tr", "p", "dd", "li", "h1", "h3", "summary", "title":
				flush()
			}
		case xml.CharData:
			b.Write(x)
			if cell != nil {
				cell.text += string(x)
			}
		}
	}
}

// pageTables reads the tables of a page.
func pageTables(t testing.TB, text string) []*shown {
	t.Helper()
	_, tables, err := readPage(text)
	if err != nil {
		t.Fatalf("the page is no tree: %v\n%.2000s", err, text)
	}
	return tables
}

// TestHTMLText holds what a page says, without how it looks.
func TestHTMLText(t *testing.T) {
	all := reports(t)
	maps.Copy(all, nightlies(t))
	for kind, r := range all {
		t.Run(kind, func(t *testing.T) {
			lines, _, err := readPage(render(t, "html", r))
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(lines, "\n") + "\n"
			path := filepath.Join("testdata", kind+".html.txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("%s differs (-want +got), -update writes it anew:\n%s", path, d)
			}
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

// told are the fields whose numbers are no figures of a table: they are said in words, drawn, or follow from others.
var told = []string{"exit_code", "seed", "cpus", "memory_bytes", "sessions", "warn_increase_percent", "smallest_provable_percent", "set_to", "runs", "planned_s", "watched_s",
	"at_s", "rss_bytes", "live_heap_bytes", "goroutines", "operations", "key_bytes", "copies", "copy_low", "copy_high", "copy_slack", "low", "high", "bytes", "max"}

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
			for _, table := range pageTables(t, render(t, "html", r)) {
				for _, row := range table.rows {
					for i, c := range row {
						if c.value == "" {
							continue
						}
						v, err := strconv.ParseFloat(c.value, 64)
						if err != nil || !known[v] {
							t.Errorf("%s / %s / %s: %q stands for %s, which is in no JSON", table.part, table.caption, table.head[min(i, len(table.head)-1)], c.text, c.value)
						}
						found[v] = true
					}
				}
			}
			for field, numbers := range fields {
				for v := range numbers {
					if !found[v] && !slices.Contains(told, field) {
						t.Errorf("%s is %v in the JSON, and in no table of the page", field, v)
					}
				}
			}
		})
	}
}

// TestFiguresStandWhereTheyBelong looks up single figures by table, row and column.
func TestFiguresStandWhereTheyBelong(t *testing.T) {
	all := reports(t)
	maps.Copy(all, nightlies(t))
	for _, c := range []struct {
		kind, caption, row, column string
		want                       float64
		text                       string
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
		{"overhead", "Over all documents, as a multiple of a string", "json", "overall", 2.112, "2.11x"},
	} {
		v, text, ok := lookUp(pageTables(t, render(t, "html", all[c.kind])), c.caption, c.row, c.column)
		if !ok {
			t.Errorf("%s: no %s of %s in %q", c.kind, c.column, c.row, c.caption)
			continue
		}
		if got, err := strconv.ParseFloat(v, 64); err != nil || math.Abs(got-c.want) > 1e-9*math.Abs(c.want) || text != c.text {
			t.Errorf("%s: %s of %s in %q is %s, %q; want %v, %q", c.kind, c.column, c.row, c.caption, v, text, c.want, c.text)
		}
	}
}

// lookUp finds the last cell of a column in a row that begins with a text.
func lookUp(tables []*shown, caption, row, column string) (value, text string, ok bool) {
	for _, t := range tables {
		i := slices.Index(t.head, column)
		if t.caption != caption || i < 0 {
			continue
		}
		for _, r := range t.rows {
			if len(r) > i && r[0].text == row {
				value, text, ok = r[i].value, r[i].text, true
			}
		}
	}
	return value, text, ok
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
			tables := pageTables(t, got)
			full, listed := 0, 0
			for _, table := range tables {
				switch {
				case strings.HasPrefix(table.caption, "Limits of scenario"):
					full++
				case table.caption == "All scenarios", table.caption == "More scenarios that passed":
					listed += len(table.rows)
				}
			}
			if want := min(bad, 40); full < want {
				t.Errorf("%d of %d scenarios that failed are told in full, want %d at least", full, bad, want)
			}
			if want := map[int]int{40: 10_000, 10_000: 500}[bad]; listed < want {
				t.Errorf("the tables have %d of 10000 scenarios, want %d", listed, want)
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
	lines, _, err := readPage(b.String())
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
	d := xml.NewDecoder(strings.NewReader(opaque.ReplaceAllString(got, "")))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if x, ok := token.(xml.StartElement); ok && slices.Contains([]string{"b", "img", "iframe", "object", "form"}, x.Name.Local) {
			t.Errorf("an element %s of a stranger", x.Name.Local)
		}
	}
	if strings.Count(got, "<script") != strings.Count(got, "</script>") || strings.Contains(got, "<b>@root") {
		t.Error("markup of a stranger")
	}
}
