package worktree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	prefix       = "heaptop-sides-"
	lockName     = "lock"
	endPatience  = time.Minute // for taking the worktrees away
	lettersOfDir = 4           // of the name of each side, so that all paths are of equal length
)

// Side is a state of the repository in a folder of its own.
type Side struct {
	Dir    string // the root of the worktree
	Commit string
	Tree   string // the id of all its files together: equal trees are equal files
}

// Sides is the folder that the sides lie in.
type Sides struct {
	repo   *Repo
	folder string
	lock   *os.File
	dirs   []string
}

// Prepare makes the folder, after it has taken away what killed runs have left of theirs. Close it.
func (r *Repo) Prepare(ctx context.Context) (*Sides, error) {
	r.clean(ctx)
	folder, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, fmt.Errorf("make a folder for the two sides: %w", err)
	}
	if folder, err = filepath.EvalSymlinks(folder); err != nil { // git knows worktrees by their true path
		return nil, fmt.Errorf("make a folder for the two sides: %w", err)
	}
	lock, err := takeLock(filepath.Join(folder, lockName))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", folder, err), removeAll(folder))
	}
	return &Sides{repo: r, folder: folder, lock: lock}, nil
}

// Commit makes a side of a commit. name is of four letters.
func (s *Sides) Commit(ctx context.Context, name, commit string) (Side, error) {
	side, err := s.add(ctx, name, commit)
	if err != nil {
		return Side{}, err
	}
	if _, err := git(ctx, side.Dir, nil, "checkout", "--quiet", "--force", commit); err != nil {
		return Side{}, fmt.Errorf("check %s out into %s: %w", commit, side.Dir, err)
	}
	side.Tree, err = git(ctx, side.Dir, nil, "rev-parse", commit+"^{tree}")
	return side, err
}

// Current makes a side of the working tree as it stands. Its HEAD is the user's, so that git says of both the same.
func (s *Sides) Current(ctx context.Context, name string) (Side, error) {
	store := filepath.Join(s.folder, "objects")
	if err := os.MkdirAll(store, 0o700); err != nil {
		return Side{}, fmt.Errorf("make a folder for changed files: %w", err)
	}
	own, err := git(ctx, s.repo.dir, nil, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return Side{}, fmt.Errorf("find the objects of %s: %w", s.repo.Top, err)
	}
	env := []string{"GIT_OBJECT_DIRECTORY=" + store, "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + own}
	tree, err := s.snapshot(ctx, env)
	if err != nil {
		return Side{}, err
	}
	side, err := s.add(ctx, name, s.repo.Head)
	if err != nil {
		return Side{}, err
	}
	side.Tree = tree
	for _, step := range [][]string{{"read-tree", tree}, {"checkout-index", "--all", "--force", "--quiet"}, {"read-tree", s.repo.Head}} {
		if _, err := git(ctx, side.Dir, env, step...); err != nil {
			return Side{}, fmt.Errorf("copy the working tree to %s: %w", side.Dir, err)
		}
	}
	return side, nil
}

// snapshot writes the working tree's files into the temporary store, through an index of our own, and returns their tree.
func (s *Sides) snapshot(ctx context.Context, env []string) (string, error) {
	index := filepath.Join(s.folder, "index")
	env = append(env, "GIT_INDEX_FILE="+index)
	theirs, err := git(ctx, s.repo.dir, nil, "rev-parse", "--path-format=absolute", "--git-path", "index")
	if err != nil {
		return "", fmt.Errorf("find the index of %s: %w", s.repo.Top, err)
	}
	// A copy of theirs knows which files have not changed. Where it is of no use, as one in two parts, ours begins at HEAD.
	if data, err := os.ReadFile(theirs); err == nil {
		if err := os.WriteFile(index, data, 0o600); err != nil {
			return "", fmt.Errorf("copy the index: %w", err)
		}
	}
	if _, err := git(ctx, s.repo.Top, env, "add", "--all", "."); err != nil {
		os.Remove(index)
		if _, err := git(ctx, s.repo.Top, env, "read-tree", s.repo.Head); err != nil {
			return "", fmt.Errorf("read the working tree %s: %w", s.repo.Top, err)
		}
		if _, err := git(ctx, s.repo.Top, env, "add", "--all", "."); err != nil {
			return "", fmt.Errorf("read the working tree %s: %w", s.repo.Top, err)
		}
	}
	tree, err := git(ctx, s.repo.Top, env, "write-tree")
	if err != nil {
		return "", fmt.Errorf("read the working tree %s: %w", s.repo.Top, err)
	}
	return tree, nil
}

// add makes an empty worktree.
func (s *Sides) add(ctx context.Context, name, commit string) (Side, error) {
	if len(name) != lettersOfDir {
		return Side{}, fmt.Errorf("a side's name is of %d letters, not %q", lettersOfDir, name)
	}
	dir := filepath.Join(s.folder, name)
	s.dirs = append(s.dirs, dir) // before it is there: Close takes away what an interrupted git has left
	if _, err := git(ctx, s.repo.dir, nil, "worktree", "add", "--quiet", "--detach", "--no-checkout", dir, commit); err != nil {
		return Side{}, fmt.Errorf("make a worktree for %s: %w", commit, err)
	}
	return Side{Dir: dir, Commit: commit}, nil
}

// Changed returns the paths, relative to the roots, of the files in which two sides differ.
func (s *Sides) Changed(ctx context.Context, a, b Side) ([]string, error) {
	if a.Tree == b.Tree {
		return nil, nil
	}
	own, err := git(ctx, s.repo.dir, nil, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return nil, err
	}
	env := []string{"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + own, "GIT_OBJECT_DIRECTORY=" + filepath.Join(s.folder, "objects")}
	out, err := git(ctx, s.repo.dir, env, "diff-tree", "-r", "-z", "--name-only", "--no-renames", a.Tree, b.Tree)
	if err != nil {
		return nil, fmt.Errorf("compare the files of both sides: %w", err)
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 }), nil
}

// Close takes both worktrees and the folder away, also once the caller's context has ended. The repository then is as it
// was.
func (s *Sides) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), endPatience)
	defer stop()
	var errs []error
	for _, dir := range s.dirs {
		if err := s.repo.forget(ctx, dir); err != nil {
			errs = append(errs, err)
		}
	}
	if err := removeAll(s.folder); err != nil {
		errs = append(errs, fmt.Errorf("remove %s: %w", s.folder, err))
	}
	s.lock.Close()
	return errors.Join(errs...)
}
