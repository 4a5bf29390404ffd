package launch_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alloc-dev/heaptop/sampler/agent"
	"github.com/alloc-dev/heaptop/sampler/launch"
)

// partEnv makes the test binary play a program that is measured.
const partEnv = "HEAPTOP_LAUNCH_PART"

// parts are those programs.
var parts = map[string]func(){
	// late has 300 MiB in its last moments.
	"late": func() {
		time.Sleep(20 * time.Millisecond)
		touch(300 * mib)
		os.Exit(0)
	},
	// phases marks what it is doing, for how many, and how much of it is done.
	"phases": func() {
		agent.Sessions(0)
		agent.Sessions(2)
		agent.Sessions(7)
		agent.Sessions(100_000_000)
		for _, name := range []string{"baseline", "warm-up", "work\x1b[31m"} {
			agent.Phase(name)
		}
		agent.Worked(40)
		agent.Worked(2)
		agent.Checkpoint("alive")
		agent.Phase("tear-down")
		os.Exit(0)
	},
	// mark prints its own high-water mark.
	"mark": func() {
		touch(50 * mib)
		data, err := os.ReadFile("/proc/self/status")
		if err != nil {
			panic(err)
		}
		_, after, _ := strings.Cut(string(data), "VmHWM:")
		var n int
		if _, err := fmt.Sscan(after, &n); err != nil {
			panic(err)
		}
		fmt.Println(n * 1024)
	},
	"short": func() {
		needle = []byte(strings.ToLower("NEEDLE-IN-THE-") + strings.ToLower("HAYSTACK"))
		time.Sleep(80 * time.Millisecond)
	},
	"threads": func() {
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
				runtime.LockOSThread() // the thread ends with it
				for range 20 {
					b := make([]byte, mib)
					runtime.Gosched()
					runtime.KeepAlive(b)
				}
			})
		}
		for range 20 {
			runtime.GC()
		}
		wait.Wait()
		fmt.Println("done")
	},
	// busy collects all the time while others compute, so that the runtime interrupts them by signals.
	"busy": func() {
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for i := range 200_000_000 {
					if i == -1 {
						panic(i)
					}
				}
			})
		}
		for range 500 {
			runtime.GC()
		}
		wait.Wait()
	},
	// exec becomes another program, by another thread than the main one.
	"exec": func() {
		touch(60 * mib)
		for range 2 {
			go func() {
				runtime.LockOSThread()
				if syscall.Gettid() != syscall.Getpid() {
					panic(syscall.Exec("/bin/true", []string{"true"}, nil))
				}
				select {}
			}()
		}
		select {}
	},
	// leader ends its main thread first, and works on.
	"leader": func() {
		for range 4 {
			go func() {
				runtime.LockOSThread()
				if syscall.Gettid() == syscall.Getpid() {
					syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0)
				}
				select {}
			}()
		}
		time.Sleep(50 * time.Millisecond)
		touch(60 * mib)
		os.Exit(6)
	},
	// noexec tries to start what is no program: its child shares its memory and ends without any of its own.
	"noexec": func() {
		touch(60 * mib)
		path := os.Getenv("NO_PROGRAM")
		for range 3 {
			if exec.Command(path).Run() == nil {
				panic("it runs")
			}
		}
	},
	// mainexec becomes another program by its main thread.
	"mainexec": func() {
		touch(300 * mib)
		panic(syscall.Exec("/bin/true", []string{"true"}, nil))
	},
	"checkpoint": func() {
		keep := make([]byte, 10*mib)
		agent.Checkpoint("first")
		agent.Checkpoint("second\x1b[31m")
		runtime.KeepAlive(keep)
		fmt.Println("after")
	},
	"flood": func() {
		b := []byte(strings.Repeat("0123456789abcde\n", 4096))
		n, err := strconv.Atoi(os.Getenv("FLOOD_MIB"))
		if err != nil {
			panic(err)
		}
		for range 16 * n {
			if _, err := os.Stdout.Write(b); err != nil {
				os.Exit(1)
			}
		}
	},
	"echo": func() {
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			os.Exit(1)
		}
	},
	// heaptop measures a command itself.
	"heaptop": func() {
		os.Unsetenv(partEnv)
		m, err := launch.Measure(context.Background(), launch.MeasureOptions{Args: shell("sleep 0.05; exit 4"), Timeout: time.Minute})
		if err != nil {
			panic(err)
		}
		e, _ := m.Exit()
		fmt.Println(m.Cause, e.ExitCode, m.Traced, m.Untraced)
	},
	"touch": func() { touch(400 * mib) },
}

var needle []byte

// touch makes n bytes resident.
func touch(n int) {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
}
