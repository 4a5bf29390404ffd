package goproc

const nobody = ^uint32(0)

// dominatorTree computes immediate dominators with the algorithm of Lengauer and Tarjan in its simple form, which takes
// time proportional to the edges times the logarithm of the nodes, whatever the shape of the graph.
//
// Nodes are numbered as a depth-first search comes to them, the start being 0.
type dominatorTree struct {
	parent    []uint32 // in the tree of the search
	predFirst []uint32 // for each node, and one more: where its predecessors begin
	preds     []uint32
	step      func(done float64) error // called now and then; an error ends the computation

	semi, label, ancestor []uint32
	bucket, next          []uint32 // lists of the nodes with one semidominator
	idom                  []uint32
	path                  []uint32
}

// dominatorCost is the bytes that a node takes, its predecessors aside.
const dominatorCost = 4 * 8

// compute returns the immediate dominator of each node. The start is its own.
func (d *dominatorTree) compute() ([]uint32, error) {
	n := uint32(len(d.parent))
	one := func() []uint32 { return make([]uint32, n) }
	d.semi, d.label, d.ancestor, d.bucket, d.next, d.idom = one(), one(), one(), one(), one(), one()
	for v := range n {
		d.semi[v], d.label[v], d.ancestor[v], d.bucket[v] = v, v, nobody, nobody
	}
	for v := n - 1; v > 0 && n > 0; v-- {
		if v%stepEvery == 0 {
			if err := d.step(float64(n-v) / float64(n)); err != nil {
				return nil, err
			}
		}
		for _, p := range d.preds[d.predFirst[v]:d.predFirst[v+1]] {
			if p > v {
				p = d.semi[d.eval(p)]
			}
			d.semi[v] = min(d.semi[v], p)
		}
		s := d.semi[v]
		d.next[v], d.bucket[s] = d.bucket[s], v
		up := d.parent[v]
		d.ancestor[v] = up
		d.settle(up)
	}
	for v := uint32(1); v < n; v++ {
		if d.idom[v] != d.semi[v] {
			d.idom[v] = d.idom[d.idom[v]]
		}
	}
	return d.idom, nil
}

// settle finds the dominators, or who has the same one, of the nodes whose semidominator is up.
func (d *dominatorTree) settle(up uint32) {
	for u := d.bucket[up]; u != nobody; u = d.next[u] {
		d.idom[u] = up
		if best := d.eval(u); d.semi[best] < d.semi[u] {
			d.idom[u] = best
		}
	}
	d.bucket[up] = nobody
}

// eval returns the node with the least semidominator on the way up from v in the forest that is linked so far, and
// shortens the way.
func (d *dominatorTree) eval(v uint32) uint32 {
	if d.ancestor[v] == nobody {
		return v
	}
	d.path = d.path[:0]
	for u := v; d.ancestor[d.ancestor[u]] != nobody; u = d.ancestor[u] {
		d.path = append(d.path, u)
	}
	for i := len(d.path) - 1; i >= 0; i-- {
		u := d.path[i]
		a := d.ancestor[u]
		if d.semi[d.label[a]] < d.semi[d.label[u]] {
			d.label[u] = d.label[a]
		}
		d.ancestor[u] = d.ancestor[a]
	}
	return d.label[v]
}
