package tui

import (
	"context"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Backend is the program around the dashboard, which knows the concrete sources. The dashboard calls it from commands,
// never from Update or View, so a call may take its time; each gets a context that ends with the dashboard.
type Backend interface {
	// Open starts to watch a target and returns once its session is open. ctx lives as long as the dashboard: the watch
	// may go on reading under it. Errors wrap the sentinels of sampler.
	Open(ctx context.Context, t sampler.Target) (Watch, error)
	// List reads the process table into a table that belongs to the dashboard, and keeps no hold of it. The dashboard
	// never asks twice at once. An error that wraps sampler.ErrUnsupported says there is no table to be had.
	List(ctx context.Context, o sampler.ListOptions, into *sampler.ProcessTable) error
}

// Watch is one target being watched: a session, and the loop that reads it. Its methods may be called from any goroutine.
type Watch interface {
	// Info describes the target as it is known now. Events carry newer ones.
	Info() sampler.Info
	// Events delivers what was read, in order. A snapshot in it belongs to the receiver. The channel is closed when no
	// more will come: after an error that wraps sampler.ErrGone, or Close. A receiver that is slow loses older
	// events, never the last. A nil channel never delivers.
	Events() <-chan sampler.Event
	// Do runs f with the session, between two readings, and waits for it.
	Do(ctx context.Context, f func(context.Context, sampler.Session) error) error
	// SetInterval changes how often the target is read.
	SetInterval(d time.Duration)
	// Output returns what a started command printed; nil when heaptop did not start the target.
	Output() sampler.Output
	// Close ends the watching. It leaves the target alone unless heaptop started it.
	Close() error
}
