package goproc

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// States of a goroutine, as the runtime numbers them in every release; scanBit is set while the collector looks at it.
const (
	gIdle = iota
	gRunnable
	gRunning
	gSyscall
	gWaiting
	_
	gDead
	_
	gCopyStack
	gPreempted
	gLeaked
	gDeadExtra

	scanBit = 0x1000
)

const (
	stackPiece     = 16 << 10 // bytes of a stack that are read with the others
	stackWhole     = 1 << 20  // bytes of one deep stack that are read at most
	maxStack       = 1 << 30
	maxFrames      = 512
	readGoroutines = 1 << 21 // goroutines that are read at most
)

// goroutine is what is read of one. Addresses are the process's.
type goroutine struct {
	addr          uint64
	id            uint64
	status        uint32 // without scanBit
	reason        uint8
	gopc, startPC uint64
	waitSince     int64 // when a collection first saw it waiting, in the target's monotonic nanoseconds; 0 for never
	pc, sp, lr    uint64
	lo, hi        uint64
}

// stopped says whether the goroutine has a stack that can be read now.
func (g *goroutine) stopped() bool {
	switch g.status {
	case gRunnable, gSyscall, gWaiting, gPreempted, gLeaked:
		return g.lo < g.hi && g.hi-g.lo <= maxStack && g.sp >= g.lo && g.sp < g.hi
	}
	return false
}

// dead says whether the struct is one that waits to be used again.
func (g *goroutine) dead() bool {
	return g.status == gDead || g.status == gDeadExtra || g.status == gIdle
}

// same says whether the goroutine has not moved between two readings, so that the stack read between them is whole.
func (g *goroutine) same(h *goroutine) bool {
	return g.id == h.id && g.status == h.status && g.sp == h.sp && g.pc == h.pc && g.lo == h.lo && g.hi == h.hi &&
		(g.waitSince == h.waitSince || g.waitSince == 0) // a collection in between stamps it, which moves nothing
}

type goroutineOffsets struct {
	length, list                                       uint64
	size, status, id, reason, gopc, startPC, waitSince int
	sp, pc, lr, lo, hi, syscallSP, syscallPC           int
	reasons                                            uint64 // 0 where the executable does not tell
}

// goroutineReader reads all goroutines, in batches, so that its memory does not grow with their number.
type goroutineReader struct {
	p           *program
	o           goroutineOffsets
	addressList // the runtime never frees a goroutine's struct
	first       scatter
	second      scatter
	batch       []goroutine
	stacks      []request
	slab        []byte
	moved       []uint64
	reasons     []string
	system      map[uint64]bool // by start function: whether it is the runtime's own
	un          unwinder
	again       goroutine // the one at hand, as it was read the second time
	torn        int
}

func newGoroutineReader(p *program) (*goroutineReader, error) {
	r := p.resolve()
	g := func(name string, width int) int { return r.field("g", name, width) }
	o := goroutineOffsets{length: r.variable("allglen"), list: r.variable("allgptr"), size: r.size("g"),
		status: g("atomicstatus", 4), id: g("goid", 8), reason: g("waitreason", 1), gopc: g("gopc", 8), startPC: g("startpc", 8),
		waitSince: g("waitsince", 8), sp: g("sched.sp", 8), pc: g("sched.pc", 8), lr: g("sched.lr", 8), lo: g("stack.lo", 8),
		hi: g("stack.hi", 8), syscallSP: g("syscallsp", 8), syscallPC: g("syscallpc", 8)}
	if err := r.err("goroutines"); err != nil {
		return nil, err
	}
	o.reasons = p.vars["runtime.waitReasonStrings"].addr
	return &goroutineReader{p: p, o: o, first: scatter{size: o.size}, second: scatter{size: o.size},
		system: map[uint64]bool{}, un: newUnwinder(p)}, nil
}

func (r *goroutineReader) decode(addr uint64, b []byte) goroutine {
	o := &r.o
	g := goroutine{addr: addr, id: u64(b, o.id), status: u32(b, o.status) &^ scanBit, reason: b[o.reason], gopc: u64(b, o.gopc),
		startPC: u64(b, o.startPC), waitSince: i64(b, o.waitSince), sp: u64(b, o.sp), pc: u64(b, o.pc), lr: u64(b, o.lr),
		lo: u64(b, o.lo), hi: u64(b, o.hi)}
	if sp := u64(b, o.syscallSP); g.status == gSyscall && sp != 0 {
		g.sp, g.pc, g.lr = sp, u64(b, o.syscallPC), 0
	}
	return g
}

// addressList is a list of the runtime's, which only ever grows, as far as it was read.
type addressList struct {
	addrs []uint64 // ascending
	known int      // how many of the runtime's list are in addrs
}

// complete tells whether the list holds all that the runtime has. It begins anew when there are fewer: only a torn or
// hostile process forgets one.
func (l *addressList) complete(n int) bool {
	if n < l.known {
		l.addrs, l.known = l.addrs[:0], 0
	}
	return n == l.known
}

// extend reads what the runtime's list at an address has more, n in all.
func (l *addressList) extend(m memory, what string, list uint64, n int) error {
	b := make([]byte, 8*(n-l.known))
	if err := readAt(m, what, list+8*uint64(l.known), b); err != nil {
		return err
	}
	for i := 0; i < len(b); i += 8 {
		l.addrs = append(l.addrs, u64(b, i))
	}
	l.known = n
	slices.Sort(l.addrs)
	return nil
}

// list brings addrs up to date.
func (r *goroutineReader) list() error {
	n, err := readU64(r.p.mem, "allglen", r.o.length)
	if err != nil {
		return err
	}
	if n > readGoroutines {
		return fmt.Errorf("goroutines: %d are more than the %d that are read: %w", n, readGoroutines, sampler.ErrUnsupported)
	}
	if r.complete(int(n)) {
		return nil
	}
	list, err := readU64(r.p.mem, "allgptr", r.o.list)
	if err != nil {
		return err
	}
	return r.extend(r.p.mem, "the list of goroutines", list, int(n))
}

// each calls f for every goroutine that is not dead, with the program counters of its stack, innermost first: none
// where it runs or moved while it was read. f must not keep the stack.
func (r *goroutineReader) each(ctx context.Context, f func(g *goroutine, stack []uint64)) error {
	r.torn = 0
	if err := r.list(); err != nil {
		return err
	}
	for from := 0; from < len(r.addrs); from += batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.part(r.addrs[from:min(from+batch, len(r.addrs))], f); err != nil {
			return err
		}
	}
	return r.p.mem.alive()
}

func (r *goroutineReader) part(addrs []uint64, f func(*goroutine, []uint64)) error {
	if err := r.readStructs(addrs); err != nil {
		return err
	}
	if err := r.readStacks(); err != nil {
		return err
	}
	k := 0
	for i := range r.batch {
		g := &r.batch[i]
		if !g.stopped() {
			f(g, nil)
			continue
		}
		r.judge(g, r.second.at(k), &r.stacks[k], f)
		k++
	}
	return nil
}

func (r *goroutineReader) readStructs(addrs []uint64) error {
	if err := r.first.load(r.p.mem, addrs); err != nil {
		return err
	}
	r.batch = r.batch[:0]
	for i, a := range addrs {
		b := r.first.at(i)
		if b == nil {
			continue
		}
		if g := r.decode(a, b); !g.dead() {
			r.batch = append(r.batch, g)
		}
	}
	return nil
}

// judge decides by the second reading of a goroutine, again, whether the stack that was read between the two is whole.
func (r *goroutineReader) judge(g *goroutine, again []byte, stack *request, f func(*goroutine, []uint64)) {
	if again == nil {
		return
	}
	h := &r.again
	*h = r.decode(g.addr, again)
	switch {
	case h.dead(): // ended meanwhile
	case !stack.ok || !g.same(h):
		r.torn++
		f(h, nil)
	default:
		pcs, whole := r.un.unwind(g, stack.buf)
		cut := !whole && g.hi-g.sp > stackPiece
		if cut {
			pcs = r.deep(g, pcs)
		}
		if !cut && len(pcs) < maxFrames && (!whole || !r.began(g, pcs)) { // it changed and looked the same again
			r.torn++
			pcs = nil
		}
		f(g, pcs)
	}
}

// began says whether the outermost frame of a whole stack lies in the function that the goroutine began with.
func (r *goroutineReader) began(g *goroutine, pcs []uint64) bool {
	if len(pcs) == 0 || g.startPC == 0 {
		return true
	}
	start, ok := r.un.symbols.funcs.find(g.startPC)
	outer := pcs[len(pcs)-1]
	return !ok || outer >= start.entry && outer <= start.end
}

// readStacks reads the stacks of the batch, and after that the goroutines again.
func (r *goroutineReader) readStacks() error {
	r.stacks, r.moved = r.stacks[:0], r.moved[:0]
	total := 0
	for i := range r.batch {
		if g := &r.batch[i]; g.stopped() {
			total += int(min(g.hi-g.sp, stackPiece))
		}
	}
	if cap(r.slab) < total {
		r.slab = make([]byte, total)
	}
	slab := r.slab[:total]
	for i := range r.batch {
		g := &r.batch[i]
		if !g.stopped() {
			continue
		}
		n := int(min(g.hi-g.sp, stackPiece))
		r.stacks = append(r.stacks, request{addr: g.sp, buf: slab[:n:n]})
		r.moved = append(r.moved, g.addr)
		slab = slab[n:]
	}
	if err := r.p.mem.read(r.stacks); err != nil {
		return err
	}
	return r.second.load(r.p.mem, r.moved)
}

// deep reads a stack that is too long for the batch; short is what the batch has shown, and stays when it moves.
func (r *goroutineReader) deep(g *goroutine, short []uint64) []uint64 {
	b := make([]byte, min(g.hi-g.sp, stackWhole))
	again := make([]byte, r.o.size)
	reqs := [2]request{{addr: g.sp, buf: b}, {addr: g.addr, buf: again}}
	if r.p.mem.read(reqs[:]) != nil || !reqs[0].ok || !reqs[1].ok {
		return short
	}
	if h := r.decode(g.addr, again); !g.same(&h) {
		return short
	}
	stack, _ := r.un.unwind(g, b)
	return stack
}

// own says whether a goroutine is the runtime's own, which runtime.NumGoroutine and profiles leave out.
func (r *goroutineReader) own(g *goroutine) bool {
	own, known := r.system[g.startPC]
	if !known {
		name := r.p.symbols.name(g.startPC)
		own = strings.HasPrefix(name, "runtime.") && name != "runtime.main" && name != "runtime.corostart" && name != "runtime.handleAsyncEvent"
		if len(r.system) > maxCached {
			clear(r.system)
		}
		r.system[g.startPC] = own
	}
	return own
}

const maxReasons = 128

// state says what the goroutine does, in the runtime's own words.
func (r *goroutineReader) state(g *goroutine) string {
	switch g.status {
	case gRunnable:
		return "runnable"
	case gRunning:
		return "running"
	case gSyscall:
		return "syscall"
	case gCopyStack:
		return "copystack"
	case gPreempted:
		return "preempted"
	case gLeaked:
		return "leaked"
	}
	if r.reasons == nil {
		r.reasons = r.readReasons()
	}
	if int(g.reason) < len(r.reasons) && r.reasons[g.reason] != "" {
		return r.reasons[g.reason]
	}
	return "waiting"
}

// readReasons reads the runtime's table of words, whose order changes from release to release.
func (r *goroutineReader) readReasons() []string {
	out := make([]string, 0, maxReasons)
	for i := 0; r.o.reasons != 0 && i < maxReasons; i++ {
		var head [16]byte
		if readAt(r.p.mem, "wait reasons", r.o.reasons+16*uint64(i), head[:]) != nil {
			break
		}
		addr, n := u64(head[:], 0), u64(head[:], 8)
		if n > 64 || n == 0 && i > 0 {
			break
		}
		word := make([]byte, n)
		if readAt(r.p.mem, "wait reasons", addr, word) != nil || !printable(word) {
			break
		}
		out = append(out, string(word))
	}
	return out
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
