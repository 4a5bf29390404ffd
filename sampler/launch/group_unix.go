//go:build unix

package launch

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// family is the command's process group and those of its descendants that left the group.
type family struct {
	group  int
	reused bool // the id of the ended command belongs to another process now: the group is not ours any more
	known  []member
}

// familyOf finds the family of the command root. Once the command has ended and was waited for, its id may be given to
// another process; a process of that id then means that the group is somebody else's.
func familyOf(root int, running bool) *family {
	f := &family{group: root}
	if !running && syscall.Kill(root, 0) == nil {
		f.reused = true
		return f
	}
	f.known = members(root)
	return f
}

// empty reports whether no process of the family lives.
func (f *family) empty() bool {
	if f.reused {
		return true
	}
	for _, m := range f.known {
		if m.alive() {
			return false
		}
	}
	return len(members(f.group)) == 0
}

func (f *family) signal(sig os.Signal) {
	s, ok := sig.(syscall.Signal)
	if !ok {
		s = syscall.SIGTERM
	}
	f.send(s)
}

func (f *family) kill() { f.send(syscall.SIGKILL) }

// send ignores errors: the receiver may have ended a moment ago, which is what is wanted.
func (f *family) send(s syscall.Signal) {
	if f.reused {
		return
	}
	_ = syscall.Kill(-f.group, s)
	// Once each: many programs take a second signal as the wish to end at once.
	sent := make(map[int]bool)
	for _, m := range append(f.known, members(f.group)...) {
		if m.stray && !sent[m.pid] && m.alive() {
			sent[m.pid] = true
			_ = syscall.Kill(m.pid, s)
		}
	}
}

// signalOf names the signal that ended the process, "" when it exited.
func signalOf(state *os.ProcessState) string {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return ""
	}
	return signalName(status.Signal())
}

// signalName is "SIGKILL", or "signal 35" for one that has no name.
func signalName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", int(sig))
}
