//go:build !nopprof

package main

import (
	"os"
	"runtime/pprof"
)

// profile is why this program records its allocations: the linker leaves that out where nothing can ask for the profile.
func profile() error { return pprof.WriteHeapProfile(os.Stdout) }
