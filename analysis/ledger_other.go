package analysis

import (
	"cmp"
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// namedFiles is how many files get a row of their own.
const namedFiles = 5

// otherRows splits a process that is not a Go program, or of which nothing deeper is known.
func (b *builder) otherRows() {
	if b.split {
		b.anonRows()
	}
	b.namedFileRows()
	b.sharedRow()
}

func (b *builder) anonRows() {
	if b.maps == nil {
		b.add(Row{Key: "anon", Name: "anonymous", Bytes: b.anon, Note: "heap, stacks and mmap: the address space was not read"})
		return
	}
	heap := min(b.sum.brk, b.anon)
	stacks := min(b.sum.stacks, b.anon-heap)
	anon := Row{Key: "anon", Name: "anonymous", Bytes: b.anon - heap - stacks}
	if copies := min(b.sum.private, anon.Bytes); copies > 0 {
		anon.Note = unit.Bytes(copies) + " of it private copies of file pages"
	}
	b.add(Row{Key: "heap", Name: "heap", Bytes: heap}, anon, Row{Key: "stacks", Name: "stacks", Bytes: stacks})
}

// namedFileRows gives the largest files a row each and the others one. Files on a memory file system are shared memory to
// the kernel and files by name: where the names claim more than the kernel counts as files, no names are given.
func (b *builder) namedFileRows() {
	if !b.filesOK {
		return
	}
	rest := Row{Key: "files", Name: "files", Bytes: b.files}
	defer func() { b.add(rest) }()
	if b.maps == nil || len(b.sum.byName) == 0 {
		return
	}
	if b.sum.fileBacked > 1.05*b.files+1e6 {
		b.warn("mapped files by name come to more than the kernel counts as file pages (shared memory, or an older reading): shown together")
		return
	}
	files := slices.SortedFunc(slices.Values(b.sum.byName), func(x, y sampler.Mapping) int {
		return cmp.Or(cmp.Compare(y.RSS-y.Anon, x.RSS-x.Anon), cmp.Compare(x.Name, y.Name))
	})
	for _, f := range files[:min(namedFiles, len(files))] {
		bytes := min(whole(f.RSS)-min(whole(f.Anon), whole(f.RSS)), rest.Bytes)
		if bytes == 0 {
			continue
		}
		b.add(Row{Key: "file:" + f.Name, Name: f.Name, Bytes: bytes})
		rest.Bytes -= bytes
	}
	rest.Name = "other files"
}
