package goproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

var _ sampler.HeapWalker = (*Session)(nil)

// Walk follows every pointer from the roots of the target's heap: variables, goroutine stacks, finalizers. It does not
// stop the target; it copies the spans that may have pointers in them, and never those without. A pointer is any word
// with the address of an object, so that a number or a stale word in a stack can hold an object by chance.
//
// A heap of 1 GiB with 2 million objects takes about a second. The walk takes, for a time, about 12 bytes for each slot
// of the heap, 4 for each pointer, and 48 for each object that itself has pointers or that several others point to.
// It refuses a heap that would take more than o.MaxMemory before that memory is there.
func (s *Session) Walk(ctx context.Context, o sampler.WalkOptions) (sampler.HeapWalk, error) {
	start := time.Now()
	if err := ctx.Err(); err != nil {
		return sampler.HeapWalk{}, err
	}
	w, err := s.newWalker(ctx, o)
	if err == nil {
		err = w.run()
	}
	var out sampler.HeapWalk
	if err == nil {
		out, err = w.result()
	}
	if err == nil {
		err = s.p.mem.alive()
	}
	if err != nil {
		return sampler.HeapWalk{}, fmt.Errorf("walk the heap: %w", s.failed(err))
	}
	out.Time, out.Took, out.Source = start, time.Since(start), s.Describe().Source
	return out, nil
}

func (s *Session) newWalker(ctx context.Context, o sampler.WalkOptions) (*walker, error) {
	w := &walker{p: s.p, ctx: ctx, budget: budget{limit: o.MaxMemory}, progress: o.Progress}
	if o.MaxMemory <= 0 {
		w.budget.limit = sampler.DefaultWalkMemory
	}
	swapped, err := swappedOut(s.options.Proc, s.target.PID)
	switch {
	case err != nil:
		w.warnings = append(w.warnings, fmt.Errorf("whether the target is swapped out is not known: %w", err))
	case swapped > 0 && !o.Force:
		return nil, fmt.Errorf("%d kB of it are swapped out, and up to all of that would be brought back into memory: %w", swapped>>10, sampler.ErrSwapped)
	}
	if w.o, err = resolveWalk(s.p); err != nil {
		return nil, err
	}
	if s.spans == nil {
		if s.spans, err = newSpanReader(s.p); err != nil {
			return nil, err
		}
	}
	if s.goroutines == nil {
		if s.goroutines, err = newGoroutineReader(s.p); err != nil {
			return nil, err
		}
	}
	w.spans, w.goroutines, w.types = s.spans, s.goroutines, newTypeReader(w)
	return w, w.readSites(s)
}

// readSites makes the allocation sites known by their address. Without any, the walk still tells who holds how much.
func (w *walker) readSites(s *Session) error {
	w.sites = map[uint64]uint32{}
	if s.sites == nil {
		r, err := newSiteReader(s.p)
		if errors.Is(err, sampler.ErrUnsupported) {
			w.warnings = append(w.warnings, err)
			return nil
		}
		if err != nil {
			return err
		}
		s.sites = r
	}
	if err := s.sites.read(w.ctx); err != nil {
		return err
	}
	if s.sites.rate <= 0 {
		w.warnings = append(w.warnings, s.sites.noStacks())
		return nil
	}
	w.buckets, w.rate = s.sites.buckets, s.sites.rate
	for i := range w.buckets {
		w.sites[w.buckets[i].addr] = uint32(i)
	}
	return nil
}

// swappedOut returns how many bytes of a process are swapped out.
func swappedOut(proc string, pid int) (int64, error) {
	path := fmt.Sprintf("%s/%d/status", proc, pid)
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmSwap:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 50)
			if err != nil {
				return 0, fmt.Errorf("read %s: VmSwap: %w", path, err)
			}
			return kb << 10, nil
		}
	}
	return 0, fmt.Errorf("read %s: no VmSwap", path)
}

// walkOffsets is where the walk finds what the other readers do not.
type walkOffsets struct {
	span       spanOffsets
	special    specialOffsets
	heapMarked uint64
	cycles     uint64
	finalizer  byte
}

func resolveWalk(p *program) (walkOffsets, error) {
	r := p.resolve()
	o := walkOffsets{span: resolveSpans(r), special: resolveSpecials(r), finalizer: finalizer25,
		heapMarked: r.variable("gcController") + uint64(r.field("gcControllerState", "heapMarked", 8)),
		cycles:     r.variable("memstats") + uint64(r.field("mstats", "numgc", 4))}
	if p.minor > 0 && p.minor < 25 {
		o.finalizer = finalizer20
	}
	return o, r.err("the heap")
}

// walker walks one heap once.
type walker struct {
	p        *program
	ctx      context.Context
	o        walkOffsets
	budget   budget
	progress func(sampler.WalkProgress)
	told     time.Time
	warnings []error

	heap       heapMap
	graph      walkGraph
	globals    globals
	arenas     arenaMasks
	stackOwned bitset // the descriptions of goroutines, whose pointers belong to the goroutine
	samples    []heapSample
	pending    []uint32 // objects with a finalizer
	finalizers uint32   // the root of all finalizers
	reach      reach
	kept       kept
	ways       ways
	climb      []uint32
	sharing    *sharing
	spans      *spanReader
	goroutines *goroutineReader
	types      *typeReader
	sites      map[uint64]uint32 // index of each allocation site, by its address
	buckets    []bucket
	rate       int64

	lastType                      uint32
	read, unread, scanned, toScan int64 // bytes
	marked                        int64
}

func (w *walker) run() error {
	before, err := readU32(w.p.mem, "the number of collections", w.o.cycles)
	if err != nil {
		return err
	}
	for _, stage := range []func() error{w.readHeap, w.readRoots, w.readObjects, w.markReachable, w.retain} {
		if err := stage(); err != nil {
			return err
		}
	}
	after, err := readU32(w.p.mem, "the number of collections", w.o.cycles)
	if err != nil {
		return err
	}
	marked, err := readU64(w.p.mem, "heapMarked", w.o.heapMarked)
	if err != nil {
		return err
	}
	w.marked = int64(marked)
	if before != after {
		w.warnings = append(w.warnings, fmt.Errorf("%d collections ended during the walk: objects that were freed and made meanwhile are seen in part", after-before))
	}
	if w.unread > 0 {
		w.warnings = append(w.warnings, fmt.Errorf("%d bytes of objects could not be read: what only they hold looks like garbage", w.unread))
	}
	if w.heap.torn > 0 {
		w.warnings = append(w.warnings, fmt.Errorf("%d of %d spans changed while they were read", w.heap.torn, len(w.heap.spans)+w.heap.torn))
	}
	return nil
}

const tellEvery = 50 * time.Millisecond

// stageBegin returns the part of the whole walk at which a stage begins and ends, by experience.
func stageBegin(stage string) (from, to float64) {
	switch stage {
	case stageSpans:
		return 0, 0.05
	case stageRoots:
		return 0.05, 0.1
	case stageObjects:
		return 0.1, 0.5
	case stageFollow:
		return 0.5, 0.6
	case stageRetain:
		return 0.6, 0.95
	}
	return 0.95, 1
}

const (
	stageSpans   = "find the heap's spans"
	stageRoots   = "read variables and stacks"
	stageObjects = "read objects"
	stageFollow  = "follow pointers"
	stageRetain  = "add up who keeps what alive"
	stagePaths   = "find the paths to sampled objects"
)

// step tells how far the walk has come, and ends it when nobody waits for it any more.
func (w *walker) step(stage string, done float64) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.progress == nil {
		return nil
	}
	if now := time.Now(); now.Sub(w.told) >= tellEvery {
		w.told = now
		from, to := stageBegin(stage)
		w.progress(sampler.WalkProgress{Stage: stage, Part: from + (to-from)*min(max(done, 0), 1)})
	}
	return nil
}

// budget bounds the memory of a walk.
type budget struct{ limit, used int64 }

func (b *budget) take(n int64, what string) error {
	if n < 0 || n > b.limit-b.used {
		return fmt.Errorf("%s would take %d MB more than the %d MB that the walk may: %w", what, (n-b.limit+b.used)>>20+1, b.limit>>20, sampler.ErrWalkTooLarge)
	}
	b.used += n
	return nil
}

func (b *budget) give(n int64) { b.used -= n }
