package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alloc-dev/heaptop/sampler/agent"
)

// DefaultSeed is what the workloads draw from when nobody names another seed.
const DefaultSeed = 1

// The phases of a run, in their order, and its checkpoints: the first when nothing is there yet but the program itself,
// the second when the work is done and all of it still held.
const (
	PhaseBaseline = "baseline"
	PhaseWarmup   = "warm-up"
	PhaseWork     = "work"
	PhaseTearDown = "tear-down"

	CheckpointBegin = "begin"
	CheckpointAlive = "alive"
)

// Bounds of a run.
const (
	MaxSteps = 1_000_000_000
	MaxRate  = 1_000_000 // steps a second
)

// Run says how much of a scenario is one run. The zero value is one measurement with the default seed.
type Run struct {
	// Seed is what the workload draws from; 0 is DefaultSeed.
	Seed uint64
	// Steps is how many are made after the warm-up; 0 is the scenario's own, where there is no Duration.
	Steps int
	// Duration is how long steps are made after the warm-up; 0 is until there are Steps. Where both are given, the first that
	// is reached ends the work.
	Duration time.Duration
	// Rate is the steps a second: 0 is as many as it can in a run of Steps, and the scenario's own in one of a Duration.
	Rate float64
}

// Do runs a scenario in this process: the baseline, the warm-up, the work, the checkpoint while everything is alive, and the
// tear-down. A heaptop that measures the process is told of each by the agent's marks, and the agent listens meanwhile, so
// that operations can be read as they are done. When ctx ends, the work ends as at the end of a duration. The error is that
// of a step or of the workload's making or tear-down. A line about what was done goes to w.
//
// Nothing is kept of what was done but the number of operations.
func (r Run) Do(ctx context.Context, s Scenario, w io.Writer) error {
	if err := r.check(s); err != nil {
		return err
	}
	if s.Serve != nil {
		return r.serve(ctx, s, w)
	}
	listening, err := agent.Listen(agent.Options{})
	if err != nil {
		fmt.Fprintf(w, "%s: no agent: %v\n", s.Name, err) // the work can be measured without
	} else {
		defer listening.Close()
	}
	agent.Sessions(max(s.Sessions, 1))
	agent.Phase(PhaseBaseline)
	agent.Checkpoint(CheckpointBegin)
	seed := r.Seed
	if seed == 0 {
		seed = DefaultSeed
	}
	work, err := s.New(seed)
	if err != nil {
		return fmt.Errorf("begin scenario %s: %w", s.Name, err)
	}
	steps, err := r.work(ctx, s, work)
	if err == nil {
		agent.Checkpoint(CheckpointAlive)
	}
	done := work.Operations() // after the checkpoint: what the workload holds was in use until here
	agent.Phase(PhaseTearDown)
	if closed := work.Close(); closed != nil {
		err = errors.Join(err, fmt.Errorf("tear down scenario %s: %w", s.Name, closed))
	}
	if err == nil {
		fmt.Fprintf(w, "%s: %d operations in %d steps\n", s.Name, done, steps)
	}
	return err
}

func (r Run) check(s Scenario) error {
	switch {
	case r.Steps < 0 || r.Steps > MaxSteps:
		return fmt.Errorf("run scenario %s: %d steps: want up to %d", s.Name, r.Steps, MaxSteps)
	case r.Duration < 0:
		return fmt.Errorf("run scenario %s: a duration below zero", s.Name)
	case !(r.Rate >= 0 && r.Rate <= MaxRate): // so that what is no number is refused too
		return fmt.Errorf("run scenario %s: %g steps a second: want up to %d", s.Name, r.Rate, MaxRate)
	case s.Serve == nil && s.New == nil:
		return fmt.Errorf("run scenario %s: it does nothing", s.Name)
	}
	return nil
}

// serve runs a scenario that has no steps.
func (r Run) serve(ctx context.Context, s Scenario, w io.Writer) error {
	if r.Steps > 0 || r.Rate > 0 {
		return fmt.Errorf("run scenario %s: it serves, and has no steps to count", s.Name)
	}
	if r.Duration > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, r.Duration)
		defer stop()
	}
	return s.Serve(ctx, w)
}

// work makes the steps of the warm-up and of the work, and returns how many there were of the work.
func (r Run) work(ctx context.Context, s Scenario, work Workload) (int, error) {
	p := pace{ctx: ctx, rate: r.Rate, most: r.Steps}
	if r.Duration > 0 && p.rate == 0 {
		p.rate = s.Rate
	}
	if r.Duration == 0 && p.most == 0 {
		p.most = s.Steps
	}
	counted := counter{work: work}
	agent.Phase(PhaseWarmup)
	for n := range s.Warmup {
		if ctx.Err() != nil {
			break
		}
		if err := counted.step(); err != nil {
			return 0, fmt.Errorf("step %d of the warm-up of scenario %s: %w", n+1, s.Name, err)
		}
	}
	agent.Phase(PhaseWork)
	p.began = time.Now()
	if r.Duration > 0 {
		p.end = p.began.Add(r.Duration)
	}
	n := 0
	for p.wait(n) {
		if err := counted.step(); err != nil {
			return n, fmt.Errorf("step %d of scenario %s: %w", n+1, s.Name, err)
		}
		n++
	}
	return n, nil
}

// counter tells the agent of the operations that each step made.
type counter struct {
	work Workload
	told uint64
}

func (c *counter) step() error {
	if err := c.work.Step(); err != nil {
		return err
	}
	done := c.work.Operations()
	if done > c.told {
		agent.Worked(int(done - c.told))
		c.told = done
	}
	return nil
}

// pace says when the next step is due, by the schedule: a step that takes long is not followed by a pause, and what was
// missed is made up for, so that the rate does not drift.
type pace struct {
	ctx   context.Context
	rate  float64   // steps a second, 0: no schedule
	most  int       // steps, 0: no end
	began time.Time // of the schedule
	end   time.Time // zero: none
	timer *time.Timer
}

// wait waits until step n, from 0 on, is due. It reports false when there is none.
func (p *pace) wait(n int) bool {
	if p.most > 0 && n >= p.most || p.ctx.Err() != nil {
		return false
	}
	now := time.Now()
	if !p.end.IsZero() && !now.Before(p.end) {
		return false
	}
	if p.rate <= 0 {
		return true
	}
	due := p.began.Add(time.Duration(float64(n) / p.rate * float64(time.Second)))
	if !p.end.IsZero() && due.After(p.end) {
		due = p.end
	}
	if wait := due.Sub(now); wait > 0 && !p.sleep(wait) {
		return false
	}
	return p.end.IsZero() || due.Before(p.end)
}

// sleep reports false when ctx ended meanwhile.
func (p *pace) sleep(d time.Duration) bool {
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	select {
	case <-p.ctx.Done():
		p.timer.Stop()
		return false
	case <-p.timer.C:
		return true
	}
}
