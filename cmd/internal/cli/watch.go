package cli

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/tui"
)

// eventsKept is how many events wait for a slow receiver before the oldest is dropped.
const eventsKept = 16

// endWait is how long the exact end of a started command is awaited once its session found it gone.
const endWait = 2 * time.Second

// opened is a target that can be read: its session, and the command when heaptop started it.
type opened struct {
	session sampler.Session
	command *launch.Process // nil when heaptop did not start the target
	kind    sampler.Kind    // what the user named
	name    string          // shown in place of the process's own; "" keeps that
}

// info describes the target in the user's terms.
func (o *opened) info() sampler.Info {
	var info sampler.Info
	if d, ok := o.session.(sampler.Describer); ok {
		info = d.Describe()
	}
	return o.rename(info)
}

func (o *opened) rename(info sampler.Info) sampler.Info {
	info.Target.Kind = o.kind
	if o.name != "" {
		info.Name = o.name
	}
	return info
}

// refine puts what only the starter knows into an event: the user's words for the target, and how a command ended.
func (o *opened) refine(ev sampler.Event) sampler.Event {
	ev.Info = o.rename(ev.Info)
	if o.command == nil || !errors.Is(ev.Err, sampler.ErrGone) {
		return ev
	}
	select {
	case <-o.command.Done():
	case <-time.After(endWait):
		return ev
	}
	exact := o.command.Gone()
	var seen *sampler.Gone
	if errors.As(ev.Err, &seen) {
		exact.OOM = seen.OOM && exact.Signal == "SIGKILL"
	}
	ev.Err = exact
	return ev
}

// watch is one target being watched, as the dashboard wants it.
type watch struct {
	opened  *opened
	keeper  *keeper
	watcher *sampler.Watcher
	events  chan sampler.Event
	stop    context.CancelFunc
	done    chan struct{}

	mu   sync.Mutex
	info sampler.Info
}

var _ tui.Recorded = (*watch)(nil)

// newWatch begins to read the target, and to keep what is read. ctx ends it, as Close does.
func newWatch(ctx context.Context, o *opened, k *keeper, interval time.Duration) *watch {
	ctx, stop := context.WithCancel(ctx)
	w := &watch{
		opened:  o,
		keeper:  k,
		watcher: sampler.NewWatcher(o.session, sampler.WatchOptions{Interval: interval}),
		events:  make(chan sampler.Event, eventsKept),
		stop:    stop,
		done:    make(chan struct{}),
		info:    o.info(),
	}
	go w.run(ctx)
	return w
}

func (w *watch) run(ctx context.Context) {
	defer close(w.done)
	defer close(w.events)
	defer func() { _ = w.opened.session.Close() }() // it only read
	go w.keeper.follow(ctx, w.watcher)
	// The error was emitted; it tells nothing more.
	_ = w.watcher.Run(ctx, w.emit)
}

func (w *watch) emit(ev sampler.Event) {
	ev = w.opened.refine(ev)
	w.keeper.hear(ev)
	w.mu.Lock()
	w.info = ev.Info
	w.mu.Unlock()
	for {
		select {
		case w.events <- ev:
			return
		default:
		}
		select {
		case <-w.events: // the oldest makes room
		default:
		}
	}
}

func (w *watch) Info() sampler.Info {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.info
}

func (w *watch) Events() <-chan sampler.Event { return w.events }

func (w *watch) Do(ctx context.Context, f func(context.Context, sampler.Session) error) error {
	return w.watcher.Do(ctx, f)
}

func (w *watch) SetInterval(d time.Duration) { w.watcher.SetInterval(d) }

// Output returns the log of a command that heaptop started, nil for another target.
func (w *watch) Output() sampler.Output {
	if w.opened.command == nil {
		return nil
	}
	return w.opened.command
}

// Past returns the last minutes.
func (w *watch) Past() capture.Past { return w.keeper.memory }

// File returns "": the target is alive, or was.
func (w *watch) File() string { return "" }

// Sink takes what others read of the target.
func (w *watch) Sink() capture.Sink { return w.keeper.sinks() }

// BlackBox returns where the last minutes of a target that died were written.
func (w *watch) BlackBox() (capture.BlackBox, error) { return w.keeper.blackBox() }

// Close ends the watching and closes the session. A started command goes on until heaptop ends, so that one may look at
// another process and come back.
func (w *watch) Close() error {
	w.stop()
	<-w.done
	return nil
}
