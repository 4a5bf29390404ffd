package chart

import (
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// FlameNav is where a person is in a flame graph: what is zoomed in on, what is selected, what is searched for. It draws
// nothing. The zero FlameNav has no graph.
type FlameNav struct {
	root   *profile.Node
	zoomed *profile.Node
	at     *profile.Node
	search string // in lower case
	found  []*profile.Node
	match  map[*profile.Node]bool

	laid      []FlameRow // the layout for laidWidth and laidZoom
	laidWidth int
	laidZoom  *profile.Node
}

// SetRoot takes a new tree. Zoom, selection and search stay on the same functions, as far as they are still there.
func (n *FlameNav) SetRoot(root *profile.Node) {
	zoomed, at := pathTo(n.zoomed), pathTo(n.at)
	n.root = root
	n.zoomed, n.at = follow(root, zoomed), follow(root, at)
	n.laid = nil
	n.find()
}

// pathTo is the functions from the root's child to the node.
func pathTo(node *profile.Node) []*profile.Node {
	var path []*profile.Node
	for ; node != nil && node.Parent != nil; node = node.Parent {
		path = append([]*profile.Node{node}, path...)
	}
	return path
}

// follow walks along functions as far as they are there.
func follow(node *profile.Node, path []*profile.Node) *profile.Node {
	if node == nil {
		return nil
	}
	for _, want := range path {
		var next *profile.Node
		for _, c := range node.Children {
			if c.Frame.Function == want.Frame.Function && c.Frame.File == want.Frame.File {
				next = c
				break
			}
		}
		if next == nil {
			return node
		}
		node = next
	}
	return node
}

// Root returns the tree, nil when there is none.
func (n *FlameNav) Root() *profile.Node { return n.root }

// Zoomed returns the function that has the full width; the root when nothing is zoomed in on.
func (n *FlameNav) Zoomed() *profile.Node { return n.zoomed }

// Selected returns the selected function, the root at first.
func (n *FlameNav) Selected() *profile.Node { return n.at }

// Layout returns where the functions stand in width cells. The rows belong to the FlameNav.
func (n *FlameNav) Layout(width int) []FlameRow {
	if n.laid == nil || n.laidWidth != width || n.laidZoom != n.zoomed {
		n.laid, n.laidWidth, n.laidZoom = FlameLayout(n.zoomed, width), width, n.zoomed
	}
	return n.laid
}

// Select moves to a function that is drawn.
func (n *FlameNav) Select(node *profile.Node) {
	if node != nil {
		n.at = node
	}
}

// Go moves to the end of a stack, innermost frame first, as far as it is in the graph.
func (n *FlameNav) Go(stack []sampler.Frame) {
	path := make([]*profile.Node, len(stack))
	for i, f := range stack {
		path[len(stack)-1-i] = &profile.Node{Frame: f}
	}
	n.Select(follow(n.root, path))
}

// Up moves to the caller.
func (n *FlameNav) Up() {
	if n.at != nil {
		n.Select(n.at.Parent)
	}
}

// Down moves to the largest function that the selected one calls, if it is drawn in a graph of so many cells.
func (n *FlameNav) Down(width int) {
	if n.at == nil {
		return
	}
	if inPath(n.at, n.zoomed) && n.at != n.zoomed { // above the zoom there is one way
		n.at = childTowards(n.at, n.zoomed)
		return
	}
	if len(n.at.Children) > 0 && drawn(n.Layout(width), n.at.Children[0]) {
		n.at = n.at.Children[0]
	}
}

// Beside moves by that many functions to the right in the row, negative to the left, in a graph of so many cells.
func (n *FlameNav) Beside(by, width int) {
	rows, depth := n.Layout(width), depthOf(n.at)
	if n.at == nil || depth >= len(rows) {
		return
	}
	for i, s := range rows[depth] {
		if s.Node == n.at {
			n.at = rows[depth][min(max(i+by, 0), len(rows[depth])-1)].Node
			return
		}
	}
}

// Deepest moves to the end of the largest stack below the selected function.
func (n *FlameNav) Deepest(width int) {
	for range maxFlameDepth {
		before := n.at
		if n.Down(width); n.at == before {
			return
		}
	}
}

// maxFlameDepth is deeper than any stack that is kept.
const maxFlameDepth = 1024

// Zoom gives the selected function the full width and reports whether that changed anything.
func (n *FlameNav) Zoom() bool {
	if n.at == nil || n.at == n.zoomed {
		return false
	}
	n.zoomed = n.at
	return true
}

// Back undoes one thing, the search first, then the zoom to the next wider view; false when there is nothing to undo.
func (n *FlameNav) Back() bool {
	switch {
	case n.search != "":
		n.Search("")
		return true
	case n.zoomed != n.root:
		n.at = n.zoomed
		for up := n.zoomed.Parent; up != nil; up = up.Parent { // callers of the same width are no wider view
			n.zoomed = up
			if len(up.Children) > 1 || up.Self > 0 {
				break
			}
		}
		return true
	}
	return false
}

// Home selects the root and shows all of it.
func (n *FlameNav) Home() { n.at, n.zoomed = n.root, n.root }

// Search marks the functions whose name or file contains the text, in any case; "" ends the search.
func (n *FlameNav) Search(text string) {
	n.search = strings.ToLower(text)
	n.find()
}

// Searching reports whether there is a search.
func (n *FlameNav) Searching() bool { return n.search != "" }

// Matches reports whether the search finds the function.
func (n *FlameNav) Matches(node *profile.Node) bool { return n.match[node] }

// Found returns how many functions the search finds, and their bytes, those within each other counted once.
func (n *FlameNav) Found() (count int, bytes float64) {
	for _, node := range n.found {
		if !n.within(node) {
			bytes += node.Bytes
		}
	}
	return len(n.found), bytes
}

// within reports whether a caller of the node is found too.
func (n *FlameNav) within(node *profile.Node) bool {
	for up := node.Parent; up != nil; up = up.Parent {
		if n.match[up] {
			return true
		}
	}
	return false
}

// Settle moves the selection to the nearest caller that is drawn in a graph of so many cells.
func (n *FlameNav) Settle(width int) {
	rows := n.Layout(width)
	for n.at != nil && n.at.Parent != nil && !drawn(rows, n.at) {
		n.at = n.at.Parent
	}
}

// NextFound moves to the next function that the search finds, in a circle, callers before what they call. What is not
// drawn in so many cells is zoomed in on.
func (n *FlameNav) NextFound(width int) {
	if len(n.found) == 0 {
		return
	}
	next := n.found[0]
	for i, node := range n.found[:len(n.found)-1] {
		if node == n.at {
			next = n.found[i+1]
			break
		}
	}
	n.at = next
	if !inPath(n.zoomed, n.at) && !inPath(n.at, n.zoomed) {
		n.zoomed = n.root // it is outside of what is zoomed in on
	}
	if !drawn(n.Layout(width), n.at) {
		n.zoomed = n.at
	}
}

// find collects what the search finds, from the root downwards.
func (n *FlameNav) find() {
	n.found, n.match = nil, nil
	if n.search == "" || n.root == nil {
		return
	}
	n.match = map[*profile.Node]bool{}
	var walk func(*profile.Node)
	walk = func(node *profile.Node) {
		if node.Merged == 0 && node.Parent != nil &&
			(strings.Contains(strings.ToLower(node.Frame.Function), n.search) || strings.Contains(strings.ToLower(node.Frame.File), n.search)) {
			n.found = append(n.found, node)
			n.match[node] = true
		}
		for _, c := range node.Children {
			walk(c)
		}
	}
	walk(n.root)
}

// depthOf is how many callers a function has up to the root.
func depthOf(node *profile.Node) int {
	d := 0
	for ; node != nil && node.Parent != nil; node = node.Parent {
		d++
	}
	return d
}

// inPath reports whether a is b or one of its callers.
func inPath(a, b *profile.Node) bool {
	for ; b != nil; b = b.Parent {
		if a == b {
			return true
		}
	}
	return false
}

// childTowards is the child of a on the way to b, which a calls.
func childTowards(a, b *profile.Node) *profile.Node {
	for b.Parent != nil && b.Parent != a {
		b = b.Parent
	}
	return b
}

func drawn(rows []FlameRow, node *profile.Node) bool {
	depth := depthOf(node)
	if depth >= len(rows) {
		return false
	}
	for _, s := range rows[depth] {
		if s.Node == node {
			return true
		}
	}
	return false
}
