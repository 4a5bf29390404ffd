// Command leakserver is a server without any endpoint that leaks in two ways: map entries that a variable keeps, and
// goroutines that wait for ever and keep their buffers. The tests of heaptop find both from outside.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

type session struct {
	user string
	data []byte
}

var (
	sessions = map[string]*session{}
	garbage  []byte
)

//go:noinline
func remember(i int) {
	s := &session{user: "user " + strconv.Itoa(i), data: make([]byte, 16<<10)}
	sessions[s.user] = s
}

//go:noinline
func subscriber(news chan int) {
	buffer := make([]byte, 256<<10)
	wait(news, buffer)
	runtime.KeepAlive(buffer)
}

//go:noinline
func wait(news chan int, buffer []byte) { buffer[0] = byte(<-news) }

// readable lets any process of this user read this one, where the kernel lets only parents do.
func readable() {
	const setPtracer, anyone = 0x59616d61, ^uintptr(0)
	syscall.RawSyscall(syscall.SYS_PRCTL, setPtracer, anyone, 0) // kernels without such a rule refuse
}

func main() {
	readable()
	if len(os.Args) > 1 {
		_ = profile()
		return
	}
	news := make(chan int)
	for range 40 {
		go subscriber(news)
	}
	for i := range 1500 {
		remember(i)
	}
	fmt.Println("serving")
	for i := 1500; ; i++ { // traffic: some garbage, a little of the leak
		for range 4 {
			garbage = make([]byte, 64<<10)
		}
		if i%20 == 0 {
			remember(i)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
