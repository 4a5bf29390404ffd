// Command target is the program the tests of goproc read from outside. It allocates and starts goroutines in known
// ways, then answers commands on its standard input, one line of JSON each, with what its own runtime says.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

type session struct {
	id    int
	blob  []byte
	attrs map[string]string
	next  *session
}

var (
	sessions []*session
	bigs     [][]byte
	locked   sync.Mutex
	stop     = make(chan struct{})
	sink     []byte
)

//go:noinline
func leakSession(i int) {
	s := &session{id: i, blob: make([]byte, 1024+i%4096), attrs: map[string]string{"k": strconv.Itoa(i)}}
	sessions = append(sessions, s)
}

//go:noinline
func leakBig() { bigs = append(bigs, makeBuf(3<<20)) }

func makeBuf(n int) []byte { return make([]byte, n) } // inlined

// keeper's method is called through a wrapper of the compiler's, into which it and makeBuf are inlined.
type keeper struct{ kept [][]byte }

func (k *keeper) keep(n int) { k.kept = append(k.kept, makeBuf(n)) }

var kept keeper

//go:noinline
func call(f func(int), n int) { f(n) }

//go:noinline
func blockedReceive(c chan int) { <-c }

//go:noinline
func blockedSelect(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

//go:noinline
func blockedMutex() {
	locked.Lock()
	defer locked.Unlock()
}

//go:noinline
func sleeper() { time.Sleep(time.Hour) }

//go:noinline
func nested(depth int, c chan int) {
	if depth == 0 {
		blockedReceive(c)
		return
	}
	nested(depth-1, c)
}

func churn() {
	for {
		select {
		case <-stop:
			return
		default:
		}
		for i := 0; i < 200; i++ {
			sink = makeBuf(512 + i)
		}
		c := make(chan int)
		go func() { nested(runtime.NumGoroutine()%17, c) }()
		c <- 1
	}
}

// answer is the target's own view, taken as soon as it is asked and before anything is allocated for the answer.
type answer struct {
	MemStats   runtime.MemStats
	Metrics    map[string]float64
	Histogram  []uint64
	Buckets    []float64
	Goroutines int
	Profile    []byte
	Nanos      int64
}

var (
	mem     runtime.MemStats
	samples []metrics.Sample
)

func prime() {
	for _, d := range metrics.All() {
		if d.Kind == metrics.KindUint64 || d.Kind == metrics.KindFloat64 {
			samples = append(samples, metrics.Sample{Name: d.Name})
		}
	}
	samples = append(samples, metrics.Sample{Name: "/gc/pauses:seconds"})
	metrics.Read(samples)
	runtime.ReadMemStats(&mem)
}

func stats() answer {
	metrics.Read(samples)
	n := runtime.NumGoroutine()
	t := time.Now()
	runtime.ReadMemStats(&mem)
	a := answer{MemStats: mem, Metrics: map[string]float64{}, Goroutines: n, Nanos: int64(time.Since(t))}
	for _, s := range samples {
		switch s.Value.Kind() {
		case metrics.KindUint64:
			a.Metrics[s.Name] = float64(s.Value.Uint64())
		case metrics.KindFloat64:
			a.Metrics[s.Name] = s.Value.Float64()
		case metrics.KindFloat64Histogram:
			h := s.Value.Float64Histogram()
			a.Histogram, a.Buckets = h.Counts, h.Buckets[1:len(h.Buckets)-1]
		}
	}
	return a
}

func start(n int, c, d chan int) {
	for i := 0; i < n; i++ {
		go blockedReceive(c)
		if i%2 == 0 {
			go blockedSelect(c, d)
		}
		if i%4 == 0 {
			go blockedMutex()
		}
		if i%10 == 0 {
			go sleeper()
		}
	}
}

func env(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

func main() {
	setRate(env("TARGET_RATE", 64<<10))
	prime()
	locked.Lock()
	c, d := make(chan int), make(chan int)
	start(env("TARGET_GOROUTINES", 40), c, d)
	go nested(5, c)
	for i := 0; i < env("TARGET_SESSIONS", 4000); i++ {
		leakSession(i)
	}
	for i := 0; i < 4; i++ {
		leakBig()
	}
	for i := 0; i < 64; i++ {
		call(kept.keep, 64<<10)
	}
	time.Sleep(20 * time.Millisecond) // let the goroutines block
	runtime.GC()
	runtime.GC()
	fmt.Println(`{}`)
	loop()
}

func loop() {
	buf := make([]byte, 256)
	for {
		n, err := os.Stdin.Read(buf)
		if err != nil || n == 0 {
			return
		}
		line := buf[:n]
		var a answer
		if n >= 5 && string(line[:5]) == "stats" {
			a = stats()
		} else {
			a = do(strings.Fields(string(line)))
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
	}
}

// work allocates some MiB, most of it garbage, and says what processor time that took.
func work(mib int) (a answer) {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for i := 0; i < mib<<10; i++ {
		sink = makeBuf(1024)
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	a.Nanos = after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	runtime.ReadMemStats(&a.MemStats)
	return a
}

func do(words []string) (a answer) {
	arg := 0
	if len(words) > 1 {
		arg, _ = strconv.Atoi(words[1])
	}
	switch words[0] {
	case "heap", "goroutine":
		t := time.Now()
		a.Profile = profile(words[0])
		a.Nanos = int64(time.Since(t))
	case "work":
		a = work(arg)
	case "gc":
		runtime.GC()
	case "free":
		debug.FreeOSMemory()
	case "limit":
		debug.SetMemoryLimit(int64(arg))
	case "gogc":
		debug.SetGCPercent(arg)
	case "procs":
		runtime.GOMAXPROCS(arg)
	case "leak":
		for i := 0; i < arg; i++ {
			leakSession(i)
		}
	case "go":
		start(arg, make(chan int), make(chan int))
		time.Sleep(20 * time.Millisecond)
	case "churn":
		for i := 0; i < arg; i++ {
			go churn()
		}
	case "quiet":
		close(stop)
		stop = make(chan struct{})
		time.Sleep(20 * time.Millisecond)
	case "exec":
		exe, _ := os.Executable()
		err := syscall.Exec(exe, []string{exe}, os.Environ())
		fmt.Fprintln(os.Stderr, err)
	case "exit":
		os.Exit(arg)
	}
	return a
}
