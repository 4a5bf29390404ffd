package launch

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A main thread that ends is kept from it for a moment, so that the other threads' ends can be awaited while the memory
// can still be found by the process's id: for holdFor, and where all of them are dying, which they may do slowly on a
// busy machine, for holdMax. A process that is heard of before its maker
// waits for it, for bornFor at most. nap is how often that is looked at.
const (
	holdFor = 10 * time.Millisecond
	holdMax = 5 * time.Second
	bornFor = 200 * time.Millisecond
	nap     = 200 * time.Microsecond
)

// threads are those of a process. All of them stop as they end, the last of them with the memory still there.
type threads struct {
	running map[int]bool // has not begun to end
	held    bool         // the main thread stands in its end
	since   time.Time    // of that, and again when the others were found dying
	last    time.Time    // when it is let go in any case
	gone    bool         // the main thread has ended before others
	read    bool         // atExit was done
}

// tracer follows a tree from the one thread that the kernel tells.
type tracer struct {
	*tree
	byThread map[int]*process
	waiting  map[int]*process // whose main thread is held
	early    map[int]birth    // heard of before their makers' stop, which tells how they were made
	tracers  tracers
	first    int // the command, until the signal that released it was taken
}

// birth is the first stop of a process.
type birth struct {
	sig   syscall.Signal
	until time.Time // when it goes on in any case: its maker may have been killed in between
}

func newTracer(t *tree) *tracer {
	return &tracer{tree: t, byThread: make(map[int]*process), waiting: make(map[int]*process), early: make(map[int]birth), tracers: make(tracers)}
}

// loop takes event after event until nothing is left that this thread could wait for. It serves an untraced command,
// too: then its end is the only event.
func (t *tracer) loop() {
	for t.holds() || await() {
		if !t.step() && t.holds() {
			time.Sleep(nap)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.procs {
		if p.traced {
			t.ended(p, -1, 0, nil) // its end was not told
		}
	}
	t.waited = true
	t.check()
}

// holds reports whether something is held that must go on after a time, whatever happens.
func (t *tracer) holds() bool { return len(t.waiting) > 0 || len(t.early) > 0 }

// step takes one event; false when there was none.
func (t *tracer) step() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	tid, status, usage, err := take()
	happened := err == nil && tid != 0
	if happened {
		t.event(tid, status, &usage)
	}
	t.letGo(err != nil && !errors.Is(err, unix.EINTR))
	return happened
}

func (t *tracer) event(tid int, status unix.WaitStatus, usage *unix.Rusage) {
	switch {
	case status.Exited():
		t.died(tid, status.ExitStatus(), 0, usage)
	case status.Signaled():
		t.died(tid, -1, status.Signal(), usage)
	case status.Stopped():
		t.stopped(tid, int(uint32(status)>>16), status.StopSignal())
	}
}

func (t *tracer) stopped(tid, event int, sig syscall.Signal) {
	_, known := t.byThread[tid]
	p := t.belongs(tid)
	if p == nil {
		resume(tid, 0)
		return
	}
	if !known && event == unix.PTRACE_EVENT_STOP && tid == p.PID {
		t.early[tid] = birth{sig, time.Now().Add(bornFor)}
		return // made or letGo resumes it
	}
	switch event {
	case 0:
		if tid == t.first && sig == unix.SIGCONT {
			t.first, sig = 0, 0
		}
		resume(tid, sig)
	case unix.PTRACE_EVENT_STOP:
		t.jobControl(tid, sig)
	case unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK, unix.PTRACE_EVENT_CLONE:
		if child, err := unix.PtraceGetEventMsg(tid); err == nil {
			t.made(p, int(child), event)
		}
		resume(tid, 0)
	case unix.PTRACE_EVENT_EXEC:
		t.execed(p)
	case unix.PTRACE_EVENT_EXIT:
		t.ending(p, tid)
	default:
		resume(tid, 0)
	}
}

// jobControl leaves a process stopped that was stopped by a signal, as it would be untraced. The other stops of this
// kind are the tracer's own.
func (t *tracer) jobControl(tid int, sig syscall.Signal) {
	switch sig {
	case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
		_ = ptrace(unix.PTRACE_LISTEN, tid, 0) // killed meanwhile: its end will tell
	default:
		resume(tid, 0)
	}
}

// belongs finds the process of a thread. One that is not known yet was born a moment ago: its first stop may be told
// before its maker's.
func (t *tracer) belongs(tid int) *process {
	if p, ok := t.byThread[tid]; ok {
		return p
	}
	s, ok := readStatus(tid, &t.buffer)
	if !ok {
		return nil
	}
	if p, ok := t.procs[s.group]; ok && s.group != tid {
		t.joins(p, tid)
		return p
	}
	return t.enter(tid, s.parent, s.name)
}

func (t *tracer) enter(pid, parent int, comm string) *process {
	p := t.add(pid, parent, programName(pid, comm), true)
	p.threads.running = map[int]bool{pid: true}
	t.byThread[pid] = p
	return p
}

func (t *tracer) joins(p *process, tid int) {
	p.threads.running[tid] = true
	t.byThread[tid] = p
}

// made notes what a thread of p has made: a thread of the same process, or a process.
func (t *tracer) made(p *process, tid, event int) {
	if event == unix.PTRACE_EVENT_CLONE && unix.Access(fmt.Sprintf("/proc/%d/task/%d", p.PID, tid), unix.F_OK) == nil {
		if t.byThread[tid] == nil {
			t.joins(p, tid)
		}
		return
	}
	child := t.byThread[tid]
	if child == nil {
		child = t.enter(tid, p.PID, p.Name)
	}
	child.Parent = p.PID
	child.shares = event == unix.PTRACE_EVENT_VFORK && !child.ran
	if b, ok := t.early[tid]; ok {
		delete(t.early, tid)
		t.jobControl(tid, b.sig)
	}
}

// execed notes that a process runs another program, in its main thread alone.
func (t *tracer) execed(p *process) {
	for tid := range p.threads.running {
		delete(t.byThread, tid)
	}
	delete(t.waiting, p.PID)
	p.threads = threads{running: map[int]bool{p.PID: true}}
	t.byThread[p.PID] = p
	t.became(p)
	why := t.tracers.why(p.PID, p.Name)
	if why == "" {
		t.privileges(p)
		resume(p.PID, 0)
		return
	}
	// From here on it is looked at as an untraced one is.
	if err := ptrace(unix.PTRACE_DETACH, p.PID, 0); err != nil {
		return
	}
	p.traced = false
	t.m.Untraced = fmt.Sprintf("%s and what it starts: %s", p.Name, why)
	delete(t.byThread, p.PID)
	if p.PID == t.m.Root.PID {
		t.m.Traced = false
	}
}

// ending is a thread's last stop.
func (t *tracer) ending(p *process, tid int) {
	h := &p.threads
	delete(h.running, tid)
	switch {
	case h.read:
	case len(h.running) == 0 && (tid == p.PID || h.gone):
		h.read = true
		t.atExit(p, tid)
	case tid == p.PID:
		h.held, h.since = true, time.Now()
		h.last = h.since.Add(holdMax)
		t.waiting[tid] = p
		return // letGo resumes it
	}
	resume(tid, 0)
	t.settle(p)
}

// settle ends the waiting for a process's other threads when they have come.
func (t *tracer) settle(p *process) {
	h := &p.threads
	if !h.held || len(h.running) > 0 {
		return
	}
	h.read = true
	t.atExit(p, p.PID)
	t.release(p)
}

// letGo lets main threads end whose other threads go on, and processes begin whose makers say nothing.
func (t *tracer) letGo(all bool) {
	for tid, b := range t.early {
		if all || time.Now().After(b.until) {
			delete(t.early, tid)
			t.jobControl(tid, b.sig)
		}
	}
	for _, p := range t.waiting {
		now := time.Now()
		if !all && now.Sub(p.threads.since) < holdFor {
			continue
		}
		if !all && now.Before(p.threads.last) && t.dying(p) {
			p.threads.since = now
			continue
		}
		if s, ok := readStatus(p.PID, &t.buffer); ok && s.peak.Value > p.peak.Value {
			p.peak = s.peak
		}
		p.threads.gone = true
		t.release(p)
	}
}

// dying reports whether all threads of a process that have not begun to end are about to.
func (t *tracer) dying(p *process) bool {
	for tid := range p.threads.running {
		if !dying(p.PID, tid) {
			return false
		}
	}
	return true
}

func (t *tracer) release(p *process) {
	p.threads.held = false
	delete(t.waiting, p.PID)
	resume(p.PID, 0)
}

// died is the end of a thread; that of the main thread is told last, and is the end of the process.
func (t *tracer) died(tid, code int, sig syscall.Signal, usage *unix.Rusage) {
	p := t.byThread[tid]
	if p == nil {
		p = t.procs[tid] // one that is not traced any more
	}
	delete(t.byThread, tid)
	if p == nil {
		return
	}
	if tid != p.PID {
		delete(p.threads.running, tid)
		t.settle(p)
		return
	}
	for thread := range p.threads.running {
		delete(t.byThread, thread)
	}
	delete(t.waiting, tid)
	delete(t.early, tid)
	t.ended(p, code, sig, usage)
}

// privileges warns of a program that did not get the rights its file grants.
func (t *tracer) privileges(p *process) {
	if unix.Geteuid() == 0 {
		return
	}
	if grants := grantsRights("/proc/" + strconv.Itoa(p.PID) + "/exe"); grants != "" {
		t.warn(fmt.Errorf("%s is a %s program: traced, it runs without those rights; measure it untraced if it needs them", filepath.Base(p.Name), grants))
	}
}
