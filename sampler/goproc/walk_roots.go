package goproc

import (
	"fmt"

	"github.com/alloc-dev/heaptop/sampler"
)

const (
	rootCost = 160 // bytes that a root takes, with its entries in the tables that find it
	maxRoots = 1 << 26
	noGroup  = -1
)

// walkRoot is where following pointers begins. A goroutine's frames are roots in the group of all goroutines that were
// started with the same function.
type walkRoot struct {
	kind  sampler.RootKind
	group int32  // the root this one is a part of, noGroup for a root of its own
	addr  uint64 // of the variable, of the function that started the goroutines, or of the frame's function
	size  uint64 // of the variable
	name  uint32 // of the variable, in the symbol table's strings; 0 where it has none
	count int    // goroutines
	inner uint64 // a program counter in what the start function has called, where it is on a stack
}

// rootPointer is a pointer from a root to a slot, or from a group to the number of a root that is part of it.
type rootPointer struct{ root, to uint32 }

func (w *walker) newRoot(r walkRoot) (uint32, error) {
	n := len(w.graph.roots)
	if n >= maxRoots {
		return 0, fmt.Errorf("the program has more than %d roots: %w", maxRoots, sampler.ErrWalkTooLarge)
	}
	if err := w.budget.take(rootCost, "the roots"); err != nil {
		return 0, err
	}
	w.graph.roots = append(w.graph.roots, r)
	return uint32(n), nil
}

// point adds an edge from a root.
func (w *walker) point(root, to uint32) error {
	p := w.graph.pointers
	if n := len(p); n > 0 && p[n-1] == (rootPointer{root, to}) {
		return nil
	}
	if len(p) == cap(p) {
		more := max(1024, len(p)/2)
		if err := w.budget.take(12*int64(more), "the roots' pointers"); err != nil {
			return err
		}
		w.graph.pointers = append(make([]rootPointer, 0, len(p)+more), p...)
	}
	w.graph.pointers = append(w.graph.pointers, rootPointer{root, to})
	return nil
}

// pointWords adds an edge from a root for each word that points to an object.
func (w *walker) pointWords(root uint32, b []byte) error {
	for ; len(b) >= 8; b = b[8:] {
		if slot, ok := w.heap.find(u64(b, 0)); ok {
			if err := w.point(root, slot); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRoots reads the variables, the goroutines' stacks, and what the spans say of their objects besides.
func (w *walker) readRoots() error {
	if err := w.step(stageRoots, 0); err != nil {
		return err
	}
	if err := w.budget.take(int64(w.heap.slots)/8, "the goroutines' objects"); err != nil {
		return err
	}
	w.stackOwned = newBitset(w.heap.slots)
	for _, read := range []func() error{w.readGlobals, w.readStacks, w.readSpecials} {
		if err := read(); err != nil {
			return err
		}
	}
	return w.sortRoots()
}

// sortRoots orders the roots' pointers by root.
func (w *walker) sortRoots() error {
	g := &w.graph
	if err := w.budget.take(4*int64(len(g.pointers)+2*len(g.roots)+2), "the roots' pointers"); err != nil {
		return err
	}
	g.rootFirst = make([]uint32, len(g.roots)+1)
	for _, p := range g.pointers {
		g.rootFirst[p.root+1]++
	}
	for i := range g.roots {
		g.rootFirst[i+1] += g.rootFirst[i]
	}
	g.rootEdges = make([]uint32, len(g.pointers))
	next := append([]uint32(nil), g.rootFirst...)
	for _, p := range g.pointers {
		g.rootEdges[next[p.root]] = p.to
		next[p.root]++
	}
	w.budget.give(int64(12 * cap(g.pointers)))
	g.pointers = nil
	return nil
}
