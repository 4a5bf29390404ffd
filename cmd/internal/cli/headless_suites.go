package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// suite is a built-in set of scenarios that --suite names.
type suite struct {
	name string
	of   func() []policy.Scenario
}

// suites is the table of them. To add one is to add a row.
func suites() []suite {
	list := []suite{{"builtin", func() []policy.Scenario { return builtinScenarios(scenario.All()) }}}
	for _, name := range scenario.Suites() {
		list = append(list, suite{name, func() []policy.Scenario { return builtinScenarios(scenario.Suite(name)) }})
	}
	return append(list, suite{redisSuite, func() []policy.Scenario { return nil }}) // of the server that is named
}

func suiteNames() []string {
	var names []string
	for _, s := range suites() {
		names = append(names, s.name)
	}
	return names
}

// suiteOf returns the scenarios of a suite, none where no suite has that name.
func suiteOf(name string) []policy.Scenario {
	list := suites()
	i := slices.IndexFunc(list, func(s suite) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return list[i].of()
}

// usualSuites are those that are run where nobody says what.
func usualSuites() []string {
	return []string{scenario.TerminalOperations, scenario.PluginSystem, scenario.LoadTesting}
}

// builtinNames are the names of the built-in workloads.
func builtinNames() []string {
	var names []string
	for _, s := range scenario.All() {
		names = append(names, s.Name)
	}
	return names
}

// withoutPolicy makes the policy where there is no file and no target: of the built-in scenarios that were named, else of the
// usual suites.
func (a *asked) withoutPolicy() (*policy.Policy, error) {
	if a.environment != "" {
		return nil, usagef(noPolicy, "--environment %s: there is no %s here", a.environment, policy.Name)
	}
	var list []policy.Scenario
	for _, name := range a.scenarios {
		s, ok := scenario.Find(name)
		if !ok {
			return nil, usagef("see heaptop scenarios, or write a policy", "--scenario %s: there is no %s here, and no built-in scenario of that name%s", name,
				policy.Name, didYouMean("", name, builtinNames()))
		}
		list = append(list, builtinScenarios([]scenario.Scenario{s})...)
	}
	if len(list) > 0 {
		return policy.Of(a.flags, list...)
	}
	for _, name := range usualSuites() {
		list = append(list, suiteOf(name)...)
	}
	if len(list) == 0 {
		return nil, usagef(noPolicy, "there is no %s here, and no target is named", policy.Name)
	}
	p, err := policy.Of(a.flags, list...)
	if err == nil {
		a.instead = fmt.Sprintf("there is no %s here and no target is named: the %d built-in scenarios of %s are measured, with the preset %s", policy.Name,
			len(list), strings.Join(usualSuites(), ", "), p.Scenarios[0].Preset)
	}
	return p, err
}

// builtinScenarios makes a scenario of the policy of each workload.
func builtinScenarios(list []scenario.Scenario) []policy.Scenario {
	var out []policy.Scenario
	for _, s := range list {
		out = append(out, policy.Scenario{Kind: gates.KindBuiltin, Builtin: s.Name})
	}
	return out
}
