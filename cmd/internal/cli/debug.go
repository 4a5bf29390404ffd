package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

const debugLong = `Look into one target and report what was found, as text, JSON, Markdown or a page
for a browser.

The target is named as for the dashboard: a process id or name, a URL of net/http/pprof, a socket of heaptop's agent; or
it is a recording or a snapshot.`

// newDebug returns the command that holds the commands which look into one target.
func newDebug(env *environment) *cobra.Command {
	c := &cobra.Command{
		Use:               "debug COMMAND [TARGET]",
		Short:             "Look into one target and report what was found",
		Long:              debugLong,
		Example:           "  heaptop debug analyze 4242\n  heaptop debug hotspots --holders 4242",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			known := commandNames(c)
			return usagef("see heaptop debug --help", "no command %q: heaptop debug knows %s%s", args[0], strings.Join(known, ", "), didYouMean("", args[0], known))
		},
	}
	c.AddCommand(newAnalyze(env), newHotspots(env), newOptimize(env), newLeaks(env))
	return c
}
