//go:build !unix

package launch

import (
	"os"
	"syscall"
)

// ownGroup asks for nothing: this system has no process groups in the sense of Unix.
func ownGroup() *syscall.SysProcAttr { return nil }

// family is the command alone: this system does not tell which processes belong together.
type family struct{ pid int }

func familyOf(root int, running bool) *family {
	if !running {
		return &family{}
	}
	return &family{root}
}

func (f *family) empty() bool { return true }

// signal kills: there is no polite signal here.
func (f *family) signal(os.Signal) { f.kill() }

func (f *family) kill() {
	if f.pid == 0 {
		return
	}
	if p, err := os.FindProcess(f.pid); err == nil {
		p.Kill()
	}
}

func signalOf(*os.ProcessState) string { return "" }
