package goproc

import (
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// cycleReader turns the runtime's ring of the last pauses into the collections that ended since the reading before. The
// first time it returns all that the runtime still remembers.
type cycleReader struct {
	started bool
	numGC   uint32
	forced  uint32
}

func (c *cycleReader) append(out []sampler.GCCycle, s *statsReader, st *statistics) []sampler.GCCycle {
	fresh, forced := st.numGC-c.numGC, st.numForced-c.forced
	if fresh == 0 && c.started {
		return out
	}
	kind := ""
	switch forced {
	case 0:
		kind = "automatic"
	case fresh:
		kind = "forced"
	}
	c.started, c.numGC, c.forced = true, st.numGC, st.numForced
	for n := st.numGC - min(fresh, pauses, st.numGC); n != st.numGC; n++ {
		i := int(n % pauses)
		end := u64(s.ms, s.o.pauseEnd+8*i)
		if end == 0 {
			continue
		}
		out = append(out, sampler.GCCycle{Number: uint64(n) + 1, End: time.Unix(0, int64(end)), Kind: kind,
			Pause: sampler.Known(float64(u64(s.ms, s.o.pauseNS+8*i)) / 1e9)})
	}
	if fresh > 0 && len(out) > 0 && s.settled(st) {
		detail(&out[len(out)-1], st)
	}
	return out
}

// settled says whether what the runtime keeps about "the last cycle" is about the last one that was counted: no other
// is under way or about to be counted.
func (s *statsReader) settled(st *statistics) bool {
	last := int((st.numGC - 1) % pauses)
	return s.work != nil && st.phase == 0 && s.stopping[0] == 0 && u64(s.ms, s.o.pauseEnd+8*last) == st.lastGC
}

func detail(c *sampler.GCCycle, st *statistics) {
	if c.Number != uint64(st.numGC) {
		return
	}
	c.Before, c.After, c.Live = sampler.Known(float64(st.heap0)), sampler.Known(float64(st.heap1)), sampler.Known(float64(st.heap2))
	c.Goal, c.CPU = sampler.Known(float64(st.lastHeapGoal)), sampler.Known(100*st.gcCPU)
}
