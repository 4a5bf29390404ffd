// Command wasteful does at once what heaptop debug optimize gives advice about, at a steady rate until its input ends:
// buffers that die at once, slices and maps that grow from nothing, goroutines that come and wait for ever, deep stacks. With
// the argument "calm" it does none of that.
package main

import (
	"io"
	"os"
	"runtime/pprof"
	"time"
)

type node struct {
	left, right *node
	fill        [6]uint64
}

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

// kept is what lives for good. The others keep the compiler from leaving allocations out.
var (
	kept    *node
	buffer  []byte
	numbers []uint64
	table   map[uint64]uint64
)

func main() {
	if err := pprof.WriteHeapProfile(io.Discard); err != nil { // without it the linker leaves profiles out
		os.Exit(1)
	}
	kept = tree(17)
	if len(os.Args) < 2 || os.Args[1] != "calm" {
		never := make(chan struct{})
		for range 200 {
			go deep(64, never)
		}
		go every(2*time.Millisecond, func() { render(); collect(); index() })
		go every(40*time.Millisecond, func() { go forgotten(never) })
	}
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func every(d time.Duration, f func()) {
	for range time.Tick(d) {
		f()
	}
}

// render allocates 128 kB that nobody keeps.
func render() {
	for range 16 {
		buffer = make([]byte, 8<<10)
	}
}

// collect lets a slice grow from nothing.
func collect() {
	numbers = nil
	for i := range uint64(8000) {
		numbers = append(numbers, i)
	}
}

// index lets a map grow from nothing.
func index() {
	table = map[uint64]uint64{}
	for i := range uint64(3000) {
		table[i] = i
	}
}

func forgotten(never chan struct{}) { <-never }

// deep has a stack of more than 100 kB when it waits.
func deep(calls int, never chan struct{}) byte {
	var frame [1 << 11]byte
	if calls == 0 {
		<-never
	}
	frame[calls] = deep(calls-1, never)
	return frame[calls/2]
}
