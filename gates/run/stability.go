package run

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/sampler"
)

// StabilitySubject is a workload that is watched for long: a command that is started for it, or a target that runs already.
type StabilitySubject struct {
	Name     string
	Kind     gates.Kind
	Command  []string // with its arguments; nil where Line or Target is set
	Line     string   // for the shell
	Env      []string // added to heaptop's own environment
	Target   sampler.Target
	Sessions int           // that the workload serves; 0 is 1
	Quiet    bool          // what it writes is nobody's concern, unless it fails
	Dir      string        // the folder it is started in, "" for heaptop's own
	Build    string        // a line for the shell that is run there first, "" for none
	Limits   []gates.Limit // on growth, in place of those of the options on the same metric
}

// limits are the options' and the subject's own, which are stronger.
func (s *StabilitySubject) limits(o *StabilityOptions) []gates.Limit {
	out := slices.DeleteFunc(slices.Clone(o.Limits), func(l gates.Limit) bool {
		return slices.ContainsFunc(s.Limits, func(own gates.Limit) bool { return own.Metric == l.Metric })
	})
	return append(out, s.Limits...)
}

// StabilityOptions says what is watched for long, and what is made of it.
type StabilityOptions struct {
	Subjects []StabilitySubject
	// Duration is how long each is watched.
	Duration time.Duration
	// Interval is between the moments that the report keeps and Progress is told of as such. How often is read follows from
	// the duration.
	Interval time.Duration
	// Serial watches one subject after the other; else all are watched at the same time.
	Serial bool
	// Load is a line for the shell that makes load on a subject: it is started once the subject can be read, and ended with it.
	Load string
	// Per is the counter of the work done; "" for sampler.WorkOperations.
	Per sampler.Metric
	// Threshold is the most that memory may grow in all, in bytes; 0 for no such limit.
	Threshold float64
	// Limits are gated besides: those on growth. A subject may have its own.
	Limits []gates.Limit
	// OnInconclusive is what becomes of what the time did not decide: gates.InconclusivePass, InconclusiveWarn or
	// InconclusiveFail; "" is InconclusiveWarn.
	OnInconclusive string
	// Folder takes profiles and recordings; "" for none. It must exist.
	Folder string
	// Tool is the heaptop that measures, for the report and the recordings.
	Tool gates.Tool
	// Progress hears of every reading; nil means nobody asks. It is called by one goroutine at a time.
	Progress func(StabilityProgress)
	// Log takes what the commands write; nil drops it. It must be safe for concurrent use.
	Log io.Writer
	// Hurry, once closed, kills what was started at once instead of waiting for it to end; nil never does.
	Hurry <-chan struct{}
	// Now is the clock of the report; nil means time.Now.
	Now func() time.Time

	started time.Time // of the report: what the names of files end with
}

// StabilityProgress is how far the watch of one subject is. A reading that is not known is not OK.
type StabilityProgress struct {
	Subject    string
	Watched    time.Duration
	Left       time.Duration
	RSS, Live  sampler.Reading // bytes
	Goroutines sampler.Reading
	Used       sampler.Reading // bytes, a data server's used_memory
	Operations sampler.Reading // since the first reading
	Moment     bool            // the first reading of another interval
	Ended      bool            // no more is read of this subject
}

func (o *StabilityOptions) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

func (o *StabilityOptions) per() sampler.Metric {
	if o.Per == "" {
		return sampler.WorkOperations
	}
	return o.Per
}

// Stability watches workloads for long while they are alive, and judges whether they leak, by how much they grow, and
// whether their work becomes slower. Commands are started for it and ended after the last reading. A workload that ends
// before its time is unmeasured, and so is one whose load generator fails; what was seen of it is in the report all the
// same. When ctx ends, the report of what was seen until then is returned besides the cause.
func Stability(ctx context.Context, o StabilityOptions) (*gates.Report, error) {
	if len(o.Subjects) == 0 || o.Duration <= 0 {
		return nil, errors.New("watch for stability: there is nothing to watch, or no time")
	}
	report := &gates.Report{Schema: gates.ReportSchema, Tool: o.Tool, StartedAt: o.now(), Environment: describe(ctx, ".", "")}
	o.started = report.StartedAt
	tell := o.Progress
	var mu sync.Mutex
	o.Progress = func(p StabilityProgress) {
		mu.Lock()
		defer mu.Unlock()
		if tell != nil {
			tell(p)
		}
	}
	out := make([]*gates.Scenario, len(o.Subjects))
	var all sync.WaitGroup
	for i := range o.Subjects {
		watch := func() { out[i] = watchLong(ctx, &o, &o.Subjects[i]) }
		if o.Serial {
			if ctx.Err() == nil {
				watch()
			}
			continue
		}
		all.Go(watch)
	}
	all.Wait()
	for _, s := range slices.DeleteFunc(out, func(s *gates.Scenario) bool { return s == nil }) {
		report.Scenarios = append(report.Scenarios, *s)
	}
	report.FinishedAt = o.now()
	report.Judge()
	if ctx.Err() != nil {
		return report, context.Cause(ctx)
	}
	return report, nil
}
