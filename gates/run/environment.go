package run

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
)

// askPatience is how long git and go are waited for when the environment is described.
const askPatience = 10 * time.Second

// describe says where is measured. What cannot be told stays empty.
func describe(ctx context.Context, dir, name string) gates.Environment {
	e := gates.Environment{Name: name, OS: runtime.GOOS, Arch: runtime.GOARCH, CPUs: runtime.NumCPU(),
		GOGC: os.Getenv("GOGC"), GOMEMLIMIT: os.Getenv("GOMEMLIMIT")}
	e.Kernel, e.CPU, e.MemoryBytes = machine()
	ctx, stop := context.WithTimeout(ctx, askPatience)
	defer stop()
	e.Commit = ask(ctx, dir, "git", "rev-parse", "--verify", "--quiet", "HEAD")
	if e.Commit != "" {
		e.Branch = ask(ctx, dir, "git", "symbolic-ref", "--short", "--quiet", "HEAD")
	}
	e.Go = ask(ctx, dir, "go", "env", "GOVERSION")
	return e
}

// ask runs a tool for one line, "" where there is none.
func ask(ctx context.Context, dir string, args ...string) string {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, worktree.Environment(os.Environ())
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	line := strings.TrimSpace(string(out))
	if err != nil || strings.ContainsAny(line, "\r\n\x00") {
		return ""
	}
	return line
}
