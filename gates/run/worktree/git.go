package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	gitPatience    = 5 * time.Second // for git to end once it was asked to
	signalPatience = time.Second     // for a signal that ended git to reach us
	maxWords       = 400             // bytes of git's own explanation that an error repeats
)

// ErrUsage says that what the user named is wrong: no such reference, no repository.
var ErrUsage = errors.New("wrong input")

// Usage makes an error that is ErrUsage, without repeating its words.
func Usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

type usageError struct{ err error }

func (u *usageError) Error() string        { return u.err.Error() }
func (u *usageError) Unwrap() error        { return u.err }
func (u *usageError) Is(target error) bool { return target == ErrUsage }

// git runs git in a folder with additions to its environment and returns its output without the last newline.
func git(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	return run(ctx, exec.CommandContext(ctx, "git", append(ownSettings(), args...)...), dir, env, args[0])
}

// gitWhole runs what takes git an instant and of which a half would be left behind: neither the end of ctx nor a Ctrl-C in
// the terminal interrupts it.
func gitWhole(ctx context.Context, dir string, args ...string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	whole, stop := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer stop()
	cmd := exec.CommandContext(whole, "git", append(ownSettings(), args...)...)
	shield(cmd)
	_, err := run(whole, cmd, dir, nil, args[0])
	return err
}

// run runs a command of git, which verb names.
func run(ctx context.Context, cmd *exec.Cmd, dir string, env []string, verb string) (string, error) {
	cmd.Dir = dir
	cmd.Env = append(Environment(os.Environ()), env...)
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = gitPatience
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("compare with another commit: git is not installed: %w", err)
	case err != nil && interrupted(ctx, err):
		return "", context.Cause(ctx)
	case err != nil:
		return "", &gitError{verb: verb, words: explanation(words.String()), err: err}
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// ownSettings are stronger than the user's. No hooks: they may change what is measured. No monitor: it would outlive us. No
// index in two parts: one of them would be written into the repository. No check that line ends come back as they were: the
// files are only read. No submodules: a side has none.
func ownSettings() []string {
	var args []string
	for _, setting := range []string{"core.hooksPath=" + os.DevNull, "core.fsmonitor=false", "core.splitIndex=false", "core.safecrlf=false",
		"submodule.recurse=false", "advice.addEmbeddedRepo=false", "advice.detachedHead=false", "gc.auto=0", "maintenance.auto=false"} {
		args = append(args, "-c", setting)
	}
	return args
}

// interrupted reports whether git was ended by a signal that is meant for us too: Ctrl-C in a terminal reaches both, and
// git may be the first to notice.
func interrupted(ctx context.Context, err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() >= 0 {
		return false
	}
	select {
	case <-ctx.Done():
		return true
	case <-time.After(signalPatience):
		return false
	}
}

// gitError is a git command that did not succeed.
type gitError struct {
	verb  string
	words string
	err   error
}

func (e *gitError) Error() string {
	if e.words == "" {
		return fmt.Sprintf("git %s: %v", e.verb, e.err)
	}
	return fmt.Sprintf("git %s: %s", e.verb, e.words)
}

func (e *gitError) Unwrap() error { return e.err }

// explanation is the first lines of what git said.
func explanation(text string) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	if len(text) > maxWords {
		text = strings.ToValidUTF8(text[:maxWords], "") + "..."
	}
	return text
}

// Environment returns env without the variables by which git is told of another repository than the one of its folder, as
// it is in a hook. Whatever is run in a side gets such an environment.
func Environment(env []string) []string {
	local := []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
		"GIT_COMMON_DIR", "GIT_IMPLICIT_WORK_TREE", "GIT_GRAFT_FILE", "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS", "GIT_QUARANTINE_PATH",
		"GIT_PREFIX", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_INTERNAL_SUPER_PREFIX", "GIT_SHALLOW_FILE"}
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(local, name)
	})
}
