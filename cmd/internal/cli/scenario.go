package cli

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// scenarioCommand is the hidden command by which the binary starts itself again to run a built-in workload.
const scenarioCommand = "run-scenario"

func newScenario(env *environment) *cobra.Command {
	r := scenario.Run{}
	c := &cobra.Command{
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
			return r.Do(c.Context(), s, env.Out)
		},
	}
	bindWorkload(c.Flags(), &r)
	return c
}

// bindWorkload adds the flags that say how much of a workload is run.
func bindWorkload(f *pflag.FlagSet, r *scenario.Run) {
	f.Var(&seed{&r.Seed}, "seed", "the `NUMBER` that the workload draws from")
	f.Var(&stepCount{&r.Steps}, "steps", "how many steps after the warm-up")
	f.Var(&span{&r.Duration, 0, 1000 * time.Hour}, "duration", "for how long after the warm-up, in place of a number of steps")
	f.Var(&stepRate{&r.Rate}, "rate", "how many steps a second")
}

// stepCount is a flag that takes a number of steps.
type stepCount struct{ value *int }

func (s *stepCount) String() string { return "" }
func (s *stepCount) Type() string   { return "N" }

func (s *stepCount) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > scenario.MaxSteps {
		return errors.New("want a number from 1 to " + strconv.Itoa(scenario.MaxSteps))
	}
	*s.value = n
	return nil
}

// stepRate is a flag that takes steps a second.
type stepRate struct{ value *float64 }

func (s *stepRate) String() string { return "" }
func (s *stepRate) Type() string   { return "N" }

func (s *stepRate) Set(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v > 0 && v <= scenario.MaxRate) {
		return errors.New("want steps a second, up to " + strconv.Itoa(scenario.MaxRate))
	}
	*s.value = v
	return nil
}
