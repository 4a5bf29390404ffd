package run

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

const (
	storedProfiles = 6               // in the time between the first and the last, about
	storeFastest   = time.Minute     // between two
	storeSlowest   = 5 * time.Minute // the same
	storeMost      = 200
	finalPatience  = 15 * time.Second // for the last profile
	longestName    = 60
)

// stabilityFiles keeps heap profiles and a recording of one subject in a folder. Its sink takes what is read for the
// search for causes too.
type stabilityFiles struct {
	folder, stem string
	every        time.Duration
	recorder     *capture.Recorder

	mu      sync.Mutex
	at      time.Time // of the last profile that was stored
	written []string
	trouble []string
}

var _ capture.Sink = (*stabilityFiles)(nil)

// StabilityStem is how the names of a subject's files begin: stability_<subject>_<time>. A character that is no letter,
// digit, dot or dash of ASCII is an underscore.
func StabilityStem(subject string, at time.Time) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, subject)
	clean = strings.TrimLeft(clean, ".")
	return "stability_" + clean[:min(len(clean), longestName)] + "_" + at.UTC().Format("2006-01-02T15-04-05Z")
}

func newStabilityFiles(o *StabilityOptions, subject string, info sampler.Info) (*stabilityFiles, error) {
	f := &stabilityFiles{
		folder: o.Folder, stem: StabilityStem(subject, o.started),
		every: min(max(o.Duration/storedProfiles, storeFastest), storeSlowest),
	}
	name := f.stem + capture.RecordingExtension
	r, err := capture.Create(filepath.Join(f.folder, name), capture.RecorderOptions{Version: o.Tool.Version, Info: info, Rates: capture.Rates{
		Heap: 30 * time.Second, Goroutines: 30 * time.Second, Mappings: time.Minute, Rows: -1,
	}})
	if err != nil {
		return nil, err
	}
	f.recorder, f.written = r, []string{name}
	return f, nil
}

// sinks are those that take what is read; none where nothing is kept.
func (f *stabilityFiles) sinks() []capture.Sink {
	if f == nil {
		return nil
	}
	return []capture.Sink{f.recorder, f}
}

// Event takes nothing.
func (f *stabilityFiles) Event(sampler.Event) {}

// Goroutines takes nothing.
func (f *stabilityFiles) Goroutines(sampler.Goroutines) {}

// Mappings takes nothing.
func (f *stabilityFiles) Mappings(sampler.Mappings) {}

// Processes takes nothing.
func (f *stabilityFiles) Processes(*sampler.ProcessTable) {}

// Log takes nothing.
func (f *stabilityFiles) Log([]sampler.LogLine, int) {}

// Due asks for a profile at the beginning and every few minutes.
func (f *stabilityFiles) Due(now time.Time) capture.Due {
	f.mu.Lock()
	defer f.mu.Unlock()
	return capture.Due{Heap: now.Sub(f.at) >= f.every-f.every/10}
}

// Heap stores a profile that is due.
func (f *stabilityFiles) Heap(p sampler.Profile) {
	if f.Due(p.Time).Heap {
		f.store(p)
	}
}

func (f *stabilityFiles) store(p sampler.Profile) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = p.Time
	if len(f.written) > storeMost {
		return
	}
	name := fmt.Sprintf("%s_heap_%03d.pb.gz", f.stem, len(f.written))
	if err := writeProfile(filepath.Join(f.folder, name), p.Data); err != nil {
		f.complain(err.Error())
		return
	}
	f.written = append(f.written, name)
}

func (f *stabilityFiles) complain(text string) {
	if len(f.trouble) < 5 {
		f.trouble = append(f.trouble, text)
	}
}

// writeProfile writes a profile, complete or not at all, gzipped as its name says.
func writeProfile(path string, data []byte) error {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			return fmt.Errorf("pack %s: %w", path, err)
		}
		if err := z.Close(); err != nil {
			return fmt.Errorf("pack %s: %w", path, err)
		}
		data = b.Bytes()
	}
	temporary := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	err := os.WriteFile(temporary, data, 0o600)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// last stores a profile of the end, while the subject is alive. Nobody else uses the session any more.
func (f *stabilityFiles) last(ctx context.Context, s sampler.Session) {
	p, ok := s.(sampler.HeapProfiler)
	if f == nil || !ok {
		return
	}
	within, stop := context.WithTimeout(ctx, finalPatience)
	defer stop()
	heap, err := p.HeapProfile(within)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.complain("no heap profile at the end: " + err.Error())
		return
	}
	f.recorder.Heap(heap)
	f.store(heap)
}

// close completes the recording.
func (f *stabilityFiles) close() {
	if err := f.recorder.Close(); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.complain(err.Error())
	}
}

// names are the files that were written.
func (f *stabilityFiles) names() []string {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.written...)
}

// problems say what could not be kept.
func (f *stabilityFiles) problems() []string {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.trouble...)
}
