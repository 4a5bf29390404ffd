package cli_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof" // the endpoint that scripts watch
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alloc-dev/heaptop/cmd/internal/cli"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestMain lets the test binary be heaptop in scripts.
func TestMain(m *testing.M) {
	if os.Getenv("HEAPTOP_TEST_PANIC") != "" {
		panicOnScreen()
	}
	testscript.Main(cleaning{m}, map[string]func(){
		"heaptop": func() { os.Exit(cli.Main(context.Background(), cli.System(), os.Args[1:])) },
	})
}

// cleaning removes the binary that pty tests built.
type cleaning struct{ m *testing.M }

func (c cleaning) Run() int {
	defer os.RemoveAll(builtDir)
	return c.m.Run()
}

var builtDir = filepath.Join(os.TempDir(), fmt.Sprintf("heaptop-cli-test-%d", os.Getpid()))

// build compiles heaptop once for all tests and returns its path.
var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builtDir, "heaptop")
	out, err := exec.Command("go", "build", "-o", path, "github.com/alloc-dev/heaptop/cmd/heaptop").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build heaptop: %w\n%s", err, out)
	}
	return path, nil
})

// heaptop returns the path of the program. It is built without the race detector, which would see nothing of it: under
// that the test ends as skipped.
func heaptop(t testing.TB) string {
	t.Helper()
	samplertest.NotUnderRace(t)
	samplertest.Tool(t, "go")
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScripts(t *testing.T) {
	for _, tool := range []string{"sh", "sleep", "cp", "head", "pgrep"} {
		samplertest.Tool(t, tool)
	}
	servers, files := startServers(t), writeSnapshots(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for name, url := range servers {
				env.Setenv(name, url)
			}
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state")) // for black boxes
			for name, path := range files {
				env.Setenv(name, path)
			}
			env.Setenv("NAME", fmt.Sprintf("ht%d", os.Getpid()%100000))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"lastline": lastLine,
		},
	})
}

// lastLine is a script command: the last line on stderr is exactly that.
func lastLine(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimRight(ts.ReadFile("stderr"), "\n"), "\n")
	if got := lines[len(lines)-1]; (got == args[0]) == neg {
		ts.Fatalf("the last line on stderr is %q, want %q", got, args[0])
	}
}

// startServers starts servers that misbehave in the ways that a wrong URL does, and one that is a Go program with pprof.
func startServers(t *testing.T) map[string]string {
	t.Helper()
	holdMemory(t)
	stop := make(chan struct{})
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	urls := map[string]string{
		"HTML": serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html><body>hello \x1b[31m</body></html>")
		}),
		"BROKEN":  serve(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadGateway) }),
		"MISSING": serve(http.NotFound),
		"HANGING": serve(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}),
		"HUGE": serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/octet-stream")
			chunk := make([]byte, 1<<20)
			for range 2048 {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}),
		"PPROF":  serve(http.DefaultServeMux.ServeHTTP),
		"CLOSED": closedPort(t),
	}
	t.Cleanup(func() { close(stop) }) // before the servers close, which wait for their requests
	return urls
}

// holdMemory gives this process, which is the Go program with pprof, allocation sites that its heap profile shows.
func holdMemory(t *testing.T) {
	t.Helper()
	held := make([][]byte, 16)
	for i := range held {
		held[i] = make([]byte, 1<<20) // each is sampled with a probability of 86 %
	}
	for range 2 { // a profile is published two collections late
		runtime.GC()
	}
	t.Cleanup(func() { runtime.KeepAlive(held) })
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// until polls the condition, for at most 30 s.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("not within 30 s: %s", what)
}
