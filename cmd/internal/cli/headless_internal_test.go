package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
)

func TestProgressWords(t *testing.T) {
	for _, c := range []struct {
		p    run.Progress
		bar  bool
		want string
	}{
		{run.Progress{Scenario: "import", Number: 1, Of: 1, Stage: "build current"}, false, "import: build current"},
		{run.Progress{Scenario: "import", Number: 2, Of: 3, Stage: "run baseline", Run: 4, Most: 40, Left: 90 * time.Second}, false,
			"import (2 of 3): run 4 of at most 40, baseline, at most 1m30s left"},
		{run.Progress{Scenario: "import", Of: 1, Stage: "run current", Run: 11, Most: 20}, true, "[##########..........] import: run 11 of at most 20, current"},
		{run.Progress{Scenario: "import", Of: 1, Stage: "run", Run: 99, Most: 9}, true, "[####################] import: run 99 of at most 9"},
	} {
		if got := progressWords(c.p, c.bar); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestTalkKeepsLinesApart mixes progress and the output of a program: neither ends in the middle of the other's line.
func TestTalkKeepsLinesApart(t *testing.T) {
	var out bytes.Buffer
	k := newTalk(&environment{Streams: Streams{Err: &out}})
	k.progress(run.Progress{Scenario: "a", Stage: "run current", Run: 1})
	if _, err := k.Write([]byte("no end of line")); err != nil {
		t.Fatal(err)
	}
	k.progress(run.Progress{Scenario: "a", Stage: "run baseline", Run: 2}) // said so shortly before that it is left out
	k.progress(run.Progress{Scenario: "b\x1b[31m", Stage: "run current", Run: 1})
	k.end()
	if want := "heaptop: a: run 1, current\nno end of line\nheaptop: b"; !strings.HasPrefix(out.String(), want) || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func reportOf(name string, at time.Time, os string, v gates.Verdict) *gates.Report {
	return &gates.Report{
		Environment: gates.Environment{OS: os, Arch: "amd64"}, StartedAt: at, FinishedAt: at.Add(time.Minute), Verdict: v,
		Scenarios: []gates.Scenario{{Name: name, Kind: gates.KindCommand, Verdict: v, Metrics: map[string]gates.Measured{},
			Gates: []gates.Gate{{Metric: "peak_rss", Op: "<=", Limit: 1, Verdict: v}}}},
	}
}

func TestMergeOfReports(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	all := merge([]stored{
		{"x/linux.json", reportOf("a", at.Add(time.Hour), "linux", gates.Passed)},
		{"x/windows.json", reportOf("a", at, "windows", gates.Failed)},
		{"x/more.json", reportOf("b", at, "linux", gates.Warned)},
	})
	var names []string
	for _, s := range all.Scenarios {
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"linux/a", "windows/a", "b"}, names); diff != "" {
		t.Error(diff)
	}
	if all.Verdict != gates.Failed || all.ExitCode != 1 || !all.StartedAt.Equal(at) || !all.FinishedAt.Equal(at.Add(time.Hour+time.Minute)) {
		t.Errorf("%+v", all)
	}
	if len(all.Warnings) != 1 || !strings.Contains(all.Warnings[0], "different places") {
		t.Errorf("warnings %q", all.Warnings)
	}
	same := merge([]stored{{"x/r.json", reportOf("a", at, "linux", gates.Passed)}, {"y/r.json", reportOf("a", at, "linux", gates.Passed)}})
	if same.Scenarios[0].Name == same.Scenarios[1].Name {
		t.Errorf("two scenarios are named %s", same.Scenarios[0].Name)
	}
	if _, err := json.Marshal(all); err != nil {
		t.Error(err)
	}
}

// TestMeaningsOfVerdicts checks the words of the last line.
func TestMeaningsOfVerdicts(t *testing.T) {
	r := &gates.Report{Scenarios: []gates.Scenario{{Name: "a"}}}
	s := &r.Scenarios[0]
	for _, m := range []string{"peak_rss", "allocs", "live_heap", "gc_cpu"} {
		s.Gates = append(s.Gates, gates.Gate{Metric: m, Verdict: gates.Failed})
	}
	if got, want := failedWords(r), "a.peak_rss is above its limit; a.allocs is above its limit; a.live_heap is above its limit; and 1 more"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Gates = []gates.Gate{{Metric: "peak_rss", Verdict: gates.Passed}, {Metric: "growth", Verdict: gates.Warned}}
	s.Comparisons = []gates.Comparison{
		{Metric: "allocs", Gated: true, Verdict: gates.Stable}, {Metric: "peak_rss", Gated: true, Verdict: gates.Grew}, {Metric: "gc_cpu", Verdict: gates.Regressed},
	}
	if got, want := passedWords(r), "passed: 2 gates hold, 2 warnings"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	short := &gates.Report{Scenarios: []gates.Scenario{{Gates: []gates.Gate{{Metric: "used_memory", Verdict: gates.Warned}}}}}
	if got, want := passedWords(short), "nothing failed, but no gate is known to hold: 1 warning"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Comparisons[0] = gates.Comparison{Metric: "allocs", Gated: true, Verdict: "unmeasured", Reason: "no values"}
	if got, want := unmeasuredWords(r), "a.allocs against the baseline: no values"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.Gates = []gates.Gate{{Metric: "x", Verdict: gates.Unmeasured, Reason: "no module"}, {Metric: "y", Verdict: gates.Passed}, {Metric: "z", Verdict: gates.Unmeasured, Reason: "no module"}}
	if got, want := unmeasuredWords(r), "a.x and 1 more: no module; a.allocs against the baseline: no values"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCheckTellsWhatDocumentsMayTake(t *testing.T) {
	p, err := policy.Parse("heaptop.yml", []byte(`version: 1
scenarios:
  - { name: all, overhead: { redis: "redis://u:secret@localhost/9", budgets: { tiny: { json: { max: 9 } } }, threshold: 2.5 } }
  - { name: two, overhead: { redis: "redis://localhost/9", representations: [hash] } }
`), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(checkText(p, &asked{}, nil, "")), " ")
	for _, want := range []string{
		"as string, json, hash", "its budget (1 of the policy", "more than 2.5 times a string over all documents, or 3.5 times of one",
		"two: what documents take in redis://localhost/9 as string, hash",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("without %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "secret") || strings.Count(text, "json takes more") != 1 {
		t.Errorf("a password, or a limit on what is not measured:\n%s", text)
	}
}

func TestCheckTellsAcceptedGrowthAndOverheads(t *testing.T) {
	p, err := policy.Parse("heaptop.yml", []byte(`version: 1
compare: { against: main, anchor: v1, per_metric: { peak_rss: 15% }, gated: [peak_rss], on_inconclusive: fail }
scenarios:
  - { name: a, run: ./a, sessions: 10 }
  - { name: b, run: ./b }
  - { name: o, overhead: { of: a, over: b, metric: peak_rss }, limits: { overhead_ratio: 2 } }
accept:
  - { scenario: a, metric: peak_rss, up_to: 20%, until: 2027-03-01, because: new index }
`), policy.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text := checkText(p, &asked{}, map[string]*gates.Scenario{"a": {Name: "a", Runs: 4, DurationS: 8, Metrics: map[string]gates.Measured{
		"peak_rss": gates.Measure(gates.Metrics()[0], "", []float64{100e6, 104e6, 97e6, 101e6}),
	}}}, "4 runs just now")
	for _, want := range []string{
		"a: runs ./a, which holds 10 sessions", "growth by 10% against main and", "the anchor v1", "undecided: fails", "peak_rss: by 15%",
		"may grow by 20% until 2027-03-01: new index", "o: peak_rss of a, divided by that of b", "overhead_ratio: the median is above 2", "a.peak_rss", "of 2.0s",
	} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%q is not told:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > textCells+1 {
			t.Errorf("a line of %d cells: %s", len(line), line)
		}
	}
}
