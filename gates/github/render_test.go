package github_test

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/github"
)

func ptr(v float64) *float64 { return &v }

// reportOf is a report in which every text is one of the names.
func reportOf(names ...string) *gates.Report {
	r := &gates.Report{
		Schema: gates.ReportSchema, Tool: gates.Tool{Version: "v1", Go: "go1.26"}, Seed: 7,
		Environment: gates.Environment{OS: "linux", Arch: "amd64", Commit: strings.Repeat("a", 40)},
		StartedAt:   time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC), FinishedAt: time.Date(2026, 11, 22, 1, 3, 3, 0, time.UTC),
	}
	for _, n := range names {
		r.Scenarios = append(r.Scenarios, gates.Scenario{
			Name: n, Kind: gates.KindCommand, Runs: 3, Metrics: map[string]gates.Measured{},
			Gates: []gates.Gate{{Metric: n, Op: "<=", Limit: 64e6, Value: ptr(71e6), Unit: "bytes", Verdict: gates.Failed, HeadroomPercent: ptr(-10.9), From: "config", Reason: n}},
			Comparisons: []gates.Comparison{
				{Metric: n, Baseline: ptr(60e6), Current: ptr(71e6), ChangePercent: ptr(18.3), LowPercent: ptr(17), HighPercent: ptr(19), Runs: [2]int{3, 3},
					Verdict: gates.Regressed, Severity: gates.SeverityCritical, MaxIncrease: 10, WarnIncrease: 2, Gated: true, Against: "merge base with main, 89abcdef01", Reason: n},
				{Metric: "allocs", Baseline: ptr(100), Current: ptr(50), ChangePercent: ptr(-50), Runs: [2]int{3, 3}, Verdict: gates.Improved, MaxIncrease: 1, Gated: true, Reason: n},
			},
			Blame:     []gates.Blame{{Site: n + " " + n + ":1", ChangeBytes: 18e6, SharePercent: 61}, {Site: "cache.(*LRU).Add cache/lru.go:88", ChangeBytes: 1e6, SharePercent: 5}},
			BlameNote: n, Warnings: []string{n}, Trend: &gates.Trend{Metric: n, Verdict: "growing"},
		})
		r.Warnings = append(r.Warnings, n)
		r.Environment.CPU, r.Environment.Branch = n, n
	}
	r.Judge()
	return r
}

func hostileNames() []string {
	return []string{
		"a|b`c\\", "<b>@root</b> #1 www.x.org http://evil.example", "new\nline\r\x1b[31m", "::set-output name=x::y", "::error::x", "![i](http://evil.example/x.png)",
		"[click](javascript:alert(1))", "<img src=x onerror=alert(1)>", "--><script>alert(1)</script><!--", "<!-- heaptop:comment:memory -->", "</details></summary>",
		"octo/repo#12 GH-12 @team/all", "```\n# big\n```", "* item", "> quote", "1. list", "| a | b |\n|--|--|", "&lt;b&gt;", "~~~", "\u202e right", "https://evil.example",
		"mailto:root@evil.example", "$(touch /tmp/x)", "`id`", "x' --selftest '", "**bold** _it_", strings.Repeat("long ", 1000), "a\x00b", "bad \xff utf8",
	}
}

func options() github.CommentOptions {
	return github.CommentOptions{Key: "memory", Repo: "o/r", Commit: strings.Repeat("b", 40), Artifacts: "https://github.com/o/r/actions/runs/1", Drift: hostileNames()}
}

// sourceLink is a line of a source file of the repository itself.
var sourceLink = regexp.MustCompile(`^https://github\.com/o/r/blob/b{40}(/[A-Za-z0-9_.+-]+)+\.(go|s|c|h|cc|cpp)#L[0-9]+$`)

var mention = regexp.MustCompile(`@[A-Za-z0-9]|#[0-9]|GH-[0-9]+\b`)

// TestNothingOfStrangersBecomesMarkup reads the texts with a Markdown renderer that is not ours.
func TestNothingOfStrangersBecomesMarkup(t *testing.T) {
	for name, body := range map[string]string{
		"comment": github.Comment(reportOf(hostileNames()...), options()),
		"issue":   github.Issue(reportOf(hostileNames()...), options()),
		"summary": github.Summary(reportOf(hostileNames()...), options(), 1<<20),
	} {
		t.Run(name, func(t *testing.T) { checkRendered(t, body) })
	}
}

func checkRendered(t *testing.T, body string) {
	t.Helper()
	for _, r := range body {
		if r < ' ' && r != '\n' || r == 0x7f || r == '\u202e' {
			t.Errorf("control character %q", r)
		}
	}
	if strings.Contains(body, "\n::") || strings.HasPrefix(body, "::") {
		t.Error("a line is a workflow command")
	}
	source := []byte(body)
	inCode := false // GitHub looks for no mentions there
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	ast.Walk(md.Parser().Parse(text.NewReader(source)), func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			to := string(n.Destination)
			if !sourceLink.MatchString(to) && to != "https://github.com/o/r/actions/runs/1" {
				t.Errorf("link to %s", to)
			}
		case *ast.AutoLink:
			t.Errorf("link to %s", n.URL(source))
		case *ast.Image:
			t.Errorf("image %s", n.Destination)
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				at := n.Segments.At(i)
				if tag := string(at.Value(source)); !slices.Contains([]string{"<code>", "</code>"}, tag) {
					t.Errorf("HTML %s", tag)
				} else {
					inCode = tag == "<code>"
				}
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				at := n.Lines().At(i)
				l := strings.TrimSpace(string(at.Value(source)))
				if !regexp.MustCompile(`^(<details><summary>\d+ improvements?</summary>|</details>|<!-- heaptop:(comment|issue):memory -->)$`).MatchString(l) {
					t.Errorf("HTML %s", l)
				}
			}
		case *ast.Heading:
			if n.Level != 2 || n.PreviousSibling() != nil {
				t.Errorf("a heading of level %d", n.Level)
			}
		case *ast.CodeSpan, *ast.FencedCodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			if found := mention.FindString(html.UnescapeString(string(n.Segment.Value(source)))); found != "" && !inCode {
				t.Errorf("%q in %q", found, n.Segment.Value(source))
			}
		}
		return ast.WalkContinue, nil
	})
	if n := strings.Count(body, "<!-- heaptop:"); n > 1 {
		t.Errorf("%d markers", n)
	}
}

func TestTheCommentSaysWhatMattersInOrder(t *testing.T) {
	o := options()
	o.Drift = []string{"import.peak_rss crept up"}
	body := github.Comment(reportOf("import", "serve"), o)
	at := 0
	for _, want := range []string{
		"## ❌ heaptop: failed. 2 scenarios: 2 failed\n", "import.peak&#95;rss crept up", "🚨 **critical** ❌ `import`", "grew by 18.3% (+17% to +19%) against merge base with main, 89abcdef01",
		"| scenario | gate | value | limit | headroom | verdict |", "| `import` | `import` | 71.0 MB | 64.0 MB | -10.9% | ❌ failed |",
		"[`cache.(*LRU).Add cache/lru.go:88`](https://github.com/o/r/blob/" + strings.Repeat("b", 40) + "/cache/lru.go#L88)",
		"2 improvements", "heaptop --headless --scenario import,serve --against 89abcdef01 --seed 7\n", "accept:\n  - { scenario: import, metric: import, up_to: 19%,\n      until: 2027-02-20,",
		"[logs and reports](https://github.com/o/r/actions/runs/1)", "<!-- heaptop:comment:memory -->\n",
	} {
		i := strings.Index(body[at:], want)
		if i < 0 {
			// An underscore within a word stays as it is.
			if i = strings.Index(body[at:], strings.ReplaceAll(want, "&#95;", "_")); i < 0 {
				t.Fatalf("%q is not where it belongs in\n%s", want, body)
			}
		}
		at += i
	}
	if passed := github.Comment(&gates.Report{Schema: gates.ReportSchema, Verdict: gates.Passed, Scenarios: []gates.Scenario{{Name: "a", Kind: gates.KindCommand, Verdict: gates.Passed}}}, o); !strings.HasPrefix(passed, "## ✅ heaptop: passed") || strings.Contains(passed, "Accept it") {
		t.Errorf("of a pass: %s", passed)
	}
}

func TestALongReportFitsAndSaysWhatIsMissing(t *testing.T) {
	var names []string
	for i := range 1200 {
		names = append(names, fmt.Sprintf("scenario-%d%s", i, strings.Repeat("x", i%150)))
	}
	names = append(names, hostileNames()...)
	r := reportOf(names...)
	for name, body := range map[string]string{"comment": github.Comment(r, options()), "issue": github.Issue(r, options())} {
		if len(body) > github.MaxComment || !strings.Contains(body, "did not fit") || !strings.HasPrefix(body, "## ❌") || !strings.HasSuffix(body, "<!-- heaptop:"+name+":memory -->\n") {
			t.Errorf("%s of %d bytes begins %.80q and ends %q", name, len(body), body, body[len(body)-80:])
		}
		if !strings.Contains(body, "heaptop --headless --scenario all --against 89abcdef01") {
			t.Errorf("%s does not say how to measure it again: %q", name, body[len(body)-600:])
		}
		if strings.Contains(body, ":-- |\n\n") {
			t.Errorf("%s has a table without rows", name)
		}
		checkRendered(t, body)
	}
	for _, room := range []int{0, 10, 300, 5000, 1 << 20} {
		if body := github.Summary(r, options(), room); len(body) > room {
			t.Errorf("%d bytes in a room of %d", len(body), room)
		}
	}
}

func TestOnlyFilesOfTheRepositoryAreLinked(t *testing.T) {
	for site, want := range map[string]bool{
		"cache.Add cache/lru.go:88": true, "main.f cmd/x/main.go:1": true, "runtime.x map.go:12": false, "p.F ../x.go:1": false, "p.F /etc/passwd:1": false,
		"p.F a/../../x.go:1": false, "p.F a/b%2e.go:1": false, "p.F a/b)c.go:1": false, "p.F a/x.go": false, "p.F .git/config.go:3": false, "p.F https://x/y.go:1": false,
	} {
		r := reportOf("import")
		r.Scenarios[0].Blame = []gates.Blame{{Site: site, ChangeBytes: 1e6, SharePercent: 5}}
		o := options()
		o.Drift = nil
		if got := strings.Contains(github.Comment(r, o), "/blob/"); got != want {
			t.Errorf("%s is linked: %t", site, got)
		}
	}
}

func TestStateChangesWithWhatExceeds(t *testing.T) {
	a, b := reportOf("import"), reportOf("import")
	*b.Scenarios[0].Gates[0].Value = 72e6 // more of the same
	if github.StateOf(a) != github.StateOf(b) {
		t.Error("another value of the same gate is another state")
	}
	b.Scenarios[0].Gates[0].Verdict = gates.Warned
	if github.StateOf(a) == github.StateOf(b) {
		t.Error("another verdict of a gate is the same state")
	}
}

func FuzzComment(f *testing.F) {
	for _, n := range hostileNames() {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, name string) {
		o := options()
		o.Drift = []string{name}
		body := github.Comment(reportOf(name), o)
		if len(body) > github.MaxComment {
			t.Errorf("%d bytes", len(body))
		}
		checkRendered(t, body)
	})
}

func FuzzReport(f *testing.F) {
	for _, n := range hostileNames()[:5] {
		data, err := reportOf(n).JSON()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := gates.ReadReport("report", data)
		if err != nil {
			return
		}
		o := options()
		o.Drift = nil
		if body := github.Comment(r, o); len(body) > github.MaxComment || !bytes.HasSuffix([]byte(body), []byte("<!-- heaptop:comment:memory -->\n")) {
			t.Errorf("%d bytes", len(body))
		}
	})
}
