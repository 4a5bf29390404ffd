package run

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// How often a scenario runs where nothing is compared and nothing is said.
const (
	plainRuns = 3
	longRun   = time.Minute // from here on once: such runs are for trends
)

// job is a scenario, or one benchmark of it, to be run as often as its judges ask.
type job struct {
	scenario *policy.Scenario
	name     string
	at       *side // the current one
	rivals   []*rival
	fresh    []string           // why there is nothing to compare with: the scenario is new there
	quanta   map[string]float64 // of metrics whose fractions were recovered
	run      func(ctx context.Context, at *side, profiles bool) (*once, error)
	limits   func(gates.Limit) bool // those that concern this benchmark; nil: all
	runs     int                    // made so far
	most     int                    // to be made at most
	took     time.Duration          // by those that were made
	current  []*once
	others   map[*side][]*once
	failed   *side // the one whose run failed
}

// rival is another side to compare with.
type rival struct {
	at        *side
	identical bool
	missing   bool // the scenario is new there
}

// prepare makes and builds the sides that a scenario needs.
func (r *runner) prepare(ctx context.Context, j *job) error {
	s := j.scenario
	j.at = r.trees.user()
	refs := []struct{ ref, label string }{{s.Against, "baseline"}, {s.Anchor, "anchor"}}
	for _, ref := range refs {
		if ref.ref == "" {
			continue
		}
		r.say(Progress{Scenario: s.Name, Stage: "prepare " + ref.label + " " + ref.ref})
		notes := len(r.trees.notes)
		at, err := r.trees.at(ctx, ref.ref, ref.label)
		if err != nil {
			return err
		}
		if j.at, err = r.trees.working(ctx); err != nil {
			return err
		}
		r.report.Warnings = append(r.report.Warnings, r.trees.notes[notes:]...)
		j.rivals = append(j.rivals, &rival{at: at})
	}
	if err := r.build(ctx, s, j.at); err != nil {
		return err
	}
	rivals := j.rivals
	j.rivals = nil
	for _, v := range rivals {
		err := r.build(ctx, s, v.at)
		if err == nil && !exists(v.at.folder(s)) {
			err = fmt.Errorf("run %s (%s): it has no folder %s", s.Name, v.at.describe(), s.Dir)
		}
		if err != nil && ctx.Err() == nil && r.isNew(s, v.at) {
			j.fresh = append(j.fresh, fmt.Sprintf("the scenario is new: there is nothing to compare with in %s (%v)", v.at.describe(), err))
			continue
		}
		if err != nil {
			return err
		}
		j.rivals = append(j.rivals, v)
		if v.identical, err = r.same(ctx, s, j.at, v.at); err != nil {
			return err
		}
	}
	return nil
}

// judge runs a job and judges what it gave.
func (r *runner) judge(ctx context.Context, j *job) (*gates.Scenario, error) {
	began := r.options.now()
	s := j.scenario
	out := &gates.Scenario{Name: j.name, Kind: s.Kind, Sessions: s.Sessions, Seed: r.options.drawn(s)}
	err := r.compare(ctx, j, out)
	if err == nil {
		err = r.alone(ctx, j)
	}
	out.Metrics = summarize(j.current)
	out.Runs, out.Sessions = len(j.current), j.perSession()
	out.Warnings = append(out.Warnings, notes(j.current)...)
	limits := slices.DeleteFunc(slices.Clone(s.Limits), func(l gates.Limit) bool { return j.limits != nil && !j.limits(l) })
	out.Gates = gates.Evaluate(limits, out.Metrics)
	out.Trend = trendOf(j.current, limits)
	if err == nil {
		err = r.compareStored(j, out)
	}
	if ctx.Err() == nil {
		out.Warnings = append(out.Warnings, gates.ApplyAccepts(j.name, out.Comparisons, j.accepts(), r.options.now())...)
	}
	if err == nil && !s.Helper && !r.options.dry {
		err = r.blame(ctx, j, out)
	}
	out.DurationS = r.since(began)
	if err != nil {
		out.Error = faultWords(ctx, err)
	}
	return out, err
}

func faultWords(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		cause := context.Cause(ctx).Error()
		if strings.HasPrefix(cause, "interrupted") { // and by whom
			return cause
		}
		return "interrupted: " + cause
	}
	return err.Error()
}

// compare runs both sides of every comparison.
func (r *runner) compare(ctx context.Context, j *job, out *gates.Scenario) error {
	j.others = map[*side][]*once{}
	for _, why := range j.fresh {
		out.Warnings = append(out.Warnings, why)
		out.Comparisons = append(out.Comparisons, undecided(j.scenario, j.scenario.Compare, why)...)
	}
	for i, v := range j.rivals {
		settings := j.settings(v.at)
		if v.identical {
			same := gates.Identical(slices.DeleteFunc(comparable(settings), func(metric string) bool { return !j.scenario.Measures(metric) }))
			for k := range same {
				same[k].Against = settings.Against
			}
			out.Comparisons = append(out.Comparisons, same...)
			continue
		}
		if err := r.against(ctx, j, v, gates.NewComparer(settings, comparable(settings), r.seed+uint64(i)), out); err != nil {
			return err
		}
	}
	return nil
}

// against makes the runs that one comparison asks for.
func (r *runner) against(ctx context.Context, j *job, v *rival, c *gates.Comparer, out *gates.Scenario) error {
	j.most = j.runs + c.Most()
	for sides := c.Next(); len(sides) > 0; sides = c.Next() {
		for _, which := range sides {
			at := j.at
			if which == gates.Baseline {
				at = v.at
			}
			got, err := r.once(ctx, j, at)
			if err != nil {
				return r.unfinished(ctx, j, v, c, out, err)
			}
			if err := c.Add(which, got.values); err != nil {
				return err
			}
		}
	}
	out.Comparisons = append(out.Comparisons, c.Result()...)
	return nil
}

// unfinished takes what a comparison has so far when a run failed. Where the other side's policy does not have the scenario
// and no run of that side ever came to its end, the scenario is new there.
func (r *runner) unfinished(ctx context.Context, j *job, v *rival, c *gates.Comparer, out *gates.Scenario, err error) error {
	if ctx.Err() == nil && len(j.others[v.at]) == 0 && j.failed == v.at && r.isNew(j.scenario, v.at) {
		why := fmt.Sprintf("the scenario is new: there is nothing to compare with in %s (%v)", v.at.describe(), err)
		out.Warnings = append(out.Warnings, why)
		out.Comparisons = append(out.Comparisons, undecided(j.scenario, j.settings(v.at), why)...)
		v.missing = true
		return nil
	}
	out.Comparisons = append(out.Comparisons, c.Result()...)
	return err
}

// accepts are the entries of the policy that concern this job: those of its scenario, and of its benchmark alone.
func (j *job) accepts() []gates.Accept {
	var out []gates.Accept
	for _, a := range j.scenario.Accept {
		if a.Scenario == j.scenario.Name {
			a.Scenario = j.name
		}
		out = append(out, a)
	}
	return out
}

// settings are those of a comparison with a side.
func (j *job) settings(at *side) gates.CompareSettings {
	s := j.scenario.Compare
	s.Against = cmp.Or(at.name, s.Against)
	if at.label == "anchor" {
		s.Against = "anchor " + s.Against
	}
	s.Quanta = j.quanta
	if s.Runs == 0 {
		s.Runs = j.scenario.Runs
	}
	return s
}

// comparable are the metrics that are compared.
func comparable(s gates.CompareSettings) []string {
	var out []string
	for _, m := range gates.Metrics() {
		if s.Compares(m.Name) {
			out = append(out, m.Name)
		}
	}
	return out
}

// undecided is what is said of a scenario that the other side does not have.
func undecided(of *policy.Scenario, s gates.CompareSettings, why string) []gates.Comparison {
	out := gates.Identical(slices.DeleteFunc(s.GatedMetrics(), func(metric string) bool { return !of.Measures(metric) }))
	for i := range out {
		out[i].Verdict, out[i].Method, out[i].ChangePercent = gates.Inconclusive, "", nil
		out[i].Reason, out[i].Gated, out[i].OnInconclusive = why, true, cmp.Or(s.OnInconclusive, gates.InconclusiveWarn)
	}
	return out
}

// alone runs the current side until there are as many runs as its limits and a stored baseline need.
func (r *runner) alone(ctx context.Context, j *job) error {
	want := r.wanted(j)
	j.most = max(j.most, j.runs+want-len(j.current))
	for len(j.current) < want {
		if _, err := r.once(ctx, j, j.at); err != nil {
			return err
		}
	}
	return nil
}

// wanted is how many runs of the current side there have to be.
func (r *runner) wanted(j *job) int {
	s := j.scenario
	compared := slices.ContainsFunc(j.rivals, func(v *rival) bool { return !v.identical && !v.missing })
	switch {
	case compared:
		return len(j.current)
	case s.Runs > 0:
		return s.Runs
	case r.baseline != nil:
		if n := gates.StoredRuns(r.baseline.runs(j.name)); n > 0 {
			return n
		}
	case s.Duration >= longRun || s.Kind == gates.KindTarget:
		return 1
	}
	return plainRuns
}

// once makes one run on a side and keeps what it gave.
func (r *runner) once(ctx context.Context, j *job, at *side) (*once, error) {
	j.runs++
	p := Progress{Scenario: j.name, Stage: "run " + at.label, Run: j.runs, Most: max(j.most, j.runs)}
	if done := j.runs - 1; done > 0 {
		p.Left = j.took / time.Duration(done) * time.Duration(p.Most-done)
	}
	r.say(p)
	began := time.Now()
	got, err := j.run(ctx, at, false)
	j.took += time.Since(began)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		j.failed = at
		return nil, fmt.Errorf("run %d (%s): %w%s", j.runs, at.describe(), err, at.hint(err))
	}
	if at == j.at {
		j.current = append(j.current, got)
	} else {
		j.others[at] = append(j.others[at], got)
	}
	return got, nil
}

// summarize makes the report's metrics of what the runs of one side gave. A metric that one run lacks is missing: runs are
// never dropped.
func summarize(runs []*once) map[string]gates.Measured {
	out := map[string]gates.Measured{}
	for _, m := range gates.Metrics() {
		var values []float64
		var lack *missing
		first := 0
		source := ""
		for i, o := range runs {
			v, ok := o.values[m.Name]
			if ok {
				values, source = append(values, v), o.sources[m.Name]
				continue
			}
			if why, ok := o.missing[m.Name]; ok && lack == nil {
				lack, first = &why, i+1
			}
		}
		switch {
		case len(values) == len(runs) && len(runs) > 0:
			out[m.Name] = gates.Measure(m, source, values)
		case lack != nil && len(values) > 0:
			out[m.Name] = gates.NotMeasured(m, fmt.Sprintf("run %d of %d: %s", first, len(runs), lack.why), lack.short)
		case lack != nil:
			out[m.Name] = gates.NotMeasured(m, lack.why, lack.short)
		case len(values) > 0:
			out[m.Name] = gates.NotMeasured(m, fmt.Sprintf("%d of %d runs gave none", len(runs)-len(values), len(runs)), false)
		}
	}
	return out
}

// notes are the warnings of all runs, each once.
func notes(runs []*once) []string {
	var out []string
	for _, o := range runs {
		for _, n := range o.notes {
			if !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	return out
}
