package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/alloc-dev/heaptop/sampler"
)

// session watches one process.
type session struct {
	host   *host
	target sampler.Target
	pid    int
	start  uint64 // ticks after boot: with pid it identifies the process
	page   float64
	dir    int // descriptor of /proc/PID
	seen   witness

	stat, statm, status, rollup file
	fds                         fdCounter
	rollupBudget, smapsBudget   budget
	heap                        []sampler.Range // where the target's Go heap lies, as we were told
	cgroup                      cgroupReader
	tree                        tree
	machine                     machine
	peak                        peaks

	identifier *identifier
	identity   identity
	asking     asking
	comm       []byte
	uid        sampler.Reading
	kernel     bool
	buf        []byte
	noMemory   error // kept, for a process without an address space
	stopped    error // kept, for a process that stands still
	gone       error
}

// open begins to watch t.PID.
func open(_ context.Context, o Options, t sampler.Target) (sampler.Session, error) {
	h, err := openHost(o)
	if err != nil {
		return nil, err
	}
	s := &session{host: h, target: t, pid: t.PID, page: float64(os.Getpagesize()), buf: make([]byte, firstBuffer)}
	if err := s.openProcess(); err != nil {
		h.close()
		return nil, err
	}
	return s, nil
}

func (s *session) openProcess() error {
	base := s.host.path(fmt.Sprint(s.pid))
	dir, err := unix.Open(base, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return s.explainOpen(err)
	}
	s.dir, s.seen = dir, -1
	if s.host.real {
		s.seen = openWitness(s.pid)
	}
	s.stat = openFile(dir, "stat", base+"/stat")
	s.status = openFile(dir, "status", base+"/status")
	if err := s.identify(); err != nil {
		s.stat.close()
		s.status.close()
		s.seen.close()
		_ = unix.Close(dir)
		return err
	}
	s.asking.due(true, false, time.Since(s.host.started(s.start)))
	s.statm = openFile(dir, "statm", base+"/statm")
	s.rollup = openFile(dir, "smaps_rollup", base+"/smaps_rollup")
	s.rollupBudget, s.smapsBudget = budget{share: rollupShare}, budget{share: smapsShare}
	s.fds = openFDs(dir, base+"/fd", s.host.real)
	s.cgroup = cgroupReader{host: s.host, where: openFile(dir, "cgroup", base+"/cgroup"), alive: s.hasMemory}
	s.machine = openMachine(s.host)
	_, keep := keepLimits()
	s.tree = tree{
		host: s.host, pid: s.pid, keep: keep, budget: budget{share: treeShare},
		dents: make([]byte, 4<<10),
	}
	s.stopped = fmt.Errorf("process %d is %w", s.pid, sampler.ErrStopped)
	s.noMemory = fmt.Errorf("process %d has no memory of its own: it is ending, or its first thread has ended", s.pid)
	if s.kernel {
		s.noMemory = fmt.Errorf("process %d is a kernel thread: it has no memory of its own", s.pid)
	}
	return nil
}

// explainOpen says why /proc/PID cannot be opened. A process that can be signalled, or may not be, exists.
func (s *session) explainOpen(err error) error {
	hidden := errors.Is(err, os.ErrPermission)
	if s.host.real && errors.Is(err, unix.ENOENT) {
		kill := unix.Kill(s.pid, 0)
		hidden = kill == nil || errors.Is(kill, unix.EPERM)
	}
	switch {
	case hidden:
		step := "run as that user or as root"
		if unix.Geteuid() == 0 {
			step = "root lacks the right CAP_SYS_PTRACE here"
		}
		return fmt.Errorf("process %d belongs to another user and %s hides it (hidepid); %s: %w", s.pid, s.host.root, step, sampler.ErrPermission)
	case vanished(err):
		return fmt.Errorf("no process %d: %w", s.pid, sampler.ErrNotFound)
	}
	return explain("open", s.host.path(fmt.Sprint(s.pid)), err)
}

// identify reads who the process is, at the start and when it runs another program.
func (s *session) identify() error {
	b, err := s.stat.read(&s.buf)
	if vanished(err) { // or hidden: with hidepid=2 the folder can be opened, and what is in it cannot
		return s.explainOpen(err)
	}
	if err != nil {
		return err
	}
	var st stat
	if err := parseStat(b, &st); err != nil {
		return fmt.Errorf("read %s: %w", s.stat.path, err)
	}
	if st.ended() {
		return fmt.Errorf("process %d has ended, only its parent has not taken notice: %w", s.pid, sampler.ErrNotFound)
	}
	s.start, s.kernel = st.start, st.kernel()
	s.comm = append(s.comm[:0], st.comm...)
	if b, err := s.status.read(&s.buf); err == nil {
		var st status
		parseStatus(b, &st)
		if st.tgid.OK && int(st.tgid.Value) != s.pid {
			return fmt.Errorf("%d is a thread of process %d: %w", s.pid, int(st.tgid.Value), sampler.ErrNotFound)
		}
		s.uid = st.uid
	}
	if s.identifier == nil {
		s.identifier = newIdentifier(s.host)
	}
	s.identity = s.identifier.ask(s.pid, s.kernel, &s.buf)
	return nil
}

// Read implements sampler.Session. It costs some 20 µs and no allocation, plus smaps_rollup when that is due.
func (s *session) Read(ctx context.Context, snap *sampler.Snapshot) error {
	now := time.Now()
	snap.Reset(now)
	if s.gone != nil {
		return s.gone
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read process %d: %w", s.pid, err)
	}
	if err := s.readStat(snap); err != nil {
		return err
	}
	own, ok, err := s.readMemory(now, snap)
	if err != nil {
		return err
	}
	if err := s.fds.read(now, snap); err != nil {
		snap.Warn(err)
	}
	if ok {
		s.tree.addTree(own, s.page, now, &s.buf, snap)
	}
	if ok || s.kernel {
		s.cgroup.read(now, &s.buf, snap)
	}
	s.readMachine(snap)
	snap.Took = time.Since(now)
	return nil
}

// readStat adds what stat has, and notices the end of the process.
func (s *session) readStat(snap *sampler.Snapshot) error {
	b, err := s.stat.read(&s.buf)
	if err != nil {
		if vanished(err) {
			return s.end(nil)
		}
		return err
	}
	var st stat
	if err := parseStat(b, &st); err != nil {
		return fmt.Errorf("read %s: %w", s.stat.path, err)
	}
	if st.start != s.start || st.ended() {
		return s.end(&st)
	}
	renamed, bare := string(st.comm) != string(s.comm), s.identity.command == "" && !s.kernel
	if s.asking.due(renamed, bare, snap.Time.Sub(s.host.started(s.start))) {
		if err := s.identify(); err != nil {
			return s.end(nil)
		}
	}
	if st.state == 'T' { // not 't', in which a debugger or a tracer holds it
		snap.Warn(s.stopped)
	}
	snap.Add(sampler.ProcessThreads, float64(st.threads))
	snap.Add(sampler.ProcessMinorFaults, float64(st.minor))
	snap.Add(sampler.ProcessMajorFaults, float64(st.major))
	snap.Add(sampler.ProcessCPU, float64(st.utime+st.stime)/ticksPerSecond)
	return nil
}

// readMemory adds RSS, its parts, the peak, PSS and USS. own is the RSS in pages; ok is false when there is none,
// because the process is about to end: then the kernel shows zeros, which would look like numbers.
func (s *session) readMemory(now time.Time, snap *sampler.Snapshot) (own uint64, ok bool, err error) {
	b, err := s.statm.read(&s.buf)
	if vanished(err) {
		return 0, false, s.end(nil)
	}
	if err != nil {
		snap.Warn(err)
		return 0, false, nil
	}
	size, own, err := parseStatm(b)
	if err != nil {
		return 0, false, fmt.Errorf("read %s: %w", s.statm.path, err)
	}
	if size == 0 {
		snap.Warn(s.noMemory)
		return 0, false, nil
	}
	rss := float64(own) * s.page
	snap.Add(sampler.ProcessRSS, rss)
	s.readStatus(rss, snap)
	s.readRollup(now, snap)
	return own, true, nil
}

// hasMemory says that the process still has an address space. One that ends gives it up first.
func (s *session) hasMemory() bool {
	b, err := s.statm.read(&s.buf)
	if err != nil {
		return false
	}
	size, _, err := parseStatm(b)
	return err == nil && size > 0
}

func (s *session) readStatus(rss float64, snap *sampler.Snapshot) {
	b, err := s.status.read(&s.buf)
	if err != nil {
		snap.Warn(err)
		return
	}
	var st status
	parseStatus(b, &st)
	addKnown(snap, sampler.ProcessPeakRSS, s.peak.next(rss, st.peak))
	addKnown(snap, sampler.ProcessAnon, st.anon)
	addKnown(snap, sampler.ProcessFile, st.file)
	addKnown(snap, sampler.ProcessShmem, st.shmem)
	addKnown(snap, sampler.ProcessSwap, st.swap)
}

func addKnown(snap *sampler.Snapshot, m sampler.Metric, r sampler.Reading) {
	if r.OK {
		snap.Add(m, r.Value)
	}
}

// readRollup adds PSS, USS and huge pages when the budget allows.
func (s *session) readRollup(now time.Time, snap *sampler.Snapshot) {
	if !s.rollup.open {
		snap.Warn(s.rollup.err)
		return
	}
	if !s.rollupBudget.allows(now) {
		return
	}
	began := time.Now()
	b, err := s.rollup.read(&s.buf)
	if vanished(err) { // the descriptor stays with the address space of the program before the last exec
		s.rollup.close()
		s.rollup = openFile(s.dir, "smaps_rollup", s.rollup.path)
		b, err = s.rollup.read(&s.buf)
	}
	s.rollupBudget.spend(began, time.Since(began))
	if err != nil {
		snap.Warn(err)
		return
	}
	var r rollup
	parseRollup(b, &r)
	addKnown(snap, sampler.ProcessPSS, r.pss)
	addKnown(snap, sampler.ProcessUSS, r.uss)
	addKnown(snap, sampler.ProcessHuge, r.huge)
}

func (s *session) readMachine(snap *sampler.Snapshot) {
	m, noMeminfo, noPressure := s.machine.read(&s.buf)
	if noMeminfo != nil {
		snap.Warn(noMeminfo)
	}
	if noPressure != nil {
		snap.Warn(noPressure)
	}
	addKnown(snap, sampler.PressureSome10, m.PressureSome10)
	addKnown(snap, sampler.PressureFull10, m.PressureFull10)
	addKnown(snap, sampler.MachineMemory, m.Total)
	addKnown(snap, sampler.MachineAvailable, m.Available)
	addKnown(snap, sampler.MachineSwapTotal, m.SwapTotal)
	addKnown(snap, sampler.MachineSwapFree, m.SwapFree)
}

// end records how the process ended. st is its last stat, or that of the process which has its id now, or nil.
func (s *session) end(st *stat) error {
	g := &sampler.Gone{At: time.Now()}
	if st == nil {
		st = s.successor()
	}
	switch {
	case st != nil && st.start != s.start:
		g.Reason = fmt.Sprintf("process id %d now belongs to another process", s.pid)
	case st != nil:
		ending(st, s.uid.OK && int(s.uid.Value) == os.Geteuid(), g)
	}
	if g.Signal == "" && !g.ExitCode.OK {
		s.seen.tell(g)
	}
	g.OOM = s.cgroup.killed(g.At, &s.buf) && (g.Signal == "" || g.Signal == "SIGKILL") && !g.ExitCode.OK
	s.gone = g
	return g
}

// successor returns the stat of the process that has the id now, nil when nobody has.
func (s *session) successor() *stat {
	b, err := s.host.slurp(fmt.Sprint(s.pid)+"/stat", &s.buf)
	var st stat
	if err != nil || parseStat(b, &st) != nil {
		return nil
	}
	return &st
}

// Close gives all descriptors back.
func (s *session) Close() error {
	for _, f := range []*file{&s.stat, &s.statm, &s.status, &s.rollup} {
		f.close()
	}
	s.fds.close()
	s.cgroup.close()
	s.machine.close()
	s.tree.close()
	if s.dir >= 0 {
		_ = unix.Close(s.dir)
		s.dir = -1
		s.seen.close()
		s.host.close()
	}
	if s.gone == nil {
		s.gone = errClosed
	}
	return nil
}

// errClosed is what a reading after Close returns.
var errClosed = errors.New("session is closed")
