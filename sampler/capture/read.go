package capture

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// What a file may hold. A profile of a very large program has some megabytes.
const (
	maxFile      = 256 << 20
	maxEntries   = 64
	maxDirectory = 64 << 10
	maxProfile   = 64 << 20  // gzipped
	maxUnpacked  = 256 << 20 // a profile, unpacked
	maxJSON      = 16 << 20
	maxRatio     = 200 // unpacked over packed, of what is larger than freeRatio
	freeRatio    = 1 << 20
	maxMetrics   = 4096
	maxCounts    = 1 << 16 // of a list in a part
	endLength    = 22      // of the zip's end record
)

func limitOf(name string) int64 {
	switch name {
	case heapPart, goroutinePart:
		return maxProfile
	}
	return maxJSON
}

// Read reads the snapshot file path. Errors name the file and the part. Samples come in alphabetical order, warnings as
// plain errors with their text, and profiles gzipped and proven to unpack, to 256 MiB at most.
func Read(path string) (*Snapshot, error) {
	s, err := readParts(path, parts.snapshot)
	if err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", path, err)
	}
	return s, nil
}

func readParts(path string, read func(parts) (*Snapshot, error)) (*Snapshot, error) {
	i, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !i.Mode().IsRegular() { // a pipe would keep us waiting
		return nil, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	found, err := decodeParts(f, i.Size())
	if err != nil {
		return nil, err
	}
	return read(found)
}

func decode(r io.ReaderAt, size int64) (*Snapshot, error) {
	found, err := decodeParts(r, size)
	if err != nil {
		return nil, err
	}
	return found.snapshot()
}

// decodeParts reads the zip's list of parts.
func decodeParts(r io.ReaderAt, size int64) (parts, error) {
	if err := checkEnd(r, size); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("its list of parts: %w", err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("it has %d parts, more than %d", len(z.File), maxEntries)
	}
	parts := make(parts, len(z.File))
	for _, f := range z.File {
		if strings.ContainsAny(f.Name, `/\:`) || strings.Contains(f.Name, "..") || parts[f.Name] != nil {
			return nil, fmt.Errorf("it has a part with the name %s twice, or that is a path", clip(f.Name))
		}
		parts[f.Name] = f
	}
	return parts, nil
}

// checkEnd reads the zip's end record and refuses, before the list of parts is read, one that is too long. Package zip
// reads as many entries as it finds.
func checkEnd(r io.ReaderAt, size int64) error {
	if size > maxFile {
		return fmt.Errorf("it has %d bytes, more than %d", size, maxFile)
	}
	if size < endLength {
		return fmt.Errorf("it is no snapshot, or cut off at byte %d", size)
	}
	var end [endLength]byte
	if _, err := r.ReadAt(end[:], size-endLength); err != nil {
		return fmt.Errorf("at byte %d: %w", size-endLength, err)
	}
	little := binary.LittleEndian
	if little.Uint32(end[0:]) != 0x06054b50 || little.Uint16(end[20:]) != 0 {
		return fmt.Errorf("it is no snapshot, or cut off at byte %d: no end record there", size)
	}
	entries, length, offset := little.Uint16(end[10:]), int64(little.Uint32(end[12:])), int64(little.Uint32(end[16:]))
	if entries > maxEntries || length > maxDirectory {
		return fmt.Errorf("it has %d parts in a list of %d bytes, more than %d or %d", entries, length, maxEntries, maxDirectory)
	}
	if offset+length != size-endLength {
		return fmt.Errorf("its list of parts is not at byte %d, where the end record has it", offset)
	}
	return nil
}

// parts is the zip's entries by name.
type parts map[string]*zip.File

// summary reads what is small.
func (p parts) summary() (*Snapshot, error) {
	s, _, err := p.head()
	return s, err
}

// head reads meta and metrics.
func (p parts) head() (*Snapshot, metaJSON, error) {
	var meta metaJSON
	found, err := p.json(metaPart, &meta)
	if err != nil {
		return nil, meta, err
	}
	if !found {
		return nil, meta, errors.New("it is no snapshot: it has no " + metaPart)
	}
	if meta.Schema != Schema {
		return nil, meta, fmt.Errorf("%s: schema %q, but this heaptop reads %q", metaPart, clip(meta.Schema), Schema)
	}
	s := &Snapshot{
		Meta: Meta{Schema: meta.Schema, Version: meta.Tool.Version, Go: meta.Tool.Go, Time: meta.Time},
		Info: meta.Target.info(), Note: meta.Note,
	}
	s.Sample, err = p.sample()
	return s, meta, err
}

func (p parts) snapshot() (*Snapshot, error) {
	s, meta, err := p.head()
	if err != nil {
		return nil, err
	}
	if _, err = p.json(ledgerPart, &s.Ledger); err != nil {
		return nil, err
	}
	if s.Heap, err = p.profile(heapPart, meta.Heap); err != nil {
		return nil, err
	}
	if s.Goroutine, err = p.profile(goroutinePart, meta.Goroutine); err != nil {
		return nil, err
	}
	if s.Mappings, err = p.mappings(); err != nil {
		return nil, err
	}
	return s, nil
}

func (p parts) sample() (*sampler.Snapshot, error) {
	var j metricsJSON
	if found, err := p.json(metricsPart, &j); err != nil || !found {
		return nil, err
	}
	if len(j.Metrics) > maxMetrics || len(j.Histograms) > maxMetrics || len(j.Cycles) > maxCounts || len(j.Warnings) > maxCounts {
		return nil, fmt.Errorf("%s: %d metrics, %d histograms, %d collections and %d warnings are too many",
			metricsPart, len(j.Metrics), len(j.Histograms), len(j.Cycles), len(j.Warnings))
	}
	s, err := j.sample()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", metricsPart, err)
	}
	return s, nil
}

func (p parts) mappings() (*sampler.Mappings, error) {
	var j mapsJSON
	if found, err := p.json(mapsPart, &j); err != nil || !found {
		return nil, err
	}
	if len(j.List) > maxCounts {
		return nil, fmt.Errorf("%s: %d mappings are more than %d", mapsPart, len(j.List), maxCounts)
	}
	return j.mappings(), nil
}

// json decodes a part into v; found is false when there is none.
func (p parts) json(name string, v any) (found bool, err error) {
	data, err := p.read(name)
	if data == nil || err != nil {
		return false, err
	}
	err = json.Unmarshal(data, v)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return false, fmt.Errorf("%s: byte %d: %w", name, syntax.Offset, err)
	case errors.As(err, &kind):
		return false, fmt.Errorf("%s: byte %d: %s where a %v belongs", name, kind.Offset, clip(kind.Value), kind.Type)
	case err != nil:
		return false, fmt.Errorf("%s: %s", name, clip(err.Error())) // it may hold as much text as the part
	}
	return true, nil
}

// read unpacks a part; it returns nil when there is none.
func (p parts) read(name string) ([]byte, error) {
	f := p[name]
	if f == nil {
		return nil, nil
	}
	most := limitOf(name)
	if f.UncompressedSize64 > uint64(most) {
		return nil, fmt.Errorf("%s: %d bytes unpacked, more than %d", name, f.UncompressedSize64, most)
	}
	if f.UncompressedSize64 > freeRatio && f.UncompressedSize64/maxRatio > f.CompressedSize64 {
		return nil, fmt.Errorf("%s: %d bytes unpack to %d, which no snapshot does", name, f.CompressedSize64, f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, most+1)) // zip holds it to the size it declares, and checks the sum
	if err != nil {
		return nil, fmt.Errorf("%s: byte %d: %w", name, len(data), err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("%s: more than %d bytes unpacked", name, most)
	}
	return data, nil
}

// profile reads a profile and proves that it unpacks, within bounds, so that nobody after us has to.
func (p parts) profile(name string, o *originJSON) (*sampler.Profile, error) {
	data, err := p.read(name)
	if data == nil || err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	most := int64(min(maxUnpacked, freeRatio+maxRatio*len(data)))
	n, err := io.Copy(io.Discard, io.LimitReader(z, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: byte %d unpacked: %w", name, n, err)
	}
	if n > most {
		return nil, fmt.Errorf("%s: %d bytes unpack to more than %d, which no profile does", name, len(data), most)
	}
	profile := &sampler.Profile{Data: data}
	if o != nil {
		profile.Time, profile.Took, profile.Source = o.Time, o.Took, o.Source
	}
	return profile, nil
}
