package cli

import (
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/tui/theme"
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

const mostHelp = 1000 // lines of a paragraph: there is no such paragraph

// fitHelp gives the help of all commands the width of the terminal.
func fitHelp(root *cobra.Command, out io.Writer) {
	width := textWidth(out)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped "+strconv.Itoa(width)))
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		long := c.Long
		c.Long = reflow(long, width)
		help(c, args)
		c.Long = long
	})
}

// reflow breaks text at width. Lines that begin with a space are a list: they stay lines, and what is too long goes on
// below the text of its second column.
func reflow(text string, width int) string {
	var out []string
	paragraph := ""
	end := func() {
		if paragraph != "" {
			out = append(out, theme.Wrap(paragraph, width, mostHelp)...)
		}
		paragraph = ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
			end()
			out = append(out, "")
		case line[0] == ' ':
			end()
			out = append(out, hang(line, width)...)
		case paragraph == "":
			paragraph = line
		default:
			paragraph += " " + line
		}
	}
	end()
	return strings.Join(out, "\n")
}

// hang breaks a line of two columns within the second.
func hang(line string, width int) []string {
	const narrow = 24 // of the second column: below it, breaking makes it worse
	gap := strings.LastIndex(line, "  ") + 2
	if len(line) <= width || strings.TrimSpace(line[:gap]) == "" || width-gap < narrow {
		return []string{line}
	}
	var out []string
	for _, text := range theme.Wrap(line[gap:], width-gap, mostHelp) {
		out = append(out, strings.Repeat(" ", gap)+text)
	}
	out[0] = line[:gap] + out[0][gap:]
	return out
}
