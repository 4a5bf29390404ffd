package cli

import (
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/goproc"
	"github.com/alloc-dev/heaptop/sampler/goruntime"
	"github.com/alloc-dev/heaptop/sampler/proc"
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
	}
}

// newLister returns the reader of the process table.
func newLister() sampler.Lister {
	l, err := proc.NewLister(proc.Options{})
	if err != nil {
		return noLister{err}
	}
	return l
}
