package gates

import "time"

// ReportSchema is what a report says of itself. A reader refuses any other.
const ReportSchema = "heaptop.report/v1"

// Verdict is what became of a gate, a scenario or a whole run.
type Verdict string

// The verdicts of gates and scenarios, from best to worst. A scenario has the worst of its gates and comparisons.
const (
	Passed     Verdict = "passed"
	Warned     Verdict = "warned"
	Failed     Verdict = "failed"
	Unmeasured Verdict = "unmeasured" // could not be measured: never a pass
)

// Report is what a headless run found out, and the baseline of a later one. Pointers are nil where a number does not exist;
// a number that is there is finite.
type Report struct {
	Schema      string      `json:"schema"` // ReportSchema
	Tool        Tool        `json:"tool"`
	Environment Environment `json:"environment"`
	StartedAt   time.Time   `json:"started_at"`
	FinishedAt  time.Time   `json:"finished_at"`
	Verdict     Verdict     `json:"verdict"`
	ExitCode    int         `json:"exit_code"`          // of the verdict, or 130 where the run was interrupted
	Seed        uint64      `json:"seed,omitempty"`     // of the order of the runs
	Warnings    []string    `json:"warnings,omitempty"` // what concerns all scenarios
	Scenarios   []Scenario  `json:"scenarios"`
}

// Tool is the heaptop that measured.
type Tool struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Environment is where was measured. What is not known is empty, and absent from the JSON.
type Environment struct {
	Name        string `json:"name,omitempty"` // of the policy's environments
	OS          string `json:"os"`
	Arch        string `json:"arch"`
	Kernel      string `json:"kernel,omitempty"`
	CPU         string `json:"cpu,omitempty"`
	CPUs        int    `json:"cpus,omitempty"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`
	Go          string `json:"go,omitempty"` // the version of Go that the measured programs were built with
	GOGC        string `json:"gogc,omitempty"`
	GOMEMLIMIT  string `json:"gomemlimit,omitempty"`
	Commit      string `json:"commit,omitempty"`
	Branch      string `json:"branch,omitempty"`
}

// Kind says how a scenario is run.
type Kind string

// The kinds of scenarios.
const (
	KindBuiltin  Kind = "builtin"
	KindCommand  Kind = "command"
	KindBench    Kind = "bench"
	KindTarget   Kind = "target"
	KindOverhead Kind = "overhead"
)

// Scenario is what was measured of one scenario, and what was made of it.
type Scenario struct {
	Name        string              `json:"name"`
	Kind        Kind                `json:"kind"`
	Verdict     Verdict             `json:"verdict"`
	Error       string              `json:"error,omitempty"` // why it could not be measured
	Runs        int                 `json:"runs"`
	DurationS   float64             `json:"duration_s"`
	Sessions    int                 `json:"sessions,omitempty"` // what peak_heap, sustained_heap and live_heap are divided by
	Seed        uint64              `json:"seed,omitempty"`     // what a built-in workload drew from; absent for all others
	Metrics     map[string]Measured `json:"metrics"`
	Gates       []Gate              `json:"gates"`
	Comparisons []Comparison        `json:"comparisons,omitempty"`
	Blame       []Blame             `json:"blame,omitempty"`
	BlameNote   string              `json:"blame_note,omitempty"` // why no sites are named, or what weakens them
	Trend       *Trend              `json:"trend,omitempty"`
	Overhead    *OverheadReport     `json:"overhead,omitempty"`  // of the representations of a database
	Stability   *Stability          `json:"stability,omitempty"` // of a workload that was watched for long
	Warnings    []string            `json:"warnings,omitempty"`
}

// Measured is one metric of one scenario: a value of every run, in the order in which they ran.
type Measured struct {
	Unit       string    `json:"unit"`
	Definition string    `json:"definition"`
	Source     string    `json:"source,omitempty"` // what it was read from
	Values     []float64 `json:"values"`
	Median     float64   `json:"median"`
	Low        float64   `json:"low"` // of the median's exact order-statistic interval; with few runs the smallest and the largest value
	High       float64   `json:"high"`
	Missing    string    `json:"missing,omitempty"` // why there is no value; median, low and high are absent then
	Short      bool      `json:"short,omitempty"`   // there is none because the runs were too short for it
}

// Gate is a limit and what was measured against it.
type Gate struct {
	Metric          string   `json:"metric"`
	Op              string   `json:"op"` // "<="
	Limit           float64  `json:"limit"`
	Value           *float64 `json:"value,omitempty"`
	Unit            string   `json:"unit"`
	Verdict         Verdict  `json:"verdict"`
	HeadroomPercent *float64 `json:"headroom_percent,omitempty"` // of the limit; below 0 above the limit
	From            string   `json:"from"`                       // standard, strict, builtin, config, flag
	SetTo           *float64 `json:"set_to,omitempty"`           // the largest value measured, when most of the limit is left free
	Reason          string   `json:"reason,omitempty"`
}

// The verdicts of comparisons.
const (
	Stable       = "stable"
	Improved     = "improved"
	Grew         = "grew"
	Regressed    = "regressed"
	Inconclusive = "inconclusive"
)

// The severities of a regression. Both fail.
const (
	SeverityWarning  = "warning"
	SeverityCritical = "critical"
)

// Comparison is a metric of the current side against the baseline's. Percentages are of the baseline.
type Comparison struct {
	Metric           string   `json:"metric"`
	Baseline         *float64 `json:"baseline,omitempty"`
	Current          *float64 `json:"current,omitempty"`
	ChangePercent    *float64 `json:"change_percent,omitempty"`
	LowPercent       *float64 `json:"low_percent,omitempty"` // of the interval of the change
	HighPercent      *float64 `json:"high_percent,omitempty"`
	P                *float64 `json:"p,omitempty"` // of the test that decided
	Runs             [2]int   `json:"runs"`        // baseline, current
	Verdict          string   `json:"verdict"`     // Stable, Improved, Grew, Regressed, Inconclusive, or "unmeasured"
	Severity         string   `json:"severity"`    // "", "warning", "critical": of a regression
	SmallestProvable *float64 `json:"smallest_provable_percent,omitempty"`
	MaxIncrease      float64  `json:"max_increase_percent"`
	WarnIncrease     float64  `json:"warn_increase_percent"`
	Gated            bool     `json:"gated"`                     // false: watched, it fails nothing
	Against          string   `json:"against,omitempty"`         // merge-base, baseline, anchor: with its commit
	Method           string   `json:"method,omitempty"`          // exact, blocks, stored, identical
	Accepted         string   `json:"accepted,omitempty"`        // the reason that the policy accepts this growth for
	OnInconclusive   string   `json:"on_inconclusive,omitempty"` // pass, warn, fail: what it means for the scenario
	Reason           string   `json:"reason,omitempty"`
}

// Blame is an allocation site, or a size class, that carries a part of a change.
type Blame struct {
	Site         string  `json:"site"` // "pkg.Func file.go:88"
	ChangeBytes  float64 `json:"change_bytes"`
	SharePercent float64 `json:"share_percent"`
	Of           string  `json:"of,omitempty"` // in_use or allocated
}

// Trend is whether a series of a long scenario grew. Slopes are in the metric's unit an hour.
type Trend struct {
	Metric       string   `json:"metric"`
	First        *float64 `json:"first,omitempty"`
	Last         *float64 `json:"last,omitempty"`
	SlopePerHour *float64 `json:"slope_per_hour,omitempty"`
	Low          *float64 `json:"low,omitempty"`
	High         *float64 `json:"high,omitempty"`
	Verdict      string   `json:"verdict"` // flat, settling, growing, inconclusive, insufficient
	Reason       string   `json:"reason,omitempty"`
}
