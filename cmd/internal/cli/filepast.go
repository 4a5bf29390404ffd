package cli

import (
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// snapshotPast is a snapshot file as a past of one moment. Its profiles belong to that moment, though they were read a
// little after it.
type snapshotPast struct {
	s          *capture.Snapshot
	goroutines *sampler.Goroutines
}

var _ capture.Past = (*snapshotPast)(nil)

func newSnapshotPast(s *capture.Snapshot) (*snapshotPast, error) {
	if s.Sample == nil {
		return nil, errors.New("metrics.json: it is missing, and there is nothing to show without")
	}
	p := &snapshotPast{s: s}
	if s.Goroutine != nil {
		g, err := profile.ParseGoroutines(*s.Goroutine)
		if err != nil {
			return nil, fmt.Errorf("goroutine.pb.gz: %w", err)
		}
		p.goroutines = &g
	}
	return p, nil
}

func (p *snapshotPast) time() time.Time { return p.s.Sample.Time }

func (p *snapshotPast) Span() (from, to time.Time) { return p.time(), p.time() }

func (p *snapshotPast) At(t time.Time) (*sampler.Snapshot, error) {
	s, err := onlyAt(p, t, "reading", p.s.Sample)
	if err != nil {
		return nil, err
	}
	return s.Clone(), nil
}

// onlyAt returns a part of the snapshot for every moment that is not before it.
func onlyAt[T any](p *snapshotPast, t time.Time, what string, part *T) (*T, error) {
	if t.Before(p.time()) || part == nil {
		return nil, fmt.Errorf("%s by %s: %w", what, t.Format(time.TimeOnly), capture.ErrNotRecorded)
	}
	return part, nil
}

func (p *snapshotPast) Next(t time.Time) (at time.Time, ok bool) { return p.time(), p.time().After(t) }

func (p *snapshotPast) Before(t time.Time) (at time.Time, ok bool) {
	return p.time(), p.time().Before(t)
}

func (p *snapshotPast) InfoAt(t time.Time) (sampler.Info, error) {
	i, err := onlyAt(p, t, "description", &p.s.Info)
	if err != nil {
		return sampler.Info{}, err
	}
	return *i, nil
}

func (p *snapshotPast) HeapAt(t time.Time) (*sampler.Profile, error) {
	return onlyAt(p, t, "heap profile", p.s.Heap)
}

func (p *snapshotPast) GoroutinesAt(t time.Time) (*sampler.Goroutines, error) {
	return onlyAt(p, t, "goroutines", p.goroutines)
}

func (p *snapshotPast) GoroutineProfileAt(t time.Time) (*sampler.Profile, error) {
	return onlyAt(p, t, "goroutines", p.s.Goroutine)
}

func (p *snapshotPast) MappingsAt(t time.Time) (*sampler.Mappings, error) {
	return onlyAt(p, t, "mappings", p.s.Mappings)
}

func (p *snapshotPast) ProcessesAt(t time.Time) (*sampler.ProcessTable, error) {
	return onlyAt[sampler.ProcessTable](p, t, "processes", nil)
}

func (p *snapshotPast) Latest(t time.Time) (l capture.Latest) {
	if t.Before(p.time()) {
		return l
	}
	if p.s.Heap != nil {
		l.Heap = p.s.Heap.Time
	}
	if p.goroutines != nil {
		l.Goroutines = p.goroutines.Time
	}
	if p.s.Mappings != nil {
		l.Mappings = p.s.Mappings.Time
	}
	return l
}

func (p *snapshotPast) CyclesUntil(t time.Time) ([]sampler.GCCycle, error) {
	if t.Before(p.time()) {
		return nil, nil
	}
	return p.s.Sample.Clone().Cycles, nil
}

func (p *snapshotPast) LogUntil(time.Time) ([]sampler.LogLine, int, error) { return nil, 0, nil }

func (p *snapshotPast) All() iter.Seq2[*capture.Moment, error] {
	return func(yield func(*capture.Moment, error) bool) {
		yield(&capture.Moment{Snapshot: p.s.Sample.Clone(), Info: p.s.Info, From: p.time(), Count: 1}, nil)
	}
}

func (p *snapshotPast) Load(h *sampler.History) error { h.Add(p.s.Sample); return nil }

func (p *snapshotPast) Gone() *sampler.Gone { return nil }
