package goproc

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"github.com/alloc-dev/heaptop/sampler"
)

// Sites returns the allocation sites of the target, as its own /debug/pprof/heap would give them at the same moment, in
// values and stacks: alloc_objects, alloc_space, inuse_objects, inuse_space, scaled up from the samples. They show the
// state at the end of the last collection. It does not stop the target. The error wraps sampler.ErrUnsupported when the
// target records no allocation stacks.
func (s *Session) Sites(ctx context.Context) (*profile.Profile, error) {
	return s.sitesProfile(ctx, (*siteReader).heapProfile)
}

// RecentSites returns what each site allocated since the last collection began to count anew, as alloc_objects and
// alloc_space. An endpoint cannot tell that: it publishes allocations one collection later.
func (s *Session) RecentSites(ctx context.Context) (*profile.Profile, error) {
	return s.sitesProfile(ctx, (*siteReader).recentProfile)
}

func (s *Session) sitesProfile(ctx context.Context, build func(*siteReader) *profile.Profile) (*profile.Profile, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.sites == nil {
		r, err := newSiteReader(s.p)
		if err != nil {
			return nil, err
		}
		s.sites = r
	}
	if err := s.sites.read(ctx); err != nil {
		return nil, s.failed(err)
	}
	if err := s.p.mem.alive(); err != nil {
		return nil, err
	}
	if s.sites.rate <= 0 {
		return nil, s.sites.noStacks()
	}
	return build(s.sites), nil
}

// HeapProfile returns Sites, gzipped, as `go tool pprof` opens it.
func (s *Session) HeapProfile(ctx context.Context) (sampler.Profile, error) {
	return s.packed(ctx, s.Sites)
}

// RecentProfile returns RecentSites, gzipped, as `go tool pprof` opens it.
func (s *Session) RecentProfile(ctx context.Context) (sampler.Profile, error) {
	return s.packed(ctx, s.RecentSites)
}

func (s *Session) packed(ctx context.Context, read func(context.Context) (*profile.Profile, error)) (sampler.Profile, error) {
	start := time.Now()
	p, err := read(ctx)
	if err != nil {
		return sampler.Profile{}, err
	}
	p.TimeNanos = start.UnixNano()
	var b bytes.Buffer
	if s.zip == nil { // it is a megabyte, and made once
		if s.zip, err = gzip.NewWriterLevel(&b, gzip.BestSpeed); err != nil {
			return sampler.Profile{}, err
		}
	}
	s.zip.Reset(&b)
	if err := errors.Join(p.WriteUncompressed(s.zip), s.zip.Close()); err != nil {
		return sampler.Profile{}, fmt.Errorf("write the profile of process %d: %w", s.target.PID, err)
	}
	return sampler.Profile{Time: start, Took: time.Since(start), Source: "memory", Data: b.Bytes()}, nil
}

// noStacks says why there are no allocation stacks.
func (s *siteReader) noStacks() error {
	linked := false
	s.p.funcs.each(func(name []byte, _, _ uint64) bool {
		n := string(name)
		linked = n == "runtime.memProfileInternal" || s.p.minor > 0 && s.p.minor < 23 && n == "runtime.MemProfile"
		return !linked
	})
	if linked {
		return fmt.Errorf("this program records no allocation stacks: it set runtime.MemProfileRate to 0: %w", sampler.ErrUnsupported)
	}
	return fmt.Errorf("this program records no allocation stacks: nothing in it asks runtime/pprof for a profile: %w", sampler.ErrUnsupported)
}

// scale estimates what a site holds in all from what was sampled of it, as runtime/pprof does: an object of size bytes
// is sampled with probability 1-exp(-size/rate).
func scale(count, size, rate int64) (int64, int64) {
	if count == 0 || size == 0 {
		return 0, 0
	}
	if rate <= 1 {
		return count, size
	}
	average := float64(size) / float64(count)
	f := 1 / (1 - math.Exp(-average/float64(rate)))
	return int64(float64(count) * f), int64(float64(size) * f)
}

func (s *siteReader) heapProfile() *profile.Profile {
	b := newProfileBuilder(s.p.symbols, "alloc_objects", "count", "alloc_space", "bytes", "inuse_objects", "count", "inuse_space", "bytes")
	b.out.PeriodType, b.out.Period = &profile.ValueType{Type: "space", Unit: "bytes"}, s.rate
	b.out.DefaultSampleType = "inuse_space"
	early := s.beforeFirstGC()
	for i := range s.buckets {
		k := &s.buckets[i]
		c := s.published(k)
		if early {
			c = counts{}
			for _, f := range k.future {
				c.add(f)
			}
		}
		ao, ab := scale(int64(c.allocs), int64(c.allocBytes), s.rate)
		io, ib := scale(int64(c.allocs-c.frees), int64(c.allocBytes-c.freeBytes), s.rate)
		if ao != 0 || io != 0 {
			b.allocation(k, ao, ab, io, ib)
		}
	}
	return b.out
}

// beforeFirstGC says whether nothing was published yet. The runtime then shows all it has, and so do we.
func (s *siteReader) beforeFirstGC() bool {
	for i := range s.buckets {
		if c := s.published(&s.buckets[i]); c.allocs != 0 || c.frees != 0 {
			return false
		}
	}
	return true
}

func (s *siteReader) recentProfile() *profile.Profile {
	b := newProfileBuilder(s.p.symbols, "alloc_objects", "count", "alloc_space", "bytes")
	b.out.PeriodType, b.out.Period = &profile.ValueType{Type: "space", Unit: "bytes"}, s.rate
	b.out.DefaultSampleType = "alloc_space"
	for i := range s.buckets {
		c := s.sinceGC(&s.buckets[i])
		if n, size := scale(int64(c.allocs), int64(c.allocBytes), s.rate); n != 0 {
			b.allocation(&s.buckets[i], n, size)
		}
	}
	return b.out
}

// profileBuilder puts a profile together from program counters.
type profileBuilder struct {
	out       *profile.Profile
	symbols   *symbolizer
	mapping   *profile.Mapping
	functions map[string]*profile.Function
	locations map[location]*profile.Location
}

// location is a program counter and how many of its inlined frames are shown.
type location struct {
	pc     uint64
	frames int
}

// newProfileBuilder takes the names and units of the values in turn.
func newProfileBuilder(sym *symbolizer, types ...string) *profileBuilder {
	m := &profile.Mapping{ID: 1, Start: sym.funcs.text, Limit: sym.funcs.text + sym.funcs.entryOf(sym.funcs.count),
		HasFunctions: true, HasFilenames: true, HasLineNumbers: true, HasInlineFrames: true}
	b := &profileBuilder{symbols: sym, mapping: m, functions: map[string]*profile.Function{}, locations: map[location]*profile.Location{}}
	b.out = &profile.Profile{Mapping: []*profile.Mapping{m}}
	for i := 0; i+1 < len(types); i += 2 {
		b.out.SampleType = append(b.out.SampleType, &profile.ValueType{Type: types[i], Unit: types[i+1]})
	}
	return b
}

// allocation adds a site. The runtime's own functions at the leaf are left out, as runtime/pprof does, unless nothing
// else remains.
func (b *profileBuilder) allocation(k *bucket, values ...int64) {
	sample := &profile.Sample{Value: values, NumLabel: map[string][]int64{"bytes": {int64(k.size)}}}
	stack, label := k.stack, ""
	for len(stack) > 0 {
		name := b.leaf(stack[0])
		if !ofRuntime(name) {
			break
		}
		label = purpose(label, name)
		stack = stack[1:]
	}
	if len(stack) == 0 {
		stack = k.stack
	}
	if label != "" {
		sample.Label = map[string][]string{"runtime": {label}}
	}
	for callee := ""; len(stack) > 0; {
		pc := stack[0] - 1
		frames, n := b.inlined(stack, callee)
		stack = stack[n:]
		if len(frames) > 0 && frames[0].Function != "runtime.goexit" {
			sample.Location = append(sample.Location, b.location(pc, frames))
			callee = frames[len(frames)-1].Function
		}
	}
	if len(sample.Location) > 0 {
		b.out.Sample = append(b.out.Sample, sample)
	}
}

// purpose says what the runtime allocated for: the function of it that the program called, but that a slice or a map grows
// where that is so. Names are of Go 1.20 to 1.26.
func purpose(inner, name string) string {
	switch {
	case inner == growsMap:
		return inner
	case strings.HasPrefix(name, growsSlice):
		return growsSlice
	case name == "runtime.hashGrow" || growsTable(name):
		return growsMap
	}
	return name
}

// growsTable says whether a function makes a map's tables larger. The first eight places of a map are none of that.
func growsTable(name string) bool {
	name, isMap := strings.CutPrefix(name, "internal/runtime/maps.")
	if !isMap {
		return false
	}
	for _, end := range []string{".growToTable", ".grow", ".split", ".rehash"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// What the label "runtime" of a sample says of growth.
const (
	growsSlice = "runtime.growslice"
	growsMap   = "internal/runtime/maps.grow"
)

// inlined returns the frames at the head of a stack that were inlined into each other, which a profile shows as one
// location, and how many of the stack's entries they are: the runtime records one for each, wrappers left out.
func (b *profileBuilder) inlined(stack []uint64, callee string) (frames []frame, entries int) {
	frames = b.symbols.visible(stack[0]-1, callee)
	for entries = 1; entries < len(frames); entries++ {
		if entries == len(stack) {
			return frames, entries // the record was cut off within the call
		}
		next := b.symbols.visible(stack[entries]-1, frames[entries-1].Function)
		if len(next) == 0 || next[0].Frame != frames[entries].Frame {
			return frames[:entries], entries
		}
	}
	return frames, entries
}

func (b *profileBuilder) leaf(pc uint64) string {
	if f := b.symbols.expand(pc - 1); len(f) > 0 {
		return f[0].Function
	}
	return ""
}

func ofRuntime(name string) bool {
	return strings.HasPrefix(name, "runtime.") || strings.HasPrefix(name, "internal/runtime/")
}

func (b *profileBuilder) location(pc uint64, frames []frame) *profile.Location {
	key := location{pc, len(frames)}
	if l := b.locations[key]; l != nil {
		return l
	}
	l := &profile.Location{ID: uint64(len(b.locations) + 1), Mapping: b.mapping, Address: pc}
	for _, f := range frames {
		l.Line = append(l.Line, profile.Line{Function: b.function(f), Line: int64(f.Line)})
	}
	b.locations[key] = l
	b.out.Location = append(b.out.Location, l)
	return l
}

func (b *profileBuilder) function(f frame) *profile.Function {
	if fn := b.functions[f.Function]; fn != nil {
		return fn
	}
	fn := &profile.Function{ID: uint64(len(b.functions) + 1), Name: f.Function, SystemName: f.Function, Filename: f.File, StartLine: int64(f.startLine)}
	b.functions[f.Function] = fn
	b.out.Function = append(b.out.Function, fn)
	return fn
}
