//go:build !unix

package worktree

import "os/exec"

// shield does nothing here: a Ctrl-C reaches all programs of a console.
func shield(*exec.Cmd) {}
