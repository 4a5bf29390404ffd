package sampler

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// HeapWalker is a Session that can tell what keeps the target's objects alive. It does not stop the target, but reads
// much of its memory: a person asks for it, never the program.
type HeapWalker interface {
	// Walk follows every pointer from the roots of the target's heap. The error wraps ErrSwapped when the target is
	// partly swapped out and o.Force is not set, ErrWalkTooLarge when o.MaxMemory is too little, ErrUnsupported when
	// the target's runtime is not known well enough, and the context's error once that ends.
	Walk(ctx context.Context, o WalkOptions) (HeapWalk, error)
}

// ErrSwapped says that walking the heap would bring memory of the target back from swap. WalkOptions.Force allows it.
var ErrSwapped = errors.New("the target is partly swapped out")

// ErrWalkTooLarge says that walking the heap would take more memory of our own than WalkOptions.MaxMemory.
var ErrWalkTooLarge = errors.New("the heap is too large to walk")

// DefaultWalkMemory is how much memory a walk may take when WalkOptions does not say: enough for about 16 million
// objects.
const DefaultWalkMemory = 1 << 30

// WalkOptions says how far a walk may go. The zero value is careful.
type WalkOptions struct {
	// Force walks a target that is partly swapped out, which brings what is read back into memory.
	Force bool
	// MaxMemory is how many bytes of our own the walk may take; 0 means DefaultWalkMemory.
	MaxMemory int64
	// Progress is called as the walk goes on, on the goroutine that called Walk and at most a few times a second; nil
	// means nobody asks.
	Progress func(WalkProgress)
}

// WalkProgress is how far a walk has come.
type WalkProgress struct {
	Stage string  // what is being done, in words: "read objects"
	Part  float64 // the part of the whole walk that is done, 0 to 1, by estimate
}

// HeapWalk is what keeps the target's objects alive, as far as the walk could see. The target ran on meanwhile: an
// object whose last pointer moved behind the reader's back is missed, which Reached against Marked shows. Pointers are
// recognised by their value, so that a stale one in a stack can hold an object that the target's own collector frees.
type HeapWalk struct {
	Time     time.Time
	Took     time.Duration
	Source   string
	Objects  int     // objects that were reached
	Reached  int64   // their bytes
	Marked   Reading // bytes that the target's own collector found alive in its last cycle
	Read     int64   // bytes that were copied from the target
	Shared   int64   // bytes that no single root keeps alive: freeing any one of their roots would not free them
	Roots    []HeldRoot
	Sites    []HeldSite // by the bytes they hold; empty when the target records no allocation stacks
	Warnings []error
}

// RootKind says what sort of thing keeps objects alive.
type RootKind string

// The kinds of root.
const (
	RootGlobal    RootKind = "global"    // a package variable
	RootGoroutine RootKind = "goroutine" // the stacks of the goroutines that one function started
	RootFinalizer RootKind = "finalizer" // a finalizer or cleanup that waits for its object
)

// HoldRoot is a package variable, all goroutines with one start function, or the finalizers.
type HoldRoot struct {
	Kind RootKind
	// Name is the variable, "main.sessions", or in a stripped program where it lies, ".bss+0x7b0"; for goroutines the
	// function they were started with.
	Name string
	// Goroutines is how many goroutines this root stands for, 0 for another kind.
	Goroutines int
}

// String tells the root as it is shown: "global main.sessions", "40 goroutines main.worker".
func (r HoldRoot) String() string {
	switch {
	case r.Kind == RootGoroutine && r.Goroutines > 1:
		return fmt.Sprintf("%d goroutines %s", r.Goroutines, r.Name)
	case r.Name == "":
		return string(r.Kind)
	}
	return string(r.Kind) + " " + r.Name
}

// HeldRoot is a root with what it alone keeps alive.
type HeldRoot struct {
	HoldRoot
	Retained int64 // bytes that would be free without this root
}

// HeldSite is the sampled objects of one allocation site that are alive, and who holds them.
type HeldSite struct {
	Stack   []Frame // innermost first
	Samples int     // live objects of the site that the runtime sampled and the walk reached
	Dead    int     // sampled objects that nothing holds: garbage that is not yet collected
	Objects int     // live objects, estimated from the samples as runtime/pprof does
	Bytes   int64   // their bytes, estimated
	Paths   []HoldPath
}

// HoldPath is objects of a site that are held in the same way, with the shortest path to a root.
type HoldPath struct {
	Samples int
	Objects int // estimated, as in HeldSite
	Bytes   int64
	// Steps leads from the object itself to the one that the root points to.
	Steps []HoldStep
	// Roots is who holds the objects. The first is where Steps ends; with more than one the objects are shared: none of
	// the roots keeps them alive alone.
	Roots []HoldRoot
	// MoreRoots says that there are more roots than Roots names.
	MoreRoots bool
	// Function is the function whose frame has the pointer, for a goroutine; "" for another root and where the stack
	// could not be read frame by frame.
	Function string
}

// Shared says whether several roots hold the objects.
func (p *HoldPath) Shared() bool { return len(p.Roots) > 1 || p.MoreRoots }

// StepKind says what a step of a path is.
type StepKind string

// The kinds of step.
const (
	StepObject StepKind = "object" // one object
	StepChain  StepKind = "chain"  // objects of the same size and type one behind the other, as in a linked list
	StepOmit   StepKind = "omit"   // steps left out in the middle of a long path
)

// HoldStep is an object on a path.
type HoldStep struct {
	Kind  StepKind
	Count int    // objects: 1, or the length of the chain, or how many steps were left out
	Size  int64  // bytes of the slot that each object takes
	Type  string // its Go type, "main.session"; "" where it is not known
	Field string // where in this object the pointer to the step before is, "blob" or "[]"; "" where it is not known
	Label string // the step as it is shown: "main.session", "64 B object"
}
