package goruntime

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Describe names the deepest source in use and says what would show more.
func (j *session) Describe() sampler.Info {
	i := sampler.Info{Source: "proc"}
	if d, ok := j.system.(sampler.Describer); ok {
		i = d.Describe()
	}
	i.Target, i.PID = j.target, j.pid
	if i.GoVersion == "" {
		i.GoVersion = j.program.version
	}
	if j.agent != nil {
		i.GoVersion = j.agent.info.GoVersion
		if i.Name == "" {
			i.Name = j.agent.info.Main
		}
	}
	if d, ok := j.memory.(sampler.Describer); ok && i.GoVersion == "" {
		i.GoVersion = d.Describe().GoVersion
	}
	if i.Name == "" && j.endpoint != nil {
		i.Name = j.endpoint.url.base.Host
	}
	switch {
	case j.agent != nil:
		i.Source = "agent"
	case j.memory != nil:
		i.Source = "memory"
	case j.endpoint != nil:
		i.Source = "pprof"
	case j.traced.Number > 0:
		i.Source = "gctrace"
	}
	i.Opaque = i.GoVersion == "" && !j.program.known && j.pid != 0
	i.Hints = append(append([]string(nil), i.Hints...), j.advice()...)
	return i
}

// advice says what would show more of a Go program.
func (j *session) advice() []string {
	out := append([]string(nil), j.hints...)
	if named := j.adviseNamed(); named != "" {
		out = append(out, named)
	}
	if !j.isGo() || j.agent != nil {
		return out
	}
	if j.memoryErr != nil {
		out = append(out, j.memoryErr.Error())
	}
	deep := j.memory != nil || j.endpoint != nil
	switch {
	case !deep && !j.program.known && j.pid != 0:
		if errors.Is(j.program.reason, sampler.ErrPermission) {
			why := opaque(j.pid, os.Geteuid())
			if errors.Is(j.memoryErr, sampler.ErrPermission) && os.Geteuid() == 0 {
				why = "for the same reason" // which is said before, and more exactly
			}
			out = append(out, "whether this is a Go program cannot be read: "+why)
		}
	case j.begins(): // its agent or endpoint may be about to listen
		return out
	case !deep:
		out = append(out, "to see the heap and the collector, "+howEither)
		if j.scan != nil && j.scan.err != nil && j.src.o.Endpoint == "" {
			out = append(out, "no pprof endpoint was looked for: "+j.scan.err.Error())
		}
	default:
		out = append(out, "to set GOGC and GOMEMLIMIT from here, "+howAgent)
	}
	if j.memory != nil && !j.looking() && j.CanCollect() != nil {
		out = append(out, "to force a collection, "+howEither)
	}
	return out
}

// opaque says what helps where a process cannot be looked into, to the user whom uid names: root is one already.
func opaque(pid, uid int) string {
	if uid == 0 {
		return "to be root is not enough here, where CAP_SYS_PTRACE may be missing, or a security module or another user namespace forbids it; " +
			"start the container with --cap-add SYS_PTRACE, or run heaptop outside of it"
	}
	return fmt.Sprintf("run heaptop as the user of process %d, or as root", pid)
}

// beginning is how long a program may take until its agent listens.
const beginning = 2 * time.Second

// begins reports whether the program began so short a time ago that it may be about to listen.
func (j *session) begins() bool {
	d, ok := j.system.(sampler.Describer)
	if !ok {
		return false
	}
	started := d.Describe().Started
	return !started.IsZero() && time.Since(started) < beginning
}

// looking reports whether an endpoint is looked for still for the first time: that there is none cannot be said yet.
func (j *session) looking() bool {
	j.takeEndpoint()
	return j.scan != nil && j.scan.busy && !j.scan.ended
}
