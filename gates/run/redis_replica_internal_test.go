package run

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// TestRedisWithAReplica measures a server that sends all it takes to a replica: what waits to be sent is no part of a copy.
func TestRedisWithAReplica(t *testing.T) {
	samplertest.NotUnderRace(t)
	url, cli, _ := redisServer(t, append(noSlowLog(), "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb")...)
	follow(t, strings.TrimPrefix(url, "redis+unix://"))
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(cli("INFO", "replication"), "state=online"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the replica is not in step: %s", cli("INFO", "replication"))
		}
	}
	b := bench(t, policy.RedisOverhead{URL: url, Representations: []string{"string"}}, "small", "large", "array_medium")
	if err := errors.Join(b.measure(t.Context()), b.clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	overhead.Summarize(&b.report)
	for _, d := range b.report.Documents {
		if agree, ok := d.Stored[0].Agree(); !agree || !ok {
			t.Errorf("%s: MEMORY USAGE %v, a copy %v: they do not agree", d.Name, d.Stored[0].Values, d.Stored[0].CopyValues)
		}
	}
	if held := infoFields(cli("INFO", "memory"))["mem_replication_backlog"]; len(held) < len("1000000") {
		t.Errorf("the backlog has %s bytes: there was nothing to leave out", held)
	}
}

func TestRedisWrongURL(t *testing.T) {
	if _, err := newRedisBench(&policy.RedisOverhead{URL: "redis://localhost/x"}); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "want a number") {
		t.Errorf("%v", err)
	}
}

// TestRedisWrongURLIsToldFirst has a URL that is no server's behind a scenario that could be measured: nothing is.
func TestRedisWrongURLIsToldFirst(t *testing.T) {
	for _, wrong := range []policy.Scenario{
		{Name: "cache", Kind: gates.KindTarget, Target: "redis://u:hunter2@localhost:99999", Duration: time.Second},
		{Name: "cache", Kind: gates.KindOverhead, Overhead: &policy.Overhead{Redis: &policy.RedisOverhead{URL: "redis://:hunter2@localhost:99999"}}},
	} {
		ran := filepath.Join(t.TempDir(), "ran")
		first := policy.Scenario{Name: "first", Kind: gates.KindCommand, Command: []string{"touch", ran}}
		_, err := Run(t.Context(), Options{Policy: &policy.Policy{Scenarios: []policy.Scenario{first, wrong}}})
		if !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), `scenario cache: redis://`) || !strings.Contains(err.Error(), `the port is "99999"`) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
		if _, err := os.Stat(ran); err == nil {
			t.Error("a scenario before it was run")
		}
	}
}

// follow is a replica that takes whatever it is sent, and says that it did, until the test ends.
func follow(t *testing.T, sock string) {
	t.Helper()
	c, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, "REPLCONF capa eof capa psync2\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := bufio.NewReader(c).ReadString('\n'); err != nil || answer != "+OK\r\n" {
		t.Fatalf("%q, %v", answer, err)
	}
	if _, err := io.WriteString(c, "PSYNC ? -1\r\n"); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, c) }()
	go func() {
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(c, "REPLCONF ACK %d\r\n", n); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
}
