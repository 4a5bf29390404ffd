//go:build !nopprof

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
)

func profile(name string) []byte {
	var b bytes.Buffer
	if err := pprof.Lookup(name).WriteTo(&b, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return b.Bytes()
}

func setRate(n int) { runtime.MemProfileRate = n }
