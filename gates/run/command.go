package run

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/gates/run/worktree"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

// defaultTimeout is beyond the duration that the policy gives a scenario.
const defaultTimeout = 10 * time.Minute

// command is a program that is started for each run.
type command struct {
	scenario *policy.Scenario
	args     []string
	dir      string
	env      []string
	options  *Options
	words    *regexp.Regexp // of CheckpointOn
	steps    bool           // a built-in workload that ends by itself, also after a duration
	stdout   io.Writer      // takes the standard output besides; nil: nobody does
}

// measure runs the command once. profiles asks for its allocation sites besides; env is added for this run. A *fault says
// that the command did not end well; other errors that it did not run.
func (c *command) measure(ctx context.Context, profiles bool, env ...string) (*once, error) {
	w := newWatch(profiles)
	watching, stopWatching := context.WithCancel(context.WithoutCancel(ctx))
	var sampling sync.WaitGroup
	sampling.Go(func() { w.sample(watching) })
	defer func() {
		stopWatching()
		sampling.Wait()
		w.close()
	}()
	running, stop := context.WithCancel(ctx)
	defer stop()
	if c.scenario.Duration > 0 && !c.steps {
		timer := time.AfterFunc(c.scenario.Duration, stop)
		defer timer.Stop()
	}
	tail := &tailWriter{next: c.options.Log}
	var stdout io.Writer = tail
	if c.stdout != nil {
		stdout = io.MultiWriter(c.stdout, tail)
	}
	timeout := c.scenario.Timeout
	if timeout == 0 {
		timeout = c.scenario.Duration + defaultTimeout
	}
	m, err := launch.Measure(running, launch.MeasureOptions{
		Args: c.args, Dir: c.dir, Env: append(slices.Clone(c.env), env...), Stdout: stdout, Stderr: tail, Timeout: timeout,
		CheckpointOn: c.words, Checkpoints: c.options.Checkpoints,
		Started: w.started, AtExit: w.atExit, Checkpoint: w.checkpoint,
	})
	stopWatching()
	sampling.Wait()
	w.attached.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := verdict(m, c.scenario.Duration > 0 && running.Err() != nil, tail); err != nil {
		return nil, err
	}
	if err := c.idle(m); err != nil {
		return nil, err
	}
	o := c.values(m, w)
	o.grow(c.scenario.Limits, warmUntil(c.scenario, m))
	return o, nil
}

// verdict tells a run that ended as it should from one that did not.
func verdict(m *launch.Measurement, ended bool, tail *tailWriter) error {
	f := &fault{more: tail.last()}
	exit, seen := m.Exit()
	switch m.Cause {
	case launch.EndExited:
		return nil
	case launch.EndInterrupted:
		if ended { // by us, after the time it was given
			return nil
		}
		f.what = "was interrupted"
	case launch.EndOutOfMemory:
		f.what = "ran out of memory: the kernel killed it"
	case launch.EndTimeout:
		f.what, f.more = fmt.Sprintf("took longer than the timeout: it was ended after %s", m.Ended.Sub(m.Started).Round(time.Millisecond)), ""
	case launch.EndCrashed:
		f.what = "crashed"
		if seen && exit.Signal != "" {
			f.what += ": killed by " + exit.Signal
		}
	case launch.EndFailed:
		f.what = "exited with an error"
		if seen {
			f.what = fmt.Sprintf("exited %d", exit.ExitCode)
		}
	default:
		f.what = "ended in a way that is not known: " + string(m.Cause)
	}
	return f
}

// newCommand makes the command of a scenario on a side.
func (r *runner) newCommand(s *policy.Scenario, at *side) (*command, error) {
	c := &command{scenario: s, dir: at.folder(s), env: append(slices.Clone(at.env), settings(s.Env)...), options: r.options}
	switch {
	case len(s.Command) > 0:
		c.args = slices.Clone(s.Command)
		if file := c.args[0]; filepath.Base(file) != file && !filepath.IsAbs(file) {
			c.args[0] = filepath.Join(c.dir, file) // each side's own
		}
	case s.Bench != "": // the test binaries are run
	case s.Builtin != "":
		if err := r.options.builtin(c, s); err != nil {
			return nil, err
		}
	default:
		c.args = shell(s.Run)
	}
	if !exists(c.dir) {
		return nil, fmt.Errorf("run %s (%s): there is no folder %s", s.Name, at.describe(), c.dir)
	}
	if s.CheckpointOn != "" {
		var err error
		if c.words, err = regexp.Compile(s.CheckpointOn); err != nil {
			return nil, worktree.Usage("checkpoint of %s: %w", s.Name, err)
		}
	}
	return c, nil
}

// settings are a scenario's variables in an order that is always the same.
func settings(env map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// sourceOf names the process that a number is of, where the run had several.
func sourceOf(c launch.Child, root launch.Child) string {
	if c.PID == root.PID {
		return ""
	}
	return " of " + c.Name
}
