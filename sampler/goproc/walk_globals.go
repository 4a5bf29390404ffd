package goproc

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

const maxVariables = 1 << 34 // bytes of a program's variables

// globalSymbol is a variable in the symbol table, at its address in the process.
type globalSymbol struct {
	addr, size uint64
	name       uint32
}

// globals is the variables that may have pointers in them, in the order of their addresses.
type globals struct {
	list  []globalSymbol
	names *section
}

// readGlobals reads the variables that may have pointers in them. Each is a root of its own; in a stripped program,
// where it is not known where one ends, each word is.
func (w *walker) readGlobals() error {
	var err error
	if w.globals, err = w.findGlobals(); err != nil {
		return err
	}
	m := &w.p.module
	for _, part := range []struct {
		from, to uint64
		mask     string
	}{{m.data, m.edata, "gcdatamask"}, {m.bss, m.ebss, "gcbssmask"}} {
		if part.to < part.from || part.to-part.from > maxVariables {
			return w.p.implausible("the size of its variables", part.to-part.from)
		}
		if err := w.readVariables(part.from, part.to, w.globalMask(part.mask, part.to-part.from)); err != nil {
			return err
		}
	}
	return nil
}

// readVariables reads the variables from one address to another; the mask says which words are pointers, nil that all
// may be.
func (w *walker) readVariables(from, to uint64, mask []byte) error {
	buf := make([]byte, min(pieceSize, to-from))
	at := globalCursor{w: w, word: ^uint64(0), mask: mask, begin: from}
	for ; from < to; from += uint64(len(buf)) {
		piece := buf[:min(uint64(len(buf)), to-from)]
		if err := w.ctx.Err(); err != nil {
			return err
		}
		err := readAt(w.p.mem, "variables", from, piece)
		if torn := new(errUnreadable); errors.As(err, &torn) {
			w.warnings = append(w.warnings, fmt.Errorf("%d bytes of variables could not be read: what only they hold looks like garbage: %w", to-from, err))
			return nil
		}
		if err != nil {
			return err
		}
		w.read += int64(len(piece))
		if err := at.take(piece, from); err != nil {
			return err
		}
	}
	return nil
}

// globalCursor goes through the variables together with their words.
type globalCursor struct {
	w    *walker
	next int // the first variable that ends behind the last word
	last uint32
	word uint64 // where the last root begins

	begin uint64 // of the variables
	mask  []byte
}

// take adds an edge for each word of a piece of the variables that points to an object.
func (c *globalCursor) take(piece []byte, addr uint64) error {
	for i := 0; i+8 <= len(piece); i += 8 {
		if !c.pointer(addr + uint64(i)) {
			continue
		}
		slot, ok := c.w.heap.find(u64(piece, i))
		if !ok {
			continue
		}
		root, err := c.root(addr + uint64(i))
		if err != nil {
			return err
		}
		if err := c.w.point(root, slot); err != nil {
			return err
		}
	}
	return nil
}

// pointer says whether the word at an address can be a pointer.
func (c *globalCursor) pointer(addr uint64) bool {
	word := (addr - c.begin) / 8
	return c.mask == nil || word/8 < uint64(len(c.mask)) && c.mask[word/8]&(1<<(word%8)) != 0
}

// root returns the root for the word at an address. Addresses ascend.
func (c *globalCursor) root(addr uint64) (uint32, error) {
	list := c.w.globals.list
	for c.next < len(list) && list[c.next].addr+list[c.next].size <= addr {
		c.next++
	}
	r := walkRoot{kind: sampler.RootGlobal, group: noGroup, addr: addr, size: 8}
	if c.next < len(list) && list[c.next].addr <= addr {
		s := list[c.next]
		if c.word == s.addr {
			return c.last, nil
		}
		r.addr, r.size, r.name = s.addr, s.size, s.name
	}
	n, err := c.w.newRoot(r)
	c.last, c.word = n, r.addr
	return n, err
}

// findGlobals reads the symbol table; there are no globals when the executable is stripped.
func (w *walker) findGlobals() (globals, error) {
	im, m := w.p.image, &w.p.module
	tab := im.elf.SectionByType(elf.SHT_SYMTAB)
	if tab == nil || int(tab.Link) >= len(im.elf.Sections) {
		return globals{}, nil
	}
	syms, names := newSection(tab), newSection(im.elf.Sections[tab.Link])
	if syms == nil || names == nil {
		return globals{}, nil
	}
	g := globals{names: names}
	for i := range min(syms.size/symbolSize, maxSymbols) {
		b := syms.from(i*symbolSize, symbolSize)
		if b == nil {
			break
		}
		s := globalSymbol{addr: u64(b, 8) + w.p.slide, size: u64(b, 16), name: u32(b, 0)}
		in := s.addr >= m.data && s.addr < m.edata || s.addr >= m.bss && s.addr < m.ebss
		if !in || s.size == 0 || s.size > maxVariables || elf.SymType(b[4]&0xf) != elf.STT_OBJECT {
			continue
		}
		if len(g.list)%batch == 0 {
			if err := w.budget.take(2*24*batch, "the names of variables"); err != nil {
				return globals{}, err
			}
		}
		g.list = append(g.list, s)
	}
	slices.SortFunc(g.list, func(a, b globalSymbol) int { return cmp.Compare(a.addr, b.addr) })
	return g, nil
}

// globalName returns the name of a variable, or where it lies.
func (w *walker) globalName(r *walkRoot) string {
	if r.name != 0 {
		if name := w.globals.names.text(uint64(r.name)); len(name) > 0 {
			return string(name)
		}
	}
	addr := r.addr - w.p.slide
	for _, s := range w.p.image.elf.Sections {
		if s.Flags&elf.SHF_ALLOC != 0 && s.Addr != 0 && addr >= s.Addr && addr-s.Addr < s.Size {
			return fmt.Sprintf("%s+%#x", s.Name, addr-s.Addr)
		}
	}
	return fmt.Sprintf("%#x", addr)
}
