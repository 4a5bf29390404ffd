package cli

import (
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// tee hands what is read to several who keep it.
type tee []capture.Sink

var _ capture.Sink = tee(nil)

func (t tee) Event(e sampler.Event) {
	for _, s := range t {
		s.Event(e)
	}
}

func (t tee) Heap(p sampler.Profile) {
	for _, s := range t {
		s.Heap(p)
	}
}

func (t tee) Goroutines(g sampler.Goroutines) {
	for _, s := range t {
		s.Goroutines(g)
	}
}

func (t tee) Mappings(m sampler.Mappings) {
	for _, s := range t {
		s.Mappings(m)
	}
}

func (t tee) Processes(p *sampler.ProcessTable) {
	for _, s := range t {
		s.Processes(p)
	}
}

func (t tee) Log(lines []sampler.LogLine, dropped int) {
	for _, s := range t {
		s.Log(lines, dropped)
	}
}

// Due is what one of them at least would keep.
func (t tee) Due(now time.Time) (due capture.Due) {
	for _, s := range t {
		d := s.Due(now)
		due.Heap, due.Goroutines = due.Heap || d.Heap, due.Goroutines || d.Goroutines
		due.Mappings, due.Processes = due.Mappings || d.Mappings, due.Processes || d.Processes
	}
	return due
}
