package worktree_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// repository makes a repository with one commit, whose only temporary folder is one of the test.
func repository(t *testing.T) string {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GITHUB_BASE_REF", "")
	t.Setenv("GIT_OPTIONAL_LOCKS", "0") // asking for the status writes no index
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	dir := t.TempDir()
	samplertest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	for name, text := range map[string]string{"a.txt": "one\n", "sub/b.txt": "two\n", ".gitignore": "*.log\n", "gone.txt": "away\n"} {
		samplertest.WriteFile(t, dir, name, text)
	}
	samplertest.Commit(t, dir, "first")
	return dir
}

// files lists a folder with the contents of its files, git's own left out.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil:
			return err
		case d.Name() == ".git" && d.IsDir():
			return filepath.SkipDir
		case d.IsDir() || d.Name() == ".git":
			return nil
		}
		data, err := os.ReadFile(path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// state is all of a repository that a user could miss: files, index, references, worktrees, stash, and its objects.
func state(t *testing.T, dir string) string {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(dir, ".git", "index"))
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{string(index), samplertest.Git(t, dir, "status", "--porcelain", "--ignored"), samplertest.Git(t, dir, "for-each-ref"), samplertest.Git(t, dir, "worktree", "list"),
		samplertest.Git(t, dir, "stash", "list"), samplertest.Git(t, dir, "count-objects"), samplertest.Git(t, dir, "rev-parse", "HEAD")}
	for name, text := range files(t, dir) {
		parts = append(parts, name+"="+text)
	}
	slices.Sort(parts[7:])
	return strings.Join(parts, "\n--\n")
}

func leftovers(t *testing.T) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "heaptop-*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func prepare(t *testing.T, dir string) (*worktree.Repo, *worktree.Sides) {
	t.Helper()
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return r, s
}

// both are the commit that is checked out, as the base, and the working tree, in the order in which a comparison takes them.
func both(t *testing.T, dir string) (s *worktree.Sides, base, now worktree.Side) {
	t.Helper()
	r, s := prepare(t, dir)
	base, err := s.Commit(t.Context(), "base", r.Head)
	if err != nil {
		t.Fatal(err)
	}
	if now, err = s.Current(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	return s, base, now
}

// A working tree with every sort of change is copied whole, and nothing of the user's repository changes.
func TestCurrentIsTheWorkingTree(t *testing.T) {
	dir := repository(t)
	samplertest.WriteFile(t, dir, "a.txt", "changed\n")
	samplertest.WriteFile(t, dir, "staged.txt", "staged\n")
	samplertest.Git(t, dir, "add", "staged.txt")
	samplertest.WriteFile(t, dir, "staged.txt", "staged, then changed\n")
	samplertest.WriteFile(t, dir, "new/untracked.txt", "untracked\n")
	samplertest.WriteFile(t, dir, "ignored.log", "ignored\n")
	if err := os.Remove(filepath.Join(dir, "gone.txt")); err != nil {
		t.Fatal(err)
	}
	samplertest.WriteFile(t, dir, ".git/hooks/post-checkout", "#!/bin/sh\ntouch hooked\n")
	if err := os.Chmod(filepath.Join(dir, ".git/hooks/post-checkout"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := state(t, dir)
	r, s := prepare(t, filepath.Join(dir, "sub"))
	base, err := s.Commit(t.Context(), "base", r.Head)
	if err != nil {
		t.Fatal(err)
	}
	now, err := s.Current(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	if len(base.Dir) != len(now.Dir) {
		t.Errorf("paths of different length: %s and %s", base.Dir, now.Dir)
	}
	want := files(t, dir)
	delete(want, "ignored.log")
	if got := files(t, now.Dir); !equal(got, want) {
		t.Errorf("the current side has\n%v\nwant the working tree\n%v", got, want)
	}
	if got := files(t, base.Dir); got["a.txt"] != "one\n" || got["gone.txt"] != "away\n" || len(got) != 4 {
		t.Errorf("the other side has %v, want the commit", got)
	}
	if got := samplertest.Git(t, now.Dir, "rev-parse", "HEAD"); got != r.Head {
		t.Errorf("HEAD of the current side is %s, want the user's %s", got, r.Head)
	}
	changed, err := s.Changed(t.Context(), base, now)
	if want := []string{"a.txt", "gone.txt", "new/untracked.txt", "staged.txt"}; err != nil || !slices.Equal(changed, want) {
		t.Errorf("changed: %v, %v, want %v", changed, err, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := state(t, dir); after != before {
		t.Errorf("the repository was\n%s\nand is\n%s", before, after)
	}
	if left := leftovers(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func equal(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// A tree without changes is the same tree, which says without building that nothing changed.
func TestCleanTreeIsItsCommit(t *testing.T) {
	dir := repository(t)
	s, base, now := both(t, dir)
	if base.Tree != now.Tree || base.Tree == "" {
		t.Errorf("trees %q and %q, want the same", base.Tree, now.Tree)
	}
	if changed, err := s.Changed(t.Context(), base, now); err != nil || len(changed) != 0 {
		t.Errorf("changed: %v, %v, want nothing", changed, err)
	}
}

// What a killed run has left is taken away by the next one; what a living one uses is not.
func TestLeftoversOfACrash(t *testing.T) {
	dir := repository(t)
	r, living := prepare(t, dir)
	kept, err := living.Commit(t.Context(), "base", r.Head)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(os.TempDir(), "heaptop-sides-dead")
	samplertest.WriteFile(t, dead, "lock", "")
	samplertest.Git(t, dir, "worktree", "add", "--quiet", "--detach", filepath.Join(dead, "base"), "HEAD")
	readOnly := filepath.Join(dead, "base", "mod")
	samplertest.WriteFile(t, readOnly, "file", "x")
	if err := os.Chmod(readOnly, 0o555); err != nil {
		t.Fatal(err)
	}
	here := filepath.Base(filepath.Dir(kept.Dir)) // named after this machine
	here = here[:strings.LastIndex(here, "-")+1]
	missing := filepath.Join(os.TempDir(), here+"missing", "work")
	samplertest.Git(t, dir, "worktree", "add", "--quiet", "--detach", missing, "HEAD")
	if err := os.RemoveAll(filepath.Dir(missing)); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(os.TempDir(), "heaptop-sides-00000000-container", "work")
	samplertest.Git(t, dir, "worktree", "add", "--quiet", "--detach", elsewhere, "HEAD")
	if err := os.RemoveAll(filepath.Dir(elsewhere)); err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "users")
	samplertest.Git(t, dir, "worktree", "add", "--quiet", "--detach", users, "HEAD")
	if err := os.Rename(users, users+"-unmounted"); err != nil {
		t.Fatal(err)
	}

	again, err := r.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	list := samplertest.Git(t, dir, "worktree", "list", "--porcelain")
	for _, gone := range []string{"heaptop-sides-dead", here + "missing"} {
		if strings.Contains(list, gone) {
			t.Errorf("%s is still known:\n%s", gone, list)
		}
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dead, err)
	}
	if !strings.Contains(list, kept.Dir) {
		t.Errorf("the worktree of a living run is gone:\n%s", list)
	}
	if !strings.Contains(list, elsewhere) {
		t.Errorf("the worktree of a run on another machine, whose temporary folders are not seen from here, is gone:\n%s", list)
	}
	if !strings.Contains(list, users) {
		t.Errorf("the user's own worktree, on a disk that is not mounted, was pruned:\n%s", list)
	}
}

// Ctrl-C at any moment leaves nothing behind.
func TestInterrupted(t *testing.T) {
	dir := repository(t)
	before := state(t, dir)
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), "base", r.Head); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Current(ctx, "work"); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted copy returns %v, want the reason", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := state(t, dir); after != before {
		t.Errorf("the repository was\n%s\nand is\n%s", before, after)
	}
	if left := leftovers(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// In a hook, git tells its children of the repository by variables that would lead every command astray.
func TestInsideAHook(t *testing.T) {
	dir := repository(t)
	t.Setenv("GIT_DIR", filepath.Join(t.TempDir(), "elsewhere"))
	t.Setenv("GIT_INDEX_FILE", "elsewhere")
	_, s := prepare(t, dir)
	if side, err := s.Current(t.Context(), "work"); err != nil || files(t, side.Dir)["a.txt"] != "one\n" {
		t.Errorf("current side %v, %v", side, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	repository(t) // for its environment
	if _, err := worktree.Open(t.Context(), t.TempDir()); !errors.Is(err, worktree.ErrUsage) || !strings.Contains(err.Error(), "no git repository") {
		t.Errorf("a folder that is no repository: %v", err)
	}
	empty := t.TempDir()
	samplertest.Git(t, empty, "init", "--quiet")
	if _, err := worktree.Open(t.Context(), empty); err == nil || !strings.Contains(err.Error(), "no commit yet") {
		t.Errorf("a repository without history: %v", err)
	}
}
