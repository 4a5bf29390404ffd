package goproc

import (
	"fmt"
	"sort"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	pclntabMagic = 0xfffffff1 // Go 1.20 and later
	funcSize     = 44         // of a _func without its data
	maxFuncs     = 1 << 24
	maxSteps     = 1 << 20 // entries of one pc-value table

	funcdataInlineTree = 3
	pcdataInlineIndex  = 2
	inlinedCallSize    = 16
)

// functions reads the runtime's function table from the executable: names, files, lines, frame sizes and inlining by
// program counter. Program counters are the process's.
type functions struct {
	tab    *section
	quant  uint64 // smallest instruction: 1 on amd64, 4 on arm64
	count  int
	text   uint64 // where code starts in the process
	gofunc uint64 // where function data starts in the file

	names, cus, files, pcs, funcs uint64 // offsets in tab

	code func(addr uint64, n int) []byte // the file at one of its own addresses
}

// function is one entry of the table.
type function struct {
	entry, end uint64
	off        uint64 // of its _func in the table
	raw        [funcSize]byte
}

func (f *function) u32(off int) uint32 { return u32(f.raw[:], off) }

func newFunctions(im *image) (*functions, error) {
	head := im.pclntab.from(0, 72)
	if head == nil || u32(head, 0) != pclntabMagic || head[7] != 8 {
		return nil, fmt.Errorf("the function table is not one of Go 1.20 or later: %w", sampler.ErrUnsupported)
	}
	word := func(i int) uint64 { return u64(head, 8+8*i) }
	t := &functions{tab: im.pclntab, quant: uint64(head[6]), names: word(3), cus: word(4), files: word(5), pcs: word(6),
		funcs: word(7), code: im.bytes}
	if n := word(0); n > 0 && n <= maxFuncs {
		t.count = int(n)
	}
	if t.count == 0 || t.quant == 0 || t.funcs > t.tab.size || t.tab.size-t.funcs < uint64(t.count)*8+4 {
		return nil, fmt.Errorf("the function table is cut off: %w", sampler.ErrUnsupported)
	}
	return t, nil
}

// entryOf returns the offset of the i-th function from the start of the code.
func (t *functions) entryOf(i int) uint64 {
	v, _ := t.tab.u32(t.funcs + uint64(i)*8)
	return uint64(v)
}

func (t *functions) at(i int) (f function, ok bool) {
	b := t.tab.from(t.funcs+uint64(i)*8, 12)
	if b == nil {
		return f, false
	}
	f.entry, f.end, f.off = t.text+uint64(u32(b, 0)), t.text+uint64(u32(b, 8)), t.funcs+uint64(u32(b, 4))
	raw := t.tab.from(f.off, funcSize)
	if raw == nil {
		return f, false
	}
	copy(f.raw[:], raw)
	return f, true
}

// find returns the function that pc is in.
func (t *functions) find(pc uint64) (f function, ok bool) {
	if pc < t.text {
		return f, false
	}
	rel := pc - t.text
	i := sort.Search(t.count, func(i int) bool { return t.entryOf(i) > rel }) - 1
	if i < 0 {
		return f, false
	}
	f, ok = t.at(i)
	return f, ok && pc < f.end
}

func (t *functions) name(f *function) string { return t.nameAt(f.u32(4)) }

func (t *functions) nameAt(off uint32) string { return string(t.tab.text(t.names + uint64(off))) }

func (t *functions) file(f *function, number int32) string {
	if number < 0 {
		return ""
	}
	off, ok := t.tab.u32(t.cus + (uint64(f.u32(32))+uint64(number))*4)
	if !ok || off == ^uint32(0) {
		return ""
	}
	return string(t.tab.text(t.files + uint64(off)))
}

// value looks pc up in one of the function's pc-value tables; -1 means none.
func (t *functions) value(table uint32, f *function, pc uint64) int32 {
	if table == 0 {
		return -1
	}
	c := cursor{s: t.tab, off: t.pcs + uint64(table)}
	value, at := int32(-1), f.entry
	for step := range maxSteps {
		delta, ok := c.varint()
		if !ok || delta == 0 && step > 0 {
			break
		}
		value += int32(delta>>1) ^ -int32(delta&1)
		advance, ok := c.varint()
		if !ok {
			break
		}
		if at += uint64(advance) * t.quant; pc < at {
			return value
		}
	}
	return -1
}

// cursor reads a section byte by byte.
type cursor struct {
	s   *section
	off uint64
	b   []byte
}

func (c *cursor) byte() (byte, bool) {
	if len(c.b) == 0 {
		c.b = c.s.upTo(c.off, int(pageSize-c.off&(pageSize-1)))
		if len(c.b) == 0 {
			return 0, false
		}
		c.off += uint64(len(c.b))
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v, true
}

func (c *cursor) varint() (v uint32, ok bool) {
	for shift := 0; shift < 35; shift += 7 {
		b, ok := c.byte()
		if !ok {
			return 0, false
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v, true
		}
	}
	return 0, false
}

// each calls f for every function, in the order of their addresses, until it returns false.
func (t *functions) each(f func(name []byte, entry, end uint64) bool) {
	for i := range t.count {
		fn, ok := t.at(i)
		if !ok || !f(t.tab.text(t.names+uint64(fn.u32(4))), fn.entry, fn.end) {
			return
		}
	}
}
