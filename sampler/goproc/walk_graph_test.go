package goproc

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
)

// madeHeap is a heap of objects of 8 bytes, with pointers from each to others; the first leaves of them have none.
// groups says of which root each is a part, noGroup of none.
type madeHeap struct {
	objects, leaves int
	pointers        [][]uint32 // by object
	roots           [][]uint32 // by root, to objects
	groups          []int32
}

func randomHeap(random *rand.Rand) *madeHeap {
	m := &madeHeap{objects: 1 + random.IntN(14), leaves: random.IntN(4)}
	all := m.objects + m.leaves
	m.pointers = make([][]uint32, m.objects)
	for range random.IntN(2 * m.objects) {
		from := random.IntN(m.objects)
		m.pointers[from] = append(m.pointers[from], uint32(random.IntN(all)))
	}
	for r := range 1 + random.IntN(5) {
		group := int32(noGroup)
		if r > 0 && m.groups[0] == noGroup && random.IntN(3) == 0 {
			group = 0
		}
		var to []uint32
		for range random.IntN(4) {
			to = append(to, uint32(random.IntN(all)))
		}
		m.roots, m.groups = append(m.roots, to), append(m.groups, group)
	}
	return m
}

// walker returns one that has just read the heap.
func (m *madeHeap) walker(t *testing.T) *walker {
	t.Helper()
	w := &walker{ctx: t.Context(), budget: budget{limit: 1 << 20}}
	w.heap = heapMap{scannable: uint32(m.objects), slots: uint32(m.objects + m.leaves), guide: []int32{0}}
	w.heap.spans = []heapSpan{{elem: 8, n: w.heap.slots}}
	for _, to := range m.pointers {
		w.graph.first = append(w.graph.first, w.graph.edges.n)
		for _, x := range to {
			if err := w.add(uint32(len(w.graph.first)-1), x); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.graph.first = append(w.graph.first, w.graph.edges.n)
	for i, to := range m.roots {
		if _, err := w.newRoot(walkRoot{kind: sampler.RootGlobal, group: m.groups[i]}); err != nil {
			t.Fatal(err)
		}
		for _, x := range to {
			_ = w.point(uint32(i), x)
		}
		if m.groups[i] != noGroup {
			_ = w.point(uint32(m.groups[i]), w.heap.slots+uint32(i))
		}
	}
	for _, stage := range []func() error{w.sortRoots, w.markReachable, w.retain} {
		if err := stage(); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// reached returns what can be reached from the roots that ok allows.
func (m *madeHeap) reached(ok func(root int) bool) []bool {
	seen := make([]bool, m.objects+m.leaves)
	var visit func(x uint32)
	visit = func(x uint32) {
		if seen[x] {
			return
		}
		seen[x] = true
		if int(x) < m.objects {
			for _, to := range m.pointers[x] {
				visit(to)
			}
		}
	}
	for r, to := range m.roots {
		if m.groups[r] != noGroup && ok(int(m.groups[r])) || m.groups[r] == noGroup && ok(r) {
			for _, x := range to {
				visit(x)
			}
		}
	}
	return seen
}

// TestWhoHoldsByDefinition compares what is reached, what each root keeps alive alone, and the roots of each object with
// what leaving roots out shows, on many small heaps.
func TestWhoHoldsByDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		m := randomHeap(random)
		if err := m.check(t); err != nil {
			t.Fatalf("%v\n%+v", err, *m)
		}
	}
}

func (m *madeHeap) check(t *testing.T) error {
	w := m.walker(t)
	all := m.reached(func(int) bool { return true })
	total := int64(0)
	for x, seen := range all {
		if seen != (w.reach.parent[x] != 0) {
			return fmt.Errorf("object %d: reached %v, want %v", x, !seen, seen)
		}
		if seen {
			total += 8
		}
	}
	if w.reach.bytes != total {
		return fmt.Errorf("reached %d bytes, want %d", w.reach.bytes, total)
	}
	shared := total
	for r := range m.roots {
		if m.groups[r] != noGroup {
			continue
		}
		rest := m.reached(func(other int) bool { return other != r })
		want := int64(0)
		for x := range all {
			if all[x] && !rest[x] {
				want += 8
			}
		}
		shared -= want
		if got := w.kept.bytes[w.kept.number[w.heap.slots+uint32(r)]]; got != want {
			return fmt.Errorf("root %d keeps %d bytes alive, want %d", r, got, want)
		}
	}
	got := int64(0)
	for v := 1; v < len(w.kept.node); v++ {
		if w.kept.top[v] == uint32(v) && !w.isRoot(w.kept.node[v]) {
			got += w.kept.bytes[v]
		}
	}
	if got != shared {
		return fmt.Errorf("several roots keep %d bytes alive, want %d", got, shared)
	}
	return m.checkRoots(w, all)
}

// checkRoots compares the roots of each object.
func (m *madeHeap) checkRoots(w *walker, all []bool) error {
	s, err := newSharing(w)
	if err != nil {
		return err
	}
	for x := range all {
		if !all[x] {
			continue
		}
		n, err := s.of(uint32(x))
		if err != nil {
			return err
		}
		var want []uint32
		for r := range m.roots {
			if m.groups[r] == noGroup && m.reached(func(other int) bool { return other == r })[x] {
				want = append(want, uint32(r))
			}
		}
		if got := s.sets[n]; !slices.Equal(got.roots[:got.n], want) || got.more {
			return fmt.Errorf("object %d is held by the roots %v, want %v", x, got.roots[:got.n], want)
		}
	}
	return nil
}

// TestRootSet keeps the first roots in order and knows that there were more.
func TestRootSet(t *testing.T) {
	var s rootSet
	for _, r := range []uint32{9, 3, 9, 7, 1, 8, 2, 6, 5} {
		s.add(r)
	}
	if s.more || !slices.Equal(s.roots[:s.n], []uint32{1, 2, 3, 5, 6, 7, 8, 9}) {
		t.Errorf("eight roots: %v, more %v", s.roots[:s.n], s.more)
	}
	if s.add(4); !s.more || s.n != maxNamed {
		t.Errorf("nine roots: %v, more %v", s.roots[:s.n], s.more)
	}
	s.more = false
	if s.add(5); s.more {
		t.Error("a root that is known counts as another")
	}
}
