package cli

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates/run"
)

// ballastCommand is the hidden command by which the binary starts itself again to carry ballast for --selftest.
const ballastCommand = "run-ballast"

func newBallast() *cobra.Command {
	return &cobra.Command{
		Use:    ballastCommand + " BYTES",
		Short:  "Hold so many bytes in this process for a moment",
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("", "%s wants a number of bytes", ballastCommand)
			}
			n, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return usagef("", "%s wants a number of bytes, not %q", ballastCommand, args[0])
			}
			return run.Carry(n)
		},
	}
}
