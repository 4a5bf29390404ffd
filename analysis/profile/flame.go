package profile

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
)

// Measure is what the widths of a flame graph stand for.
type Measure int

// The measures.
const (
	MeasureInUse      Measure = iota // bytes in use at the later profile
	MeasureAlloc                     // bytes allocated since the program started
	MeasureAllocSince                // bytes allocated between the two profiles
	MeasureChange                    // bytes in use that came or went between the two profiles, by stack
	measures
)

// String names the measure as the screen shows it.
func (m Measure) String() string {
	switch m {
	case MeasureInUse:
		return "in use"
	case MeasureAlloc:
		return "allocated"
	case MeasureAllocSince:
		return "allocated since mark"
	case MeasureChange:
		return "change since mark"
	}
	return "unknown measure"
}

// Next returns the measure after m, the first one after the last.
func (m Measure) Next() Measure { return (m + 1) % measures }

// Compares reports whether the measure needs an earlier profile.
func (m Measure) Compares() bool { return m == MeasureAllocSince || m == MeasureChange }

// Node is a function in a flame graph: all stacks that reach it by the same callers.
type Node struct {
	// Frame is the function, its file, and the line in it that most of the bytes passed through.
	Frame sampler.Frame
	// Bytes is what the width stands for: of MeasureChange what grew plus what shrank below here, else the measure itself.
	// It is positive, and at least the sum of the children's.
	Bytes float64
	// Grown and Shrunk are the parts of Bytes of MeasureChange, by stack; 0 for other measures.
	Grown, Shrunk float64
	// Self is the part of Bytes that the function allocated itself.
	Self     float64
	Own      bool    // the program's own code, not a library's
	Merged   int     // of a node that stands for what is too small or too deep to keep: how many functions; else 0
	Parent   *Node   // nil at the root
	Children []*Node // the largest first

	variance float64 // of the change, of MeasureChange
}

// Change is what grew less what shrank.
func (n *Node) Change() float64 { return n.Grown - n.Shrunk }

// Uncertainty is Deviations standard deviations of Change by sampling alone.
func (n *Node) Uncertainty() float64 { return Deviations * math.Sqrt(n.variance) }

// Bounds on a flame graph. No screen shows more, and a tree of the largest profiles would take gigabytes.
const (
	maxNodes   = 100_000
	smallShare = 1e-5 // of the whole: what is smaller is merged with its siblings
)

// mergedName is what a node of merged functions is called.
const mergedName = "(other)"

// Flame builds the flame graph of the stacks that the filter takes. The root stands for all of them and has no function;
// its Bytes are 0 when there is nothing to show. Functions are merged where all their callers are the same; inlined ones
// are kept. Children smaller than a hundred thousandth of the whole are merged into one, as is what goes beyond 100,000
// nodes; the largest stacks come first. The error says why there can be no graph of that measure.
func (j *Joined) Flame(m Measure, f Filter) (*Node, error) {
	if m.Compares() && j.From == nil {
		return nil, fmt.Errorf("%s: there is no earlier profile to compare with", m)
	}
	if m == MeasureAllocSince && !j.SameRun {
		return nil, fmt.Errorf("%s: the profiles are of two runs of the program", m)
	}
	b := newFlameBuilder(j)
	var stacks []*pair
	j.each(f, func(p *pair, _ int32) {
		if m.of(p) != 0 {
			stacks = append(stacks, p)
		}
	})
	slices.SortStableFunc(stacks, func(x, y *pair) int { return cmp.Compare(math.Abs(m.of(y)), math.Abs(m.of(x))) })
	for _, p := range stacks {
		b.add(p, m)
	}
	b.finish(b.root, b.root.Bytes*smallShare)
	return b.root, nil
}

// of is the measure of one stack; negative for what shrank.
func (m Measure) of(p *pair) float64 {
	switch m {
	case MeasureAlloc:
		return p.To.AllocBytes
	case MeasureAllocSince:
		return p.AllocChange()
	case MeasureChange:
		return p.Change()
	}
	return p.To.InUseBytes
}

// flameBuilder merges stacks into a tree.
type flameBuilder struct {
	j         *Joined
	root      *Node
	functions []int32 // by frame: a number for its function and file
	nodes     map[nodeKey]*Node
}

type nodeKey struct {
	parent   *Node
	function int32 // -1 for what is merged
}

func newFlameBuilder(j *Joined) *flameBuilder {
	b := &flameBuilder{j: j, root: &Node{}, functions: make([]int32, len(j.frames)), nodes: map[nodeKey]*Node{}}
	numbers := map[sampler.Frame]int32{}
	for i, f := range j.frames {
		f.Line = 0
		n, ok := numbers[f]
		if !ok {
			n = int32(len(numbers))
			numbers[f] = n
		}
		b.functions[i] = n
	}
	return b
}

// add takes one stack, from its outermost function to the one that allocates.
func (b *flameBuilder) add(p *pair, m Measure) {
	value := m.of(p)
	node := b.root
	node.take(value, p, m)
	for i := len(p.frames) - 1; i >= 0; i-- {
		next := b.child(node, p.frames[i])
		next.take(value, p, m)
		node = next
		if node.Merged > 0 {
			break
		}
	}
	node.Self += math.Abs(value)
}

func (n *Node) take(value float64, p *pair, m Measure) {
	n.Bytes += math.Abs(value)
	if m != MeasureChange {
		return
	}
	n.Grown += math.Max(value, 0)
	n.Shrunk += math.Max(-value, 0)
	n.variance += p.change.inUse
}

func (b *flameBuilder) child(parent *Node, frame int32) *Node {
	key := nodeKey{parent, b.functions[frame]}
	if n := b.nodes[key]; n != nil {
		return n
	}
	if len(b.nodes) >= maxNodes {
		return b.merged(parent)
	}
	n := &Node{Frame: b.j.frames[frame], Own: b.j.own[frame], Parent: parent}
	b.nodes[key] = n
	parent.Children = append(parent.Children, n)
	return n
}

// merged returns the child that stands for what is not kept, with one function more in it.
func (b *flameBuilder) merged(parent *Node) *Node {
	key := nodeKey{parent, -1}
	n := b.nodes[key]
	if n == nil {
		n = &Node{Frame: sampler.Frame{Function: mergedName}, Parent: parent}
		b.nodes[key] = n
		parent.Children = append(parent.Children, n)
	}
	n.Merged++
	return n
}

// finish merges what is small and puts the largest first, from the node downwards. The depth is that of the stacks, at
// most maxFrames.
func (b *flameBuilder) finish(n *Node, small float64) {
	kept := n.Children[:0]
	var tiny []*Node
	for _, c := range n.Children {
		if c.Bytes < small && c.Merged == 0 {
			tiny = append(tiny, c)
		} else {
			kept = append(kept, c)
		}
	}
	n.Children = kept
	if len(tiny) == 1 {
		n.Children = append(n.Children, tiny[0])
	} else if len(tiny) > 1 {
		other := b.merged(n)
		other.Merged += len(tiny) - 1
		for _, c := range tiny {
			other.Bytes += c.Bytes
			other.Self += c.Bytes
			other.Grown += c.Grown
			other.Shrunk += c.Shrunk
			other.variance += c.variance
		}
	}
	slices.SortFunc(n.Children, func(x, y *Node) int {
		return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), compareFrames(x.Frame, y.Frame))
	})
	for _, c := range n.Children {
		b.finish(c, small)
	}
}
