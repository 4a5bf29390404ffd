package goproc

import "slices"

const (
	maxNamed  = 8       // roots that are named for what several hold
	shareCost = 3 * 4   // bytes that a node takes
	settled   = 1 << 31 // a node whose roots are known; its set is final
)

// rootSet is roots by index, in ascending order. more says that there are others.
type rootSet struct {
	roots [maxNamed]uint32
	n     int
	more  bool
}

// add adds a root.
func (s *rootSet) add(root uint32) {
	i, found := slices.BinarySearch(s.roots[:s.n], root)
	switch {
	case found:
	case s.n == maxNamed:
		s.more = true
	default:
		copy(s.roots[i+1:], s.roots[i:s.n])
		s.roots[i] = root
		s.n++
	}
}

// sharing finds the roots of what several roots hold. Objects that point to each other in a circle have the same roots,
// so it looks for such circles with Tarjan's algorithm, against the direction of the pointers; each pointer is followed
// once, whatever is asked for. Only the nodes next to the start matter: what they alone hold has their roots.
type sharing struct {
	w     *walker
	index []uint32 // of each node in the order of the search, settled once its roots are known; 0 where it has not come
	low   []uint32 // the earliest node of its circle, as far as known
	set   []int32  // number of the set of its roots
	count uint32
	open  []uint32 // nodes whose circle is not complete
	path  []searchFrame

	sets []rootSet
	ids  map[rootSet]int32
}

func newSharing(w *walker) (*sharing, error) {
	n := len(w.kept.node)
	if err := w.budget.take(shareCost*int64(n), "the roots of sampled objects"); err != nil {
		return nil, err
	}
	return &sharing{w: w, index: make([]uint32, n), low: make([]uint32, n), set: make([]int32, n), sets: make([]rootSet, 1),
		ids: map[rootSet]int32{{}: 0}}, nil
}

// of returns the number of the set of roots that hold a slot.
func (s *sharing) of(slot uint32) (int32, error) {
	w := s.w
	y := w.topOf(slot)
	if root := w.kept.node[y]; w.isRoot(root) {
		var one rootSet
		one.add(root - w.heap.slots)
		return s.number(one)
	}
	if s.index[y] == 0 {
		if err := s.search(y); err != nil {
			return 0, err
		}
	}
	return s.set[y], nil
}

// number returns the number of a set.
func (s *sharing) number(set rootSet) (int32, error) {
	if n, ok := s.ids[set]; ok {
		return n, nil
	}
	if err := s.w.budget.take(wayCost, "the roots of sampled objects"); err != nil {
		return 0, err
	}
	n := int32(len(s.sets))
	s.ids[set], s.sets = n, append(s.sets, set)
	return n, nil
}

// join returns the number of all roots of two sets.
func (s *sharing) join(a, b int32) (int32, error) {
	if a == b || b == 0 {
		return a, nil
	}
	if a == 0 {
		return b, nil
	}
	both, other := s.sets[a], &s.sets[b]
	for _, r := range other.roots[:other.n] {
		both.add(r)
	}
	both.more = both.more || other.more
	return s.number(both)
}

func (s *sharing) enter(v uint32) {
	k := &s.w.kept
	s.count++
	s.index[v], s.low[v] = s.count, s.count
	s.open = append(s.open, v)
	s.path = append(s.path, searchFrame{v, k.predFirst[v], k.predFirst[v+1]})
}

// search settles a node and all from which it can be reached.
func (s *sharing) search(y uint32) error {
	s.path, s.open = s.path[:0], s.open[:0]
	s.enter(y)
	for steps := 1; len(s.path) > 0; steps++ {
		if steps%stepEvery == 0 {
			if err := s.w.step(stagePaths, 0); err != nil {
				return err
			}
		}
		f := &s.path[len(s.path)-1]
		if f.next < f.end {
			p := s.w.kept.top[s.w.kept.preds[f.next]]
			f.next++
			if err := s.follow(f.number, p); err != nil {
				return err
			}
			continue
		}
		if err := s.leave(f.number); err != nil {
			return err
		}
	}
	return nil
}

// leave ends the search behind a node, and tells the one that it came from what was found.
func (s *sharing) leave(v uint32) error {
	s.path = s.path[:len(s.path)-1]
	if s.low[v] == s.index[v] {
		if err := s.settle(v); err != nil {
			return err
		}
	}
	if len(s.path) == 0 {
		return nil
	}
	up := s.path[len(s.path)-1].number
	if s.index[v] != settled {
		s.low[up] = min(s.low[up], s.low[v])
		return nil
	}
	var err error
	s.set[up], err = s.join(s.set[up], s.set[v])
	return err
}

// follow takes the step from a node to what points to it.
func (s *sharing) follow(v, p uint32) (err error) {
	node := s.w.kept.node[p]
	switch {
	case p == v:
	case s.w.isRoot(node):
		var one rootSet
		one.add(node - s.w.heap.slots)
		n, err := s.number(one)
		if err != nil {
			return err
		}
		s.set[v], err = s.join(s.set[v], n)
		return err
	case s.index[p] == 0:
		s.enter(p)
	case s.index[p] == settled:
		s.set[v], err = s.join(s.set[v], s.set[p])
	default:
		s.low[v] = min(s.low[v], s.index[p])
	}
	return err
}

// settle gives all nodes of a circle the roots of each.
func (s *sharing) settle(v uint32) error {
	first := len(s.open) - 1
	for s.open[first] != v {
		first--
	}
	all := int32(0)
	for _, u := range s.open[first:] {
		var err error
		if all, err = s.join(all, s.set[u]); err != nil {
			return err
		}
	}
	for _, u := range s.open[first:] {
		s.set[u], s.index[u], s.low[u] = all, settled, settled
	}
	s.open = s.open[:first]
	return nil
}
