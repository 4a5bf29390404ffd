package goproc

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// Options says how processes are read. The zero value reads and never writes.
type Options struct {
	// AllowWrite permits Session.Collect and Session.SetMemProfileRate, which write one word into the process. Set it
	// only when the user asked for it.
	AllowWrite bool
	// Proc is where the proc file system is mounted; "" means /proc.
	Proc string
}

// Source opens running Go processes. It is safe for concurrent use.
type Source struct{ Options }

// Name returns "memory", the name reports give to what was read from a process's own memory.
func (s Source) Name() string { return "memory" }

// Open attaches to the process t.PID and returns a *Session. It takes a few milliseconds for a known release, about a
// tenth of a second where layouts come from debug information. The error wraps sampler.ErrUnsupported when the process
// is no Go program or one that cannot be read, sampler.ErrNotFound when there is none, and sampler.ErrPermission, with
// the reason and what helps, when it may not be read.
func (s Source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if t.PID <= 0 || t.Kind != sampler.KindProcess && t.Kind != sampler.KindCommand {
		return nil, fmt.Errorf("read the memory of %s: only a process can be: %w", t, sampler.ErrUnsupported)
	}
	if s.Proc == "" {
		s.Proc = "/proc"
	}
	session, err := attach(ctx, s.Options, t)
	if err != nil {
		return nil, fmt.Errorf("read the memory of process %d: %w", t.PID, err)
	}
	return session, nil
}

// Session is an attached Go process. One goroutine uses it at a time.
type Session struct {
	options Options
	target  sampler.Target
	p       *program
	closers []io.Closer
	closing sync.Once

	stats      *statsReader
	now        statistics
	metrics    []metric
	cpu        []cpuMetric
	cycles     cycleReader
	standing   []error // warnings of every reading
	sites      *siteReader
	goroutines *goroutineReader
	spans      *spanReader
	zip        *gzip.Writer
}

func newSession(o Options, t sampler.Target, p *program, closers ...io.Closer) (*Session, error) {
	stats, err := newStatsReader(p)
	if err != nil {
		return nil, err
	}
	s := &Session{options: o, target: t, p: p, closers: closers, stats: stats, metrics: runtimeMetrics()}
	if stats.work != nil {
		s.cpu = cpuMetricList()
	} else {
		s.standing = append(s.standing, fmt.Errorf("processor time by class and the heap at each collection: runtime.work not found in this %s program: %w",
			p.image.version, sampler.ErrUnsupported))
	}
	if len(stats.histograms) == 0 {
		s.standing = append(s.standing, fmt.Errorf("distribution of pauses: not found in this %s program: %w", p.image.version, sampler.ErrUnsupported))
	}
	return s, nil
}

// Read fills snap with the runtime's statistics under the names of runtime/metrics, with the distributions of pauses,
// and with the collections that ended since the last reading. It makes two system calls, takes about 10 µs and does not
// allocate. /sched/goroutines:goroutines is what runtime.NumGoroutine returns in the target, in every release.
func (s *Session) Read(ctx context.Context, snap *sampler.Snapshot) error {
	start := time.Now()
	snap.Reset(start)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.stats.read(&s.now); err != nil {
		return s.failed(err)
	}
	if err := s.p.mem.alive(); err != nil {
		return err
	}
	for i := range s.metrics {
		snap.Add(s.metrics[i].name, s.metrics[i].value(&s.now))
	}
	for _, c := range s.cpu {
		snap.Add(c.name, float64(s.now.cpu[c.index])/1e9)
	}
	for i := range s.stats.histograms {
		snap.Histograms = append(snap.Histograms, s.stats.histograms[i].decode())
	}
	snap.Cycles = s.cycles.append(snap.Cycles, s.stats, &s.now)
	snap.Warnings = append(snap.Warnings, s.standing...)
	snap.Took = time.Since(start)
	return nil
}

// MemStats returns what runtime.ReadMemStats would return in the target, without stopping it. Lookups and DebugGC,
// which the runtime does not keep, are 0 as they are there.
func (s *Session) MemStats(ctx context.Context) (*runtime.MemStats, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := new(runtime.MemStats)
	if err := s.stats.memStats(&s.now, m); err != nil {
		return nil, s.failed(err)
	}
	return m, s.p.mem.alive()
}

// Describe says what is watched, as far as its memory tells: the Go version, and the source.
func (s *Session) Describe() sampler.Info {
	return sampler.Info{Target: s.target, PID: s.target.PID, Source: "memory", GoVersion: s.p.image.version}
}

// Close gives back the descriptors. Closing twice is harmless.
func (s *Session) Close() error {
	var first error
	s.closing.Do(func() {
		for _, c := range s.closers {
			if err := c.Close(); err != nil && first == nil {
				first = err
			}
		}
	})
	return first
}
