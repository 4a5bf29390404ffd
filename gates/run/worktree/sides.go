package worktree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	prefix       = "heaptop-sides-"
	lockName     = "lock"
	endPatience  = time.Minute // for taking the worktrees away
	addTries     = 5           // of making a worktree
	addPause     = 50 * time.Millisecond
	lettersOfDir = 4 // of the name of each side, so that all paths are of equal length
)

// Side is a state of the repository in a folder of its own.
type Side struct {
	Dir    string // the root of the worktree
	Commit string
	Tree   string // the id of all its files together: equal trees are equal files
	// Empty are the folders that hold repositories of their own, submodules among them: git keeps of those no more than a
	// commit's id.
	Empty []string
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
	made, err := os.MkdirTemp("", prefixHere())
	if err != nil {
		return nil, fmt.Errorf("make a folder for the two sides: %w", err)
	}
	folder, err := filepath.EvalSymlinks(made) // git knows worktrees by their true path
	if err == nil {
		folder, err = filepath.Abs(folder) // git is run elsewhere
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a folder for the two sides: %w", err), removeAll(made))
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
	if side.Tree, err = git(ctx, side.Dir, nil, "rev-parse", commit+"^{tree}"); err != nil {
		return Side{}, fmt.Errorf("find the files of %s: %w", commit, err)
	}
	return side, side.findEmpty(ctx, nil)
}

// findEmpty notes the folders that hold repositories of their own.
func (s *Side) findEmpty(ctx context.Context, env []string) error {
	list, err := git(ctx, s.Dir, env, "ls-tree", "-r", "-z", s.Tree)
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", s.Dir, err)
	}
	for _, line := range strings.Split(list, "\x00") {
		if rest, ok := strings.CutPrefix(line, "160000 "); ok {
			_, path, _ := strings.Cut(rest, "\t")
			s.Empty = append(s.Empty, path)
		}
	}
	return nil
}

// Current makes a side of the working tree as it stands. Its HEAD is the user's, so that git says of both the same.
func (s *Sides) Current(ctx context.Context, name string) (Side, error) {
	if err := os.MkdirAll(filepath.Join(s.folder, "objects"), 0o700); err != nil {
		return Side{}, fmt.Errorf("make a folder for changed files: %w", err)
	}
	env, err := s.stores(ctx)
	if err != nil {
		return Side{}, err
	}
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
	return side, side.findEmpty(ctx, env)
}

// snapshot writes the working tree's files into the temporary store, through an index of our own, and returns their tree.
func (s *Sides) snapshot(ctx context.Context, env []string) (string, error) {
	index := filepath.Join(s.folder, "index")
	env = append(env, "GIT_INDEX_FILE="+index)
	theirs, err := s.repo.path(ctx, "index")
	if err != nil {
		return "", err
	}
	// A copy of theirs knows which files have not changed. Where it is of no use, ours begins at HEAD.
	if err := copyIndex(index, theirs); err != nil {
		return "", err
	}
	if err := s.unassume(ctx, env); err != nil {
		return "", err
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

// copyIndex copies the user's index where there is one, with its time: a file that was changed in the same second as the
// index is looked at again, whatever its size and time say.
func copyIndex(to, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return nil // there is none, or it cannot be used: ours begins without
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return nil
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		return fmt.Errorf("copy the index: %w", err)
	}
	if err := os.Chtimes(to, info.ModTime(), info.ModTime()); err != nil {
		return fmt.Errorf("copy the index: %w", err)
	}
	return nil
}

// unassume has git look at the files too of which the user has told it to assume that they have not changed.
func (s *Sides) unassume(ctx context.Context, env []string) error {
	list, err := git(ctx, s.repo.Top, env, "ls-files", "-v", "-z")
	if err != nil {
		return ctx.Err() // an index that cannot be read is told when it is added to
	}
	const most = 200 // names of one command
	var assumed []string
	for _, line := range strings.Split(list, "\x00") {
		if len(line) > 2 && line[0] >= 'a' && line[0] <= 'z' {
			assumed = append(assumed, line[2:])
		}
	}
	for names := range slices.Chunk(assumed, most) {
		if _, err := git(ctx, s.repo.Top, env, append([]string{"update-index", "--no-assume-unchanged", "--"}, names...)...); err != nil {
			return fmt.Errorf("read the working tree %s: %w", s.repo.Top, err)
		}
	}
	return nil
}

// stores are the settings by which git writes objects into the temporary store, and reads those of the repository besides.
func (s *Sides) stores(ctx context.Context) ([]string, error) {
	own, err := s.repo.path(ctx, "objects")
	if err != nil {
		return nil, err
	}
	return []string{"GIT_OBJECT_DIRECTORY=" + filepath.Join(s.folder, "objects"), "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quoted(own)}, nil
}

// quoted is a path as one entry of a list of paths: a colon in it parts nothing.
func quoted(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// add makes an empty worktree.
func (s *Sides) add(ctx context.Context, name, commit string) (Side, error) {
	if len(name) != lettersOfDir {
		return Side{}, fmt.Errorf("a side's name is of %d letters, not %q", lettersOfDir, name)
	}
	dir := filepath.Join(s.folder, name)
	s.dirs = append(s.dirs, dir) // before it is there: Close takes away what an interrupted git has left
	for try := 1; ; try++ {
		err := gitWhole(ctx, s.repo.dir, "worktree", "add", "--quiet", "--detach", "--no-checkout", dir, commit)
		switch {
		case err == nil:
			return Side{Dir: dir, Commit: commit}, nil
		case try == addTries || ctx.Err() != nil:
			return Side{}, fmt.Errorf("make a worktree for %s: %w", commit, err)
		}
		// git stumbles over a worktree that another git is just making. It has taken back what it had begun.
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(try) * addPause):
		}
	}
}

// Changed returns the paths, relative to the roots, of the files in which two sides differ.
func (s *Sides) Changed(ctx context.Context, a, b Side) ([]string, error) {
	if a.Tree == b.Tree {
		return nil, nil
	}
	env, err := s.stores(ctx)
	if err != nil {
		return nil, err
	}
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
