package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func newCompletion(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "completion " + strings.Join(shells(), "|"),
		Short: "Print the completion script for a shell",
		Long: `Print the script that teaches a shell to complete heaptop's commands and flags, their values, and the names of processes that
run. zsh completes once compinit is on: autoload -U compinit; compinit.`,
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
				return bashCompletion(env.Out, root)
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

// bashAlone stands in for the package bash-completion, which a bare system does not have.
const bashAlone = `# These two stand in for the package bash-completion where it is not installed.
__heaptop_words()
{
    if declare -F _get_comp_words_by_ref >/dev/null 2>&1; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    local line="${COMP_LINE:0:COMP_POINT}"
    read -r -a words <<<"${line}"
    if [[ ${line} == *[[:space:]] ]]; then
        words+=("")
    fi
    cword=$((${#words[@]} - 1))
    cur="${words[cword]}"
    prev="${words[cword - 1]}"
}

__heaptop_files()
{
    if declare -F _filedir >/dev/null 2>&1; then
        _filedir "$@"
        return
    fi
    local kind=-f
    if [[ ${1-} == -d ]]; then
        kind=-d
    fi
    compopt -o filenames 2>/dev/null
    while IFS='' read -r comp; do
        COMPREPLY+=("${comp}")
    done < <(compgen "${kind}" -- "${cur}")
}

`

// bashCompletion prints the script for bash, which also works where the package bash-completion is not installed.
func bashCompletion(w io.Writer, root *cobra.Command) error {
	var script bytes.Buffer
	if err := root.GenBashCompletionV2(&script, true); err != nil {
		return fmt.Errorf("write the completion script for bash: %w", err)
	}
	alone := strings.NewReplacer(`_get_comp_words_by_ref "$@" cur prev words cword`, `__heaptop_words "$@"`, "_filedir", "__heaptop_files")
	_, err := io.WriteString(w, bashAlone+alone.Replace(script.String()))
	return err
}
