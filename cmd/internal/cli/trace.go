package cli

import (
	"debug/buildinfo"
	"io"
	"os/exec"
	"strings"

	"github.com/alloc-dev/heaptop/sampler/goruntime"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

// traceVariable is the environment variable by which a Go program is told to write a line for each collection.
const traceVariable = "GODEBUG"

// wantsTrace reports whether a command is a Go program whose memory cannot be read, so that its own words are the only
// way to learn of its collections.
func wantsTrace(command string, readable func(goVersion string) bool) bool {
	path, err := exec.LookPath(command)
	if err != nil {
		return false // starting it will say why
	}
	info, err := buildinfo.ReadFile(path)
	return err == nil && !readable(info.GoVersion)
}

// addTrace has the command write gctrace lines and takes them out of its standard error.
func addTrace(o *launch.Options, getenv func(string) string) goruntime.CycleSource {
	value := "gctrace=1"
	if given := strings.Trim(getenv(traceVariable), ","); given != "" {
		value = given + "," + value
	}
	o.Env = append(o.Env, traceVariable+"="+value)
	source := &lateTrace{}
	o.FilterStderr = func(next io.Writer, packets bool) io.Writer {
		source.Trace = goruntime.NewTrace(next)
		if packets {
			source.Trace = goruntime.NewPacketTrace(next)
		}
		return source
	}
	return source
}

// lateTrace is a Trace that is made when the command's output is connected, before anybody asks for its cycles.
type lateTrace struct{ *goruntime.Trace }
