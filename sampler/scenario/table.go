package scenario

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/alloc-dev/heaptop/sampler/agent"
	"github.com/alloc-dev/heaptop/sampler/scenario/demo"
)

// The suites.
const (
	TerminalOperations = "terminal_operations"
	PluginSystem       = "plugin_system"
	LoadTesting        = "load_testing"
	Stability          = "stability"
)

// All returns the table of scenarios: the demonstration, then the suites.
func All() []Scenario {
	return slices.Concat([]Scenario{
		{
			Name:    "demo",
			Summary: "A small shop with steady traffic, a cache that fills and stays, and one slow leak.",
			// Finer than the runtime's 512 KiB, so that the first seconds already have sites to show.
			Env:      []string{"GODEBUG=memprofilerate=65536"},
			Sessions: 1,
			Serve:    runDemo,
		},
	}, terminalOperations(), pluginSystem(), loadTesting(), stability())
}

// Find returns the scenario of that name.
func Find(name string) (Scenario, bool) {
	for _, s := range All() {
		if s.Name == name {
			return s, true
		}
	}
	return Scenario{}, false
}

func runDemo(ctx context.Context, w io.Writer) error {
	listening, err := agent.Listen(agent.Options{})
	if err != nil {
		// The shop is worth watching without it.
		fmt.Fprintf(w, "shop: no agent: %v\n", err)
	} else {
		defer listening.Close()
	}
	return demo.Run(ctx, w, demo.DefaultSeed)
}

// Suites are the names of the groups that hold scenarios, in the table's order.
func Suites() []string {
	var names []string
	for _, s := range All() {
		if s.Suite != "" && !slices.Contains(names, s.Suite) {
			names = append(names, s.Suite)
		}
	}
	return names
}

// Suite returns the scenarios of a group, none where there is no such group.
func Suite(name string) []Scenario {
	return slices.DeleteFunc(All(), func(s Scenario) bool { return name == "" || s.Suite != name })
}
