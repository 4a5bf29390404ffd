package goproc

const stepEvery = 1 << 16 // nodes between two looks at the clock and the context

// reach is what can be reached from the roots.
type reach struct {
	// parent has for each slot 1 + the node that a shortest path to it comes from, 0 where there is no path.
	parent  []uint32
	several bitset // slots that more than one node points to
	objects int
	bytes   int64
}

// isRoot says whether a node is a root and no slot.
func (w *walker) isRoot(node uint32) bool { return node >= w.heap.slots }

// markReachable finds everything that the roots hold, nearest first.
func (w *walker) markReachable() error {
	h, g := &w.heap, &w.graph
	if err := w.step(stageFollow, 0); err != nil {
		return err
	}
	if err := w.budget.take(4*int64(h.slots)+4*int64(h.scannable)+int64(h.slots)/8, "the paths to objects"); err != nil {
		return err
	}
	w.reach = reach{parent: make([]uint32, h.slots), several: newBitset(h.slots)}
	queue := make([]uint32, 0, h.scannable)
	for r := range g.roots {
		if !g.roots[r].rest() {
			queue = w.visitRoot(queue, uint32(r))
		}
	}
	for r := range g.roots { // last, as of two paths of one length the first is the one that is shown
		if g.roots[r].rest() {
			queue = w.visitRoot(queue, uint32(r))
		}
	}
	queue, err := w.follow(queue)
	if err != nil {
		return err
	}
	// What only waits for its finalizer is still there, and so is all it points to. The root of finalizers is the last.
	for _, slot := range w.pending {
		if w.reach.parent[slot] == 0 {
			g.rootEdges = append(g.rootEdges, slot)
			g.rootFirst[len(g.roots)]++
			queue = w.visit(queue, slot, h.slots+w.finalizers)
		}
	}
	if _, err := w.follow(queue); err != nil {
		return err
	}
	w.budget.give(4 * int64(h.scannable))
	w.sumReachable()
	return nil
}

// rest says whether a root is what belongs to a goroutine but to none of its frames.
func (r *walkRoot) rest() bool { return r.group != noGroup && r.addr == 0 }

func (w *walker) visitRoot(queue []uint32, r uint32) []uint32 {
	g := &w.graph
	for _, to := range g.rootEdges[g.rootFirst[r]:g.rootFirst[r+1]] {
		if !w.isRoot(to) {
			queue = w.visit(queue, to, w.heap.slots+r)
		}
	}
	return queue
}

func (w *walker) visit(queue []uint32, slot, from uint32) []uint32 {
	p := &w.reach.parent[slot]
	if *p == 0 {
		*p = from + 1
		if slot < w.heap.scannable {
			queue = append(queue, slot)
		}
		return queue
	}
	if *p != from+1 {
		w.reach.several.add(slot)
	}
	return queue
}

// follow empties the queue and returns its memory.
func (w *walker) follow(queue []uint32) ([]uint32, error) {
	g := &w.graph
	for i := 0; i < len(queue); i++ {
		if i%stepEvery == stepEvery-1 {
			if err := w.step(stageFollow, float64(i)/float64(w.heap.scannable)); err != nil {
				return nil, err
			}
		}
		slot := queue[i]
		for e, end := g.first[slot], g.first[slot+1]; e < end; e++ {
			queue = w.visit(queue, g.edges.at(e), slot)
		}
	}
	return queue[:0], nil
}

func (w *walker) sumReachable() {
	for i := range w.heap.spans {
		s := &w.heap.spans[i]
		n := 0
		for _, p := range w.reach.parent[s.slot : s.slot+s.n] {
			if p != 0 {
				n++
			}
		}
		w.reach.objects += n
		w.reach.bytes += int64(n) * int64(s.elem)
	}
}
