package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// noPolicy is the next step where there is nothing to read.
const noPolicy = "write one, or say on the command line what is measured and what is allowed: heaptop --headless --limit peak_rss=64MB -- ./server"

// wordList is a flag that keeps what was typed, any number of times, until it is known how to read it.
type wordList struct {
	list *[]string
	kind string
}

func (w *wordList) String() string     { return "" }
func (w *wordList) Type() string       { return w.kind }
func (w *wordList) Set(s string) error { *w.list = append(*w.list, s); return nil }

// names is a flag that takes names between commas, any number of times.
type names struct{ list *[]string }

func (n *names) String() string { return "" }
func (n *names) Type() string   { return "NAME,..." }

func (n *names) Set(s string) error {
	for name := range strings.SplitSeq(s, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("want names of scenarios between commas")
		}
		*n.list = append(*n.list, name)
	}
	return nil
}

// runCount is a flag that takes a number of runs or auto.
type runCount struct{ flags *policy.Flags }

func (r *runCount) String() string { return "auto" }
func (r *runCount) Type() string   { return "auto|N" }

func (r *runCount) Set(s string) error {
	if s == "auto" {
		r.flags.AutoRuns, r.flags.Runs = true, 0
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 1000 {
		return errors.New("want auto, or a number from 1 to 1000")
	}
	r.flags.AutoRuns, r.flags.Runs = false, n
	return nil
}

// asked is what the flags say about scenarios: which policy, and what is changed in it.
type asked struct {
	config      string
	scenarios   []string
	suite       string
	strict      bool
	environment string
	baseline    string
	limits      []string // as typed
	flags       policy.Flags
	// instead says what is measured where nobody said what; "" where somebody did.
	instead string
}

// bind adds the flags that say what is measured and what is allowed. Those that the live modes have too, --limit and
// --duration, are the caller's.
func (a *asked) bind(c *cobra.Command) []string {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.SortFlags = false
	f.StringVar(&a.config, "config", policy.Name, "the policy `FILE`")
	f.Var(&names{&a.scenarios}, "scenario", "only these: scenarios of the policy, or all of it; built-in ones or suites of them, as heaptop scenarios lists them")
	f.StringVar(&a.suite, "suite", "", "a built-in set of scenarios by `NAME`, in place of a policy")
	f.Var(&choice{&a.flags.Preset, gates.Presets(), "unknown preset, known are"}, "preset", "built-in limits, below those of the policy")
	f.BoolVar(&a.strict, "strict", false, "the same as --preset strict")
	f.StringVar(&a.environment, "environment", "", "the `NAME` of the policy's environment that applies")
	f.StringVar(&a.baseline, "baseline", "", "compare with a stored report, a `FILE` or a folder of them")
	f.StringVar(&a.flags.Against, "against", "", "compare with another `GITREF`: auto is the merge base with the default branch, none switches it off")
	f.Var(&runCount{&a.flags}, "runs", "how often a scenario runs")
	f.Var(&choice{&a.flags.OnInconclusive, policy.OnInconclusive(), "unknown, known are"}, "on-inconclusive", "what becomes of a comparison that stays undecided")
	f.StringVar(&a.flags.CheckpointOn, "checkpoint-on", "", "a line of the program's output that matches this `REGEXP` is its checkpoint")
	var added []string
	f.VisitAll(func(flag *pflag.Flag) { added = append(added, flag.Name) })
	c.Flags().AddFlagSet(f)
	a.complete(c)
	return added
}

// complete registers what a shell offers for the values of the flags.
func (a *asked) complete(c *cobra.Command) {
	fixed := func(words ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	for name, f := range map[string]cobra.CompletionFunc{
		"config":        cobra.FixedCompletions([]string{"yml", "yaml"}, cobra.ShellCompDirectiveFilterFileExt),
		"scenario":      a.completeScenarios,
		"suite":         fixed(suiteNames()...),
		"environment":   cobra.NoFileCompletions,
		"against":       fixed("auto", "none"),
		"runs":          fixed("auto"),
		"checkpoint-on": cobra.NoFileCompletions,
	} {
		if err := c.RegisterFlagCompletionFunc(name, f); err != nil {
			panic(err) // the flag was bound before
		}
	}
}

// completeScenarios offers the names in the policy, then the built-in ones and their suites.
func (a *asked) completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	p, err := policy.Read(a.config, policy.Options{Flags: policy.Flags{NoGates: true}})
	if errors.Is(err, fs.ErrNotExist) {
		p, err = &policy.Policy{}, nil
	}
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list := []string{"all"}
	for _, s := range p.Scenarios {
		list = append(list, s.Name)
	}
	for _, name := range slices.Concat(builtinNames(), scenario.Suites()) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// gateLimits are what --limit of headless runs begins with.
func gateLimits() []string {
	var list []string
	for _, m := range gates.Metrics() {
		list = append(list, m.Name+"=")
	}
	return list
}

// read works the flags out and makes the policy: of the target, the suite or the file.
func (a *asked) read(given func(string) bool, single *policy.Scenario, now time.Time) (*policy.Policy, error) {
	if err := a.check(given, single != nil); err != nil {
		return nil, err
	}
	var p *policy.Policy
	var err error
	switch {
	case single != nil:
		p, err = policy.Of(a.flags, *single)
	case a.suite != "":
		p, err = policy.Of(a.flags, suiteOf(a.suite)...)
	default:
		p, err = policy.Read(a.config, policy.Options{Environment: a.environment, Scenarios: a.scenarios, Now: now, Flags: a.flags})
	}
	if errors.Is(err, fs.ErrNotExist) && !given("config") && single == nil && a.suite == "" {
		p, err = a.withoutPolicy()
	}
	if err == nil {
		a.toldBrought(p)
		return p, nil
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usagef("", "read policy %s: there is no such file", a.config)
	case single != nil || a.suite != "":
		return nil, usagef("give it a gate: --limit peak_rss=64MB, --preset standard, --baseline FILE or --against auto", "%w", err)
	}
	return nil, &usageError{err, ""}
}

// check refuses flags that do not go together, and reads those that were kept as they were typed.
func (a *asked) check(given func(string) bool, single bool) error {
	for _, step := range []func() error{
		func() error { return a.checkPlace(given, single) },
		a.checkPreset,
		a.checkComparison,
		a.readLimits,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	if _, err := regexp.Compile(a.flags.CheckpointOn); err != nil {
		return usagef("", "--checkpoint-on %s: %w", a.flags.CheckpointOn, err)
	}
	return nil
}

// checkPlace refuses flags of a policy where there is none.
func (a *asked) checkPlace(given func(string) bool, single bool) error {
	const help = "see heaptop --help"
	if a.suite != "" && !slices.Contains(suiteNames(), a.suite) {
		return usagef(help, "--suite %s: unknown suite, known are %s%s", a.suite, strings.Join(suiteNames(), ", "), didYouMean("", a.suite, suiteNames()))
	}
	for _, flag := range []string{"config", "scenario", "environment", "suite"} {
		if given(flag) && single && (flag != "suite" || a.suite != redisSuite) {
			return usagef(help, "--%s goes with a policy, and a target is named", flag)
		}
		if given(flag) && flag != "suite" && a.suite != "" {
			return usagef(help, "--%s goes with a policy, and --suite %s is named", flag, a.suite)
		}
	}
	return nil
}

func (a *asked) checkPreset() error {
	if !a.strict {
		return nil
	}
	if a.flags.Preset != "" && a.flags.Preset != gates.FromStrict {
		return usagef("see heaptop --help", "--strict and --preset %s: one of them", a.flags.Preset)
	}
	a.flags.Preset = gates.FromStrict
	return nil
}

func (a *asked) checkComparison() error {
	a.flags.Baseline = a.baseline != ""
	if a.flags.Baseline && a.flags.Against != "" {
		return usagef("see heaptop --help", "--baseline and --against: one thing to compare with at a time")
	}
	if err := policy.CheckRef(a.flags.Against); a.flags.Against != "" && err != nil {
		return usagef("", "--against %s: %w", a.flags.Against, err)
	}
	if a.flags.Baseline {
		if _, err := os.Stat(a.baseline); err != nil {
			return a.noBaseline(err)
		}
	}
	return nil
}

func (a *asked) readLimits() error {
	a.flags.Limits = nil
	for _, typed := range a.limits {
		l, err := gateLimit(typed)
		if err != nil {
			return usagef("see heaptop --help", "--limit %s: %w", typed, err)
		}
		a.flags.Limits = append(a.flags.Limits, l)
	}
	return nil
}

// noBaseline says how a first baseline is made.
func (a *asked) noBaseline(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return &usageError{fmt.Errorf("read baseline: %w", err), ""}
	}
	return usagef("make a first one: heaptop --headless --output report.json ..., then heaptop baseline accept report.json --baseline "+filepath.ToSlash(a.baseline),
		"--baseline %s: there is no such file or folder", a.baseline)
}

// gateLimit reads METRIC=VALUE, METRIC being one that gates know.
func gateLimit(s string) (gates.Limit, error) {
	name, value, found := strings.Cut(s, "=")
	if !found {
		return gates.Limit{}, errors.New("want METRIC=VALUE, such as peak_rss=64MB")
	}
	m, ok := gates.MetricOf(strings.TrimSpace(name))
	if !ok {
		return gates.Limit{}, policy.UnknownMetric(name)
	}
	v, err := policy.ParseLimit(m, value)
	return gates.Limit{Metric: m.Name, Max: v, From: gates.FromFlag}, err
}

// scenarioOf makes a scenario of the target that was named. A name is looked up first, for several processes may have it.
func scenarioOf(t sampler.Target) policy.Scenario {
	switch t.Kind {
	case sampler.KindCommand:
		return policy.Scenario{Kind: gates.KindCommand, Command: t.Command}
	case sampler.KindEndpoint, sampler.KindRedis:
		return policy.Scenario{Kind: gates.KindTarget, Target: t.URL} // with its password, which is printed nowhere
	default:
		return policy.Scenario{Kind: gates.KindTarget, Target: t.String()}
	}
}
