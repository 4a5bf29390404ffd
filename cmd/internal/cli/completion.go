package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func newCompletion(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells(), "|"),
		Short: "Print the completion script for a shell",
		Long:  "Print the script that teaches a shell to complete heaptop's commands and flags.",
		Example: `  source <(heaptop completion bash)
  heaptop completion zsh > "${fpath[1]}/_heaptop"
  heaptop completion fish > ~/.config/fish/completions/heaptop.fish
  heaptop completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: shells(),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("see heaptop completion --help", "want one shell: %s", strings.Join(shells(), ", "))
			}
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(env.Out, true)
			case "zsh":
				return root.GenZshCompletion(env.Out)
			case "fish":
				return root.GenFishCompletion(env.Out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(env.Out)
			}
			return usagef("see heaptop completion --help", "unknown shell %q, known are %s%s",
				args[0], strings.Join(shells(), ", "), didYouMean("", args[0], shells()))
		},
	}
}
