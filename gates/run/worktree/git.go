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
	gitPatience = 5 * time.Second // for git to end once it was asked to
	maxWords    = 400             // bytes of git's own explanation that an error repeats
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
	// No hooks: they may change what is measured. No monitor: it would outlive us.
	args = append([]string{"-c", "core.hooksPath=" + os.DevNull, "-c", "core.fsmonitor=false", "-c", "advice.addEmbeddedRepo=false",
		"-c", "advice.detachedHead=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false"}, args...)
	cmd := exec.CommandContext(ctx, "git", args...)
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
	case err != nil:
		return "", &gitError{args: args[12:], words: explanation(words.String()), err: err}
	}
	return strings.TrimRight(out.String(), "\r\n"), nil
}

// gitError is a git command that did not succeed.
type gitError struct {
	args  []string
	words string
	err   error
}

func (e *gitError) Error() string {
	if e.words == "" {
		return fmt.Sprintf("git %s: %v", e.args[0], e.err)
	}
	return fmt.Sprintf("git %s: %s", e.args[0], e.words)
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
		"GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_CEILING_DIRECTORIES", "GIT_INTERNAL_SUPER_PREFIX", "GIT_SHALLOW_FILE"}
	return slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(local, name)
	})
}
