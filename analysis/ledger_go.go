package analysis

import (
	"slices"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// leastResident is the order in which memory that the Go runtime handed out and that is not resident is taken from rows:
// what is never touched first. Fresh objects need no clearing, so even live ones may never have been written; stacks are
// in use from the first call on.
func leastResident() []string {
	return []string{"heap_free", "metadata", "fragmentation", "heap_garbage", "heap_objects", "heap_live", "stacks"}
}

// goRows splits a Go program.
func (b *builder) goRows() {
	heap, metadata := b.heapRows(), b.metadataRow()
	switch {
	case !b.split:
		b.fitTo(b.l.Total-b.files-b.shared, append(heap, metadata...))
	case b.sum.isGo() && b.provesHeap():
		b.fitMapped(heap, metadata)
	default:
		b.fitUnproven(append(heap, metadata...))
	}
	b.fileRow()
	b.sharedRow()
}

// heapRows is what the runtime handed out of its heap, by class.
func (b *builder) heapRows() []Row {
	objects := whole(b.s.Reading(sampler.GoClassObjects).Value)
	live, liveRead := b.s.Get(sampler.GoHeapLive)
	cycles, counted := b.s.Get(sampler.GoCyclesTotal)
	var rows []Row
	switch {
	case liveRead && (!counted || cycles > 0):
		alive := min(whole(live), objects)
		rows = append(rows,
			Row{Key: "heap_live", Name: "heap, live", Bytes: alive, Note: "found alive by the last collection"},
			Row{Key: "heap_garbage", Name: "heap, uncollected", Bytes: objects - alive, Note: "allocated since the last collection, or not yet swept"})
	case liveRead:
		rows = append(rows, Row{Key: "heap_objects", Name: "heap, objects", Bytes: objects, Note: "no collection yet: what of it is live is not known"})
	default:
		rows = append(rows, Row{Key: "heap_objects", Name: "heap, objects", Bytes: objects})
		b.warn("the live heap was not read: live and dead objects are one row")
	}
	rows = b.class(rows, Row{Key: "heap_free", Name: "heap, free", Note: "free, and not returned to the system"}, sampler.GoClassFree)
	rows = b.class(rows, Row{Key: "fragmentation", Name: "fragmentation", Note: "unused parts of spans in use"}, sampler.GoClassUnused)
	return b.class(rows, Row{Key: "stacks", Name: "goroutine stacks"}, sampler.GoClassStacks)
}

func (b *builder) metadataRow() []Row {
	return b.class(nil, Row{Key: "metadata", Name: "runtime metadata"}, sampler.GoClassMetaOther, sampler.GoClassMSpanUse, sampler.GoClassMSpanFree,
		sampler.GoClassMCacheUse, sampler.GoClassMCacheFre, sampler.GoClassProfiling, sampler.GoClassOther, sampler.GoClassOSStacks)
}

// class appends the row with the sum of the metrics. What was not read is a warning, and the row is left out where
// nothing was.
func (b *builder) class(rows []Row, r Row, metrics ...sampler.Metric) []Row {
	known := false
	for _, m := range metrics {
		v, ok := b.s.Get(m)
		if !ok {
			b.warn(string(m) + " was not read: that memory is part of unexplained")
			continue
		}
		known = true
		r.Bytes += whole(v)
	}
	if !known {
		return rows
	}
	return append(rows, r)
}

// fitTo adds the rows, cut to what is resident.
func (b *builder) fitTo(resident float64, rows []Row) {
	cut(rows, total(rows)-resident, b.notResident(), leastResident()...)
	b.add(rows...)
}

func (b *builder) notResident() string {
	if swap, ok := b.s.Get(sampler.ProcessSwap); ok && swap == 0 {
		return "handed out, never touched"
	}
	return "handed out, never touched or swapped out"
}

// provesHeap checks that the mappings recognised as Go's have room for all of the Go heap. Where they have not, some of it
// was missed, and calling it native would be wrong.
func (b *builder) provesHeap() bool {
	reserved := 0.0
	for _, m := range []sampler.Metric{sampler.GoClassObjects, sampler.GoClassUnused, sampler.GoClassFree, sampler.GoClassReleased, sampler.GoClassStacks} {
		reserved += whole(b.s.Reading(m).Value)
	}
	stale := b.s.Time.Sub(b.maps.Time).Abs() > staleMappings
	if stale || b.sum.goSize >= 0.98*reserved {
		return true
	}
	b.warn("not all of the Go heap was recognised in the address space: native memory stays unexplained")
	return false
}

// fitUnproven gives all anonymous memory to the Go runtime, as far as it handed out so much. Only the break area and
// threads' stacks, where they were read, are certain to be none of it.
func (b *builder) fitUnproven(rows []Row) {
	native := Row{Key: "native", Name: "native", Bytes: min(b.sum.brk+b.sum.stacks, b.anon), Note: "at least: malloc's own area and threads' stacks"}
	b.fitTo(b.anon-native.Bytes, rows)
	if native.Bytes > 0 {
		b.add(native)
	}
	why := "without the address space"
	if b.maps != nil {
		why = "as the Go heap is not marked in the address space"
	}
	if beyond := b.anon - native.Bytes - total(rows); beyond > 0 {
		b.warn(unit.Bytes(beyond) + " of anonymous memory is more than the Go runtime handed out: native code, the program's " +
			"variables, or returned pages that the kernel still keeps; " + why + " it stays unexplained")
	}
}

// fitMapped uses the address space: what lies outside the Go heap is not Go's, and the rest of the anonymous memory is the
// Go heap's resident part.
func (b *builder) fitMapped(heap, metadata []Row) {
	copies := min(b.sum.private, b.anon)
	outside := min(b.sum.outside(), b.anon-copies)
	native := Row{Key: "native", Name: "native", Note: "malloc, cgo, mmap and the program's own variables"}
	if b.sum.named {
		handedOut := total(metadata)
		own := min(b.sum.goOther, b.anon-copies-outside)
		metadata = []Row{{Key: "metadata", Name: "runtime metadata", Bytes: own, Note: "resident part, by its mappings"}}
		native.Bytes = outside
		b.fitHeap(heap, b.anon-copies-outside-own)
		b.grownSince(&native, copies+outside+own, max(handedOut-own, 0))
	} else {
		b.fitHeap(heap, b.anon-copies-outside)
		cut(metadata, total(metadata)-outside, b.notResident(), "metadata")
		native.Bytes = outside - total(metadata)
		native.note("at least: the runtime's metadata is counted as resident in full")
		b.grownSince(&native, copies+outside, 0)
	}
	b.add(metadata...)
	b.add(native)
	if copies > 0 && b.filesOK {
		b.files += copies
	}
}

// grownSince adds to native the anonymous memory that came since the address space was read and that the Go runtime
// cannot have: what is beyond the placed memory, all of the heap it handed out, and the growth its own data may still have.
// Without it a native leak would be unexplained until the address space is read again.
func (b *builder) grownSince(native *Row, placed, metadata float64) {
	age := b.s.Time.Sub(b.maps.Time)
	if age <= 0 || b.maps.Time.IsZero() {
		return
	}
	grown := b.anon - placed - total(b.l.Rows) - metadata
	if grown <= max(b.l.Total/100, 1<<20) { // readings made at slightly different times differ by as much
		return
	}
	native.Bytes += grown
	native.note(unit.Bytes(grown) + " of it came since the address space was read " + ago(age) + " before")
}

// fitHeap adds the heap's rows for its resident memory. More than was handed out are pages that the runtime returned and
// the kernel keeps (huge pages, or MADV_FREE): they belong to the free heap.
func (b *builder) fitHeap(heap []Row, resident float64) {
	kept := min(resident-total(heap), whole(b.s.Reading(sampler.GoClassReleased).Value))
	if free := slices.IndexFunc(heap, func(r Row) bool { return r.Key == "heap_free" }); kept > 0 && free >= 0 {
		heap[free].Bytes += kept
		heap[free].note(unit.Bytes(kept) + " of it was returned, and the kernel still keeps it")
	}
	b.fitTo(resident, heap)
}

func (b *builder) fileRow() {
	if !b.filesOK {
		return
	}
	r := Row{Key: "files", Name: "files and binary", Bytes: b.files}
	if b.sum.private > 0 && b.sum.isGo() {
		r.Note = "with private copies of written pages"
	}
	b.add(r)
}

func (b *builder) sharedRow() {
	if b.sharedOK {
		b.add(Row{Key: "shared", Name: "shared memory", Bytes: b.shared})
	}
}
