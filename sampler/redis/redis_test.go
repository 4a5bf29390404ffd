package redis

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

func TestContract(t *testing.T) {
	s := start(t)
	s.fill(500, 200)
	samplertest.Test(t, New(Options{Getenv: none}), s.target())
	samplertest.Test(t, New(Options{System: proc.Source{}, Getenv: none}), s.target())
}

// TestFiguresAgree compares readings with what redis-cli prints at nearly the same time, and with the kernel's.
func TestFiguresAgree(t *testing.T) {
	s := start(t, "--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru")
	s.fill(20000, 500)
	s.do("SET", "soon", "x", "EX", "1000")
	s.do("SELECT", "0")
	j := open(t, Options{System: proc.Source{}}, s.target())
	var got *sampler.Snapshot
	var apart string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) { // the server looks at its own RSS now and then
		got = read(t, j)
		if apart = differing(got, parseInfo(s.do("INFO"))); apart == "" || time.Now().After(deadline) {
			break
		}
	}
	if apart != "" {
		t.Error(apart)
	}
	if v, _ := got.Get(sampler.RedisKeys); v != 20001 {
		t.Errorf("%v keys, want 20001", v)
	}
	if v, _ := got.Get(sampler.RedisExpires); v != 1 {
		t.Errorf("%v keys expire, want 1", v)
	}
	if v := got.Reading(sampler.RedisTableMain); !v.OK || v.Value < 20001*32 {
		t.Errorf("the tables of keys take %v, want 32 bytes a key at the least", v)
	}
	if i := j.Describe(); i.PID != s.cmd.Process.Pid || i.Source != "redis" || i.Name != "redis-server" {
		t.Errorf("described as %+v, want process %d", i, s.cmd.Process.Pid)
	}
	if !hasFact(j.Describe(), "maxmemory policy", "allkeys-lru") {
		t.Errorf("facts are %v", j.Describe().Facts)
	}
	if peak := got.Reading(sampler.ProcessPeakRSS); !peak.OK {
		t.Error("the process was not joined: no peak")
	}
}

// differing says what of a reading is not as redis-cli printed it, "" where all is.
func differing(got *sampler.Snapshot, printed info) string {
	for _, x := range []struct {
		metric sampler.Metric
		field  string
		within float64
	}{
		{sampler.RedisUsedRSS, "used_memory_rss", 0.05},
		{sampler.RedisMaxMemory, "maxmemory", 0},
		{sampler.RedisSystemMemory, "total_system_memory", 0},
		{sampler.ProcessRSS, "used_memory_rss", 0.05},
	} {
		v, ok := got.Get(x.metric)
		want := printed.number(x.field)
		if !ok || !want.OK || math.Abs(v-want.Value) > x.within*want.Value {
			return fmt.Sprintf("%s is %v, %t; redis-cli's %s is %v", x.metric, v, ok, x.field, want)
		}
	}
	return ""
}

func hasFact(i sampler.Info, name, value string) bool {
	for _, f := range i.Facts {
		if f.Name == name && f.Value == value {
			return true
		}
	}
	return false
}

// TestProcessOverTCP finds the process at the other end of a loopback connection, and none that only has its number.
func TestProcessOverTCP(t *testing.T) {
	port := samplertest.FreePort(t)
	s := start(t, "--port", port, "--bind", "127.0.0.1")
	j := open(t, Options{System: proc.Source{}}, target(t, "redis://127.0.0.1:"+port))
	if i := j.Describe(); i.PID != s.cmd.Process.Pid {
		t.Errorf("process %d is joined, want %d: %q", i.PID, s.cmd.Process.Pid, i.Hints)
	}
	if pid, why := j.far.process("/proc", sampler.Known(float64(os.Getpid()))); pid != 0 || !strings.Contains(why, "container") {
		t.Errorf("process %d is taken for the server: %q", pid, why)
	}
	alone := open(t, Options{}, target(t, "redis://127.0.0.1:"+port))
	if v, ok := read(t, alone).Get(sampler.ProcessRSS); !ok || v <= 0 {
		t.Errorf("without its process RSS is %v, %t: want the server's own word", v, ok)
	}
}

// TestUsedMemoryIsExact asks the same server over one connection, so that nothing changes between, as redis-cli would and as
// readings do: not a byte is between them.
func TestUsedMemoryIsExact(t *testing.T) {
	s := start(t, "--hz", "1")
	s.fill(3000, 300)
	j := open(t, Options{}, s.target())
	const tries = 50 // the server's own timer may fall between the two
	exact := map[string]bool{}
	for range tries {
		got := read(t, j)
		text, err := j.client.Info(context.Background()).Result()
		if err != nil {
			t.Fatal(err)
		}
		printed := parseInfo(text)
		for metric, field := range map[sampler.Metric]string{
			sampler.RedisUsed: "used_memory", sampler.RedisDataset: "used_memory_dataset", sampler.RedisOverhead: "used_memory_overhead", sampler.RedisStartup: "used_memory_startup",
			sampler.RedisUsedPeak: "used_memory_peak",
		} {
			if v := got.Reading(metric); v.OK && v == printed.number(field) {
				exact[field] = true
			}
		}
	}
	if len(exact) != 5 {
		t.Errorf("of five figures only %v were ever exactly those of INFO", exact)
	}
	before := parseInfo(s.do("INFO", "memory")).number("used_memory").Value
	if got := read(t, j).Reading(sampler.RedisUsed).Value; math.Abs(got-before) > 64<<10 {
		t.Errorf("used_memory is %v, redis-cli says %v: want no more between them than a client's buffers", got, before)
	}
}

// TestPurge asks the server to free what no key is in, and looks whether the data is as it was.
func TestPurge(t *testing.T) {
	s := start(t)
	s.fill(30000, 1000)
	s.do("FLUSHALL")
	s.do("SET", "kept", "1")
	j := open(t, Options{System: proc.Source{}}, s.target())
	if err := j.CanCollect(); err != nil {
		t.Fatal(err)
	}
	if err := j.Collect(context.Background()); err != nil {
		t.Fatal(err)
	}
	if stats := s.do("INFO", "commandstats"); !strings.Contains(stats, "cmdstat_memory|purge:calls=1,") {
		t.Errorf("the server was not asked for it:\n%s", stats)
	}
	if got := s.do("GET", "kept"); got != "1" {
		t.Errorf("the key is %q now", got)
	}
}

// TestBiggestKeys walks in steps and agrees with MEMORY USAGE.
func TestBiggestKeys(t *testing.T) {
	s := start(t)
	s.fill(5000, 50)
	s.do("EVAL", "for i=1,150 do redis.call('SET', 'big:'..i, string.rep('y', 10000 + i*1000)) end", "0")
	s.do("EVAL", "redis.call('SET', 'odd'..string.char(27)..'[2Jname', string.rep('z', 900000))", "0")
	j := open(t, Options{}, s.target())
	calls := 0
	var got sampler.Keys
	for deadline := time.Now().Add(60 * time.Second); !got.Done && time.Now().Before(deadline); calls++ {
		var err error
		if got, err = j.BiggestKeys(context.Background(), time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if got.Scanned > int(got.Total.Value)+100 {
			t.Fatalf("%d of %v keys scanned", got.Scanned, got.Total)
		}
	}
	if !got.Done || calls < 2 || got.Scanned < 5151 || got.Total != sampler.Known(5151) {
		t.Errorf("done %t after %d calls, %d of %v keys", got.Done, calls, got.Scanned, got.Total)
	}
	if len(got.List) != listedMost || got.List[0].Key != "odd\x1b[2Jname" || !strings.HasPrefix(got.List[1].Key, "big:") || got.List[1].Type != "string" {
		t.Fatalf("%d keys, the largest are %+v", len(got.List), got.List[:min(3, len(got.List))])
	}
	for _, k := range got.List[1:4] {
		if want := s.do("MEMORY", "USAGE", k.Key); strconv.FormatFloat(k.Bytes, 'f', -1, 64) != want {
			t.Errorf("%s takes %v, MEMORY USAGE says %s", k.Key, k.Bytes, want)
		}
	}
}

func TestClients(t *testing.T) {
	s := start(t)
	j := open(t, Options{}, s.target())
	c, err := j.Clients(context.Background())
	for deadline := time.Now().Add(30 * time.Second); len(c.List) > 1 && time.Now().Before(deadline); { // redis-cli may just have gone
		c, err = j.Clients(context.Background())
	}
	if err != nil || len(c.List) != 1 || !c.List[0].Memory.OK || c.List[0].Command != "client|list" || c.List[0].User != "default" {
		t.Errorf("clients are %+v, %v", c, err)
	}
}

// TestTheEndIsTold reads a server that goes, and one that comes back as another.
func TestTheEndIsTold(t *testing.T) {
	port := samplertest.FreePort(t)
	s := start(t, "--port", port)
	at := target(t, "redis://127.0.0.1:"+port)
	j, again := open(t, Options{}, at), open(t, Options{}, at)
	s.stop()
	if err := untilGone(j); !errors.Is(err, sampler.ErrGone) {
		t.Errorf("reading a server that went: %v", err)
	}
	start(t, "--port", port)
	err := untilGone(again)
	if !errors.Is(err, sampler.ErrGone) || !strings.Contains(err.Error(), "started anew") {
		t.Errorf("reading another server at the same place: %v", err)
	}
	if _, err := New(Options{Getenv: none}).Open(context.Background(), target(t, "redis+unix:///nowhere/r.sock")); !errors.Is(err, sampler.ErrNotFound) {
		t.Errorf("opening a socket that is not there: %v", err)
	}
}

// untilGone reads until the end is told: the first reading finds a connection that was cut.
func untilGone(j sampler.Session) error {
	var s sampler.Snapshot
	var err error
	for range 5 {
		if err = j.Read(context.Background(), &s); errors.Is(err, sampler.ErrGone) {
			return err
		}
	}
	return err
}

// TestPermissions opens a server with a password and a user that may do little.
func TestPermissions(t *testing.T) {
	s := start(t)
	s.do("ACL", "SETUSER", "watcher", "on", ">p@ss/w", "+info")
	s.do("ACL", "SETUSER", "default", ">hunter2")
	sock := s.sock
	openAs := func(url string, env func(string) string) (sampler.Session, error) {
		return New(Options{Getenv: env}).Open(context.Background(), target(t, url))
	}
	for _, url := range []string{"redis+unix://" + sock, "redis+unix://:wr0ng-s3cret@" + sock, "redis+unix://nobody:wr0ng-s3cret@" + sock} {
		_, err := openAs(url, none)
		if !errors.Is(err, sampler.ErrPermission) || strings.Contains(err.Error(), "wr0ng") || !strings.Contains(err.Error(), "password") {
			t.Errorf("open %s: %v", url, err)
		}
	}
	fromEnv, err := openAs("redis+unix://"+sock, func(name string) string {
		return map[string]string{CLIPasswordVariable: "hunter2"}[name]
	})
	if err != nil {
		t.Fatalf("with the password of the environment: %v", err)
	}
	_ = fromEnv.Close()
	little, err := openAs("redis+unix://watcher:p%40ss%2Fw@"+sock, none)
	if err != nil {
		t.Fatalf("as watcher: %v", err)
	}
	defer little.Close()
	snap := read(t, little)
	if _, ok := snap.Get(sampler.RedisUsed); !ok || len(snap.Warnings) != 1 || !errors.Is(snap.Warnings[0], sampler.ErrPermission) {
		t.Errorf("as watcher: %d samples, warnings %v", len(snap.Samples), snap.Warnings)
	}
	if _, ok := snap.Get(sampler.RedisTableMain); ok {
		t.Error("MEMORY STATS was told all the same")
	}
	if hints := little.(*session).Describe().Hints; len(hints) == 0 || !strings.Contains(strings.Join(hints, "\n"), "ACL SETUSER") {
		t.Errorf("hints are %q", hints)
	}
	if _, err := little.(*session).BiggestKeys(context.Background(), time.Millisecond); !errors.Is(err, sampler.ErrPermission) {
		t.Errorf("walking as watcher: %v", err)
	}
}
