package goproc

import (
	"context"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	collectPatience = 3 * time.Second
	collectPoll     = 2 * time.Millisecond
	maxRate         = 1 << 40
)

// writer is a memory that can be written to. Only the system's is.
type writer interface {
	write(addr uint64, b []byte) error
}

var (
	errReadOnly = fmt.Errorf("it would write into the process's memory; --allow-write permits that: %w", sampler.ErrPermission)
	errChanged  = sampler.Classed(sampler.ErrUnsupported, "the value there is not the expected one, nothing was written")
)

// CanCollect says whether Collect may be called: nil, or why not. It needs Options.AllowWrite and a target whose
// collector is not switched off.
func (s *Session) CanCollect() error {
	if err := s.canWrite("runtime.memstats"); err != nil {
		return fmt.Errorf("force a collection in process %d: %w", s.target.PID, err)
	}
	if s.now.numGC+uint32(s.now.maxProcs) > 0 && s.now.gcPercent < 0 {
		return sampler.Classed(sampler.ErrUnsupported, "force a collection in process %d: GOGC is off there, and the runtime collects only at its memory limit", s.target.PID)
	}
	return nil
}

// canWrite says why a variable may not be written. Its address is beyond doubt: the symbol table names it, or two
// witnesses in the runtime's code agree on it; others are not in vars.
func (s *Session) canWrite(variable string) error {
	if !s.options.AllowWrite {
		return errReadOnly
	}
	v, ok := s.p.vars[variable]
	if !ok || v.votes == 1 {
		return sampler.Classed(sampler.ErrUnsupported, "the address of %s is not certain in this %s program", variable, s.p.image.version)
	}
	if _, ok := s.p.mem.(writer); !ok {
		return sampler.Classed(sampler.ErrUnsupported, "the memory of a process cannot be written here")
	}
	return nil
}

// Collect makes the target collect, and waits for the end of the collection. It writes into the process: the time of
// the last collection becomes one long ago, upon which the runtime's monitor starts a collection, as it does every two
// minutes, and writes the true time back. A busy process collects within milliseconds. In an idle one the monitor
// sleeps; the collection then comes with the next activity, and the error says that it is pending.
func (s *Session) Collect(ctx context.Context) error {
	if err := s.stats.read(&s.now); err != nil {
		return s.failed(err)
	}
	if err := s.CanCollect(); err != nil {
		return err
	}
	before := s.now.numGC
	if s.now.phase == 0 {
		addr := s.stats.o.memstats + uint64(s.stats.o.lastGCMono)
		if now := uint64(monotonic()); now > 0 && s.now.lastGCMono > now {
			return fmt.Errorf("force a collection in process %d: the last one lies in the future: %w", s.target.PID, errChanged)
		}
		if err := s.replace("runtime.memstats.last_gc_nanotime", addr, s.now.lastGCMono, 1); err != nil {
			return err
		}
	}
	return s.awaitCycle(ctx, before)
}

func (s *Session) awaitCycle(ctx context.Context, before uint32) error {
	deadline := time.NewTimer(collectPatience)
	defer deadline.Stop()
	poll := time.NewTicker(collectPoll)
	defer poll.Stop()
	for {
		if err := s.stats.read(&s.now); err != nil {
			return s.failed(err)
		}
		if s.now.numGC != before {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return fmt.Errorf("process %d is idle: the collection is pending and runs with its next activity: %w", s.target.PID, sampler.ErrBudget)
		case <-poll.C:
		}
	}
}

// SetMemProfileRate sets runtime.MemProfileRate of the target, which makes a program that was built without
// runtime/pprof record its allocation sites from then on; 524288 is what Go programs have. rate is in bytes, 1 to 2^40.
// It writes into the process and needs Options.AllowWrite.
func (s *Session) SetMemProfileRate(ctx context.Context, rate int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if rate < 1 || rate > maxRate {
		return fmt.Errorf("memory profile rate %d: want 1 to %d", rate, maxRate)
	}
	if err := s.canWrite("runtime.MemProfileRate"); err != nil {
		return fmt.Errorf("record allocation sites in process %d: %w", s.target.PID, err)
	}
	addr := s.p.vars["runtime.MemProfileRate"].addr
	old, err := readU64(s.p.mem, "runtime.MemProfileRate", addr)
	if err != nil {
		return s.failed(err)
	}
	if old > maxRate {
		return fmt.Errorf("record allocation sites in process %d: %w", s.target.PID, errChanged)
	}
	return s.replace("runtime.MemProfileRate", addr, old, uint64(rate))
}

// replace writes one aligned word after it has seen the old value there, in a process that is still the same.
func (s *Session) replace(what string, addr, old, value uint64) error {
	if addr%8 != 0 {
		return fmt.Errorf("write %s of process %d at %#x: %w", what, s.target.PID, addr, errChanged)
	}
	now, err := readU64(s.p.mem, what, addr)
	if err != nil {
		return s.failed(err)
	}
	if now != old {
		return fmt.Errorf("write %s of process %d: %w", what, s.target.PID, errChanged)
	}
	if err := s.p.mem.alive(); err != nil {
		return err
	}
	var b [8]byte
	putU64(b[:], value)
	if err := s.p.mem.(writer).write(addr, b[:]); err != nil {
		return fmt.Errorf("write %s of process %d: %w", what, s.target.PID, err)
	}
	return nil
}

// failed gives an error of a reading its final form: that the target has ended explains every other.
func (s *Session) failed(err error) error {
	if gone := s.p.mem.alive(); gone != nil {
		return gone
	}
	return fmt.Errorf("read process %d: %w", s.target.PID, err)
}
