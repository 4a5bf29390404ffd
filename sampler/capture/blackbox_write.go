package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// BlackBox is the two files of a black box.
type BlackBox struct {
	Recording string // the last minutes
	Snapshot  string // the last state
}

// BlackBoxOptions says what a Memory cannot know.
type BlackBoxOptions struct {
	Note   string          // the snapshot's, when it is not how the target ended
	Ledger json.RawMessage // of the reading at LastWhole, as the analysis has it; nil when there is none
}

// WriteBlackBox writes what m holds into the folder dir, which it makes when it is missing: the last minutes as a
// recording, and the last state as a snapshot. Both have the same name, with -2, -3 ... behind it when that is taken;
// when name is "" it tells the target, the time and the end: api-server-4242-20261121T110210-oom. It replaces no file.
// The error wraps ErrNotRecorded when there was no reading yet.
func (m *Memory) WriteBlackBox(dir, name string, o BlackBoxOptions) (BlackBox, error) {
	m.packing.Lock()
	m.seal()
	m.packing.Unlock()
	last, err := m.lastState(m.LastWhole())
	if err != nil {
		return BlackBox{}, fmt.Errorf("write the black box into %s: %w", dir, err)
	}
	gone := m.Gone()
	last.Note, last.Ledger = o.Note, o.Ledger
	if last.Note == "" && gone != nil {
		last.Note = gone.Error()
	}
	last.Meta.Version = m.o.Version
	if name == "" {
		name = strings.TrimSuffix(Name(last.Info, last.time()), Extension) + cause(gone)
	}
	temp, err := m.writeTemp(dir, last.Info)
	if err != nil {
		return BlackBox{}, fmt.Errorf("write the black box into %s: %w", dir, err)
	}
	box, err := publishBox(dir, name, temp, last)
	if err != nil {
		_ = os.Remove(temp) // it may have its name already
		return box, fmt.Errorf("write the black box into %s: %w", dir, err)
	}
	syncDir(dir)
	return box, nil
}

// LastWhole returns the time of the last reading that tells the resident memory, if one of the last few does: a process that
// is just ending has none left, and what it had before is what is asked about. Otherwise that of the last reading; zero
// where there is none.
func (m *Memory) LastWhole() time.Time {
	const few = 10
	_, to := m.Span()
	at := to
	for range few {
		s, err := m.At(at)
		if err != nil {
			break
		}
		if _, has := s.Get(sampler.ProcessRSS); has {
			return s.Time
		}
		before, ok := m.Before(at)
		if !ok {
			break
		}
		at = before
	}
	return to
}

// cause says in a word, for a file name, how the target ended.
func cause(g *sampler.Gone) string {
	switch {
	case g == nil:
		return ""
	case g.OOM:
		return "-oom"
	case g.Signal != "":
		return "-" + strings.ToLower(safe(g.Signal))
	case g.ExitCode.OK:
		return "-exit" + strconv.Itoa(int(g.ExitCode.Value))
	}
	return "-ended"
}

// lastState returns everything known at t. What was never read is absent.
func (m *Memory) lastState(t time.Time) (*Snapshot, error) {
	sample, err := m.At(t)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Meta: Meta{Time: sample.Time}, Sample: sample}
	if s.Info, err = m.InfoAt(t); err != nil {
		return nil, err
	}
	wrong := func(err error) bool { return err != nil && !errors.Is(err, ErrNotRecorded) }
	if s.Heap, err = m.HeapAt(t); wrong(err) {
		sample.Warn(err)
	}
	if s.Goroutine, err = m.GoroutineProfileAt(t); wrong(err) {
		sample.Warn(err)
	}
	if s.Mappings, err = m.MappingsAt(t); wrong(err) {
		sample.Warn(err)
	}
	return s, nil
}

// writeTemp writes the recording under a name of its own.
func (m *Memory) writeTemp(dir string, info sampler.Info) (path string, err error) {
	m.mu.Lock()
	slots, end := append([]*slot(nil), m.slots...), m.end
	m.mu.Unlock()
	from, to := m.Span()
	p := newPacker()
	head, err := p.header(headerJSON{
		Schema: RecordingSchema, Tool: toolJSON{m.o.Version, runtime.Version()}, Started: from, Target: fromInfo(info),
	})
	if err != nil {
		return "", err
	}
	if end == nil {
		end = &endJSON{At: to}
	}
	if end.At.IsZero() {
		end.At = to
	}
	tail, err := p.end(end)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".heaprec-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(head.data)
	for i := 0; i < len(slots) && err == nil; i++ {
		_, err = f.Write(slots[i].data)
	}
	if err == nil {
		_, err = f.Write(tail.data)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name()) // the error that matters is there already
		return "", err
	}
	return f.Name(), nil
}

// publishBox gives the recording its name and writes the snapshot under the same.
func publishBox(dir, name, temp string, last *Snapshot) (box BlackBox, err error) {
	const most = 100
	for i := range most {
		base := name
		if i > 0 {
			base += "-" + strconv.Itoa(i+1)
		}
		paths := BlackBox{filepath.Join(dir, base+RecordingExtension), filepath.Join(dir, base+Extension)}
		if _, err = os.Lstat(paths.Snapshot); err == nil {
			err = fmt.Errorf("%s: %w", paths.Snapshot, fs.ErrExist)
			continue
		}
		if err = publish(temp, paths.Recording); errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return box, err
		}
		box.Recording = paths.Recording
		if err = Write(paths.Snapshot, last); err == nil {
			box.Snapshot = paths.Snapshot
		}
		return box, err
	}
	return box, err
}
