package cli

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/nearest"
)

// flagError turns an error of the flag parser into one that names the nearest flag, or what the flag takes.
func flagError(c *cobra.Command, err error) error {
	help := "see " + c.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		return unknownFlag(c, unknown)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usagef(help, "--%s %s: %w", invalid.GetFlag().Name, invalid.GetValue(), invalid.Unwrap())
	}
	return &usageError{err, help}
}

// unknownFlag names the flag that was meant. Behind a single dash, each letter is a flag of its own.
func unknownFlag(c *cobra.Command, unknown *pflag.NotExistError) error {
	help := "see " + c.CommandPath() + " --help"
	typed, shown := unknown.GetSpecifiedName(), "--"+unknown.GetSpecifiedName()
	letters := unknown.GetSpecifiedShortnames()
	guess := ""
	if letters == "" {
		guess = nearFlag(c, typed)
	} else {
		shown = "-" + typed
		if word, _, _ := strings.Cut(letters, "="); len(word) > 1 && c.Flags().Lookup(word) != nil {
			guess, shown = word, "-"+word
		}
	}
	before := c.Flags().Args()
	switch {
	case guess != "":
		return usagef(help, "unknown flag %s, did you mean --%s?", shown, guess)
	case !c.HasParent() && letters != "" && len(before) == 1 && processNamed(before[0]):
		return usagef("a command with flags of its own stands behind dashes: heaptop -- "+before[0]+" -"+letters,
			"unknown flag %s", shown)
	case habit(c, typed) != "":
		help = habit(c, typed)
	}
	return usagef(help, "unknown flag %s", shown)
}

// processNamed reports whether an argument is the name of a program rather than a process id, a URL or a file of ours.
func processNamed(arg string) bool {
	t, err := sampler.ParseTarget(arg)
	return err == nil && t.Kind == sampler.KindName
}

// nearFlag returns the flag of a command that is spelt like what was typed, or has it as one of its words.
func nearFlag(c *cobra.Command, typed string) string {
	var names, longer []string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		names = append(names, f.Name)
		if slices.Contains(strings.Split(f.Name, "-"), typed) {
			longer = append(longer, f.Name)
		}
	})
	if len(longer) == 1 {
		return longer[0]
	}
	return nearest.Word(typed, names)
}

// habit says how what other tools have a flag for is done here, "" where nobody would look for it.
func habit(c *cobra.Command, flag string) string {
	switch flag {
	case "p", "pid", "process", "name", "url", "host", "addr":
		return "the target is named without a flag: " + c.CommandPath() + " 4242"
	case "v", "V":
		return "heaptop version prints the version"
	case "e", "c", "exec", "cmd", "command":
		return "a command stands behind dashes: heaptop -- ./server -x"
	case "no-color", "no-colour", "color", "colour":
		return "NO_COLOR=1 in the environment switches colours off"
	}
	instead := map[string]string{
		"json": "format json", "text": "format text", "html": "format html", "f": "format", "o": "output", "out": "output",
		"d": "interval", "s": "interval", "i": "interval", "delay": "interval", "refresh": "interval",
		"n": "duration", "b": "format text", "batch": "format text", "once": "format text --duration 1s", "count": "duration", "seconds": "duration",
		"ci": "headless",
	}[flag]
	if name, _, _ := strings.Cut(instead, " "); name == "" || c.Flags().Lookup(name) == nil {
		return ""
	}
	return "here it is --" + instead + "; see " + c.CommandPath() + " --help"
}

// meant returns what a name that no process has was meant to be, as it would be typed, "" where it is no such thing.
func (o *live) meant() string {
	name := o.target.Name
	root := newRoot(o.env)
	if best := commandMeant(root, name); best != "" {
		return best
	}
	if f := root.Flags().Lookup(name); f != nil && f.Value.Type() == "bool" {
		return "--" + name
	}
	host, port, err := net.SplitHostPort(name)
	if _, noPort := strconv.ParseUint(port, 10, 16); err != nil || noPort != nil {
		return ""
	}
	if host == "" {
		host = "localhost"
	}
	if port == "6379" { // Redis's own
		return "redis://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}

// commandMeant returns the command, or the flag in its place, that a word was meant to be, "" where nothing is near.
func commandMeant(root *cobra.Command, word string) string {
	if best := nearest.Word(word, commandNames(root)); best != "" {
		return best
	}
	for _, c := range root.Commands() {
		for _, sub := range c.Commands() {
			if sub.Name() == word {
				return c.Name() + " " + word
			}
		}
	}
	switch word {
	case "record":
		return "--record FILE.heaprec"
	case "trace":
		return "--mode trace"
	case "compare":
		return "diff"
	}
	return ""
}
