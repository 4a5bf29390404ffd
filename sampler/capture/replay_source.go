package capture

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Source replays recordings: targets of kind file whose names end in .heaprec.
type Source struct{}

// Name returns "recording".
func (Source) Name() string { return "recording" }

// Open opens a recording for replay; the session is a *Replay.
func (Source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %v: %w", t, err)
	}
	if t.Kind != sampler.KindFile || filepath.Ext(t.Path) != RecordingExtension {
		return nil, fmt.Errorf("open %v: %w", t, sampler.ErrUnsupported)
	}
	r, err := Open(t.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.Join(err, sampler.ErrNotFound)
	case errors.Is(err, fs.ErrPermission):
		return nil, errors.Join(err, sampler.ErrPermission)
	case err != nil:
		return nil, err
	}
	return NewReplay(r), nil
}

// Replay is a session over a recording: each Read gives the next reading as it was recorded, with its own time, and the
// profiles are those of that moment. After the last one Read returns how the target ended, or, where it lived on, an
// error that wraps sampler.ErrGone as well. It can force nothing and has no effect on anybody.
type Replay struct {
	*Recording
	next   func() (*Moment, error, bool)
	stop   func()
	now    atomic.Pointer[Moment] // nil before the first reading
	closed bool
}

// NewReplay returns a session over r, which it closes.
func NewReplay(r *Recording) *Replay {
	p := &Replay{Recording: r}
	p.next, p.stop = iter.Pull2(r.All())
	return p
}

// Read fills s with the next recorded reading. A reading that failed when it was recorded fails again.
func (p *Replay) Read(ctx context.Context, s *sampler.Snapshot) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("replay %s: %w", p.path, err)
	}
	if p.closed {
		return fmt.Errorf("replay %s: the session is closed", p.path)
	}
	m, err, ok := p.next()
	switch {
	case err != nil:
		return errors.Join(err, sampler.ErrGone) // nothing behind it can be read
	case !ok:
		return p.over()
	case m.Snapshot == nil:
		return m.Err
	}
	p.now.Store(m)
	s.Reset(m.Snapshot.Time)
	s.Took, s.Runtime = m.Snapshot.Took, m.Snapshot.Runtime
	s.Samples, s.Histograms = append(s.Samples, m.Snapshot.Samples...), append(s.Histograms, m.Snapshot.Histograms...)
	s.Cycles, s.Warnings = append(s.Cycles, m.Snapshot.Cycles...), append(s.Warnings, m.Snapshot.Warnings...)
	return nil
}

func (p *Replay) over() error {
	if g := p.Gone(); g != nil {
		return g
	}
	_, to := p.Span()
	return &sampler.Gone{At: to, Reason: "the recording ends here"}
}

// at returns the time of the reading that was read last; before the first, that of the first.
func (p *Replay) at() time.Time {
	if m := p.now.Load(); m != nil {
		return m.Snapshot.Time
	}
	from, _ := p.Span()
	return from
}

// Describe returns what was known of the target at that moment.
func (p *Replay) Describe() sampler.Info {
	i := p.Info()
	if m := p.now.Load(); m != nil {
		i = m.Info
	}
	if i.Source == "" {
		i.Source = Source{}.Name()
	}
	if i.Target.Kind == "" {
		i.Target = sampler.Target{Kind: sampler.KindFile, Path: p.path}
	}
	i.Hints = slices.Clone(i.Hints)
	return i
}

// absent tells that something is not in the recording, as sessions tell that they cannot.
func absent(err error) error {
	if errors.Is(err, ErrNotRecorded) {
		return errors.Join(err, sampler.ErrUnsupported)
	}
	return err
}

// HeapProfile returns the profile of the moment.
func (p *Replay) HeapProfile(context.Context) (out sampler.Profile, err error) {
	found, err := p.HeapAt(p.at())
	if err != nil {
		return out, absent(err)
	}
	return *found, nil
}

// Goroutines returns the goroutines of the moment.
func (p *Replay) Goroutines(context.Context) (out sampler.Goroutines, err error) {
	found, err := p.GoroutinesAt(p.at())
	if err != nil {
		return out, absent(err)
	}
	return *found, nil
}

// GoroutineProfile returns the same as a profile.
func (p *Replay) GoroutineProfile(context.Context) (out sampler.Profile, err error) {
	found, err := p.GoroutineProfileAt(p.at())
	if err != nil {
		return out, absent(err)
	}
	return *found, nil
}

// Mappings returns the address space of the moment.
func (p *Replay) Mappings(context.Context) (out sampler.Mappings, err error) {
	found, err := p.MappingsAt(p.at())
	if err != nil {
		return out, absent(err)
	}
	return *found, nil
}

// Log returns what the target had written by the moment. It is safe for concurrent use.
func (p *Replay) Log() (lines []sampler.LogLine, dropped int) {
	lines, dropped, err := p.LogUntil(p.at())
	if err != nil {
		return []sampler.LogLine{{Time: p.at(), Stderr: true, Text: err.Error()}}, 0
	}
	return lines, dropped
}

// Close ends the session and closes the recording.
func (p *Replay) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	p.stop()
	return p.Recording.Close()
}
