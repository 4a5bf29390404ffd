package goproc

import (
	"encoding/binary"
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	pieceSize = 1 << 20 // bytes of the target's objects that are looked at together
	wordBits  = 16      // pointers are kept in blocks of 65,536
	wordBlock = 1 << wordBits
	maxTypes  = 1 << 20
)

// words is a list of 32-bit numbers that grows without being copied.
type words struct {
	blocks []*[wordBlock]uint32
	n      uint32
}

// bitset is a set of slots.
type bitset []uint64

func newBitset(n uint32) bitset    { return make(bitset, n/64+1) }
func (b bitset) has(i uint32) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bitset) add(i uint32)      { b[i>>6] |= 1 << (i & 63) }

func (l *words) at(i uint32) uint32 { return l.blocks[i>>wordBits][i&(wordBlock-1)] }

// walkGraph is the pointers from object to object. Its nodes are the slots by number, and above the slots the roots.
type walkGraph struct {
	first []uint32 // for each slot with pointers, and one more: where its edges begin
	edges words
	types []uint32 // for each slot of a span whose objects begin with their type: its number
	names []uint64 // types by number, as addresses; 0 stands for none
	ids   map[uint64]uint32
	masks []pointerMask // of the types by number

	roots     []walkRoot
	pointers  []rootPointer // of all roots, in the order in which they were found
	rootFirst []uint32      // for each root, and one more: where its edges begin
	rootEdges []uint32
}

// add appends an edge. Repeated pointers to one object, as slices of it have, are kept once.
func (w *walker) add(slot, to uint32) error {
	e := &w.graph.edges
	if slot == to || e.n > w.graph.first[slot] && e.at(e.n-1) == to {
		return nil
	}
	if e.n&(wordBlock-1) == 0 {
		if e.n == 1<<32-wordBlock {
			return fmt.Errorf("the heap has more than %d pointers: %w", e.n, sampler.ErrWalkTooLarge)
		}
		if err := w.budget.take(4*wordBlock, "the heap's pointers"); err != nil {
			return err
		}
		e.blocks = append(e.blocks, new([wordBlock]uint32))
	}
	e.blocks[e.n>>wordBits][e.n&(wordBlock-1)] = to
	e.n++
	return nil
}

// readObjects reads the spans that may have pointers in them, in the order of their addresses, and keeps the pointers.
func (w *walker) readObjects() error {
	h, g := &w.heap, &w.graph
	if err := w.budget.take(4*int64(h.scannable+1), "the places of pointers"); err != nil {
		return err
	}
	if err := w.findArenas(); err != nil {
		return err
	}
	g.first = make([]uint32, h.scannable+1)
	g.names, g.ids = append(g.names, 0), map[uint64]uint32{}
	buf := make([]byte, pieceSize)
	var reqs []request
	begin, used := 0, 0
	for i := 0; ; i++ {
		last := i == len(h.spans) || h.spans[i].noscan
		size := 0
		if !last {
			size = int(min(h.spans[i].pages<<runtimePages, pieceSize+1))
		}
		if last || used+size > pieceSize || len(reqs) == batch {
			if err := w.scanSpans(begin, reqs); err != nil {
				return err
			}
			begin, used, reqs = i, 0, reqs[:0]
		}
		if last {
			break
		}
		if size > pieceSize {
			if err := w.scanLarge(&h.spans[i], buf); err != nil {
				return err
			}
			begin = i + 1
			continue
		}
		reqs = append(reqs, request{addr: h.spans[i].base, buf: buf[used : used+size]})
		used += size
	}
	g.first[h.scannable] = g.edges.n
	return nil
}

// scanSpans reads the spans from number begin on and takes the pointers out of them.
func (w *walker) scanSpans(begin int, reqs []request) error {
	if len(reqs) == 0 {
		return nil
	}
	if err := w.p.mem.read(reqs); err != nil {
		return err
	}
	for i := range reqs {
		s := &w.heap.spans[begin+i]
		if !reqs[i].ok {
			w.unread += int64(len(reqs[i].buf))
			reqs[i].buf = nil
		}
		w.read += int64(len(reqs[i].buf))
		w.scanned += int64(s.pages << runtimePages)
		if err := w.scanSpan(s, reqs[i].buf); err != nil {
			return err
		}
	}
	return w.step(stageObjects, float64(w.scanned)/float64(w.toScan))
}

func (w *walker) scanSpan(s *heapSpan, b []byte) error {
	g := &w.graph
	elem := int(s.elem)
	var mask []byte
	if at := w.smallMask(s); at > 0 && at < len(b) {
		mask = b[at:]
	}
	for k := range s.n {
		slot, at := s.slot+k, int(k)*elem
		g.first[slot] = g.edges.n
		if at+elem > len(b) || !w.heap.taken(s, k) || w.stackOwned.has(slot) {
			continue
		}
		object := b[at : at+elem]
		var err error
		switch {
		case mask != nil:
			err = w.scanMasked(slot, object, mask, at/8)
		case s.types >= 0:
			err = w.scanHeaded(s, slot, object)
		default:
			err = w.scanObject(s, slot, object)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scanHeaded takes the pointers out of an object that begins with its type.
func (w *walker) scanHeaded(s *heapSpan, slot uint32, object []byte) error {
	id := w.typeNumber(u64(object, 0))
	w.graph.types[s.types+int(slot-s.slot)] = id
	m, err := w.maskOf(id)
	if err != nil {
		return err
	}
	return w.scanTyped(slot, object[headerSize:], 0, m)
}

// scanObject takes the pointers out of an object whose span says its type, or nothing.
func (w *walker) scanObject(s *heapSpan, slot uint32, object []byte) error {
	addr := s.base + uint64(slot-s.slot)*s.elem
	if mask := w.arenaMask(addr); mask != nil && addr%arenaSize+s.elem <= arenaSize {
		_, err := w.scanArena(slot, object, addr, mask)
		return err
	}
	m, err := w.maskOf(w.typeNumber(s.largeType))
	if err != nil {
		return err
	}
	return w.scanTyped(slot, object, 0, m)
}

// scanWords adds an edge for each word that points to an object.
func (w *walker) scanWords(slot uint32, b []byte) error {
	h := &w.heap
	lo, size := h.lo, h.hi-h.lo
	for ; len(b) >= 8; b = b[8:] {
		v := binary.LittleEndian.Uint64(b)
		if v-lo >= size {
			continue
		}
		if to, ok := h.find(v); ok {
			if err := w.add(slot, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// scanLarge reads a span that is larger than a piece. Such a span has one object.
func (w *walker) scanLarge(s *heapSpan, buf []byte) error {
	w.graph.first[s.slot] = w.graph.edges.n
	m, err := w.maskOf(w.typeNumber(s.largeType))
	if err != nil {
		return err
	}
	size := uint64(0)
	for at := uint64(0); at < s.elem; at += size {
		addr := s.base + at
		size = min(uint64(len(buf)), s.elem-at, arenaSize-addr%arenaSize)
		piece := buf[:size]
		reqs := [1]request{{addr: addr, buf: piece}}
		if err := w.p.mem.read(reqs[:]); err != nil {
			return err
		}
		if !reqs[0].ok {
			w.unread += int64(s.elem - at)
			break
		}
		w.read += int64(size)
		w.scanned += int64(size)
		if err := w.step(stageObjects, float64(w.scanned)/float64(w.toScan)); err != nil {
			return err
		}
		if mask := w.arenaMask(addr); mask != nil {
			more, err := w.scanArena(s.slot, piece, addr, mask)
			if err != nil || !more {
				return err
			}
			continue
		}
		if err := w.scanTyped(s.slot, piece, at, m); err != nil {
			return err
		}
	}
	return nil
}

// typeNumber returns the number of the type at an address, 0 where no type can be. Types that reflection made are on
// the heap and have no number.
func (w *walker) typeNumber(addr uint64) uint32 {
	g, m := &w.graph, &w.p.module
	if addr == g.names[w.lastType] {
		return w.lastType
	}
	if addr < m.types || addr >= m.etypes || addr%8 != 0 {
		return 0
	}
	id, ok := g.ids[addr]
	if !ok {
		if len(g.names) >= maxTypes {
			return 0
		}
		id = uint32(len(g.names))
		g.names, g.ids[addr] = append(g.names, addr), id
	}
	w.lastType = id
	return id
}
