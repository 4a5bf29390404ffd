package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui"
)

// file is a recording or a snapshot that is open.
type file struct {
	path string
	past capture.Past
	note string // what a person should know of it; "" for nothing
	done func() error
}

// openPast opens a file by its name's ending. Every error says that what was typed names no file that can be read.
func openPast(path string) (*file, error) {
	f := &file{path: path, done: func() error { return nil }}
	var err error
	if filepath.Ext(path) == capture.RecordingExtension {
		err = f.openRecording()
	} else {
		err = f.openSnapshot()
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("read %s: there is no such file", path)
	}
	if err != nil {
		return nil, &usageError{err, ""}
	}
	if _, to := f.past.Span(); to.IsZero() {
		_ = f.done() // it was only read
		return nil, fmt.Errorf("%s has no readings in it", path)
	}
	return f, nil
}

func (f *file) openRecording() error {
	r, err := capture.Open(f.path)
	if err != nil {
		return err
	}
	if cut := r.Cut(); cut > 0 {
		f.note = fmt.Sprintf("%s was cut off: its last %d bytes are left out", f.path, cut)
	}
	f.past, f.done = r, r.Close
	return nil
}

func (f *file) openSnapshot() error {
	s, err := capture.Read(f.path)
	if err != nil {
		return err
	}
	past, err := newSnapshotPast(s)
	if err != nil {
		return fmt.Errorf("read snapshot %s: %w", f.path, err)
	}
	f.past = past
	return nil
}

// fileWatch shows a file as a target is shown.
type fileWatch struct {
	file   *file
	info   sampler.Info
	events chan sampler.Event
	using  sync.Mutex // the session
	once   sync.Once
	err    error
}

var _ tui.Recorded = (*fileWatch)(nil)

// openFile opens a recording or snapshot for the dashboard.
func openFile(path string) (*fileWatch, error) {
	f, err := openPast(path)
	if err != nil {
		return nil, err
	}
	w, err := newFileWatch(f)
	if err != nil {
		_ = f.done() // it was only read
		return nil, &usageError{err, ""}
	}
	return w, nil
}

func newFileWatch(f *file) (*fileWatch, error) {
	w := &fileWatch{file: f, events: make(chan sampler.Event, 2)}
	_, to := f.past.Span()
	last, err := f.past.At(to)
	if err != nil {
		return nil, err
	}
	if w.info, err = f.past.InfoAt(to); err != nil {
		return nil, err
	}
	w.info.Hints = nil // they tell how to see more of a target that lives
	w.events <- sampler.Event{Snapshot: last, Info: w.info}
	if gone := f.past.Gone(); gone != nil {
		w.events <- sampler.Event{Err: gone, Info: w.info}
	}
	return w, nil
}

func (w *fileWatch) Info() sampler.Info { return w.info }

func (w *fileWatch) Events() <-chan sampler.Event { return w.events }

// Do runs f with what was recorded last.
func (w *fileWatch) Do(ctx context.Context, f func(context.Context, sampler.Session) error) error {
	w.using.Lock()
	defer w.using.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return f(ctx, &lastOf{w})
}

// SetInterval does nothing: a file has its own times.
func (w *fileWatch) SetInterval(time.Duration) {}

// Output returns nil: what the program printed is in the past.
func (w *fileWatch) Output() sampler.Output { return nil }

func (w *fileWatch) Past() capture.Past { return w.file.past }

func (w *fileWatch) File() string { return w.file.path }

func (w *fileWatch) Sink() capture.Sink { return nil }

func (w *fileWatch) BlackBox() (capture.BlackBox, error) { return capture.BlackBox{}, nil }

// Close closes the file. Closing twice is harmless.
func (w *fileWatch) Close() error {
	w.once.Do(func() {
		w.using.Lock()
		defer w.using.Unlock()
		close(w.events)
		w.err = w.file.done()
	})
	return w.err
}

// lastOf is a session over what was recorded last. It has no effect on anybody.
type lastOf struct{ w *fileWatch }

var (
	_ sampler.HeapProfiler      = (*lastOf)(nil)
	_ sampler.GoroutineProfiler = (*lastOf)(nil)
	_ sampler.Mapper            = (*lastOf)(nil)
	_ sampler.Describer         = (*lastOf)(nil)
)

func (l *lastOf) at() time.Time { _, to := l.w.file.past.Span(); return to }

// Read fills s with the last reading.
func (l *lastOf) Read(_ context.Context, s *sampler.Snapshot) error {
	last, err := l.w.file.past.At(l.at())
	if err == nil {
		*s = *last
	}
	return err
}

func (l *lastOf) Close() error { return nil }

func (l *lastOf) Describe() sampler.Info { return l.w.info }

func (l *lastOf) HeapProfile(context.Context) (sampler.Profile, error) {
	return recorded(l.w.file.past.HeapAt(l.at()))
}

func (l *lastOf) Goroutines(context.Context) (sampler.Goroutines, error) {
	return recorded(l.w.file.past.GoroutinesAt(l.at()))
}

func (l *lastOf) GoroutineProfile(context.Context) (sampler.Profile, error) {
	return recorded(l.w.file.past.GoroutineProfileAt(l.at()))
}

func (l *lastOf) Mappings(context.Context) (sampler.Mappings, error) {
	return recorded(l.w.file.past.MappingsAt(l.at()))
}

// recorded tells that something is not in the file as a session tells that it cannot.
func recorded[T any](v *T, err error) (T, error) {
	if err == nil {
		return *v, nil
	}
	var none T
	if errors.Is(err, capture.ErrNotRecorded) {
		return none, errors.Join(err, sampler.ErrUnsupported)
	}
	return none, err
}

// regular says why a path is no file that can be read from beginning to end: a pipe would keep us waiting.
func regular(path string) error {
	info, err := os.Stat(path)
	var at *fs.PathError
	switch {
	case errors.As(err, &at):
		return fmt.Errorf("read %s: %w", path, at.Err) // the path is said once
	case err != nil:
		return fmt.Errorf("read %s: %w", path, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("read %s: it is no regular file", path)
	}
	return nil
}
