package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof" // the alternative: what programs serve today
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// node is an object of the heap that is made to be looked at: it points on, as those of real programs do.
type node struct {
	next *node
	data []byte
}

// child is what this program does when it was started as a target.
func child(args []string) error {
	switch args[0] {
	case "heap": // bytes of live heap, goroutines that wait; serves net/http/pprof and says where
		size, _ := strconv.Atoi(args[1])
		parked, _ := strconv.Atoi(args[2])
		return heap(size, parked)
	case "loop": // bytes that are resident in small pages; maps and unmaps; prints latencies when asked by a byte
		size, _ := strconv.Atoi(args[1])
		return loop(size)
	}
	return fmt.Errorf("no such child: %s", args[0])
}

func heap(size, parked int) error {
	live := fill(size)
	wait := make(chan struct{})
	for range parked {
		go func() { <-wait }()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	http.HandleFunc("/memstats", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		began := time.Now()
		runtime.ReadMemStats(&m)
		fmt.Fprint(w, time.Since(began).Nanoseconds())
	})
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // until whoever started this is gone
		_ = listener.Close()                 // ends Serve
	}()
	_ = http.Serve(listener, nil) // it says that it was closed
	runtime.KeepAlive(live)
	return nil
}

// fill makes a live heap of about so many bytes, in objects of 64 bytes to 4 kB.
func fill(size int) *node {
	var first *node
	for i, made := 0, 0; made < size; i++ {
		n := 64 << (i % 7)
		first = &node{next: first, data: make([]byte, n)}
		made += n + 32
	}
	return first
}

// loop maps 64 kB, touches a page and unmaps it, again and again, beside much resident memory in small pages.
func loop(size int) error {
	ballast, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		err = syscall.Madvise(ballast, syscall.MADV_NOHUGEPAGE)
	}
	if err != nil {
		return fmt.Errorf("map %d bytes: %w", size, err)
	}
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	fmt.Println("ready")
	var ended, gone atomic.Bool // the period whose latencies are collected; whoever started this
	go func() {
		buf := make([]byte, 1)
		for {
			if _, err := os.Stdin.Read(buf); err != nil {
				gone.Store(true)
				return
			}
			ended.Store(true)
		}
	}()
	runtime.LockOSThread()
	times := make([]int64, 0, 1<<22)
	for !gone.Load() {
		t, err := once()
		if err != nil {
			return fmt.Errorf("map and unmap: %w", err)
		}
		if len(times) < cap(times) {
			times = append(times, t)
		}
		if ended.CompareAndSwap(true, false) { // its latencies in ns: how many, the median, the 99.9th percentile, the largest
			slices.Sort(times)
			at := func(q float64) int64 { return times[min(len(times)-1, int(q*float64(len(times))))] }
			fmt.Printf("%d %d %d %d\n", len(times), at(0.5), at(0.999), times[len(times)-1])
			times = times[:0]
		}
	}
	return nil
}

// once is one turn of the loop.
func once() (int64, error) {
	began := time.Now()
	m, err := syscall.Mmap(-1, 0, 64<<10, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return 0, err
	}
	m[0] = 1
	err = syscall.Munmap(m)
	return time.Since(began).Nanoseconds(), err
}
