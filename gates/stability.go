package gates

import (
	"errors"
	"fmt"
	"slices"
)

// MaxMoments is how many moments of a stability run a report keeps at most.
const MaxMoments = 1000

// Stability is what became of a workload that was watched for long. Numbers that do not exist are nil.
type Stability struct {
	Verdict  Verdict  `json:"verdict"` // of memory, operations and the threshold together
	Reason   string   `json:"reason"`  // of the verdict, in words
	PlannedS float64  `json:"planned_s"`
	WatchedS float64  `json:"watched_s"` // from the first reading to the last, all of them while the workload was alive
	Ended    string   `json:"ended,omitempty"`
	NeededS  *float64 `json:"needed_s,omitempty"` // how much longer would decide what is not decided

	Memory     *MemoryGrowth    `json:"memory,omitempty"`     // of the series that tells most of the program's memory
	Threshold  *GrowthThreshold `json:"threshold,omitempty"`  // of the growth in all
	Series     []StabilityTrend `json:"series,omitempty"`     // everything that was judged, what grows first
	Causes     []StabilityCause `json:"causes,omitempty"`     // of what grows
	Operations *Operations      `json:"operations,omitempty"` // of a workload that counts them
	Load       string           `json:"load,omitempty"`       // the load generator that ran beside it
	Moments    []Moment         `json:"moments,omitempty"`    // at most MaxMoments, at even distances
	Files      []string         `json:"files,omitempty"`      // profiles and recordings, beside the report
}

// MemoryGrowth is from where to where memory went. Initial and final are the first and the last reading of the workload
// while it was alive, of a live heap the first one after a collection; the rate is of what remains once warm-up is left out.
type MemoryGrowth struct {
	Metric      string   `json:"metric"`
	Name        string   `json:"name"` // in words
	Initial     float64  `json:"initial_bytes"`
	InitialAtS  *float64 `json:"initial_at_s,omitempty"` // since the first reading, where nothing was known by then
	Final       float64  `json:"final_bytes"`
	Growth      float64  `json:"growth_bytes"` // the final one less the initial one
	RatePerHour *float64 `json:"rate_bytes_per_hour,omitempty"`
	Low         *float64 `json:"low_bytes_per_hour,omitempty"` // of the rate's 95 % interval
	High        *float64 `json:"high_bytes_per_hour,omitempty"`
}

// GrowthThreshold is the most that memory may grow in all: from the floor at the beginning of what is judged, after the
// warm-up, to the floor at its end.
type GrowthThreshold struct {
	Limit   float64  `json:"limit_bytes"`
	Grown   *float64 `json:"grown_bytes,omitempty"` // nil where the time was too short to leave the warm-up out
	Verdict Verdict  `json:"verdict"`
	Reason  string   `json:"reason,omitempty"`
}

// StabilityTrend is a series that was judged. First, last and the rate are in the unit, an hour for the rate.
type StabilityTrend struct {
	Metric      string   `json:"metric"`
	Name        string   `json:"name"`
	Unit        string   `json:"unit"`
	Verdict     string   `json:"verdict"` // growing, inconclusive, insufficient, settling, flat
	First       *float64 `json:"first,omitempty"`
	Last        *float64 `json:"last,omitempty"`
	RatePerHour *float64 `json:"rate_per_hour,omitempty"`
	Low         *float64 `json:"low_per_hour,omitempty"`
	High        *float64 `json:"high_per_hour,omitempty"`
	PerWork     *float64 `json:"per_operation,omitempty"` // growth for each operation
	NeededS     *float64 `json:"needed_s,omitempty"`
	Reason      string   `json:"reason,omitempty"`
}

// StabilityCause is what carries the growth of a series.
type StabilityCause struct {
	Kind         string   `json:"kind"`   // allocation site, goroutines, mapping
	Series       string   `json:"series"` // that grows
	Name         string   `json:"name"`   // "pkg.Func file.go:88"
	RatePerHour  *float64 `json:"rate_per_hour,omitempty"`
	Low          *float64 `json:"low_per_hour,omitempty"`
	High         *float64 `json:"high_per_hour,omitempty"`
	SharePercent *float64 `json:"share_percent,omitempty"`
	Stack        []string `json:"stack,omitempty"`
	Note         string   `json:"note,omitempty"`
}

// The verdicts on how many operations are done in a time.
const (
	Steady         = "steady"       // a fall beyond the limit is excluded
	Degrading      = "degrading"    // a fall beyond the limit is proven, and it goes on
	FellOnce       = "settled"      // it has fallen, and falls no more
	RateUndecided  = "inconclusive" // neither is proven
	RateUnjudgable = "insufficient" // watched too briefly
)

// Operations is how much work was done, and whether it becomes slower. Changes are in percent of the rate an hour, below 0
// for a fall.
type Operations struct {
	Metric        string   `json:"metric"` // the counter of the work
	Total         float64  `json:"total"`
	PerHour       float64  `json:"per_hour"` // in the second half of the time
	Verdict       string   `json:"verdict"`  // Steady, Degrading, FellOnce, RateUndecided, RateUnjudgable
	LimitPercent  float64  `json:"limit_percent_per_hour"`
	ChangePercent *float64 `json:"change_percent_per_hour,omitempty"`
	LowPercent    *float64 `json:"low_percent_per_hour,omitempty"` // of the 95 % interval
	HighPercent   *float64 `json:"high_percent_per_hour,omitempty"`
	NeededS       *float64 `json:"needed_s,omitempty"`
	Reason        string   `json:"reason,omitempty"`
	CPU           *OpsCPU  `json:"cpu,omitempty"`
}

// OpsCPU is the time of a CPU that an operation takes: what becomes slower where the rate is kept up.
type OpsCPU struct {
	SecondsPerOp  float64  `json:"seconds_per_operation"`
	Verdict       string   `json:"verdict"` // as of Operations; Degrading where it rises
	ChangePercent *float64 `json:"change_percent_per_hour,omitempty"`
	LowPercent    *float64 `json:"low_percent_per_hour,omitempty"`
	HighPercent   *float64 `json:"high_percent_per_hour,omitempty"`
}

// Moment is what was read at a time.
type Moment struct {
	AtS        float64  `json:"at_s"` // since the first reading
	RSS        *float64 `json:"rss_bytes,omitempty"`
	Live       *float64 `json:"live_heap_bytes,omitempty"`
	Goroutines *float64 `json:"goroutines,omitempty"`
	Operations *float64 `json:"operations,omitempty"` // since the first reading
}

// check refuses what no run could have written.
func (s *Stability) check() error {
	if err := s.Verdict.check(); err != nil {
		return err
	}
	if max(len(s.Moments), len(s.Series), len(s.Causes), len(s.Files)) > maxEntries {
		return fmt.Errorf("more than %d of something", maxEntries)
	}
	for _, t := range s.Series {
		if !slices.Contains([]string{"growing", "inconclusive", "insufficient", "settling", "flat"}, t.Verdict) {
			return fmt.Errorf("series %.60q: verdict %.40q is none", t.Metric, t.Verdict)
		}
	}
	rates := []string{Steady, Degrading, FellOnce, RateUndecided, RateUnjudgable}
	if o := s.Operations; o != nil && (!slices.Contains(rates, o.Verdict) || o.CPU != nil && !slices.Contains(rates, o.CPU.Verdict)) {
		return errors.New("operations: their verdict is none")
	}
	return nil
}
