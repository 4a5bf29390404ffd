package goproc

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// answer is what the target says of itself; see testdata/target.
type answer struct {
	MemStats   runtime.MemStats
	Metrics    map[string]float64
	Histogram  []uint64
	Buckets    []float64
	Goroutines int
	Profile    []byte
	Nanos      int64
}

// variant is a way to build the target.
type variant struct {
	name string
	args []string
	env  []string
}

func stripped() variant {
	return variant{name: "stripped", args: []string{"-ldflags=-s -w"}, env: []string{"CGO_ENABLED=0"}}
}

func normal() variant { return variant{name: "normal"} }

func variants() []variant {
	return []variant{
		normal(),
		{name: "no DWARF", args: []string{"-ldflags=-w"}},
		stripped(),
		{name: "stripped with cgo", args: []string{"-ldflags=-s -w"}},
		{name: "PIE", args: []string{"-buildmode=pie"}},
		{name: "stripped PIE", args: []string{"-buildmode=pie", "-ldflags=-s -w"}},
		{name: "stripped trimpath", args: []string{"-trimpath", "-ldflags=-s -w"}, env: []string{"CGO_ENABLED=0"}},
		{name: "no cgo", env: []string{"CGO_ENABLED=0"}},
		{name: "GOAMD64=v3 stripped", args: []string{"-ldflags=-s -w"}, env: []string{"GOAMD64=v3", "CGO_ENABLED=0"}},
		{name: "race", args: []string{"-race"}, env: []string{"CGO_ENABLED=1"}},
		{name: "without pprof", args: []string{"-tags=nopprof"}},
		{name: "without pprof, stripped", args: []string{"-tags=nopprof", "-ldflags=-s -w"}},
	}
}

// builder builds each variant of the target once for the whole test run.
type builder struct {
	mu    sync.Mutex
	dir   string
	built map[string]string
}

var builds = &builder{built: map[string]string{}}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "goproc-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	builds.dir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func (b *builder) build(t testing.TB, v variant) string {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if path, ok := b.built[v.name]; ok {
		return path
	}
	path := filepath.Join(b.dir, fmt.Sprintf("target%d", len(b.built)))
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, v.args...), ".")...)
	cmd.Dir = "testdata/target"
	cmd.Env = append(append(os.Environ(), "GOFLAGS=", "GOWORK=off"), v.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the target (%s): %v\n%s", v.name, err, out)
	}
	b.built[v.name] = path
	return path
}

// child is a running target.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startTarget(t testing.TB, v variant, env ...string) *child {
	t.Helper()
	cmd := exec.Command(builds.build(t, v))
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(c.stop)
	c.read()
	return c
}

func (c *child) stop() {
	c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) read() answer {
	c.t.Helper()
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		c.t.Fatalf("read the target's answer: %v", err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		c.t.Fatalf("the target's answer %.80q: %v", line, err)
	}
	return a
}

// ask sends a command and returns the answer.
func (c *child) ask(format string, args ...any) answer {
	c.t.Helper()
	c.tell(format, args...)
	return c.read()
}

func (c *child) tell(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.in, format+"\n", args...); err != nil {
		c.t.Fatalf("ask the target: %v", err)
	}
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) target() sampler.Target {
	return sampler.Target{Kind: sampler.KindProcess, PID: c.pid()}
}

func (c *child) open(o Options) *Session {
	c.t.Helper()
	s, err := Source{o}.Open(context.Background(), c.target())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { s.Close() })
	return s.(*Session)
}

// eventually repeats a comparison of a moving target with our reading of it until they agree.
func eventually(t *testing.T, what string, compare func() (difference string)) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	var diff string
	for tries := 0; tries < 50 && time.Now().Before(deadline); tries++ {
		if diff = compare(); diff == "" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s:\n%s", what, strings.TrimRight(diff, "\n"))
}
