//go:build unix && !linux

package launch

import "syscall"

// ownGroup puts the command into a process group of its own. These systems have no death signal.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// member is a process of the group. Without /proc the group alone is known, not the processes in it.
type member struct {
	pid   int
	stray bool // never here
}

// members returns the group as one entry while it has a process.
func members(root int) []member {
	if syscall.Kill(-root, 0) == nil {
		return []member{{pid: root}}
	}
	return nil
}

func (m member) alive() bool { return syscall.Kill(-m.pid, 0) == nil }
