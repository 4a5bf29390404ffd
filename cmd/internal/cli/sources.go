package cli

import (
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/proc"
)

// sources is the list of concrete sources: the one place that names them all.
func (o *live) sources(trace cycleSource) []sampler.Source {
	return []sampler.Source{proc.Source{}}
}

type cycleSource interface{ Cycles() []sampler.GCCycle }

func newLister() sampler.Lister {
	l, err := proc.NewLister(proc.Options{})
	if err != nil {
		return noLister{err}
	}
	return l
}
