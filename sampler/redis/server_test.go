package redis

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// server is a redis-server of the test's own on a unix socket.
type server struct {
	t    testing.TB
	sock string
	cmd  *exec.Cmd
	cli  string
}

// start starts a redis-server, which ends with the test.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{t: t, cli: samplertest.Tool(t, "redis-cli")}
	s.sock, s.cmd = samplertest.RedisServer(t, args...)
	return s
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// do sends a command with redis-cli and returns what it prints.
func (s *server) do(args ...string) string {
	s.t.Helper()
	out, err := exec.Command(s.cli, append([]string{"-s", s.sock}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("redis-cli %q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(strings.ReplaceAll(string(out), "\r", ""))
}

// fill writes n strings of size bytes.
func (s *server) fill(n, size int) {
	s.t.Helper()
	s.do("EVAL", fmt.Sprintf("for i=1,%d do redis.call('SET', 'key:'..i, string.rep('x', %d)) end", n, size), "0")
}

func (s *server) target() sampler.Target {
	s.t.Helper()
	return target(s.t, "redis+unix://"+s.sock)
}

func target(t testing.TB, url string) sampler.Target {
	t.Helper()
	got, err := sampler.ParseTarget(url)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func none(string) string { return "" }

// open opens the server and closes it with the test.
func open(t testing.TB, o Options, at sampler.Target) *session {
	t.Helper()
	if o.Getenv == nil {
		o.Getenv = none
	}
	got, err := New(o).Open(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Close() })
	return got.(*session)
}

func read(t testing.TB, j sampler.Session) *sampler.Snapshot {
	t.Helper()
	var s sampler.Snapshot
	if err := j.Read(context.Background(), &s); err != nil {
		t.Fatal(err)
	}
	return &s
}
