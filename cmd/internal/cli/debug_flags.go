package cli

import (
	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

func debugFormats() []string { return []string{"text", "json", "markdown", "html"} }

// bindReport adds the flags that say how a report is printed and where to.
func bindReport(c *cobra.Command, format, output *string) {
	f := c.Flags()
	f.Var(&choice{format, debugFormats(), "unknown format, debug knows"}, "format", "how to show it")
	f.StringVar(output, "output", "", "write to this `FILE`, complete or not at all")
}

// debugTarget reads the one argument of a debug command. Where nothing has to be named, nothing is the machine.
func debugTarget(c *cobra.Command, args []string, machine bool) (sampler.Target, error) {
	help := "see " + c.CommandPath() + " --help"
	switch {
	case c.ArgsLenAtDash() >= 0:
		return sampler.Target{}, usagef("start it first, then name its process: "+c.CommandPath()+" PID",
			"heaptop debug %s looks into a program that runs, and starts none", c.Name())
	case len(args) == 0 && machine:
		return sampler.Target{Kind: sampler.KindMachine}, nil
	case len(args) == 0:
		return sampler.Target{}, usagef(help, "name a process, a URL, a recording or a snapshot to look into")
	case len(args) > 1:
		return sampler.Target{}, usagef(help, "%d targets: one at a time", len(args))
	}
	t, err := sampler.ParseTarget(args[0])
	if err != nil {
		return t, &usageError{err, help}
	}
	return t, checkRedis(t)
}

// holdersOf refuses to follow pointers in a file.
func holdersOf(t sampler.Target, holders bool) error {
	if holders && t.Kind == sampler.KindFile {
		return usagef("name the running process", "--holders follows pointers, which a file does not hold")
	}
	return nil
}

// size is a flag that takes a number of bytes.
type size struct{ value *float64 }

func (s *size) String() string { return unit.Bytes(*s.value) }
func (s *size) Type() string   { return "SIZE" }

func (s *size) Set(text string) (err error) {
	*s.value, err = unit.ParseBytes(text)
	return err
}
