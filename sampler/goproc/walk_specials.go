package goproc

import (
	"errors"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	specialWords = 4       // words behind a special's head that can point to the heap
	specialsEach = 16      // specials that one object can have
	sampleCost   = 2 * 8   // bytes that a sample takes while the list grows
	finalizer25  = 2       // the kind of a finalizer from Go 1.25
	finalizer20  = 1       // and before
	moreSamples  = 1 << 10 // samples that are accounted for together
)

// heapSample is an object that the runtime's heap profile has sampled, and its allocation site.
type heapSample struct {
	slot uint32
	site uint32 // index of the bucket
}

// specialOffsets is where the runtime notes what is special about an object.
type specialOffsets struct {
	head, next, offset, offsetWidth, kind, bucket int
}

func resolveSpecials(r *resolver) specialOffsets {
	o := specialOffsets{head: r.size("special"), next: r.field("special", "next", 8), offset: r.field("special", "offset", 2),
		offsetWidth: r.width("special", "offset"), kind: r.field("special", "kind", 1), bucket: r.field("specialprofile", "b", 8)}
	if o.bucket+8 > o.head+8*specialWords {
		r.missing = append(r.missing, "runtime.specialprofile.b")
	}
	return o
}

// readSpecials goes through what is special about objects: those that the heap profile sampled, and those with a
// finalizer or a cleanup, whose function is a root.
func (w *walker) readSpecials() error {
	n, err := w.newRoot(walkRoot{kind: sampler.RootFinalizer, group: noGroup})
	if err != nil {
		return err
	}
	w.finalizers = n
	blocks := blockReader{mem: w.p.mem}
	for i := range w.heap.spans {
		s := &w.heap.spans[i]
		if s.specials == 0 {
			continue
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		err := w.spanSpecials(s, &blocks)
		if torn := new(errUnreadable); errors.As(err, &torn) {
			w.heap.torn++
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) spanSpecials(s *heapSpan, blocks *blockReader) error {
	o := &w.o.special
	limit := uint64(s.n) * specialsEach
	for a, n := s.specials, uint64(0); a != 0 && n < limit; n++ {
		b, err := blocks.read("what is special about an object", a, o.head+8*specialWords)
		if err != nil {
			return err
		}
		a = u64(b, o.next)
		if err := w.takeSpecial(s, b); err != nil {
			return err
		}
	}
	return nil
}

// takeSpecial keeps one thing that is special about an object of a span.
func (w *walker) takeSpecial(s *heapSpan, b []byte) error {
	o := &w.o.special
	off := uint64(u16(b, o.offset))
	if o.offsetWidth >= 8 {
		off = u64(b, o.offset)
	}
	if off >= s.pages<<runtimePages {
		return nil
	}
	k := s.index(s.base + off)
	if k >= s.n {
		return nil
	}
	if site, ok := w.sites[u64(b, o.bucket)]; ok {
		return w.addSample(heapSample{s.slot + k, site})
	}
	if b[o.kind] == w.o.finalizer {
		if err := w.budget.take(8, "the objects with a finalizer"); err != nil {
			return err
		}
		w.pending = append(w.pending, s.slot+k)
	}
	return w.pointWords(w.finalizers, b[o.head:])
}

func (w *walker) addSample(x heapSample) error {
	if len(w.samples)%moreSamples == 0 {
		if err := w.budget.take(sampleCost*moreSamples, "the sampled objects"); err != nil {
			return err
		}
	}
	w.samples = append(w.samples, x)
	return nil
}
