package redis

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/alloc-dev/heaptop/sampler"
)

// session reads one server. The fields below mu are also written by the client library's goroutine.
type session struct {
	client  *redis.Client
	target  sampler.Target
	who     string // the target as it may be shown
	sources []source
	options Options
	db      int

	info        info   // of the last reading
	run         string // the server's run_id: another one is another server
	started     time.Time
	system      sampler.Session
	pid         int
	processHint string
	statsErr    error // why MEMORY STATS is not asked for any more; nil while it is
	walk        walk
	closed      bool

	mu  sync.Mutex
	far far
}

var (
	_ sampler.Describer    = (*session)(nil)
	_ sampler.Collector    = (*session)(nil)
	_ sampler.KeyLister    = (*session)(nil)
	_ sampler.ClientLister = (*session)(nil)
	_ sampler.Mapper       = (*session)(nil)
	_ sampler.PeakResetter = (*session)(nil)
)

// ask reads INFO: all of what a server tells by default.
func (j *session) ask(ctx context.Context) error {
	text, err := j.client.Info(ctx).Result()
	if err != nil {
		return err
	}
	j.info = parseInfo(text)
	return nil
}

// Read reads what the system tells of the process, where it is one of this machine, then INFO and MEMORY STATS. The
// server's own words for its resident memory and its CPU time stand where the system tells none. A server that was started
// anew is another: its counters began at 0.
func (j *session) Read(ctx context.Context, s *sampler.Snapshot) error {
	start := time.Now()
	s.Reset(start)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read %s: %w", j.who, err)
	}
	if j.system != nil {
		if err := j.system.Read(ctx, s); err != nil {
			return err
		}
	}
	was := j.info
	if err := j.ask(ctx); err != nil {
		if nobody(err) {
			return gone("nobody listens at " + j.who + " any more")
		}
		return told("read INFO", j.who, err)
	}
	if j.info.anew(was, j.run) {
		return gone("another server answers at " + j.who + ": it was started anew")
	}
	j.info.fill(s, j.sources)
	j.standIns(s)
	j.stats(ctx, s)
	s.Took = max(time.Since(start), 1)
	return nil
}

// standIns adds the figures of a process that the server tells of itself, where the system told none.
func (j *session) standIns(s *sampler.Snapshot) {
	add := func(m sampler.Metric, v float64, ok bool) {
		if _, known := s.Get(m); ok && !known {
			s.Add(m, v)
		}
	}
	rss := j.info.number("used_memory_rss")
	add(sampler.ProcessRSS, rss.Value, rss.OK && rss.Value > 0)
	cpu, ok := j.info.sum("used_cpu_sys", "used_cpu_user")
	add(sampler.ProcessCPU, cpu, ok)
}

// stats asks for MEMORY STATS, until the server says that it will not.
func (j *session) stats(ctx context.Context, s *sampler.Snapshot) {
	if j.statsErr == nil {
		answer, err := j.client.Do(ctx, "MEMORY", "STATS").Result()
		if err == nil {
			fillStats(answer, s)
			return
		}
		err = told("read MEMORY STATS", j.who, err)
		if !errors.Is(err, sampler.ErrPermission) && !errors.Is(err, sampler.ErrUnsupported) {
			s.Warn(err)
			return
		}
		j.statsErr = err
	}
	s.Warn(j.statsErr)
}

// Describe tells what the server says of itself, and of its process what the system says. When it started is reckoned once,
// by its uptime as it was opened: both are told by clocks that may be set, and a server that starts anew is another one.
func (j *session) Describe() sampler.Info {
	i := sampler.Info{Target: j.target, Started: j.started, Source: "redis", Facts: j.info.facts()}
	i.Target.URL = j.who
	if d, ok := j.system.(sampler.Describer); ok {
		of := d.Describe()
		i.PID, i.Name, i.Command, i.User, i.Container, i.Started = j.pid, of.Name, of.Command, of.User, of.Container, of.Started
	}
	if i.Name == "" {
		if i.Name = plain(path.Base(j.info["executable"]), 64); i.Name == "" || i.Name == "." || i.Name == "/" {
			i.Name = "redis"
		}
	}
	if j.processHint != "" {
		i.Hints = append(i.Hints, j.processHint)
	}
	if j.statsErr != nil {
		i.Hints = append(i.Hints, j.statsErr.Error())
	}
	if j.info["redis_mode"] == "sentinel" {
		i.Hints = append(i.Hints, "it is a sentinel, which holds no data: name a server that it watches")
	}
	if j.info["cluster_enabled"] == "1" {
		i.Hints = append(i.Hints, "it is a node of a cluster: only this node is read; name another by its own address")
	}
	return i
}

// CanCollect returns nil where the allocator is one that MEMORY PURGE works with.
func (j *session) CanCollect() error {
	if a := j.info.word("mem_allocator"); a != "" && !isJemalloc(a) {
		return fmt.Errorf("MEMORY PURGE works with jemalloc alone, and this server has %s: %w", a, sampler.ErrUnsupported)
	}
	return nil
}

func isJemalloc(name string) bool {
	return len(name) >= len("jemalloc") && name[:len("jemalloc")] == "jemalloc"
}

// Collect sends MEMORY PURGE: the allocator returns the pages that it holds and that no key is in. No data changes.
func (j *session) Collect(ctx context.Context) error {
	if err := j.CanCollect(); err != nil {
		return err
	}
	return told("MEMORY PURGE", j.who, j.client.Do(ctx, "MEMORY", "PURGE").Err())
}

// Mappings asks the system, where the process is one of this machine.
func (j *session) Mappings(ctx context.Context) (sampler.Mappings, error) {
	if m, ok := j.system.(sampler.Mapper); ok {
		return m.Mappings(ctx)
	}
	return sampler.Mappings{}, fmt.Errorf("read the mappings of %s: %s (%w)", j.who, j.processHint, sampler.ErrUnsupported)
}

// ResetPeaks starts the system's own peaks anew; the server's is its own.
func (j *session) ResetPeaks() {
	if r, ok := j.system.(sampler.PeakResetter); ok {
		r.ResetPeaks()
	}
}

// Parts returns the session that asks the system, so that an ability this one does not know can be found in it. It is
// closed by this one.
func (j *session) Parts() []sampler.Session {
	if j.system == nil {
		return nil
	}
	return []sampler.Session{j.system}
}

// Close ends the connection. The server goes on.
func (j *session) Close() error {
	if j.closed {
		return nil
	}
	j.closed = true
	err := j.client.Close()
	if j.system != nil {
		err = errors.Join(err, j.system.Close())
	}
	return err
}

// clientsMost is how many clients are asked for: the server writes some 400 bytes for each while nobody else is served.
const clientsMost = 2000

// Clients reads CLIENT LIST.
func (j *session) Clients(ctx context.Context) (sampler.Clients, error) {
	start := time.Now()
	if n := j.info.number("connected_clients"); n.OK && n.Value > clientsMost {
		return sampler.Clients{}, fmt.Errorf("list the clients of %s: it has %.0f, and is asked up to %d: %w", j.who, n.Value, clientsMost, sampler.ErrBudget)
	}
	text, err := j.client.ClientList(ctx).Result()
	if err != nil {
		return sampler.Clients{}, told("list the clients", j.who, err)
	}
	c := sampler.Clients{Time: start, List: parseClients(text)}
	slices.SortStableFunc(c.List, func(a, b sampler.Client) int {
		switch {
		case a.Memory.Value > b.Memory.Value:
			return -1
		case a.Memory.Value < b.Memory.Value:
			return 1
		}
		return 0
	})
	c.Took = time.Since(start)
	return c, nil
}
