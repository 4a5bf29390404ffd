package cli

import (
	"fmt"
	"slices"
	"strings"

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
	list := []suite{{"builtin", func() []policy.Scenario {
		var all []policy.Scenario
		for _, name := range builtinNames() {
			all = append(all, policy.Builtin(name)...)
		}
		return all
	}}}
	for _, name := range scenario.Suites() {
		list = append(list, suite{name, func() []policy.Scenario { return policy.Builtin(name) }})
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

// withoutPolicy makes the policy where there is no file and no target: of the built-in scenarios and suites that were named,
// else of the usual suites.
func (a *asked) withoutPolicy() (*policy.Policy, error) {
	if a.environment != "" {
		return nil, usagef(noPolicy, "--environment %s: there is no %s here", a.environment, policy.Name)
	}
	asked := a.scenarios
	if len(asked) == 0 || slices.Contains(asked, "all") {
		asked = slices.Concat(usualSuites(), slices.DeleteFunc(slices.Clone(asked), func(name string) bool { return name == "all" }))
	}
	var list []policy.Scenario
	for _, name := range asked {
		found := policy.Builtin(name)
		if len(found) == 0 {
			return nil, usagef("see heaptop scenarios, or write a policy", "--scenario %s: there is no %s here, and no built-in scenario of that name%s", name,
				policy.Name, didYouMean("", name, slices.Concat(builtinNames(), scenario.Suites())))
		}
		for _, s := range found {
			if !slices.ContainsFunc(list, func(o policy.Scenario) bool { return o.Name == s.Name }) {
				list = append(list, s)
			}
		}
	}
	p, err := policy.Of(a.flags, list...)
	if err == nil && len(a.scenarios) == 0 {
		a.instead = fmt.Sprintf("there is no %s here and no target is named: the %d built-in scenarios of %s are measured, with the preset %s", policy.Name,
			len(list), strings.Join(usualSuites(), ", "), p.Scenarios[0].Preset)
	}
	return p, err
}

// toldBrought says which of the names are none of the policy's.
func (a *asked) toldBrought(p *policy.Policy) {
	if len(p.Brought) > 0 {
		a.instead = fmt.Sprintf("%s has no scenario named %s: what heaptop brings under this name is measured, as without a policy", p.Path, strings.Join(p.Brought, ", "))
	}
}
