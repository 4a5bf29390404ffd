package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// printer prints one reading.
type printer interface{ print(sampler.Event) error }

// errOver is the cause of a context that ended because --duration was over.
var errOver = errors.New("the duration is over")

// lines runs the watch and prints each reading, until the duration is over, the target ends, or ctx does.
type lines struct {
	opened   *opened
	keeper   *keeper
	interval time.Duration
	duration time.Duration // 0: no end of its own
	printer  printer
	stderr   io.Writer

	readings int
	first    time.Time       // of the first reading
	failed   error           // the last reading that was not possible
	told     map[string]bool // what stderr was told, at most toldMost
	broken   error           // why the output cannot be written
}

// run returns nil when everything asked for was measured, and the output was wanted to its end or not any more.
func (l *lines) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if l.duration > 0 {
		end := time.AfterFunc(l.duration+l.slack(), func() { stop(errOver) })
		defer end.Stop()
	}
	watcher := sampler.NewWatcher(l.opened.session, sampler.WatchOptions{Interval: l.interval})
	go l.keeper.follow(ctx, watcher)
	err := watcher.Run(ctx, func(ev sampler.Event) {
		ev = l.opened.refine(ev)
		l.keeper.hear(ev)
		if l.broken == nil {
			l.take(ev)
		}
		switch {
		case l.broken != nil:
			stop(l.broken)
		case l.over(ev):
			stop(errOver)
		}
	})
	switch cause := context.Cause(ctx); {
	case errors.Is(l.broken, syscall.EPIPE):
		return nil // who reads has seen enough
	case l.broken != nil:
		return l.broken
	case err != nil:
		return l.ended(l.opened.info().Name)
	case l.readings == 0 && l.failed != nil:
		return l.failed
	case errors.Is(cause, errOver):
		return nil
	default:
		return cause
	}
}

// slack is how far from its time the last reading may be: it belongs to the duration, so that 2 s at 1 s are three readings.
func (l *lines) slack() time.Duration { return min(l.interval/2, 100*time.Millisecond) }

// over reports whether ev is the last reading of the duration.
func (l *lines) over(ev sampler.Event) bool {
	if l.duration == 0 || ev.Snapshot == nil {
		return false
	}
	if l.first.IsZero() {
		l.first = ev.Snapshot.Time
	}
	return ev.Snapshot.Time.Sub(l.first) >= l.duration-l.slack()
}

// take prints one event, and tells on stderr what a person should know.
func (l *lines) take(ev sampler.Event) {
	var gone *sampler.Gone
	switch {
	case errors.As(ev.Err, &gone):
		l.failed = gone
		return
	case ev.Err != nil:
		l.failed = ev.Err
		l.tell(ev.Err.Error())
	default:
		l.readings++
		for _, w := range ev.Snapshot.Warnings {
			l.tell(w.Error())
		}
	}
	l.broken = l.printer.print(ev)
}

// toldMost is how many different warnings are told. The JSON lines carry all of them.
const toldMost = 100

// tell prints a warning once: most come with every reading.
func (l *lines) tell(text string) {
	if l.told == nil {
		l.told = make(map[string]bool)
	}
	if l.told[text] || len(l.told) >= toldMost {
		return
	}
	l.told[text] = true
	printLines(l.stderr, "heaptop: ", text)
}

// ended says whether the end of the target leaves what was asked for unmeasured: a command that failed does, and a
// target that died before its time.
func (l *lines) ended(name string) error {
	var gone *sampler.Gone
	if !errors.As(l.failed, &gone) {
		return fmt.Errorf("%s: %w", name, sampler.ErrGone)
	}
	name = theme.Clean(name) // it may hold the end of a line
	succeeded := gone.ExitCode.OK && gone.ExitCode.Value == 0
	unknown := !gone.ExitCode.OK && gone.Signal == "" && !gone.OOM
	switch {
	case l.readings == 0:
		return fmt.Errorf("%s ended before it could be read: %w", name, gone)
	case succeeded, unknown && l.duration == 0:
		printLines(l.stderr, "heaptop: ", name+" "+gone.Error())
		return nil
	}
	return fmt.Errorf("%s %w", name, gone)
}
