package tui

import (
	"context"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
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

// Recorded is a Watch whose past can be asked for: of a live target the last minutes, of a file all that is in it. The
// dashboard moves in both in the same way. Its methods may be called from any goroutine.
//
// A file's Watch delivers one event with the last reading and, where the recording says that the target died, one with its
// end; then no more, and Events stays open until Close. What came before is in Past: Load fills a history. Do gives a session
// that reads what was recorded last.
type Recorded interface {
	Watch
	// Past returns what was read, at any moment of it.
	Past() capture.Past
	// File is the path of the recording or snapshot that is shown, "" for a live target.
	File() string
	// Sink takes what the dashboard reads beside the watch's own loop (heap profiles, goroutines, mappings, processes, the
	// log), so that it is in the past as well. nil for a file.
	Sink() capture.Sink
	// BlackBox returns the files that hold the last minutes and the last state of a target that died abnormally, or why
	// they could not be written. Both are settled before the event that tells of the end; before that, and for a target that
	// ended well, both are zero.
	BlackBox() (capture.BlackBox, error)
}
