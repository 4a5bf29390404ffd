// Command whatif runs one of three workloads at a fixed rate for a fixed time, and then prints what the runtime itself
// says of its second part: the largest heap, the collections and the processor time. Predictions are compared with it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/alloc-dev/heaptop/sampler/scenario/demo"
)

// result is what is printed.
type result struct {
	PeakHeap float64 `json:"peak_heap_bytes"`
	GCCPU    float64 `json:"gc_cpu_percent"`
	Cycles   float64 `json:"cycles"`
	Live     float64 `json:"live_bytes"`
	Allocs   float64 `json:"alloc_bytes"`
	Used     float64 `json:"used_cpu_seconds"`
}

func main() {
	load := flag.String("load", "large", "large, fast or demo")
	warmup := flag.Duration("warmup", time.Second, "time before measuring begins")
	measure := flag.Duration("measure", 2*time.Second, "time that is measured")
	flag.Parse()
	work, ok := map[string]func(context.Context){"large": large, "fast": fast, "demo": shop}[*load]
	if !ok {
		fmt.Fprintf(os.Stderr, "no workload %q\n", *load)
		os.Exit(2)
	}
	ctx, stop := context.WithTimeout(context.Background(), *warmup+*measure)
	defer stop()
	done := make(chan result, 1)
	go func() { done <- watch(ctx, *warmup) }()
	work(ctx)
	if err := json.NewEncoder(os.Stdout).Encode(<-done); err != nil {
		os.Exit(1)
	}
}

// node is an object with pointers, so that the collector has something to follow.
type node struct {
	left, right *node
	fill        [6]uint64
}

// sink keeps the compiler from leaving allocations out.
var sink *node

func tree(depth int) *node {
	if depth == 0 {
		return &node{}
	}
	return &node{left: tree(depth - 1), right: tree(depth - 1)}
}

// paced calls step every few milliseconds until ctx ends, whatever a step takes.
func paced(ctx context.Context, step func()) {
	clock := time.NewTicker(4 * time.Millisecond)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.C:
			step()
		}
	}
}

// large holds 33 MB that live for good, and allocates 40 MB/s.
func large(ctx context.Context) {
	kept := tree(18)
	paced(ctx, func() { churn(40 << 20 / 250) })
	runtime.KeepAlive(kept)
}

// fast holds 8 MB, and allocates 150 MB/s.
func fast(ctx context.Context) {
	kept := tree(16)
	paced(ctx, func() { churn(150 << 20 / 250) })
	runtime.KeepAlive(kept)
}

// churn allocates so many bytes, and does a little with each object.
func churn(bytes int) {
	const size = 64
	for i := range bytes / size {
		n := &node{}
		for j := range n.fill {
			n.fill[j] = uint64(i * j)
		}
		sink = n
	}
}

func shop(ctx context.Context) {
	if err := demo.Run(ctx, io.Discard, demo.DefaultSeed); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	objects = iota
	allocs
	cycles
	live
	assist
	dedicated
	pause
	total
	idle
	idleMark
)

func samples() []metrics.Sample {
	return []metrics.Sample{
		objects:   {Name: "/memory/classes/heap/objects:bytes"},
		allocs:    {Name: "/gc/heap/allocs:bytes"},
		cycles:    {Name: "/gc/cycles/total:gc-cycles"},
		live:      {Name: "/gc/heap/live:bytes"},
		assist:    {Name: "/cpu/classes/gc/mark/assist:cpu-seconds"},
		dedicated: {Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		pause:     {Name: "/cpu/classes/gc/pause:cpu-seconds"},
		total:     {Name: "/cpu/classes/total:cpu-seconds"},
		idle:      {Name: "/cpu/classes/idle:cpu-seconds"},
		idleMark:  {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"},
	}
}

// watch measures from the end of the warm-up until ctx ends.
func watch(ctx context.Context, warmup time.Duration) result {
	time.Sleep(warmup)
	first, now, heap := samples(), samples(), samples()[:1]
	metrics.Read(first)
	peak := 0.0
	clock := time.NewTicker(time.Millisecond)
	defer clock.Stop()
	for ctx.Err() == nil {
		<-clock.C
		metrics.Read(heap)
		peak = max(peak, float64(heap[0].Value.Uint64()))
	}
	metrics.Read(now)
	seconds := func(i int) float64 { return now[i].Value.Float64() - first[i].Value.Float64() }
	count := func(i int) float64 { return float64(now[i].Value.Uint64() - first[i].Value.Uint64()) }
	used := seconds(total) - seconds(idle) - seconds(idleMark)
	r := result{PeakHeap: peak, Cycles: count(cycles), Live: float64(now[live].Value.Uint64()), Allocs: count(allocs), Used: used}
	if used > 0 {
		r.GCCPU = 100 * (seconds(assist) + seconds(dedicated) + seconds(pause)) / used
	}
	return r
}
