package goproc

// unwinder walks stacks with the frame sizes of the function table, as the runtime does. It needs no frame pointers.
type unwinder struct {
	symbols *symbolizer
	link    bool // the architecture keeps the return address in a register, and saves it at the bottom of a frame
	pcs     []uint64
}

func newUnwinder(p *program) unwinder {
	return unwinder{symbols: p.symbols, link: p.image.arch == "arm64", pcs: make([]uint64, 0, maxFrames)}
}

// unwind returns the program counters of the frames, innermost first, without runtime.goexit. stack begins at the
// goroutine's stack pointer. whole says whether the outermost frame was reached. The next call overwrites the result.
func (u *unwinder) unwind(g *goroutine, stack []byte) (pcs []uint64, whole bool) {
	u.pcs = u.pcs[:0]
	pc, lr, off := g.pc, g.lr, uint64(0)
	for len(u.pcs) < maxFrames {
		d := u.symbols.delta(pc)
		if d == outermost {
			return u.pcs, true
		}
		if d < 0 {
			return u.pcs, false
		}
		u.pcs = append(u.pcs, pc)
		var ok bool
		if pc, ok = u.caller(stack, &off, uint64(d), lr); !ok || pc == 0 {
			return u.pcs, false
		}
		lr = 0
	}
	return u.pcs, false
}

// caller returns the return address of the frame whose stack pointer is at off, and moves off to the caller's.
func (u *unwinder) caller(stack []byte, off *uint64, delta, lr uint64) (pc uint64, ok bool) {
	at := *off + delta // where the return address is on amd64
	next := at + 8
	if u.link {
		if delta == 0 { // the frame is not set up, the address is still in its register
			return lr, lr != 0
		}
		at, next = *off, *off+delta
	}
	if uint64(len(stack)) < 8 || at > uint64(len(stack))-8 {
		return 0, false
	}
	*off = next
	return u64(stack, int(at)), true
}
