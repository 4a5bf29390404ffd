package capture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// How a Recorder writes.
const (
	// DefaultMaxBytes is the size past which older members of a recording are thinned.
	DefaultMaxBytes = 64 << 20
	flushEvery      = 4 * time.Second // 5 s are promised
	syncEvery       = 30 * time.Second
	queueLength     = 256
	backlogMost     = 8 << 20 // bytes that wait for a disk that is full
	momentsAtOnce   = 600     // in one member
)

// RecorderOptions says what a Recorder writes besides what it is given.
type RecorderOptions struct {
	Version  string       // of heaptop
	Info     sampler.Info // of the target, for the header
	MaxBytes int64        // past which older readings are thinned; DefaultMaxBytes when 0
	Rates    Rates
	// Now is the clock, for the header, for readings that failed and for the age of readings. time.Now when nil.
	Now func() time.Time
	// Flush is how often what was read is written; 4 s when 0.
	Flush time.Duration
}

// RecorderStatus is what a Recorder has done so far.
type RecorderStatus struct {
	Bytes    int64 // of the file
	Readings int   // written, thinned ones included
	// Dropped is what was lost: readings, profiles and others that came faster than they could be written, or while the
	// disk was full.
	Dropped int
	Thinned int           // how often older readings were thinned
	Busy    time.Duration // spent on the recording, beside the loop that reads the target
	Err     error         // why nothing is being written at present, or what else went wrong last; nil when all is well
}

// Recorder writes a recording. Event and its companions never wait for the disk: they put what they are given into a
// queue of 256, which a goroutine of the Recorder's own packs and writes, and what does not fit is counted as dropped.
type Recorder struct {
	o       RecorderOptions
	path    string
	queue   chan func(*recording)
	stop    chan struct{}
	stopped chan struct{}
	once    sync.Once

	mu     sync.Mutex
	pace   pace
	status RecorderStatus
	closed bool
}

var _ Sink = (*Recorder)(nil)

// Create makes the recording path, whose name must end in .heaprec, and the folder it is in, readable by their owner
// alone, and writes its header, so that a disk that is full or may not be written to is known at once. It never
// replaces a file: the error wraps fs.ErrExist when there is one. Close ends the recording.
func Create(path string, o RecorderOptions) (*Recorder, error) {
	if filepath.Ext(path) != RecordingExtension {
		return nil, fmt.Errorf("create recording %s: the name must end in %s, or it cannot be opened again", path, RecordingExtension)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Flush <= 0 {
		o.Flush = flushEvery
	}
	o.Rates = o.Rates.withDefaults()
	file, size, err := begin(path, o)
	if err != nil {
		return nil, fmt.Errorf("create recording %s: %w", path, err)
	}
	r := &Recorder{
		o: o, path: path, queue: make(chan func(*recording), queueLength), stop: make(chan struct{}), stopped: make(chan struct{}),
		pace: pace{rates: o.Rates}, status: RecorderStatus{Bytes: size},
	}
	go r.run(&recording{r: r, o: o, path: path, file: file, size: size, packer: newPacker(), synced: time.Now()})
	return r, nil
}

// begin makes the file with its header.
func begin(path string, o RecorderOptions) (f *os.File, size int64, err error) {
	head, err := newPacker().header(headerJSON{
		Schema: RecordingSchema, Tool: toolJSON{o.Version, runtime.Version()}, Started: o.Now(), Target: fromInfo(o.Info),
	})
	if err != nil {
		return nil, 0, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, 0, err
	}
	if f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err != nil {
		return nil, 0, err
	}
	if _, err = f.WriteAt(head.data, 0); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close(), os.Remove(path))
	}
	syncDir(filepath.Dir(path))
	return f, int64(len(head.data)), nil
}

// put queues work, or counts it as dropped.
func (r *Recorder) put(f func(*recording)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		select {
		case r.queue <- f:
			return
		default:
		}
	}
	r.status.Dropped++
}

// wants reports whether a reading of sort k is to be kept.
func (r *Recorder) wants(k kind, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pace.take(k, at)
}

// Event implements Sink.
func (r *Recorder) Event(e sampler.Event) {
	m, gone := momentOf(e, r.o.Now())
	r.put(func(w *recording) {
		if gone != nil {
			w.gone = gone
			w.flush()
			return
		}
		w.pending = append(w.pending, m)
	})
}

// Heap implements Sink.
func (r *Recorder) Heap(p sampler.Profile) {
	if r.wants(kindHeap, p.Time) {
		r.put(func(w *recording) { w.add(w.packer.heap(p)) })
	}
}

// Goroutines implements Sink.
func (r *Recorder) Goroutines(g sampler.Goroutines) {
	if r.wants(kindGoroutines, g.Time) {
		r.put(func(w *recording) { w.add(w.packer.goroutines(g)) })
	}
}

// Mappings implements Sink.
func (r *Recorder) Mappings(m sampler.Mappings) {
	if r.wants(kindMappings, m.Time) {
		r.put(func(w *recording) { w.add(w.packer.mappings(m)) })
	}
}

// Processes implements Sink.
func (r *Recorder) Processes(t *sampler.ProcessTable) {
	if r.wants(kindProcesses, t.Time) {
		kept := *t
		kept.Processes = append([]sampler.Process(nil), t.Processes...)
		r.put(func(w *recording) { w.add(w.packer.processes(&kept, r.o.Rates.Rows)) })
	}
}

// Log implements Sink.
func (r *Recorder) Log(lines []sampler.LogLine, dropped int) {
	now := r.o.Now()
	r.put(func(w *recording) {
		if fresh, lost := w.log.news(lines, dropped); len(fresh) > 0 {
			w.add(w.packer.log(fresh, lost, now))
		}
	})
}

// Due implements Sink.
func (r *Recorder) Due(now time.Time) Due {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pace.dues(now)
}

// Path returns the file's.
func (r *Recorder) Path() string { return r.path }

// Status returns what was done so far. It is safe for concurrent use.
func (r *Recorder) Status() RecorderStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Close writes what is left and how the target ended, and makes it last. The error says what could not be written; what
// was written before can be read. Closing twice is harmless.
func (r *Recorder) Close() error {
	r.once.Do(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		close(r.stop)
	})
	<-r.stopped
	return r.Status().Err
}

// run is the Recorder's goroutine.
func (r *Recorder) run(w *recording) {
	defer close(r.stopped)
	tick := time.NewTicker(r.o.Flush)
	defer tick.Stop()
	for {
		var begun time.Time
		select {
		case f := <-r.queue:
			begun = time.Now()
			f(w)
			if len(w.pending) >= momentsAtOnce {
				w.flush()
			}
		case <-tick.C:
			begun = time.Now()
			w.flush()
			w.startThinning()
		case t := <-w.thinned:
			begun = time.Now()
			w.finishThinning(t)
		case <-r.stop:
			w.drain()
			return
		}
		w.report(time.Since(begun))
	}
}
