package sampler

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Source opens targets of one sort: processes, pprof endpoints, recordings.
type Source interface {
	// Name is what reports print as target.source, in lower case.
	Name() string
	// Open connects to the target. It returns an error that wraps ErrUnsupported when the target is not of this
	// source's sort, ErrNotFound when there is none, ErrPermission when it may not be read; the message names the
	// next step.
	Open(ctx context.Context, t Target) (Session, error)
}

// Session reads one target. One goroutine uses it at a time; Watcher sees to that.
type Session interface {
	// Read fills s, which it resets first, and reuses the memory of s. An error that wraps ErrGone says that the
	// target has ended and no later Read will succeed; after any other error the next Read may. What of several
	// readings could not be made is a warning in s, not an error.
	Read(ctx context.Context, s *Snapshot) error
	Close() error
}

// Errors a Source or Session wraps so that the caller can decide.
var (
	ErrGone        = errors.New("target has ended")
	ErrStopped     = errors.New("stopped (SIGSTOP, or Ctrl-Z): it does nothing until somebody continues it") // a warning
	ErrUnsupported = errors.New("not supported by this source")
	ErrNotFound    = errors.New("no such target")
	ErrPermission  = errors.New("permission denied")
)

// ofClass is an error of one of the classes above. Its text leaves the words of the class out.
type ofClass struct{ said, class error }

func (e *ofClass) Error() string { return e.said.Error() }

// Unwrap makes errors.Is tell the class, and what the text wraps.
func (e *ofClass) Unwrap() []error { return []error{e.said, e.class} }

// Classed words an error as fmt.Errorf does and gives it a class, such as ErrUnsupported, whose own words would only repeat,
// and less exactly, what was said.
func Classed(class error, format string, args ...any) error {
	return &ofClass{fmt.Errorf(format, args...), class}
}

// Gone says how a target ended, as far as that is known. It wraps ErrGone.
type Gone struct {
	At       time.Time
	ExitCode Reading // of a process that heaptop did not start known from Linux 6.15 on
	Signal   string  // "SIGKILL" where it is known
	OOM      bool    // the kernel killed it for memory, by the events of its cgroup
	Reason   string  // further words: "process id 42 now belongs to another process"
}

// Error tells the end in words.
func (g *Gone) Error() string {
	switch {
	case g.OOM:
		return "killed by the kernel for memory at " + g.At.Format(time.TimeOnly)
	case g.Signal != "":
		return "killed by " + g.Signal + " at " + g.At.Format(time.TimeOnly)
	case g.ExitCode.OK:
		return fmt.Sprintf("exited %d at %s", int(g.ExitCode.Value), g.At.Format(time.TimeOnly))
	case g.Reason != "":
		return "ended at " + g.At.Format(time.TimeOnly) + ": " + g.Reason
	}
	return "ended at " + g.At.Format(time.TimeOnly)
}

// Unwrap makes errors.Is(err, ErrGone) true.
func (g *Gone) Unwrap() error { return ErrGone }

// Info describes what a session watches, for the header and the reports.
type Info struct {
	Target    Target
	PID       int // 0 when the target is no local process
	Name      string
	Command   string
	User      string
	Container string // the short name of its container or cgroup, "" outside one
	Started   time.Time
	Source    string   // the deepest source in use: "agent", "memory", "pprof", "proc"
	GoVersion string   // "go1.26.1"; "" when it is not a Go program or not known
	Opaque    bool     // the program could not be looked into: whether it is a Go program is not known
	Hints     []string // what would show more, each a sentence with the exact step
	Facts     []Fact   // what else is to be known: a server's version, its role; nil where all is said above
}

// Describer is a Session that can say what it watches. The answer may change while the session lives, when a deeper
// source appears.
type Describer interface{ Describe() Info }

// Profile is a profile in pprof's protobuf format, gzipped or plain, as `go tool pprof` opens it.
type Profile struct {
	Time   time.Time
	Took   time.Duration
	Source string
	Data   []byte
}

// HeapProfiler is a Session that can tell which allocation sites hold memory. It may cost the target: ask every 5 s at most.
type HeapProfiler interface {
	HeapProfile(ctx context.Context) (Profile, error)
}

// Frame is one line of a stack.
type Frame struct {
	Function string
	File     string
	Line     int
}

// GoroutineGroup is goroutines with the same stack and state.
type GoroutineGroup struct {
	Count     int
	State     string  // "chan receive", "running"; "" where the source cannot tell
	WaitMin   Reading // seconds the shortest waiting one has waited at least
	WaitMax   Reading // seconds the longest waiting one has waited at least
	Stack     []Frame // innermost first; empty for running ones where the source reads no stack
	CreatedBy Frame
	Start     Frame   // the function the goroutine was started with; empty where the source cannot tell
	Stacks    Reading // bytes that the stacks of all of them take, used or not; unknown where the source cannot tell
}

// Goroutines is the target's goroutines, the largest group first.
type Goroutines struct {
	Time     time.Time
	Took     time.Duration
	Source   string
	Total    int
	Groups   []GoroutineGroup
	Warnings []error
}

// GoroutineProfiler is a Session that can tell what the goroutines do. It may cost the target.
type GoroutineProfiler interface {
	Goroutines(ctx context.Context) (Goroutines, error)
	// GoroutineProfile returns the same as a pprof profile.
	GoroutineProfile(ctx context.Context) (Profile, error)
}

// Collector is a Session that can force a garbage collection in the target. CanCollect says why not, where the
// ability depends on the connection; nil means Collect may be called. A person asks for it, never the program.
type Collector interface {
	CanCollect() error
	Collect(ctx context.Context) error
}

// Mapping is the memory of all mappings of one name: a file, "[heap]", "[stack]", "" for anonymous memory.
type Mapping struct {
	Name    string
	Count   int
	Size    float64 // bytes of address space
	RSS     float64
	PSS     float64
	Private float64
	Anon    float64
	Swap    float64
	Stack   bool // a thread's stack
	Go      bool // memory the Go runtime reserved, by its mapping's name or place
}

// Mappings is the address space of a process, by name.
type Mappings struct {
	Time time.Time
	Took time.Duration
	List []Mapping
}

// Mapper is a Session that can read the address space in detail. It stalls the target for about 20 ms per GiB of
// small pages; ErrBudget is wrapped when the time budget allows no reading yet.
type Mapper interface {
	Mappings(ctx context.Context) (Mappings, error)
}

// ErrBudget says that a reading which costs the target was put off.
var ErrBudget = errors.New("put off to keep the target undisturbed")

// Tuner is a Session that can set GOGC and GOMEMLIMIT of the target and make it return free memory. A person asks for it.
type Tuner interface {
	SetGCPercent(ctx context.Context, percent int) error
	SetMemoryLimit(ctx context.Context, bytes int64) error
	FreeOSMemory(ctx context.Context) error
}

// PeakResetter is a Session that keeps peaks of its own, which `r` starts anew. Nothing is written to the target.
type PeakResetter interface{ ResetPeaks() }

// Output is a Session over a command that heaptop started: its standard output and error, as text.
type Output interface {
	// Log returns the last lines the command wrote, oldest first, and how many older ones were dropped. It is safe for
	// concurrent use. Lines are as written: control characters included.
	Log() (lines []LogLine, dropped int)
}

// LogLine is a line of a started command's output.
type LogLine struct {
	Time   time.Time
	Stderr bool
	Text   string
}
