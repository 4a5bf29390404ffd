package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/tui/theme"
)

const manLong = `Write a manual page for each command into DIR, which is made where it is missing: heaptop.1, heaptop-diff.1 and so on. A
page that is there is written anew. man finds pages in ~/.local/share/man/man1 and /usr/local/share/man/man1.

A page carries the date of SOURCE_DATE_EPOCH, in seconds since 1970, else of the commit that heaptop was built from; where
neither is known it carries none. So the same heaptop writes the same pages.`

// manual are the options of heaptop man.
type manual struct {
	env   *environment
	dir   string
	built *debug.BuildInfo // nil where it is not known
}

func newMan(env *environment) *cobra.Command {
	o := &manual{env: env}
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "Write the manual pages into a folder",
		Long:    manLong,
		Example: "  heaptop man ~/.local/share/man/man1\n  man heaptop-diff",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return usagef("such as heaptop man ~/.local/share/man/man1", "want one folder for the pages")
			}
			o.dir = args[0]
			o.built, _ = debug.ReadBuildInfo()
			return o.run(c.Root())
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

func (o *manual) run(root *cobra.Command) error {
	date, err := o.date()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o777); err != nil {
		return fmt.Errorf("make the folder for the pages: %w", err)
	}
	pages := manPages(root, date)
	for _, p := range pages {
		if err := writeReport(o.env, filepath.Join(o.dir, p.name), func() ([]byte, error) { return p.text, nil }); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(o.env.Out, "wrote %d pages to %s\n", len(pages), theme.Clean(o.dir))
	return err
}

// date is the day of the pages, "" where it is not known.
func (o *manual) date() (string, error) {
	if epoch := o.env.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		const most = 253402300799 // the end of the year 9999
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 || seconds > most {
			return "", usagef("unset it, or give the time of the commit: $(git log -1 --format=%ct)", "SOURCE_DATE_EPOCH=%s is no time in seconds since 1970", epoch)
		}
		return time.Unix(seconds, 0).UTC().Format(time.DateOnly), nil
	}
	if at := buildOf(o.built).time; !at.IsZero() {
		return at.UTC().Format(time.DateOnly), nil
	}
	return "", nil
}
