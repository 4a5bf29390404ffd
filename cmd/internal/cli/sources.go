package cli

import (
	"os"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
	"github.com/alloc-dev/heaptop/sampler/goruntime"
	"github.com/alloc-dev/heaptop/sampler/proc"
	"github.com/alloc-dev/heaptop/sampler/redis"
)

// sources is the list of concrete sources, the deepest first: the one place that names them all. endpoint is the pprof
// endpoint of the target where the user named one, trace has its gctrace lines where heaptop reads them. allowWrite
// permits writing into the target's memory: only where a person is there to be asked.
func sources(endpoint string, trace goruntime.CycleSource, allowWrite bool) []sampler.Source {
	return []sampler.Source{
		goruntime.New(goruntime.Options{
			System:   proc.Source{},
			Memory:   goproc.Source{Options: goproc.Options{AllowWrite: allowWrite}},
			Endpoint: endpoint,
			Trace:    trace,
		}),
		redis.New(redis.Options{System: proc.Source{}}),
	}
}

// fits reports whether a source is one for that kind of target: the one reads programs, the other data servers.
func fits(source sampler.Source, t sampler.Target) bool {
	_, server := source.(*redis.Source)
	return server == (t.Kind == sampler.KindRedis)
}

// checkRedis refuses the URL of a Redis server that cannot be read as one, before anything is opened.
func checkRedis(t sampler.Target) error {
	if t.Kind != sampler.KindRedis {
		return nil
	}
	if _, err := redis.ClientOptions(t.URL, os.Getenv); err != nil {
		return &usageError{err, "such as redis://user:password@host:6379/0, rediss://host, redis+unix:///path/to/redis.sock"}
	}
	return nil
}

// newLister returns the reader of the process table.
func newLister() sampler.Lister {
	l, err := proc.NewLister(proc.Options{})
	if err != nil {
		return noLister{err}
	}
	return l
}
