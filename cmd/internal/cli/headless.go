package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// headless are the options of heaptop --headless: measure, judge, report, exit.
type headless struct {
	env      *environment
	on       bool
	asked    asked
	added    []string // flags that only go with --headless
	seed     uint64
	selftest bool
	formats  []string // as typed
	output   string
	policy   *policy.Policy
	redis    redisFlags
}

func (h *headless) bind(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&h.on, "headless", false, "no screen: measure the policy's scenarios or the target, judge, report, exit")
	h.added = h.asked.bind(c)
	f.Var(&seed{&h.seed}, "seed", "the `NUMBER` that the order of the runs follows from, and what built-in workloads draw; without it these are always the same. The report has it")
	f.BoolVar(&h.selftest, "selftest", false, "plant a regression and prove that this configuration turns red")
	h.added = append(h.added, "seed", "selftest")
	h.added = append(h.added, h.redis.bind(c)...)
}

// seed is a flag that takes a number from 1 on.
type seed struct{ value *uint64 }

func (s *seed) String() string { return "" }
func (s *seed) Type() string   { return "uint" }

func (s *seed) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 53)
	if err != nil || v == 0 {
		return errors.New("want a number from 1 to 9007199254740991")
	}
	*s.value = v
	return nil
}

// refuse tells the first flag that only goes with --headless, where it is off.
func (h *headless) refuse(given func(string) bool) error {
	for _, name := range h.added {
		if given(name) {
			return usagef("see heaptop --help", "--%s goes with --headless", name)
		}
	}
	return nil
}

// liveOnly are the root's flags that make no sense without a screen.
func liveOnly() []string {
	return []string{"mode", "interval", "record", "snapshot-dir", "black-box", "pprof", "theme", "allow-write"}
}

// read makes the policy of what was typed. l has what the live modes share: the target, the format, the limits, the
// duration, the output.
func (h *headless) read(ctx context.Context, l *live) error {
	for _, name := range liveOnly() {
		if l.given(name) {
			return usagef("see heaptop --help", "--%s goes with the live modes, not with --headless", name)
		}
	}
	h.asked.limits, h.formats, h.output = l.typedLimits, l.typedFormats, l.output
	h.asked.flags.Duration = l.duration
	if h.selftest && (len(h.formats) > 0 || h.output != "") {
		return usagef("see heaptop --help", "--selftest writes no report: leave out --format and --output")
	}
	if err := checkReportFormats(h.formats, l.output); err != nil {
		return err
	}
	single, err := h.single(l)
	if err != nil {
		return err
	}
	if h.policy, err = h.asked.read(l.given, single, time.Now()); err != nil {
		return err
	}
	if h.asked.instead != "" {
		fmt.Fprintf(h.env.Err, "heaptop: %s\n", h.asked.instead)
	}
	if l.target.Kind == sampler.KindName { // several processes may have it
		found, err := l.resolve(ctx, nil)
		if err != nil {
			return err
		}
		h.policy.Scenarios[0].Target = found.String()
	}
	return nil
}

// single is the scenario that was named instead of a policy; nil where none was.
func (h *headless) single(l *live) (*policy.Scenario, error) {
	redis := h.asked.suite == redisSuite
	if !redis {
		if err := h.redis.refuse(l.given); err != nil {
			return nil, err
		}
	}
	switch {
	case redis && !l.demo:
		return h.redis.scenario(l.target)
	case l.demo:
		return &policy.Scenario{Kind: gates.KindBuiltin, Builtin: "demo"}, nil
	case l.target.Kind == sampler.KindMachine:
		return nil, nil // a policy says what is measured
	}
	if err := policy.CheckTarget(l.target.String()); l.target.Kind != sampler.KindCommand && err != nil {
		return nil, &usageError{err, ""}
	}
	s := scenarioOf(l.target)
	return &s, nil
}

// run measures and judges, writes the reports, and returns what decides the exit code.
func (h *headless) run(ctx context.Context) (err error) {
	if h.selftest {
		return h.runSelftest(ctx)
	}
	outputs, err := openReports(h.env, h.formats, h.output)
	if err != nil {
		return err
	}
	defer outputs.discard()
	options, stop, err := h.options()
	if err != nil {
		return err
	}
	report, err := run.Run(ctx, options)
	stop()
	if report != nil {
		if errors.As(err, new(*interrupted)) {
			report.ExitCode = exitInterrupted
		}
		if writeErr := outputs.write(report); writeErr != nil && (err == nil || errors.As(err, new(*interrupted))) {
			err = writeErr
		}
	}
	if err != nil {
		return runError(err)
	}
	return concludeReport(h.env, report)
}

// runError tells wrong input from what could not be measured.
func runError(err error) error {
	if errors.Is(err, run.ErrUsage) {
		return &usageError{err, ""}
	}
	return err
}

// options are those of the runner. stop ends what listens, and leaves the terminal's line to what comes next.
func (h *headless) options() (o run.Options, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return o, nil, fmt.Errorf("find this program: %w", err)
	}
	talk := newTalk(h.env)
	checkpoints, silent := listenCheckpoints()
	return run.Options{
			Policy: h.policy, Baseline: h.asked.baseline, Seed: h.seed, Tool: tool(), Environment: h.asked.environment,
			Self: []string{self, scenarioCommand}, Ballast: []string{self, ballastCommand}, Progress: talk.progress, Log: talk, Checkpoints: checkpoints,
		}, func() {
			silent()
			talk.end()
		}, nil
}

// unmeasured is the outcome of a run in which something could not be measured.
type unmeasured struct{ what string }

func (u *unmeasured) Error() string { return u.what }

// concludeReport turns the verdict of a report into what the command returns. That all is well is said as the last line,
// as every other outcome is.
func concludeReport(env *environment, r *gates.Report) error {
	switch r.Verdict {
	case gates.Passed, gates.Warned:
		fmt.Fprintf(env.Err, "heaptop: exit 0: %s\n", passedWords(r))
		return nil
	case gates.Failed:
		return &failed{"failed: " + failedWords(r)}
	}
	return &unmeasured{unmeasuredWords(r)}
}

// passedWords counts what held.
func passedWords(r *gates.Report) string {
	held, warned := 0, 0
	for _, s := range r.Scenarios {
		for _, g := range s.Gates {
			if g.Verdict == gates.Warned {
				warned++
			} else {
				held++
			}
		}
		for _, c := range s.Comparisons {
			switch {
			case !c.Gated:
			case c.Verdict == gates.Stable || c.Verdict == gates.Improved || c.Accepted != "":
				held++
			default:
				warned++
			}
		}
	}
	if held == 0 && warned > 0 {
		return "nothing failed, but no gate is known to hold: " + unit.Things(warned, "warning")
	}
	text := "passed: " + counted(held, "gate holds", "gates hold")
	if warned > 0 {
		text += ", " + unit.Things(warned, "warning")
	}
	return text
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// failedWords says which limits and comparisons failed.
func failedWords(r *gates.Report) string {
	var list []string
	for _, s := range r.Scenarios {
		for _, g := range s.Gates {
			if g.Verdict == gates.Failed {
				list = append(list, s.Name+"."+g.Metric+" is above its limit")
			}
		}
		for _, c := range s.Comparisons {
			switch {
			case !c.Gated || c.Accepted != "":
			case c.Verdict == gates.Regressed:
				list = append(list, s.Name+"."+c.Metric+" regressed")
			case c.Verdict == gates.Inconclusive && c.OnInconclusive == gates.InconclusiveFail:
				list = append(list, s.Name+"."+c.Metric+" is inconclusive")
			}
		}
	}
	return some(list, "a gate")
}

// unmeasuredWords says what could not be measured, and why.
func unmeasuredWords(r *gates.Report) string {
	var list []string
	for _, s := range r.Scenarios {
		if s.Error != "" {
			list = append(list, s.Name+": "+s.Error)
			continue
		}
		list = append(list, unmeasuredLimits(&s)...)
		for _, c := range s.Comparisons {
			if c.Gated && c.Verdict == string(gates.Unmeasured) {
				list = append(list, s.Name+"."+c.Metric+" against the baseline: "+c.Reason)
			}
		}
	}
	return some(list, "there is nothing to judge")
}

// unmeasuredLimits names the limits that were not measured, those of one reason together.
func unmeasuredLimits(s *gates.Scenario) []string {
	var reasons []string
	names := map[string][]string{}
	for _, g := range s.Gates {
		if g.Verdict != gates.Unmeasured {
			continue
		}
		if names[g.Reason] == nil {
			reasons = append(reasons, g.Reason)
		}
		names[g.Reason] = append(names[g.Reason], s.Name+"."+g.Metric)
	}
	list := make([]string, len(reasons))
	for i, reason := range reasons {
		of := names[reason]
		if list[i] = of[0] + ": " + reason; len(of) > 1 {
			list[i] = fmt.Sprintf("%s and %d more: %s", of[0], len(of)-1, reason)
		}
	}
	return list
}

// some joins the first few.
func some(list []string, otherwise string) string {
	const most = 3
	switch {
	case len(list) == 0:
		return otherwise
	case len(list) > most:
		return strings.Join(list[:most], "; ") + fmt.Sprintf("; and %d more", len(list)-most)
	}
	return strings.Join(list, "; ")
}
