package launch

import (
	"cmp"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// How often the tree is looked at: often at first, later less, and never for more than a hundredth of one processor.
const (
	earlyEvery = 5 * time.Millisecond
	earlyFor   = 2 * time.Second
	laterEvery = 25 * time.Millisecond
	costFactor = 100
	leastEvery = 250 * time.Millisecond // on a machine so busy that a look takes long
	forkedFor  = 10 * time.Millisecond  // a process that has run nothing of its own for so long is announced
)

// poll looks at the tree until nothing is left of it.
func (t *tree) poll() {
	began := time.Now()
	var buffer []byte
	for {
		start := time.Now()
		t.discover(false)
		t.look(&buffer)
		every := laterEvery
		if start.Sub(began) < earlyFor {
			every = earlyEvery
		}
		select {
		case <-t.over:
			return
		case <-time.After(min(max(every, costFactor*time.Since(start)), leastEvery)):
		}
	}
}

// seen is one process at one look.
type seen struct {
	p       *process
	program int
	status  status
	ok      bool
}

// look reads all processes, without the lock, and keeps the largest sum.
func (t *tree) look(buffer *[]byte) {
	t.mu.Lock()
	list := make([]seen, 0, len(t.procs))
	for _, p := range t.procs {
		list = append(list, seen{p: p, program: p.program})
	}
	t.mu.Unlock()
	for i := range list {
		list[i].status, list[i].ok = readStatus(list[i].p.PID, buffer)
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum float64
	shares := make([]Share, 0, len(list))
	for _, s := range list {
		if t.procs[s.p.PID] != s.p || !s.ok || s.p.program != s.program || s.p.shares {
			continue
		}
		t.saw(s.p, s.status, now)
		if s.status.resident.OK {
			sum += s.status.resident.Value
			shares = append(shares, Share{Child: s.p.Child, RSS: s.status.resident.Value})
		}
	}
	if sum > t.m.PeakTree.Sum.Value {
		slices.SortFunc(shares, func(a, b Share) int { return cmp.Compare(b.RSS, a.RSS) })
		t.m.PeakTree = TreePeak{Sum: sampler.Known(sum), At: now, Processes: shares[:min(len(shares), maxShares)]}
	}
}

// saw takes what one look told of a process.
func (t *tree) saw(p *process, s status, now time.Time) {
	if !p.traced && t.changed(p, s) {
		t.became(p)
	}
	if s.peak.OK && s.peak.Value > p.peak.Value && !p.exact {
		p.peak = s.peak
	}
	if !p.announced && now.Sub(p.seen) >= forkedFor {
		t.announce(p)
	}
}

// changed reports whether an untraced process runs another program than before: its name changed, or its mark fell
// further than the kernel's way of counting explains.
func (t *tree) changed(p *process, s status) bool {
	if len(s.name) < commLength && s.name != p.Name {
		return true
	}
	return s.peak.OK && p.peak.OK && s.peak.Value < p.peak.Value-slack()
}

// discover finds the processes that nobody tells of: those of an untraced command, or of a part that had to be let go.
// Thoroughly means all that carry the command's mark, not only the descendants.
func (t *tree) discover(thoroughly bool) {
	t.mu.Lock()
	var roots []*process
	for _, p := range t.procs {
		if !p.traced {
			roots = append(roots, p)
		}
	}
	alone := t.m.Untraced != ""
	t.mu.Unlock()
	if !alone {
		return
	}
	var found []int
	for _, p := range roots {
		made, ok := children(p.PID)
		if !ok {
			for _, m := range members(p.PID) {
				made = append(made, m.pid)
			}
		}
		found = append(found, made...)
	}
	found = append(found, t.group.processes()...)
	found = append(found, t.marked(thoroughly)...)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pid := range found {
		t.met(pid)
	}
	for _, p := range t.procs {
		t.missed(p)
	}
}

// met takes in a process that was found.
func (t *tree) met(pid int) {
	if t.procs[pid] != nil || pid == syscall.Getpid() {
		return
	}
	s, ok := readStatus(pid, &t.buffer)
	if at, alive := readStat(pid); !ok || !alive || at.zombie {
		return
	}
	t.add(pid, s.parent, programName(pid, s.name), false)
}

// missed notes the end of an untraced process. One that was left to heaptop by its parent's death is reaped.
func (t *tree) missed(p *process) {
	if p.traced || p.PID == t.m.Root.PID {
		return
	}
	s, ok := readStat(p.PID)
	if ok && s.started == p.born && !s.zombie {
		return
	}
	code, sig := -1, syscall.Signal(0)
	if ok && s.zombie && s.ppid == syscall.Getpid() {
		var status unix.WaitStatus
		if pid, err := unix.Wait4(p.PID, &status, unix.WNOHANG, nil); err == nil && pid == p.PID {
			if status.Signaled() {
				sig = status.Signal()
			} else {
				code = status.ExitStatus()
			}
		}
	}
	t.ended(p, code, sig, nil)
}

// marked finds processes by the mark in their environment: those that were left to heaptop, and if thoroughly all.
func (t *tree) marked(thoroughly bool) []int {
	candidates, _ := children(syscall.Getpid())
	if thoroughly {
		candidates = allProcesses()
	}
	var found []int
	for _, pid := range candidates {
		t.mu.Lock()
		known := t.procs[pid] != nil
		t.mu.Unlock()
		if !known && pid != syscall.Getpid() && carries(pid, t.mark) {
			found = append(found, pid)
		}
	}
	return found
}
