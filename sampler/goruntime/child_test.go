package goruntime

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/agent"
)

// The tests watch this very binary, started again as a program of its own. It takes commands on stdin, a line each, and
// answers each with a line.
func TestMain(m *testing.M) {
	if os.Getenv("HEAPTOP_CHILD") == "" {
		os.Exit(m.Run())
	}
	c := &server{}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		word, rest, _ := strings.Cut(in.Text(), " ")
		if err := c.do(word, rest); err != nil {
			fmt.Println("error:", err)
		}
	}
}

// server is the program that is watched.
type server struct {
	held   [][]byte
	closer io.Closer
	mu     sync.Mutex
	asked  []string
}

// truth is what the program says of itself.
type truth struct {
	MemStats   runtime.MemStats
	Goroutines int
	Addr       string
	Asked      []string // of the endpoint, until now
}

func (c *server) do(word, rest string) error {
	var t truth
	switch word {
	case "agent":
		closer, err := agent.Listen(agent.Options{})
		if err != nil {
			return err
		}
		c.closer = closer
	case "stop":
		if err := c.closer.Close(); err != nil {
			return err
		}
	case "pprof":
		l, err := net.Listen("tcp", rest)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/debug/pprof/", func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			c.asked = append(c.asked, r.Method+" "+r.URL.String())
			c.mu.Unlock()
			pprof.Index(w, r)
		})
		go http.Serve(l, mux)
		t.Addr = l.Addr().String()
	case "hold":
		for range 64 {
			c.held = append(c.held, holdOneMiB())
		}
	case "park":
		for range 10 {
			go func() { select {} }()
		}
	case "gc":
		runtime.GC()
	case "log":
		chatter(rest, log.LstdFlags|log.Lmsgprefix)
	case "count":
		chatter("", 0)
	}
	runtime.ReadMemStats(&t.MemStats)
	t.Goroutines = runtime.NumGoroutine()
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Asked = c.asked
	return json.NewEncoder(os.Stdout).Encode(t)
}

//go:noinline
func holdOneMiB() []byte { return bytes.Repeat([]byte{1}, 1<<20) }

const logLines = 50_000

// chatter logs numbered lines while the collector runs all the time.
func chatter(prefix string, flags int) {
	l := log.New(os.Stderr, prefix, flags)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range logLines {
			l.Print(i)
		}
	}()
	for n := 0; ; n++ {
		select {
		case <-done:
			return
		default:
			runtime.KeepAlive(make([]byte, 3<<20))
			if n%50 == 0 {
				runtime.GC()
			}
		}
	}
}

// child is the running program.
type child struct {
	t   testing.TB
	pid int
	in  io.WriteCloser
	out *bufio.Scanner
	cmd *exec.Cmd
}

// start runs the program with more environment. Its run-time folder is this test's own.
func start(t testing.TB, stderr io.Writer, env ...string) *child {
	t.Helper()
	dir, err := os.MkdirTemp("", "ht")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
	c := &child{t: t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(append(os.Environ(), "HEAPTOP_CHILD=1"), env...)
	c.cmd.Stderr = stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.pid = c.cmd.Process.Pid
	c.out = bufio.NewScanner(out)
	c.out.Buffer(nil, 1<<20)
	t.Cleanup(c.end)
	return c
}

func (c *child) end() {
	c.in.Close()
	c.cmd.Wait()
}

// do gives the program a command and returns what it then says of itself.
func (c *child) do(command string) truth {
	c.t.Helper()
	fmt.Fprintln(c.in, command)
	if !c.out.Scan() {
		c.t.Fatalf("%s: the program has ended: %v", command, c.out.Err())
	}
	var t truth
	if err := json.Unmarshal(c.out.Bytes(), &t); err != nil {
		c.t.Fatalf("%s: %s", command, c.out.Text())
	}
	return t
}

func (c *child) target() sampler.Target { return sampler.Target{Kind: sampler.KindProcess, PID: c.pid} }

// until reads the session until ok is content with a reading.
func until(t *testing.T, s sampler.Session, what string, ok func(*sampler.Snapshot) bool) *sampler.Snapshot {
	t.Helper()
	var snap sampler.Snapshot
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if err := s.Read(t.Context(), &snap); err != nil {
			t.Fatal(err)
		}
		if ok(&snap) {
			return &snap
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: never so; the last reading is %+v", what, snap)
		}
	}
}
