package sampler

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// The bounds of a Watcher's interval, and what its options default to.
const (
	MinInterval     = 10 * time.Millisecond
	MaxInterval     = time.Hour
	DefaultInterval = time.Second
	DefaultTimeout  = 10 * time.Second
)

const (
	stuckGrace = 100 * time.Millisecond // for a session to return once its context has ended
	endGrace   = time.Second            // the same, when the watch ends
)

// WatchOptions says how a Watcher reads.
type WatchOptions struct {
	Interval time.Duration // between readings; DefaultInterval when 0, else within MinInterval and MaxInterval
	Timeout  time.Duration // for one reading; DefaultTimeout when 0
}

// Event is a reading or the reason why there is none.
type Event struct {
	Snapshot *Snapshot // the receiver's own; nil when Err is not nil
	Info     Info      // what the session says of its target; the last known when Err is not nil
	Err      error
	// Cost is the share of one CPU that readings, and what Do ran, took in the last minute, 0 to 1. It is wall time,
	// waiting included, hence an upper bound of the CPU time.
	Cost float64
}

// Watcher reads a session again and again and sees to it that nobody else uses the session meanwhile.
type Watcher struct {
	session Session
	timeout time.Duration
	jobs    chan *job
	changed chan struct{} // holds one token when the interval was set
	ended   chan struct{} // closed when Run returns

	mu       sync.Mutex
	interval time.Duration
	started  bool
	endErr   error // why Run ended; read it after ended
}

// NewWatcher returns a Watcher over s, which it does not close. Nothing is read before Run.
func NewWatcher(s Session, o WatchOptions) *Watcher {
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	return &Watcher{
		session:  s,
		timeout:  o.Timeout,
		jobs:     make(chan *job),
		changed:  make(chan struct{}, 1),
		ended:    make(chan struct{}),
		interval: clampInterval(o.Interval),
	}
}

func clampInterval(d time.Duration) time.Duration { return min(max(d, MinInterval), MaxInterval) }

// Interval returns the time between readings. It is safe for concurrent use.
func (w *Watcher) Interval() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.interval
}

// SetInterval changes the time between readings at once: the next reading comes d after the last one. d is limited to
// MinInterval and MaxInterval. It is safe for concurrent use.
func (w *Watcher) SetInterval(d time.Duration) {
	w.mu.Lock()
	w.interval = clampInterval(d)
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// Do runs f between two readings and waits for it; f alone uses the session meanwhile. The context given to f ends with
// ctx and with the watch. Do returns f's error; ctx's when that ends first, in which case f, should it go on, still
// keeps readings waiting; and an error that wraps ErrGone when the target has ended. Before Run it waits for Run. A
// panic in f is returned as a *Panic. It is safe for concurrent use, but f must not call Do.
func (w *Watcher) Do(ctx context.Context, f func(context.Context, Session) error) error {
	j := &job{callers: ctx, done: make(chan struct{})}
	j.run = func(ctx context.Context) error { return f(ctx, w.session) }
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
		return w.whyEnded()
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Watcher) whyEnded() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.endErr != nil {
		return w.endErr
	}
	return errWatchEnded
}

var errWatchEnded = errors.New("the watch has ended")

// Run reads the session at once and then at the interval, on a fixed grid; what cannot be read in time is skipped, not
// made up for. Each reading is handed to emit, on Run's goroutine: while emit runs no reading begins.
//
// Run returns nil when ctx ends, and the session's error, which is also emitted, when that wraps ErrGone. Any other
// error, a reading that takes longer than the timeout, and a panic in the session (as a *Panic) are emitted, and the
// session is read again. When the session ignores its context, nothing is read until it returns, an error is emitted
// every timeout, and Run still ends with ctx, a second late, leaving that call behind. Run may be called once.
func (w *Watcher) Run(ctx context.Context, emit func(Event)) (err error) {
	w.mu.Lock()
	again := w.started
	w.started = true
	w.mu.Unlock()
	if again {
		return errors.New("run watcher: it has run already")
	}
	defer func() {
		w.mu.Lock()
		w.endErr = err
		w.mu.Unlock()
		close(w.ended)
	}()
	l := newWatchLoop(w, ctx, emit)
	defer l.stop()
	return l.run()
}

// Panic is a panic of a session, as an error.
type Panic struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// Error tells the panic's value.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }
