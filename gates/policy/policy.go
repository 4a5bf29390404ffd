package policy

import (
	"time"

	"github.com/alloc-dev/heaptop/gates"
	ratios "github.com/alloc-dev/heaptop/gates/overhead"
)

// DefaultDuration is how long a target, or a built-in workload that serves, is measured when nothing says otherwise: neither
// of them ends by itself. Other built-in workloads end after their steps.
const DefaultDuration = time.Minute

// Policy is what heaptop.yml asks for, with the environment and the command line's settings worked in.
type Policy struct {
	// Path is the file, "" when the policy was made of a command line.
	Path string
	// Scenarios are those chosen, in the file's order, and with each overhead the two scenarios it compares. Never empty.
	Scenarios []Scenario
	// Brought are the names that were chosen and that no scenario of the file has: built-in scenarios and suites, which are
	// measured as they are without a policy.
	Brought []string
	// Warnings are what a person should know and what stops nothing: entries of accept that have expired, settings that
	// have no effect.
	Warnings []string
}

// Scenario is one thing to measure and what is demanded of it. Exactly one of Run, Command, Bench, Builtin, Target and
// Overhead says what it is; Kind agrees with it.
type Scenario struct {
	// Name is of letters, digits, "_", "-" and ".", and its own in the policy.
	Name string
	Kind gates.Kind

	// Build is a shell command that is run first, "" for none.
	Build string
	// Run is a shell command. It is measured as a tree of processes.
	Run string
	// Command is a command that was typed behind --: its arguments are taken as they are, by no shell. Nil in a policy
	// from a file.
	Command []string
	// Bench is a package pattern of go test -bench.
	Bench string
	// Builtin is the name of a built-in workload.
	Builtin string
	// Seed is what the built-in workload draws from; 0, when nothing is said, is the workload's own.
	Seed uint64
	// Group is the name of the entry that asked for a whole suite of built-in workloads, "" for a scenario of its own.
	Group string
	// Target is a running process, in the words of the command line.
	Target string
	// Overhead is the ratio of two other scenarios.
	Overhead *Overhead

	// Dir is the folder it runs in, "" for the one of the policy. It is relative to that.
	Dir string
	// Env is added to the environment.
	Env map[string]string
	// Sessions is what peak_heap, sustained_heap and live_heap are divided by; 1, or what the built-in workload has, when
	// nothing is said. SessionsSaid is whether something is: then what the program says itself does not count.
	Sessions     int
	SessionsSaid bool
	// Warmup is left out of sustained figures and of growth. 0, when nothing is said, is what the program says itself by
	// the phase "work".
	Warmup time.Duration
	// Duration ends the run; 0 means when the command ends.
	Duration time.Duration
	// Timeout makes a run unmeasured when it takes longer; 0 means the runner's own.
	Timeout time.Duration
	// Runs is how often it runs without a comparison; 0: as the comparison or the gates need.
	Runs int
	// CheckpointOn matches the line of stdout that is the checkpoint, "" for none.
	CheckpointOn string

	// Limits are at most one a metric. Each names where it is from.
	Limits  []gates.Limit
	Compare gates.CompareSettings
	// Against is the git ref of the other side, "auto" for the merge base with the default branch, "" for none, and of what
	// cannot be built at another commit: a target, an overhead.
	Against string
	// Anchor is a git ref besides, to find growth in many small steps; "" for none.
	Anchor string
	// Accept are the entries that concern this scenario and have not expired.
	Accept []gates.Accept
	// Preset is standard, strict or "".
	Preset string
	// Helper says that no gate is on this scenario: it is measured for an overhead.
	Helper bool
}

// Overhead is Metric of the scenario Of divided by the same of the scenario Over, or, with Redis, what documents take in a
// server.
type Overhead struct {
	Of, Over, Metric string
	Redis            *RedisOverhead
}

// RedisOverhead is a server in which documents are stored and measured, and what they may take there.
type RedisOverhead struct {
	URL             string   // redis://, rediss:// or redis+unix://
	Representations []string // of string, json and hash; none: all. string is always measured
	AllowNonempty   bool     // a database that holds keys already is written to as well
	ratios.Settings
}

// Options is what else decides how a policy is read.
type Options struct {
	// Environment is the name of the entry of environments that applies, "" for none.
	Environment string
	// Scenarios are the names of those to run; none, or "all", for all of them. A name that no scenario of the file has may
	// be that of a built-in one, or of a suite of them.
	Scenarios []string
	// Now decides which entries of accept have expired; the zero time means none.
	Now time.Time
	// Flags are settings of the command line.
	Flags Flags
}

// Flags are the settings of the command line. They are stronger than those of a file. The zero value changes nothing.
type Flags struct {
	Preset         string
	Limits         []gates.Limit // with From "flag"
	Against        string        // as in Scenario; "none" switches the comparison off
	Baseline       bool          // a stored baseline is compared with, in place of a git ref
	Runs           int           // 0: not given
	AutoRuns       bool          // --runs auto
	Duration       time.Duration // 0: not given
	OnInconclusive string
	CheckpointOn   string
	// NoGates allows scenarios that nothing judges: somebody looks at what there is to measure.
	NoGates bool
}
