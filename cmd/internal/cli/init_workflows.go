package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alloc-dev/heaptop/gates/github"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// workflows writes the workflows that measure with the new policy, at the root of the repository. A file of the same name that
// is another stays, unless its place is asked for.
func (o *initializing) workflows(ctx context.Context, path string) error {
	if o.noWorkflows {
		return nil
	}
	repo, err := worktree.Open(ctx, o.dir)
	if err != nil {
		fmt.Fprintln(o.env.Out, "no workflows: this is no git repository with a commit")
		return nil
	}
	config, err := within(repo.Top, path)
	if err != nil {
		return err
	}
	for _, f := range github.Workflows(github.WorkflowOptions{Config: config}) {
		target := filepath.Join(o.dir, filepath.FromSlash(f.Path))
		if config != policy.Name {
			target = filepath.Join(repo.Top, filepath.FromSlash(f.Path))
		}
		if err := o.workflow(target, f.Data); err != nil {
			return err
		}
	}
	return nil
}

// within is a path relative to the root of the repository, with slashes.
func within(top, path string) (string, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err == nil {
		top, err = filepath.EvalSymlinks(top)
	}
	var rel string
	if err == nil {
		rel, err = filepath.Rel(top, filepath.Join(dir, filepath.Base(path)))
	}
	if err != nil {
		return "", fmt.Errorf("find %s in the repository: %w", path, err)
	}
	return filepath.ToSlash(rel), nil
}

func (o *initializing) workflow(path string, data []byte) error {
	info, err := os.Lstat(path)
	if err == nil && (!info.Mode().IsRegular() || !o.force && !o.questions.possible) {
		if old, err := os.ReadFile(path); err != nil || string(old) != string(data) {
			fmt.Fprintf(o.env.Out, "%s is there already and stays as it is\n", theme.Clean(path))
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("write the workflows: %w", err)
	}
	return o.put(path, data)
}
