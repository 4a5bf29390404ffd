package goproc

import (
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

// errNotReady says that the process runs but its Go runtime has not started.
var errNotReady = fmt.Errorf("the Go runtime has not started yet: %w", sampler.ErrUnsupported)

const (
	maxProcs      = 1 << 16
	maxGoroutines = 1 << 26
	maxSpans      = 1 << 26
	addressBits   = 48
	runtimePage   = 8192
)

// check reads a few of the runtime's figures whose meaning leaves little room, and refuses the process when one of them
// is impossible: better no number than a wrong one.
func (p *program) check() error {
	for _, check := range []func() error{p.checkScheduler, p.checkCollector, p.checkGoroutines, p.checkSpans} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) implausible(what string, v any) error {
	return fmt.Errorf("%s is %v in this %s program, which cannot be: %w", what, v, p.image.version, sampler.ErrUnsupported)
}

func (p *program) checkScheduler() error {
	r := p.resolve()
	gomaxprocs, allp, phase := r.variable("gomaxprocs"), r.variable("allp"), r.variable("gcphase")
	if err := r.err("the scheduler"); err != nil {
		return err
	}
	n, err := readU32(p.mem, "gomaxprocs", gomaxprocs)
	if err != nil {
		return err
	}
	if n == 0 {
		return errNotReady
	}
	var slice [24]byte
	if err := readAt(p.mem, "allp", allp, slice[:]); err != nil {
		return err
	}
	if l := u64(slice[:], 8); n > maxProcs || l < 1 || l > maxProcs || u64(slice[:], 16) < l {
		return p.implausible("runtime.gomaxprocs", n)
	}
	ph, err := readU32(p.mem, "gcphase", phase)
	if err != nil {
		return err
	}
	if ph > 2 {
		return p.implausible("runtime.gcphase", ph)
	}
	return nil
}

func (p *program) checkCollector() error {
	r := p.resolve()
	gc := r.variable("gcController")
	percent, marked, inUse := r.field("gcControllerState", "gcPercent", 4), r.field("gcControllerState", "heapMarked", 8), r.field("gcControllerState", "heapInUse", 8)
	b := make([]byte, r.size("gcControllerState"))
	if err := r.err("the garbage collector"); err != nil {
		return err
	}
	if err := readAt(p.mem, "gcController", gc, b); err != nil {
		return err
	}
	switch m, u := u64(b, marked), u64(b, inUse); {
	case u == 0:
		return errNotReady
	case u>>addressBits != 0 || m > 2*u+64<<20:
		return p.implausible("runtime.gcController.heapMarked", m)
	}
	if g := int32(u32(b, percent)); g < -1 {
		return p.implausible("runtime.gcController.gcPercent", g)
	}
	return nil
}

func (p *program) checkGoroutines() error {
	r := p.resolve()
	length, ptr := r.variable("allglen"), r.variable("allgptr")
	lo, hi, id := r.field("g", "stack.lo", 8), r.field("g", "stack.hi", 8), r.field("g", "goid", 8)
	b := make([]byte, r.size("g"))
	if err := r.err("goroutines"); err != nil {
		return err
	}
	n, err := readU64(p.mem, "allglen", length)
	if err != nil {
		return err
	}
	list, err := readU64(p.mem, "allgptr", ptr)
	if err != nil {
		return err
	}
	if n == 0 || list == 0 {
		return errNotReady
	}
	first, err := readU64(p.mem, "the first goroutine", list)
	if err != nil || n > maxGoroutines {
		return p.implausible("runtime.allglen", n)
	}
	if err := readAt(p.mem, "the first goroutine", first, b); err != nil {
		return err
	}
	if u64(b, lo) > u64(b, hi) || u64(b, id)>>addressBits != 0 {
		return p.implausible("the first goroutine's stack", fmt.Sprintf("%#x to %#x", u64(b, lo), u64(b, hi)))
	}
	return nil
}

func (p *program) checkSpans() error {
	r := p.resolve()
	heap, list := r.variable("mheap_"), r.field("mheap", "allspans", 24)
	start, pages, state := r.field("mspan", "startAddr", 8), r.field("mspan", "npages", 8), r.field("mspan", "state", 1)
	b := make([]byte, r.size("mspan"))
	if err := r.err("the heap"); err != nil {
		return err
	}
	var slice [24]byte
	if err := readAt(p.mem, "allspans", heap+uint64(list), slice[:]); err != nil {
		return err
	}
	n := u64(slice[:], 8)
	if n == 0 {
		return errNotReady
	}
	if n > maxSpans || u64(slice[:], 16) < n {
		return p.implausible("the length of runtime.mheap_.allspans", n)
	}
	first, err := readU64(p.mem, "the first span", u64(slice[:], 0))
	if err != nil {
		return err
	}
	if err := readAt(p.mem, "the first span", first, b); err != nil {
		return err
	}
	if u64(b, start)%runtimePage != 0 || u64(b, pages)>>addressBits != 0 || b[state] > 2 {
		return p.implausible("the first span's address", fmt.Sprintf("%#x", u64(b, start)))
	}
	return nil
}
