//go:build !nopprof

package main

import _ "runtime/pprof" // without it the linker leaves the recording of allocations out
