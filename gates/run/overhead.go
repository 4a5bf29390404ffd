package run

import (
	"fmt"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// overhead is the ratio of one metric of two scenarios that were measured before. Runs are taken in pairs, in their order:
// each pair gives a ratio.
func (r *runner) overhead(s *policy.Scenario) ([]gates.Scenario, error) {
	out := gates.Scenario{Name: s.Name, Kind: s.Kind, Metrics: map[string]gates.Measured{}}
	metric, _ := gates.MetricOf("overhead_ratio")
	var parts [2]gates.Measured
	for i, name := range []string{s.Overhead.Of, s.Overhead.Over} {
		other := r.done[name]
		if other == nil {
			return nil, fmt.Errorf("overhead %s: scenario %s was not measured before it", s.Name, name)
		}
		if other.Error != "" && other.Verdict == gates.Unmeasured && len(other.Metrics) == 0 {
			return nil, fmt.Errorf("overhead %s: scenario %s: %s", s.Name, name, other.Error)
		}
		m, ok := other.Metrics[s.Overhead.Metric]
		if !ok || len(m.Values) == 0 {
			return nil, fmt.Errorf("overhead %s: scenario %s has no %s: %s", s.Name, name, s.Overhead.Metric, m.Missing)
		}
		parts[i] = m
		out.DurationS += other.DurationS
	}
	n := min(len(parts[0].Values), len(parts[1].Values))
	ratios := make([]float64, n)
	for i := range n {
		if parts[1].Values[i] <= 0 {
			return nil, fmt.Errorf("overhead %s: %s of %s is %g: nothing can be divided by it", s.Name, s.Overhead.Metric, s.Overhead.Over, parts[1].Values[i])
		}
		ratios[i] = parts[0].Values[i] / parts[1].Values[i]
	}
	source := fmt.Sprintf("%s of %s over that of %s", s.Overhead.Metric, s.Overhead.Of, s.Overhead.Over)
	out.Runs, out.Metrics[metric.Name] = n, gates.Measure(metric, source, ratios)
	out.Gates = gates.Evaluate(s.Limits, out.Metrics)
	if s.Against != "" || s.Anchor != "" {
		out.Warnings = append(out.Warnings, "an overhead is compared with another commit by its two scenarios")
	}
	err := r.compareStored(&job{scenario: s, name: s.Name}, &out)
	out.Warnings = append(out.Warnings, gates.ApplyAccepts(s.Name, out.Comparisons, s.Accept, r.options.now())...)
	return []gates.Scenario{out}, err
}
