package goproc

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	arenaBits     = 26 // the page table has one piece for each 64 MiB of addresses
	runtimePages  = 13 // bits of an address within a runtime page
	arenaPages    = 1 << (arenaBits - runtimePages)
	smallSpan     = 1 << 20 // bytes of a span of several objects, at most
	headerAbove   = 512     // objects larger than this begin with their type, from Go 1.22
	slotsPerGuide = 256
	maxSlots      = 1<<32 - 1<<28 // so that a slot, and after the slots a root, fits 32 bits
)

// heapSpan is a span of heap objects. Its slots have numbers that are unique in the heap, from slot on.
type heapSpan struct {
	addr          uint64 // of its description
	base, pages   uint64
	elem          uint64 // bytes of a slot
	specials      uint64
	largeType     uint64
	allocBits     uint64
	bits          int // where the bits of its taken slots begin in heapMap.bits, -1 where all are taken
	types         int // where its slots' types begin in walkGraph.types, -1 where they have none
	slot, n, free uint32
	magic         uint32 // turns division by elem into multiplication
	noscan, large bool   // has no pointers; is one object with a span of its own
	untyped       bool   // objects do not begin with their type
}

// index returns which slot of the span an address is in; n or more where it is in none.
func (s *heapSpan) index(p uint64) uint32 {
	if s.n == 1 {
		if p-s.base >= s.elem {
			return 1
		}
		return 0
	}
	off := p - s.base
	if off >= smallSpan {
		return s.n
	}
	return uint32(off * uint64(s.magic) >> 32)
}

// heapMap finds the object an address is in. The slots of the spans that have pointers in them come first.
type heapMap struct {
	spans  []heapSpan
	bits   []byte
	lo, hi uint64
	first  uint64  // number of the first arena
	arenas []int32 // for each arena 1 + where its pages are; 0 for none
	pages  []*[arenaPages]int32
	guide  []int32 // for each slotsPerGuide-th slot, its span
	// Slots below scannable may have pointers in them. All are below slots.
	scannable, slots uint32
	torn             int // spans that made no sense when they were read
}

// find returns the number of the slot that holds the object at p; false where there is no object.
func (h *heapMap) find(p uint64) (slot uint32, ok bool) {
	if p-h.lo >= h.hi-h.lo {
		return 0, false
	}
	a := h.arenas[p>>arenaBits-h.first]
	if a == 0 {
		return 0, false
	}
	i := h.pages[a-1][p>>runtimePages&(arenaPages-1)]
	if i == 0 {
		return 0, false
	}
	s := &h.spans[i-1]
	k := s.index(p)
	if k >= s.n || !h.taken(s, k) {
		return 0, false
	}
	return s.slot + k, true
}

// taken says whether a slot holds an object, or garbage that was not yet swept.
func (h *heapMap) taken(s *heapSpan, k uint32) bool {
	return k < s.free || s.bits < 0 || h.bits[s.bits+int(k>>3)]&(1<<(k&7)) != 0
}

// span returns the span that a slot is in.
func (h *heapMap) span(slot uint32) *heapSpan {
	i := int(h.guide[slot/slotsPerGuide])
	for i+1 < len(h.spans) && h.spans[i+1].slot <= slot {
		i++
	}
	return &h.spans[i]
}

// addr returns the address of a slot.
func (h *heapMap) addr(slot uint32) uint64 {
	s := h.span(slot)
	return s.base + uint64(slot-s.slot)*s.elem
}

// readHeap reads all spans.
func (w *walker) readHeap() error {
	if err := w.step(stageSpans, 0); err != nil {
		return err
	}
	if err := w.readSpans(); err != nil {
		return err
	}
	h := &w.heap
	slices.SortFunc(h.spans, func(a, b heapSpan) int {
		if a.noscan != b.noscan {
			if a.noscan {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.base, b.base)
	})
	if err := w.number(); err != nil {
		return err
	}
	if err := w.mapPages(); err != nil {
		return err
	}
	return w.readTaken()
}

// spanCost is the bytes that a heapSpan takes while the list of them grows.
const spanCost = 3 * 96

// readSpans reads the descriptions of all spans. The runtime's list of them moves when it grows.
func (w *walker) readSpans() error {
	for try := 0; ; try++ {
		err := w.readAllSpans()
		if moved := new(errUnreadable); !errors.As(err, &moved) || len(w.heap.spans) > 0 || try == takenTries {
			return err
		}
	}
}

func (w *walker) readAllSpans() error {
	var refused error
	unreadable, err := w.spans.each(w.ctx, func(addr uint64, b []byte) {
		w.read += int64(len(b))
		if b[w.o.span.state] != spanInUse || refused != nil {
			return
		}
		if refused = w.budget.take(spanCost, "the spans"); refused == nil {
			w.addSpan(addr, b)
		}
	})
	w.heap.torn += unreadable
	if err != nil {
		return err
	}
	return refused
}

// addSpan keeps a span that makes sense. One that does not was read while the runtime changed it.
func (w *walker) addSpan(addr uint64, b []byte) {
	o, h := &w.o.span, &w.heap
	s := heapSpan{addr: addr, base: u64(b, o.start), pages: u64(b, o.pages), elem: u64(b, o.elemSize), specials: u64(b, o.specials), allocBits: u64(b, o.allocBits),
		bits: -1, types: -1, noscan: b[o.class]&1 == 1}
	n, free := o.count(b, o.elems), o.count(b, o.freeIndex)
	size := s.pages << runtimePages
	switch {
	case s.base == 0, s.base%runtimePage != 0, s.base>>addressBits != 0, s.pages == 0, s.pages>>(addressBits-runtimePages) != 0:
		h.torn++
		return
	case s.elem == 0, n == 0, n > size/8, s.elem > size/n, n > 1 && size > smallSpan:
		h.torn++
		return
	}
	s.n, s.free = uint32(n), uint32(min(free, n))
	s.magic = ^uint32(0)/uint32(min(s.elem, smallSpan)) + 1
	s.large = b[o.class]>>1 == 0
	if o.largeType >= 0 && !s.noscan && s.large {
		s.largeType = u64(b, o.largeType)
	}
	s.untyped = o.largeType < 0 || s.noscan || s.elem <= headerAbove || s.large
	h.spans = append(h.spans, s)
}

// number gives each slot its number. The spans are in their final order.
func (w *walker) number() error {
	h := &w.heap
	var slots, typed uint64
	for i := range h.spans {
		s := &h.spans[i]
		if !s.noscan {
			h.scannable = uint32(slots + uint64(s.n))
			w.toScan += int64(s.pages << runtimePages)
		}
		if !s.untyped {
			s.types = int(typed)
			typed += uint64(s.n)
		}
		s.slot = uint32(slots)
		if slots += uint64(s.n); slots > maxSlots {
			return fmt.Errorf("the heap has more than %d slots for objects: %w", uint64(maxSlots), sampler.ErrWalkTooLarge)
		}
	}
	h.slots = uint32(slots)
	if err := w.budget.take(4*int64(typed)+int64(slots/slotsPerGuide)*4, "the types of objects"); err != nil {
		return err
	}
	w.graph.types = make([]uint32, typed)
	h.guide = make([]int32, slots/slotsPerGuide+1)
	for i := range h.spans {
		s := &h.spans[i]
		for g := (s.slot + slotsPerGuide - 1) / slotsPerGuide; g*slotsPerGuide < s.slot+s.n; g++ {
			h.guide[g] = int32(i)
		}
	}
	return nil
}

// mapPages makes the table from pages to spans.
func (w *walker) mapPages() error {
	h := &w.heap
	h.lo, h.hi = ^uint64(0), 0
	for i := range h.spans {
		s := &h.spans[i]
		h.lo, h.hi = min(h.lo, s.base), max(h.hi, s.base+s.pages<<runtimePages)
	}
	if len(h.spans) == 0 {
		h.lo = 0
		return nil
	}
	h.first = h.lo >> arenaBits
	arenas := int64((h.hi-1)>>arenaBits - h.first + 1)
	if err := w.budget.take(4*arenas, "the page table"); err != nil {
		return err
	}
	h.arenas = make([]int32, arenas)
	for i := range h.spans {
		s := &h.spans[i]
		for page := s.base >> runtimePages; page < s.base>>runtimePages+s.pages; page++ {
			a := &h.arenas[page/arenaPages-h.first]
			if *a == 0 {
				if err := w.budget.take(4*arenaPages, "the page table"); err != nil {
					return err
				}
				h.pages = append(h.pages, new([arenaPages]int32))
				*a = int32(len(h.pages))
			}
			p := &h.pages[*a-1][page%arenaPages]
			if *p != 0 { // spans do not overlap, unless one was read before and the other after it was reused
				h.torn++
				break
			}
			*p = int32(i + 1)
		}
	}
	return nil
}

// takenTries is how often what the target changes meanwhile is read again.
const takenTries = 3

// readTaken reads which slots of each span are taken. The runtime allocates from the low slots up, so that only spans
// it has not filled need to be asked, and a span of one object is all taken.
func (w *walker) readTaken() error {
	h := &w.heap
	var total int64
	var list []int32
	for i := range h.spans {
		if s := &h.spans[i]; s.free < s.n && s.n > 1 {
			s.bits = int(total)
			total += int64(s.n+7) / 8
			list = append(list, int32(i))
		}
	}
	if err := w.budget.take(total+8*int64(len(list)), "the bits of taken slots"); err != nil {
		return err
	}
	h.bits = make([]byte, total)
	slices.SortFunc(list, func(a, b int32) int { return cmp.Compare(h.spans[a].addr, h.spans[b].addr) })
	again := scatter{size: w.o.span.size}
	for from := 0; from < len(list); from += batch {
		part := list[from:min(from+batch, len(list))]
		for try := 0; len(part) > 0; try++ {
			var err error
			if part, err = w.readBits(part, &again, try == takenTries); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBits reads the bits of a few spans, and returns those that were swept meanwhile: sweeping gives a span new bits
// and the old ones away. The last time all slots of these are held for taken.
func (w *walker) readBits(spans []int32, again *scatter, last bool) (swept []int32, err error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	h := &w.heap
	reqs, addrs := make([]request, len(spans)), make([]uint64, len(spans))
	for i, k := range spans {
		s := &h.spans[k]
		addrs[i] = s.addr
		reqs[i] = request{addr: s.allocBits, buf: h.bits[s.bits : s.bits+int(s.n+7)/8]}
		w.read += int64(len(reqs[i].buf))
	}
	if err := w.p.mem.read(reqs); err != nil {
		return nil, err
	}
	if err := again.load(w.p.mem, addrs); err != nil {
		return nil, err
	}
	o := &w.o.span
	for i, k := range spans {
		s, b := &h.spans[k], again.at(i)
		if b != nil && reqs[i].ok && u64(b, o.allocBits) == s.allocBits && u64(b, o.start) == s.base {
			continue
		}
		if b == nil || last || u64(b, o.start) != s.base || b[o.state] != spanInUse {
			s.bits = -1
			h.torn++
			continue
		}
		s.allocBits, s.free = u64(b, o.allocBits), uint32(min(o.count(b, o.freeIndex), uint64(s.n)))
		swept = append(swept, k)
	}
	return swept, nil
}
