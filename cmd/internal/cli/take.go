package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// profileExtension ends the names of heap profiles, as runtime/pprof and `go tool pprof` have them.
const profileExtension = ".pb.gz"

// takeSnapshot adds what a session can tell besides a reading: profiles and the address space. A part that cannot be read
// is a warning in the snapshot's reading.
func takeSnapshot(ctx context.Context, w *watch, ev sampler.Event, note string) (*capture.Snapshot, error) {
	type parts struct {
		heap, goroutine *sampler.Profile
		maps            *sampler.Mappings
		warnings        []error
	}
	read := make(chan parts, 1) // after a timeout f may still run: what it reads is its own
	within, stop := context.WithTimeout(ctx, takeTimeout)
	defer stop()
	err := w.Do(within, func(ctx context.Context, s sampler.Session) error {
		var p parts
		warn := func(what string, err error) {
			if !errors.Is(err, sampler.ErrUnsupported) {
				p.warnings = append(p.warnings, fmt.Errorf("read the %s for the snapshot: %w", what, err))
			}
		}
		if r, ok := s.(sampler.HeapProfiler); ok {
			p.heap = part("heap profile", warn)(r.HeapProfile(ctx))
		}
		if r, ok := s.(sampler.GoroutineProfiler); ok {
			p.goroutine = part("goroutines", warn)(r.GoroutineProfile(ctx))
		}
		if r, ok := s.(sampler.Mapper); ok {
			maps, err := r.Mappings(ctx)
			if err == nil {
				p.maps = &maps
			} else {
				warn("mappings", err)
			}
		}
		read <- p
		return nil
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	sample := ev.Snapshot.Clone()
	snap := &capture.Snapshot{Info: ev.Info, Note: note, Sample: sample}
	snap.Meta.Time, snap.Meta.Version = sample.Time, version()
	if err != nil {
		sample.Warn(fmt.Errorf("read the profiles for the snapshot: %w", err))
	} else {
		p := <-read
		snap.Heap, snap.Goroutine, snap.Mappings = p.heap, p.goroutine, p.maps
		for _, w := range p.warnings {
			sample.Warn(w)
		}
		w.keep(snap)
	}
	snap.Ledger = ledgerJSON(sample, snap.Mappings)
	return snap, nil
}

// part returns a function that takes the results of a reading.
func part(what string, warn func(string, error)) func(sampler.Profile, error) *sampler.Profile {
	return func(p sampler.Profile, err error) *sampler.Profile {
		if err != nil {
			warn(what, err)
			return nil
		}
		return &p
	}
}

// keep gives what was read for a snapshot to those who keep the target's past.
func (w *watch) keep(s *capture.Snapshot) {
	if s.Heap != nil {
		w.keeper.sinks().Heap(*s.Heap)
	}
	if s.Mappings != nil {
		w.keeper.sinks().Mappings(*s.Mappings)
	}
}

// destination says where snapshots go: to one file, or into a folder under names of their own.
type destination struct {
	path    string // "" for the folder
	dir     string
	profile bool // the heap profile alone
}

// write writes the snapshot and returns its path. It replaces no file. Where the file cannot be written, what was read is
// written into the default folder instead, so that it is not lost, and the error says so.
func (d destination) write(s *capture.Snapshot) (path string, err error) {
	if d.profile && s.Heap == nil {
		return "", fmt.Errorf("there is no heap profile to write: %w", missingHeap(s))
	}
	if path, err = d.writeTo(s); err == nil {
		return path, nil
	}
	if dir, dirErr := capture.DefaultDir(); dirErr == nil && (d.path != "" || dir != d.dir) {
		if path, otherErr := (destination{dir: dir, profile: d.profile}).writeTo(s); otherErr == nil {
			return path, &hinted{err, "what was read is not lost: it is in " + path}
		}
	}
	return "", err
}

func (d destination) writeTo(s *capture.Snapshot) (path string, err error) {
	switch {
	case d.profile && d.path != "":
		return d.path, writeNew(d.path, s.Heap.Data)
	case d.profile:
		const most = 100 // profiles in one second
		base := strings.TrimSuffix(capture.Name(s.Info, s.Meta.Time), capture.Extension)
		for i := range most {
			path = filepath.Join(d.dir, base+profileExtension)
			if i > 0 {
				path = filepath.Join(d.dir, fmt.Sprintf("%s-%d%s", base, i+1, profileExtension))
			}
			if err = writeNew(path, s.Heap.Data); !errors.Is(err, fs.ErrExist) {
				break
			}
		}
		return path, err
	case d.path != "":
		return d.path, capture.Write(d.path, s)
	}
	return capture.WriteNew(d.dir, s)
}

// missingHeap returns the reason for which a snapshot has no heap profile.
func missingHeap(s *capture.Snapshot) error {
	for _, w := range s.Sample.Warnings {
		if strings.Contains(w.Error(), "heap profile") {
			return w
		}
	}
	return fmt.Errorf("the target is not read by a source that has one (%w)", sampler.ErrUnsupported)
}

// writeNew makes a file that appears under its name when it is whole and on the disk, and replaces none: the error wraps
// fs.ErrExist when there is one.
func writeNew(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.CreateTemp(dir, ".heaptop-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	var link *os.LinkError
	if errors.As(err, &link) && !errors.Is(err, fs.ErrExist) { // a file system without hard links
		err = copyNew(path, data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// copyNew writes the file under its name at once, and leaves none when that fails.
func copyNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
