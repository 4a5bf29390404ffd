package run

import (
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/launch"
	"github.com/alloc-dev/heaptop/sampler/scenario"
)

// beginning is what the program held before its work began.
type beginning struct {
	live       float64 // bytes
	goroutines float64
	words      string
}

// beginOf is what the program said at the checkpoint "begin", behind which the work begins: what it held then is not the
// work's. Without one, a program begins with nothing and one goroutine.
func beginOf(m *launch.Measurement) beginning {
	b := beginning{goroutines: 1, words: "nothing, where a program begins"}
	for _, c := range m.Checkpoints {
		if c.Name != scenario.CheckpointBegin {
			continue
		}
		if v, ok := sampleOf(c.Samples, sampler.GoHeapLive); ok {
			b.live, b.words = v, "the live heap at the checkpoint "+scenario.CheckpointBegin
		}
		if v, ok := sampleOf(c.Samples, sampler.GoGoroutines); ok {
			b.goroutines = v
		}
		break
	}
	return b
}

// checkpoints sets what is read at the scenario's checkpoint: the last one that is not the beginning.
func (o *once) checkpoints(m *launch.Measurement, w *watch, sessions float64) {
	const none = "the program made no checkpoint: agent.Checkpoint makes one"
	o.lack("live_heap", none)
	o.lack("goroutines", none)
	begin := beginOf(m)
	for i := len(m.Checkpoints) - 1; i >= 0; i-- {
		c := &m.Checkpoints[i]
		if c.Name == scenario.CheckpointBegin {
			continue
		}
		source := "checkpoint " + c.Name + sourceOf(c.Child, m.Root)
		if v, ok := sampleOf(c.Samples, sampler.GoHeapLive); ok {
			o.set("live_heap", v/sessions, "/gc/heap/live:bytes after a forced collection at "+source)
		} else if c.Err != nil {
			o.lack("live_heap", "at %s: %v", source, c.Err)
		} else {
			o.lack("live_heap", "%s was made by %s, which forces no collection: agent.Checkpoint does", source, c.From)
		}
		if v, ok := sampleOf(c.Samples, sampler.GoGoroutines); ok {
			o.set("goroutines", max(v-begin.goroutines, 0), source)
		} else if v := w.goroutinesAt(c.Name); v.OK {
			o.set("goroutines", max(v.Value-begin.goroutines, 0), source)
		} else {
			o.lack("goroutines", "%s: no Go program was read there", source)
		}
		return
	}
}

// goroutinesAt is what memory said at a checkpoint of that name, the last one.
func (w *watch) goroutinesAt(name string) (r sampler.Reading) {
	for _, m := range w.marks {
		if m.name == name {
			r = m.goroutines
		}
	}
	return r
}

func sampleOf(samples []sampler.Sample, m sampler.Metric) (float64, bool) {
	for _, s := range samples {
		if s.Metric == m {
			return s.Value, true
		}
	}
	return 0, false
}
