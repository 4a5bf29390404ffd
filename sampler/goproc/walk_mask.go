package goproc

import (
	"encoding/binary"
	"math/bits"
)

const (
	inlineMarkBits = 128     // bytes at the end of a small span, from Go 1.26
	inlineMarkFrom = 16      // for objects of this size and larger
	maxMask        = 1 << 20 // bytes of a mask: enough for a type of 64 MiB
	typePointers   = 8       // where a type says up to which byte it has pointers
	typeMask       = 32      // and where its mask is
	flagMaskLater  = 1 << 4  // the mask is one pointer further, from Go 1.24
	kindMaskCode   = 1 << 6  // the mask is a program for making it, up to Go 1.23
)

// pointerMask says which words of a type are pointers. Without bits every word may be one.
type pointerMask struct {
	size uint64 // bytes of the type
	bits []uint64
	set  bool // was looked up
}

// smallMask returns where in a span of small objects the mask of its words begins, 0 where there is none. From Go 1.22
// it stands at the end of the span; before, the runtime keeps it elsewhere, and every word may be a pointer.
func (w *walker) smallMask(s *heapSpan) int {
	if w.p.minor < 22 || s.noscan || s.large || s.elem > headerAbove || s.elem%8 != 0 {
		return 0
	}
	size := s.pages << runtimePages
	at := size - size/64
	if w.p.minor >= 26 && s.elem >= inlineMarkFrom {
		at -= inlineMarkBits
	}
	if uint64(s.n)*s.elem > at || size > pieceSize {
		return 0 // no such mask fits: not what it is taken for
	}
	return int(at)
}

// scanMasked adds an edge for each word of a small object that is a pointer by the mask of its span.
func (w *walker) scanMasked(slot uint32, object, mask []byte, first int) error {
	n := len(object) / 8
	m := binary.LittleEndian.Uint64(mask[first/64*8:]) >> (first % 64)
	if first%64+n > 64 {
		m |= binary.LittleEndian.Uint64(mask[first/64*8+8:]) << (64 - first%64)
	}
	if n < 64 {
		m &= 1<<n - 1
	}
	for ; m != 0; m &= m - 1 {
		if err := w.scanWord(slot, object, 8*bits.TrailingZeros64(m)); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) scanWord(slot uint32, b []byte, at int) error {
	if to, ok := w.heap.find(binary.LittleEndian.Uint64(b[at:])); ok {
		return w.add(slot, to)
	}
	return nil
}

// scanTyped adds an edge for each word that is a pointer when b is part of an array of a type, beginning at an offset of
// the array.
func (w *walker) scanTyped(slot uint32, b []byte, offset uint64, m *pointerMask) error {
	if m.bits == nil {
		return w.scanWords(slot, b)
	}
	for from := -int(offset % m.size); from < len(b); from += int(m.size) {
		for i, word := range m.bits {
			for ; word != 0; word &= word - 1 {
				at := from + 512*i + 8*bits.TrailingZeros64(word)
				if at+8 > len(b) {
					return nil
				}
				if at < 0 {
					continue
				}
				if err := w.scanWord(slot, b, at); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// maskOf returns the mask of the type with a number. Number 0 is a type that is not known.
func (w *walker) maskOf(id uint32) (*pointerMask, error) {
	g := &w.graph
	for len(g.masks) < len(g.names) {
		g.masks = append(g.masks, pointerMask{})
	}
	m := &g.masks[id]
	if m.set {
		return m, nil
	}
	m.set = true
	b := w.types.head(g.names[id])
	if b == nil {
		return m, nil
	}
	size, pointers, addr := u64(b, typeSize), u64(b, typePointers), u64(b, typeMask)
	if size == 0 || size%8 != 0 || pointers > size || pointers/64 > maxMask || w.p.minor == 0 || w.p.minor < 24 && b[typeKind]&kindMaskCode != 0 {
		return m, nil
	}
	if w.p.minor >= 24 && b[typeFlags]&flagMaskLater != 0 {
		var err error
		if addr, err = readU64(w.p.mem, "a type's mask", addr); err != nil || addr == 0 {
			return m, nil // not made yet
		}
	}
	n := (pointers/8 + 7) / 8
	if err := w.budget.take(int64(n)+16, "the masks of types"); err != nil {
		return nil, err
	}
	raw := make([]byte, (n+7)/8*8)
	if readAt(w.p.mem, "a type's mask", addr, raw[:n]) != nil {
		return m, nil
	}
	words := make([]uint64, 0, len(raw)/8+1)
	for i := 0; i < len(raw); i += 8 {
		words = append(words, u64(raw, i))
	}
	if extra := pointers / 8 % 64; extra != 0 {
		words[len(words)-1] &= 1<<extra - 1
	}
	m.size, m.bits = size, words
	return m, nil
}

// globalMask reads which words of a program's variables are pointers; nil where that is not known.
func (w *walker) globalMask(field string, size uint64) []byte {
	off, ok := w.p.resolve().optional("moduledata", field, 16)
	if !ok {
		return nil
	}
	var vector [16]byte
	if readAt(w.p.mem, field, w.p.module.addr+uint64(off), vector[:]) != nil {
		return nil
	}
	n := uint64(u32(vector[:], 0))
	if n == 0 || n > size/8 || w.budget.take(int64(n/8), "the mask of variables") != nil {
		return nil
	}
	b := make([]byte, (n+7)/8)
	if readAt(w.p.mem, field, u64(vector[:], 8), b) != nil {
		return nil
	}
	return b
}
