package samplertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// RedisServer starts a redis-server of the test's own, with args besides, on the unix socket that it returns. It answers,
// and ends with the test.
func RedisServer(t testing.TB, args ...string) (socket string, server *exec.Cmd) {
	t.Helper()
	binary, client := Tool(t, "redis-server"), Tool(t, "redis-cli")
	dir, err := os.MkdirTemp("", "heaptop-redis") // a socket's path is short, and t.TempDir's may not be
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "r.sock")
	server = exec.Command(binary, append([]string{"--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir, "--daemonize", "no"}, args...)...)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command(client, "-s", socket, "PING").CombinedOutput()
		if text := string(out); err == nil && (strings.Contains(text, "PONG") || strings.Contains(text, "NOAUTH")) {
			return socket, server
		}
		if time.Now().After(deadline) {
			t.Fatalf("redis-server does not answer: %s", out)
		}
	}
}
