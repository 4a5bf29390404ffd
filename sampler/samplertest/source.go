package samplertest

import (
	"context"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

// Source opens the one made-up server its Options tell of, by process id.
type Source struct{ Options Options }

// Name returns "fake".
func (Source) Name() string { return "fake" }

// Open returns a Fake for a process target with the server's id.
func (s Source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("open %v: %w", t, err)
	}
	if t.Kind != sampler.KindProcess {
		return nil, fmt.Errorf("open %v: %w", t, sampler.ErrUnsupported)
	}
	f := New(s.Options)
	if t.PID != f.o.PID {
		return nil, fmt.Errorf("open process %d: %w", t.PID, sampler.ErrNotFound)
	}
	return f, nil
}

// Bare hides every ability of s but Read and Close.
func Bare(s sampler.Session) sampler.Session { return struct{ sampler.Session }{s} }
