package goproc

import (
	"encoding/binary"
	"math/bits"
)

// Up to Go 1.21 the runtime keeps the masks of a piece of the address space, an arena, together: one bit for each word,
// and one for each 64 of these that says that what comes after in the same object has no pointers.
const (
	arenaSize    = 1 << arenaBits
	arenaMask    = arenaSize / 64
	arenaMore    = arenaMask / 64
	arenaOffset  = 1 << 21 // on amd64 the list of arenas begins at half of the address space
	arenasListed = 1 << (addressBits - arenaBits)
)

// arenaMasks is the masks of the arena that was last asked for. Spans are asked for in the order of their addresses.
type arenaMasks struct {
	list   uint64 // where the pointers to arenas are; 0 where there are none to be found
	number uint64
	ok     bool
	buf    []byte
}

// findArenas finds the masks in a program of Go 1.20 or 1.21.
func (w *walker) findArenas() error {
	if w.p.minor < 20 || w.p.minor > 21 {
		return nil
	}
	r := w.p.resolve()
	at := r.variable("mheap_") + uint64(r.field("mheap", "arenas", 8))
	if err := r.err("the masks of the heap"); err != nil {
		return err
	}
	list, err := readU64(w.p.mem, "the list of arenas", at)
	w.arenas = arenaMasks{list: list, number: ^uint64(0), buf: make([]byte, arenaMask+arenaMore)}
	return err
}

// arenaMask returns the masks of the arena that an address is in, nil where there are none.
func (w *walker) arenaMask(addr uint64) []byte {
	a := &w.arenas
	if a.list == 0 {
		return nil
	}
	if n := addr >> arenaBits; n != a.number {
		a.number, a.ok = n, w.readArena(n)
	}
	if !a.ok {
		return nil
	}
	return a.buf
}

func (w *walker) readArena(n uint64) bool {
	if w.p.image.arch == "amd64" {
		n += arenaOffset
	}
	if n >= arenasListed {
		return false
	}
	arena, err := readU64(w.p.mem, "an arena", w.arenas.list+8*n)
	if err != nil || arena == 0 {
		return false
	}
	w.read += int64(len(w.arenas.buf))
	return readAt(w.p.mem, "the masks of an arena", arena, w.arenas.buf) == nil
}

// scanArena adds an edge for each word that is a pointer by the mask of its arena, of b, which lies at an address within
// one arena and is all or the beginning of what is left of an object. more says whether the object can have pointers
// behind b.
func (w *walker) scanArena(slot uint32, b []byte, addr uint64, mask []byte) (more bool, err error) {
	first := addr % arenaSize / 8
	last := first + uint64(len(b))/8
	for chunk := first / 64; chunk*64 < last; chunk++ {
		m := binary.LittleEndian.Uint64(mask[8*chunk:])
		if chunk*64 < first {
			m &^= 1<<(first%64) - 1
		}
		if end := last - chunk*64; end < 64 {
			m &= 1<<end - 1
		}
		for ; m != 0; m &= m - 1 {
			if err := w.scanWord(slot, b, 8*(int(chunk*64)+bits.TrailingZeros64(m)-int(first))); err != nil {
				return false, err
			}
		}
		if end := chunk*64 + 64; end <= last && mask[arenaMask+chunk/8]&(1<<(chunk%8)) != 0 {
			return false, nil
		}
	}
	return true, nil
}
