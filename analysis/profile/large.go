package profile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// Large is allocations of one size by one stack, between two profiles.
type Large struct {
	Frame sampler.Frame   // the innermost one outside the runtime
	Stack []sampler.Frame // innermost first
	Size  float64         // bytes of one object
	Count float64         // how many were allocated, by the profile's estimate
	// Seen is how many of them were sampled. An object is with the probability 1-exp(-Size/Rate): of objects as large as
	// the rate, 63 of 100 are seen, of those four times as large, 98.
	Seen int64
}

// LargeBetween returns what was allocated between two profiles of one run in objects of at least the given bytes, the
// largest objects first. Profiles that do not label the size of objects give the average of a stack's in its place. It
// reads both profiles again, as Join does.
func LargeBetween(from, to *Heap, least float64) ([]Large, error) {
	r := largeReader{stackReader: newStackReader(), least: least, sums: map[string]*largeSum{}}
	for side, h := range []*Heap{from, to} {
		if err := r.readLarge(h, side); err != nil {
			return nil, fmt.Errorf("read the sizes in the heap profile of %s: %w", h.Time.Format(time.TimeOnly), err)
		}
	}
	var out []Large
	for _, s := range r.sums {
		count := s.count[1] - s.count[0]
		if count <= 0 {
			continue
		}
		l := Large{Frame: r.j.frames[s.frames[0]], Size: s.size, Count: count, Seen: max(1, s.seen[1]-s.seen[0])}
		for _, f := range s.frames {
			l.Stack = append(l.Stack, r.j.frames[f])
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Large) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(b.Count, a.Count), compareFrames(a.Frame, b.Frame),
			slices.CompareFunc(a.Stack, b.Stack, compareFrames))
	})
	return out, nil
}

// largeReader sums the samples of large objects by stack and size.
type largeReader struct {
	*stackReader
	least float64
	sums  map[string]*largeSum
}

// largeSum is one stack's objects of one size in both profiles.
type largeSum struct {
	frames []int32
	size   float64
	count  [2]float64
	seen   [2]int64
}

func (r *largeReader) readLarge(h *Heap, side int) error {
	pr, at, err := decodeHeap(h.raw)
	if err != nil {
		return err
	}
	locations := make(map[*profile.Location][]int32)
	for _, sample := range pr.Sample {
		v, _ := valuesOf(sample, at)
		size := v.size
		if size == 0 && v.allocObjects > 0 {
			size = math.Round(v.allocBytes / v.allocObjects)
		}
		if size < r.least || v.allocObjects <= 0 {
			continue
		}
		frames := r.framesOf(sample.Location, locations)
		key := binary.LittleEndian.AppendUint64(nil, math.Float64bits(size))
		for _, f := range frames {
			key = binary.LittleEndian.AppendUint32(key, uint32(f))
		}
		sum := r.sums[string(key)]
		if sum == nil {
			sum = &largeSum{frames: frames, size: size}
			r.sums[string(key)] = sum
			r.budget -= len(frames)
		}
		sum.count[side] += v.allocObjects
		sum.seen[side] += unscale(v.allocObjects, v.allocBytes, v.size, h.Rate).samples
	}
	return nil
}
