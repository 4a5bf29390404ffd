package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// CheckpointEnv is the environment variable by which a measured program finds heaptop: the path of a unix socket. It is
// set for every measured command, and is what sampler/agent looks for.
const CheckpointEnv = "HEAPTOP_CHECKPOINT"

// MeasureOptions says what to measure and who wants to hear of it. The functions are never called two at a time, but
// Checkpoint, which may take its time and runs beside the others.
type MeasureOptions struct {
	// Args is the command and its arguments. The command is looked up in PATH, a relative path from heaptop's own folder.
	Args []string
	// Dir is the folder the command starts in; "" is heaptop's own.
	Dir string
	// Env is added to heaptop's own environment; a later entry of a name wins.
	Env []string
	// Stdin is the command's input. Nil means the null device. It must not be the terminal: the command is in a process
	// group of its own, which the system stops when it reads from there.
	Stdin io.Reader
	// Stdout and Stderr take the command's output as it comes; nil drops it. They may be the same writer. A writer that
	// returns an error gets nothing more, and the command goes on.
	Stdout, Stderr io.Writer
	// Timeout ends the command, 0 never.
	Timeout time.Duration
	// Grace replaces DefaultGrace between asking a command to end and killing it.
	Grace time.Duration
	// NoTrace, when not empty, says why the command is not to be traced. It is what Measurement.Untraced then says.
	NoTrace string
	// CheckpointOn makes a checkpoint of each line of the standard output that it matches, named after its first group,
	// or after the line where it has none: each name once, and 16 at most. The program is not held: it may have gone on
	// by what it can do between its write and the reading.
	CheckpointOn *regexp.Regexp
	// Checkpoints makes a checkpoint of each name received, for instance when heaptop itself got a signal. Nil is none.
	Checkpoints <-chan string
	// Started hears of a process that is about to run a program, once more for each program it turns into, and of one that
	// was only forked once it has lived for some ten milliseconds. Where the command is traced the process stands still
	// meanwhile, so it must return at once.
	Started func(p Child)
	// AtExit hears of a process that has ended but still has all of its memory, where the command is traced: that of every
	// process, also of those that Started never heard of. It stands still meanwhile: return within milliseconds.
	AtExit func(p Child)
	// Checkpoint hears of a checkpoint. A program that made it by agent.Checkpoint waits until this returns, at most
	// its own limit (a minute). What it returns is kept with the checkpoint, and told to the program.
	Checkpoint func(name string, p Child) error
}

// Child is a process of the command's tree.
type Child struct {
	PID    int
	Parent int // the process that made it
	// Thread is whose memory can be read: PID, unless the main thread ended before others did.
	Thread  int
	Name    string    // of the program, as the system has it: whatever the program's file is called
	Started time.Time // the program in it, not the process
}

// Exit is how a process ended, or how it became another program.
type Exit struct {
	Child
	// PeakRSS is the most memory the program ever had resident, in bytes: the kernel's own high-water mark, which misses
	// nothing, where Exact. Otherwise it is the mark when it was last looked at: so it is for the untraced, and for a command
	// whose main thread turns it into another program, unless the mark was above heaptop's own.
	PeakRSS  sampler.Reading
	Exact    bool
	ExitCode int    // -1 when a signal ended it, or when its end was not seen
	Signal   string // that ended it, as "SIGKILL"; "" otherwise
	Replaced bool   // it has not ended but runs another program now: this was the one before
	OOM      bool   // the system killed it because memory ran out
	Ended    time.Time
}

// End says why a measurement was over.
type End string

// The ends of a measurement.
const (
	EndExited      End = "exited"        // by itself, with code 0
	EndFailed      End = "failed"        // by itself, with another code
	EndCrashed     End = "crashed"       // by a signal that heaptop has not sent
	EndOutOfMemory End = "out of memory" // the system killed it, or one of its children, which it reported as a failure
	EndTimeout     End = "timed out"     // it took longer than the timeout, and was ended
	EndInterrupted End = "interrupted"   // the context was over, and it was ended
)

// Share is one process's part of a sum.
type Share struct {
	Child
	RSS float64 // bytes
}

// TreePeak is the largest sum of the resident memory of all processes of the tree that was seen at one time. Pages that
// they share are counted for each. It is sampled: a sum between two looks is missed.
type TreePeak struct {
	Sum       sampler.Reading // bytes
	At        time.Time
	Processes []Share // largest first, at most 16
}

// Measurement is what was found out about a command.
type Measurement struct {
	Root    Child // the command as it was started
	Started time.Time
	Ended   time.Time
	Cause   End
	// Exits are the ends of all processes in their order, the command's own among them. At most 4,096 are kept, those
	// with the largest peaks; Dropped counts the others.
	Exits   []Exit
	Dropped int
	// Traced says that every process was followed and read at its end. Where it was not, Untraced says why. Both can be:
	// a part of the tree was left alone.
	Traced   bool
	Untraced string
	// MaxRSS is, for an untraced command, what the kernel says of the largest process among the command and those it
	// waited for (ru_maxrss). A process starts with its parent's peak there, so it is unknown unless it is above
	// heaptop's own.
	MaxRSS   sampler.Reading
	PeakTree TreePeak
	// PeakCgroup is the most memory that was charged to the command's own cgroup, page cache included. NoCgroup says why
	// there is none.
	PeakCgroup sampler.Reading
	NoCgroup   string
	// Checkpoints in their order, at most 1,024.
	Checkpoints []Checkpoint
	// Phases are those that the programs said they were in, by time, at most 1,024.
	Phases []Phase
	// Sessions is how many the programs said last that they serve; 0 where none said so.
	Sessions int
	// Left are the processes that still ran when the command had ended by itself. They were ended.
	Left     []Child
	Warnings []error
}

// Checkpoint is a point that the program, its output or a person marked.
type Checkpoint struct {
	Name  string
	Child Child
	Time  time.Time
	From  string // "program", "output" or "signal"
	// Samples are what the program's own runtime said, for a checkpoint of the program. Its live heap was read
	// after collections that were forced for it.
	Samples []sampler.Sample
	Err     error // what the callback returned, or why there are no samples
}

// Phase is what a program said it is doing from a time on.
type Phase struct {
	Name  string
	Child Child
	Time  time.Time // by the program's word, within the measurement
}

// Exit returns the end of the command itself. ok is false when it was not seen.
func (m *Measurement) Exit() (e Exit, ok bool) {
	for i := len(m.Exits) - 1; i >= 0; i-- {
		if m.Exits[i].PID == m.Root.PID && !m.Exits[i].Replaced {
			return m.Exits[i], true
		}
	}
	return Exit{}, false
}

// Largest returns the process with the largest peak. For an untraced command whose largest process was not seen, it is
// the command itself with MaxRSS for its peak. ok is false when no peak is known.
func (m *Measurement) Largest() (e Exit, ok bool) {
	for _, x := range m.Exits {
		if x.PeakRSS.OK && (!ok || x.PeakRSS.Value > e.PeakRSS.Value) {
			e, ok = x, true
		}
	}
	if m.MaxRSS.OK && (!ok || m.MaxRSS.Value > e.PeakRSS.Value) {
		e, _ = m.Exit()
		e.Child, e.PeakRSS, e.Exact, ok = m.Root, m.MaxRSS, true, true
	}
	return e, ok
}

// Measure starts a command, follows it and all of its descendants until the last has ended, and returns what it found.
// When the context is over, or the timeout, the whole tree is asked to end (SIGTERM) and after the grace killed; a tree
// whose command has ended by itself likewise. Nothing of it is left afterwards, and a measurement is returned all the
// same. An error means that the command did not run: it wraps sampler.ErrNotFound when there is no such command and
// sampler.ErrPermission when it may not be executed.
//
// On Linux the command is traced (ptrace) from its first instruction. It is stopped only when a process starts, turns
// into another program, gets a signal, or ends: never by what it does otherwise. Signals reach it unchanged. Measure may
// be used by several goroutines at once.
func Measure(ctx context.Context, o MeasureOptions) (*Measurement, error) {
	if len(o.Args) == 0 || o.Args[0] == "" {
		return nil, fmt.Errorf("start command: no command is given: %w", sampler.ErrNotFound)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start %q: %w", o.Args[0], err)
	}
	if o.Timeout < 0 || o.Grace < 0 {
		return nil, errors.New("start command: a timeout or grace below zero")
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	return measure(ctx, o)
}
