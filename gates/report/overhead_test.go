package report_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
)

// nightly is a report of figures like those of a server with a JSON module; times is what documents take as json, over the
// string.
func nightly(t testing.TB, times float64, missing string) *gates.Report {
	t.Helper()
	o := &gates.OverheadReport{Server: gates.OverheadServer{Name: "redis", Version: "8.0.0", Allocator: "jemalloc-5.3.0", Mode: "standalone", JSON: "ReJSON 20808", KeyBytes: 24}}
	for _, d := range overhead.Documents() {
		n := float64(len(d.Text)) + 80
		asJSON := gates.OverheadStored{As: overhead.JSON, Encoding: "raw", Values: []float64{n * times, n * times}, Copies: 1000, CopyValues: []float64{n*times + 8, n*times + 8.5}, CopySlack: 24}
		if missing != "" {
			asJSON = gates.OverheadStored{As: overhead.JSON, Missing: missing}
		}
		o.Documents = append(o.Documents, gates.OverheadDocument{Name: d.Name, Category: d.Category, Description: d.Description, TextBytes: len(d.Text), Stored: []gates.OverheadStored{
			{As: overhead.String, Encoding: "raw", Values: []float64{n, n}, Copies: 1000, CopyValues: []float64{n + 8, n + 8}, CopySlack: 24}, asJSON,
		}})
	}
	overhead.Summarize(o)
	r := reports(t)["passed"]
	s := gates.Scenario{Name: "redis-overhead", Kind: gates.KindOverhead, Runs: 2, DurationS: 9, Metrics: overhead.Metrics(o), Overhead: o}
	s.Gates, s.Warnings = overhead.Judge(o, overhead.Settings{})
	r.Scenarios = []gates.Scenario{s}
	r.Judge()
	return r
}

func nightlies(t testing.TB) map[string]*gates.Report {
	grown, earlier := nightly(t, 2.112, ""), nightly(t, 2, "")
	overhead.Compare(grown.Scenarios[0].Overhead, earlier.Scenarios[0].Overhead, "last-night.json")
	return map[string]*gates.Report{"overhead": grown, "overhead-unmeasured": nightly(t, 2, "the server has no JSON module")}
}

func TestNightly(t *testing.T) {
	for kind, r := range nightlies(t) {
		for _, format := range []string{"text", "markdown", "metrics"} {
			t.Run(kind+"/"+format, func(t *testing.T) {
				got := render(t, format, r)
				checkPlain(t, format, got)
				golden(t, filepath.Join("testdata", kind+"."+format), got)
			})
		}
	}
}

// TestNightlyIsGrepped reads the headline as scripts do: the line that begins with the name, the third field.
func TestNightlyIsGrepped(t *testing.T) {
	grep := func(text string) (found []string) {
		for l := range strings.Lines(text) {
			if strings.Contains(l, "METRIC:overall_overhead_ratio:") {
				found = append(found, strings.Split(strings.TrimSpace(l), ":")[2])
			}
		}
		return found
	}
	all := nightlies(t)
	killed := nightly(t, 2, "")
	killed.Scenarios[0].Error = "read INFO of localhost:6379: EOF"
	killed.Judge()
	for _, format := range []string{"text", "markdown", "metrics"} {
		if got := grep(render(t, format, all["overhead"])); cmp.Diff(got, []string{"2.1120"}) != "" {
			t.Errorf("%s: %q, want 2.1120 once", format, got)
		}
		if got := grep(render(t, format, all["overhead-unmeasured"])); got != nil {
			t.Errorf("%s: %q though json was not measured", format, got)
		}
	}
	for _, format := range []string{"text", "markdown"} {
		if got := render(t, format, killed); strings.Contains(got, "METRIC:") {
			t.Errorf("%s of a server that was killed has metrics:\n%s", format, got)
		}
	}
	if got := render(t, "text", all["overhead"]); !strings.Contains(got, "+5.6%") {
		t.Errorf("no change of 5.6%%:\n%s", got)
	}
}

func TestNightlyIsReadAgain(t *testing.T) {
	for kind, r := range nightlies(t) {
		back, err := gates.ReadReport(kind, []byte(render(t, "json", r)))
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"text", "markdown", "metrics"} {
			if d := cmp.Diff(render(t, format, r), render(t, format, back)); d != "" {
				t.Errorf("%s of the stored %s report differs:\n%s", format, kind, d)
			}
		}
	}
}
