package run

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler"
)

// side is a state of the program in a folder, to be built and run there.
type side struct {
	label string // "current", "baseline", "anchor"
	name  string // "merge base with origin/main, 1a2b3c4d5e"; "" for the user's own
	base  string // the policy's folder on this side
	env   []string
	tree  worktree.Side // of a worktree
	built map[string]*product
}

// folder is where a scenario runs.
func (s *side) folder(sc *policy.Scenario) string {
	if filepath.IsAbs(sc.Dir) {
		return sc.Dir
	}
	return filepath.Join(s.base, sc.Dir)
}

// hint is what to do where a program is not found in a worktree: most often it was built in the user's checkout alone.
func (s *side) hint(err error) string {
	var f *fault
	missing := errors.As(err, &f) && f.what == exitNotFound || errors.Is(err, sampler.ErrNotFound)
	if s.tree.Dir == "" || !missing {
		return ""
	}
	return " (both sides have only files that git does not ignore: let the scenario's build make the program)"
}

// exitNotFound is how a shell says that there is no such program.
const exitNotFound = "exited 127"

// trees are the sides that the policy's scenarios need, made when they are first asked for.
type trees struct {
	dir     string // the policy's folder
	own     *side
	repo    *worktree.Repo
	sides   *worktree.Sides
	current *side
	other   map[string]*side // by reference
	notes   []string
}

// user is the user's own folder: what is measured where nothing is compared.
func (t *trees) user() *side {
	if t.own == nil {
		t.own = &side{label: "current", base: t.dir, built: map[string]*product{}}
	}
	return t.own
}

// working is a copy of the working tree as it stands.
func (t *trees) working(ctx context.Context) (*side, error) {
	if t.current != nil {
		return t.current, nil
	}
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	tree, err := t.sides.Current(ctx, "work")
	if err != nil {
		return nil, err
	}
	t.noteEmpty(tree)
	t.current, err = t.side("current", "", tree)
	return t.current, err
}

// at is the side of a reference, with what had to be done to get it.
func (t *trees) at(ctx context.Context, ref, label string) (*side, error) {
	if s := t.other[ref]; s != nil {
		return s, nil
	}
	if err := t.open(ctx); err != nil {
		return nil, err
	}
	commit, err := t.repo.Resolve(ctx, ref)
	if err != nil {
		return nil, err
	}
	t.notes = append(t.notes, commit.Notes...)
	tree, err := t.sides.Commit(ctx, fmt.Sprintf("b%03d", len(t.other)), commit.ID)
	if err != nil {
		return nil, err
	}
	t.noteEmpty(tree)
	s, err := t.side(label, commit.Name+", "+commit.Short(), tree)
	if err != nil {
		return nil, err
	}
	if t.other == nil {
		t.other = map[string]*side{}
	}
	t.other[ref] = s
	return s, nil
}

// noteEmpty says which folders a side has nothing in.
func (t *trees) noteEmpty(tree worktree.Side) {
	const most = 3
	if len(tree.Empty) == 0 {
		return
	}
	names := strings.Join(tree.Empty[:min(len(tree.Empty), most)], ", ")
	if more := len(tree.Empty) - most; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	note := fmt.Sprintf("submodules are empty in the sides that are compared (%s): let the scenario's build bring what it needs of them", names)
	if !slices.Contains(t.notes, note) {
		t.notes = append(t.notes, note)
	}
}

func (t *trees) open(ctx context.Context) (err error) {
	if t.repo == nil {
		if t.repo, err = worktree.Open(ctx, t.dir); err != nil {
			return err
		}
	}
	if t.sides == nil {
		t.sides, err = t.repo.Prepare(ctx)
	}
	return err
}

// side places the policy's folder in a worktree.
func (t *trees) side(label, name string, tree worktree.Side) (*side, error) {
	dir, err := filepath.EvalSymlinks(t.dir)
	if err != nil {
		return nil, fmt.Errorf("find the policy's folder: %w", err)
	}
	top, err := filepath.EvalSymlinks(t.repo.Top)
	if err != nil {
		return nil, fmt.Errorf("find the repository: %w", err)
	}
	inside, err := filepath.Rel(top, dir)
	if err != nil || !filepath.IsLocal(inside) {
		return nil, worktree.Usage("find the policy's folder %s in the repository %s", dir, top)
	}
	return &side{label: label, name: name, base: filepath.Join(tree.Dir, inside), env: reproducible(), tree: tree, built: map[string]*product{}}, nil
}

// close takes the worktrees away.
func (t *trees) close() error {
	if t.sides == nil {
		return nil
	}
	return t.sides.Close()
}
