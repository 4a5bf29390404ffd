package feed

import (
	"context"
	"errors"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// Replay takes all readings of a recording, and the profiles in between as they are due. It ends early with the error of a
// part that cannot be read, or of ctx.
func (l *Leaks) Replay(ctx context.Context, past capture.Past) error {
	var heap, routines, maps time.Time
	for m, err := range past.All() {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		l.Event(sampler.Event{Snapshot: m.Snapshot, Info: m.Info, Err: m.Err})
		if m.Snapshot == nil {
			continue
		}
		at := m.Snapshot.Time
		due, latest := l.Due(at), past.Latest(at)
		errs := []error{
			fresh(due.Heap, at, latest.Heap, &heap, past.HeapAt, func(p *sampler.Profile) { l.Heap(*p) }),
			fresh(due.Goroutines, at, latest.Goroutines, &routines, past.GoroutinesAt, func(g *sampler.Goroutines) { l.Goroutines(*g) }),
			fresh(due.Mappings, at, latest.Mappings, &maps, past.MappingsAt, func(m *sampler.Mappings) { l.Mappings(*m) }),
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// fresh hands over what was recorded by the time, unless it is what was handed over last: then it is not read again.
func fresh[T any](due bool, at, latest time.Time, last *time.Time, read func(time.Time) (*T, error), hand func(*T)) error {
	if !due || !latest.After(*last) {
		return nil
	}
	v, err := read(at)
	switch {
	case errors.Is(err, capture.ErrNotRecorded):
		return nil
	case err != nil:
		return err
	}
	*last = latest
	hand(v)
	return nil
}
