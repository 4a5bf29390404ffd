package worktree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Auto asks for the merge base with the default branch.
const Auto = "auto"

// Repo is a repository with a working tree and at least one commit. It is safe for concurrent use.
type Repo struct {
	Top     string // the root of the working tree
	Head    string // the commit that is checked out
	Branch  string // "" when none is
	dir     string // where git is run
	shallow bool
}

// Commit is a commit that a reference was found to be.
type Commit struct {
	ID    string
	Name  string   // how it was asked for: "merge base with origin/main", "v1.2.0"
	Notes []string // what had to be done, in sentences: a fetch
}

// Short is the first digits of the commit's id.
func (c Commit) Short() string { return c.ID[:min(len(c.ID), 10)] }

// Open finds the repository that a folder is in. The error wraps ErrUsage when the folder is in none or only in a bare
// one, and says so when nothing was committed yet.
func Open(ctx context.Context, dir string) (*Repo, error) {
	top, err := git(ctx, dir, nil, "rev-parse", "--show-toplevel")
	if err != nil {
		var said *gitError
		if errors.As(err, &said) && (strings.Contains(said.words, "not a git repository") || strings.Contains(said.words, "work tree")) {
			return nil, Usage("compare with another commit: %s is in no git repository with a working tree", dir)
		}
		return nil, fmt.Errorf("find the repository of %s: %w", dir, err)
	}
	r := &Repo{Top: filepath.FromSlash(top), dir: filepath.FromSlash(top)}
	if r.Head, err = git(ctx, dir, nil, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		return nil, fmt.Errorf("compare with another commit: the repository %s has no commit yet: commit something first, or leave --against out", r.Top)
	}
	if r.Branch, err = git(ctx, dir, nil, "symbolic-ref", "--short", "--quiet", "HEAD"); err != nil {
		r.Branch = "" // a commit is checked out, not a branch
	}
	shallow, err := git(ctx, dir, nil, "rev-parse", "--is-shallow-repository")
	r.shallow = err == nil && shallow == "true"
	return r, ctx.Err()
}

// Resolve finds the commit that a reference names, or for Auto the merge base of HEAD with the default branch. In a
// shallow clone that lacks it, it is fetched from origin, which Notes says. The error wraps ErrUsage when there is no such
// reference.
func (r *Repo) Resolve(ctx context.Context, ref string) (Commit, error) {
	if ref == "" || strings.HasPrefix(ref, "-") || strings.ContainsAny(ref, "\x00\n") {
		return Commit{}, Usage("compare with %q: this is no name of a commit", ref)
	}
	if ref == Auto {
		return r.mergeBase(ctx)
	}
	if id, err := r.commit(ctx, ref); err == nil {
		return Commit{ID: id, Name: ref}, nil
	}
	if !r.shallow {
		return Commit{}, errors.Join(ctx.Err(), Usage("compare with %q: the repository %s has no such commit, branch or tag", ref, r.Top))
	}
	id, err := r.fetch(ctx, ref)
	if err != nil {
		return Commit{}, err
	}
	return Commit{ID: id, Name: ref, Notes: []string{fmt.Sprintf("this clone is shallow and had no %s: it was fetched from origin", ref)}}, nil
}

func (r *Repo) commit(ctx context.Context, ref string) (string, error) {
	return git(ctx, r.dir, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
}

// bring fetches from origin: commits, and what origin's branches are. It takes nothing away, and leaves submodules alone.
func (r *Repo) bring(ctx context.Context, depth string, refs ...string) error {
	args := append([]string{"fetch", "--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", depth, "--end-of-options", "origin"}, refs...)
	_, err := git(ctx, r.dir, nil, args...)
	return err
}

// path is where the repository keeps something, such as its index.
func (r *Repo) path(ctx context.Context, name string) (string, error) {
	path, err := git(ctx, r.dir, nil, "rev-parse", "--git-path", name)
	if err != nil {
		return "", fmt.Errorf("find the %s of %s: %w", name, r.Top, err)
	}
	if path = filepath.FromSlash(path); !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path) // --path-format=absolute is not of every git
	}
	return path, nil
}

// fetch brings a reference that a shallow clone lacks: a branch, a tag or a whole id; for what is relative to HEAD, such
// as HEAD~3, the history.
func (r *Repo) fetch(ctx context.Context, ref string) (string, error) {
	name := strings.TrimPrefix(ref, "origin/")
	if !strings.ContainsAny(name, ":+*") { // which would write branches
		if err := r.bring(ctx, "--depth=1", name); err == nil {
			return r.commit(ctx, "FETCH_HEAD")
		} else if ctx.Err() != nil {
			return "", err
		}
	}
	if err := r.bring(ctx, "--unshallow"); err != nil {
		return "", fmt.Errorf("fetch %s, which this shallow clone lacks: %w", ref, err)
	}
	id, missing := r.commit(ctx, ref)
	if missing != nil {
		return "", Usage("compare with %q: neither this clone nor origin has it", ref)
	}
	return id, nil
}

// mergeBase finds where HEAD left the default branch.
func (r *Repo) mergeBase(ctx context.Context) (Commit, error) {
	branch, c, err := r.defaultBranch(ctx)
	if err != nil {
		return Commit{}, err
	}
	c.Name = "merge base with " + branch
	if c.ID, err = git(ctx, r.dir, nil, "merge-base", "HEAD", branch); err == nil {
		return c, nil
	}
	if ctx.Err() != nil {
		return Commit{}, err
	}
	if !r.shallow {
		return Commit{}, Usage("compare with the merge base: HEAD and %s have no commit in common: name one with --against", branch)
	}
	const first, most = 64, 4096
	for deeper := first; deeper <= most; deeper *= 4 {
		if err = r.bring(ctx, "--deepen="+strconv.Itoa(deeper), "HEAD", r.Head, shortBranch(branch)); err != nil {
			break
		}
		if c.ID, err = git(ctx, r.dir, nil, "merge-base", "HEAD", branch); err == nil {
			c.Notes = append(c.Notes, fmt.Sprintf("this clone is shallow: history back to the %s was fetched from origin", c.Name))
			return c, nil
		}
	}
	if ctx.Err() != nil {
		return Commit{}, context.Cause(ctx)
	}
	if err = r.bring(ctx, "--unshallow"); err == nil {
		c.ID, err = git(ctx, r.dir, nil, "merge-base", "HEAD", branch)
	}
	if err != nil {
		return Commit{}, fmt.Errorf("find the merge base with %s in a shallow clone: %w (clone with the whole history: fetch-depth: 0 of actions/checkout)", branch, err)
	}
	c.Notes = append(c.Notes, "this clone is shallow: its whole history was fetched from origin")
	return c, nil
}

func shortBranch(branch string) string { return strings.TrimPrefix(branch, "origin/") }

// defaultBranch names the branch that HEAD is to be merged into: the one a pull request names, else the default branch of
// origin, else main or master. In a shallow clone it may have to be fetched.
func (r *Repo) defaultBranch(ctx context.Context) (string, Commit, error) {
	var names []string
	if base := os.Getenv("GITHUB_BASE_REF"); base != "" && !strings.HasPrefix(base, "-") { // in a workflow of GitHub: the pull request's
		names = append(names, "origin/"+base)
	}
	if name, err := git(ctx, r.dir, nil, "symbolic-ref", "--short", "--quiet", "refs/remotes/origin/HEAD"); err == nil {
		names = append(names, name)
	}
	names = append(names, "origin/main", "origin/master", "main", "master")
	if r.shallow { // a shallow clone usually has one branch, which need not be the default
		return r.fetchBranch(ctx, names)
	}
	for _, name := range names {
		if _, err := r.commit(ctx, name); err == nil {
			return name, Commit{}, nil
		}
	}
	return "", Commit{}, errors.Join(ctx.Err(), Usage("compare with the merge base: the repository %s has none of %s: name a commit with --against",
		r.Top, strings.Join(slices.Compact(names), ", ")))
}

func (r *Repo) fetchBranch(ctx context.Context, names []string) (string, Commit, error) {
	if remote, err := git(ctx, r.dir, nil, "ls-remote", "--symref", "origin", "HEAD"); err == nil {
		if rest, ok := strings.CutPrefix(remote, "ref: refs/heads/"); ok {
			name, _, _ := strings.Cut(rest, "\t")
			names = slices.Insert(names, min(1, len(names)), "origin/"+name)
		}
	}
	for _, name := range names {
		if _, err := r.commit(ctx, name); err == nil {
			return name, Commit{}, nil
		}
		branch, remote := strings.CutPrefix(name, "origin/")
		if !remote {
			continue
		}
		spec := "+refs/heads/" + branch + ":refs/remotes/origin/" + branch
		if err := r.bring(ctx, "--depth=64", spec); err == nil {
			note := fmt.Sprintf("this clone is shallow and had no %s: it was fetched from origin", name)
			return name, Commit{Notes: []string{note}}, nil
		}
	}
	return "", Commit{}, errors.Join(ctx.Err(), Usage("compare with the merge base: this shallow clone has no default branch and origin gives none: name a commit with --against"))
}
