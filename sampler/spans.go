package sampler

import (
	"context"
	"time"
)

// SizeClass is what a Go heap holds in objects of one size and sort. A span is a run of pages that is cut into slots of
// one size; slots that nobody uses are fragmentation.
type SizeClass struct {
	Size    uint64 // bytes of a slot; 0 for objects too large for any class, each of which has a span of its own
	NoScan  bool   // the objects hold no pointers
	Spans   int
	Slots   int
	Objects int    // slots in use, by dead objects that are not yet swept too
	InUse   uint64 // bytes of the slots in use
	Bytes   uint64 // bytes of the spans
}

// Free returns the bytes of the spans that no object uses.
func (c *SizeClass) Free() uint64 {
	if c.InUse > c.Bytes {
		return 0
	}
	return c.Bytes - c.InUse
}

// Spans is how a Go heap is cut up, in bytes where nothing else is said.
type Spans struct {
	Time     time.Time
	Took     time.Duration
	Classes  []SizeClass // those that have spans, the one with the most bytes first
	Spans    int         // in use, of all classes
	Objects  int
	InUse    uint64  // bytes of all slots in use
	Bytes    uint64  // bytes of all spans in use
	Manual   uint64  // spans that hold stacks and the collector's own work
	Free     uint64  // pages in no span, kept for the next one
	Released uint64  // pages in no span, given back to the system
	Arenas   []Range // the address space the heap has taken, ascending
	Warnings []error
}

// SpanReader is a Session that can tell how the heap is cut up. On a heap of 1 GB it takes tens of milliseconds: ask at
// most once a second.
type SpanReader interface {
	Spans(ctx context.Context) (Spans, error)
}

// Range is the addresses from Begin up to End, which is the first one outside.
type Range struct{ Begin, End uint64 }

// HeapPlacer is a Mapper that can be told where the Go heap lies. It marks that memory Go where the kernel does not name
// it, as before Go 1.25, and where it does not support names.
type HeapPlacer interface{ PlaceHeap(arenas []Range) }
