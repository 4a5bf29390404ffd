package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/report"
)

var update = flag.Bool("update", false, "write the golden reports anew")

func TestFormats(t *testing.T) {
	for kind, r := range reports(t) {
		for _, f := range report.Formats() {
			t.Run(kind+"/"+f.Name, func(t *testing.T) {
				if f.Name == "html" {
					t.Skip("TestHTMLText holds what a page says")
				}
				got := render(t, f.Name, r)
				golden(t, filepath.Join("testdata", kind+"."+f.Name), got)
			})
		}
	}
}

// golden compares what was written with a file of the test data, or writes the file with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
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
}

func TestJSONIsReadAgain(t *testing.T) {
	for kind, r := range reports(t) {
		back, err := gates.ReadReport(kind, []byte(render(t, "json", r)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range report.Formats() {
			if d := cmp.Diff(render(t, f.Name, r), render(t, f.Name, back)); d != "" {
				t.Errorf("%s of the stored %s report differs:\n%s", f.Name, kind, d)
			}
		}
	}
}

// checkPlain holds for what people and logs see: no control character, no broken character, no line wider than asked. JSON
// holds what it was given, in quotes.
func checkPlain(t testing.TB, format, text string) {
	t.Helper()
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if i := strings.IndexFunc(l, func(r rune) bool { return r < 0x20 || format != "json" && (r == 0x7f || r == '\u202e') }); i >= 0 {
			t.Errorf("%s has a control character at byte %d of %q", format, i, l)
		}
		if l != strings.ToValidUTF8(l, "") {
			t.Errorf("%s is no UTF-8: %q", format, l)
		}
		if format == "text" && ansi.StringWidth(l) > 80 {
			t.Errorf("%s: a line of %d columns: %q", format, ansi.StringWidth(l), l)
		}
	}
}

func TestTextIsPlainAndFits(t *testing.T) {
	all := reports(t)
	all["hostile"] = hostile(t)
	for kind, r := range all {
		t.Run(kind, func(t *testing.T) {
			for _, f := range report.Formats() {
				checkPlain(t, f.Name, render(t, f.Name, r))
			}
		})
	}
}

func TestWhatFailedComesFirst(t *testing.T) {
	for _, format := range []string{"text", "markdown"} {
		got := render(t, format, reports(t)["failed"])
		last := -1
		for _, want := range []string{"import", "peak_rss is 72.5 MB", "allocs grew by 12%", "cache/lru.go:88", "growth could not be judged", "parse"} {
			at := strings.Index(got, want)
			if at <= last {
				t.Errorf("%s: %q stands at %d, behind what comes after it at %d:\n%s", format, want, at, last, got)
			}
			last = at
		}
	}
}

// TestWarningsAreShown looks for what weakens a number where the scenario passed, and for growth that was accepted.
func TestWarningsAreShown(t *testing.T) {
	for _, format := range []string{"text", "markdown", "junit"} {
		got := strings.Join(strings.Fields(render(t, format, reports(t)["warned"])), " ")
		for _, want := range []string{"another release of Go", "another program used the CPU", "accepted: the new index"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q:\n%s", format, want, got)
			}
		}
	}
}

// TestZeroScenariosIsNoPass looks at what a pass looks like in each format that tells verdicts.
func TestZeroScenariosIsNoPass(t *testing.T) {
	r := reports(t)["passed"]
	r.Scenarios = nil
	r.Judge()
	for format, want := range map[string]string{"text": "unmeasured. No scenario was measured", "markdown": "unmeasured", "junit": "<error ", "github": "::error ",
		"openmetrics": "heaptop_exit_code 2", "json": `"exit_code": 2`, "datadog": `"value": 2`} {
		if got := render(t, format, r); !strings.Contains(got, want) {
			t.Errorf("%s has no %q:\n%s", format, want, got)
		}
	}
	for _, f := range report.Formats() {
		checkValid(t, f.Name, render(t, f.Name, r), r)
	}
}

func TestThousandsOfScenariosAreBounded(t *testing.T) {
	r := reports(t)["failed"]
	one := r.Scenarios[2]
	for len(r.Scenarios) < 3000 {
		s := one
		s.Name = strings.Repeat("@", 100) + strings.Repeat("x", len(r.Scenarios))
		r.Scenarios = append(r.Scenarios, s)
	}
	r.Judge()
	for format, most := range map[string]int{"text": 150_000, "markdown": 60_000, "github": 40_000} {
		got := render(t, format, r)
		if len(got) > most {
			t.Errorf("%s has %d bytes, want at most %d", format, len(got), most)
		}
		if !strings.Contains(got, "more") && !strings.Contains(got, "did not fit") {
			t.Errorf("%s does not say that something is left out", format)
		}
	}
	var b strings.Builder
	if err := report.GitHubSummary(&b, r, report.MaxSummary); err != nil || b.Len() > report.MaxSummary || b.Len() < report.MaxSummary/2 {
		t.Errorf("the summary has %d bytes, error %v; want it to fill most of %d", b.Len(), err, report.MaxSummary)
	}
	for _, room := range []int{0, 1, 100, 1000} {
		b.Reset()
		if err := report.GitHubSummary(&b, r, room); err != nil || b.Len() > room {
			t.Errorf("room for %d: %d bytes, error %v", room, b.Len(), err)
		}
	}
	checkValid(t, "markdown", render(t, "markdown", r), r)
}

func TestAtMostTenAnnotations(t *testing.T) {
	r := reports(t)["failed"]
	for range 20 {
		r.Scenarios = append(r.Scenarios, failed(t))
	}
	lines := strings.Split(strings.TrimSpace(render(t, "github", r)), "\n")
	if len(lines) != 10 || !strings.HasPrefix(lines[0], "::error file=cache/lru.go,line=88,title=heaptop%3A import::") || !strings.Contains(lines[9], " more") {
		t.Errorf("want nine annotations, the first at the site, and one that counts the others:\n%s", strings.Join(lines, "\n"))
	}
}

// TestSumAboveThePeak holds that a figure of a whole tree, above the peak of its largest process, says so on its row.
func TestSumAboveThePeak(t *testing.T) {
	const words = "summed over its processes; peak_rss is that of the largest"
	for name, c := range map[string]struct {
		sustained float64
		source    string
		told      bool
	}{
		"a tree":       {3.6e6, "40 readings, " + gates.SumOfTree, true},
		"a small tree": {1.8e6, "40 readings, " + gates.SumOfTree, false},
		"one process":  {3.6e6, "40 readings", false},
	} {
		s := scenario(t, "sh", gates.KindCommand, map[string][]float64{"peak_rss": {1.9e6}, "sustained_rss": {c.sustained}}, nil)
		m := s.Metrics["sustained_rss"]
		m.Source = c.source
		s.Metrics["sustained_rss"] = m
		r := reports(t)["passed"]
		r.Scenarios = []gates.Scenario{s}
		var b strings.Builder
		if err := report.Text(&b, r); err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(b.String(), "\n  sustained_rss")
		lines := strings.SplitN(after, "\n", 3)
		if told := len(lines) > 1 && strings.TrimSpace(lines[1]) == words; told != c.told || strings.Contains(b.String(), words) != c.told {
			t.Errorf("%s: told %v, want %v, below its row in\n%s", name, told, c.told, b.String())
		}
	}
}
