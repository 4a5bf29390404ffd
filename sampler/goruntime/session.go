package goruntime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// session joins the sources of one program. Those that are not there are nil.
type session struct {
	src       *Source
	target    sampler.Target
	pid       int // 0 when the target is not a process of this machine
	system    sampler.Session
	program   executable
	agent     *agentClient
	memory    sampler.Session
	memoryErr error // why there is no memory
	endpoint  *endpoint
	hints     []string // found when the session was opened

	scratch sampler.Snapshot // what memory read
	deep    string           // which source the runtime's figures of the last reading came from
	cycle   uint64           // the last collection that was told of
	traced  sampler.GCCycle  // the last one that the trace told of; its number is 0 when there was none
	placed  time.Time        // when the system was told where the heap lies
	look    time.Time        // when to look for a deeper source again
	scan    *scan
	closed  bool
}

func newSession(s *Source, t sampler.Target) *session { return &session{src: s, target: t} }

// hint keeps a sentence for Describe.
func (j *session) hint(text string) { j.hints = append(j.hints, text) }

// isGo reports whether the process may be a Go program: it is one, or cannot be looked into, or has an agent.
func (j *session) isGo() bool {
	return !j.program.known || j.program.version != "" || j.agent != nil
}

// Read reads the system's figures, then the runtime's from the deepest source that answers. That a deeper one fails is
// a warning, and the next one is used.
func (j *session) Read(ctx context.Context, s *sampler.Snapshot) error {
	start := time.Now()
	if j.system != nil {
		if err := j.system.Read(ctx, s); err != nil {
			return err
		}
	} else {
		s.Reset(start)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read %s: %w", j.target, err)
		}
	}
	j.lookDeeper(ctx)
	own := len(s.Cycles)
	err := j.readRuntime(ctx, s)
	j.readTrace(s, own)
	j.onlyNew(s)
	s.Took = max(time.Since(start), 1)
	return err
}

// readRuntime asks the agent, else memory, else the endpoint.
func (j *session) readRuntime(ctx context.Context, s *sampler.Snapshot) error {
	j.deep = ""
	if j.agent != nil {
		own := len(s.Cycles)
		err := j.agent.read(ctx, s)
		if err == nil {
			j.deep = j.agent.name()
			j.detailCycles(ctx, s.Cycles[own:])
			return nil
		}
		s.Warn(fmt.Errorf("ask the agent: %w", err))
		if ctx.Err() == nil {
			if gone := j.dropAgent(err); gone != nil {
				return gone
			}
		}
	}
	if j.memory != nil {
		err := j.readMemory(ctx, s)
		if err == nil {
			j.deep = "memory"
			return nil
		}
		s.Warn(fmt.Errorf("read the process's memory: %w", err))
		if errors.Is(err, sampler.ErrGone) {
			j.memoryErr = errors.Join(err, j.memory.Close())
			j.memory, j.program = nil, executable{} // the system's session knows whether it ended or became another program
		}
	}
	if j.endpoint == nil {
		return nil
	}
	err := j.endpoint.read(ctx, s)
	switch {
	case err == nil:
		j.deep = j.endpoint.name()
		return nil
	case j.system == nil:
		return err
	}
	s.Warn(fmt.Errorf("ask the pprof endpoint: %w", err))
	if j.endpoint.found && errors.Is(err, syscall.ECONNREFUSED) {
		j.endpoint.close()
		j.endpoint = nil
	}
	return nil
}

// detailCycles adds to the collections the agent told of what only memory has: the heap before and after, the goal and
// the GC's share of the CPU. Where memory cannot be read they stay unknown; that it cannot is said elsewhere.
func (j *session) detailCycles(ctx context.Context, cycles []sampler.GCCycle) {
	if len(cycles) == 0 || j.memory == nil || j.memory.Read(ctx, &j.scratch) != nil {
		return
	}
	for i := range cycles {
		c := &cycles[i]
		for _, m := range j.scratch.Cycles {
			if m.Number != c.Number {
				continue
			}
			c.Before, c.After = m.Before, m.After
			c.Live, c.Goal, c.CPU = known(c.Live, m.Live), known(c.Goal, m.Goal), known(c.CPU, m.CPU)
		}
	}
}

func known(r, otherwise sampler.Reading) sampler.Reading {
	if r.OK {
		return r
	}
	return otherwise
}

// dropAgent closes an agent that does not answer; it is looked for again later. When nothing else is left to read, the
// target has ended.
func (j *session) dropAgent(why error) error {
	if j.system == nil && j.memory == nil && j.endpoint == nil {
		if !errors.Is(why, sampler.ErrNotFound) || !refusedAt(j.agent.path) {
			return nil
		}
		return &sampler.Gone{At: time.Now(), Reason: "nobody listens on " + j.agent.path + " any more"}
	}
	j.agent.close()
	j.agent = nil
	j.look = time.Now().Add(j.src.rescan)
	return nil
}

// refusedAt reports whether the socket has gone. A program that ends leaves it behind now and then, but only one that
// was asked whether it answers comes here.
func refusedAt(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist) || !answers(path)
}

// readMemory adds what was read of the process's memory.
func (j *session) readMemory(ctx context.Context, s *sampler.Snapshot) error {
	m := &j.scratch
	if err := j.memory.Read(ctx, m); err != nil {
		return err
	}
	own := len(s.Samples)
	for _, x := range m.Samples {
		if !slices.ContainsFunc(s.Samples[:own], func(y sampler.Sample) bool { return y.Metric == x.Metric }) {
			s.Samples = append(s.Samples, x)
		}
	}
	s.Histograms = append(s.Histograms, m.Histograms...)
	s.Cycles = append(s.Cycles, m.Cycles...)
	s.Warnings = append(s.Warnings, m.Warnings...)
	return nil
}

// readTrace adds the collections that gctrace lines told of, and from the last one what it says of now: the live heap,
// in whole MiB, and the number of cycles. The agent and memory know more and go before it; an endpoint knows less of a
// collection, so what it told, from own on, is left out.
func (j *session) readTrace(s *sampler.Snapshot, own int) {
	if j.src.o.Trace == nil {
		return
	}
	cycles := j.src.o.Trace.Cycles() // taken in any case, or they would pile up
	if m, ok := j.src.o.Trace.(interface{ Mixed() bool }); ok && m.Mixed() {
		if len(cycles) > 0 {
			s.Warn(errors.New("gctrace lines of several processes came on one stderr: whose they are cannot be told, and they are left out"))
		}
		return
	}
	if n := len(cycles); n > 0 {
		j.traced = cycles[n-1]
	}
	if j.traced.Number == 0 || j.deep == "agent" || j.deep == "memory" {
		return
	}
	s.Cycles = append(s.Cycles[:own], cycles...)
	if _, known := s.Get(sampler.GoCyclesTotal); !known {
		s.Add(sampler.GoCyclesTotal, float64(j.traced.Number))
	}
	if _, known := s.Get(sampler.GoHeapLive); !known && j.traced.Live.OK {
		s.Add(sampler.GoHeapLive, j.traced.Live.Value)
	}
}

// onlyNew leaves out collections that were told of, by another source it may be.
func (j *session) onlyNew(s *sampler.Snapshot) {
	kept := s.Cycles[:0]
	for _, c := range s.Cycles {
		if c.Number > j.cycle {
			j.cycle = c.Number
			kept = append(kept, c)
		}
	}
	s.Cycles = kept
}

// Close ends all of the joined sessions. The target goes on.
func (j *session) Close() error {
	if j.closed {
		return nil
	}
	j.closed = true
	var errs []error
	if j.scan != nil {
		if e := j.scan.stop(); e != nil {
			e.close()
		}
	}
	if j.agent != nil {
		j.agent.close()
	}
	if j.endpoint != nil {
		j.endpoint.close()
	}
	if j.memory != nil {
		errs = append(errs, j.memory.Close())
	}
	if j.system != nil {
		errs = append(errs, j.system.Close())
	}
	return errors.Join(errs...)
}
