package profile

import (
	"encoding/binary"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// stackReader builds the stacks of a Joined. Frames are kept once, stacks as lists of their numbers.
type stackReader struct {
	j       *Joined
	numbers map[sampler.Frame]int32
	places  map[string]int // of a stack's frames in j.stacks
	budget  int            // frames that may still be kept
}

func newStackReader() *stackReader {
	return &stackReader{
		j:       &Joined{sizes: map[float64]*Delta{}},
		numbers: map[sampler.Frame]int32{},
		places:  map[string]int{},
		budget:  maxAllFrames,
	}
}

// read adds the samples of one profile as side 0, from, or 1, to.
func (r *stackReader) read(h *Heap, side int) error {
	pr, at, err := decodeHeap(h.raw)
	if err != nil {
		return err
	}
	locations := make(map[*profile.Location][]int32, len(pr.Location))
	for _, sample := range pr.Sample {
		v, _ := valuesOf(sample, at)
		if v.allocBytes == 0 && v.inUseBytes == 0 {
			continue
		}
		inUse := unscale(v.inUseObjects, v.inUseBytes, v.size, h.Rate)
		alloc := unscale(v.allocObjects, v.allocBytes, v.size, h.Rate)
		a := &Amounts{
			InUseBytes: v.inUseBytes, InUseObjects: v.inUseObjects, AllocBytes: v.allocBytes, AllocObjects: v.allocObjects,
			Samples: inUse.samples, AllocSamples: alloc.samples, variance: inUse.variance, allocVariance: alloc.variance,
		}
		r.stack(r.framesOf(sample.Location, locations)).side(side).add(a)
		if v.size > 0 {
			r.size(v.size).side(side).add(a)
		}
	}
	return nil
}

func (d *Delta) side(side int) *Amounts {
	if side == 0 {
		return &d.From
	}
	return &d.To
}

// stack finds or makes the pair of the frames.
func (r *stackReader) stack(frames []int32) *Delta {
	key := make([]byte, 0, 4*len(frames))
	for _, f := range frames {
		key = binary.LittleEndian.AppendUint32(key, uint32(f))
	}
	at, ok := r.places[string(key)]
	if !ok {
		at = len(r.j.stacks)
		r.places[string(key)] = at
		r.j.stacks = append(r.j.stacks, pair{frames: frames})
		r.budget -= len(frames)
	}
	return &r.j.stacks[at].Delta
}

// maxSizes bounds how many sizes of objects are told apart. The runtime has some 70 classes, and large objects come in
// multiples of a page.
const maxSizes = 10_000

func (r *stackReader) size(bytes float64) *Delta {
	d := r.j.sizes[bytes]
	if d == nil {
		d = &Delta{}
		if len(r.j.sizes) < maxSizes {
			r.j.sizes[bytes] = d
		}
	}
	return d
}

// framesOf returns the frames of a stack, innermost first, without the runtime's leading ones. Beyond the budget it is the
// line that allocated alone.
func (r *stackReader) framesOf(stack []*profile.Location, locations map[*profile.Location][]int32) []int32 {
	frames := make([]int32, 0, len(stack)+8)
	for _, l := range stack {
		of, ok := locations[l]
		if !ok {
			of = r.location(l)
			locations[l] = of
		}
		frames = append(frames, of[:min(len(of), maxFrames-len(frames))]...)
		if len(frames) >= maxFrames {
			break
		}
	}
	for i, f := range frames {
		if !isRuntime(r.j.frames[f].Function) {
			frames = frames[i:]
			break
		}
	}
	switch {
	case len(frames) == 0:
		return []int32{r.number(sampler.Frame{Function: "(unknown)"})}
	case len(frames) > r.budget:
		r.j.Cut = true
		return frames[:1:1]
	}
	return frames
}

// location returns the frames of one location: the inlined ones and the one they were inlined into.
func (r *stackReader) location(l *profile.Location) []int32 {
	var of []int32
	eachFrame([]*profile.Location{l}, func(f sampler.Frame) bool {
		of = append(of, r.number(f))
		return true
	})
	return of
}

func (r *stackReader) number(f sampler.Frame) int32 {
	n, ok := r.numbers[f]
	if !ok {
		n = int32(len(r.j.frames))
		r.numbers[f] = n
		r.j.frames = append(r.j.frames, f)
	}
	return n
}
