// Package cli is the command line: the tree of commands, one file each, the list of sources, and the exit codes.
//
// A command is Options, New and run. What is typed wrong is told before anything is opened. stdout carries the report,
// stderr the conversation; where stdout is no terminal, or NO_COLOR is set, no escape code is written. This is the one
// place that knows every concrete source, starts commands and listens to signals. It refuses to measure or to judge:
// the figures come from sampler and analysis, the same for the screen and for the lines.
package cli

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/charmbracelet/x/term"
)

// Streams are the three streams of the program and what is asked of its environment.
type Streams struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Getenv func(string) string
}

// System returns the streams and the environment of this process.
func System() Streams {
	return Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// Main runs one command line and returns the exit code. A first SIGINT, SIGTERM or SIGHUP ends it in order: files are
// completed and a started command is asked to end. A second one kills that command and does not wait.
func Main(ctx context.Context, s Streams, args []string) int {
	// The runtime opens what it waits for timers and files with at the first timer, and ends the program where no
	// descriptor is left for that. Later there may be none: then a reading fails, and that can be told.
	time.AfterFunc(time.Hour, func() {}).Stop()
	ctx, signals := listen(ctx)
	defer signals.stop()
	root := newRoot(&environment{Streams: s, hurry: signals.second})
	root.SetArgs(args)
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	select {
	case err := <-done:
		return conclude(s.Err, err)
	case <-signals.second:
	}
	select {
	case err := <-done:
		return conclude(s.Err, err)
	case <-time.After(time.Second):
		return conclude(s.Err, context.Cause(ctx))
	}
}

// environment is what every command may use.
type environment struct {
	Streams
	hurry <-chan struct{} // closed at the second signal
}
