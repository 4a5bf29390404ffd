package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler"
)

const stabilityLong = `Watch workloads for long while they are alive, and say whether they leak, by how much memory grows, and whether their
work becomes slower.

A workload is a scenario (--scenario) of heaptop.yml, by run, builtin or target, or a built-in one; a line for the shell
(--run) or a command behind "--", which is started, and ended after the last reading; or a TARGET that runs already: a
process id or name, or a URL. Of a scenario of heaptop.yml the limits on growth hold too. Where nothing is named all
scenarios of the stability suite are watched. Several are watched at the same time, for each keeps a rate of its own and
takes little of the machine; --serial watches one after the other.

Of a Go program the live heap is judged, the memory outside the Go heap, goroutines, open files and threads; of a Redis
server used_memory, resident memory and clients; of another its own memory. What grows is named: allocation sites, stacks of
goroutines, mappings, sorts of keys. Growth that began with the program and
has ended is warm-up and passes. --memory-threshold is for growth in all once the warm-up is left out: beyond it fails what
is not proven to have ended. Operations are counted where the workload tells them (heaptop's agent: agent.Worked), or by
--per: fewer and fewer an hour fails, by more than 10 % an hour, once it is proven.

What the time does not decide is too short to decide, which is no pass: it is a warning that says how much longer would, or
what --on-inconclusive says. A minute decides hardly anything, 30 minutes nearly everything.

--load starts a load generator beside each workload, once that can be read, and ends it first; HEAPTOP_PID and
HEAPTOP_SCENARIO in its environment say what it loads. When it fails the workload is unmeasured.

--output DIR is a folder: it gets stability_<scenario>_<time>.json, a report of its own, for each. One file with all of
them is --format json=FILE, in any format that heaptop --headless has. --with-profiling adds to
the folder heap profiles of the beginning, the end and every few minutes between, and a recording that heaptop opens.
Without it profiles are only read to name a cause.

Exit codes: 0 stable, or warnings; 1 a leak, growth beyond the threshold, or a fall of the work's rate is proven, or a gate
failed; 2 a workload could not be watched to the end; 3 what was typed is wrong; 130 interrupted, with a report of what was
seen until then.`

const stabilityExample = `  heaptop stability                                       the three built-in sessions for 30 minutes
  heaptop stability --duration 1m --scenario vim_session  a short look, which says what it cannot decide
  heaptop stability --duration 8h --interval 5m --output nightly --with-profiling --scenario all
  heaptop stability --duration 30m --load 'hey -z 40m http://localhost:8080/' --run './server -port 8080'
  heaptop stability --duration 2h --scenario import --strict      a scenario of heaptop.yml
  heaptop stability --per /gc/heap/allocs:objects --strict -- ./worker
  heaptop stability --duration 1h --format json=stability.json --format text http://localhost:6060`

// stability are the options of heaptop stability.
type stability struct {
	env            *environment
	given          func(string) bool
	config         string
	named          []policy.Scenario // what --scenario names
	dir            string            // of the policy
	seed           uint64
	target         sampler.Target
	command        []string
	duration       time.Duration
	interval       time.Duration
	scenarios      []string
	line, load     string
	per            string
	threshold      float64
	preset         string
	strict         bool
	onInconclusive string
	serial         bool
	output         string
	profiling      bool
	formats        []string
}

func newStability(env *environment) *cobra.Command {
	o := &stability{env: env, duration: 30 * time.Minute, interval: 30 * time.Second, threshold: 10e6, onInconclusive: gates.InconclusiveWarn}
	c := &cobra.Command{
		Use:               "stability [TARGET | -- COMMAND...]",
		Short:             "Watch workloads for long: leaks, growth, and work that becomes slower",
		Long:              stabilityLong,
		Example:           stabilityExample,
		ValidArgsFunction: completeTarget,
		RunE: func(c *cobra.Command, args []string) error {
			o.given = c.Flags().Changed
			if err := o.readArgs(c, args); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	o.bind(c)
	return c
}

func (o *stability) bind(c *cobra.Command) {
	f := c.Flags()
	f.SortFlags = false
	f.Var(&span{&o.duration, time.Second, 1000 * time.Hour}, "duration", "how long each is watched")
	f.Var(&names{&o.scenarios}, "scenario", "these: scenarios of the policy, built-in ones, suites of them, or all: the stability suite")
	f.StringVar(&o.config, "config", policy.Name, "the policy `FILE`, where --scenario looks first")
	f.Var(&seed{&o.seed}, "seed", "the `NUMBER` that built-in workloads draw from; without it the policy's, else always the same")
	f.StringVar(&o.line, "run", "", "a workload of your own, a line for the `SHELL`")
	f.StringVar(&o.load, "load", "", "a load generator beside it, a line for the `SHELL`")
	f.Var(&span{&o.interval, time.Second, 24 * time.Hour}, "interval", "between lines of progress, and the moments that the report keeps")
	f.Var(&size{&o.threshold}, "memory-threshold", "the most that memory may grow in all; 0 for no such limit")
	f.StringVar(&o.per, "per", "", "the counter of the work done, a `METRIC` (default "+string(sampler.WorkOperations)+")")
	f.Var(&choice{&o.preset, gates.Presets(), "unknown preset, known are"}, "preset", "gate growth as this preset does: standard 10 % an hour, strict 5 %")
	f.BoolVar(&o.strict, "strict", false, "the same as --preset strict")
	f.Var(&choice{&o.onInconclusive, policy.OnInconclusive(), "unknown, known are"}, "on-inconclusive", "what becomes of what the time did not decide")
	f.BoolVar(&o.serial, "serial", false, "one scenario after the other")
	f.StringVar(&o.output, "output", "", "write a report for each into this `DIR`, which is made where it is missing")
	f.BoolVar(&o.profiling, "with-profiling", false, "keep heap profiles and a recording of each in --output")
	f.Var(&wordList{&o.formats, "NAME[=FILE]"}, "format", "a report of all, in this format; may be repeated (default text)")
	fixed := func(words ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	for name, complete := range map[string]cobra.CompletionFunc{
		"scenario": o.completeScenarios,
		"format":   fixed(reportFormats()...),
		"per":      fixed(workCounters()...),
		"output":   cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	} {
		if err := c.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // the flag was bound above
		}
	}
}

// readArgs finds what is to be watched and refuses what does not go together. Nothing is started.
func (o *stability) readArgs(c *cobra.Command, args []string) error {
	const help = "see heaptop stability --help"
	if dash := c.ArgsLenAtDash(); dash >= 0 {
		args, o.command = args[:dash], slices.Clone(args[dash:])
		if len(o.command) == 0 {
			return usagef(help, "-- is not followed by a command")
		}
	}
	kinds := len(args)
	for _, given := range []bool{len(o.command) > 0, o.line != "", len(o.scenarios) > 0} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return usagef(help, "several kinds of workload: scenarios, one target, one command or one line")
	case c.Flags().Changed("run") && strings.TrimSpace(o.line) == "", c.Flags().Changed("load") && strings.TrimSpace(o.load) == "":
		return usagef(help, "--run and --load want a line for the shell")
	case filepath.Ext(o.output) == ".json" && !isDir(o.output):
		return usagef("one file with all: --format json="+o.output, "--output %s: want a folder, which gets a report of each workload", o.output)
	case o.profiling && o.output == "":
		return usagef("say where to: --output DIR", "--with-profiling keeps files")
	case o.strict && o.preset != "" && o.preset != gates.FromStrict:
		return usagef(help, "--strict and --preset %s: one of them", o.preset)
	case o.per != "" && (!strings.HasPrefix(o.per, "/") || sampler.Metric(o.per).Unit() == ""):
		return usagef("", "--per %s: want a metric, such as %s or %s", o.per, sampler.WorkOperations, sampler.GoHeapAllocCount)
	}
	if err := checkReportFormats(o.formats, ""); err != nil {
		return err
	}
	if len(args) == 1 {
		return o.readTarget(args[0])
	}
	return o.readScenarios()
}

func (o *stability) readTarget(arg string) error {
	t, err := sampler.ParseTarget(arg)
	switch {
	case err != nil:
		return &usageError{err, "see heaptop stability --help"}
	case t.Kind == sampler.KindFile:
		return usagef("judge a recording with heaptop debug leaks "+arg, "%s: a file does not run", arg)
	case len(policy.Builtin(arg)) == 1:
		return usagef("write heaptop stability --scenario "+arg, "%s is a built-in scenario", arg)
	}
	o.target = t
	return checkRedis(t)
}

func (o *stability) presetName() string {
	if o.strict {
		return gates.FromStrict
	}
	return o.preset
}

// limits are the preset's on growth: the others are of single runs.
func (o *stability) limits() []gates.Limit {
	all, _ := gates.Preset(o.presetName())
	return slices.DeleteFunc(all, func(l gates.Limit) bool { return l.Metric != "growth" })
}

// run watches, judges, writes the reports, and returns what decides the exit code.
func (o *stability) run(ctx context.Context) error {
	subjects, err := o.subjects(ctx)
	if err != nil {
		return err
	}
	if o.output != "" {
		if err := os.MkdirAll(o.output, 0o777); err != nil {
			return fmt.Errorf("make --output: %w", err)
		}
	}
	outputs, err := openReports(o.env, o.formats, "")
	if err != nil {
		return err
	}
	defer outputs.discard()
	talk := newStabilityTalk(o)
	options := run.StabilityOptions{
		Subjects: subjects, Duration: o.duration, Interval: o.interval, Serial: o.serial, Load: o.load, Per: sampler.Metric(o.per),
		Threshold: o.threshold, Limits: o.limits(), OnInconclusive: o.onInconclusive, Tool: tool(), Progress: talk.progress, Log: talk.talk, Hurry: o.env.hurry,
	}
	if o.profiling {
		options.Folder = o.output
	}
	report, err := run.Stability(ctx, options)
	talk.talk.end()
	if report == nil {
		return err
	}
	if errors.As(err, new(*interrupted)) {
		report.ExitCode = exitInterrupted
	}
	writeErr := errors.Join(o.store(report), outputs.write(report))
	if err != nil {
		return err
	}
	if writeErr != nil {
		return writeErr
	}
	return concludeStability(o.env, report)
}

// store writes a report for each subject into the folder.
func (o *stability) store(r *gates.Report) error {
	if o.output == "" {
		return nil
	}
	var all []error
	for i := range r.Scenarios {
		one := *r
		one.Scenarios = r.Scenarios[i : i+1 : i+1]
		code := one.ExitCode
		one.Judge()
		if code == exitInterrupted {
			one.ExitCode = code
		}
		all = append(all, o.storeOne(&one))
	}
	return errors.Join(all...)
}

func (o *stability) storeOne(r *gates.Report) error {
	path := filepath.Join(o.output, run.StabilityStem(r.Scenarios[0].Name, r.StartedAt)+".json")
	if _, err := os.Lstat(path); err == nil {
		return taken("--output", path)
	}
	if err := writeReport(o.env, path, r.JSON); err != nil {
		return err
	}
	printLines(o.env.Err, "heaptop: ", "wrote "+path)
	return nil
}

// concludeStability turns the verdict of a report into what the command returns.
func concludeStability(env *environment, r *gates.Report) error {
	var bad, unclear []string
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		switch {
		case s.Verdict == gates.Warned && s.Stability != nil:
			unclear = append(unclear, s.Name)
		case s.Verdict == gates.Failed && s.Stability != nil && s.Stability.Verdict == gates.Failed:
			bad = append(bad, s.Name+": "+s.Stability.Reason)
		case s.Verdict == gates.Failed:
			bad = append(bad, s.Name+".growth is above its limit")
		}
	}
	switch r.Verdict {
	case gates.Passed:
		fmt.Fprintf(env.Err, "heaptop: exit 0: passed: %s stable\n", counted(len(r.Scenarios), "workload is", "workloads are"))
		return nil
	case gates.Warned:
		printLines(env.Err, "heaptop: ", "exit 0: nothing failed; with warnings: "+some(unclear, "one scenario"))
		return nil
	case gates.Failed:
		return &failed{"failed: " + some(bad, "not stable")}
	}
	return &unmeasured{unmeasuredWords(r)}
}
