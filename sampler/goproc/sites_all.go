package goproc

import (
	"context"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// AllSites returns the allocation sites with everything they have allocated up to now: what was published, as Sites has
// it, and what the runtime withholds until one and two collections later. In use is what was allocated and not yet swept,
// garbage included, which is what fills the heap at that moment. It is meant for the end of a process and for the moment
// its heap is largest. The error is that of Sites.
func (s *Session) AllSites(ctx context.Context) (*profile.Profile, error) {
	return s.sitesProfile(ctx, (*siteReader).wholeProfile)
}

// AllProfile returns AllSites, gzipped, as `go tool pprof` opens it.
func (s *Session) AllProfile(ctx context.Context) (sampler.Profile, error) {
	return s.packed(ctx, s.AllSites)
}

func (s *siteReader) wholeProfile() *profile.Profile {
	b := newProfileBuilder(s.p.symbols, "alloc_objects", "count", "alloc_space", "bytes", "inuse_objects", "count", "inuse_space", "bytes")
	b.out.PeriodType, b.out.Period = &profile.ValueType{Type: "space", Unit: "bytes"}, s.rate
	b.out.DefaultSampleType = "alloc_space"
	for i := range s.buckets {
		k := &s.buckets[i]
		c := k.active
		for _, f := range k.future {
			c.add(f)
		}
		ao, ab := scale(int64(c.allocs), int64(c.allocBytes), s.rate)
		io, ib := scale(int64(c.allocs-min(c.frees, c.allocs)), int64(c.allocBytes-min(c.freeBytes, c.allocBytes)), s.rate)
		if ao != 0 || io != 0 {
			b.allocation(k, ao, ab, io, ib)
		}
	}
	return b.out
}
