package cli

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// releaseProgram takes the pages of files that are mapped to be read, the program's own code and tables above all, out of
// its memory. What is needed again is mapped again from the page cache, which costs a minor fault for sixteen pages and no
// reading. A mapping of which a page was changed, as a debugger does that sets a breakpoint, is left alone.
func releaseProgram() error {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("release pages of the program: %w", err)
	}
	for _, r := range unchangedFiles(text) {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, r.from, r.to-r.from, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("release pages of the program at %#x: %w", r.from, errno)
		}
	}
	return nil
}

// addresses is a range of addresses.
type addresses struct{ from, to uintptr }

// unchangedFiles finds the mappings of files that can only be read and in which nothing is changed, in the text of smaps.
func unchangedFiles(smaps []byte) []addresses {
	var found []addresses
	var last addresses
	readOnly := false
	for line := range bytes.Lines(smaps) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) > 1 && strings.Contains(fields[0], "-"):
			readOnly = len(fields) > 5 && strings.HasPrefix(fields[5], "/") && strings.HasPrefix(fields[1], "r-")
			from, to, _ := strings.Cut(fields[0], "-")
			a, errA := strconv.ParseUint(from, 16, 64)
			b, errB := strconv.ParseUint(to, 16, 64)
			readOnly = readOnly && errA == nil && errB == nil && a < b
			last = addresses{uintptr(a), uintptr(b)}
		case len(fields) > 1 && fields[0] == "Anonymous:" && fields[1] == "0" && readOnly:
			found = append(found, last)
		}
	}
	return found
}
