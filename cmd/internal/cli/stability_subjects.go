package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// outlives is how much longer a workload would go on than it is watched.
const outlives = time.Hour

// isDir says whether there is a folder of that name.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// completeScenarios offers what --scenario may name, the sessions that are there to be watched for long before the rest.
func (o *stability) completeScenarios(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	list := []string{"all"}
	if p, err := policy.Read(o.config, policy.Options{Flags: policy.Flags{NoGates: true}}); err == nil {
		for i := range p.Scenarios {
			if watchable(&p.Scenarios[i]) == nil {
				list = append(list, p.Scenarios[i].Name)
			}
		}
	}
	for _, s := range policy.Builtin(scenario.Stability) {
		list = append(list, s.Name)
	}
	for _, name := range slices.Concat(builtinNames(), scenario.Suites()) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// readScenarios finds the scenarios that were named, the suite's in place of all, or of none: of the policy, which is read
// where one is named, or built-in.
func (o *stability) readScenarios() error {
	if len(o.command) > 0 || o.line != "" {
		return nil
	}
	asked := o.scenarios
	if len(asked) == 0 || slices.Contains(asked, "all") {
		asked = nil
		for _, s := range policy.Builtin(scenario.Stability) {
			asked = append(asked, s.Name)
		}
		asked = append(asked, slices.DeleteFunc(slices.Clone(o.scenarios), func(s string) bool { return s == "all" })...)
	}
	if len(o.scenarios) == 0 && !o.given("config") {
		return o.builtins(asked)
	}
	p, err := policy.Read(o.config, policy.Options{Scenarios: asked, Flags: policy.Flags{NoGates: true, Preset: o.presetName()}})
	switch {
	case errors.Is(err, fs.ErrNotExist) && !o.given("config"):
		return o.builtins(asked)
	case errors.Is(err, fs.ErrNotExist):
		return usagef("", "read policy %s: there is no such file", o.config)
	case err != nil:
		return &usageError{err, "see heaptop scenarios"}
	}
	o.named, o.dir = p.Scenarios, filepath.Dir(o.config)
	for i := range o.named {
		s := &o.named[i]
		if err := watchable(s); err != nil {
			return usagef("see heaptop stability --help", "--scenario %s: %w", s.Name, err)
		}
		if slices.Contains(p.Brought, s.Name) || slices.ContainsFunc(p.Brought, func(suite string) bool { return inSuite(s, suite) }) {
			s.Limits = nil // as without a policy
		}
	}
	return nil
}

func inSuite(s *policy.Scenario, suite string) bool {
	w, ok := scenario.Find(s.Builtin)
	return ok && s.Name == w.Name && w.Suite == suite
}

// watchable says why a scenario of the policy cannot be watched for long.
func watchable(s *policy.Scenario) error {
	switch s.Kind {
	case gates.KindBench:
		return errors.New("a benchmark ends by itself; watch the program that it is of")
	case gates.KindOverhead:
		return errors.New("an overhead is a ratio of others; watch those")
	}
	return nil
}

// builtins finds built-in scenarios by their names or their suites'.
func (o *stability) builtins(asked []string) error {
	for _, name := range asked {
		found := policy.Builtin(name)
		if len(found) == 0 {
			return usagef("see heaptop scenarios", "--scenario %s: no built-in scenario has this name%s", name,
				didYouMean("", name, slices.Concat(builtinNames(), scenario.Suites())))
		}
		for _, s := range found {
			if !slices.ContainsFunc(o.named, func(n policy.Scenario) bool { return n.Name == s.Name }) {
				o.named = append(o.named, s)
			}
		}
	}
	return nil
}

// subjects are what is watched.
func (o *stability) subjects(ctx context.Context) ([]run.StabilitySubject, error) {
	switch {
	case o.line != "":
		return []run.StabilitySubject{{Name: commandWord(o.line), Kind: gates.KindCommand, Line: o.line}}, nil
	case len(o.command) > 0:
		return []run.StabilitySubject{{Name: filepath.Base(o.command[0]), Kind: gates.KindCommand, Command: o.command}}, nil
	case len(o.named) == 0:
		t, err := o.found(ctx, o.target)
		return []run.StabilitySubject{{Name: o.target.String(), Kind: gates.KindTarget, Target: t}}, err
	}
	var list []run.StabilitySubject
	for i := range o.named {
		one, err := o.subject(ctx, &o.named[i])
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// subject makes the subject of a scenario.
func (o *stability) subject(ctx context.Context, s *policy.Scenario) (run.StabilitySubject, error) {
	out := run.StabilitySubject{Name: s.Name, Kind: s.Kind, Sessions: s.Sessions, Build: s.Build}
	for _, l := range s.Limits {
		if l.Metric == "growth" || l.Metric == "growth_rate" {
			out.Limits = append(out.Limits, l)
		}
	}
	var err error
	switch s.Kind {
	case gates.KindTarget:
		t, parsed := sampler.ParseTarget(s.Target)
		if parsed != nil {
			return out, &usageError{parsed, ""}
		}
		out.Target, err = o.found(ctx, t)
		return out, err
	case gates.KindBuiltin:
		out.Quiet = true
		out.Command, out.Env, err = o.builtinCommand(s)
	default:
		out.Line, out.Dir = s.Run, filepath.Join(o.dir, s.Dir)
	}
	for name, value := range s.Env { // what the policy says is stronger
		out.Env = append(out.Env, name+"="+value)
	}
	return out, err
}

// builtinCommand is how this program runs a built-in scenario for as long as it is watched.
func (o *stability) builtinCommand(s *policy.Scenario) (args, env []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program: %w", err)
	}
	w, _ := scenario.Find(s.Builtin)
	args = []string{self, scenarioCommand, w.Name}
	if w.Serve != nil {
		return args, w.Env, nil
	}
	args = append(args, "--duration", (o.duration + outlives).String()) // until it is ended, which is after the last reading
	drawn := s.Seed
	if o.seed != 0 {
		drawn = o.seed
	}
	if drawn != 0 {
		args = append(args, "--seed", strconv.FormatUint(drawn, 10))
	}
	return args, w.Env, nil
}

// found looks a target up.
func (o *stability) found(ctx context.Context, t sampler.Target) (sampler.Target, error) {
	view := newLive(o.env)
	view.target = t
	found, err := view.resolve(ctx, nil)
	return found, cause(ctx, err)
}

// commandWord names a line for the shell by its first word.
func commandWord(line string) string {
	for _, word := range strings.Fields(line) {
		if !strings.Contains(word, "=") && word != "exec" {
			return filepath.Base(word)
		}
	}
	return "run"
}
