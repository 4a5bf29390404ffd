package tab

import (
	"cmp"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// maxIndent is how deep the branches of the tree are drawn; what lies deeper stands below each other.
const maxIndent = 8

// forest is the table's processes by parent. Places are those of the rows.
type forest struct {
	roots    []int32
	children map[int32][]int32
	keep     []bool // it or a descendant passes the filter
}

// arrangeTree puts each process below its parent, with the sum of its descendants' memory. Processes that pass the filter
// are shown with their ancestors; sums count all descendants.
func (s *Processes) arrangeTree() {
	f := s.plant()
	visited := make([]bool, len(s.all))
	for _, root := range f.roots {
		s.sum(&f, root, visited)
	}
	for i := range s.all { // parents in a circle, which a table read while processes come and go may show
		if !visited[i] {
			f.roots = append(f.roots, int32(i))
			s.sum(&f, int32(i), visited)
		}
	}
	column, ascending := s.column(), s.table.Ascending()
	clear(visited)
	s.order(f.roots, column, ascending)
	for _, root := range f.roots {
		s.grow(&f, root, branchOf{}, visited)
	}
}

func (s *Processes) plant() forest {
	f := forest{children: make(map[int32][]int32), keep: make([]bool, len(s.all))}
	for i := range s.all {
		ppid := s.all[i].p.PPID
		at, found := slices.BinarySearchFunc(s.all, ppid, func(r processRow, pid int) int { return cmp.Compare(r.key.pid, pid) })
		if !found || at == i || ppid == 0 {
			f.roots = append(f.roots, int32(i))
			continue
		}
		f.children[int32(at)] = append(f.children[int32(at)], int32(i))
	}
	return f
}

// sum adds up a process and its descendants. A part that is unknown is left out, unless all are.
func (s *Processes) sum(f *forest, at int32, visited []bool) {
	visited[at] = true
	row := &s.all[at]
	row.sum = row.p.RSS
	f.keep[at] = s.filter.Match(row.p)
	for _, child := range f.children[at] {
		if visited[child] {
			continue
		}
		s.sum(f, child, visited)
		if part := s.all[child].sum; part.OK {
			row.sum = sampler.Known(row.sum.Value + part.Value)
		}
		f.keep[at] = f.keep[at] || f.keep[child]
	}
}

// branchOf is the lines that lead to a row: for each level above, whether more follow there.
type branchOf struct {
	depth int
	more  uint16 // bit i: the ancestor at depth i+1 has more siblings below
	last  bool
}

// grow appends a process and its descendants in the order they are shown.
func (s *Processes) grow(f *forest, at int32, b branchOf, visited []bool) {
	if visited[at] || !f.keep[at] {
		return
	}
	visited[at] = true
	s.shown = append(s.shown, at)
	s.branch = append(s.branch, b)
	children := slices.DeleteFunc(f.children[at], func(c int32) bool { return visited[c] || !f.keep[c] })
	s.order(children, s.column(), s.table.Ascending())
	for i, child := range children {
		next := branchOf{depth: b.depth + 1, more: b.more, last: i == len(children)-1}
		if !next.last && next.depth <= maxIndent {
			next.more |= 1 << (next.depth - 1)
		}
		s.grow(f, child, next, visited)
	}
}

// String draws the lines before a name.
func (b branchOf) String() string {
	if b.depth == 0 {
		return ""
	}
	var text strings.Builder
	for level := 1; level < min(b.depth, maxIndent); level++ {
		if b.more&(1<<(level-1)) != 0 {
			text.WriteString("│ ")
		} else {
			text.WriteString("  ")
		}
	}
	if b.last {
		text.WriteString("└ ")
	} else {
		text.WriteString("├ ")
	}
	return text.String()
}
