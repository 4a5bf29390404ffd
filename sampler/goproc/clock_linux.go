package goproc

import "golang.org/x/sys/unix"

// monotonic returns the clock by which the runtime stamps waiting goroutines, in nanoseconds; 0 when it cannot be read.
func monotonic() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return t.Nano()
}
