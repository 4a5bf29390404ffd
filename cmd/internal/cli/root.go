package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
)

const rootLong = `heaptop watches the memory of any process, and sees deep inside Go programs.

The target is
  4242                  a process id
  postgres              a process name; when several match, they are listed
  http://host:port      a Go program with net/http/pprof
  unix:///path.sock     a Go program with heaptop's agent
  redis://host:port     a Redis server; also rediss:// and redis+unix:///path.sock
  -- ./server -x        a command: it is started, watched with its children, and ended with heaptop
  file.heaprec          a recording, or file.heapsnap, a snapshot
  nothing               this machine: its processes, to choose from
A process is read as deeply as it allows: its agent, its own memory, a pprof endpoint on a loopback port it listens on,
else the operating system alone. The screen says which, and what would show more.

A command that heaptop starts has a process group of its own and never the terminal as its input. In the dashboard its
output goes to the log (key l); with --format text or json it passes through to stderr.

--record keeps all that is read, in any mode; heaptop FILE.heaprec opens it again. When the target is killed by a signal or
for memory, or fails, the last minutes before that and the last state are written to --snapshot-dir, unless
--black-box=false. --mode trace tells what is being allocated, interval by interval; --mode snapshot writes a series of
snapshots, and compares them at the end.

Sizes are 500MB (10^6) or 500MiB (2^20). Durations are Go's, 90s or 1h30m; a bare number is seconds.

--headless measures the scenarios of heaptop.yml, or the target, judges them against limits and another commit, writes
reports and exits: 1 when a gate failed. heaptop init writes a first heaptop.yml and the workflows for GitHub; heaptop check
says beforehand what will be gated. --suite measures a set of built-in scenarios, which heaptop scenarios lists, or what
documents take in a Redis server (redis-overhead). Without heaptop.yml and a target it measures three of those suites.

For every night there are heaptop stability, which watches a workload for long and proves a leak, and heaptop history, which
shows many reports over time. heaptop report writes a report in any format and sends its numbers on; heaptop github brings it
to a pull request or an issue.

Exit codes: 0 done; 1 a gate failed or a leak is proven; 2 could not measure (no such process, no permission, nobody answers, the command failed, the target
died before --duration was over); 3 what was typed is wrong; 130 interrupted. The last line on stderr says it in words.`

const rootExample = `  heaptop --demo                                  see it all, with a built-in server that leaks
  heaptop 4242                                    the dashboard over process 4242
  heaptop api-server --limit rss=500MB            by name, with a limit of your own
  heaptop -- ./server -x                          start a command and watch it
  heaptop http://localhost:6060                   a pprof endpoint
  heaptop --format json --duration 60 4242        a minute of readings, one JSON object a line
  heaptop --format text --output mem.txt -- make  lines into a file while make runs
  heaptop --record night.heaprec 4242             keep all that is read
  heaptop night.heaprec                           and look at it again, at any moment of it
  heaptop --mode trace 4242                       who allocates, interval by interval
  heaptop --mode snapshot --interval 30s --duration 10m 4242
                                                  a series of snapshots, and what changed in it
  heaptop init                                    write a first heaptop.yml, from what is measured here
  heaptop --headless                              the gates of heaptop.yml
  heaptop --headless --against main --output report.json --format text --format junit=report.xml
                                                  the same against another commit, with reports
  heaptop --headless --limit peak_rss=64MB -- ./server --once
                                                  without a policy
  heaptop --headless --suite plugin_system        built-in scenarios
  heaptop stability --duration 1h -- ./server     does it leak?
  heaptop history reports                         where did a metric change?`

// live are the options of the live modes: the dashboard, and lines of text or JSON.
type live struct {
	env         *environment
	target      sampler.Target
	mode        string
	format      string
	instead     string                 // why the format is not the one asked for
	given       func(flag string) bool // whether a flag was typed
	interval    time.Duration
	duration    time.Duration
	output      string
	record      string
	snapshotDir string
	blackBox    bool
	pprof       string
	theme       string
	demo        bool
	// What headless runs have too, and read in their own way, is kept as it was typed.
	typedFormats []string
	typedLimits  []string
	allowWrite   bool // the dashboard may write into processes, once a person has agreed to each write
	limits       []analysis.Limit
}

// The modes.
const (
	modeLive     = "live"
	modeSnapshot = "snapshot"
	modeTrace    = "trace"
)

func formats() []string { return []string{"dashboard", "text", "json"} }
func modes() []string   { return []string{modeLive, modeSnapshot, modeTrace} }
func themes() []string  { return []string{"auto", "dark", "light"} }

// newLive returns the options as they are when nothing is typed.
func newLive(env *environment) *live {
	return &live{
		env: env, mode: modeLive, format: "dashboard", interval: sampler.DefaultInterval, theme: "auto", blackBox: true,
		given: func(string) bool { return false },
	}
}

// newRoot returns the tree of commands.
func newRoot(env *environment) *cobra.Command {
	o, h := newLive(env), &headless{env: env}
	root := &cobra.Command{
		Use:           "heaptop [TARGET | -- COMMAND...]",
		Short:         "Watch the memory of any process, and see deep inside Go programs",
		Long:          rootLong,
		Example:       rootExample,
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(c *cobra.Command, args []string) error {
			o.given = c.Flags().Changed
			if err := o.readTarget(c, args); err != nil {
				return err
			}
			if h.on {
				if err := h.read(c.Context(), o); err != nil {
					return err
				}
				return h.run(c.Context())
			}
			if err := h.refuse(o.given); err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			return o.run(c.Context())
		},
		ValidArgsFunction: completeTarget,
	}
	o.bind(root)
	h.bind(root)
	offerVersion(root)
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(newSnapshot(env), newDiff(env), newReplay(env), newDebug(env), newReport(env), newGitHub(env), newBaseline(env), newCheck(env), newStability(env), newHistory(env), newInit(env), newScenarios(env), newVersion(env), newCompletion(env), newMan(env), newScenario(env), newBallast())
	root.SetHelpCommand(newHelp())
	fitHelp(root, env.Out)
	offerValues(root)
	return root
}

func (o *live) bind(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.Var(&choice{&o.mode, modes(), "unknown mode, known are"}, "mode", "what to do with the target")
	f.Var(&wordList{&o.typedFormats, strings.Join(formats(), "|")}, "format", "how to show it; with --headless a report's NAME or NAME=FILE, may be repeated")
	f.Var(&span{&o.interval, sampler.MinInterval, sampler.MaxInterval}, "interval", "time between readings")
	f.Var(&span{&o.duration, 0, 1000 * time.Hour}, "duration", "end after this time; 0 means when the target or you end it")
	f.StringVar(&o.output, "output", "", "write the lines of text or json to this `FILE`, complete or not at all; with --headless the report")
	f.StringVar(&o.record, "record", "", "keep all that is read in this `FILE`, which ends in .heaprec")
	f.StringVar(&o.snapshotDir, "snapshot-dir", "", "where snapshots are written (default: heaptop/snapshots in the XDG state `DIR`)")
	f.BoolVar(&o.blackBox, "black-box", o.blackBox, "write what was read last to --snapshot-dir when the target dies")
	f.StringVar(&o.pprof, "pprof", "", "the `URL` of the process's net/http/pprof, where it cannot be found by itself")
	f.Var(&wordList{&o.typedLimits, "METRIC=SIZE"}, "limit", "show how far this limit is, such as rss=500MB; with --headless what is allowed, such as peak_rss=64MB; may be repeated")
	f.Var(&choice{&o.theme, themes(), "unknown theme, known are"}, "theme", "colours for a dark or a light terminal")
	f.BoolVar(&o.allowWrite, "allow-write", false,
		"let the keys g and P write 8 bytes into a Go process to make it collect or record allocation sites; each write is asked for first")
	f.BoolVar(&o.demo, "demo", false, "start a built-in Go server with a leak and watch it")
	words := func(live, headless func() []string) cobra.CompletionFunc {
		return func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			list, behind := live(), cobra.ShellCompDirectiveNoFileComp
			if c.Flags().Changed("headless") {
				list = headless()
			}
			if strings.HasSuffix(list[0], "=") {
				behind |= cobra.ShellCompDirectiveNoSpace
			}
			return list, behind
		}
	}
	for name, f := range map[string]cobra.CompletionFunc{
		"format": words(formats, reportFormats), "limit": words(liveLimits, gateLimits),
	} {
		if err := c.RegisterFlagCompletionFunc(name, f); err != nil {
			panic(err) // the flag was bound above
		}
	}
}

// readTarget turns the arguments into a target. Nothing is opened.
func (o *live) readTarget(c *cobra.Command, args []string) error {
	const help = "see heaptop --help"
	var command []string
	dash := c.ArgsLenAtDash()
	if dash >= 0 {
		args, command = args[:dash], args[dash:]
	}
	switch {
	case dash >= 0 && len(command) == 0:
		return usagef("write it behind the dashes: heaptop -- ./server -x", "-- is not followed by a command")
	case len(args) > 0 && len(command) > 0:
		return usagef(help, "%s and a command behind --: one target at a time", args[0])
	case len(args) > 1 && !c.HasParent() && commandMeant(c, args[0]) != "":
		return usagef("see heaptop help", "no command is named %s, did you mean heaptop %s %s?", args[0], commandMeant(c, args[0]), strings.Join(args[1:], " "))
	case len(args) > 1:
		return usagef("to start a command, write it behind dashes: heaptop -- "+strings.Join(args, " "),
			"%d targets (%s): one at a time", len(args), strings.Join(args, ", "))
	case o.demo && (len(args) > 0 || len(command) > 0):
		return usagef(help, "--demo brings its own target: leave the other one out")
	}
	o.target = sampler.Target{Kind: sampler.KindMachine}
	switch {
	case len(command) > 0:
		o.target = sampler.Target{Kind: sampler.KindCommand, Command: slices.Clone(command)}
	case len(args) == 1:
		t, err := sampler.ParseTarget(args[0])
		if err != nil {
			return &usageError{err, help}
		}
		if ext := filepath.Ext(t.Name); ext == ".yml" || ext == ".yaml" {
			return usagef("heaptop check --config "+t.Name+" says what it gates, heaptop --headless --config "+t.Name+" runs it", "%s is the name of a policy, not of a target", t.Name)
		}
		o.target = t
	}
	return nil
}

// readArgs turns the arguments into a target and refuses what does not go together. Nothing is opened.
func (o *live) readArgs(c *cobra.Command, args []string) error {
	if err := o.readTarget(c, args); err != nil {
		return err
	}
	return o.check()
}

// check refuses options that do not go together.
func (o *live) check() error {
	const help = "see heaptop --help"
	if err := o.readTyped(); err != nil {
		return err
	}
	if o.target.Kind == sampler.KindFile {
		if err := o.checkFile(); err != nil {
			return err
		}
	}
	if err := checkRedis(o.target); err != nil {
		return err
	}
	if err := o.checkMode(); err != nil {
		return err
	}
	if err := o.checkRecord(); err != nil {
		return err
	}
	if o.pprof != "" {
		if o.target.Kind != sampler.KindProcess && o.target.Kind != sampler.KindName && o.target.Kind != sampler.KindCommand {
			return usagef(help, "--pprof goes with a process or a command, not with %s", o.target)
		}
		if t, err := sampler.ParseTarget(o.pprof); err != nil || t.Kind != sampler.KindEndpoint {
			return usagef("", "--pprof %s: want a URL such as http://localhost:6060", o.pprof)
		}
	}
	if o.allowWrite && o.format != "dashboard" {
		return usagef("", "--allow-write goes with the dashboard: --format %s never writes into a process", o.format)
	}
	if o.output != "" && o.format == "dashboard" {
		if o.given("format") {
			return usagef("", "--output takes lines: use it with --format text or json")
		}
		return usagef("", "--output %s: in which format? Add --format text or --format json", o.output)
	}
	return nil
}
