package goruntime

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/agent"
)

// CycleSource hands over collections that were learned elsewhere. Trace is one.
type CycleSource interface {
	// Cycles returns those since the last call, oldest first.
	Cycles() []sampler.GCCycle
}

// Options says what is joined. System is needed; the rest may be left out.
type Options struct {
	// System reads what the operating system tells of a process: proc.Source, or one that knows more of a command.
	System sampler.Source
	// Memory reads a Go process from outside; nil when there is no such reader. It is opened for targets of KindProcess.
	Memory sampler.Source
	// Endpoint is a pprof endpoint of the process, as the user named it; "" to look for one.
	Endpoint string
	// Trace has the collections that a started command's gctrace lines tell of. They are used where no deeper source
	// tells of collections.
	Trace CycleSource
	// Root is where the proc file system is; "/proc" when empty.
	Root string
	// Sockets returns where the agent of a process may listen. nil stands for the folders of this user and of the
	// process's user.
	Sockets func(pid int) []string
}

// Source opens Go programs, and processes that turn out to be none: for those it tells what the system tells. It opens
// targets of KindProcess, KindCommand (once it runs), KindEndpoint and KindAgent. It is safe for concurrent use.
type Source struct {
	o        Options
	programs executables
	every    time.Duration // between questions to an endpoint
	rescan   time.Duration // between looks for a deeper source
}

// New returns a Source over what o joins.
func New(o Options) *Source {
	if o.Root == "" {
		o.Root = "/proc"
	}
	if o.Sockets == nil {
		root := o.Root
		o.Sockets = func(pid int) []string { return sockPaths(root, pid) }
	}
	return &Source{o: o, every: askEvery, rescan: askEvery}
}

// Name returns "go".
func (s *Source) Name() string { return "go" }

// Open connects to the deepest source of the target. The session has every ability that sampler names for a Go
// program; what the sources at hand cannot do returns an error that wraps sampler.ErrUnsupported and says what would
// enable it. Its Describe names the source in use.
func (s *Source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %s: %w", t, err)
	}
	j := newSession(s, t)
	var err error
	switch t.Kind {
	case sampler.KindProcess, sampler.KindCommand:
		err = j.openProcess(ctx)
	case sampler.KindEndpoint:
		err = j.openEndpoint(ctx)
	case sampler.KindAgent:
		err = j.openAgent(ctx)
	default:
		err = fmt.Errorf("open %q as a Go program: %w", t, sampler.ErrUnsupported)
	}
	if err != nil {
		return nil, errors.Join(err, j.Close())
	}
	if j.memory != nil && j.endpoint != nil {
		j.endpoint.spare()
	}
	if out, ok := j.system.(sampler.Output); ok {
		return &withOutput{j, out}, nil
	}
	return j, nil
}

// withOutput is the session of a command whose output the system's session keeps.
type withOutput struct {
	*session
	sampler.Output
}

// openProcess joins everything there is for a process id.
func (j *session) openProcess(ctx context.Context) error {
	if err := j.openSystem(ctx, j.target); err != nil {
		return err
	}
	j.program = j.src.programs.of(j.src.o.Root, j.pid)
	j.findAgent(ctx)
	if j.isGo() {
		j.openMemory(ctx)
	}
	switch {
	case j.src.o.Endpoint != "":
		return j.openNamed(ctx)
	case j.isGo():
		j.findEndpoint(ctx)
	}
	return nil
}

// openEndpoint asks a URL, and joins the process behind it when that is on this machine.
func (j *session) openEndpoint(ctx context.Context) error {
	u, err := parsePprofURL(j.target.URL)
	if err != nil {
		return err
	}
	if j.endpoint, err = openEndpoint(ctx, u, j.src.every, http.ProxyFromEnvironment); err != nil {
		return err
	}
	port, ok := u.loopback()
	if !ok {
		j.hint("the operating system's figures, such as RSS, can be read only for a process of this machine")
		return nil
	}
	return j.joinLocal(ctx, owner(ctx, j.src.o.Root, port))
}

// openAgent asks a socket, and joins the process behind it.
func (j *session) openAgent(ctx context.Context) error {
	a, err := openAgent(ctx, j.target.Path, j.target.PID)
	if err != nil {
		return err
	}
	j.agent = a
	pid := int(a.pid.Load())
	if pid == 0 {
		pid = a.info.PID
	}
	return j.joinLocal(ctx, pid)
}

// joinLocal adds what the system and the process's memory tell of the process that was found at the other end. Not to
// know it is no error: the target itself answers.
func (j *session) joinLocal(ctx context.Context, pid int) error {
	if pid == 0 {
		j.hint("heaptop does not see whose process this is: give its process id to see RSS and the other figures of the operating system, with more rights if it is another user's")
		return nil
	}
	if err := j.openSystem(ctx, sampler.Target{Kind: sampler.KindProcess, PID: pid}); err != nil {
		if ctx.Err() != nil {
			return err
		}
		j.hint(fmt.Sprintf("the operating system's figures are missing: %v", err))
		return nil
	}
	j.program = j.src.programs.of(j.src.o.Root, pid)
	if j.agent == nil {
		j.findAgent(ctx)
	}
	j.openMemory(ctx)
	return nil
}

func (j *session) openSystem(ctx context.Context, t sampler.Target) error {
	if j.src.o.System == nil {
		return sampler.Classed(sampler.ErrUnsupported, "open %s: no reader of the operating system", t)
	}
	sys, err := j.src.o.System.Open(ctx, t)
	if err != nil {
		return err
	}
	j.system, j.pid = sys, t.PID
	if d, ok := sys.(sampler.Describer); ok && j.pid == 0 {
		j.pid = d.Describe().PID
	}
	return nil
}

func (j *session) openMemory(ctx context.Context) {
	if j.src.o.Memory == nil {
		return
	}
	m, err := j.src.o.Memory.Open(ctx, sampler.Target{Kind: sampler.KindProcess, PID: j.pid})
	if err != nil {
		j.memoryErr = err
		return
	}
	j.memory = m
}

// sockPaths lists where the agent of a process may listen: in the folder that this user's programs take, and in those
// that the process's own user has.
func sockPaths(root string, pid int) []string {
	paths := []string{agent.SocketPath(pid)}
	info, err := os.Stat(filepath.Join(root, strconv.Itoa(pid)))
	if err != nil {
		return paths
	}
	uid, ok := fileOwner(info)
	if !ok {
		return paths
	}
	for _, base := range []string{filepath.Join("/run/user", strconv.Itoa(uid)), os.TempDir(), "/tmp"} {
		p := agent.SocketPathIn(base, uid, pid)
		if p != paths[0] && (len(paths) < 2 || p != paths[len(paths)-1]) {
			paths = append(paths, p)
		}
	}
	return paths
}
