package run

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
)

// buildGrace is how long a build may take to end once it was asked to.
const buildGrace = 3 * time.Second

// product is what a build has made.
type product struct {
	err   error
	files map[string][sha256.Size]byte // those that were not there before, or have changed, by their path on the side
}

// reproducible are the settings with which two builds of the same source are the same bytes, wherever they are made.
func reproducible() []string {
	flags := strings.Fields(os.Getenv("GOFLAGS"))
	flags = append(flags, "-trimpath", "-buildvcs=false")
	if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(strings.TrimLeft(f, "-"), "ldflags=") }) {
		flags = append(flags, "-ldflags=-buildid=") // the user's own may set what the program needs
	}
	return []string{"GOFLAGS=" + strings.Join(flags, " ")}
}

// build runs a scenario's build on a side, once.
func (r *runner) build(ctx context.Context, s *policy.Scenario, at *side) error {
	if s.Build == "" {
		return nil
	}
	key := s.Dir + "\x00" + s.Build
	if p := at.built[key]; p != nil {
		return p.err
	}
	r.say(Progress{Scenario: s.Name, Stage: "build " + at.label})
	compare := at.tree.Dir != ""
	p := &product{}
	var before map[string]fileState
	if compare {
		before = states(at.tree.Dir)
	}
	p.err = r.shell(ctx, at.folder(s), append(slices.Clone(at.env), settings(s.Env)...), s.Build)
	if p.err != nil {
		p.err = fmt.Errorf("build %s (%s): %w", s.Name, at.describe(), p.err)
	} else if compare {
		p.files, p.err = made(at.tree.Dir, before)
	}
	if ctx.Err() == nil {
		at.built[key] = p
	}
	return p.err
}

func (s *side) describe() string {
	if s.name == "" {
		return s.label
	}
	return s.label + ": " + s.name
}

// shell runs a line of the shell and waits for it. Its output goes to the log; an error repeats its end.
func (r *runner) shell(ctx context.Context, dir string, env []string, line string) error {
	args := shell(line)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	return r.execute(ctx, cmd, dir, env, nil)
}

// execute runs a command that is not measured: its whole group ends with ctx.
func (r *runner) execute(ctx context.Context, cmd *exec.Cmd, dir string, env []string, stdout io.Writer) error {
	tail := &tailWriter{next: r.options.Log}
	cmd.Dir, cmd.Env = dir, append(worktree.Environment(os.Environ()), env...)
	cmd.Stdout, cmd.Stderr = tail, tail
	if stdout != nil {
		cmd.Stdout = stdout
	}
	ownGroup(cmd)
	cmd.WaitDelay = buildGrace
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		killGroup(cmd)
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay): // a child of it goes on and holds its output
		return nil
	case err != nil:
		return &fault{what: err.Error(), more: tail.last()}
	}
	return nil
}

// fileState tells whether a file has changed.
type fileState struct {
	size int64
	time time.Time
}

// states lists the files of a folder, git's own left out.
func states(dir string) map[string]fileState {
	out := map[string]fileState{}
	_ = walk(dir, func(path string, info fs.FileInfo) error {
		out[path] = fileState{info.Size(), info.ModTime()}
		return nil
	})
	return out
}

// made hashes the files that a build has made or changed.
func made(dir string, before map[string]fileState) (map[string][sha256.Size]byte, error) {
	out := map[string][sha256.Size]byte{}
	err := walk(dir, func(path string, info fs.FileInfo) error {
		if was, found := before[path]; found && was == (fileState{info.Size(), info.ModTime()}) {
			return nil
		}
		f, err := os.Open(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		out[path] = [sha256.Size]byte(h.Sum(nil))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read what the build made: %w", err)
	}
	return out, nil
}

func walk(dir string, visit func(path string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git" && filepath.Dir(path) == dir:
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return visit(rel, info)
	})
}

// same reports whether both sides are the same program: their trees are equal, or their builds made the same bytes and
// nothing but Go source differs, which no program reads.
func (r *runner) same(ctx context.Context, s *policy.Scenario, a, b *side) (bool, error) {
	changed, err := r.trees.sides.Changed(ctx, a.tree, b.tree)
	if err != nil || len(changed) == 0 {
		return err == nil, err
	}
	if !onlySource(changed) {
		return false, nil
	}
	key := s.Dir + "\x00" + s.Build
	x, y := a.built[key], b.built[key]
	return x != nil && y != nil && len(x.files) > 0 && maps.Equal(x.files, y.files), nil
}

// onlySource reports whether all paths are Go source, which is in the binary or of no matter to it.
func onlySource(changed []string) bool {
	for _, path := range changed {
		name := filepath.Base(path)
		source := filepath.Ext(name) == ".go" || name == "go.mod" || name == "go.sum"
		if !source || slices.Contains(strings.Split(path, "/"), "testdata") {
			return false
		}
	}
	return true
}
