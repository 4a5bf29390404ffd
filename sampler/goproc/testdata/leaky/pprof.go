//go:build !nopprof

package main

import (
	"runtime"
	_ "runtime/pprof" // without it the linker leaves the recording of allocations out
)

func setRate(n int) { runtime.MemProfileRate = n }
