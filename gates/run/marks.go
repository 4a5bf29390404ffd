package run

import (
	"time"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// warmUntil is when the warm-up of a run ended: as the policy says, else when the program first said that it works, else
// when it began.
func warmUntil(s *policy.Scenario, m *launch.Measurement) time.Time {
	if s.Warmup > 0 {
		return m.Started.Add(s.Warmup)
	}
	for _, p := range m.Phases {
		if p.Name == scenario.PhaseWork {
			return p.Time
		}
	}
	return m.Started
}

// sessionsOf is what figures per session of a run are divided by: what the policy says, else what the program says, else
// what the policy takes for granted.
func sessionsOf(s *policy.Scenario, m *launch.Measurement) int {
	if !s.SessionsSaid && m.Sessions > 0 {
		return m.Sessions
	}
	return sessions(s.Sessions)
}

// perSession is what the figures of a job were divided by, as its last run had it.
func (j *job) perSession() int {
	for i := len(j.current) - 1; i >= 0; i-- {
		if n := j.current[i].sessions; n > 0 {
			return n
		}
	}
	return j.scenario.Sessions
}
