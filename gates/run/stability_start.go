package run

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/proc"
)

const (
	shellPatience = time.Second // for a shell to start what it was given
	runtimeWait   = 50 * time.Millisecond
)

// start starts the command, and says what is to be read.
func (w *longWatch) start(ctx context.Context) (sampler.Target, error) {
	s := w.subject
	if s.Line == "" && len(s.Command) == 0 {
		return s.Target, nil
	}
	args := s.Command
	if s.Line != "" {
		args = shell(s.Line)
	}
	env := slices.Clone(s.Env)
	if w.o.Folder != "" {
		env = append(env, finer(env)...)
	}
	if err := w.build(ctx); err != nil {
		return sampler.Target{}, err
	}
	p, err := launch.Start(launch.Options{Args: args, Dir: s.Dir, Env: env, Output: w.tail})
	if err != nil {
		return sampler.Target{}, err
	}
	w.command = p
	w.hurry(p)
	t := sampler.Target{Kind: sampler.KindProcess, PID: p.PID()}
	if s.Line != "" && !plain(s.Line) {
		t.PID = largestBelow(ctx, p)
	}
	return t, nil
}

// build makes what is started.
func (w *longWatch) build(ctx context.Context) error {
	s := w.subject
	if s.Build == "" {
		return nil
	}
	r := &runner{options: &Options{Log: w.o.Log}}
	if err := r.shell(ctx, s.Dir, s.Env, s.Build); err != nil {
		return fmt.Errorf("build %s: %w", s.Name, err)
	}
	return nil
}

// largestBelow is the process of a shell's family that holds the most memory once it had time to start it: the shell
// itself is not what was asked for.
func largestBelow(ctx context.Context, p *launch.Process) int {
	select {
	case <-p.Done():
		return p.PID()
	case <-ctx.Done():
		return p.PID()
	case <-time.After(shellPatience):
	}
	lister, err := proc.NewLister(proc.Options{})
	if err != nil {
		return p.PID()
	}
	defer shut(lister)
	var table sampler.ProcessTable
	if lister.List(ctx, sampler.ListOptions{}, &table) != nil {
		return p.PID()
	}
	family, largest, most := map[int]bool{p.PID(): true}, p.PID(), 0.0
	for changed := true; changed; {
		changed = false
		for i := range table.Processes {
			if q := &table.Processes[i]; family[q.PPID] && !family[q.PID] {
				family[q.PID], changed = true, true
				if q.RSS.OK && q.RSS.Value > most {
					largest, most = q.PID, q.RSS.Value
				}
			}
		}
	}
	return largest
}

// open opens the target. Of a command that was just started the runtime is waited for, a moment.
func (w *longWatch) open(ctx context.Context) (sampler.Session, error) {
	if w.command != nil {
		select {
		case <-time.After(runtimeWait):
		case <-w.command.Done():
		}
	}
	session, err := targetSource(w.target).Open(ctx, w.target)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return session, err
}

// startLoad starts the load generator, which knows by HEAPTOP_PID what it loads.
func (w *longWatch) startLoad() error {
	if w.o.Load == "" {
		return nil
	}
	env := []string{"HEAPTOP_SCENARIO=" + w.subject.Name}
	if w.target.PID > 0 {
		env = append(env, fmt.Sprintf("HEAPTOP_PID=%d", w.target.PID))
	}
	p, err := launch.Start(launch.Options{Args: shell(w.o.Load), Env: env, Output: w.tail})
	if err != nil {
		return fmt.Errorf("start the load generator: %w", err)
	}
	w.load = p
	w.hurry(p)
	return nil
}
