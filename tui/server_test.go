package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/samplertest"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// madeServer is a session over a made-up data server.
type madeServer struct {
	*samplertest.Fake
	keysErr, purgeErr error
	purged            int
	budget            time.Duration
}

func (m *madeServer) CanCollect() error             { return m.purgeErr }
func (m *madeServer) Collect(context.Context) error { m.purged++; return nil }
func (m *madeServer) Clients(context.Context) (sampler.Clients, error) {
	list := []sampler.Client{{ID: "7", Addr: "10.0.0.9:51234", Name: "worker\x1b[2J", Command: "brpop", Memory: sampler.Known(4_200_000), Output: sampler.Known(3_900_000)}}
	for i := range 12 {
		list = append(list, sampler.Client{ID: fmt.Sprint(i + 8), Addr: fmt.Sprintf("127.0.0.1:%d", 40000+i), Command: "set", Memory: sampler.Known(22_298)})
	}
	return sampler.Clients{Time: samplertest.DefaultStart(), List: list}, m.keysErr
}

func (m *madeServer) BiggestKeys(_ context.Context, budget time.Duration) (sampler.Keys, error) {
	m.budget = budget
	k := sampler.Keys{Time: samplertest.DefaultStart(), Scanned: 51_200, Total: sampler.Known(84_000)}
	for i := range 40 {
		k.List = append(k.List, sampler.KeySize{Key: fmt.Sprintf("session:%d", i), Type: "hash", Bytes: 900_000 / float64(i+1)})
	}
	k.List[2].Key = "evil\x1b[31mkey with a very long name " + strings.Repeat("x", 100)
	return k, m.keysErr
}

func (m *madeServer) info() sampler.Info {
	return sampler.Info{
		Target: sampler.Target{Kind: sampler.KindRedis, URL: "redis://localhost:6379"}, PID: 4711, Name: "redis-server", Source: "redis", Started: samplertest.DefaultStart(),
		Facts: []sampler.Fact{
			{Name: "version", Value: "7.0.15"}, {Name: "mode", Value: "standalone"}, {Name: "role", Value: "master"},
			{Name: "allocator", Value: "jemalloc-5.3.0"}, {Name: "maxmemory policy", Value: "allkeys-lru"},
		},
	}
}

// at is the server's figures i seconds after its start.
func (m *madeServer) at(i int) *sampler.Snapshot {
	s := &sampler.Snapshot{}
	s.Reset(samplertest.DefaultStart().Add(time.Duration(i) * time.Second))
	s.Took = time.Millisecond
	used := 40e6 + 100e3*float64(i)
	for _, x := range []sampler.Sample{
		{Metric: sampler.ProcessRSS, Value: used*1.3 + 8e6}, {Metric: sampler.ProcessPeakRSS, Value: used*1.3 + 9e6}, {Metric: sampler.ProcessAnon, Value: used*1.3 + 2e6},
		{Metric: sampler.ProcessFile, Value: 6e6}, {Metric: sampler.ProcessShmem, Value: 0}, {Metric: sampler.ProcessThreads, Value: 5},
		{Metric: sampler.RedisUsed, Value: used}, {Metric: sampler.RedisUsedPeak, Value: 92e6}, {Metric: sampler.RedisUsedRSS, Value: used*1.3 + 8e6},
		{Metric: sampler.RedisOverhead, Value: 12e6}, {Metric: sampler.RedisStartup, Value: 862e3}, {Metric: sampler.RedisDataset, Value: used - 12e6},
		{Metric: sampler.RedisTableMain, Value: 4e6}, {Metric: sampler.RedisTableExpires, Value: 1e6}, {Metric: sampler.RedisClientsNormal, Value: 4.5e6},
		{Metric: sampler.RedisReplBacklog, Value: 1.05e6}, {Metric: sampler.RedisScripts, Value: 2e3}, {Metric: sampler.RedisMaxMemory, Value: 100e6},
		{Metric: sampler.RedisNotCounted, Value: 0}, {Metric: sampler.RedisAllocated, Value: used + 700e3}, {Metric: sampler.RedisActive, Value: used * 1.1},
		{Metric: sampler.RedisResident, Value: used * 1.25}, {Metric: sampler.RedisFragmentation, Value: 1.37}, {Metric: sampler.RedisKeys, Value: 84_000},
		{Metric: sampler.RedisExpires, Value: 12_000}, {Metric: sampler.RedisClients, Value: 13}, {Metric: sampler.RedisBlocked, Value: 1},
		{Metric: sampler.RedisCommands, Value: 48_000 * float64(i)}, {Metric: sampler.RedisHits, Value: 900}, {Metric: sampler.RedisMisses, Value: 100},
		{Metric: sampler.RedisExpired, Value: 31 * float64(i)}, {Metric: sampler.RedisExpireCPU, Value: 0.002 * float64(i)}, {Metric: sampler.RedisExpireStale, Value: 1.25},
		{Metric: sampler.RedisExpireCapped, Value: 3}, {Metric: sampler.RedisEvicted, Value: 12 * float64(i)}, {Metric: sampler.RedisEvictedClients, Value: 0},
		{Metric: sampler.RedisOverLimit, Value: 0}, {Metric: sampler.RedisDefragRunning, Value: 0}, {Metric: sampler.RedisDefragHits, Value: 0},
		{Metric: sampler.RedisDefragMisses, Value: 0}, {Metric: sampler.RedisLazyPending, Value: 2}, {Metric: sampler.RedisLazyFreed, Value: 7 * float64(i)},
	} {
		s.Add(x.Metric, x.Value)
	}
	return s
}

// serve starts a dashboard over the server and lets n readings arrive.
func serve(t *testing.T, m *madeServer, n int) *harness {
	t.Helper()
	watch := newFakeWatch(samplertest.Options{Plain: true})
	m.Fake = watch.Fake
	watch.session = m
	h := newHarness(t, theme.Plain(), watch)
	h.resize(120, 36)
	m.read(h, 0, n)
	return h
}

func (m *madeServer) read(h *harness, from, to int) {
	for i := from; i < to; i++ {
		s := m.at(i)
		h.send(eventMsg{watch: h.m.watchID, at: s.Time, event: sampler.Event{Info: m.info(), Snapshot: s, Cost: 0.001}, open: true})
	}
}

func TestServerScreens(t *testing.T) {
	samplertest.NotUnderRace(t)
	t.Parallel()
	for _, c := range []struct {
		name string
		keys []string
	}{{"server-memory", []string{"1"}}, {"server-processes", []string{"2"}}, {"server-gc", []string{"3"}}} {
		t.Run(c.name, func(t *testing.T) {
			m := &madeServer{}
			h := serve(t, m, 400)
			h.press(c.keys...)
			m.read(h, 400, 404)
			lookAt(t, h, c.name)
		})
	}
}

// TestServerAsksWithinItsBudget looks at what the dashboard asks a server for, and at names that would break the screen.
func TestServerAsksWithinItsBudget(t *testing.T) {
	m := &madeServer{}
	h := serve(t, m, 3)
	if m.budget != 0 {
		t.Error("keys are walked although nobody looks")
	}
	h.press("2")
	m.read(h, 3, 6)
	if m.budget != 20*time.Millisecond {
		t.Errorf("keys are walked for %v each second, want 2 %%", m.budget)
	}
	h.mustShow(t, "session:0", "900 kB", "61% of 84,000 seen", "10.0.0.9:51234", "brpop")
	if strings.Contains(h.screen(), "\x1b") {
		t.Error("an escape code reached the screen")
	}
	h.press("g")
	m.read(h, 6, 9)
	if m.purged != 1 {
		t.Errorf("%d purges, want 1", m.purged)
	}
	h.mustShow(t, "memory purged: RSS ")
	h.press("3")
	h.mustShow(t, "purged at ", "· RSS 6", "▲")
	h.press("w")
	h.mustShow(t, "a server has no GOGC")
}

// TestServerThatRefuses says why there is no list, and what a key cannot do.
func TestServerThatRefuses(t *testing.T) {
	m := &madeServer{
		keysErr:  fmt.Errorf("walk over the keys: NOPERM: its user may not do this: ACL SETUSER NAME +scan (%w)", sampler.ErrPermission),
		purgeErr: errors.New("MEMORY PURGE works with jemalloc alone"),
	}
	h := serve(t, m, 5)
	h.press("2")
	m.read(h, 5, 8)
	h.mustShow(t, "NOPERM", "ACL SETUSER NAME +scan")
	h.press("g")
	h.mustShow(t, "MEMORY PURGE works with jemalloc alone")
	if m.purged != 0 {
		t.Error("it was purged all the same")
	}
}
