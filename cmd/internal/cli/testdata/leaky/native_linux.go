package main

import (
	"fmt"
	"os"
	"syscall"
)

// mapped takes memory from the system, without the Go heap.
//
//go:noinline
func mapped() {
	b, err := syscall.Mmap(-1, 0, 64<<10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
}
