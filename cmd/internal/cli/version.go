package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const versionLong = `Print the version, and the Go release and the system that heaptop was built with and for. A second line has the commit, its
time, and whether the sources were changed since, where go build noted them: a build in a git repository does, and go install of
a released version has the version alone.`

func newVersion(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version, the commit and the Go release heaptop was built with",
		Long:              versionLong,
		Example:           "  heaptop version",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			info, _ := debug.ReadBuildInfo()
			_, err := fmt.Fprint(env.Out, buildOf(info).words())
			return err
		},
	}
}

// offerVersion makes --version print the same, which many try first.
func offerVersion(root *cobra.Command) {
	info, _ := debug.ReadBuildInfo()
	root.Version = buildOf(info).words()
	root.SetVersionTemplate("{{.Version}}")
	root.Flags().Bool("version", false, "the same as heaptop version")
}

// version is what reports, recordings and the screen name: the version, and the commit of a build between releases.
func version() string {
	info, _ := debug.ReadBuildInfo()
	return buildOf(info).name()
}

// build is what the Go toolchain noted in the binary.
type build struct {
	version string    // of the module, "" where it is not known
	commit  string    // in full, "" where it is not known
	time    time.Time // of the commit
	changed bool      // the sources were not those of the commit
}

func buildOf(info *debug.BuildInfo) build {
	var b build
	if info == nil {
		return b
	}
	if v := info.Main.Version; v != "(devel)" {
		b.version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil {
				b.time = at.UTC()
			}
		case "vcs.modified":
			b.changed = s.Value == "true"
		}
	}
	return b
}

// digits are as many of a commit as are said.
func (b build) digits() string { return b.commit[:min(len(b.commit), 12)] }

func (b build) name() string {
	name := b.version
	if name == "" {
		name = "development"
	}
	// The version of a build between releases names the commit itself, and says +dirty.
	if b.commit != "" && !strings.Contains(name, b.digits()) {
		name += ", commit " + b.digits()
		if b.changed {
			name += " with changes"
		}
	}
	return name
}

func (b build) words() string {
	v := b.version
	if v == "" {
		v = "development"
	}
	text := fmt.Sprintf("heaptop %s (%s %s/%s)\n", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if b.commit == "" {
		return text
	}
	text += "commit " + b.commit
	if !b.time.IsZero() {
		text += " of " + b.time.Format(time.RFC3339)
	}
	if b.changed {
		text += ", with changes"
	}
	return text + "\n"
}

// noArgs refuses arguments behind a command that takes none.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("see "+c.CommandPath()+" --help", "%s takes no argument, but %q was given", c.CommandPath(), args[0])
	}
	return nil
}
