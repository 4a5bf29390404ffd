package run

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// What the harness itself allocates between a workload's two checkpoints, at most: a workload that allocates no more does
// nothing that a gate on memory could judge.
const (
	idleBytes   = 256 << 10
	idleObjects = 2000
)

// find looks up a built-in workload.
func (o *Options) find(name string) (scenario.Scenario, bool) {
	if o.Find != nil {
		return o.Find(name)
	}
	return scenario.Find(name)
}

// builtin makes c the command of a built-in workload.
func (o *Options) builtin(c *command, s *policy.Scenario) error {
	if len(o.Self) == 0 {
		return errors.New("run a built-in workload: this program cannot start itself")
	}
	w, ok := o.find(s.Builtin)
	if !ok {
		return fmt.Errorf("run a built-in workload: there is none named %q", s.Builtin)
	}
	c.args = append(slices.Clone(o.Self), s.Builtin)
	c.env = slices.Concat(w.Env, c.env) // what the policy says is stronger
	if w.Serve != nil {
		return nil
	}
	c.steps = true
	if seed := o.draws(s); seed != 0 {
		c.args = append(c.args, "--seed", strconv.FormatUint(seed, 10))
	}
	if s.Duration > 0 {
		c.args = append(c.args, "--duration", s.Duration.String())
	}
	return nil
}

// draws is the seed of a built-in workload: the command line's, else the policy's; 0 for the workload's own.
func (o *Options) draws(s *policy.Scenario) uint64 {
	if o.Seed != 0 {
		return o.Seed
	}
	return s.Seed
}

// drawn is the seed from which a built-in workload drew, for the report; 0 for all else.
func (o *Options) drawn(s *policy.Scenario) uint64 {
	if w, ok := o.find(s.Builtin); s.Kind != gates.KindBuiltin || !ok || w.New == nil {
		return 0
	}
	if seed := o.draws(s); seed != 0 {
		return seed
	}
	return scenario.DefaultSeed
}

// idle is the fault of a built-in workload that left nothing to judge: it never came to its checkpoint, or allocated nothing
// before it.
func (c *command) idle(m *launch.Measurement) error {
	if !c.steps {
		return nil
	}
	var begin, alive *launch.Checkpoint
	for i := range m.Checkpoints {
		switch m.Checkpoints[i].Name {
		case scenario.CheckpointBegin:
			begin = &m.Checkpoints[i]
		case scenario.CheckpointAlive:
			alive = &m.Checkpoints[i]
		}
	}
	if begin == nil || alive == nil {
		return &fault{what: "ended before its checkpoint: nothing of it was alive to be measured"}
	}
	for _, m := range []struct {
		metric sampler.Metric
		most   float64
	}{{sampler.GoHeapAllocs, idleBytes}, {sampler.GoHeapAllocCount, idleObjects}} {
		before, known := sampleOf(begin.Samples, m.metric)
		after, ok := sampleOf(alive.Samples, m.metric)
		if !known || !ok || after-before > m.most {
			return nil
		}
	}
	return &fault{what: "this scenario did not allocate: nothing that memory could be judged by happened between its checkpoints " +
		"(a workload that makes its steps in memory it has needs no gate; one that should allocate does not do its work)"}
}
