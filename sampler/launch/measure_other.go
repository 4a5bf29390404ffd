//go:build !linux

package launch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// endsHard is how long killed processes are awaited.
const endsHard = 10 * time.Second

// measure starts the command and knows of it alone what the system says at its end.
func measure(ctx context.Context, o MeasureOptions) (*Measurement, error) {
	untraced := o.NoTrace
	if untraced == "" {
		untraced = "heaptop traces on Linux only: on " + runtime.GOOS + " the children are not followed, and a peak is what the system says at the end"
	}
	m := &Measurement{Started: time.Now(), Untraced: untraced, NoCgroup: "there are no control groups on " + runtime.GOOS}
	ready := make(chan struct{}) // Root is known
	checks, problem := newCheckpoints(o.Checkpoint, func(int) Child {
		<-ready
		return m.Root
	})
	if problem != nil {
		m.Warnings = append(m.Warnings, problem)
	}
	var onLine func([]byte)
	if o.CheckpointOn != nil {
		names := &lineNames{on: o.CheckpointOn, seen: make(map[string]bool)}
		onLine = func(line []byte) {
			<-ready
			if name := names.name(line); name != "" {
				_ = checks.reached(Checkpoint{Name: name, Child: m.Root, Time: time.Now(), From: "output"}) // kept with the checkpoint
			}
		}
	}
	s, err := newStreams(o, onLine)
	if err != nil {
		checks.close()
		return nil, fmt.Errorf("start %q: %w", o.Args[0], err)
	}
	cmd := exec.Command(o.Args[0], o.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = o.Dir, append(append(os.Environ(), o.Env...), CheckpointEnv+"="+checks.path()), ownGroup()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.command[0], s.command[1], s.command[2]
	if path, err := filepath.Abs(cmd.Path); err == nil && cmd.Err == nil {
		cmd.Path = path // it may start in another folder
	}
	floor := ownPeak()
	if err := cmd.Start(); err != nil {
		s.abandon()
		checks.close()
		return nil, startError(o.Args[0], err)
	}
	m.Root = Child{PID: cmd.Process.Pid, Parent: os.Getpid(), Thread: cmd.Process.Pid, Name: filepath.Base(o.Args[0]), Started: time.Now()}
	if o.Started != nil {
		o.Started(m.Root)
	}
	close(ready)
	s.begin()
	attend(ctx, o, m, cmd, checks)
	if err := s.finish(); err != nil {
		m.Warnings = append(m.Warnings, err)
	}
	m.Checkpoints = checks.close()
	m.Phases, m.Sessions = checks.phases, checks.sessions
	m.sum(cmd.ProcessState, floor)
	return m, nil
}

// attend waits for the end of the command and of its group, and brings it about when it is time.
func attend(ctx context.Context, o MeasureOptions, m *Measurement, cmd *exec.Cmd, checks *checkpoints) {
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the state says it all
		close(ended)
	}()
	var timeout <-chan time.Time
	if o.Timeout > 0 {
		timeout = time.After(o.Timeout)
	}
	for m.Cause == "" {
		select {
		case <-ended:
			m.Cause = EndExited
		case <-timeout:
			m.Cause = EndTimeout
		case <-ctx.Done():
			m.Cause = EndInterrupted
		case name, ok := <-o.Checkpoints:
			if !ok {
				o.Checkpoints = nil
				continue
			}
			go func() {
				_ = checks.reached(Checkpoint{Name: cleanName([]byte(name)), Child: m.Root, Time: time.Now(), From: "signal"}) // kept with the checkpoint
			}()
		}
	}
	family := familyOf(m.Root.PID, m.Cause != EndExited)
	family.signal(nil)
	for deadline := time.Now().Add(o.Grace); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if isClosed(ended) && family.empty() {
			return
		}
	}
	family.kill()
	select {
	case <-ended:
	case <-time.After(endsHard):
		m.Warnings = append(m.Warnings, fmt.Errorf("process %d (%s) could not be ended: it hangs inside the system", m.Root.PID, m.Root.Name))
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// sum writes down the end of the command. state is nil when it could not be ended.
func (m *Measurement) sum(state *os.ProcessState, floor sampler.Reading) {
	m.Ended = time.Now()
	if state == nil {
		return
	}
	e := Exit{Child: m.Root, ExitCode: state.ExitCode(), Signal: signalOf(state), Ended: m.Ended}
	if peak := peakOf(state); floor.OK && peak.OK && peak.Value > floor.Value {
		m.MaxRSS = peak
	}
	m.Exits = []Exit{e}
	switch {
	case m.Cause != EndExited:
	case e.Signal != "":
		m.Cause = EndCrashed
	case e.ExitCode != 0:
		m.Cause = EndFailed
	}
}
