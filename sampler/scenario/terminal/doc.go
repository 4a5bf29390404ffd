// Package terminal is workloads on a terminal: an editor, a log that is followed and a shell for long runs, and small pieces
// of a terminal's work for measurements. Each holds what a program of its sort holds: the editor its files and a bounded undo,
// the log a bounded scrollback, the shell a bounded history. None keeps a record of what it did, so that a long run is flat.
//
// Everything is chosen by the seed: the same seed makes the same screens and the same allocations. There are no real files,
// commands or clocks in it, since those differ from machine to machine.
package terminal

import (
	"math/rand/v2"

	"github.com/alloc-dev/heaptop/sampler/scenario/terminal/emulator"
)

// Screened is a workload whose screens can be looked at.
type Screened interface {
	// Screens is what a person sees now, none after Close. The next step changes each.
	Screens() []*emulator.Terminal
}

// chance returns the numbers of a workload. The stream keeps workloads of one seed apart, and the sessions of one.
func chance(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// Streams of chance, one for each workload that chooses.
const (
	streamVim = iota + 1
	streamLog
	streamShell
	streamPiece
	streamSessions // and those after it, one a session
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// shown is the screens of a workload that has one, none when it is closed.
func shown(t *emulator.Terminal) []*emulator.Terminal {
	if t == nil {
		return nil
	}
	return []*emulator.Terminal{t}
}
