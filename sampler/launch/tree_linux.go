package launch

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// What is kept of a tree at most: a build may start a million processes.
const (
	maxExits  = 4096
	maxShares = 16
)

// slack is how far the kernel's marks of one process may lie apart: each processor keeps up to a batch of pages of each
// of three kinds to itself before it adds them to the count that the mark is taken from.
func slack() float64 {
	cpus := runtime.NumCPU()
	return float64(3 * cpus * max(32, 2*cpus) * os.Getpagesize())
}

// process is one that lives.
type process struct {
	Child
	born      string // its start time as the kernel has it, which tells it from a later one of the same id
	program   int    // counts the programs it has been
	ran       bool   // it runs a program of its own, and is not only a copy of its parent
	shares    bool   // it was made by vfork and uses its parent's memory
	announced bool
	seen      time.Time
	peak      sampler.Reading // of this program, as last seen
	exact     bool
	killed    bool // by heaptop
	traced    bool
	threads   threads
}

// tree is the command and its descendants. Everything in it is guarded by mu, which is also held while a process is
// reaped and while one is sent a signal, so that no signal goes to a stranger that was given the id.
type tree struct {
	mu       sync.Mutex
	o        MeasureOptions
	m        *Measurement
	procs    map[int]*process
	exits    []Exit
	largest  float64 // of all exits
	killing  bool    // everything is to die, also what is not born yet
	oom      *oomWatch
	group    *ownCgroup    // nil when there is none
	mark     string        // "NAME=value" in the environment of every process
	command  chan struct{} // closed when the command itself has ended
	waited   bool          // the thread that waits has nothing left to wait for
	over     chan struct{} // closed when nothing is left
	buffer   []byte
	warnings map[string]bool
}

func newTree(o MeasureOptions, m *Measurement) *tree {
	return &tree{o: o, m: m, procs: make(map[int]*process), command: make(chan struct{}), over: make(chan struct{}), warnings: make(map[string]bool)}
}

// warn keeps a warning, once.
func (t *tree) warn(err error) {
	if err != nil && !t.warnings[err.Error()] && len(t.warnings) < 64 {
		t.warnings[err.Error()] = true
		t.m.Warnings = append(t.m.Warnings, err)
	}
}

// add makes a new process known.
func (t *tree) add(pid, parent int, name string, traced bool) *process {
	now := time.Now()
	p := &process{
		Child:  Child{PID: pid, Parent: parent, Thread: pid, Name: name, Started: now},
		seen:   now,
		traced: traced,
	}
	if s, ok := readStat(pid); ok {
		p.born = s.started
	}
	t.procs[pid] = p
	if t.killing {
		t.kill(p, unix.SIGKILL)
	}
	return p
}

// announce tells the caller of a program that has begun.
func (t *tree) announce(p *process) {
	p.announced = true
	if t.o.Started != nil {
		t.o.Started(p.Child)
	}
}

// became notes that the process runs another program from now on.
func (t *tree) became(p *process) {
	if p.ran {
		t.keep(Exit{Child: p.Child, PeakRSS: p.peak, ExitCode: -1, Replaced: true, Ended: time.Now()})
	}
	if s, ok := readStatus(p.PID, &t.buffer); ok {
		p.Name = programName(p.PID, s.name)
	}
	p.program++
	p.ran, p.shares, p.exact, p.peak = true, false, false, sampler.Reading{}
	p.Thread, p.Started = p.PID, time.Now()
	t.announce(p)
}

// atExit reads the process whose thread is the last to have its memory.
func (t *tree) atExit(p *process, thread int) {
	if p.shares {
		return
	}
	p.Thread = thread
	if s, ok := readStatus(thread, &t.buffer); ok && s.peak.OK {
		// The larger of both: what was seen is exact, while the mark was set by a count that lags behind.
		p.peak, p.exact = sampler.Known(max(s.peak.Value, p.peak.Value)), true
	}
	if t.o.AtExit != nil {
		t.o.AtExit(p.Child)
	}
}

// ended notes the end of a process that was waited for. usage is nil where it was not.
func (t *tree) ended(p *process, code int, sig syscall.Signal, usage *unix.Rusage) {
	e := Exit{Child: p.Child, PeakRSS: p.peak, Exact: p.exact, ExitCode: code, Ended: time.Now()}
	if sig != 0 {
		e.Signal = signalName(sig)
		e.OOM = sig == unix.SIGKILL && !p.killed && t.oom.killed()
	}
	delete(t.procs, p.PID)
	if usage != nil && p.traced {
		t.unseen(p, usage)
	}
	if !p.shares {
		t.keep(e)
	}
	if p.PID == t.m.Root.PID {
		if usage != nil && !p.traced {
			t.m.MaxRSS = aboveFloor(float64(usage.Maxrss)*1024, t.floor())
		}
		close(t.command)
	}
	t.check()
}

// unseen finds a program that was larger than what was read of any, by what the kernel remembers of the whole
// process: one whose main thread turns it into another program is gone before it can be read.
func (t *tree) unseen(p *process, usage *unix.Rusage) {
	largest := float64(usage.Maxrss) * 1024
	if largest <= max(p.peak.Value, t.largest)+slack() {
		return
	}
	if p.PID == t.m.Root.PID && largest <= t.floor()+slack() {
		return // it began as a copy of heaptop
	}
	for _, q := range t.procs {
		if s, ok := readStatus(q.PID, &t.buffer); ok && s.peak.OK && largest <= s.peak.Value+slack() {
			return // it began as a copy of that one
		}
	}
	for i := len(t.exits) - 1; i >= 0; i-- {
		if e := &t.exits[i]; e.PID == p.PID && e.Replaced {
			e.PeakRSS, e.Exact = sampler.Known(largest), true
			t.largest = max(t.largest, largest)
			return
		}
	}
	t.keep(Exit{
		Child:   Child{PID: p.PID, Parent: p.Parent, Thread: p.PID, Name: p.Name, Started: p.seen},
		PeakRSS: sampler.Known(largest), Exact: true, ExitCode: -1, Replaced: true, Ended: p.Started,
	})
}

// floor is heaptop's own peak, which the kernel counts for what it starts.
func (t *tree) floor() float64 {
	s, _ := readStatus(syscall.Getpid(), &t.buffer)
	return s.peak.Value
}

// aboveFloor is a peak that says something of the process itself.
func aboveFloor(peak, floor float64) sampler.Reading {
	if peak <= floor+slack() {
		return sampler.Reading{}
	}
	return sampler.Known(peak)
}

// keep keeps an end. When there are too many, the smaller half goes.
func (t *tree) keep(e Exit) {
	t.exits = append(t.exits, e)
	t.largest = max(t.largest, e.PeakRSS.Value)
	if len(t.exits) >= 2*maxExits {
		t.thin()
	}
}

func (t *tree) thin() {
	if len(t.exits) <= maxExits {
		return
	}
	peaks := make([]float64, len(t.exits))
	for i, e := range t.exits {
		peaks[i] = e.PeakRSS.Value
	}
	slices.Sort(peaks)
	limit, room := peaks[len(peaks)-maxExits], maxExits
	kept := t.exits[:0]
	for i := range t.exits {
		e := t.exits[i]
		if e.PID == t.m.Root.PID || e.PeakRSS.Value >= limit && room > 0 {
			kept = append(kept, e)
			room--
		} else {
			t.m.Dropped++
		}
	}
	t.exits = kept
}

// check closes over once nothing is left.
func (t *tree) check() {
	if !t.waited || len(t.procs) > 0 {
		return
	}
	select {
	case <-t.over:
	default:
		close(t.over)
	}
}

// kill sends a process a signal. The caller holds the lock.
func (t *tree) kill(p *process, sig syscall.Signal) {
	if !p.traced && p.PID != t.m.Root.PID {
		if s, ok := readStat(p.PID); !ok || s.started != p.born {
			return
		}
	}
	p.killed = true
	_ = unix.Kill(p.PID, sig) // it may have ended a moment ago, which is what is wanted
}

// signal sends all processes a signal. With SIGKILL it stays so: whatever is born is killed.
func (t *tree) signal(sig syscall.Signal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.killing = t.killing || sig == unix.SIGKILL
	for _, p := range t.procs {
		t.kill(p, sig)
	}
}

// living returns the processes that live, by their ids.
func (t *tree) living() []Child {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Child
	for _, p := range t.procs {
		all = append(all, p.Child)
	}
	slices.SortFunc(all, func(a, b Child) int { return cmp.Compare(a.PID, b.PID) })
	return all
}

// find returns the living process of an id; the command itself when it is unknown.
func (t *tree) find(pid int) Child {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.procs[pid]; ok {
		return p.Child
	}
	return t.m.Root
}

// result hands over what was collected. A process that could not be ended is named.
func (t *tree) result() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.procs {
		t.warn(fmt.Errorf("process %d (%s) could not be ended: it hangs inside the kernel", p.PID, p.Name))
	}
	t.thin()
	t.m.Exits = slices.Clone(t.exits)
}
