// Command leaky is the program in which the tests of goproc look for who holds what. It keeps memory in known ways, and
// says on its standard output when it has; then it waits for its standard input to end.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

type session struct {
	id    string
	blob  []byte
	attrs [2]string
	next  *session
}

type node struct {
	payload *[2048]byte
	next    *node
}

type tree struct {
	left, right *tree
	data        *[7]uint64
}

var (
	sessions = map[string]*session{} // the first leak: entries that nobody removes
	chain    *node
	table    []any
	byIndex  []*session // holds some of the sessions a second time
	forest   []*tree
	started  sync.WaitGroup
)

//go:noinline
func newSession(i int) *session {
	return &session{id: strconv.Itoa(i), blob: newBlob(4096 + i%1000)}
}

//go:noinline
func newBlob(n int) []byte { return make([]byte, n) }

//go:noinline
func newBuffer(n int) []byte { return make([]byte, n) }

//go:noinline
func newShared(n int) []byte { return make([]byte, n) }

// worker is the second leak: it waits for ever and keeps its buffer.
//
//go:noinline
func worker(jobs chan int) {
	buf := newBuffer(20_000)
	started.Done()
	waitForJob(jobs, buf)
	runtime.KeepAlive(buf)
}

//go:noinline
func waitForJob(jobs chan int, buf []byte) {
	buf[<-jobs]++
}

//go:noinline
func push() { chain = &node{payload: new([2048]byte), next: chain} }

//go:noinline
func plant(depth int) *tree {
	if depth == 0 {
		return nil
	}
	return &tree{plant(depth - 1), plant(depth - 1), new([7]uint64)}
}

//go:noinline
func leak(n int) {
	for i := 0; i < n; i++ {
		s := newSession(i)
		sessions[s.id] = s
		push()
	}
	for i := 0; i < n/10; i++ {
		s := &session{id: "shared", blob: newShared(9000)}
		byIndex = append(byIndex, s)
		sessions["s"+strconv.Itoa(i)] = s
		table = append(table, &session{id: "boxed"})
	}
}

func env(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

func main() {
	setRate(env("LEAKY_RATE", 4096))
	leak(env("LEAKY_SESSIONS", 2000))
	for i := 0; i < env("LEAKY_TREES", 0); i++ {
		forest = append(forest, plant(10))
	}
	jobs := make(chan int)
	for i := 0; i < env("LEAKY_WORKERS", 50); i++ {
		started.Add(1)
		go worker(jobs)
	}
	started.Wait()
	time.Sleep(20 * time.Millisecond) // let the workers block
	runtime.GC()
	runtime.GC()
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if in.Text() == "gc" {
			runtime.GC()
		}
		fmt.Println("done")
	}
	runtime.KeepAlive(jobs)
}
