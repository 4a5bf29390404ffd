package github_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

const sha = "1234567890123456789012345678901234567890"

// pullEvent is the event of a pull request.
func pullEvent(draft bool) map[string]any {
	return map[string]any{"pull_request": map[string]any{"number": 7, "draft": draft, "head": map[string]any{"sha": sha}}}
}

// pullRequest prepares a workspace as checkout leaves it: a merge commit of main and of a change to the files.
func pullRequest(t *testing.T, limit, run string, changed ...string) *runner {
	t.Helper()
	samplertest.Tool(t, "git")
	r := newRunner(t, pullEvent(false), map[string]string{"GITHUB_BASE_REF": "main"})
	policy := "version: 1\nscenarios:\n  - name: tiny\n    runs: 1\n    run: '" + run + "'\n    limits: { peak_rss: " + limit + " }\n"
	write(t, filepath.Join(r.workspace, "heaptop.yml"), []byte(policy))
	write(t, filepath.Join(r.workspace, ".gitignore"), []byte("heaptop-out\n"))
	r.git("init", "-q")
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "base")
	r.git("update-ref", "refs/remotes/origin/main", "HEAD")
	r.git("checkout", "-q", "-b", "change")
	for _, file := range changed {
		write(t, filepath.Join(r.workspace, file), []byte("x\n"))
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "change")
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "change")
	return r
}

func TestPullRequests(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, c := range []struct {
		name    string
		limit   string
		run     string
		changed []string
		draft   bool
		ok      bool
		ran     string
		report  gates.Verdict // of the artifact; "" for none
	}{
		{"that passes", "64 MB", "true", []string{"main.go", "README.md"}, false, true, "changes memory gates", gates.Passed},
		{"above a limit", "64 kB", "true", []string{"main.go"}, false, false, "changes memory gates", gates.Failed},
		{"whose workload fails", "64 MB", "exit 3", []string{"main.go"}, false, false, "changes memory gates", gates.Unmeasured},
		{"of documents", "64 kB", "true", []string{"README.md", "docs/a/x.png", "LICENSE", "sub/NOTES.md"}, false, true, "changes", ""},
		{"of documents that tests read", "64 MB", "true", []string{"report/testdata/x.md"}, false, true, "changes memory gates", gates.Passed},
		{"of a program among the documents", "64 MB", "true", []string{"docs/example/main.go", "README.md"}, false, true, "changes memory gates", gates.Passed},
		{"with an odd name", "64 MB", "true", []string{"a b\n$(touch x).md"}, false, true, "changes", ""},
		{"that changes nothing", "64 MB", "true", nil, false, true, "changes memory gates", gates.Passed},
		{"that is a draft", "64 kB", "true", []string{"main.go"}, true, true, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := pullRequest(t, c.limit, c.run, c.changed...)
			r.github["event"] = pullEvent(c.draft)
			ok := r.call("event-ci.yml", nil)
			if ran := strings.Join(r.ran, " "); ok != c.ok || ran != c.ran {
				t.Fatalf("success %t, ran %q\n%s", ok, ran, &r.log)
			}
			_, has := r.artifacts["memory-report-ubuntu-latest"]
			if has != (c.report != "") {
				t.Fatalf("there is a report: %t\n%s", has, &r.log)
			}
			if !has {
				return
			}
			rep := readReport(t, filepath.Join(r.artifacts["memory-report-ubuntu-latest"], "report.json"))
			// Two runs of a shell prove nothing about a change, which is a warning.
			if rep.Verdict == gates.Warned {
				rep.Verdict = gates.Passed
			}
			if rep.Verdict != c.report || len(rep.Scenarios) != 1 || len(rep.Scenarios[0].Comparisons) == 0 && c.report == gates.Passed {
				t.Errorf("the report is %s with %+v", rep.Verdict, rep.Scenarios)
			}
			summary, _ := os.ReadFile(r.summary)
			if !strings.HasPrefix(string(summary), "## ") || !strings.Contains(string(summary), "heaptop: "+string(c.report)) && !strings.Contains(string(summary), "heaptop: warned") {
				t.Errorf("the summary is %q", summary)
			}
			if _, logs := r.artifacts["memory-logs-ubuntu-latest"]; logs == c.ok {
				t.Errorf("logs are kept: %t", logs)
			}
		})
	}
}

func readReport(t *testing.T, path string) *gates.Report {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := gates.ReadReport(path, data)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// ended prepares the run of memory-report.yml after a run of event-ci.yml has ended.
func ended(t *testing.T, f *fake, conclusion string) *runner {
	t.Helper()
	event := map[string]any{
		"repository": map[string]any{"default_branch": "main"},
		"workflow_run": map[string]any{"id": 99, "event": "pull_request", "conclusion": conclusion, "head_sha": sha, "html_url": "https://github.com/o/r/actions/runs/99",
			"pull_requests": []any{}, "head_repository": map[string]any{"full_name": "fork/r"}, "head_branch": "x; touch pwned"},
	}
	r := newRunner(t, event, map[string]string{"GITHUB_API_URL": f.URL})
	p := pull{Number: 7}
	p.Head.SHA = sha
	f.pulls = []pull{{Number: 3}, p}
	return r
}

// leave puts files into the artifact of the run that has ended.
func (r *runner) leave(name string, data []byte) {
	write(r.t, filepath.Join(r.temp, "gh", "99", "memory-report-ubuntu-latest", name), data)
}

func TestTheReportOfAForkBecomesAComment(t *testing.T) {
	samplertest.NotUnderRace(t)
	f := newFake(t)
	f.login = ""
	for round, name := range []string{"import", "<!-- heaptop:comment:memory --> @root #1"} {
		r := ended(t, f, "failure")
		data, err := reportOf(name).JSON()
		if err != nil {
			t.Fatal(err)
		}
		r.leave("report.json", data)
		if !r.call("memory-report.yml", nil) || len(f.comments[7]) != 1 {
			t.Fatalf("round %d: %d comments\n%s", round, len(f.comments[7]), &r.log)
		}
		checkRendered(t, strings.NewReplacer("/runs/99", "/runs/1", sha, strings.Repeat("b", 40)).Replace(f.comments[7][0].Body))
	}
	if body := f.comments[7][0].Body; !strings.HasPrefix(body, "## ❌ heaptop: failed") || !strings.HasSuffix(body, mark+"\n") {
		t.Errorf("the comment is %q", body)
	}
}

func TestWhatIsNoReportIsNoComment(t *testing.T) {
	samplertest.NotUnderRace(t)
	for _, c := range []struct {
		name       string
		conclusion string
		leave      func(r *runner)
		ok         bool
		says       string
	}{
		{"no artifact", "success", func(*runner) {}, true, ""},
		{"cancelled", "cancelled", func(r *runner) { r.leave("report.json", []byte("{}")) }, true, ""},
		{"another schema", "failure", func(r *runner) { r.leave("report.json", []byte(`{"schema":"evil/v1"}`)) }, false, "its schema is"},
		{"cut off", "failure", func(r *runner) { r.leave("report.json", []byte(`{"schema":`)) }, false, "cut off"},
		{"too large", "failure", func(r *runner) { r.leave("report.json", make([]byte, 17<<20)) }, false, "too large"},
		{"a program", "failure", func(r *runner) { r.leave("run.sh", []byte("#!/bin/sh\ntouch pwned\n")) }, false, "that are none"},
		{"a link", "failure", func(r *runner) {
			r.leave("x.json", []byte("{}"))
			os.Symlink("/etc/passwd", filepath.Join(r.temp, "gh", "99", "memory-report-ubuntu-latest", "y.json"))
		}, false, "that are none"},
		{"no pull request", "success", func(r *runner) {
			data, _ := reportOf("import").JSON()
			r.leave("report.json", data)
			r.github["event"].(map[string]any)["workflow_run"].(map[string]any)["head_sha"] = strings.Repeat("0", 40)
		}, false, "a newer commit may be there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			r := ended(t, f, c.conclusion)
			c.leave(r)
			if ok := r.call("memory-report.yml", nil); ok != c.ok || len(f.comments) > 0 || !strings.Contains(r.log.String(), c.says) {
				t.Errorf("success %t, %d comments\n%s", ok, len(f.comments), &r.log)
			}
			if _, err := os.Stat(filepath.Join(r.workspace, "pwned")); err == nil {
				t.Error("something of the artifact was run")
			}
		})
	}
}

// A token that may only read loses no verdict: the step passes with a warning, and the summary has the text.
func TestAReadOnlyTokenFallsBackToTheSummary(t *testing.T) {
	samplertest.NotUnderRace(t)
	f := newFake(t)
	r := ended(t, f, "failure")
	f.before = readOnly
	data, _ := reportOf("import").JSON()
	r.leave("report.json", data)
	ok := r.call("memory-report.yml", nil)
	summary, _ := os.ReadFile(r.summary)
	if !ok || !strings.HasPrefix(string(summary), "## ❌ heaptop: failed") || !strings.Contains(r.log.String(), "warning: write the comment on o/r#7: the token may not do this") {
		t.Errorf("success %t, the summary is %q\n%s", ok, summary, &r.log)
	}
	if strings.Contains(r.log.String(), token) {
		t.Error("the log has the token")
	}
}

// night is one nightly run: the gates by heaptop itself, stability and overhead by a shim that leaves what it is given.
func night(t *testing.T, f *fake, limit, overhead string, carry *runner) (*runner, bool) {
	t.Helper()
	r := newRunner(t, map[string]any{"schedule": "20 20 * * *"}, map[string]string{"GITHUB_API_URL": f.URL, "GITHUB_SHA": sha, "OVERHEAD": overhead})
	write(t, filepath.Join(r.workspace, "heaptop.yml"), []byte("version: 1\nscenarios:\n  - name: tiny\n    runs: 1\n    run: 'true'\n    limits: { peak_rss: "+limit+" }\n"))
	r.shim = `#!/usr/bin/env bash
set -euo pipefail
case "$*" in
"stability "*) exit 0 ;;
*redis-overhead*) [[ -n $OVERHEAD ]] || exit 2; cp "$OVERHEAD" heaptop-out/overhead.json ;;
*) exec "$HEAPTOP" "$@" ;;
esac
`
	if carry != nil {
		before, err := strconv.Atoi(carry.github["run_id"].(string))
		if err != nil {
			t.Fatal(err)
		}
		r.github["run_id"] = strconv.Itoa(before + 1) // two nights of a test may fall into one second
		write(t, filepath.Join(r.temp, "gh", "runs"), []byte("12\n11\n"))
		from := filepath.Join(carry.artifacts["memory-history"], "heaptop-history")
		if err := os.MkdirAll(filepath.Join(r.temp, "gh", "11", "memory-history"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(r.temp, "gh", "11", "memory-history"), os.DirFS(from)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	return r, r.call("event-nightly.yml", map[string]any{})
}

// ratio is a report of an overhead.
func ratio(t *testing.T, v float64) string {
	t.Helper()
	m, _ := gates.MetricOf("overhead_ratio")
	metrics := map[string]gates.Measured{"overhead_ratio": gates.Measure(m, "test", []float64{v})}
	r := &gates.Report{Schema: gates.ReportSchema, StartedAt: time.Now(), FinishedAt: time.Now(), Scenarios: []gates.Scenario{{Name: "redis", Kind: gates.KindOverhead, Runs: 1,
		Metrics: metrics, Gates: gates.Evaluate([]gates.Limit{{Metric: "overhead_ratio", Max: 3.5, From: gates.FromConfig}}, metrics)}}}
	r.Judge()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "overhead.json")
	write(t, path, data)
	return path
}

func TestNights(t *testing.T) {
	samplertest.NotUnderRace(t)
	f := newFake(t)
	f.login = ""
	var last *runner
	for i, c := range []struct {
		name     string
		limit    string
		overhead string
		ok       bool
		open     int
		said     int // comments on the issue
		title    string
	}{
		{"all is well", "64 MB", ratio(t, 2.3), true, 0, 0, ""},
		{"above the threshold", "64 MB", ratio(t, 2.8), true, 1, 0, "an overhead is above its threshold"},
		{"and a gate failed", "64 kB", ratio(t, 2.9), false, 1, 1, "an overhead is above its threshold"},
		{"not measured", "64 MB", "", false, 1, 2, ""},
		{"back to normal", "64 MB", ratio(t, 2.4), true, 0, 3, ""},
	} {
		r, ok := night(t, f, c.limit, c.overhead, last)
		open := 0
		for _, one := range f.issues {
			if one.State == "open" {
				open++
			}
		}
		if ok != c.ok || open != c.open || len(f.comments[100]) != c.said || c.title != "" && !strings.Contains(f.issues[0].Title, c.title) {
			t.Fatalf("night %d, %s: success %t, %d open issues, %d comments, %+v\n%s", i+1, c.name, ok, open, len(f.comments[100]), f.issues, &r.log)
		}
		history, err := os.ReadDir(filepath.Join(r.artifacts["memory-history"], "heaptop-history"))
		if err != nil || len(history) < i+1 {
			t.Fatalf("night %d: the history has %d reports, %v\n%s", i+1, len(history), err, &r.log)
		}
		if summary, _ := os.ReadFile(r.summary); !strings.Contains(string(summary), "heaptop: ") {
			t.Errorf("night %d: the summary is %q", i+1, summary)
		}
		last = r
	}
	if len(f.issues) != 1 || len(f.issues[0].Labels) != 3 {
		t.Errorf("%d issues, labels %v", len(f.issues), f.issues[0].Labels)
	}
}

func TestTheHistoryBeginsAnewWhereItCannotBeFetched(t *testing.T) {
	samplertest.NotUnderRace(t)
	f := newFake(t)
	r := newRunner(t, map[string]any{}, map[string]string{"GITHUB_API_URL": f.URL})
	write(t, filepath.Join(r.temp, "gh", "fails"), nil)
	step := func(name string) bool { return r.runStep("flow-memory-nightly.yml", "nightly", name) }
	if !step("Fetch the history") || !strings.Contains(r.log.String(), "::warning") {
		t.Errorf("the log is %s", &r.log)
	}
	for _, name := range []string{"Pages", "Summary", "Issue"} {
		if !step(name) {
			t.Errorf("%s fails where nothing was measured:\n%s", name, &r.log)
		}
	}
	if step("Verdict") {
		t.Error("nothing was measured, and the verdict is a pass")
	}
}

// TestANightByHeaptopAlone runs every command of the nightly workflow as it stands there, but for the time that stability is
// watched and the port of Redis, on which nobody answers: that is exit 2, and what is typed wrong would be 3.
func TestANightByHeaptopAlone(t *testing.T) {
	samplertest.NotUnderRace(t)
	f := newFake(t)
	f.login = ""
	r := newRunner(t, map[string]any{"schedule": "20 20 * * *"}, map[string]string{"GITHUB_API_URL": f.URL, "GITHUB_SHA": sha})
	write(t, filepath.Join(r.workspace, "heaptop.yml"), []byte("version: 1\nscenarios:\n  - name: tiny\n    runs: 1\n    run: 'true'\n    limits: { peak_rss: 64 MB }\n"))
	r.shim = "#!/usr/bin/env bash\nset -- \"${@/#30m/1s}\"\nexec \"$HEAPTOP\" \"${@/localhost:6379/localhost:1}\"\n"
	if r.call("event-nightly.yml", map[string]any{}) {
		t.Error("a night without Redis is a pass")
	}
	codes, err := os.ReadFile(filepath.Join(r.artifacts["memory-nightly"], "heaptop-out", "codes.txt"))
	if want := "gates 0\nstability 0\noverhead 2\n"; err != nil || string(codes) != want {
		t.Fatalf("the codes are %q, %v; want %q\n%s", codes, err, want, &r.log)
	}
	kept, err := filepath.Glob(filepath.Join(r.artifacts["memory-history"], "heaptop-history", "*-4711-stability.json"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("the history has no report of stability: %v, %v", kept, err)
	}
	if rep := readReport(t, kept[0]); len(rep.Scenarios) != 3 {
		t.Errorf("stability of %d scenarios, want 3", len(rep.Scenarios))
	}
	for _, name := range []string{"nightly.html", "history.html"} {
		page, err := os.ReadFile(filepath.Join(r.artifacts["memory-nightly"], "heaptop-out", name))
		if err != nil || !strings.HasPrefix(string(page), "<!DOCTYPE html>") || !strings.Contains(string(page), "vim_session") || len(page) > 1<<20 {
			t.Errorf("%s is of %d bytes and begins %.60q, %v", name, len(page), page, err)
		}
	}
	if summary, _ := os.ReadFile(r.summary); !strings.Contains(string(summary), "vim_session") || !strings.Contains(string(summary), "tiny") {
		t.Errorf("the summary is %s", summary)
	}
	if strings.Contains(r.log.String(), "heaptop: exit 3") || len(f.issues) > 0 {
		t.Errorf("%d issues\n%s", len(f.issues), &r.log)
	}
}

// TestPermissionsAreTheLeast names every permission of every job: one more is a change that somebody has to read here.
func TestPermissionsAreTheLeast(t *testing.T) {
	flows, _ := rendered(t)
	want := map[string]string{
		"event-ci.yml":               `{"contents":"read"} memory:{"contents":"read"}`,
		"flow-memory-regression.yml": `{"contents":"read"}`,
		"event-nightly.yml":          `{"contents":"read"} memory:{"actions":"read","contents":"read","issues":"write"}`,
		"flow-memory-nightly.yml":    `{"contents":"read"} nightly:{"actions":"read","contents":"read","issues":"write"}`,
		"release.yml":                `{} release:{"contents":"write"}`,
		"memory-report.yml":          `{} comment:{"actions":"read","contents":"read","pull-requests":"write"}`,
	}
	for name, flow := range flows {
		top, _ := json.Marshal(flow.Permissions)
		got := string(top)
		for id, j := range flow.Jobs {
			if j.Permissions != nil {
				p, _ := json.Marshal(j.Permissions)
				got += " " + id + ":" + string(p)
			}
			if j.Uses == "" && j.Timeout == 0 {
				t.Errorf("%s: job %s has no timeout", name, id)
			}
		}
		if got != want[name] {
			t.Errorf("%s has %s, want %s", name, got, want[name])
		}
	}
}
