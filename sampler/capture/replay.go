package capture

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Recording is a recording file that is open for reading. What is asked of it is unpacked when it is asked. A recording
// that is still being written shows what was in it when it was opened.
type Recording struct {
	*shelf
	file   *os.File
	path   string
	header headerJSON
	cut    int64
}

var _ Past = (*Recording)(nil)

// Open opens the recording path. One that was cut off, by a crash or a full disk, is read to its last whole member:
// see Cut. Errors name the file, the member and the byte where it begins.
func Open(path string) (*Recording, error) {
	i, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	if !i.Mode().IsRegular() { // a pipe would keep us waiting
		return nil, fmt.Errorf("open recording %s: it is no regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	r := &Recording{file: f, path: path}
	if r.shelf, r.header, r.cut, err = index(path, f, i.Size()); err != nil {
		_ = f.Close() // the error that matters is there already
		return nil, err
	}
	return r, nil
}

// index finds the members of a recording of that size, and reads the first and the last.
func index(path string, file io.ReaderAt, size int64) (s *shelf, header headerJSON, cut int64, err error) {
	s = &shelf{name: "recording " + path}
	s.fetch = func(x *slot, data []byte) error {
		_, err := file.ReadAt(data, x.offset)
		return err
	}
	at := int64(0)
	for at < size {
		var head [headLength]byte
		n, err := file.ReadAt(head[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, header, 0, fmt.Errorf("read %s: byte %d: %w", s.name, at, err)
		}
		e, err := parseEntry(head[:n])
		if err != nil || e.size > int(size-at) {
			break
		}
		if len(s.slots) >= maxMembers {
			return nil, header, 0, fmt.Errorf("read %s: it has more than %d members", s.name, maxMembers)
		}
		e.offset = at
		s.slots = append(s.slots, &slot{entry: e, number: len(s.slots)})
		at += int64(e.size)
	}
	at = s.dropBroken(at)
	if len(s.slots) == 0 {
		return nil, header, 0, fmt.Errorf("read %s: it is no recording, or cut off in its first member, at byte %d", s.name, min(size, headLength))
	}
	if header, err = s.readHeader(); err != nil {
		return nil, header, 0, err
	}
	if err := s.readEnd(); err != nil {
		return nil, header, 0, err
	}
	return s, header, size - at, nil
}

// dropBroken leaves out members at the end that were begun but not written: after a loss of power a file may be as long
// as it should be and hold nothing. It returns where the last whole one ends.
func (s *shelf) dropBroken(at int64) int64 {
	const most = 16
	for range most {
		if len(s.slots) == 0 {
			return 0
		}
		last := s.slots[len(s.slots)-1]
		if _, err := s.unpack(last); err == nil {
			return at
		}
		s.slots, at = s.slots[:len(s.slots)-1], last.offset
	}
	return at
}

func (s *shelf) readHeader() (h headerJSON, err error) {
	first := s.slots[0]
	if first.kind != kindHeader {
		return h, s.broken(first, errors.New("a recording begins with a header"))
	}
	raw, err := s.unpack(first)
	if err != nil {
		return h, err
	}
	found := false
	err = eachLine(raw, func(text []byte) error {
		var l lineJSON
		if err := decodeLine(text, &l); err != nil || l.Header == nil || found {
			return err
		}
		h, found = *l.Header, true
		return nil
	})
	switch {
	case err != nil:
		return h, s.broken(first, err)
	case h.Schema != RecordingSchema:
		return h, s.broken(first, fmt.Errorf("schema %q, but this heaptop reads %q", clip(h.Schema), RecordingSchema))
	}
	return h, nil
}

// readEnd reads how the recording ended, if it says.
func (s *shelf) readEnd() error {
	last := s.slots[len(s.slots)-1]
	if last.kind != kindEnd {
		return nil
	}
	raw, err := s.unpack(last)
	if err != nil {
		return err
	}
	err = eachLine(raw, func(text []byte) error {
		var l lineJSON
		if err := decodeLine(text, &l); err != nil || l.End == nil {
			return err
		}
		s.end = l.End
		return nil
	})
	if err != nil {
		return s.broken(last, err)
	}
	return nil
}

// Path returns the file's.
func (r *Recording) Path() string { return r.path }

// Meta says who made the recording; Time is when it was begun.
func (r *Recording) Meta() Meta {
	return Meta{Schema: r.header.Schema, Version: r.header.Tool.Version, Go: r.header.Tool.Go, Time: r.header.Started}
}

// Info describes the target as it was when the recording was begun.
func (r *Recording) Info() sampler.Info { return r.header.Target.info() }

// Cut returns how many bytes at the end are no whole member and are not read: 0 for a file that is whole.
func (r *Recording) Cut() int64 { return r.cut }

// Ended returns when the recording was ended; ok is false when it was cut off or is still being written.
func (r *Recording) Ended() (at time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.end == nil {
		return at, false
	}
	return r.end.At, true
}

// Close closes the file. Nothing may be asked of the recording afterwards.
func (r *Recording) Close() error { return r.file.Close() }
