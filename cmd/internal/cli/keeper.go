package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	takeTimeout = 15 * time.Second // for the profiles that are kept
	logEvery    = 10 * time.Second // how often a command's output is kept
)

// freeSource is the source whose profiles cost the target nothing, so that they are read without anybody asking.
const freeSource = "memory"

// keeper keeps what is read of one target: the last minutes in memory, to go back in and for the black box, and, where a
// recording was asked for, all of it in a file. Its methods are safe for concurrent use.
type keeper struct {
	memory   *capture.Memory
	recorder *capture.Recorder // nil without --record, and for every target but the first
	output   sampler.Output    // of a command; nil without one
	boxDir   string            // where the black box goes; "" writes none
	noBox    error             // why there is no folder for the black box that was wanted; nil where there is one
	wake     chan struct{}     // holds one token after a reading

	written func() // called once the black box is written, or could not be; may be nil

	mu     sync.Mutex
	free   bool // profiles cost the target nothing
	logged time.Time
	failed error // why profiles could not be kept last
	box    capture.BlackBox
	boxErr error
}

func newKeeper(o *opened, recorder *capture.Recorder, boxDir string) *keeper {
	k := &keeper{
		memory: capture.NewMemory(capture.MemoryOptions{Version: version()}), recorder: recorder,
		boxDir: boxDir, wake: make(chan struct{}, 1),
	}
	if o.command != nil {
		k.output = o.command
	}
	return k
}

// sinks are those who keep.
func (k *keeper) sinks() tee {
	if k.recorder == nil {
		return tee{k.memory}
	}
	return tee{k.memory, k.recorder}
}

// hear keeps a reading, or the end of the target, with which the black box is written when it died.
func (k *keeper) hear(ev sampler.Event) {
	gone := errors.Is(ev.Err, sampler.ErrGone)
	k.keepLog(gone)
	k.sinks().Event(ev)
	if gone {
		k.writeBox(ev.Err)
		return
	}
	k.mu.Lock()
	k.free = ev.Info.Source == freeSource
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *keeper) keepLog(last bool) {
	if k.output == nil {
		return
	}
	k.mu.Lock()
	due := last || time.Since(k.logged) >= logEvery
	if due {
		k.logged = time.Now()
	}
	k.mu.Unlock()
	if !due {
		return
	}
	lines, dropped := k.output.Log()
	k.sinks().Log(lines, dropped)
}

// follow reads the costlier readings that are due, between two of the watch's own, until ctx ends or the target does. Those
// that cost the target something are read for a recording only: the person asked for that.
func (k *keeper) follow(ctx context.Context, w *sampler.Watcher) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		k.mu.Lock()
		wanted := k.free || k.recorder != nil
		k.mu.Unlock()
		d := k.sinks().Due(time.Now())
		if wanted && (d.Heap || d.Goroutines || d.Mappings) && errors.Is(k.take(ctx, w), sampler.ErrGone) {
			return
		}
	}
}

func (k *keeper) take(ctx context.Context, w *sampler.Watcher) error {
	within, stop := context.WithTimeout(ctx, takeTimeout)
	defer stop()
	err := w.Do(within, func(ctx context.Context, s sampler.Session) error {
		return capture.Take(ctx, s, time.Now(), k.sinks())
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil && ctx.Err() == nil && !errors.Is(err, sampler.ErrGone) {
		k.failed = err
	}
	return err
}

// writeBox writes the black box when the target died: killed by a signal that does not ask it to end, or for memory, or with
// an exit code that is not 0.
func (k *keeper) writeBox(err error) {
	if !died(err) || k.boxDir == "" && k.noBox == nil {
		return
	}
	box, err := capture.BlackBox{}, k.noBox
	if err == nil {
		box, err = k.memory.WriteBlackBox(k.boxDir, "", capture.BlackBoxOptions{Ledger: k.lastLedger()})
	}
	if errors.Is(err, capture.ErrNotRecorded) {
		return // it died before it was read
	}
	k.mu.Lock()
	k.box, k.boxErr = box, err
	k.mu.Unlock()
	if k.written != nil {
		k.written()
	}
}

// died reports whether a target's end is one to keep the traces of.
func died(err error) bool {
	var gone *sampler.Gone
	if !errors.As(err, &gone) {
		return false
	}
	switch gone.Signal {
	case "":
		return gone.OOM || gone.ExitCode.OK && gone.ExitCode.Value != 0
	case "SIGTERM", "SIGINT", "SIGHUP":
		return gone.OOM // somebody asked it to end
	}
	return true
}

// lastLedger splits the last reading as the analysis does; nil where that is not possible.
func (k *keeper) lastLedger() json.RawMessage {
	at := k.memory.LastWhole()
	s, err := k.memory.At(at)
	if err != nil {
		return nil
	}
	maps, err := k.memory.MappingsAt(at)
	if err != nil {
		maps = nil
	}
	return ledgerJSON(s, maps)
}

func ledgerJSON(s *sampler.Snapshot, maps *sampler.Mappings) json.RawMessage {
	l, ok := analysis.NewLedger(s, maps)
	if !ok {
		return nil
	}
	text, err := json.Marshal(l)
	if err != nil {
		return nil // a ledger of a snapshot can be marshalled; without it the snapshot is still good
	}
	return text
}

// blackBox returns what writeBox did.
func (k *keeper) blackBox() (capture.BlackBox, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.box, k.boxErr
}

// tellBox says where the black box is.
func tellBox(w io.Writer, box capture.BlackBox, err error) {
	switch {
	case err != nil:
		printLines(w, "heaptop: ", err.Error())
	case box.Recording != "":
		printLines(w, "heaptop: ", "what was read before its end: "+box.Recording)
		printLines(w, "heaptop: ", "the last of it as a snapshot: "+box.Snapshot)
	}
}

// endRecording completes the recording and says what is in it. The error says what could not be written.
func (k *keeper) endRecording(w io.Writer) error {
	if k == nil || k.recorder == nil {
		return nil
	}
	err := k.recorder.Close()
	s := k.recorder.Status()
	text := fmt.Sprintf("recorded %d readings into %s, %s", s.Readings, k.recorder.Path(), unit.Bytes(float64(s.Bytes)))
	if s.Dropped > 0 {
		text += fmt.Sprintf("; %d were lost, which came faster than they could be written", s.Dropped)
	}
	printLines(w, "heaptop: ", text)
	k.mu.Lock()
	failed := k.failed
	k.mu.Unlock()
	if failed != nil {
		printLines(w, "heaptop: ", "not all is in it: "+failed.Error())
	}
	return err
}
