package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// commandNames are the commands that help lists.
func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	return names
}

func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show how a command is used",
		Example: "  heaptop help\n  heaptop help stability\n  heaptop help debug leaks",
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			of, _, err := c.Root().Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(of), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 || found.Hidden {
				typed := strings.Join(args, " ")
				return usagef("see heaptop help", "no command %q%s", typed, didYouMean("", typed, commandNames(c.Root())))
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}
