package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/alloc-dev/heaptop/sampler"
)

// Options says what is joined and where a password is taken from. The zero Options reads the server alone.
type Options struct {
	// System reads what the operating system tells of the server's process, where that is one of this machine; nil for none.
	System sampler.Source
	// Getenv reads the environment; os.Getenv when nil.
	Getenv func(string) string
	// Root is where the proc file system is; "/proc" when empty.
	Root string
}

// Source opens targets of KindRedis. It is safe for concurrent use.
type Source struct{ o Options }

// New returns a Source over what o joins.
func New(o Options) *Source {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Root == "" {
		o.Root = "/proc"
	}
	return &Source{o: o}
}

// Name returns "redis".
func (s *Source) Name() string { return "redis" }

// Open connects, reads INFO once, and looks for the server's process on this machine. A server that is loading its
// data can be opened. The error wraps sampler.ErrPermission where the server wants another user or password, ErrNotFound
// where nothing listens, ErrUnsupported where it is no server of this sort.
func (s *Source) Open(ctx context.Context, t sampler.Target) (sampler.Session, error) {
	if t.Kind != sampler.KindRedis {
		return nil, fmt.Errorf("open %q as a Redis server: %w", t, sampler.ErrUnsupported)
	}
	o, err := ClientOptions(t.URL, s.o.Getenv)
	if err != nil {
		return nil, err
	}
	j := &session{target: t, who: t.String(), sources: table(), options: s.o, db: o.DB}
	dial := o.Dialer
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		j.connected(c)
		return &guard{Conn: c}, nil
	}
	j.client = redis.NewClient(o)
	if err := j.ask(ctx); err != nil {
		_ = j.client.Close() // nothing was sent but the question
		return nil, opening(j.who, err)
	}
	if j.info["redis_version"] == "" && !j.info.number("used_memory").OK {
		_ = j.client.Close()
		return nil, fmt.Errorf("read INFO of %s: the answer has neither a version nor used_memory: this is no Redis server (%w)", j.who, sampler.ErrUnsupported)
	}
	j.run, j.started = j.info.word("run_id"), j.info.started(time.Now())
	j.join(ctx)
	return j, nil
}

// join opens the server's process where it is one of this machine. That it is not, or may not be read, is a hint.
func (j *session) join(ctx context.Context) {
	if j.options.System == nil {
		return
	}
	j.mu.Lock()
	far := j.far
	j.mu.Unlock()
	pid, why := far.process(j.options.Root, j.info.number("process_id"))
	if pid == 0 {
		j.processHint = why
		return
	}
	system, err := j.options.System.Open(ctx, sampler.Target{Kind: sampler.KindProcess, PID: pid})
	switch {
	case err == nil:
		j.system, j.pid = system, pid
	case errors.Is(err, sampler.ErrPermission):
		j.processHint = fmt.Sprintf("what the system tells of process %d may not be read: %s", pid, shown{err})
	default:
		j.processHint = fmt.Sprintf("what the system tells of process %d could not be read: %s", pid, shown{err})
	}
}
