package run

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/overhead"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
)

// redisServer starts a redis-server of the test's own and returns its URL, a way to talk to it, and its process.
func redisServer(t *testing.T, args ...string) (url string, cli func(...string) string, server *exec.Cmd) {
	t.Helper()
	client := samplertest.Tool(t, "redis-cli")
	sock, server := samplertest.RedisServer(t, args...)
	cli = func(args ...string) string {
		out, _ := exec.Command(client, append([]string{"-s", sock}, args...)...).CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	return "redis+unix://" + sock, cli, server
}

// bench measures the documents of these names.
func bench(t *testing.T, set policy.RedisOverhead, names ...string) *redisBench {
	t.Helper()
	b, err := newRedisBench(&set)
	if err != nil {
		t.Fatal(err)
	}
	b.runs = 2
	b.documents = slices.DeleteFunc(b.documents, func(d overhead.Document) bool { return !slices.Contains(names, d.Name) })
	return b
}

func usual() []string {
	return []string{"tiny", "small", "medium", "large", "array_small", "nested_deep", "homogeneous_u8_small"}
}

// noSlowLog are options of a server whose used_memory is compared to the byte: on a busy machine commands are slow, and what
// the server notes of each stays in used_memory.
func noSlowLog() []string { return []string{"--slowlog-log-slower-than", "-1"} }

func TestRedisAgreesWithRedisCLI(t *testing.T) {
	samplertest.NotUnderRace(t)
	url, cli, _ := redisServer(t, noSlowLog()...)
	b := bench(t, policy.RedisOverhead{URL: url, Representations: []string{"hash"}}, usual()...)
	if err := errors.Join(b.measure(t.Context()), b.clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	if keys := cli("DBSIZE"); keys != "0" {
		t.Errorf("%s keys are left", keys)
	}
	overhead.Summarize(&b.report)
	for i, d := range b.report.Documents {
		for _, s := range d.Stored {
			if agree, ok := s.Agree(); !agree || !ok {
				t.Errorf("%s as %s: MEMORY USAGE %v, a copy %v, slack %g: they do not agree", d.Name, s.As, s.Values, s.CopyValues, s.CopySlack)
			}
			if s.Low == nil || (*s.High-*s.Low) > 0.001**s.Memory {
				t.Errorf("%s as %s: %v does not repeat", d.Name, s.As, s.Values)
			}
		}
		key := strings.Repeat("k", redisKeyBytes)
		cli("SET", key, b.documents[i].Text)
		if want, err := strconv.ParseFloat(cli("MEMORY", "USAGE", key, "SAMPLES", "0"), 64); err != nil || *d.Stored[0].Memory != want {
			t.Errorf("%s as string takes %g, redis-cli says %g %v", d.Name, *d.Stored[0].Memory, want, err)
		}
		cli("DEL", key)
	}
}

// redisReport runs the suite as the command line does.
func redisReport(ctx context.Context, t *testing.T, set policy.RedisOverhead, progress func(Progress)) (*gates.Report, error) {
	t.Helper()
	p, err := policy.Of(policy.Flags{Runs: 1}, policy.Scenario{Name: "redis-overhead", Kind: gates.KindOverhead, Overhead: &policy.Overhead{Redis: &set}})
	if err != nil {
		t.Fatal(err)
	}
	return Run(ctx, Options{Policy: p, Progress: progress})
}

func TestRedisRefusesANonemptyDatabase(t *testing.T) {
	url, cli, _ := redisServer(t)
	cli("SET", "mine", "1")
	r, err := redisReport(t.Context(), t, policy.RedisOverhead{URL: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Scenarios[0].Error; r.ExitCode != 2 || !strings.Contains(got, "holds 1 key: nothing was written") || !strings.Contains(got, "--allow-nonempty") {
		t.Errorf("exit %d, %q", r.ExitCode, got)
	}
	if cli("DBSIZE") != "1" {
		t.Errorf("%s keys in the database", cli("DBSIZE"))
	}
	b := bench(t, policy.RedisOverhead{URL: url, AllowNonempty: true}, "small")
	if err := errors.Join(b.measure(t.Context()), b.clean(t.Context())); err != nil || cli("KEYS", "*") != "mine" {
		t.Errorf("with --allow-nonempty: %v, keys left %q", err, cli("KEYS", "*"))
	}
}

func TestRedisLeavesNothingWhenInterrupted(t *testing.T) {
	url, cli, _ := redisServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	seen := make(chan bool, 1)
	go func() {
		found := false // keys: they come and go
		for ctx.Err() == nil && !found {
			found = cli("DBSIZE") != "0"
			time.Sleep(5 * time.Millisecond)
		}
		seen <- found
		cancel(errors.New("Ctrl-C"))
	}()
	r, err := redisReport(ctx, t, policy.RedisOverhead{URL: url, Representations: []string{"hash"}}, nil)
	if !<-seen || err == nil || r == nil || r.Scenarios[0].Verdict != gates.Unmeasured {
		t.Errorf("report %+v, error %v; want it interrupted while keys were there", r, err)
	}
	if keys := cli("DBSIZE"); keys != "0" {
		t.Errorf("%s keys are left", keys)
	}
}

func TestRedisServerKilled(t *testing.T) {
	url, cli, server := redisServer(t)
	go func() {
		for cli("DBSIZE") == "0" {
			time.Sleep(5 * time.Millisecond)
		}
		_ = server.Process.Kill()
	}()
	r, err := redisReport(t.Context(), t, policy.RedisOverhead{URL: url, Representations: []string{"hash"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Scenarios[0]
	if r.ExitCode != 2 || s.Overhead != nil || len(s.Metrics) != 0 || !strings.Contains(s.Error, "may be left there") {
		t.Errorf("exit %d, error %q, metrics %v; want 2, what may be left, and none", r.ExitCode, s.Error, s.Metrics)
	}
}

func TestRedisSaysWhatIsInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"password": {[]string{"--requirepass", "secret"}, "wants a password"},
		"replica":  {[]string{"--replicaof", "127.0.0.1 1"}, "is a replica, which takes no writes"},
		"oom":      {[]string{"--maxmemory", "900kb"}, "OOM"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "password" {
				t.Setenv("REDISCLI_AUTH", "secret") // for redis-cli alone: the URL has a wrong one
			}
			url, _, _ := redisServer(t, c.args...)
			if name == "password" {
				t.Setenv("REDISCLI_AUTH", "")
			}
			r, err := redisReport(t.Context(), t, policy.RedisOverhead{URL: url, Representations: []string{"string"}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Scenarios[0].Error; r.ExitCode != 2 || !strings.Contains(got, c.want) {
				t.Errorf("exit %d, %q, want 2 and %q", r.ExitCode, got, c.want)
			}
		})
	}
}

func TestRedisEviction(t *testing.T) {
	url, cli, _ := redisServer(t, "--maxmemory-policy", "allkeys-lru", "--enable-debug-command", "yes")
	cli("DEBUG", "POPULATE", "20000", "mine", "100")
	cli("CONFIG", "SET", "maxmemory", infoFields(cli("INFO", "memory"))["used_memory"]) // whatever is written drives something out
	b := bench(t, policy.RedisOverhead{URL: url, AllowNonempty: true}, "tiny")
	err := b.measure(t.Context())
	if err == nil || !strings.Contains(err.Error(), "evicted") {
		t.Errorf("measured while keys were evicted: %v", err)
	}
	if err := b.clean(t.Context()); err != nil || cli("KEYS", "{heaptop*") != "" {
		t.Errorf("%v, left: %s", err, cli("KEYS", "{heaptop*"))
	}
}

// TestRedisJSON measures a server that knows JSON.SET, where a document takes twice its string.
func TestRedisJSON(t *testing.T) {
	b := bench(t, policy.RedisOverhead{URL: "redis://" + fakeJSON(t)}, "small", "medium", "large")
	if err := errors.Join(b.measure(t.Context()), b.clean(t.Context())); err != nil {
		t.Fatal(err)
	}
	overhead.Summarize(&b.report)
	if b.report.Server.JSON != "ReJSON 20808" {
		t.Errorf("module %q", b.report.Server.JSON)
	}
	if got := b.report.Summary[0]; got.As != "json" || got.Overall == nil || *got.Overall != 2 {
		t.Errorf("%+v, want an overall of 2", got)
	}
	for _, d := range b.report.Documents {
		if agree, ok := d.Stored[1].Agree(); !agree || !ok {
			t.Errorf("%s: %+v does not agree", d.Name, d.Stored[1])
		}
	}
}

// TestRedisWithoutJSON runs the whole suite on a server without the module: exit 2, and the others are there.
func TestRedisWithoutJSON(t *testing.T) {
	samplertest.NotUnderRace(t)
	url, _, _ := redisServer(t)
	r, err := redisReport(t.Context(), t, policy.RedisOverhead{URL: url}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := r.Scenarios[0]
	for _, g := range s.Gates {
		if want := map[bool]gates.Verdict{true: gates.Unmeasured, false: gates.Passed}[strings.HasPrefix(g.Metric, "json") || g.Metric == "overhead_ratio"]; g.Verdict != want {
			t.Errorf("%s is %s, want %s: %s", g.Metric, g.Verdict, want, g.Reason)
		}
	}
	if r.ExitCode != 2 || len(s.Gates) != 50 || s.Metrics["tiny_string_memory"].Median <= 0 {
		t.Errorf("exit %d, %d gates, tiny_string_memory %+v", r.ExitCode, len(s.Gates), s.Metrics["tiny_string_memory"])
	}
}

// fakeJSON is a server with a JSON module, as far as the suite asks; it ends with the test.
func fakeJSON(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{keys: map[string]int{}}
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { f.serve(c) })
			t.Cleanup(func() { _ = c.Close() })
		}
	})
	return l.Addr().String()
}

type fake struct {
	sync.Mutex
	keys map[string]int // bytes of each
}

func (f *fake) serve(c net.Conn) {
	r := bufio.NewReader(c)
	number := func() (int, error) {
		line, err := r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(line[1:]))
	}
	for {
		n, err := number()
		if err != nil {
			return
		}
		args := make([]string, n)
		for i := range args {
			size, err := number()
			if err != nil {
				return
			}
			data := make([]byte, size+2)
			if _, err := io.ReadFull(r, data); err != nil {
				return
			}
			args[i] = string(data[:size])
		}
		if _, err := io.WriteString(c, f.answer(args)); err != nil {
			return
		}
	}
}

func bulk(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }

func (f *fake) answer(args []string) string {
	f.Lock()
	defer f.Unlock()
	switch strings.ToUpper(args[0]) {
	case "HELLO":
		return "-ERR unknown command 'HELLO'\r\n"
	case "INFO":
		used := 1_000_000
		for _, n := range f.keys {
			used += n
		}
		return bulk(fmt.Sprintf("redis_version:8.0.0\r\nused_memory:%d\r\nevicted_keys:0\r\nmaxmemory:0\r\nrole:master\r\n", used))
	case "DBSIZE":
		return fmt.Sprintf(":%d\r\n", len(f.keys))
	case "COMMAND":
		return "*1\r\n*1\r\n" + bulk("json.set")
	case "MODULE":
		return "*1\r\n*4\r\n" + bulk("name") + bulk("ReJSON") + bulk("ver") + ":20808\r\n"
	case "SET":
		f.keys[args[1]] = 100 + len(args[2])
	case "JSON.SET":
		f.keys[args[1]] = 2 * (100 + len(args[3]))
	case "HSET":
		f.keys[args[1]] = 500
		return ":1\r\n"
	case "MEMORY":
		return fmt.Sprintf(":%d\r\n", f.keys[args[2]])
	case "OBJECT":
		return bulk("raw")
	case "DEL":
		for _, key := range args[1:] {
			delete(f.keys, key)
		}
		return ":1\r\n"
	case "EXISTS":
		return ":1\r\n"
	}
	return "+OK\r\n"
}
