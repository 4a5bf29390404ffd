package cli

import (
	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// scenarioCommand is the hidden command by which the binary starts itself again to run a built-in workload.
const scenarioCommand = "run-scenario"

func newScenario(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:    scenarioCommand + " NAME",
		Short:  "Run a built-in workload in this process",
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "%s wants one name", scenarioCommand)
			}
			s, ok := scenario.Find(args[0])
			if !ok {
				return usagef("", "no built-in workload is named %q", args[0])
			}
			return s.Serve(c.Context(), env.Out)
		},
	}
}
