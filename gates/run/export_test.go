package run

import (
	"context"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
)

// CompareCommands compares two commands as Run compares two sides of one.
func CompareCommands(ctx context.Context, s policy.Scenario, base, current []string, seed uint64) (*gates.Scenario, error) {
	o := Options{Policy: &policy.Policy{Scenarios: []policy.Scenario{s}}, Seed: seed, dry: true}
	r, err := newRunner(ctx, &o)
	if err != nil {
		return nil, err
	}
	j := &job{scenario: &s, name: s.Name, at: r.trees.user()}
	other := &side{label: "baseline", name: "the other command", base: j.at.base}
	j.rivals = []*rival{{at: other}}
	j.run = func(ctx context.Context, at *side, _ bool) (*once, error) {
		s := s
		if s.Command = current; at == other {
			s.Command = base
		}
		c, err := r.newCommand(&s, at)
		if err != nil {
			return nil, err
		}
		return c.measure(ctx, false)
	}
	out, err := r.judge(ctx, j)
	if out != nil {
		out.Judge()
	}
	return out, err
}

// MeasureOnce makes one run of a command.
func MeasureOnce(ctx context.Context, s policy.Scenario) (gates.Run, error) {
	o := Options{Policy: &policy.Policy{Scenarios: []policy.Scenario{s}}}
	r := &runner{options: &o, policy: o.Policy, dir: ".", trees: trees{dir: "."}}
	c, err := r.newCommand(&s, r.trees.user())
	if err != nil {
		return nil, err
	}
	got, err := c.measure(ctx, false)
	if err != nil {
		return nil, err
	}
	return got.values, nil
}
