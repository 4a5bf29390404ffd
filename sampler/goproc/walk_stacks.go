package goproc

import (
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	stackTries  = 3
	stackPause  = time.Millisecond
	stackBatch  = 256
	stackBuffer = 1 << 20 // bytes of stacks that are read together
	walkFrames  = 1 << 16 // frames of one stack that are told apart
)

// frameKey is a program counter on the stacks of the goroutines that one function started.
type frameKey struct{ start, pc uint64 }

// stackReader turns the stacks of goroutines into roots.
type stackReader struct {
	w      *walker
	all    *goroutineReader
	gs     scatter
	groups map[uint64]uint32   // by start function
	frames map[frameKey]uint32 // by start function and program counter
	parts  map[frameKey]uint32 // by start function and function
	maps   map[uint64]*frameMap
	buf    []byte
	later  []uint64
	moved  int // goroutines that changed during every attempt to read them
	cut    int // stacks that could not be read
}

// readStacks reads the stacks of all goroutines from the stack pointer up.
func (w *walker) readStacks() error {
	r := &stackReader{w: w, all: w.goroutines, gs: scatter{size: w.goroutines.o.size}, groups: map[uint64]uint32{}, frames: map[frameKey]uint32{},
		parts: map[frameKey]uint32{}, maps: map[uint64]*frameMap{}, buf: make([]byte, stackBuffer)}
	if err := r.all.list(); err != nil {
		return err
	}
	addrs := r.all.addrs
	for from := 0; from < len(addrs); from += stackBatch {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := r.batch(addrs[from:min(from+stackBatch, len(addrs))]); err != nil {
			return err
		}
	}
	if err := r.readLater(); err != nil {
		return err
	}
	if r.moved > 0 {
		w.warnings = append(w.warnings, fmt.Errorf("%d of %d goroutines ran while they were read: what only they hold can be missing", r.moved, len(addrs)))
	}
	if r.cut > 0 {
		w.warnings = append(w.warnings, fmt.Errorf("%d of %d stacks could not be read: what only they hold looks like garbage", r.cut, len(addrs)))
	}
	return nil
}

// batch reads the stacks of a few goroutines; those that run are left for later.
func (r *stackReader) batch(addrs []uint64) error {
	stacks, err := r.load(addrs)
	if err != nil {
		return err
	}
	again, err := r.readAll(stacks, false)
	r.later = append(r.later, again...)
	return err
}

// readLater reads the goroutines that ran when it was their turn, in the hope that they wait by now: of one that waits
// it is known how much of its stack is in use. It keeps trying for a few milliseconds.
func (r *stackReader) readLater() error {
	addrs := r.later
	for try := 1; len(addrs) > 0; try++ {
		select {
		case <-r.w.ctx.Done():
			return r.w.ctx.Err()
		case <-time.After(stackPause):
		}
		var still []uint64
		for from := 0; from < len(addrs); from += stackBatch {
			stacks, err := r.load(addrs[from:min(from+stackBatch, len(addrs))])
			if err != nil {
				return err
			}
			again, err := r.readAll(stacks, try == stackTries)
			if err != nil {
				return err
			}
			still = append(still, again...)
		}
		addrs = still
	}
	return nil
}

// load reads the descriptions of goroutines. The dead have no stack.
func (r *stackReader) load(addrs []uint64) ([]goroutine, error) {
	if err := r.gs.load(r.w.p.mem, addrs); err != nil {
		return nil, err
	}
	stacks := make([]goroutine, 0, len(addrs))
	for i, a := range addrs {
		b := r.gs.at(i)
		if b == nil {
			r.cut++
			continue
		}
		r.w.read += int64(len(b))
		if g, ok := r.decode(a, b); ok {
			stacks = append(stacks, g)
		}
	}
	return stacks, nil
}

// decode returns a goroutine that has a stack. How much of it one uses that runs is not known: all of it, from below.
func (r *stackReader) decode(addr uint64, b []byte) (g goroutine, ok bool) {
	g = r.all.decode(addr, b)
	if g.status == gIdle || g.status == gDead || g.status == gDeadExtra || g.hi <= g.lo || g.hi-g.lo > maxStack {
		return g, false
	}
	if !g.stopped() {
		g.sp, g.pc, g.lr, g.waitSince = g.lo, 0, 0, 0
	}
	return g, true
}

// readAll reads the stacks, as many together as the buffer holds, and returns those goroutines that ran meanwhile. The
// last time they are taken as they are.
func (r *stackReader) readAll(stacks []goroutine, last bool) (again []uint64, err error) {
	var reqs []request
	begin, used := 0, 0
	for i := 0; i <= len(stacks); i++ {
		size := 0
		if i < len(stacks) {
			size = int(min(stacks[i].hi-stacks[i].sp, stackBuffer))
		}
		if i == len(stacks) || used+size > stackBuffer {
			if again, err = r.readSome(stacks[begin:i], reqs, again, last); err != nil {
				return nil, err
			}
			begin, used, reqs = i, 0, reqs[:0]
		}
		if i < len(stacks) {
			reqs = append(reqs, request{addr: stacks[i].sp, buf: r.buf[used : used+size]})
			used += size
		}
	}
	return again, nil
}

func (r *stackReader) readSome(stacks []goroutine, reqs []request, again []uint64, last bool) ([]uint64, error) {
	if len(stacks) == 0 {
		return again, nil
	}
	if err := r.w.p.mem.read(reqs); err != nil {
		return nil, err
	}
	addrs := make([]uint64, len(stacks))
	for i := range stacks {
		addrs[i] = stacks[i].addr
	}
	if err := r.gs.load(r.w.p.mem, addrs); err != nil {
		return nil, err
	}
	for i := range stacks {
		s, b := &stacks[i], r.gs.at(i)
		now, ok := goroutine{}, false
		if b != nil {
			now, ok = r.decode(s.addr, b)
		}
		if !ok && b != nil {
			continue // it has ended
		}
		if !last && (!s.same(&now) || s.pc == 0) {
			again = append(again, s.addr)
			continue
		}
		if !s.same(&now) {
			r.moved++
		}
		if !reqs[i].ok {
			r.cut++
			reqs[i].buf = nil
		}
		if err := r.take(s, b, reqs[i].buf); err != nil {
			return nil, err
		}
	}
	return again, nil
}

// take makes roots of a goroutine: of each frame of its stack, and of its description, which has its deferred calls. The
// description lies on the heap too, where the list of all goroutines holds it; its pointers are the goroutine's.
func (r *stackReader) take(s *goroutine, g, stack []byte) error {
	w := r.w
	w.read += int64(len(stack))
	group, err := r.group(s.startPC)
	if err != nil {
		return err
	}
	w.graph.roots[group].count++
	if slot, ok := w.heap.find(s.addr); ok {
		w.stackOwned.add(slot)
	}
	rest, err := r.part(frameKey{s.startPC, 0}, group)
	if err != nil {
		return err
	}
	if err := w.pointWords(rest, g); err != nil {
		return err
	}
	return r.walkFrames(s, stack, group, rest)
}

// walkFrames goes up the stack frame by frame, as far as the function table leads. What follows belongs to the goroutine
// as a whole.
func (r *stackReader) walkFrames(s *goroutine, stack []byte, group, rest uint32) error {
	un := &r.all.un
	last, pc, lr, at, anywhere := uint64(0), s.pc, s.lr, uint64(0), false
	for range walkFrames {
		d := un.symbols.delta(pc)
		if pc != 0 && d == outermost {
			return nil
		}
		if pc == 0 || d < 0 {
			break
		}
		end := at
		next, ok := un.caller(stack, &end, uint64(d), lr)
		if !ok || end < at || end > uint64(len(stack)) {
			break
		}
		root, err := r.frameRoot(s.startPC, pc, group)
		if err != nil {
			return err
		}
		m := r.frameMapAt(pc)
		if m.entry == s.startPC {
			r.w.graph.roots[group].inner = last
		}
		if err := r.takeFrame(root, stack, int(at), int(end), int(d), m, anywhere); err != nil {
			return err
		}
		anywhere = m.interrupt
		last, pc, lr, at = pc, next, 0, end
	}
	if err := r.w.pointWords(rest, stack[at:]); err != nil {
		return err
	}
	return r.above(s, stack, rest)
}

// above reads what of a large stack did not fit the buffer.
func (r *stackReader) above(s *goroutine, stack []byte, rest uint32) error {
	if len(stack) < stackBuffer {
		return nil
	}
	buf := make([]byte, pieceSize)
	for at := s.sp + uint64(len(stack)); at < s.hi; at += uint64(len(buf)) {
		piece := buf[:min(uint64(len(buf)), s.hi-at)]
		if err := r.w.ctx.Err(); err != nil {
			return err
		}
		err := readAt(r.w.p.mem, "a stack", at, piece)
		if torn := new(errUnreadable); errors.As(err, &torn) {
			r.cut++
			return nil
		}
		if err != nil {
			return err
		}
		r.w.read += int64(len(piece))
		if err := r.w.pointWords(rest, piece); err != nil {
			return err
		}
	}
	return nil
}

// group returns the root of all goroutines that a function started.
func (r *stackReader) group(start uint64) (uint32, error) {
	if n, ok := r.groups[start]; ok {
		return n, nil
	}
	n, err := r.w.newRoot(walkRoot{kind: sampler.RootGoroutine, group: noGroup, addr: start})
	r.groups[start] = n
	return n, err
}

// part returns the root of a function's frames on those goroutines; function 0 stands for the rest.
func (r *stackReader) part(key frameKey, group uint32) (uint32, error) {
	if n, ok := r.parts[key]; ok {
		return n, nil
	}
	n, err := r.w.newRoot(walkRoot{kind: sampler.RootGoroutine, group: int32(group), addr: key.pc})
	if err != nil {
		return 0, err
	}
	r.parts[key] = n
	return n, r.w.point(group, r.w.heap.slots+n)
}

func (r *stackReader) frameRoot(start, pc uint64, group uint32) (uint32, error) {
	key := frameKey{start, pc}
	if n, ok := r.frames[key]; ok {
		return n, nil
	}
	entry := uint64(0)
	if f, ok := r.w.p.funcs.find(pc); ok {
		entry = f.entry
	}
	n, err := r.part(frameKey{start, entry}, group)
	if err == nil {
		err = r.w.budget.take(rootCost, "the frames of stacks")
	}
	r.frames[key] = n
	return n, err
}
