package launch

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adopt has orphans of the command become heaptop's children rather than init's, so that none is lost and none stays
// behind as a zombie. It holds for all that heaptop has started: nothing else of heaptop's may leave daemons meanwhile.
// The function it returns undoes it.
func adopt() (undo func()) {
	var before int32
	if unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&before)), 0, 0, 0) != nil || before != 0 {
		return func() {}
	}
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return func() {}
	}
	return func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) } // it was possible a moment ago
}
