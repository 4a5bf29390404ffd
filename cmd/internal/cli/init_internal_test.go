package cli

import (
	"bufio"
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// asking are questions with answers.
func asking(answers string) (*questions, *bytes.Buffer) {
	var out bytes.Buffer
	return &questions{possible: true, in: bufio.NewScanner(strings.NewReader(answers)), out: &out}, &out
}

func TestOverwriteIsAskedFor(t *testing.T) {
	for _, c := range []struct {
		answers string
		want    bool
	}{{"y\n", true}, {"n\n", false}, {"\n", false}, {"", false}, {"d\nYes\n", true}, {"d\nd\n", false}, {"what\n", false}} {
		q, out := asking(c.answers)
		if got := q.overwrite("a\x1b[31m.yml", "one\ntwo\n", "one\nthree\x1b[31m\n"); got != c.want {
			t.Errorf("answers %q: %v", c.answers, got)
		}
		if strings.Contains(out.String(), "\x1b") {
			t.Errorf("an escape code is printed: %q", out)
		}
		if strings.HasPrefix(c.answers, "d") && !strings.Contains(out.String(), "- two\n+ three") {
			t.Errorf("what differs is not shown: %s", out)
		}
	}
	if q, _ := asking("y\n"); !q.yes("run?") {
		t.Error("yes is no")
	}
	silent, out := asking("y\n")
	silent.possible = false
	if silent.yes("run?") || silent.overwrite("a", "b", "c") || out.Len() > 0 {
		t.Error("a question is asked where nobody is")
	}
}

// TestOldFilesAreKept overwrites twice: both old files are there.
func TestOldFilesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "heaptop.yml")
	if err := os.WriteFile(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := &initializing{env: &environment{Streams: Streams{Out: &out, Err: &out}}, force: true}
	for _, text := range []string{"second", "third", "third"} {
		if err := o.put(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"": "third", ".bak": "first", ".bak1": "second"} {
		if got, err := os.ReadFile(path + name); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
	o.force = false
	o.questions, _ = asking("n\n")
	if err := o.put(path, []byte("fourth")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "third" {
		t.Errorf("the file is %q after a no", got)
	}
}

func TestDifferences(t *testing.T) {
	if diff := cmp.Diff("- b\n+ x\n+ y\n- d\n", differences("a\nb\nc\nd\n", "a\nx\ny\nc\n")); diff != "" {
		t.Error(diff)
	}
	if got := differences(strings.Repeat("a\n", 3000), "b\n"); !strings.Contains(got, "too long") {
		t.Error(got)
	}
}

func TestRoundUp(t *testing.T) {
	for v, want := range map[float64]float64{1: 1, 7: 7, 7.2: 8, 100: 100, 101: 110, 29.3e6: 30e6, 1234: 1300, 0: 0, .3: 1, 9.99e9: 10e9} {
		if got := roundUp(v); math.Abs(got-want) > 1e-9*want {
			t.Errorf("%g becomes %g, want %g", v, got, want)
		}
	}
}

// FuzzPolicyText puts any name and any command into a policy: it is read back as it was.
func FuzzPolicyText(f *testing.F) {
	for _, s := range []string{"./run", "a b", "true", "12", "x: y # z", "it's \"q\"", "\x00\x1b[31m", "-", "é\u202e\U0001f600", "&a *a", "%", "~"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, command string) {
		if strings.TrimSpace(command) == "" || strings.ToValidUTF8(command, "") != command || strings.Contains(command, "\x00") {
			return
		}
		d := commandDraft([]string{name, command}, nil)
		if strings.ToValidUTF8(name, "") != name || strings.ContainsRune(name, 0) {
			return
		}
		d.results = []gates.Scenario{{Name: d.name, Runs: 3, Metrics: map[string]gates.Measured{"peak_rss": {Unit: "bytes", Values: []float64{5e6, 5e6, 5e6}}}}}
		s := &surveyed{drafts: []draft{d, {name: freeName(name, []draft{d}), kind: gates.KindCommand, what: command, failed: command}}, noAgainst: command}
		text := s.policy(time.Now())
		p, err := policy.Parse("heaptop.yml", []byte(text), policy.Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(p.Scenarios) != 1 || p.Scenarios[0].Run != d.what {
			t.Errorf("read back %q, want %q\n%s", p.Scenarios[0].Run, d.what, text)
		}
	})
}

// TestSurveyOfHostileNames looks at folders whose names mean something to a shell, to YAML and to a terminal.
func TestSurveyOfHostileNames(t *testing.T) {
	samplertest.Tool(t, "go")
	dir := filepath.Join(t.TempDir(), "a $(touch pwned) 'b\"\x1b[31m")
	for name, text := range map[string]string{
		"go.mod": "module example.com/x\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() {}\n",
		"cmd/we ird/main.go":       "package main\n\nfunc main() {}\n",
		"cmd/$(touch p)/main.go":   "package main\n\nfunc main() {}\n",
		"cmd/v2/main.go":           "package main\n\nfunc main() {}\n",
		"lib/lib_test.go":          "package lib\n\nimport \"testing\"\n\nfunc BenchmarkX(b *testing.B) {}\n",
		"none/a_test.go":           "package none\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) {} // BenchmarkY\n",
		"Makefile":                 "all: build\nX := 1\nY = a:b\n.PHONY: all\n%.o: %.c\nbuild:\n\ttrue\n",
		".github/workflows/ci.yml": "on: push\n",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Skip("this file system has no such names: ", err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := survey(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	words := s.words()
	if strings.Contains(words, "\x1b") {
		t.Errorf("an escape code is printed: %q", words)
	}
	var names []string
	for _, d := range s.drafts {
		names = append(names, d.name)
	}
	joined := strings.Join(names, " ")
	if !strings.Contains(joined, "bench-lib") || strings.Contains(joined, "none") || s.module != "example.com/x" {
		t.Errorf("found %v\n%s", names, words)
	}
	if diff := cmp.Diff([]string{"all", "build"}, s.makefile); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ci.yml"}, s.workflows); diff != "" {
		t.Error(diff)
	}
	if s.against || s.noAgainst == "" {
		t.Error("a comparison outside of a repository")
	}
	for _, d := range s.drafts {
		if strings.Contains(d.build, " ./cmd/$(") || strings.Contains(d.build, " ./cmd/we ird") {
			t.Errorf("a shell would read %s", d.build)
		}
	}
	if _, err := policy.Parse("heaptop.yml", []byte(strings.ReplaceAll(s.policy(time.Now()), "  #", "  ")+"\n"), policy.Options{}); err == nil {
		t.Error("a policy of nothing measured was read")
	}
}

// TestNoisyMetricsAreNotCompared lets noise decide what may be gated.
func TestNoisyMetricsAreNotCompared(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{100, 100, 100}, .10}, {[]float64{1e6, 1.01e6, 1.02e6}, .10}, {[]float64{1e6, 3e6, 9e6}, math.Inf(1)},
	} {
		if got := smallest("peak_rss", c.values); got != c.want {
			t.Errorf("%v: %g, want %g", c.values, got, c.want)
		}
	}
}
