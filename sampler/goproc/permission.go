package goproc

import (
	"fmt"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// Denied says why a process may not be read and what helps. It wraps sampler.ErrPermission and the kernel's error.
type Denied struct {
	PID    int
	Reason string   // a clause: "it runs as user 1000 and heaptop as user 1001"
	Steps  []string // what helps, each a clause with the exact step, the best first
	Err    error    // the kernel's
}

// Error gives the reason and the steps in one line.
func (d *Denied) Error() string {
	text := "permission denied: " + d.Reason
	if len(d.Steps) > 0 {
		text += "; " + strings.Join(d.Steps, "; or ")
	}
	return text
}

// Unwrap makes errors.Is(err, sampler.ErrPermission) true.
func (d *Denied) Unwrap() []error { return []error{sampler.ErrPermission, d.Err} }

// credentials is what the kernel looks at when one process wants to read another (man 2 ptrace, "Ptrace access mode
// checking"). What could not be found out is unknown.
type credentials struct {
	uids, gids [3]int // the target's real, effective and saved ids
	uid, gid   int    // ours
	known      bool   // whether the target's are known
	caps       uint64 // our effective capabilities
	targetCaps uint64 // what the target is permitted
	undumpable bool
	scope      int // kernel.yama.ptrace_scope; -1 where the kernel has none
	container  bool
}

const capSysPtrace = 1 << 19

// diagnose finds the rule that forbids the reading, in the order in which the kernel asks.
func (c *credentials) diagnose(pid int, err error) *Denied {
	d := &Denied{PID: pid, Err: err}
	switch {
	case c.scope == 3:
		d.Reason = "kernel.yama.ptrace_scope is 3, which forbids reading any process until the next boot"
		d.Steps = c.otherWays()
		return d
	case c.caps&capSysPtrace != 0:
		d.Reason = "CAP_SYS_PTRACE is held, so a security module (AppArmor, SELinux), a seccomp filter or another user namespace forbids it"
		d.Steps = append(d.Steps, "run heaptop outside the container or namespace, as root of the machine")
		d.Steps = append(d.Steps, c.otherWays()...)
		return d
	case c.known && !all(c.uids, c.uid):
		d.Reason = fmt.Sprintf("it runs as user %s and heaptop as user %d", ids(c.uids), c.uid)
	case c.known && !all(c.gids, c.gid):
		d.Reason = fmt.Sprintf("it runs with group %s and heaptop with group %d", ids(c.gids), c.gid)
	case c.undumpable:
		d.Reason = "it is not dumpable: its executable has file capabilities or a set-user-id bit, or it asked the kernel for that"
	case c.targetCaps&^c.caps != 0:
		d.Reason = "it holds capabilities that heaptop does not"
	case c.scope == 2:
		d.Reason = "kernel.yama.ptrace_scope is 2, which lets only CAP_SYS_PTRACE read processes"
	case c.scope == 1:
		d.Reason = "kernel.yama.ptrace_scope is 1, which lets a process be read by its ancestors alone"
		d.Steps = append(d.Steps, "start it with `heaptop -- COMMAND`")
	default:
		d.Reason = "the kernel refused: a security module or a seccomp filter may forbid it"
	}
	if c.uid == 0 {
		d.Reason += ", and root lacks the right CAP_SYS_PTRACE here"
	} else {
		d.Steps = append(d.Steps, fmt.Sprintf("run `sudo heaptop %d`", pid))
	}
	if c.container || c.uid == 0 {
		d.Steps = append(d.Steps, "start the container with --cap-add SYS_PTRACE")
	}
	d.Steps = append(d.Steps, c.otherWays()...)
	return d
}

func (c *credentials) otherWays() []string {
	return []string{"give its pprof endpoint with --pprof URL", "import github.com/alloc-dev/heaptop/sampler/agent into it"}
}

func all(have [3]int, want int) bool {
	return have[0] == want && have[1] == want && have[2] == want
}

func ids(v [3]int) string {
	if all(v, v[0]) {
		return fmt.Sprint(v[0])
	}
	return fmt.Sprintf("%d (effective %d, saved %d)", v[0], v[1], v[2])
}
