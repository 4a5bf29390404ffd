package redis

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// stranger listens on a socket and answers every request with the same.
func stranger(t *testing.T, answer string) sampler.Target {
	t.Helper()
	dir, err := os.MkdirTemp("", "heaptop-redis")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = l.Close(), os.RemoveAll(dir) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					if _, err := in.ReadByte(); err != nil {
						return
					}
					_, _ = in.Discard(in.Buffered())
					if _, err := io.WriteString(c, answer); err != nil {
						return
					}
				}
			}()
		}
	}()
	return target(t, "redis+unix://"+path)
}

// TestStrangers opens what is no Redis server, or a wicked one: an error that says so, in time and with little memory.
func TestStrangers(t *testing.T) {
	for _, c := range []struct{ name, answer, says string }{
		{"a web server", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n400 Bad Request", "protocol"},
		{"an agent", "{\"error\":\"no\"}\n", "protocol"},
		{"a string of a terabyte", "$1099511627776\r\n", "longer"},
		{"a list of a billion", "*1000000000\r\n", "entries"},
		{"a negative length", "$-5\r\n", "length"},
		{"a line without end", "+" + strings.Repeat("x", 1<<17), "longer"},
		{"lists in lists", strings.Repeat("*2\r\n", 1<<14), "protocol"},
		{"another service", "+OK\r\n", "protocol"},
		{"no password given", "-NOAUTH Authentication required.\r\n", "password"},
		{"protected", "-DENIED Redis is running in protected mode\r\n", "protected mode"},
		{"full", "-ERR max number of clients reached\r\n", "maxclients"},
		{"control characters", "-ERR \x1b[2Jgone\r\n", "gone"},
	} {
		ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
		got, err := New(Options{Getenv: none}).Open(ctx, stranger(t, c.answer))
		stop()
		if err == nil {
			_ = got.Close()
			t.Errorf("%s was opened", c.name)
			continue
		}
		if !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\x1b") || len(err.Error()) > 800 {
			t.Errorf("%s: %q, want it to say %q", c.name, err, c.says)
		}
	}
}

func TestURLs(t *testing.T) {
	env := func(name string) string {
		return map[string]string{PasswordVariable: "first", CLIPasswordVariable: "second"}[name]
	}
	for _, c := range []struct {
		url, network, addr, user, password string
		db                                 int
		tls                                bool
	}{
		{"redis://", "tcp", "localhost:6379", "", "first", 0, false},
		{"redis://h/3", "tcp", "h:6379", "", "first", 3, false},
		{"redis://u:p%40x@[::1]:7000?db=2", "tcp", "[::1]:7000", "u", "p@x", 2, false},
		{"redis://u@h", "tcp", "h:6379", "u", "first", 0, false},
		{"REDISS://h", "tcp", "h:6379", "", "first", 0, true},
		{"rediss://h?skip_verify=true", "tcp", "h:6379", "", "first", 0, true},
		{"redis+unix://:p@/run/r.sock?db=1", "unix", "/run/r.sock", "", "p", 1, false},
	} {
		o, err := ClientOptions(c.url, env)
		if err != nil || o.Network != c.network || o.Addr != c.addr || o.Username != c.user || o.Password != c.password || o.DB != c.db || (o.TLSConfig != nil) != c.tls {
			t.Errorf("%s: %+v, %v", c.url, o, err)
			continue
		}
		if c.tls && o.TLSConfig.InsecureSkipVerify != strings.Contains(c.url, "true") {
			t.Errorf("%s: certificates are checked: %t", c.url, !o.TLSConfig.InsecureSkipVerify)
		}
	}
	for _, url := range []string{"redis://h/x", "redis://h:0", "redis://h:65536", "redis://h/1?db=2", "redis://u@h", "redis://h/0#x",
		"redis+unix://relative/r.sock", "redis://h?db=-1", "redis://h?skip_verify=true", "rediss://h?skip_verify=perhaps", "rediss://h?cert=a.crt", "rediss://h?cert=/nowhere/a.crt&key=/nowhere/a.key", "redis://h?cert=a&key=b", "redis://h?poolsize=3", "http://h", "redis://u:hunter2%zz@h"} {
		if _, err := ClientOptions(url, none); !errors.Is(err, sampler.ErrNotFound) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestOtherServers reads what compatible servers leave out: it is absent, and never 0.
func TestOtherServers(t *testing.T) {
	f := parseInfo("# Server\r\nredis_version:6.2.11\r\ndragonfly_version:df-v1.14\r\n# Memory\r\nused_memory:1024\r\nmaxmemory:0\r\nused_memory_rss:nan\r\n" +
		"mem_fragmentation_ratio:-1\r\nmem_allocator:\r\nevil:\x1b[2J\r\nused_memory:9\r\n")
	var s sampler.Snapshot
	f.fill(&s, table())
	if len(s.Samples) != 1 || s.Samples[0] != (sampler.Sample{Metric: sampler.RedisUsed, Value: 1024}) {
		t.Errorf("read %v, want used_memory alone", s.Samples)
	}
}

func FuzzInfo(f *testing.F) {
	f.Add("# Memory\r\nused_memory:1\r\ndb0:keys=1,expires=0,avg_ttl=0\r\nmaxmemory:5\r\n")
	f.Add("db1:keys=-1,expires=1e400\nkeyspace_hits:NaN\n:::\nuptime_in_seconds:1e300\nused_cpu_sys:0x1p-2")
	f.Fuzz(func(t *testing.T, text string) {
		var s sampler.Snapshot
		i := parseInfo(text)
		i.fill(&s, table())
		seen := make(map[sampler.Metric]bool)
		for _, x := range s.Samples {
			if seen[x.Metric] || math.IsNaN(x.Value) || math.IsInf(x.Value, 0) || x.Value < 0 {
				t.Errorf("%s is %v, or told twice", x.Metric, x.Value)
			}
			seen[x.Metric] = true
		}
		i.started(time.Now())
		for _, x := range i.facts() {
			if strings.ContainsAny(x.Value, "\x1b\r\n\x00") {
				t.Errorf("fact %q", x.Value)
			}
		}
	})
}

// FuzzAnswer feeds MEMORY STATS, CLIENT LIST and the frames of the protocol with anything.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("*4\r\n$4\r\ndb.0\r\n*2\r\n$23\r\noverhead.hashtable.main\r\n:72\r\n$1\r\na\r\n:1\r\n"))
	f.Add([]byte("id=3 addr=127.0.0.1:6 name= tot-mem=22298 cmd=client|list\n"))
	f.Add([]byte("$-1\r\n*-1\r\n%2\r\n$99999999999999999999\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, parts frames
		a := whole.check(data)
		var b error
		for i := range data {
			b = parts.check(data[i : i+1])
		}
		if (a == nil) != (b == nil) {
			t.Errorf("at once: %v, byte by byte: %v", a, b)
		}
		for _, c := range parseClients(string(data)) {
			if strings.ContainsAny(c.Addr+c.Name+c.Command, "\x1b\n") {
				t.Errorf("client %+v", c)
			}
		}
		var list []any
		for _, word := range strings.Fields(string(data)) {
			list = append(list, word)
		}
		var s sampler.Snapshot
		fillStats([]any{"db.0", list, "db.1", map[any]any{"overhead.hashtable.main": string(data)}}, &s)
		for _, x := range s.Samples {
			if !(x.Value >= 0) {
				t.Errorf("%s is %v", x.Metric, x.Value)
			}
		}
	})
}
