package goproc

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	maxWays   = 1 << 18 // different ways to be held that are told apart
	maxPaths  = 16      // paths that are shown for a site, of
	mostPaths = 64      // that are looked at: those that read alike are one
	pathSteps = 24      // steps that are shown of a path
	maxListed = 100     // roots that are listed
	wayCost   = 128     // bytes that a way takes
)

// way is how an object is held: what it is, and the way in which what points to it is held. Objects of one size and type
// that are held in the same way have one way in common, and so have all that follow each other in a list of their kind.
type way struct {
	from   uint32 // the way of what points to it; 0 for what a root points to
	root   uint32 // 1 + the root, where from is 0
	typ    uint32
	noscan bool
	chain  bool
	size   uint64
}

// ways numbers the ways. Number 0 is no way, and otherWays stands for all that were too many.
type ways struct {
	of   []uint32 // for each slot whose way was asked for
	ids  map[way]uint32
	list []way
}

const otherWays = 1

// heldKey is objects of one site that are held in one way by the same roots.
type heldKey struct {
	site, way uint32
	set       int32
}

type heldCount struct {
	samples        int
	objects, bytes float64
	slot           uint32 // one of them
}

// siteSum is what was found of one allocation site.
type siteSum struct {
	bucket         uint32
	samples, dead  int
	objects, bytes float64
	paths          map[heldKey]*heldCount
}

// result puts together what the walk has found.
func (w *walker) result() (sampler.HeapWalk, error) {
	out := sampler.HeapWalk{Objects: w.reach.objects, Reached: w.reach.bytes, Marked: sampler.Known(float64(w.marked)), Read: w.read}
	w.listRoots(&out)
	if err := w.listSites(&out); err != nil {
		return out, err
	}
	out.Warnings = w.warnings
	return out, nil
}

// listRoots tells what each root keeps alive alone.
func (w *walker) listRoots(out *sampler.HeapWalk) {
	k := &w.kept
	for v := 1; v < len(k.node); v++ {
		if k.top[v] != uint32(v) {
			continue
		}
		if !w.isRoot(k.node[v]) {
			out.Shared += k.bytes[v]
		} else if k.bytes[v] > 0 {
			out.Roots = append(out.Roots, sampler.HeldRoot{Retained: k.bytes[v], HoldRoot: sampler.HoldRoot{Goroutines: int(k.node[v] - w.heap.slots)}})
		}
	}
	slices.SortFunc(out.Roots, func(a, b sampler.HeldRoot) int {
		return cmp.Or(cmp.Compare(b.Retained, a.Retained), cmp.Compare(a.Goroutines, b.Goroutines))
	})
	out.Roots = out.Roots[:min(len(out.Roots), maxListed)]
	for i := range out.Roots { // only those that are listed need a name
		out.Roots[i].HoldRoot = w.rootName(uint32(out.Roots[i].Goroutines))
	}
}

// rootName names a root, or the group that it is part of.
func (w *walker) rootName(i uint32) sampler.HoldRoot {
	r := &w.graph.roots[i]
	if r.group != noGroup {
		r = &w.graph.roots[r.group]
	}
	out := sampler.HoldRoot{Kind: r.kind}
	switch r.kind {
	case sampler.RootGlobal:
		out.Name = w.globalName(r)
	case sampler.RootGoroutine:
		out.Name, out.Goroutines = w.p.symbols.name(r.addr), r.count
		if inner := w.p.symbols.name(r.inner); inner != "" && w.wrapped(r.addr) {
			out.Name = inner
		}
	}
	return out
}

// wrapped says whether the function at an address was made by the compiler, for a go statement with arguments.
func (w *walker) wrapped(addr uint64) bool {
	f := w.p.symbols.expand(addr)
	return len(f) > 0 && (f[len(f)-1].wrapper || strings.Contains(f[len(f)-1].Function, ".gowrap"))
}

// function names the function whose frame is a root, "" for other roots.
func (w *walker) function(i uint32) string {
	r := &w.graph.roots[i]
	if r.kind != sampler.RootGoroutine || r.group == noGroup || r.addr == 0 {
		return ""
	}
	return w.p.symbols.name(r.addr)
}

// listSites tells for each allocation site who holds its sampled objects.
func (w *walker) listSites(out *sampler.HeapWalk) error {
	if len(w.samples) == 0 {
		return nil
	}
	if err := w.budget.take(4*int64(w.heap.slots), "the ways in which objects are held"); err != nil {
		return err
	}
	w.ways = ways{of: make([]uint32, w.heap.slots), ids: map[way]uint32{}, list: make([]way, 2)}
	var err error
	if w.sharing, err = newSharing(w); err != nil {
		return err
	}
	sums, err := w.sumSites()
	if err != nil {
		return err
	}
	for _, s := range sums {
		site := sampler.HeldSite{Stack: w.stack(s.bucket), Samples: s.samples, Dead: s.dead, Objects: round(s.objects), Bytes: int64(math.Round(s.bytes))}
		if site.Paths, err = w.paths(s); err != nil {
			return err
		}
		out.Sites = append(out.Sites, site)
	}
	slices.SortStableFunc(out.Sites, func(a, b sampler.HeldSite) int { return cmp.Compare(b.Bytes, a.Bytes) })
	return nil
}

func round(f float64) int { return int(math.Round(f)) }

// largest returns the paths that hold the most bytes, in a certain order.
func largest(paths map[heldKey]*heldCount) []heldKey {
	keys := make([]heldKey, 0, len(paths))
	for k := range paths {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b heldKey) int {
		return cmp.Or(cmp.Compare(paths[b].bytes, paths[a].bytes), cmp.Compare(paths[b].samples, paths[a].samples), cmp.Compare(paths[a].slot, paths[b].slot))
	})
	return keys[:min(len(keys), mostPaths)]
}

// sumSites counts the sampled objects by site, way and roots. Each sample stands for as many objects as runtime/pprof
// takes it for.
func (w *walker) sumSites() ([]*siteSum, error) {
	sites := map[string]*siteSum{} // sites that differ only in the size of the object are one
	byBucket := make([]*siteSum, len(w.buckets))
	var order []*siteSum
	for i, x := range w.samples {
		if i%stepEvery == 0 {
			if err := w.step(stagePaths, float64(i)/float64(len(w.samples))); err != nil {
				return nil, err
			}
		}
		b := &w.buckets[x.site]
		s := byBucket[x.site]
		if s == nil {
			key := w.stackKey(b.stack)
			if s = sites[key]; s == nil {
				s = &siteSum{bucket: x.site, paths: map[heldKey]*heldCount{}}
				sites[key], order = s, append(order, s)
			}
			byBucket[x.site] = s
		}
		if w.reach.parent[x.slot] == 0 {
			s.dead++
			continue
		}
		weight := 1.0
		if w.rate > 1 && b.size > 0 {
			weight = 1 / (1 - math.Exp(-float64(b.size)/float64(w.rate)))
		}
		if err := w.count(s, x, weight, float64(b.size)*weight); err != nil {
			return nil, err
		}
	}
	return order, nil
}

func (w *walker) count(s *siteSum, x heapSample, objects, bytes float64) error {
	s.samples++
	s.objects += objects
	s.bytes += bytes
	how, err := w.wayOf(x.slot)
	if err != nil {
		return err
	}
	set, err := w.sharing.of(x.slot)
	if err != nil {
		return err
	}
	key := heldKey{x.site, how, set}
	key.site = s.bucket
	c := s.paths[key]
	if c == nil {
		if err := w.budget.take(wayCost, "the paths to sampled objects"); err != nil {
			return err
		}
		c = &heldCount{slot: x.slot}
		s.paths[key] = c
	}
	c.samples++
	c.objects += objects
	c.bytes += bytes
	return nil
}

// wayOf returns the number of the way in which a slot is held.
func (w *walker) wayOf(slot uint32) (uint32, error) {
	t := &w.ways
	w.climb = w.climb[:0]
	for t.of[slot] == 0 {
		w.climb = append(w.climb, slot)
		p := w.reach.parent[slot] - 1
		if w.isRoot(p) {
			break
		}
		slot = p
	}
	for i := len(w.climb) - 1; i >= 0; i-- {
		s := w.climb[i]
		n, err := w.newWay(s)
		if err != nil {
			return 0, err
		}
		t.of[s] = n
	}
	if len(w.climb) > 0 {
		return t.of[w.climb[0]], nil
	}
	return t.of[slot], nil
}

// newWay numbers the way of a slot whose holder has one.
func (w *walker) newWay(slot uint32) (uint32, error) {
	t := &w.ways
	s := w.heap.span(slot)
	x := way{size: s.elem, typ: w.typeOf(s, slot), noscan: s.noscan}
	if p := w.reach.parent[slot] - 1; w.isRoot(p) {
		x.root = 1 + p - w.heap.slots
	} else if x.from = t.of[p]; x.from == otherWays {
		return otherWays, nil
	} else if f := t.list[x.from]; f.size == x.size && f.typ == x.typ && f.noscan == x.noscan {
		if f.chain {
			return x.from, nil
		}
		x.from, x.root, x.chain = f.from, f.root, true
	}
	if n, ok := t.ids[x]; ok {
		return n, nil
	}
	if len(t.list) >= maxWays {
		return otherWays, nil
	}
	if err := w.budget.take(wayCost, "the ways in which objects are held"); err != nil {
		return 0, err
	}
	n := uint32(len(t.list))
	t.ids[x], t.list = n, append(t.list, x)
	return n, nil
}

// typeOf returns the number of the type that an object says it has, 0 where objects of its span do not say.
func (w *walker) typeOf(s *heapSpan, slot uint32) uint32 {
	switch {
	case s.types >= 0:
		return w.graph.types[s.types+int(slot-s.slot)]
	case s.largeType != 0:
		return w.typeNumber(s.largeType)
	}
	return 0
}
