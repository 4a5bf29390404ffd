package goproc

// States of a span, as the runtime numbers them in every release.
const (
	spanDead   = 0
	spanInUse  = 1 // holds heap objects
	spanManual = 2 // holds stacks, or the collector's work
)

// spanOffsets is where the fields of an mspan are.
type spanOffsets struct {
	size                                       int
	start, pages, elemSize, elems, elemsWidth  int
	freeIndex, limit, allocCount, class, state int
	sweepGen, allocBits, markBits, specials    int
	largeType                                  int // -1 before Go 1.22
}

func resolveSpans(r *resolver) spanOffsets {
	f := func(name string, width int) int { return r.field("mspan", name, width) }
	o := spanOffsets{size: r.size("mspan"), start: f("startAddr", 8), pages: f("npages", 8), elemSize: f("elemsize", 8),
		elems: f("nelems", 2), elemsWidth: r.width("mspan", "nelems"), freeIndex: f("freeindex", 2), limit: f("limit", 8),
		allocCount: f("allocCount", 2), class: f("spanclass", 1), state: f("state", 1), sweepGen: f("sweepgen", 4),
		allocBits: f("allocBits", 8), markBits: f("gcmarkBits", 8), specials: f("specials", 8), largeType: -1}
	if off, ok := r.optional("mspan", "largeType", 8); ok {
		o.largeType = off
	}
	return o
}

// count reads nelems or freeindex, which grew narrower in Go 1.22.
func (o *spanOffsets) count(b []byte, off int) uint64 {
	if o.elemsWidth >= 8 {
		return u64(b, off)
	}
	return uint64(u16(b, off))
}
