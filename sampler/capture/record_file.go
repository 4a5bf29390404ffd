package capture

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// recording is the file that a Recorder writes, used by its goroutine alone.
type recording struct {
	r       *Recorder
	o       RecorderOptions
	path    string
	file    *os.File
	size    int64 // bytes of whole members; what may stand behind them is not ours
	members int
	packer  *packer
	pending []*Moment
	log     logTail
	backlog []member // packed, not yet written
	waiting int      // bytes of them
	gone    *sampler.Gone
	synced  time.Time

	readings, dropped int
	err               error // of the last writing

	// Thinning goes on beside, over the members that were there when it began.
	thinned  chan thinning
	cancel   chan struct{}
	harder   int   // how much harder than usual the next one is to thin, 1 at first
	nextThin int64 // the size at which to thin again
	rewrites int
}

// add takes a member, or counts what could not be packed as dropped.
func (w *recording) add(m member, err error) {
	if err != nil {
		w.dropped++
		w.err = fmt.Errorf("record to %s: %w", w.path, err)
		return
	}
	w.backlog = append(w.backlog, m)
	w.waiting += len(m.data)
	if w.waiting <= backlogMost {
		return
	}
	for _, m := range w.backlog {
		w.dropped += max(1, m.count*boolInt(m.kind == kindSamples))
	}
	w.backlog, w.waiting = nil, 0
	w.packer.breakChains() // the tables to come must not rest on those that are lost
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// flush packs the readings that wait, and writes everything that waits.
func (w *recording) flush() {
	for len(w.pending) > 0 {
		n := min(len(w.pending), momentsAtOnce)
		w.pack(w.pending[:n])
		w.pending = w.pending[n:]
	}
	w.pending = nil
	w.write()
}

// pack makes a member of readings; when they do not go into one, of each half.
func (w *recording) pack(list []*Moment) {
	m, err := w.packer.samples(list)
	if err != nil && len(list) > 1 {
		w.pack(list[:len(list)/2])
		w.pack(list[len(list)/2:])
		return
	}
	w.add(m, err)
}

// write appends what waits to the file. When that fails, the file is cut back to its last whole member, and what waits
// is tried again the next time.
func (w *recording) write() {
	if len(w.backlog) == 0 {
		return
	}
	data := make([]byte, 0, w.waiting)
	for _, m := range w.backlog {
		data = append(data, m.data...)
	}
	if _, err := w.file.WriteAt(data, w.size); err != nil {
		w.err = fmt.Errorf("record to %s: %w", w.path, err)
		_ = w.file.Truncate(w.size) // a reader passes over half a member anyway
		return
	}
	w.err = nil
	w.size += int64(len(data))
	w.members += len(w.backlog)
	for _, m := range w.backlog {
		if m.kind == kindSamples {
			w.readings += m.count
		}
	}
	w.backlog, w.waiting = nil, 0
	if time.Since(w.synced) >= syncEvery {
		w.sync()
	}
}

// sync makes what is written last when the machine loses power. It is done every 30 s: a crash of heaptop or of the
// target loses nothing that was written.
func (w *recording) sync() {
	w.synced = time.Now()
	if err := w.file.Sync(); err != nil {
		w.err = fmt.Errorf("record to %s: %w", w.path, err)
	}
}

// drain does what is left when the recording is closed.
func (w *recording) drain() {
	begun := time.Now()
	for more := true; more; {
		select {
		case f := <-w.r.queue:
			f(w)
		default:
			more = false
		}
	}
	w.stopThinning()
	w.flush()
	end := &endJSON{At: w.o.Now()}
	if w.gone != nil {
		end = fromGone(w.gone)
	}
	if end.At.IsZero() {
		end.At = w.o.Now()
	}
	w.add(w.packer.end(end))
	w.write()
	if len(w.backlog) == 0 {
		w.sync()
	}
	for _, m := range w.backlog {
		w.dropped += m.count * boolInt(m.kind == kindSamples)
	}
	w.err = errors.Join(w.err, w.file.Close())
	w.report(time.Since(begun))
}

// report tells the Recorder's status.
func (w *recording) report(took time.Duration) {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	s := &w.r.status
	s.Bytes, s.Readings, s.Thinned, s.Err = w.size, w.readings, w.rewrites, w.err
	s.Dropped += w.dropped
	s.Busy += took
	w.dropped = 0
}
