package run

import (
	"io"
	"math/rand/v2"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// ErrUsage says that what the user named is wrong: a reference that git does not know, a baseline that is none or of
// another scenario. Other errors say that something could not be measured.
var ErrUsage = worktree.ErrUsage

// Options says what is run, and who hears of it. Policy is needed; a policy with a built-in workload needs Self.
type Options struct {
	Policy *policy.Policy
	// Baseline is a stored report, or a folder with one report a scenario, <scenario>.json; "" for none.
	Baseline string
	// Seed decides the order of the runs, and what built-in workloads draw; 0 draws one for the order, and leaves the workloads
	// the policy's seed, or theirs, which is always the same. The report has it.
	Seed uint64
	// Find looks up a built-in workload by its name; nil means scenario.Find.
	Find func(name string) (scenario.Scenario, bool)
	// Tool is the heaptop that measures, for the report.
	Tool gates.Tool
	// Environment is the name of the policy's environment, for the report.
	Environment string
	// Self is the command by which this binary runs a built-in workload, without the workload's name.
	Self []string
	// Ballast is the command by which this binary calls Carry, without the number of bytes. Selftest needs it.
	Ballast []string
	// Progress hears what is being done; nil means nobody asks. It is called on the goroutine that called Run.
	Progress func(Progress)
	// Log takes what commands and builds write, on both of their streams; nil drops it.
	Log io.Writer
	// Checkpoints makes a checkpoint in the running command of each name received, as in launch.MeasureOptions.
	Checkpoints <-chan string
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	dry bool // samples are recorded for a self-test: nobody looks for causes
}

// Progress is what is being done. A zero number is not known.
type Progress struct {
	Scenario string
	Number   int // of the scenario, from 1
	Of       int // scenarios in all
	Stage    string
	Run      int           // of the scenario, from 1; 0 while nothing runs
	Most     int           // runs that the scenario takes at most
	Left     time.Duration // at most, by the runs so far
}

func (o *Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

func (o *Options) seed() uint64 {
	if o.Seed != 0 {
		return o.Seed
	}
	const most = 1 << 53 // a seed that JSON readers with floating point do not change
	return 1 + rand.Uint64N(most-1)
}
