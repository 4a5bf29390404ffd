package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	endsAlone = 100 * time.Millisecond // what a command leaves behind may end by itself for so long
	endsHard  = 10 * time.Second       // how long killed processes are awaited
	lookEvery = 20 * time.Millisecond
)

// measurer is one call of Measure.
type measurer struct {
	*tree
	streams *streams
	checks  *checkpoints
	path    string // of the program
	env     []string
}

func measure(ctx context.Context, o MeasureOptions) (m *Measurement, err error) {
	m = &Measurement{Started: time.Now()}
	r := &measurer{tree: newTree(o, m)}
	if r.path, err = findProgram(o.Args[0]); err != nil {
		return nil, startError(o.Args[0], err)
	}
	var problem error
	r.checks, problem = newCheckpoints(o.Checkpoint, r.find)
	r.warn(problem)
	r.group, m.NoCgroup = newCgroup(cgroupBase)
	defer func() {
		m = r.finish(m, err)
	}()
	if r.streams, err = newStreams(o, r.onLine()); err != nil {
		return nil, fmt.Errorf("start %q: %w", o.Args[0], err)
	}
	r.mark = CheckpointEnv + "=" + r.checks.path()
	r.env = environment(append(append(os.Environ(), o.Env...), r.mark))
	r.oom = newOOMWatch(r.group)
	defer adopt()()
	started := make(chan error, 1)
	go r.run(started)
	if err := <-started; err != nil {
		return nil, startError(o.Args[0], err)
	}
	r.attend(ctx)
	return m, nil
}

// findProgram finds the file of a command. Its path is absolute, for the command may start in another folder.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return "", err
	}
	return filepath.Abs(path)
}

// environment keeps the last entry of each name: programs differ in which of two they take.
func environment(entries []string) []string {
	kept := make([]string, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for _, e := range slices.Backward(entries) {
		name, _, ok := strings.Cut(e, "=")
		if ok && name != "" && !seen[name] && !strings.Contains(e, "\x00") {
			seen[name] = true
			kept = append(kept, e)
		}
	}
	slices.Reverse(kept)
	return kept
}

// onLine returns what looks for checkpoints in the output, nil when nobody wants them.
func (r *measurer) onLine() func([]byte) {
	if r.o.CheckpointOn == nil {
		return nil
	}
	names := &lineNames{on: r.o.CheckpointOn, seen: make(map[string]bool)}
	return func(line []byte) {
		if name := names.name(line); name != "" {
			_ = r.checks.reached(Checkpoint{Name: name, Child: r.find(0), Time: time.Now(), From: "output"}) // kept with the checkpoint
		}
	}
}

// run starts the command and follows it, on a thread that it keeps: the kernel tells what happens to the thread that
// traces and kills all when that one ends. So the thread is never given back.
func (r *measurer) run(started chan<- error) {
	runtime.LockOSThread()
	t := newTracer(r.tree)
	if err := r.start(t); err != nil {
		started <- err
		return
	}
	started <- nil
	t.loop()
}

func (r *measurer) start(t *tracer) error {
	why := r.o.NoTrace
	if why == "" {
		why = untraceable(r.path)
	}
	if why == "" {
		pid, err := r.fork(true)
		if err == nil {
			return r.traced(t, pid)
		}
		if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOSYS) {
			return err
		}
		why = fmt.Sprintf("this system does not let heaptop trace a command it starts (%v)", err)
	}
	pid, err := r.fork(false)
	if err != nil {
		return err
	}
	r.untraced(t, pid, why)
	return nil
}

func (r *measurer) fork(trace bool) (int, error) {
	files := make([]uintptr, 3)
	for i, f := range r.streams.command {
		files[i] = f.Fd()
	}
	return syscall.ForkExec(r.path, r.o.Args, &syscall.ProcAttr{
		Dir: r.o.Dir, Env: r.env, Files: files,
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL, Ptrace: trace},
	})
}

// traced takes over the command at its first instruction.
func (r *measurer) traced(t *tracer, pid int) error {
	err := seize(pid)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warn(r.join(pid))
	if err != nil {
		// It is stopped: it goes on without being traced.
		r.begins(t, pid, false)
		r.m.Untraced = fmt.Sprintf("this system does not let heaptop trace a command it starts (%v)", err)
		_ = unix.Kill(pid, unix.SIGCONT)
		return nil
	}
	r.m.Traced = true
	t.first = pid
	p := r.begins(t, pid, true)
	if why := t.tracers.why(pid, p.Name); why != "" {
		r.m.Traced, r.m.Untraced, p.traced = false, why, false
		delete(t.byThread, pid)
		_ = ptrace(unix.PTRACE_DETACH, pid, 0)
		_ = unix.Kill(pid, unix.SIGCONT)
		return nil
	}
	release(pid)
	return nil
}

func (r *measurer) untraced(t *tracer, pid int, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m.Untraced = why
	r.warn(r.join(pid))
	r.begins(t, pid, false)
}

// begins makes the command known and announces it.
func (r *measurer) begins(t *tracer, pid int, traced bool) *process {
	r.m.Root.PID = pid
	p := t.enter(pid, os.Getpid(), filepath.Base(r.path))
	p.traced = traced
	if !traced {
		delete(t.byThread, pid)
	}
	r.became(p)
	r.m.Root = p.Child
	return p
}

// join moves the command into its control group.
func (r *measurer) join(pid int) error {
	if err := r.group.join(pid); err != nil {
		r.m.NoCgroup = fmt.Sprintf("the command could not be moved into its control group: %v", err)
		err := r.group.remove()
		r.group = nil
		return err
	}
	return nil
}

// attend waits for the end, and brings it about when it is time.
func (r *measurer) attend(ctx context.Context) {
	r.streams.begin()
	go r.poll()
	stop := make(chan struct{})
	defer close(stop)
	go r.heed(stop)
	r.m.Cause = r.awaitCommand(ctx)
	if r.m.Cause == EndExited {
		r.leftBehind()
	}
	r.terminate()
}

// heed makes the checkpoints that heaptop itself is asked for.
func (r *measurer) heed(stop <-chan struct{}) {
	for r.o.Checkpoints != nil {
		select {
		case <-stop:
			return
		case name, ok := <-r.o.Checkpoints:
			if !ok {
				return
			}
			_ = r.checks.reached(Checkpoint{Name: cleanName([]byte(name)), Child: r.find(0), Time: time.Now(), From: "signal"}) // kept with the checkpoint
		}
	}
}

// awaitCommand returns why the waiting was over: EndExited stands for all ends of the command's own.
func (r *measurer) awaitCommand(ctx context.Context) End {
	var timeout <-chan time.Time
	if r.o.Timeout > 0 {
		timer := time.NewTimer(r.o.Timeout)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-r.command:
		return EndExited
	case <-timeout:
		return EndTimeout
	case <-ctx.Done():
		return EndInterrupted
	}
}

// leftBehind notes what still runs though the command has ended.
func (r *measurer) leftBehind() {
	select {
	case <-r.over:
	case <-time.After(endsAlone):
		r.discover(true)
		r.m.Left = r.living()
	}
}

// terminate ends what lives: politely, then not. Time and again it looks for what was born meanwhile.
func (r *measurer) terminate() {
	r.discover(true)
	r.signal(unix.SIGTERM)
	grace := time.NewTimer(r.o.Grace)
	defer grace.Stop()
	select {
	case <-r.over:
		return
	case <-grace.C:
	}
	for deadline := time.Now().Add(endsHard); time.Now().Before(deadline); {
		r.discover(true)
		r.signal(unix.SIGKILL)
		select {
		case <-r.over:
			return
		case <-time.After(lookEvery):
		}
	}
}

// finish closes everything, and hands over the result when there is one.
func (r *measurer) finish(m *Measurement, err error) *Measurement {
	if r.streams != nil && err == nil {
		r.warnLocked(r.streams.finish())
	} else if r.streams != nil {
		r.streams.abandon()
	}
	found := r.checks.close()
	if err == nil {
		r.m.PeakCgroup = r.group.peak()
		r.m.Checkpoints, r.m.Phases, r.m.Sessions = found, r.checks.phases, r.checks.sessions
		r.result()
		r.m.Cause = r.cause()
		r.m.Ended = time.Now()
	}
	r.warnLocked(r.group.remove())
	return m
}

func (r *measurer) warnLocked(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warn(err)
}

// cause says how a command ended that was not ended.
func (r *measurer) cause() End {
	if r.m.Cause != EndExited {
		return r.m.Cause
	}
	end, seen := r.m.Exit()
	killed := 0
	for _, e := range r.m.Exits {
		if e.OOM {
			killed = e.PID
		}
	}
	switch {
	case end.OOM, killed != 0 && (end.ExitCode != 0 || !seen):
		return EndOutOfMemory
	case end.Signal != "":
		return EndCrashed
	case !seen || end.ExitCode != 0:
		return EndFailed
	}
	if killed != 0 {
		r.warnLocked(fmt.Errorf("process %d was killed because memory ran out, and the command went on", killed))
	}
	return EndExited
}
