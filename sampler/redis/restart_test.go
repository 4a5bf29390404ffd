package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// clocked is a server that tells what it is given as INFO.
type clocked struct {
	mu   sync.Mutex
	info string
}

func (c *clocked) say(lines ...string) {
	c.mu.Lock()
	c.info = "redis_version:7.0.15\r\nused_memory:1024\r\n" + strings.Join(lines, "\r\n") + "\r\n"
	c.mu.Unlock()
}

func (c *clocked) serve(t *testing.T) sampler.Target {
	t.Helper()
	dir, err := os.MkdirTemp("", "heaptop-redis") // a socket's path is short, and t.TempDir's may not be
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), os.RemoveAll(dir) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.answer(conn)
		}
	}()
	return target(t, "redis+unix://"+filepath.Join(dir, "s"))
}

// answer answers each word that it knows, in lists of strings that are not counted.
func (c *clocked) answer(conn net.Conn) {
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		answer := ""
		switch strings.ToLower(lines.Text()) {
		case "info":
			c.mu.Lock()
			answer = fmt.Sprintf("$%d\r\n%s\r\n", len(c.info), c.info)
			c.mu.Unlock()
		case "hello", "memory":
			answer = "-ERR unknown command\r\n"
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

// TestSetClocks tells a server whose clock, or whose statistics, are set from one that was started anew.
func TestSetClocks(t *testing.T) {
	const old = "total_commands_processed:5000"
	for _, c := range []struct {
		name        string
		first, then []string
		anew        bool
	}{
		{"the clock is set forward", []string{"run_id:a", "uptime_in_seconds:100", old}, []string{"run_id:a", "uptime_in_seconds:90100", old}, false},
		{"the clock is set back", []string{"run_id:a", "uptime_in_seconds:90000", old}, []string{"run_id:a", "uptime_in_seconds:3", old}, false},
		{"the clock is set before the start", []string{"run_id:a", "uptime_in_seconds:90000", old}, []string{"run_id:a", "uptime_in_seconds:-50", old}, false},
		{"another run", []string{"run_id:a", "uptime_in_seconds:100", old}, []string{"run_id:b", "uptime_in_seconds:101", old}, true},
		{"no run_id, and the clock is set back", []string{"uptime_in_seconds:90000", old}, []string{"uptime_in_seconds:3", "total_commands_processed:5001"}, false},
		{"no run_id, and CONFIG RESETSTAT", []string{"uptime_in_seconds:90000", old}, []string{"uptime_in_seconds:90001", "total_commands_processed:1"}, false},
		{"no run_id, and another run", []string{"uptime_in_seconds:90000", old}, []string{"uptime_in_seconds:3", "total_commands_processed:1"}, true},
		{"no run_id, and another process", []string{"process_id:7"}, []string{"process_id:8"}, true},
		{"nothing is told", nil, nil, false},
	} {
		var server clocked
		server.say(c.first...)
		j := open(t, Options{}, server.serve(t))
		before := j.Describe().Started
		server.say(c.then...)
		var s sampler.Snapshot
		err := j.Read(t.Context(), &s)
		if anew := errors.Is(err, sampler.ErrGone); anew != c.anew || err != nil && !anew {
			t.Errorf("%s: %v, want the end told: %t", c.name, err, c.anew)
		}
		if after := j.Describe().Started; !after.Equal(before) {
			t.Errorf("%s: it started at %s, and then at %s", c.name, before.Format(time.DateTime), after.Format(time.DateTime))
		}
	}
}

// TestKindsOfServers hints at what a server is, where it is none that holds all the data.
func TestKindsOfServers(t *testing.T) {
	for lines, want := range map[string]string{
		"redis_mode:sentinel":                     "it is a sentinel, which holds no data: name a server that it watches",
		"redis_mode:cluster\r\ncluster_enabled:1": "it is a node of a cluster: only this node is read; name another by its own address",
		"redis_mode:standalone":                   "",
	} {
		var server clocked
		server.say(lines)
		if got := strings.Join(open(t, Options{}, server.serve(t)).Describe().Hints, "\n"); got != want {
			t.Errorf("%q: hints are %q, want %q", lines, got, want)
		}
	}
}
