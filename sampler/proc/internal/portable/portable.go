// Package portable reads processes through gopsutil, on every system that gopsutil knows. It is what heaptop uses where
// it has no reader of its own, and what its own reader is measured against on Linux.
//
// It reads what gopsutil offers everywhere and leaves the rest out with a warning: PSS, the parts of RSS, cgroups and
// pressure exist on Linux only. Values are bytes and seconds; gopsutil's own are converted here, once.
package portable

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/process"

	"github.com/alloc-dev/heaptop/sampler"
)

// session watches one process.
type session struct {
	target  sampler.Target
	process *process.Process
	info    sampler.Info
	created int64 // milliseconds since 1970: with the id it identifies the process
	peak    float64
	reset   bool
	mark    float64 // the system's peak when ours was started anew
	gone    error
}

// Open begins to watch the process t.PID.
func Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	p, err := process.NewProcessWithContext(ctx, int32(t.PID))
	if err != nil {
		return nil, fmt.Errorf("no process %d: %w", t.PID, classify(err))
	}
	s := &session{target: t, process: p}
	if s.created, err = p.CreateTimeWithContext(ctx); err != nil {
		return nil, fmt.Errorf("read the start of process %d: %w", t.PID, classify(err))
	}
	s.info = sampler.Info{Target: t, PID: t.PID, Started: time.UnixMilli(s.created), Source: "proc"}
	s.info.Name, _ = p.NameWithContext(ctx) // what cannot be asked stays empty
	s.info.Command, _ = p.CmdlineWithContext(ctx)
	s.info.User, _ = p.UsernameWithContext(ctx)
	return s, nil
}

// classify gives gopsutil's errors the meaning that callers decide by.
func classify(err error) error {
	switch {
	case errors.Is(err, process.ErrorProcessNotRunning), errors.Is(err, fs.ErrNotExist):
		return sampler.ErrNotFound
	case errors.Is(err, process.ErrorNotPermitted), errors.Is(err, fs.ErrPermission):
		return sampler.ErrPermission
	}
	return err
}

// errLargestSample travels with a peak that is none of the system's.
var errLargestSample = errors.New("peak RSS is the largest sample: this system does not tell the peak of another process")

// Read implements sampler.Session.
func (s *session) Read(ctx context.Context, snap *sampler.Snapshot) error {
	now := time.Now()
	snap.Reset(now)
	if s.gone != nil {
		return s.gone
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read process %d: %w", s.target.PID, err)
	}
	if err := s.alive(ctx); err != nil {
		return err
	}
	s.readMemory(ctx, snap)
	s.readCounts(ctx, snap)
	s.readTree(ctx, snap)
	s.readMachine(ctx, snap)
	snap.Took = time.Since(now)
	return nil
}

// alive notices the end of the process, and that its id is in use again.
func (s *session) alive(ctx context.Context) error {
	p, err := process.NewProcessWithContext(ctx, int32(s.target.PID))
	if err != nil {
		if errors.Is(classify(err), sampler.ErrNotFound) {
			s.gone = &sampler.Gone{At: time.Now()}
			return s.gone
		}
		return fmt.Errorf("read process %d: %w", s.target.PID, classify(err))
	}
	created, err := p.CreateTimeWithContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the start of process %d: %w", s.target.PID, classify(err))
	case created != s.created:
		s.gone = &sampler.Gone{
			At: time.Now(), Reason: fmt.Sprintf("process id %d now belongs to another process", s.target.PID),
		}
		return s.gone
	}
	states, err := p.StatusWithContext(ctx)
	if err == nil && len(states) > 0 && states[0] == process.Zombie {
		s.gone = &sampler.Gone{At: time.Now()}
		return s.gone
	}
	return nil
}

func (s *session) readMemory(ctx context.Context, snap *sampler.Snapshot) {
	m, err := s.process.MemoryInfoWithContext(ctx)
	if err != nil {
		s.warn(snap, "memory", err)
		return
	}
	rss := float64(m.RSS)
	snap.Add(sampler.ProcessRSS, rss)
	peak, ok := systemPeak(s.target.PID, m)
	if !ok {
		snap.Warn(errLargestSample)
	}
	s.peak = max(s.peak, rss)
	switch {
	case ok && (!s.reset || peak > s.mark):
		snap.Add(sampler.ProcessPeakRSS, peak)
		if !s.reset {
			s.mark = peak
		}
	default:
		snap.Add(sampler.ProcessPeakRSS, s.peak)
	}
	if m.Swap > 0 {
		snap.Add(sampler.ProcessSwap, float64(m.Swap))
	}
}

func (s *session) readCounts(ctx context.Context, snap *sampler.Snapshot) {
	if n, err := s.process.NumThreadsWithContext(ctx); err == nil {
		snap.Add(sampler.ProcessThreads, float64(n))
	} else {
		s.warn(snap, "threads", err)
	}
	if c, err := s.process.TimesWithContext(ctx); err == nil {
		snap.Add(sampler.ProcessCPU, c.User+c.System)
	} else {
		s.warn(snap, "CPU time", err)
	}
	if f, err := s.process.PageFaultsWithContext(ctx); err == nil {
		snap.Add(sampler.ProcessMinorFaults, float64(f.MinorFaults))
		snap.Add(sampler.ProcessMajorFaults, float64(f.MajorFaults))
	} else {
		s.warn(snap, "page faults", err)
	}
	if n, err := s.process.NumFDsWithContext(ctx); err == nil {
		snap.Add(sampler.ProcessFDs, float64(n))
	} else {
		s.warn(snap, "open files", err)
	}
}

func (s *session) warn(snap *sampler.Snapshot, what string, err error) {
	snap.Warn(fmt.Errorf("read the %s of process %d: %w", what, s.target.PID, classify(err)))
}

// readTree sums RSS over the process and its descendants.
func (s *session) readTree(ctx context.Context, snap *sampler.Snapshot) {
	own, ok := snap.Get(sampler.ProcessRSS)
	if !ok {
		return
	}
	sum, count := own, 1
	queue := []*process.Process{s.process}
	for len(queue) > 0 && count < maxTree {
		children, err := queue[0].ChildrenWithContext(ctx)
		queue = queue[1:]
		if err != nil {
			continue // gopsutil's way to say that there are none
		}
		for _, c := range children {
			if m, err := c.MemoryInfoWithContext(ctx); err == nil {
				sum += float64(m.RSS)
				count++
			}
		}
		queue = append(queue, children...)
	}
	snap.Add(sampler.TreeRSS, sum)
	snap.Add(sampler.TreeProcesses, float64(count))
}

// maxTree bounds how many descendants are followed.
const maxTree = 4096

func (s *session) readMachine(ctx context.Context, snap *sampler.Snapshot) {
	var m sampler.Machine
	if err := readMachine(ctx, &m); err != nil {
		snap.Warn(err)
	}
	for _, x := range []struct {
		metric sampler.Metric
		value  sampler.Reading
	}{
		{sampler.MachineMemory, m.Total},
		{sampler.MachineAvailable, m.Available},
		{sampler.MachineSwapTotal, m.SwapTotal},
		{sampler.MachineSwapFree, m.SwapFree},
	} {
		if x.value.OK {
			snap.Add(x.metric, x.value.Value)
		}
	}
}

// readMachine reads what the whole machine has.
func readMachine(ctx context.Context, m *sampler.Machine) error {
	v, err1 := mem.VirtualMemoryWithContext(ctx)
	if err1 == nil {
		m.Total, m.Available = sampler.Known(float64(v.Total)), sampler.Known(float64(v.Available))
	}
	w, err2 := mem.SwapMemoryWithContext(ctx)
	if err2 == nil {
		m.SwapTotal, m.SwapFree = sampler.Known(float64(w.Total)), sampler.Known(float64(w.Free))
	}
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("read the machine's memory: %w", err)
	}
	return nil
}

// Describe implements sampler.Describer.
func (s *session) Describe() sampler.Info { return s.info }

// ResetPeaks implements sampler.PeakResetter.
func (s *session) ResetPeaks() { s.reset, s.peak = true, 0 }

// Close ends the session.
func (s *session) Close() error {
	if s.gone == nil {
		s.gone = errors.New("session is closed")
	}
	return nil
}
