// Package scenario lists the built-in workloads. Each runs in a process of its own: the binary starts itself again
// with a hidden command, so that the load never shares a heap with the sampler that measures it and the target is an
// ordinary process. It does not start that process and does not measure; the command line does.
package scenario

import (
	"context"
	"fmt"
	"io"

	"github.com/alloc-dev/heaptop/sampler/agent"
	"github.com/alloc-dev/heaptop/sampler/scenario/demo"
)

// Scenario is a workload.
type Scenario struct {
	// Name is what the command line calls it.
	Name string
	// Summary is one sentence for lists.
	Summary string
	// Env is added to the environment of the process that runs it.
	Env []string
	// Run works until ctx ends or the work is done. It writes its progress to w, a line at a time.
	Run func(ctx context.Context, w io.Writer) error
}

// All returns the table of scenarios.
func All() []Scenario {
	return []Scenario{
		{
			Name:    "demo",
			Summary: "A small shop with steady traffic, a cache that fills and stays, and one slow leak.",
			// Finer than the runtime's 512 KiB, so that the first seconds already have sites to show.
			Env: []string{"GODEBUG=memprofilerate=65536"},
			Run: runDemo,
		},
	}
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
