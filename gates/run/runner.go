package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// runner runs the scenarios of one policy, one after another.
type runner struct {
	options  *Options
	policy   *policy.Policy
	dir      string // the policy's folder
	seed     uint64
	report   *gates.Report
	trees    trees
	baseline *stored
	done     map[string]*gates.Scenario // for overheads, helpers among them
	number   int
}

// Run measures and judges the scenarios of the policy, and returns the report. What of a scenario could not be measured
// is in the report; an error says that nothing could be begun, and wraps ErrUsage where what the user named is wrong.
// When ctx ends, the report of what was done so far is returned besides the cause, its scenario unmeasured; whatever was
// started has ended, and worktrees and temporary files are gone.
func Run(ctx context.Context, o Options) (report *gates.Report, err error) {
	r, err := newRunner(ctx, &o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := r.trees.close(); closed != nil {
			r.report.Warnings = append(r.report.Warnings, closed.Error())
		}
		if report != nil {
			report.FinishedAt = o.now()
			report.Judge()
		}
	}()
	r.report.Warnings = append(r.report.Warnings, o.Policy.Warnings...)
	if o.Baseline != "" {
		if r.baseline, err = readStored(o.Baseline, o.Policy); err != nil {
			return nil, err
		}
		r.report.Warnings = append(r.report.Warnings, r.baseline.warnings(r.report.Environment)...)
	}
	for i := range o.Policy.Scenarios {
		s := &o.Policy.Scenarios[i]
		r.number = i + 1
		all, err := r.scenario(ctx, s)
		for j := range all {
			all[j].Judge()
			r.done[all[j].Name] = &all[j]
			if !s.Helper {
				r.report.Scenarios = append(r.report.Scenarios, all[j])
			}
		}
		if ctx.Err() != nil {
			return r.report, context.Cause(ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return r.report, nil
}

func newRunner(ctx context.Context, o *Options) (*runner, error) {
	if o.Policy == nil || len(o.Policy.Scenarios) == 0 {
		return nil, errors.New("run scenarios: there is none")
	}
	if err := checkServers(o.Policy); err != nil {
		return nil, err
	}
	dir := filepath.Dir(o.Policy.Path)
	if o.Policy.Path == "" {
		dir = "."
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the policy's folder: %w", err)
	}
	r := &runner{options: o, policy: o.Policy, dir: dir, seed: o.seed(), done: map[string]*gates.Scenario{}}
	r.trees.dir = dir
	r.report = &gates.Report{Schema: gates.ReportSchema, Tool: o.Tool, StartedAt: o.now(), Seed: r.seed, Environment: describe(ctx, dir, o.Environment)}
	return r, nil
}

// scenario measures and judges one scenario; a bench gives one for each benchmark. Only the end of ctx and errors that wrap
// ErrUsage are returned.
func (r *runner) scenario(ctx context.Context, s *policy.Scenario) ([]gates.Scenario, error) {
	began := r.options.now()
	all, err := r.measureKind(ctx, s)
	switch {
	case err == nil:
		return all, nil
	case errors.Is(err, ErrUsage):
		return nil, err
	}
	if len(all) == 0 {
		all = []gates.Scenario{{Name: s.Name, Kind: s.Kind, Sessions: s.Sessions, DurationS: r.options.now().Sub(began).Seconds(),
			Gates: gates.Evaluate(s.Limits, nil), Metrics: map[string]gates.Measured{}}}
	}
	last := &all[len(all)-1]
	if last.Error == "" {
		last.Error = faultWords(ctx, err)
	}
	return all, nil
}

func (r *runner) measureKind(ctx context.Context, s *policy.Scenario) ([]gates.Scenario, error) {
	switch s.Kind {
	case gates.KindOverhead:
		if s.Overhead.Redis != nil {
			return r.redisOverhead(ctx, s)
		}
		return r.overhead(s)
	case gates.KindBench:
		return r.bench(ctx, s)
	case gates.KindTarget:
		return r.target(ctx, s)
	case gates.KindCommand, gates.KindBuiltin:
		return r.command(ctx, s)
	}
	return nil, fmt.Errorf("scenario %s: its kind %q is not known", s.Name, s.Kind)
}

// say tells what is being done.
func (r *runner) say(p Progress) {
	if r.options.Progress == nil {
		return
	}
	p.Number, p.Of = r.number, len(r.policy.Scenarios)
	r.options.Progress(p)
}

// command measures a command or a built-in workload, on both sides where there are two.
func (r *runner) command(ctx context.Context, s *policy.Scenario) ([]gates.Scenario, error) {
	j := &job{scenario: s, name: s.Name}
	if err := r.prepare(ctx, j); err != nil {
		return nil, err
	}
	j.run = func(ctx context.Context, at *side, profiles bool) (*once, error) {
		c, err := r.newCommand(s, at)
		if err != nil {
			return nil, err
		}
		var env []string
		if profiles {
			env = finer(c.env)
		}
		return c.measure(ctx, profiles, env...)
	}
	out, err := r.judge(ctx, j)
	return []gates.Scenario{*out}, err
}

// since is the time from a moment on the options' clock, in seconds.
func (r *runner) since(began time.Time) float64 { return max(r.options.now().Sub(began).Seconds(), 0) }

// exists reports whether a path is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
