package run

import (
	"path/filepath"
	"slices"

	"github.com/alloc-dev/heaptop/gates/policy"
)

// isNew reports whether a side's own policy does not have the scenario: then that it cannot be built there says nothing.
func (r *runner) isNew(s *policy.Scenario, at *side) bool {
	if r.policy.Path == "" {
		return false
	}
	path := filepath.Join(at.base, filepath.Base(r.policy.Path))
	if !exists(path) {
		return true
	}
	then, err := policy.Read(path, policy.Options{Flags: policy.Flags{NoGates: true}})
	if err != nil {
		return false // nobody knows: it stays an error
	}
	return !slices.ContainsFunc(then.Scenarios, func(t policy.Scenario) bool { return t.Name == s.Name })
}
