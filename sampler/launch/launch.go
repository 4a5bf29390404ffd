// Package launch starts the command that heaptop is asked to watch, keeps what it writes, says exactly how it ended,
// and sees to it that nothing of it is left when heaptop ends.
//
// The command gets a process group of its own, so that a Ctrl-C meant for heaptop does not reach it twice and so that
// the whole group can be ended at once. It never gets the terminal as its input: a background group that reads from
// the terminal is stopped by the kernel, which would look like a hang. On Linux the kernel kills the command when
// heaptop dies without a chance to do it.
//
// Start leaves the process alone, to be watched as any other is. Measure follows it and everything it starts, and reads
// each process at its end, when its peak and its totals are final. On Linux that is done by ptrace, which tells of
// starts, programs and ends as they happen: a poll would miss what lives or peaks between two looks, and ru_maxrss,
// which a parent is told, starts at heaptop's own peak. The price is a stop for each of those events and for each
// signal: a third of a millisecond for a program started, some ten microseconds for a signal. Nothing is stopped by
// what it does otherwise, and job control and signals work as without. What cannot be traced (a debugger, a program that
// would lose its set-user-id rights, a system that forbids it) runs untraced, is polled, and that is said.
//
// It does not read what a Go runtime knows: the caller does, in the callback in which the memory of an ended process is
// still there. Start does not follow daemons that leave both the group and the family of the command; a shell would not
// either. Measure does, and ends them.
package launch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// DefaultGrace is how long Stop waits between asking a command to end and killing it.
const DefaultGrace = 3 * time.Second

// outputDelay is how long the output of a command that has ended is still awaited, where a child of it keeps the pipe open.
const outputDelay = 300 * time.Millisecond

// Options says what to start and where its output goes.
type Options struct {
	// Args is the command and its arguments. The command is looked up in PATH.
	Args []string
	// Dir is the folder it is started in, "" for heaptop's own.
	Dir string
	// Env is added to heaptop's own environment; a later entry of a name wins.
	Env []string
	// Stdin is the command's input. Nil means the null device.
	Stdin *os.File
	// Output receives what the command writes on both streams. Nil keeps it in the log instead, see Log.
	Output io.Writer
	// FilterStderr, when set, is asked once for a writer that takes the standard error on its way to next. packets says
	// that each call of its Write is one write of the command, as on Linux, unless that was longer than 4,096 bytes.
	// When the command has ended, the writer is closed if it is an io.Closer, so that it can pass on what it still holds.
	FilterStderr func(next io.Writer, packets bool) io.Writer
	// Grace replaces DefaultGrace.
	Grace time.Duration
}

// Process is a command that was started. Its methods are safe for concurrent use.
type Process struct {
	cmd    *exec.Cmd
	grace  time.Duration
	log    *log
	done   chan struct{} // closed once end is set
	end    sampler.Gone
	filter *filter // nil without FilterStderr
	stop   sync.Mutex
}

// Start starts the command. The error wraps sampler.ErrNotFound when there is no such command and
// sampler.ErrPermission when it may not be executed.
func Start(o Options) (*Process, error) {
	if len(o.Args) == 0 || o.Args[0] == "" {
		return nil, fmt.Errorf("start command: no command is given: %w", sampler.ErrNotFound)
	}
	p := &Process{grace: o.Grace, log: newLog(), done: make(chan struct{})}
	if p.grace <= 0 {
		p.grace = DefaultGrace
	}
	p.cmd = exec.Command(o.Args[0], o.Args[1:]...)
	p.cmd.Dir, p.cmd.Env = o.Dir, append(os.Environ(), o.Env...)
	p.cmd.WaitDelay = outputDelay
	p.cmd.SysProcAttr = ownGroup()
	if o.Stdin != nil {
		p.cmd.Stdin = o.Stdin
	}
	if err := p.connect(o); err != nil {
		return nil, fmt.Errorf("start %q: %w", o.Args[0], err)
	}
	started := make(chan error, 1)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, startError(o.Args[0], err)
	}
	return p, nil
}

// connect sets where the command's output goes.
func (p *Process) connect(o Options) error {
	out, errs := o.Output, o.Output
	if o.Output == nil {
		out, errs = p.log.writer(false), p.log.writer(true)
	} else if _, isFile := o.Output.(*os.File); !isFile {
		// Two goroutines copy, one a stream.
		shared := &lockedWriter{w: o.Output}
		out, errs = shared, shared
	}
	p.cmd.Stdout, p.cmd.Stderr = out, errs
	if o.FilterStderr == nil {
		return nil
	}
	f, err := newFilter(o.FilterStderr(errs, packets))
	if err != nil {
		return err
	}
	p.filter, p.cmd.Stderr = f, f.command
	return nil
}

// run starts the command and waits for it on one thread that it keeps: Linux sends the death signal when the thread
// that started the command ends, not when the process does.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	if err := p.cmd.Start(); err != nil {
		p.filter.abandon()
		started <- err
		return
	}
	p.filter.begin()
	started <- nil
	err := p.cmd.Wait()
	p.filter.finish()
	p.log.flush()
	p.end = gone(p.cmd.ProcessState, err, time.Now())
	close(p.done)
}

func gone(state *os.ProcessState, err error, at time.Time) sampler.Gone {
	g := sampler.Gone{At: at}
	switch {
	case state == nil:
		g.Reason = fmt.Sprintf("its end could not be read: %v", err)
	case signalOf(state) != "":
		g.Signal = signalOf(state)
	default:
		g.ExitCode = sampler.Known(float64(state.ExitCode()))
	}
	return g
}

func startError(name string, err error) error {
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("start %q: no such command in PATH or at that path: %w", name, sampler.ErrNotFound)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("start %q: this user may not execute the file: %w", name, sampler.ErrPermission)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("start %q: %w (not a program of this system, or a script without #!)", name, err)
	}
	return fmt.Errorf("start %q: %w", name, err)
}

// PID returns the process id of the command, which is also the id of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the command has ended and all of its output that came in time has been taken.
func (p *Process) Done() <-chan struct{} { return p.done }

// Gone tells how the command ended: its exit code or the signal that killed it. It returns nil while it runs.
func (p *Process) Gone() *sampler.Gone {
	select {
	case <-p.done:
		g := p.end
		return &g
	default:
		return nil
	}
}

// Log returns the last lines the command wrote, oldest first, and how many older ones were dropped. It is empty when
// Options.Output took them.
func (p *Process) Log() (lines []sampler.LogLine, dropped int) { return p.log.lines() }

// Stop ends the command and what is left of its group and its family: it sends sig (SIGTERM when sig is nil), waits at
// most the grace for them to end, kills what remains, and returns when the command has ended. A command that ended by
// itself leaves only its children to be ended.
func (p *Process) Stop(sig os.Signal) {
	p.stop.Lock()
	defer p.stop.Unlock()
	family := familyOf(p.PID(), p.Gone() == nil)
	if p.Gone() != nil && family.empty() {
		return
	}
	family.signal(sig)
	deadline := time.Now().Add(p.grace)
	for (p.Gone() == nil || !family.empty()) && time.Now().Before(deadline) {
		select {
		case <-p.done:
			time.Sleep(10 * time.Millisecond)
		case <-time.After(20 * time.Millisecond):
		}
	}
	family.kill()
	<-p.done
}

// Kill kills the command and its family at once, also while Stop waits.
func (p *Process) Kill() {
	familyOf(p.PID(), p.Gone() == nil).kill()
	<-p.done
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}
