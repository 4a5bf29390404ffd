package goproc

const (
	retainCost = dominatorCost + 4*4 + 8 // bytes that a node takes
)

// kept is what each node keeps alive. Objects without pointers that only one node points to are left out: that node
// keeps them. The others are numbered in the order of a depth-first search; 0 is the start, which stands before all roots.
type kept struct {
	number    []uint32 // of each node; 0 where it is left out
	node      []uint32 // by number
	predFirst []uint32
	preds     []uint32
	bytes     []int64  // that would be free without the node
	top       []uint32 // the node next to the start without which this one would be free: a root, or what several roots hold
}

// inTree says whether a slot takes part in the search.
func (w *walker) inTree(slot uint32) bool {
	g := &w.graph
	return w.reach.several.has(slot) || slot < w.heap.scannable && g.first[slot] < g.first[slot+1]
}

// retain computes what each root keeps alive alone.
func (w *walker) retain() error {
	k := &w.kept
	nodes := 1 + len(w.graph.roots)
	for slot := range w.heap.slots {
		if w.reach.parent[slot] != 0 && w.inTree(slot) {
			nodes++
		}
	}
	total := int64(w.heap.slots) + int64(len(w.graph.roots))
	if err := w.budget.take(4*total+retainCost*int64(nodes), "the tree of who keeps what alive"); err != nil {
		return err
	}
	k.number = make([]uint32, total)
	k.node = make([]uint32, 1, nodes)
	tree := &dominatorTree{parent: make([]uint32, 1, nodes), step: func(done float64) error { return w.step(stageRetain, 0.4+0.6*done) }}
	if err := w.search(tree); err != nil {
		return err
	}
	if err := w.predecessors(); err != nil {
		return err
	}
	tree.predFirst, tree.preds = k.predFirst, k.preds
	idom, err := tree.compute()
	if err != nil {
		return err
	}
	w.sumKept(idom)
	return nil
}

// searchFrame is a node whose edges are being followed.
type searchFrame struct{ number, next, end uint32 }

// search numbers the nodes.
func (w *walker) search(t *dominatorTree) error {
	stack := make([]searchFrame, 0, 1024)
	for r := range w.graph.roots {
		if w.graph.roots[r].group != noGroup {
			continue
		}
		var err error
		if stack, err = w.searchFrom(t, append(stack, w.enter(t, w.heap.slots+uint32(r), 0))); err != nil {
			return err
		}
	}
	w.budget.give(12 * int64(cap(stack)))
	return nil
}

// searchFrom empties the stack and returns its memory.
func (w *walker) searchFrom(t *dominatorTree, stack []searchFrame) ([]searchFrame, error) {
	k := &w.kept
	for len(stack) > 0 {
		f := &stack[len(stack)-1]
		if f.next == f.end {
			stack = stack[:len(stack)-1]
			continue
		}
		to := w.target(k.node[f.number], f.next)
		f.next++
		if k.number[to] != 0 || !w.isRoot(to) && !w.inTree(to) {
			continue
		}
		if len(stack) == cap(stack) {
			if err := w.budget.take(12*int64(len(stack)), "the search for who keeps what alive"); err != nil {
				return nil, err
			}
		}
		stack = append(stack, w.enter(t, to, f.number))
		if len(k.node)%stepEvery == 0 {
			if err := w.step(stageRetain, 0.2*float64(len(k.node))/float64(cap(k.node))); err != nil {
				return nil, err
			}
		}
	}
	return stack, nil
}

// enter gives a node its number.
func (w *walker) enter(t *dominatorTree, node, from uint32) searchFrame {
	k := &w.kept
	n := uint32(len(k.node))
	k.number[node] = n
	k.node = append(k.node, node)
	t.parent = append(t.parent, from)
	first, end := w.edgeRange(node)
	return searchFrame{n, first, end}
}

// edgeRange returns where a node's edges are; target returns where one of them leads.
func (w *walker) edgeRange(node uint32) (first, end uint32) {
	g := &w.graph
	if w.isRoot(node) {
		r := node - w.heap.slots
		return g.rootFirst[r], g.rootFirst[r+1]
	}
	if node < w.heap.scannable {
		return g.first[node], g.first[node+1]
	}
	return 0, 0
}

func (w *walker) target(node, edge uint32) uint32 {
	if w.isRoot(node) {
		return w.graph.rootEdges[edge]
	}
	return w.graph.edges.at(edge)
}

// predecessors turns the edges around.
func (w *walker) predecessors() error {
	k := &w.kept
	k.predFirst = make([]uint32, len(k.node)+1)
	total := int64(0)
	if err := w.eachEdge(func(_, to uint32) { k.predFirst[to]++; total++ }); err != nil {
		return err
	}
	if err := w.budget.take(4*total, "the pointers turned around"); err != nil {
		return err
	}
	k.preds = make([]uint32, total)
	sum := uint32(0)
	for v := range k.predFirst {
		sum += k.predFirst[v]
		k.predFirst[v] = sum
	}
	return w.eachEdge(func(from, to uint32) {
		k.predFirst[to]-- // counts down to where the predecessors of to begin
		k.preds[k.predFirst[to]] = from
	})
}

// eachEdge calls f for each edge between nodes that are numbered, and for those from the start to the roots.
func (w *walker) eachEdge(f func(from, to uint32)) error {
	k := &w.kept
	for i, node := range k.node[1:] {
		v := uint32(i + 1)
		if v%stepEvery == 0 {
			if err := w.step(stageRetain, 0.3); err != nil {
				return err
			}
		}
		if w.isRoot(node) && w.graph.roots[node-w.heap.slots].group == noGroup {
			f(0, v)
		}
		first, end := w.edgeRange(node)
		for e := first; e < end; e++ {
			if to := k.number[w.target(node, e)]; to != 0 && to != v {
				f(v, to)
			}
		}
	}
	return nil
}

// sumKept adds up what each node keeps alive, from the leaves of the tree to the start.
func (w *walker) sumKept(idom []uint32) {
	k := &w.kept
	k.bytes = make([]int64, len(k.node))
	for i := range w.heap.spans {
		s := &w.heap.spans[i]
		for slot := s.slot; slot < s.slot+s.n; slot++ {
			p := w.reach.parent[slot]
			if p == 0 {
				continue
			}
			v := k.number[slot]
			if v == 0 {
				v = k.number[p-1]
			}
			k.bytes[v] += int64(s.elem)
		}
	}
	for v := len(k.node) - 1; v > 0; v-- {
		k.bytes[idom[v]] += k.bytes[v]
	}
	k.top = idom // its memory is used again: below, what is above v has its final value
	for v := 1; v < len(k.node); v++ {
		if idom[v] == 0 {
			k.top[v] = uint32(v)
		} else {
			k.top[v] = k.top[idom[v]]
		}
	}
}

// topOf returns the number of the root that keeps a slot alive alone, or of the object that several roots hold and
// without which the slot would be free.
func (w *walker) topOf(slot uint32) uint32 {
	k := &w.kept
	if v := k.number[slot]; v != 0 {
		return k.top[v]
	}
	return k.top[k.number[w.reach.parent[slot]-1]]
}
