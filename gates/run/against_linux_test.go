package run_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// More is allocated in the working tree, uncommitted: it regressed, and the line that does it is named.
func TestAgainstACommit(t *testing.T) {
	isolate(t)
	dir := repository(t, usual)
	grown := usual
	grown.garbage = grown.garbage * 3 / 2
	samplertest.WriteFile(t, dir, "main.go", grown.text())
	s := scenario()
	s.Against = "HEAD"
	before := samplertest.Git(t, dir, "status", "--porcelain", "--ignored")
	r := measure(t, run.Options{Policy: policyIn(dir, s), Seed: 7})
	got := only(t, r)
	if r.Verdict != gates.Failed || r.ExitCode != 1 || got.Error != "" {
		t.Errorf("verdict %s, exit %d, error %q, want failed", r.Verdict, r.ExitCode, got.Error)
	}
	c := comparison(t, got, "alloc_bytes")
	// 28 MiB before, 10 MiB more; an object of 1,000 bytes takes 1,024.
	if c.Verdict != gates.Regressed || c.Severity != gates.SeverityCritical || c.ChangePercent == nil || *c.ChangePercent < 33 || *c.ChangePercent > 40 {
		t.Errorf("alloc_bytes: %+v, want a regression by about 36 %%", c)
	}
	if c := comparison(t, got, "allocs"); c.Method != "exact" || c.Runs[0] < 3 || c.Runs[1] < 3 {
		t.Errorf("allocs: %+v, want an exact comparison of at least 3 and 3 runs", c)
	}
	if !strings.Contains(c.Against, "HEAD") {
		t.Errorf("compared with %q, want HEAD and its commit", c.Against)
	}
	if len(got.Blame) == 0 || !strings.HasPrefix(got.Blame[0].Site, "main.churn main.go:") || got.Blame[0].SharePercent < 90 {
		t.Errorf("blame %+v (%s), want churn in main.go", got.Blame, got.BlameNote)
	}
	if after := samplertest.Git(t, dir, "status", "--porcelain", "--ignored"); after != before {
		t.Errorf("the checkout was %q and is %q", before, after)
	}
	if list := samplertest.Git(t, dir, "worktree", "list"); strings.Contains(list, "\n") {
		t.Errorf("worktrees are left: %s", list)
	}
}

// Both sides are the same program: nothing is run to prove it, and absolute limits still hold.
func TestIdentical(t *testing.T) {
	isolate(t)
	dir := repository(t, plain)
	s := scenario()
	s.Against = "HEAD"
	for _, c := range []struct{ name, path, text string }{
		{"nothing changed", "", ""},
		{"other source, same bytes", "main_test.go", "package main\n"},
	} {
		if c.path != "" {
			samplertest.WriteFile(t, dir, c.path, c.text)
		}
		current := 0
		got := only(t, measure(t, run.Options{Policy: policyIn(dir, s), Progress: func(p run.Progress) {
			if p.Stage == "run baseline" {
				t.Errorf("%s: the other side was run", c.name)
			}
			if p.Run > 0 {
				current++
			}
		}}))
		for _, c := range got.Comparisons {
			if !policy.Measures(gates.KindCommand, c.Metric) {
				t.Errorf("%s is said to be stable, and is not measured of a command", c.Metric)
			}
			if c.Verdict != gates.Stable || c.Method != "identical" {
				t.Errorf("%+v, want stable without a run", c)
			}
		}
		if len(got.Comparisons) == 0 || got.Verdict != gates.Passed || current != 3 || len(got.Gates) != 1 || got.Gates[0].Verdict != gates.Passed {
			t.Errorf("%s: %s, %d runs, gates %+v, want limits judged by 3 runs; error %q", c.name, got.Verdict, current, got.Gates, got.Error)
		}
	}
}

// What the program may read differs: it is run, although its bytes are the same.
func TestOtherDataIsRun(t *testing.T) {
	isolate(t)
	dir := repository(t, plain)
	samplertest.WriteFile(t, dir, "testdata/input.txt", "new")
	s := scenario()
	s.Against, s.Compare.Gated = "HEAD", []string{"allocs", "alloc_bytes"}
	got := only(t, measure(t, run.Options{Policy: policyIn(dir, s)}))
	if c := comparison(t, got, "allocs"); c.Method != "exact" || c.Verdict != gates.Stable || got.Verdict != gates.Passed {
		t.Errorf("%+v, %s %q, want stable by runs", c, got.Verdict, got.Error)
	}
}

// A scenario whose program the other side does not have is new: a warning, no fault and no pass.
func TestNewScenario(t *testing.T) {
	isolate(t)
	dir := repository(t, plain)
	samplertest.WriteFile(t, dir, "tool/main.go", "package main\n\nfunc main() {}\n")
	s := scenario()
	s.Name, s.Build, s.Run, s.Against = "tool", "go build -o prog ./tool", "./prog", "HEAD"
	got := only(t, measure(t, run.Options{Policy: policyIn(dir, s)}))
	if got.Verdict != gates.Warned || got.Error != "" || !strings.Contains(strings.Join(got.Warnings, ""), "new") {
		t.Errorf("%s, %q, warnings %q, want a warning that it is new", got.Verdict, got.Error, got.Warnings)
	}
}

// What git does not know, and what is no repository, is said.
func TestAgainstNothing(t *testing.T) {
	isolate(t)
	s := childScenario(t)
	s.Limits, s.Against = limit("peak_rss", 1e9), "nosuch"
	dir := repository(t, plain)
	if _, err := run.Run(t.Context(), run.Options{Policy: policyIn(dir, s)}); !errors.Is(err, run.ErrUsage) || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("an unknown reference: %v, want an error of usage", err)
	}
	if _, err := run.Run(t.Context(), run.Options{Policy: policyIn(t.TempDir(), s)}); !errors.Is(err, run.ErrUsage) || !strings.Contains(err.Error(), "no git repository") {
		t.Errorf("no repository: %v, want an error of usage", err)
	}
	empty := t.TempDir()
	samplertest.Git(t, empty, "init", "--quiet")
	if got := only(t, measure(t, run.Options{Policy: policyIn(empty, s)})); got.Verdict != gates.Unmeasured || !strings.Contains(got.Error, "no commit yet") {
		t.Errorf("a repository without history: %s, %q", got.Verdict, got.Error)
	}
}

// Ctrl-C between the runs of two sides leaves no worktree.
func TestInterruptedComparison(t *testing.T) {
	isolate(t)
	dir := repository(t, plain)
	samplertest.WriteFile(t, dir, "input.txt", "new")
	s := childScenario(t, "-sleep=1h")
	s.Limits, s.Against = limit("peak_rss", 1e9), "HEAD"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := run.Run(ctx, run.Options{Policy: policyIn(dir, s), Progress: func(p run.Progress) {
		if p.Run == 1 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || r == nil || r.ExitCode != 2 {
		t.Errorf("Run returns %+v, %v", r, err)
	}
	if list := samplertest.Git(t, dir, "worktree", "list"); strings.Contains(list, "\n") {
		t.Errorf("worktrees are left: %s", list)
	}
}

// A program that was built in the checkout alone is in neither side, and the error says what to do.
func TestProgramThatGitIgnores(t *testing.T) {
	isolate(t)
	dir := repository(t, plain)
	samplertest.WriteFile(t, dir, "prog", "#!/bin/sh\n")
	samplertest.WriteFile(t, dir, "input.txt", "new")
	s := scenario()
	s.Build, s.Against = "", "HEAD"
	samplertest.WriteFile(t, dir, policy.Name, "version: 1\nscenarios:\n  - { name: work, run: ./prog, limits: { peak_rss: 1 GB } }\n")
	samplertest.Commit(t, dir, "state")
	samplertest.WriteFile(t, dir, "input.txt", "newer")
	got := only(t, measure(t, run.Options{Policy: policyIn(dir, s)}))
	if got.Verdict != gates.Unmeasured || !strings.Contains(got.Error, "let the scenario's build make the program") {
		t.Errorf("%s, %q, want unmeasured with the next step", got.Verdict, got.Error)
	}
}

// A submodule is empty in both sides, which is said once.
func TestSubmoduleIsSaidToBeEmpty(t *testing.T) {
	isolate(t)
	inner, dir := repository(t, plain), repository(t, plain)
	samplertest.Git(t, dir, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner, "third")
	samplertest.Commit(t, dir, "with a submodule")
	s := scenario()
	s.Build, s.Run, s.Against = "", "true", "HEAD"
	r := measure(t, run.Options{Policy: policyIn(dir, s)})
	said := 0
	for _, w := range r.Warnings {
		if strings.HasPrefix(w, "submodules are empty in the sides that are compared (third)") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("the report warns of %q, want the submodule once", r.Warnings)
	}
}
