// Command leaky is a program that does one thing to its memory, which its argument names, until it is ended. Some are
// leaks and some only look like it. The tests of heaptop judge it from outside.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"
)

const tick = 10 * time.Millisecond

// base is what the program needs and never gives back.
var base [][]byte

// sink receives garbage.
var sink []byte

//go:noinline
func settle() {
	for range 300 {
		b := make([]byte, 64<<10)
		for i := range b {
			b[i] = 1
		}
		base = append(base, b)
	}
}

// garbage makes the collector run about twice a second.
//
//go:noinline
func garbage(bytes int) {
	for ; bytes > 0; bytes -= 8 << 10 {
		sink = make([]byte, 8<<10)
	}
}

var sessions = map[string][]byte{}

//go:noinline
func remember(i int) { sessions["user "+strconv.Itoa(i)] = make([]byte, 4<<10) }

var (
	cache = map[int][]byte{}
	place int
)

//go:noinline
func store(i int) { cache[i] = make([]byte, 5<<10) }

// cached fills a cache, and once it is full puts each new entry in the place of another.
func cached(i int) {
	const most = 4500
	if i < most {
		store(i)
		return
	}
	place = (place + 7) % most
	store(place)
}

//go:noinline
func wait(news chan int) { <-news }

//go:noinline
func subscribe() { go wait(make(chan int)) }

type event struct {
	at   int
	data [30]int
}

// logs are of users, some of whom do much more than others.
var logs [24][]event

//go:noinline
func record(i int) {
	part := float64(i*7919%1009) / 1009
	user := int(part * part * float64(len(logs)))
	logs[user] = append(logs[user], event{at: i})
}

// working is what requests in flight need: by the load, which rises and falls.
var working [][]byte

//go:noinline
func request() []byte { return make([]byte, 32<<10) }

func serve(i int) {
	load := 1 + math.Sin(float64(i)/190)
	want := int(150 * load)
	for len(working) > want {
		working = working[:len(working)-1]
	}
	clear(working[len(working):cap(working)])
	for len(working) < want {
		working = append(working, request())
	}
	if want > 0 {
		working[i%want] = request()
	}
	garbage(int(200e3 * load))
}

// readable lets any process of this user read this one, where the kernel lets only parents do.
func readable() {
	const setPtracer, anyone = 0x59616d61, ^uintptr(0)
	syscall.RawSyscall(syscall.SYS_PRCTL, setPtracer, anyone, 0) // kernels without such a rule refuse
}

// steps are what is done every tick, by name.
func steps() map[string]func(i int) {
	return map[string]func(int){
		"map":        remember,
		"goroutines": func(i int) { every(4, i, subscribe) },
		"cache":      cached,
		"load":       serve,
		"append":     func(i int) { record(4 * i); record(4*i + 1); record(4*i + 2); record(4*i + 3) },
		"mmap":       func(i int) { every(10, i, mapped) },
		"malloc":     func(i int) { every(2, i, allocated) },
		"flat":       func(int) {},
		"profile":    func(int) { _ = pprof.WriteHeapProfile(os.Stdout) }, // a program that could write one records its sites
	}
}

func every(n, i int, f func()) {
	if i%n == 0 {
		f()
	}
}

func main() {
	readable()
	if len(os.Args) != 2 || steps()[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "what should leak?")
		os.Exit(2)
	}
	step := steps()[os.Args[1]]
	settle()
	fmt.Println("running")
	begun := time.Now()
	for i := 0; ; i++ {
		step(i)
		garbage(400e3)
		time.Sleep(time.Until(begun.Add(time.Duration(i+1) * tick)))
	}
}
