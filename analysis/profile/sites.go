package profile

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// values are the four numbers of a profile's sample, and the size of its objects where the profile labels it.
type values struct{ allocObjects, allocBytes, inUseObjects, inUseBytes, size float64 }

func valuesOf(s *profile.Sample, at columns) (v values, negative bool) {
	read := func(i int) float64 {
		if i < 0 {
			return 0
		}
		if s.Value[i] < 0 {
			negative = true
			return 0
		}
		return float64(s.Value[i])
	}
	v = values{read(at.allocObjects), read(at.allocBytes), read(at.inUseObjects), read(at.inUseBytes), 0}
	if size := s.NumLabel["bytes"]; len(size) == 1 && size[0] > 0 {
		v.size = float64(size[0])
	}
	return v, negative
}

// Bounds on the frames kept for a stranger's profile. Go records at most 128 frames of a stack, inlined ones included.
const (
	maxFrames    = 512       // of one stack
	maxAllFrames = 2_000_000 // of all stacks together: beyond it a stack keeps its innermost frame
)

// grouping builds the sites of one profile.
type grouping struct {
	rate   int64
	sites  map[sampler.Frame]*siteSum
	budget int // frames that may still be kept
}

type siteSum struct {
	Site
	variance float64
	stacks   map[string]*stackSum
}

type stackSum struct {
	StackUse
	locations []*profile.Location
}

// collect groups the profile's samples by site and sums them.
func (h *Heap) collect(pr *profile.Profile, at columns) {
	g := grouping{h.Rate, map[sampler.Frame]*siteSum{}, maxAllFrames}
	negatives := 0
	for _, sample := range pr.Sample {
		v, negative := valuesOf(sample, at)
		if negative {
			negatives++
		}
		if v.allocBytes == 0 && v.inUseBytes == 0 {
			continue
		}
		h.TotalInUse += v.inUseBytes
		h.TotalAlloc += v.allocBytes
		g.add(sample, v)
		h.TellsRuntime = h.TellsRuntime || len(sample.Label[RuntimeLabel]) > 0
	}
	if negatives > 0 {
		h.Warnings = append(h.Warnings, fmt.Sprintf("%d negative values were left out: a difference of profiles, or one read while it changed", negatives))
	}
	for _, s := range g.sites {
		h.Sites = append(h.Sites, g.finish(s))
	}
	slices.SortFunc(h.Sites, func(a, b Site) int {
		return cmp.Or(cmp.Compare(b.InUseBytes, a.InUseBytes), cmp.Compare(b.AllocBytes, a.AllocBytes), compareKeys(&a, &b))
	})
}

func (g *grouping) add(sample *profile.Sample, v values) {
	site, stack := g.place(sample)
	inUse := unscale(v.inUseObjects, v.inUseBytes, v.size, g.rate)
	alloc := unscale(v.allocObjects, v.allocBytes, v.size, g.rate)
	site.InUseBytes += v.inUseBytes
	site.InUseObjects += v.inUseObjects
	site.AllocBytes += v.allocBytes
	site.AllocObjects += v.allocObjects
	site.Samples += inUse.samples
	site.AllocSamples += alloc.samples
	site.variance += inUse.variance
	if label := sample.Label[RuntimeLabel]; len(label) == 1 {
		switch label[0] {
		case GrowsSlice:
			site.AppendBytes += v.allocBytes
		case GrowsMap:
			site.MapBytes += v.allocBytes
		}
	}
	stack.InUseBytes += v.inUseBytes
	stack.AllocBytes += v.allocBytes
	stack.Samples += inUse.samples
}

// place finds or makes the sums that a sample belongs to. Samples of one stack differ by the size of their objects.
func (g *grouping) place(sample *profile.Sample) (*siteSum, *stackSum) {
	top := topFrame(sample.Location)
	site := g.sites[top]
	if site == nil {
		site = &siteSum{Site: Site{Function: top.Function, File: top.File, Line: top.Line}, stacks: map[string]*stackSum{}}
		g.sites[top] = site
	}
	key := make([]byte, 0, 8*len(sample.Location))
	for _, l := range sample.Location {
		key = binary.LittleEndian.AppendUint64(key, l.ID)
	}
	stack := site.stacks[string(key)]
	if stack == nil {
		stack = &stackSum{locations: sample.Location}
		site.stacks[string(key)] = stack
	}
	return site, stack
}

// eachFrame calls f with a stack's frames, inlined ones included, innermost first, until f returns false or there were
// maxFrames.
func eachFrame(stack []*profile.Location, f func(sampler.Frame) bool) {
	n := 0
	for _, l := range stack {
		if len(l.Line) == 0 {
			if n++; n > maxFrames || !f(sampler.Frame{Function: fmt.Sprintf("%#x", l.Address)}) {
				return
			}
		}
		for _, line := range l.Line {
			if n++; n > maxFrames || !f(frameOf(line)) {
				return
			}
		}
	}
}

func frameOf(line profile.Line) sampler.Frame {
	f := sampler.Frame{Function: "(unknown)", Line: lineNumber(line.Line)}
	if line.Function != nil {
		f.Function, f.File = line.Function.Name, line.Function.Filename
	}
	return f
}

// topFrame returns the innermost frame outside the runtime, or the innermost of all where there is no other, as
// runtime/pprof does.
func topFrame(stack []*profile.Location) sampler.Frame {
	top := sampler.Frame{Function: "(unknown)"}
	first := true
	eachFrame(stack, func(f sampler.Frame) bool {
		if user := !isRuntime(f.Function); first || user {
			top, first = f, false
			return !user
		}
		return true
	})
	return top
}

// framesOf returns a stack's frames without the runtime's own leading ones.
func (g *grouping) framesOf(stack []*profile.Location) []sampler.Frame {
	var frames []sampler.Frame
	eachFrame(stack, func(f sampler.Frame) bool {
		frames = append(frames, f)
		return true
	})
	frames = withoutRuntime(frames)
	if g.budget -= len(frames); g.budget < 0 || len(frames) == 0 {
		return []sampler.Frame{topFrame(stack)}
	}
	return frames
}

func lineNumber(n int64) int {
	if n < 0 || n > math.MaxInt32 {
		return 0
	}
	return int(n)
}

// withoutRuntime drops the runtime's leading frames, unless there are no others, as runtime/pprof does.
func withoutRuntime(frames []sampler.Frame) []sampler.Frame {
	for i, f := range frames {
		if !isRuntime(f.Function) {
			return frames[i:]
		}
	}
	return frames
}

func isRuntime(function string) bool {
	return strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "internal/runtime/")
}

// finish orders a site's stacks and expands those that are kept.
func (g *grouping) finish(s *siteSum) Site {
	stacks := slices.SortedFunc(maps.Values(s.stacks), func(a, b *stackSum) int {
		return cmp.Or(cmp.Compare(b.InUseBytes, a.InUseBytes), cmp.Compare(b.AllocBytes, a.AllocBytes),
			slices.CompareFunc(a.locations, b.locations, func(x, y *profile.Location) int { return cmp.Compare(x.Address, y.Address) }))
	})
	s.Uncertainty = math.Sqrt(s.variance)
	s.StackCount = len(stacks)
	for _, stack := range stacks[:min(maxStacks, len(stacks))] {
		stack.Frames = g.framesOf(stack.locations)
		s.Stacks = append(s.Stacks, stack.StackUse)
	}
	s.Stack = s.Stacks[0].Frames
	return s.Site
}

func compareKeys(a, b *Site) int {
	return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
}
