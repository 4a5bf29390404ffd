package goproc

import (
	"context"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

var (
	_ sampler.CollectConfirmer = (*Session)(nil)
	_ sampler.ProfileSwitcher  = (*Session)(nil)
	_ sampler.WalkChecker      = (*Session)(nil)
)

// usualRate is what runtime.MemProfileRate is where nobody sets it: one sample in so many bytes.
const usualRate = 512 << 10

// ConfirmCollect says what Collect writes.
func (s *Session) ConfirmCollect() string {
	return fmt.Sprintf("write 8 bytes into process %d to make it collect", s.target.PID)
}

// CanRecordSites reads the rate at which the target samples its allocations: only one that is 0 may be changed. It
// needs Options.AllowWrite.
func (s *Session) CanRecordSites() error {
	what := fmt.Sprintf("record allocation sites in process %d", s.target.PID)
	v, ok := s.p.vars["runtime.MemProfileRate"]
	if !ok {
		return sampler.Classed(sampler.ErrUnsupported, "%s: runtime.MemProfileRate not found in this %s program", what, s.p.image.version)
	}
	rate, err := readU64(s.p.mem, "runtime.MemProfileRate", v.addr)
	if err != nil {
		return s.failed(err)
	}
	if rate != 0 {
		return sampler.Classed(sampler.ErrUnsupported, "%s: it records them already", what)
	}
	if err := s.canWrite("runtime.MemProfileRate"); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// ConfirmRecordSites says what RecordSites writes.
func (s *Session) ConfirmRecordSites() string {
	return fmt.Sprintf("write 8 bytes into process %d to make it record allocation sites", s.target.PID)
}

// RecordSites sets the target's runtime.MemProfileRate to what Go programs have, where it is 0.
func (s *Session) RecordSites(ctx context.Context) error {
	if err := s.CanRecordSites(); err != nil {
		return err
	}
	return s.SetMemProfileRate(ctx, usualRate)
}

// CanWalk says whether all that a walk reads was found in this program.
func (s *Session) CanWalk() error {
	if _, err := resolveWalk(s.p); err != nil {
		return fmt.Errorf("tell who holds an object of process %d: %w", s.target.PID, err)
	}
	return nil
}
