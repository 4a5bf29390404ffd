// Package scenario lists the built-in workloads. Each runs in a process of its own: the binary starts itself again
// with a hidden command, so that the load never shares a heap with the sampler that measures it and the target is an
// ordinary process. It does not start that process and does not measure; the command line does.
package scenario

import (
	"context"
	"io"
)

// Scenario is a workload, and how much of it is one measurement. Serve or New is set.
type Scenario struct {
	// Name is what the command line calls it.
	Name string
	// Suite is the group that it belongs to, "" for none.
	Suite string
	// Summary is one sentence for lists.
	Summary string
	// Env is added to the environment of the process that runs it.
	Env []string
	// Sessions is what figures per session are divided by: 1 or more.
	Sessions int
	// Warmup is how many steps come before those that count, Steps how many of those one measurement makes when no duration
	// is given. Together they make at least some twenty collections of the heap.
	Warmup, Steps int
	// Rate is the steps a second that it makes when it runs for a duration; 0 for as many as it can.
	Rate float64
	// Budgets are limits of its own, in place of those of a preset that a faithful workload does not fit.
	Budgets []Budget
	// New makes the state that the steps work on, always the same for the same seed.
	New func(seed uint64) (Workload, error)
	// Serve works until ctx ends, for a scenario that has no steps. It writes its progress to w, a line at a time.
	Serve func(ctx context.Context, w io.Writer) error
}

// Workload is the state of a running scenario. It keeps no history of its own: what it holds is what a program of its
// sort holds. One goroutine uses it; what its steps do at the same time is theirs to join before they return.
type Workload interface {
	// Step makes the next operation, which changes what a person would see. An error ends the run.
	Step() error
	// Operations is how many operations a person would count in the steps so far.
	Operations() uint64
	// Close tears down what is held.
	Close() error
}

// Budget is a limit of a scenario's own on a gate metric.
type Budget struct {
	Metric  string
	Max     float64 // in the metric's unit
	Because string  // why the preset does not fit, a sentence
}
