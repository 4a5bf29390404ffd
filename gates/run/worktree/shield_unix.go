//go:build unix

package worktree

import (
	"os/exec"
	"syscall"
)

// shield gives a command a process group of its own, which a Ctrl-C in the terminal does not reach.
func shield(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
