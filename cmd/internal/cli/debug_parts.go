package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// missing says in the report that a part could not be read. Nothing is said where there is no such part: of a program that
// is not Go, of a system that cannot tell, of a file that never holds it.
func (s *subject) missing(r *analysis.Findings, what string, golang bool, err error) {
	switch {
	case errors.Is(err, capture.ErrNotRecorded):
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s holds no %s", s.info.Target.Path, what))
	case !golang && errors.Is(err, sampler.ErrUnsupported):
	default:
		r.Warnings = append(r.Warnings, plainly(err))
	}
}

// isGo says whether the subject is known to be a Go program.
func (s *subject) isGo(snap *sampler.Snapshot) bool {
	_, tells := snap.Get(sampler.GoClassObjects)
	return tells || s.describe().Go != ""
}

// goroutines reads what the goroutines do, nil where that is not told.
func (s *subject) goroutines(ctx context.Context, r *analysis.Findings, golang bool) *sampler.Goroutines {
	p, ok := s.session.(sampler.GoroutineProfiler)
	if !ok || !golang {
		return nil
	}
	g, err := p.Goroutines(ctx)
	if err != nil {
		s.missing(r, "goroutines", golang, err)
		return nil
	}
	return &g
}

// spans reads how the heap is cut up, nil where that is not told.
func (s *subject) spans(ctx context.Context, r *analysis.Findings, golang bool) *sampler.Spans {
	p, ok := s.session.(sampler.SpanReader)
	if !ok || !golang {
		return nil
	}
	spans, err := p.Spans(ctx)
	if err != nil {
		s.missing(r, "size classes", golang, err)
		return nil
	}
	for _, w := range spans.Warnings {
		r.Warnings = append(r.Warnings, plainly(w))
	}
	return &spans
}

// mappings reads the address space, nil where that is not told.
func (s *subject) mappings(ctx context.Context, r *analysis.Findings) *sampler.Mappings {
	p, ok := s.session.(sampler.Mapper)
	if !ok {
		return nil
	}
	m, err := p.Mappings(ctx)
	if err != nil {
		s.missing(r, "mappings", s.past != nil, err)
		return nil
	}
	return &m
}

// heapIfAny reads the heap profile of a Go program; where it has none the report says why.
func (s *subject) heapIfAny(ctx context.Context, r *analysis.Findings, golang bool) *profile.Heap {
	if !golang {
		return nil
	}
	heap, err := s.heap(ctx, r)
	if err != nil {
		s.missing(r, "heap profile", golang, err)
		return nil
	}
	return heap
}
