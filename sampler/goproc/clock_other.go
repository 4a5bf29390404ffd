//go:build !linux

package goproc

// monotonic is not needed where no process can be opened.
func monotonic() int64 { return 0 }
