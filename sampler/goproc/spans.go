package goproc

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	spanClasses = 2 * sizeClasses // each size with and without pointers
	readSpans   = 1 << 23         // spans that are read at most: 64 GiB of the smallest
)

// spanReader reads the descriptions of all spans, in batches, so that its memory does not grow with their number. The
// runtime's list of them only ever grows, and moves when it does.
type spanReader struct {
	p       *program
	o       spanOffsets
	list    uint64   // where the runtime says where its list is and how long
	at      uint64   // where its list was last
	raw     []byte   // a batch of the list, as it is read
	addrs   []uint64 // and in order
	part    scatter
	classes [spanClasses]sampler.SizeClass
	arenas  map[uint64]struct{} // by number: address by arena size
}

func newSpanReader(p *program) (*spanReader, error) {
	r := p.resolve()
	o := resolveSpans(r)
	list := r.variable("mheap_") + uint64(r.field("mheap", "allspans", 24))
	if err := r.err("spans"); err != nil {
		return nil, err
	}
	return &spanReader{p: p, o: o, list: list, part: scatter{size: o.size}, arenas: map[uint64]struct{}{}}, nil
}

// length returns how many spans there are, and notes where their list is.
func (r *spanReader) length() (int, error) {
	var head [24]byte
	if err := readAt(r.p.mem, "allspans", r.list, head[:]); err != nil {
		return 0, err
	}
	n := u64(head[:], 8)
	if n > readSpans || n > u64(head[:], 16) {
		return 0, fmt.Errorf("spans: %d are more than the %d that are read: %w", n, readSpans, sampler.ErrUnsupported)
	}
	r.at = u64(head[:], 0)
	return int(n), nil
}

// listTries is how often a part of the list is read again because the list moved meanwhile.
const listTries = 8

// addresses returns n addresses of the list from one on, in ascending order. In the same breath it looks where the list is:
// what was read of a list that is no longer there is not believed.
func (r *spanReader) addresses(from, n int) ([]uint64, error) {
	r.raw, r.addrs = slices.Grow(r.raw[:0], 8*n)[:8*n], r.addrs[:0]
	for range listTries {
		var head [16]byte
		reqs := [...]request{{addr: r.at + 8*uint64(from), buf: r.raw}, {addr: r.list, buf: head[:]}}
		if err := r.p.mem.read(reqs[:]); err != nil {
			return nil, fmt.Errorf("read the list of spans: %w", err)
		}
		if !reqs[1].ok {
			return nil, &errUnreadable{"allspans", r.list}
		}
		was := r.at
		if r.at = u64(head[:], 0); !reqs[0].ok || r.at != was || u64(head[:], 8) < uint64(from+n) {
			continue
		}
		for i := 0; i < len(r.raw); i += 8 {
			r.addrs = append(r.addrs, u64(r.raw, i))
		}
		slices.Sort(r.addrs)
		return r.addrs, nil
	}
	return nil, &errUnreadable{"the list of spans", r.at}
}

// each calls f for every span, dead ones too; f must not keep the bytes.
func (r *spanReader) each(ctx context.Context, f func(addr uint64, b []byte)) (unreadable int, err error) {
	n, err := r.length()
	if err != nil {
		return 0, err
	}
	for from := 0; from < n; from += batch {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		part, err := r.addresses(from, min(batch, n-from))
		if err != nil {
			return 0, err
		}
		if err := r.part.load(r.p.mem, part); err != nil {
			return 0, err
		}
		for i, a := range part {
			if b := r.part.at(i); b != nil {
				f(a, b)
			} else {
				unreadable++
			}
		}
	}
	return unreadable, r.p.mem.alive()
}

// Spans returns how the target's heap is cut up. It is exact but for what changes while it reads: 4 ms for 6,000 spans,
// 50 ms for 100,000. It does not stop the target.
func (s *Session) Spans(ctx context.Context) (sampler.Spans, error) {
	start := time.Now()
	if s.spans == nil {
		r, err := newSpanReader(s.p)
		if err != nil {
			return sampler.Spans{}, err
		}
		s.spans = r
	}
	out := sampler.Spans{Time: start}
	unreadable, err := s.spans.sum(ctx, &out)
	if err == nil {
		err = s.stats.read(&s.now)
	}
	if err != nil {
		return sampler.Spans{}, s.failed(err)
	}
	if unreadable > 0 {
		out.Warnings = append(out.Warnings, fmt.Errorf("%d spans could not be read and are not counted", unreadable))
	}
	out.Free, out.Released = s.now.heapFree, s.now.heapReleased
	out.Took = time.Since(start)
	return out, nil
}

func (r *spanReader) sum(ctx context.Context, out *sampler.Spans) (unreadable int, err error) {
	clear(r.classes[:])
	clear(r.arenas)
	unreadable, err = r.each(ctx, func(_ uint64, b []byte) { r.count(b, out) })
	for i := range r.classes {
		c := &r.classes[i]
		if c.Spans == 0 {
			continue
		}
		out.Classes = append(out.Classes, *c)
		out.Spans += c.Spans
		out.Objects += c.Objects
		out.InUse += c.InUse
		out.Bytes += c.Bytes
	}
	out.Arenas = r.ranges()
	slices.SortStableFunc(out.Classes, func(a, b sampler.SizeClass) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return unreadable, err
}

func (r *spanReader) count(b []byte, out *sampler.Spans) {
	o := &r.o
	bytes := u64(b, o.pages) * runtimePage
	if bytes>>addressBits != 0 {
		return // torn
	}
	switch b[o.state] {
	case spanManual:
		out.Manual += bytes
		r.place(u64(b, o.start), bytes)
	case spanInUse:
		r.place(u64(b, o.start), bytes)
		class := int(b[o.class])
		size, objects := u64(b, o.elemSize), int(u16(b, o.allocCount))
		if class >= spanClasses || size > bytes {
			return
		}
		c := &r.classes[class]
		c.NoScan = class&1 == 1
		if class > 1 {
			c.Size = size
		}
		c.Spans++
		c.Slots += int(o.count(b, o.elems))
		c.Objects += objects
		c.InUse += uint64(objects) * size
		c.Bytes += bytes
	}
}

// place notes the arenas of a span.
func (r *spanReader) place(base, bytes uint64) {
	if base>>addressBits != 0 || bytes == 0 {
		return // torn
	}
	for n := base / arenaSize; n <= (base+bytes-1)/arenaSize && len(r.arenas) < 1<<20; n++ {
		r.arenas[n] = struct{}{}
	}
}

// ranges returns the arenas in order, neighbours as one.
func (r *spanReader) ranges() []sampler.Range {
	var out []sampler.Range
	for _, n := range slices.Sorted(maps.Keys(r.arenas)) {
		begin := n * arenaSize
		if last := len(out) - 1; last >= 0 && out[last].End == begin {
			out[last].End += arenaSize
			continue
		}
		out = append(out, sampler.Range{Begin: begin, End: begin + arenaSize})
	}
	return out
}
