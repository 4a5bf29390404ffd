package worktree_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// branched is a repository whose HEAD is two commits from main, which has gone on as well.
func branched(t *testing.T) (dir, fork string) {
	t.Helper()
	dir = repository(t)
	fork = samplertest.Git(t, dir, "rev-parse", "HEAD")
	samplertest.WriteFile(t, dir, "main.txt", "m\n")
	samplertest.Commit(t, dir, "on main")
	samplertest.Git(t, dir, "switch", "--quiet", "-c", "feature", fork)
	for _, text := range []string{"f1", "f2"} {
		samplertest.WriteFile(t, dir, "feature.txt", text)
		samplertest.Commit(t, dir, text)
	}
	return dir, fork
}

func TestResolve(t *testing.T) {
	dir, fork := branched(t)
	samplertest.Git(t, dir, "tag", "v1", fork)
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]string{worktree.Auto: fork, "v1": fork, "HEAD~2": fork, "main": samplertest.Git(t, dir, "rev-parse", "main")} {
		c, err := r.Resolve(t.Context(), ref)
		if err != nil || c.ID != want || len(c.Notes) != 0 {
			t.Errorf("Resolve(%q) = %+v, %v, want %s", ref, c, err, want)
		}
	}
	for _, ref := range []string{"nosuch", "", "--upload-pack=x", "a\nb", "HEAD^{tree}"} {
		if c, err := r.Resolve(t.Context(), ref); !errors.Is(err, worktree.ErrUsage) {
			t.Errorf("Resolve(%q) = %+v, %v, want an error of usage", ref, c, err)
		}
	}
}

// In a pull request the workflow names the branch to be merged into.
func TestAutoInAPullRequest(t *testing.T) {
	dir, fork := branched(t)
	samplertest.Git(t, dir, "switch", "--quiet", "-c", "release", fork)
	samplertest.WriteFile(t, dir, "release.txt", "r\n")
	release := samplertest.Commit(t, dir, "on release")
	samplertest.Git(t, dir, "update-ref", "refs/remotes/origin/release", release)
	samplertest.Git(t, dir, "switch", "--quiet", "-c", "fix")
	t.Setenv("GITHUB_BASE_REF", "release")
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Resolve(t.Context(), worktree.Auto); err != nil || c.ID != release || !strings.Contains(c.Name, "origin/release") {
		t.Errorf("Resolve(auto) = %+v, %v, want %s", c, err, release)
	}
}

// A shallow clone lacks what it is compared with: it is fetched, and that is said.
func TestShallowClone(t *testing.T) {
	origin, fork := branched(t)
	samplertest.Git(t, origin, "symbolic-ref", "HEAD", "refs/heads/main") // what origin calls its default
	for _, ref := range []string{worktree.Auto, "HEAD~2", "main", "origin/main"} {
		t.Run(strings.ReplaceAll(ref, "/", "-"), func(t *testing.T) {
			clone := t.TempDir()
			samplertest.Git(t, clone, "clone", "--quiet", "--depth=1", "--branch=feature", "file://"+origin, ".")
			r, err := worktree.Open(t.Context(), clone)
			if err != nil {
				t.Fatal(err)
			}
			want := fork
			if strings.HasSuffix(ref, "main") {
				want = samplertest.Git(t, origin, "rev-parse", "main")
			}
			c, err := r.Resolve(t.Context(), ref)
			if err != nil || c.ID != want {
				t.Fatalf("Resolve(%q) = %+v, %v, want %s", ref, c, err, want)
			}
			if len(c.Notes) == 0 || !strings.Contains(c.Notes[0], "shallow") {
				t.Errorf("notes %q do not say that something was fetched", c.Notes)
			}
		})
	}
	clone := t.TempDir()
	samplertest.Git(t, clone, "clone", "--quiet", "--depth=1", "--branch=feature", "file://"+origin, ".")
	r, err := worktree.Open(t.Context(), clone)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Resolve(t.Context(), "nosuch"); !errors.Is(err, worktree.ErrUsage) {
		t.Errorf("Resolve(nosuch) = %+v, %v, want an error of usage", c, err)
	}
}

// Without a default branch there is nothing to guess.
func TestAutoWithoutADefaultBranch(t *testing.T) {
	dir := repository(t)
	samplertest.Git(t, dir, "branch", "-m", "trunk")
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Resolve(t.Context(), worktree.Auto); !errors.Is(err, worktree.ErrUsage) || !strings.Contains(err.Error(), "--against") {
		t.Errorf("Resolve(auto) = %+v, %v, want an error with the next step", c, err)
	}
}
