package cli

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

var updateGolden = flag.Bool("update", false, "write the golden reports anew")

// madeUp is the report of hotspots --holders over the made-up server.
func madeUp(t *testing.T) *analysis.Findings {
	t.Helper()
	f := samplertest.New(samplertest.Options{})
	var reading sampler.Snapshot
	for range 100 {
		if err := f.Read(t.Context(), &reading); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := f.HeapProfile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	heap, err := profile.ParseHeap(raw)
	if err != nil {
		t.Fatal(err)
	}
	walk, err := f.Walk(t.Context(), sampler.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "hotspots", Time: walk.Time, Warnings: []string{"2 collections ended during the walk"},
		Target:   analysis.FindingTarget{Kind: "process", PID: 4242, Name: "api-server", Source: "memory", Go: "go1.26.8"},
		Findings: analysis.Hotspots(&heap, &walk, 3e6),
	}
}

func TestGoldenFindings(t *testing.T) {
	for name, r := range map[string]*analysis.Findings{
		"hotspots": madeUp(t), "hotspots_rates": madeUpRates(t), "analyze": madeUpPicture(t), "analyze_machine": madeUpMachine(t),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, r) })
	}
}

func golden(t *testing.T, name string, r *analysis.Findings) {
	t.Helper()
	for format, ending := range map[string]string{"text": "txt", "json": "json", "markdown": "md"} {
		got, err := findings(r, format)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name+"."+ending)
		if *updateGolden {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s differs (go test ./cmd/internal/cli -update writes it anew; look at it first); got\n%s", path, got)
		}
	}
}

// hostileText is what a stranger may call his functions, variables and program.
const hostileText = "\x1b[31mred\x1b]0;owned\x07\r\n\u202egnp.exe\u200b\x9b2J <script>alert(1)</script> | [a](http://b) `c` @d #1 ![x](y) \n# e"

func hostileReport() *analysis.Findings {
	long := hostileText + strings.Repeat("A世", 200)
	holder := analysis.FoundHolder{Roots: []string{long}, Function: long, Path: []string{long, long}, Text: long, Bytes: 1 << 50, Objects: 1 << 40}
	site := analysis.FoundSite{Site: long, Stack: []string{long}, Bytes: 1e18, Uncertainty: 1e17, Objects: 1e18, Samples: 1 << 60, Holders: []analysis.FoundHolder{holder, holder}}
	row := analysis.FoundRow{Name: long, Note: long, Numbers: map[string]float64{"bytes": 1e18, "pages_count": 1e18, "nothing_bytes": math.NaN(), "x_ratio": 1e300}}
	grows := site
	grows.BytesPerHour, grows.Low, grows.High, grows.KeptPercent, grows.Verdict = new(1e18), new(-1e18), new(math.Inf(1)), new(1e9), long
	return &analysis.Findings{
		Schema: analysis.FindingsSchema, Command: "hotspots", Time: time.Unix(0, 0).UTC(), Warnings: []string{long}, Verdict: long, Reason: long,
		Target: analysis.FindingTarget{Kind: "process", Name: long, Source: long, Go: long},
		Findings: []analysis.Finding{{
			Analyzer: "hotspots", Title: long, Advice: long, Sites: []analysis.FoundSite{site},
			Evidence: map[string]float64{"shared_bytes": 1e18, "sites_count": 1e9, "listed_count": 1, "in_use_bytes": 1e18, "sample_rate_bytes": 1e18},
			Holders:  []analysis.FoundRoot{{Root: long, RetainedBytes: 1 << 60, SharePercent: 100}},
		}, {
			Analyzer: "rows", Severity: analysis.Critical, Title: long, Details: []string{long}, RowsOf: long, Rows: []analysis.FoundRow{row},
			Columns: []analysis.FoundColumn{{Key: "bytes", Title: long}, {Key: "pages_count", Title: "pages"}, {Key: "nothing_bytes", Title: "none"}, {Key: "x_ratio", Title: "x"}},
		}, {
			Analyzer: "leak", Title: long, Evidence: map[string]float64{long + "_bytes": 1, "nan_bytes": math.NaN()}, Sites: []analysis.FoundSite{grows},
		}},
	}
}

func TestHostileNamesStayTextInReports(t *testing.T) {
	for _, format := range debugFormats() {
		out, err := findings(hostileReport(), format)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\r", "\x07", "\u202e", "\u200b", "\x9b2J", "\u009b"} {
			if strings.Contains(string(out), bad) {
				t.Errorf("%s holds %q", format, bad)
			}
		}
	}
}

func TestTextReportsFitATerminalOf80(t *testing.T) {
	for _, r := range []*analysis.Findings{madeUp(t), madeUpRates(t), madeUpPicture(t), madeUpMachine(t), hostileReport()} {
		for i, line := range strings.Split(findingsText(r), "\n") {
			if w := ansi.StringWidth(line); w > textCells {
				t.Errorf("line %d has %d cells: %q", i+1, w, line)
			}
		}
	}
}

func TestHostileNamesAreNoMarkup(t *testing.T) {
	out := findingsMarkdown(hostileReport())
	for _, bad := range []string{"<script", "](http", "`c`", "@d", "![x]"} {
		if strings.Contains(out, bad) {
			t.Errorf("the Markdown holds %q:\n%s", bad, out)
		}
	}
	for i, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "# ") && i > 0 {
			t.Errorf("a name made a heading: %q", line)
		}
	}
	cells := 0 // of the table's first line
	for line := range strings.SplitSeq(out, "\n") {
		n := strings.Count(line, " | ")
		switch {
		case !strings.HasPrefix(line, "| "):
			cells = 0
		case cells == 0:
			cells = n
		case n != cells:
			t.Errorf("a row of the table has %d cells, not %d: %q", n+1, cells+1, line)
		}
	}
}

// The JSON says the same names as they are, and is read back.
func TestFindingsAreReadBack(t *testing.T) {
	want := hostileReport()
	data, err := findings(want, "json")
	if err != nil {
		t.Fatal(err)
	}
	var got analysis.Findings
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	name := strings.ToValidUTF8(want.Target.Name, "\ufffd")
	if got.Target.Name != name || got.Findings[0].Sites[0].Holders[0].Roots[0] != name {
		t.Errorf("the name came back as %q, want %q", got.Target.Name, name)
	}
	row := got.Findings[1].Rows[0]
	if _, there := row.Numbers["nothing_bytes"]; there || row.Name != name || row.Note != name || row.Numbers["bytes"] != 1e18 || len(row.Numbers) != 3 {
		t.Errorf("the row came back as %q with %v", row.Name, row.Numbers)
	}
	if site := got.Findings[2].Sites[0]; site.High != nil || *site.Low != -1e18 {
		t.Errorf("an infinite number came back as %v, a finite one as %v", site.High, site.Low)
	}
	if got.Schema != "heaptop.findings/v1" {
		t.Errorf("schema %q", got.Schema)
	}
}
