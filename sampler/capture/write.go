package capture

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Write makes the file path from s, and the folder it is in, both readable by their owner alone. The file appears under
// its name when it is whole and on the disk, not before. An error that wraps fs.ErrExist says that there is a file of
// that name, which is left alone.
func Write(path string, s *Snapshot) error {
	if err := write(path, s); err != nil {
		return fmt.Errorf("write snapshot %s: %w", path, err)
	}
	return nil
}

// WriteNew writes s into the folder dir under the name that Name gives it, with -2, -3 ... behind when that is taken. It
// returns the path.
func WriteNew(dir string, s *Snapshot) (path string, err error) {
	const most = 100 // snapshots in one second
	base := strings.TrimSuffix(Name(s.Info, s.time()), Extension)
	for i := range most {
		name := base + Extension
		if i > 0 {
			name = base + "-" + strconv.Itoa(i+1) + Extension
		}
		path = filepath.Join(dir, name)
		if err = Write(path, s); err == nil || !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	if err != nil {
		return "", err
	}
	return path, nil
}

// time returns when s was taken, as far as it says.
func (s *Snapshot) time() time.Time {
	if s.Meta.Time.IsZero() && s.Sample != nil {
		return s.Sample.Time
	}
	return s.Meta.Time
}

// Name returns the file name of a snapshot of the target taken at t: "api-server-4242-20261121T110210.heapsnap". It has
// letters, digits, dots, dashes and underscores only, whatever the process calls itself, begins with a letter or digit,
// and is shorter than 100 characters.
func Name(info sampler.Info, t time.Time) string {
	name := safe(info.Name)
	if name == "" {
		name = safe(info.Target.String())
	}
	if name == "" {
		name = "process"
	}
	if info.PID > 0 && name != strconv.Itoa(info.PID) {
		name += "-" + strconv.Itoa(info.PID)
	}
	return name + "-" + t.Format("20060102T150405") + Extension
}

func safe(s string) string {
	const most = 48
	var b strings.Builder
	for _, r := range s {
		keep := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_'
		switch {
		case b.Len() == most:
			return strings.Trim(b.String(), "-._")
		case keep:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-._")
}

func write(path string, s *Snapshot) error {
	if _, err := os.Lstat(path); err == nil {
		return fs.ErrExist // before the work; publish makes sure
	}
	parts, err := encode(s)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".heapsnap-*")
	if err != nil {
		return err
	}
	err = errors.Join(pack(f, parts), f.Sync(), f.Close())
	if err == nil {
		err = publish(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the error that matters is there already
		return err
	}
	syncDir(dir)
	return nil
}

// publish gives the file its name unless there is one of that name. A hard link does that in one step; where the file
// system has none, the name is taken with an empty file first.
func publish(temp, path string) error {
	err := os.Link(temp, path)
	if err == nil {
		return os.Remove(temp)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	claim, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(claim.Close(), os.Rename(temp, path)); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// syncDir makes the new name last. Not every system can; the file itself is safe by then.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// part is an entry of the zip.
type part struct {
	name   string
	method uint16
	time   time.Time
	data   []byte
}

func pack(w io.Writer, parts []part) error {
	z := zip.NewWriter(w)
	for _, p := range parts {
		e, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: p.method, Modified: p.time})
		if err == nil {
			_, err = e.Write(p.data)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return z.Close()
}

func encode(s *Snapshot) ([]part, error) {
	e := encoder{time: s.time()}
	m := metaJSON{
		Schema: Schema, Tool: toolJSON{s.Meta.Version, s.Meta.Go}, Time: e.time, Note: s.Note, Target: fromInfo(s.Info),
		Heap: origin(s.Heap), Goroutine: origin(s.Goroutine),
	}
	if m.Tool.Go == "" {
		m.Tool.Go = runtime.Version()
	}
	e.json(metaPart, m)
	if s.Sample != nil {
		sample, err := fromSample(s.Sample)
		e.fail(metricsPart, err)
		e.json(metricsPart, sample)
	}
	if s.Ledger != nil {
		e.json(ledgerPart, s.Ledger)
	}
	e.profile(heapPart, s.Heap)
	e.profile(goroutinePart, s.Goroutine)
	if s.Mappings != nil {
		e.json(mapsPart, fromMappings(s.Mappings))
	}
	return e.parts, e.err
}

func origin(p *sampler.Profile) *originJSON {
	if p == nil {
		return nil
	}
	return &originJSON{p.Time, p.Took, p.Source}
}

// encoder collects parts until the first error.
type encoder struct {
	time  time.Time
	parts []part
	err   error
}

func (e *encoder) fail(name string, err error) {
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("%s: %w", name, err)
	}
}

func (e *encoder) json(name string, v any) {
	data, err := json.MarshalIndent(v, "", " ")
	e.fail(name, err)
	e.add(name, zip.Deflate, append(data, '\n'))
}

func (e *encoder) profile(name string, p *sampler.Profile) {
	if p == nil {
		return
	}
	data := p.Data
	if !isGzip(data) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(data)
		e.fail(name, errors.Join(err, z.Close()))
		data = b.Bytes()
	}
	e.add(name, zip.Store, data)
}

// add refuses what Read would not take back.
func (e *encoder) add(name string, method uint16, data []byte) {
	if most := limitOf(name); int64(len(data)) > most {
		e.fail(name, fmt.Errorf("%d bytes, more than the %d a snapshot may hold", len(data), most))
	}
	e.parts = append(e.parts, part{name, method, e.time, data})
}

func isGzip(data []byte) bool { return len(data) > 2 && data[0] == 0x1f && data[1] == 0x8b }
