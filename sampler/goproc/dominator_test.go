package goproc

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// testGraph has edges by node; node 0 is the start.
type testGraph [][]int

// tree numbers what can be reached from the start as dominatorTree wants it.
func (g testGraph) tree() (d *dominatorTree, nodes []int) {
	number := make([]int, len(g))
	for i := range number {
		number[i] = -1
	}
	d = &dominatorTree{step: func(float64) error { return nil }}
	var visit func(v, from int)
	visit = func(v, from int) {
		number[v] = len(nodes)
		nodes = append(nodes, v)
		d.parent = append(d.parent, uint32(from))
		for _, to := range g[v] {
			if number[to] < 0 {
				visit(to, number[v])
			}
		}
	}
	visit(0, 0)
	preds := make([][]uint32, len(nodes))
	for i, v := range nodes {
		for _, to := range g[v] {
			preds[number[to]] = append(preds[number[to]], uint32(i))
		}
	}
	d.predFirst = append(d.predFirst, 0)
	for _, p := range preds {
		d.preds = append(d.preds, p...)
		d.predFirst = append(d.predFirst, uint32(len(d.preds)))
	}
	return d, nodes
}

// without returns which nodes can be reached when one is taken out.
func (g testGraph) without(out int) []bool {
	seen := make([]bool, len(g))
	var visit func(v int)
	visit = func(v int) {
		if v == out || seen[v] {
			return
		}
		seen[v] = true
		for _, to := range g[v] {
			visit(to)
		}
	}
	visit(0)
	return seen
}

// check compares the tree with the definition: d dominates v when v cannot be reached without d.
func (g testGraph) check() error {
	d, nodes := g.tree()
	idom, err := d.compute()
	if err != nil {
		return err
	}
	for v := 1; v < len(nodes); v++ {
		dominators := map[int]bool{}
		for x := int(idom[v]); ; x = int(idom[x]) {
			dominators[x] = true
			if x == 0 {
				break
			}
		}
		for x := range nodes {
			if x == v {
				continue
			}
			want := x == 0 || !g.without(nodes[x])[nodes[v]]
			if dominators[x] != want {
				return fmt.Errorf("graph %v: does %d dominate %d? got %v, want %v", g, nodes[x], nodes[v], dominators[x], want)
			}
		}
	}
	return nil
}

func TestDominatorsByDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		g := make(testGraph, 2+random.IntN(12))
		for range random.IntN(3 * len(g)) {
			from := random.IntN(len(g))
			g[from] = append(g[from], random.IntN(len(g)))
		}
		if err := g.check(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDominatorsOfLongShapes takes shapes that make simpler algorithms quadratic or deep: they must come out right, and
// the time must grow with the size, not with its square.
func TestDominatorsOfLongShapes(t *testing.T) {
	const n = 300_000
	list := &dominatorTree{step: func(float64) error { return nil }} // doubly linked, entered at its head
	list.parent, list.predFirst = make([]uint32, n), make([]uint32, 1, n+1)
	for v := range uint32(n) {
		if v > 0 {
			list.parent[v] = v - 1
			list.preds = append(list.preds, v-1)
		}
		if v+1 < n {
			list.preds = append(list.preds, v+1)
		}
		list.predFirst = append(list.predFirst, uint32(len(list.preds)))
	}
	idom, err := list.compute()
	if err != nil {
		t.Fatal(err)
	}
	for v := uint32(1); v < n; v++ {
		if idom[v] != v-1 {
			t.Fatalf("doubly linked list: node %d is dominated by %d, want %d", v, idom[v], v-1)
		}
	}
	fan := &dominatorTree{step: func(float64) error { return nil }} // a chain whose every node is also held by the start
	fan.parent, fan.predFirst = list.parent, make([]uint32, 1, n+1)
	for v := range uint32(n) {
		if v > 0 {
			fan.preds = append(fan.preds, 0, v-1)
		}
		fan.predFirst = append(fan.predFirst, uint32(len(fan.preds)))
	}
	if idom, err = fan.compute(); err != nil {
		t.Fatal(err)
	}
	for v := uint32(1); v < n; v++ {
		if idom[v] != 0 {
			t.Fatalf("chain with a hub: node %d is dominated by %d, want the start", v, idom[v])
		}
	}
}
