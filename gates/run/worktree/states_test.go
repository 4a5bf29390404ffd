package worktree_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// sides makes both sides of a repository: HEAD, and the working tree.
func sides(t *testing.T, dir string) (r *worktree.Repo, base, now worktree.Side) {
	t.Helper()
	r, s := prepare(t, dir)
	base, err := s.Commit(t.Context(), "base", r.Head)
	if err != nil {
		t.Fatal(err)
	}
	if now, err = s.Current(t.Context(), "work"); err != nil {
		t.Fatal(err)
	}
	return r, base, now
}

// A change that keeps a file's size, in the second in which the index was written, is a change: git's index tells no
// finer, and knows that by its own time.
func TestChangeWithinTheSecondOfTheIndex(t *testing.T) {
	dir := repository(t)
	samplertest.Git(t, dir, "config", "core.trustctime", "false")
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	turn := func(name string) {
		if err := os.Chtimes(filepath.Join(dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
	turn("a.txt")
	samplertest.Git(t, dir, "add", "a.txt")
	samplertest.WriteFile(t, dir, "a.txt", "eno\n")
	turn("a.txt")
	turn(".git/index")
	if status := samplertest.Git(t, dir, "status", "--porcelain"); status != "M a.txt" {
		t.Fatalf("git itself says %q: this test shows nothing", status)
	}
	if _, base, now := sides(t, dir); files(t, now.Dir)["a.txt"] != "eno\n" || base.Tree == now.Tree {
		t.Errorf("the current side has %q, want the working tree's", files(t, now.Dir)["a.txt"])
	}
}

// What git was told to assume is not what is measured.
func TestAssumedUnchanged(t *testing.T) {
	dir := repository(t)
	samplertest.Git(t, dir, "update-index", "--assume-unchanged", "a.txt", "sub/b.txt")
	samplertest.WriteFile(t, dir, "a.txt", "changed, unseen\n")
	if _, _, now := sides(t, dir); files(t, now.Dir)["a.txt"] != "changed, unseen\n" {
		t.Errorf("the current side has %q", files(t, now.Dir)["a.txt"])
	}
	if flags := samplertest.Git(t, dir, "ls-files", "-v", "a.txt"); flags != "h a.txt" {
		t.Errorf("the user's own index says %q, want that it stays as it was", flags)
	}
}

// Every state that a repository is found in, with the files that the working tree has.
func TestStatesOfARepository(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, dir string) string // returns where the working tree is
	}{
		{"a commit is checked out, no branch", func(t *testing.T, dir string) string {
			samplertest.Git(t, dir, "checkout", "--quiet", "--detach")
			return dir
		}},
		{"a conflict that is not resolved", func(t *testing.T, dir string) string {
			samplertest.Git(t, dir, "switch", "--quiet", "-c", "other")
			samplertest.WriteFile(t, dir, "a.txt", "theirs\n")
			samplertest.Commit(t, dir, "theirs")
			samplertest.Git(t, dir, "switch", "--quiet", "main")
			samplertest.WriteFile(t, dir, "a.txt", "ours\n")
			samplertest.Commit(t, dir, "ours")
			merge := exec.Command("git", "merge", "--quiet", "other")
			merge.Dir = dir
			if err := merge.Run(); err == nil {
				t.Fatal("there is no conflict: this case shows nothing")
			}
			return dir
		}},
		{"an index in two parts", func(t *testing.T, dir string) string {
			samplertest.Git(t, dir, "config", "core.splitIndex", "true")
			samplertest.Git(t, dir, "update-index", "--split-index")
			return dir
		}},
		{"no index", func(t *testing.T, dir string) string {
			if err := os.Remove(filepath.Join(dir, ".git", "index")); err != nil {
				t.Fatal(err)
			}
			return dir
		}},
		{"a file that is added without its text", func(t *testing.T, dir string) string {
			samplertest.WriteFile(t, dir, "later.txt", "later\n")
			samplertest.Git(t, dir, "add", "--intent-to-add", "later.txt")
			return dir
		}},
		{"a file that is ignored and was added all the same", func(t *testing.T, dir string) string {
			samplertest.WriteFile(t, dir, "kept.log", "kept\n")
			samplertest.Git(t, dir, "add", "--force", "kept.log")
			return dir
		}},
		{"names with spaces, quotes, newlines and letters of all sorts", func(t *testing.T, dir string) string {
			for _, name := range []string{"two words.txt", "qu\"ote.txt", "new\nline.txt", "-dash.txt", "[x]*?.txt", "käse.txt", "tab\t.txt"} {
				samplertest.WriteFile(t, dir, name, name)
			}
			return dir
		}},
		{"line ends that do not come back as they were", func(t *testing.T, dir string) string {
			samplertest.Git(t, dir, "config", "core.autocrlf", "input")
			samplertest.Git(t, dir, "config", "core.safecrlf", "true")
			return dir
		}},
		{"a worktree of a bare repository", func(t *testing.T, dir string) string {
			bare, tree := filepath.Join(t.TempDir(), "bare.git"), filepath.Join(t.TempDir(), "tree")
			samplertest.Git(t, dir, "clone", "--quiet", "--bare", dir, bare)
			samplertest.Git(t, bare, "worktree", "add", "--quiet", tree, "main")
			samplertest.WriteFile(t, tree, "a.txt", "of the worktree\n")
			return tree
		}},
		{"objects that are those of another repository", func(t *testing.T, dir string) string {
			clone := filepath.Join(t.TempDir(), "clone")
			samplertest.Git(t, dir, "clone", "--quiet", "--shared", dir, clone)
			samplertest.WriteFile(t, clone, "a.txt", "of the clone\n")
			return clone
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			top := c.make(t, repository(t))
			want := files(t, top)
			before := samplertest.Git(t, top, "status", "--porcelain")
			r, base, now := sides(t, top)
			if got := files(t, now.Dir); !equal(got, want) {
				t.Errorf("the current side has\n%q\nwant\n%q", got, want)
			}
			if got := samplertest.Git(t, base.Dir, "rev-parse", "HEAD"); got != r.Head || len(files(t, base.Dir)) < 4 {
				t.Errorf("the other side is at %s with %d files", got, len(files(t, base.Dir)))
			}
			if after := samplertest.Git(t, top, "status", "--porcelain"); after != before {
				t.Errorf("the status was\n%s\nand is\n%s", before, after)
			}
		})
	}
}

// Folders whose names git writes into lists and files of its own.
func TestPathsThatPartLists(t *testing.T) {
	repository(t) // for its environment
	odd := "a \"b\":c\nworktree [d]* \\e"
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), odd))
	dir := filepath.Join(t.TempDir(), odd)
	for _, folder := range []string{dir, os.TempDir()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	samplertest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	samplertest.WriteFile(t, dir, "a.txt", "one\n")
	samplertest.Commit(t, dir, "first")
	samplertest.WriteFile(t, dir, "a.txt", "two\n")
	before := state(t, dir)
	s, base, now := both(t, dir)
	if got := files(t, now.Dir)["a.txt"] + files(t, base.Dir)["a.txt"]; got != "two\none\n" {
		t.Errorf("the sides have %q", got)
	}
	if changed, err := s.Changed(t.Context(), base, now); err != nil || !slices.Equal(changed, []string{"a.txt"}) {
		t.Errorf("changed: %q, %v", changed, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after := state(t, dir); after != before {
		t.Errorf("the repository was\n%s\nand is\n%s", before, after)
	}
	samplertest.WriteFile(t, filepath.Join(os.TempDir(), "heaptop-sides-dead"), "lock", "")
	_, again := prepare(t, dir)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A submodule is an empty folder in both sides, and said to be; from within it, it is a repository like any other.
func TestSubmodules(t *testing.T) {
	inner := repository(t)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
	t.Setenv("GIT_CONFIG_VALUE_0", "always")
	outer := t.TempDir()
	samplertest.Git(t, outer, "init", "--quiet", "--initial-branch=main")
	samplertest.Git(t, outer, "config", "submodule.recurse", "true")
	samplertest.Git(t, outer, "submodule", "--quiet", "add", inner, "third party/inner")
	samplertest.Commit(t, outer, "with a submodule")
	samplertest.WriteFile(t, outer, "third party/inner/a.txt", "changed\n")
	before := samplertest.Git(t, outer, "status", "--porcelain")
	_, base, now := sides(t, outer)
	for _, side := range []worktree.Side{base, now} {
		if !slices.Equal(side.Empty, []string{"third party/inner"}) {
			t.Errorf("%s: empty are %q", side.Dir, side.Empty)
		}
	}
	if after := samplertest.Git(t, outer, "status", "--porcelain"); after != before {
		t.Errorf("the status was %q and is %q", before, after)
	}
	if _, _, now := sides(t, filepath.Join(outer, "third party/inner")); files(t, now.Dir)["a.txt"] != "changed\n" || len(now.Empty) != 0 {
		t.Errorf("from within the submodule: %+v", now)
	}
}

// A part of the files is checked out: nothing changed is nothing changed.
func TestSparseCheckout(t *testing.T) {
	dir := repository(t)
	samplertest.Git(t, dir, "sparse-checkout", "set", "sub")
	samplertest.WriteFile(t, dir, "sub/b.txt", "changed\n")
	_, s := prepare(t, dir)
	now, err := s.Current(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, now.Dir); got["sub/b.txt"] != "changed\n" || got["a.txt"] != "one\n" {
		t.Errorf("the current side has %q, want the commit with what was changed", got)
	}
}

// A temporary folder that is named from where we stand is not looked for from where git is run.
func TestRelativeTemporaryFolder(t *testing.T) {
	dir := repository(t)
	t.Chdir(t.TempDir())
	if err := os.Mkdir("tmp", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", "tmp")
	if _, base, _ := sides(t, dir); !filepath.IsAbs(base.Dir) || files(t, base.Dir)["a.txt"] != "one\n" {
		t.Errorf("the other side is %+v", base)
	}
}

func TestWithoutGit(t *testing.T) {
	dir := repository(t)
	t.Setenv("PATH", t.TempDir())
	_, err := worktree.Open(t.Context(), dir)
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "git is not installed") {
		t.Errorf("without git: %v", err)
	}
}

func TestBareRepository(t *testing.T) {
	dir := repository(t)
	samplertest.Git(t, dir, "clone", "--quiet", "--bare", dir, filepath.Join(dir, "bare.git"))
	for _, folder := range []string{filepath.Join(dir, "bare.git"), filepath.Join(dir, ".git")} {
		if _, err := worktree.Open(t.Context(), folder); !errors.Is(err, worktree.ErrUsage) || !strings.Contains(err.Error(), "with a working tree") {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

// Ctrl-C at whatever moment leaves nothing behind, neither of git's nor of ours.
func TestInterruptedAtEveryMoment(t *testing.T) {
	dir := repository(t)
	samplertest.WriteFile(t, dir, "a.txt", "changed\n")
	before := state(t, dir)
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	whole := time.Now()
	stopped := 0
	for i := range 15 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*8*time.Millisecond)
		if s, err := r.Prepare(ctx); err == nil {
			if _, err = s.Commit(ctx, "base", r.Head); err == nil {
				_, err = s.Current(ctx, "work")
			}
			if err != nil {
				stopped++
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("an interrupted copy returns %v, want the reason", err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		cancel()
	}
	t.Logf("%d of 15 were interrupted, in %s", stopped, time.Since(whole))
	if after := state(t, dir); after != before || stopped == 0 {
		t.Errorf("after %d interruptions the repository was\n%s\nand is\n%s", stopped, before, after)
	}
	if left := leftovers(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, ".git", "worktrees")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("git still keeps worktrees: %v", err)
	}
}

// Runs that begin at the same moment leave each other alone.
func TestRunsBesideEachOther(t *testing.T) {
	dir := repository(t)
	r, err := worktree.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	const runs, times = 4, 5
	failed := make(chan error, runs*times)
	for range runs {
		go func() {
			for range times {
				failed <- once(t.Context(), r)
			}
		}()
	}
	for range runs * times {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if left := leftovers(t); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func once(ctx context.Context, r *worktree.Repo) error {
	s, err := r.Prepare(ctx)
	if err != nil {
		return err
	}
	side, err := s.Commit(ctx, "base", r.Head)
	if err == nil {
		_, err = os.Stat(filepath.Join(side.Dir, "a.txt"))
	}
	return errors.Join(err, s.Close())
}
