package cli

import (
	"math"
	"path/filepath"
	"strconv"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/gates/report/page"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// flameShare is how many functions a flame graph of a page has at most: one of a large program alone would fill it.
const flameShare = 1200

// flameTree makes a tree of functions small enough for a page.
type flameTree struct {
	least  float64 // bytes of a function that is kept
	left   int     // how many may still be kept
	merged int     // how many functions were merged into others
}

// newFlame makes a flame graph of at most about most functions; those that are smaller are merged into one beside them,
// and the note says so. changes, which may be nil, tells how each function changed.
func newFlame(title string, root, changes *profile.Node, most int) *page.Flame {
	t := &flameTree{least: leastShown(root, most), left: most}
	f := &page.Flame{Title: title, Format: unit.Bytes, Root: t.frame(root, changes)}
	f.Root.Name = "all"
	if t.merged > 0 {
		f.Note = "The smallest functions, " + unit.Count(float64(t.merged)) + " of them, are merged where they stand."
	}
	return f
}

// leastShown returns the bytes from which on at most about most functions of the tree are.
func leastShown(root *profile.Node, most int) float64 {
	const steps = 40
	low, high := 0.0, root.Bytes
	for range steps { // the number of functions falls as the bytes rise
		mid := low + (high-low)/2
		if countFrom(root, mid) > most {
			low = mid
		} else {
			high = mid
		}
	}
	if countFrom(root, 0) <= most {
		return 0
	}
	return high
}

func countFrom(n *profile.Node, least float64) int {
	if n.Bytes < least {
		return 0
	}
	count := 1
	for _, c := range n.Children {
		count += countFrom(c, least)
	}
	return count
}

// nodes returns how many functions stand below and in a node.
func nodes(n *profile.Node) int { return max(n.Merged, 1) + countFrom(n, math.Inf(-1)) - 1 }

// frame takes a node and what is kept below it.
func (t *flameTree) frame(n, change *profile.Node) *page.Frame {
	f := &page.Frame{Name: profile.ShortName(n.Frame.Function), Detail: frameDetail(n), Value: n.Bytes}
	if change != nil {
		f.Change = change.Change()
	}
	t.left--
	other, functions := page.Frame{}, 0
	for _, c := range n.Children {
		below := matching(change, c)
		if c.Bytes >= t.least && t.left > 0 {
			f.Children = append(f.Children, t.frame(c, below))
			continue
		}
		functions += nodes(c)
		other.Value += c.Bytes
		if below != nil {
			other.Change += below.Change()
		}
	}
	if functions > 0 {
		t.merged += functions
		other.Name, other.Detail = "(others)", unit.Things(functions, "small function")
		f.Children = append(f.Children, &other)
	}
	return f
}

// matching returns the child of the tree of changes that stands for the same function as c.
func matching(change, c *profile.Node) *profile.Node {
	if change == nil {
		return nil
	}
	for _, other := range change.Children {
		if other.Frame.Function == c.Frame.Function && other.Frame.File == c.Frame.File {
			return other
		}
	}
	return nil
}

// frameDetail says where the function is, and what it allocates itself.
func frameDetail(n *profile.Node) string {
	text := ""
	if n.Frame.File != "" {
		text = filepath.Base(n.Frame.File) + ":" + strconv.Itoa(n.Frame.Line)
	}
	if n.Self > 0 && len(n.Children) > 0 {
		text = joinWords(text, unit.Bytes(n.Self)+" of its own")
	}
	return text
}

func joinWords(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + ", " + b
}

// heapFlames are what a heap profile says is in use, and what was allocated since the program began.
func heapFlames(heap *profile.Heap) ([]page.Part, error) {
	joined, err := profile.Join(nil, heap, false)
	if err != nil {
		return nil, err
	}
	var parts []page.Part
	for _, m := range []struct {
		measure     profile.Measure
		part, title string
		folded      bool
	}{
		{profile.MeasureInUse, "Flame graph, in use", "What is in use, by who allocated it", false},
		{profile.MeasureAlloc, "Flame graph, allocated", "What was allocated since the program began, by who allocated it", true},
	} {
		root, err := joined.Flame(m.measure, profile.Filter{})
		if err != nil {
			return nil, err
		}
		part := page.Part{Title: m.part, Folded: m.folded}
		if root.Bytes > 0 {
			part.Blocks = []page.Block{newFlame(m.title, root, nil, flameShare)}
		} else {
			part.Blocks = []page.Block{page.Text{Text: "The profile has nothing to show here.", Tone: page.Faint}}
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// exact is a number with its words; without it only the words.
func exact(r sampler.Reading, text string) page.Cell {
	return page.Cell{Text: text, Value: r.Pointer()}
}
