package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// subject is what a debug command looks into: an open target, or a file.
type subject struct {
	info    sampler.Info
	opened  *opened         // nil for a file
	session sampler.Session // of a file, what was recorded last
	past    capture.Past    // of a file
	done    func() error    // closes that file
	backend *backend
	ctx     context.Context
}

// openAny opens a target, or reads a recording or a snapshot as a session over what it tells last. Nothing is ever written
// into a target.
func openAny(ctx context.Context, env *environment, t sampler.Target) (*subject, error) {
	if t.Kind == sampler.KindFile {
		return openFileSubject(ctx, env, t)
	}
	o := &live{env: env, target: t, mode: modeLive, format: "text", interval: sampler.DefaultInterval}
	b := newBackend(o)
	t, err := o.resolve(ctx, b)
	if err != nil {
		return nil, err
	}
	opened, err := b.open(ctx, t)
	if err != nil {
		b.close(ctx)
		return nil, err
	}
	return &subject{info: opened.info(), opened: opened, session: opened.session, backend: b, ctx: ctx}, nil
}

func openFileSubject(ctx context.Context, env *environment, t sampler.Target) (*subject, error) {
	f, err := openPast(t.Path)
	if err != nil {
		return nil, &usageError{err, ""}
	}
	w, err := newFileWatch(f)
	if err != nil {
		_ = f.done() // it was only read
		return nil, &usageError{err, ""}
	}
	if f.note != "" {
		printLines(env.Err, "heaptop: ", f.note)
	}
	w.info.Target = t
	return &subject{info: w.info, session: &lastOf{w}, past: f.past, done: f.done, ctx: ctx}, nil
}

func (s *subject) close() {
	if s.done != nil {
		_ = s.done() // it was only read
		return
	}
	if s.session != nil {
		_ = s.session.Close() // it only read
		s.backend.close(s.ctx)
	}
}

func (s *subject) describe() analysis.FindingTarget {
	if s.opened != nil {
		s.info = s.opened.info() // a deeper source may have appeared
	}
	name := s.info.Name
	if name == "" {
		name = s.info.Target.String()
	}
	t := analysis.FindingTarget{Kind: string(s.info.Target.Kind), PID: s.info.PID, Name: name, Source: s.info.Source, Go: s.info.GoVersion}
	if s.info.Target.Kind == sampler.KindFile {
		t.File = s.info.Target.Path
	}
	return t
}

// heap reads the heap profile.
func (s *subject) heap(ctx context.Context, r *analysis.Findings) (*profile.Heap, error) {
	p, ok := s.session.(sampler.HeapProfiler)
	if !ok && s.info.Target.Kind == sampler.KindRedis {
		return nil, &hinted{fmt.Errorf("a Redis server tells no allocation sites: %w", sampler.ErrUnsupported),
			"its memory: heaptop debug analyze; its biggest keys and clients: key 2 of the dashboard; what grows: heaptop debug leaks"}
	}
	if !ok {
		return nil, fmt.Errorf("this target tells no allocation sites: %w", sampler.ErrUnsupported)
	}
	raw, err := p.HeapProfile(ctx)
	switch {
	case errors.Is(err, capture.ErrNotRecorded):
		return nil, fmt.Errorf("%s holds no heap profile: the program told none", s.info.Target.Path)
	case err != nil:
		return nil, err
	}
	return heapOf(raw, r)
}

// walk follows the pointers of the heap and shows how far it is.
func (s *subject) walk(ctx context.Context, env *environment, r *analysis.Findings) (*sampler.HeapWalk, error) {
	w, ok := s.session.(sampler.HeapWalker)
	if !ok {
		return nil, fmt.Errorf("this target does not tell who holds its memory: %w", sampler.ErrUnsupported)
	}
	bar, what := newProgress(env.Err), "following the pointers of "+s.describe().Name
	walk, err := w.Walk(ctx, sampler.WalkOptions{Progress: func(p sampler.WalkProgress) {
		bar.say(time.Now(), fmt.Sprintf("%s: %s, %s", what, unit.Percent(p.Part), p.Stage))
	}})
	bar.clear()
	if errors.Is(err, sampler.ErrSwapped) {
		return nil, &hinted{err, "the dashboard walks it when you agree to that: heaptop, then the key w"}
	}
	if err != nil {
		return nil, err
	}
	for _, warning := range walk.Warnings {
		r.Warnings = append(r.Warnings, plainly(warning))
	}
	return &walk, nil
}

// writeReport writes what make returns to the file, or to stdout without one.
func writeReport(env *environment, path string, encode func() ([]byte, error)) error {
	data, err := encode()
	if err != nil {
		return err
	}
	if path == "" {
		if _, err := env.Out.Write(data); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		return nil
	}
	return writeOutput(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
