package run_test

import (
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run"
)

// More is allocated in the working tree, uncommitted: it regressed, and the line that does it is named.
func TestAgainstACommit(t *testing.T) {
	isolate(t)
	dir := repository(t, usual)
	grown := usual
	grown.garbage = grown.garbage * 3 / 2
	write(t, dir, "main.go", grown.text())
	s := scenario()
	s.Against = "HEAD"
	before := git(t, dir, "status", "--porcelain", "--ignored")
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
	if c := comparison(t, got, "allocs"); c.Method != "exact" || c.Runs != [2]int{3, 3} {
		t.Errorf("allocs: %+v, want an exact comparison of 3 and 3 runs", c)
	}
	if !strings.Contains(c.Against, "HEAD") {
		t.Errorf("compared with %q, want HEAD and its commit", c.Against)
	}
	if len(got.Blame) == 0 || !strings.HasPrefix(got.Blame[0].Site, "main.churn main.go:29") || got.Blame[0].SharePercent < 90 {
		t.Errorf("blame %+v (%s), want churn in main.go", got.Blame, got.BlameNote)
	}
	if after := git(t, dir, "status", "--porcelain", "--ignored"); after != before {
		t.Errorf("the checkout was %q and is %q", before, after)
	}
	if list := git(t, dir, "worktree", "list"); strings.Contains(list, "\n") {
		t.Errorf("worktrees are left: %s", list)
	}
}
