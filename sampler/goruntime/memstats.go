package goruntime

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// memStats is what heap?debug=1 tells of runtime.MemStats at its end. Which fields were there is part of it: a field of
// another version of Go that is missing stays unknown.
//
// Such a field gets the name of runtime/metrics where both are the same number:
//
//	/memory/classes/heap/objects:bytes          HeapAlloc
//	/memory/classes/heap/unused:bytes           HeapInuse - HeapAlloc
//	/memory/classes/heap/free:bytes             HeapIdle - HeapReleased
//	/memory/classes/heap/released:bytes         HeapReleased
//	/memory/classes/heap/stacks:bytes           StackInuse
//	/memory/classes/os-stacks:bytes             StackSys - StackInuse
//	/memory/classes/metadata/mspan/inuse:bytes  MSpanInuse; .../free MSpanSys - MSpanInuse
//	/memory/classes/metadata/mcache/inuse:bytes MCacheInuse; .../free MCacheSys - MCacheInuse
//	/memory/classes/metadata/other:bytes        GCSys
//	/memory/classes/profiling/buckets:bytes     BuckHashSys
//	/memory/classes/other:bytes                 OtherSys
//	/memory/classes/total:bytes                 Sys
//	/gc/heap/goal:bytes                         NextGC
//	/gc/heap/allocs:bytes                       TotalAlloc
//	/gc/heap/frees:bytes                        TotalAlloc - HeapAlloc
//	/gc/heap/objects:objects                    HeapObjects
//	/gc/cycles/total:gc-cycles                  NumGC; forced NumForcedGC; automatic their difference
//	/gc/pauses/total:seconds                    the sum of PauseNs, while NumGC is at most 256
//
// Mallocs and Frees have no equal, for they count tiny objects which /gc/heap/allocs:objects leaves out. MemStats does
// not know the live heap, GOGC, GOMEMLIMIT or where the CPU went (GCCPUFraction leaves out other things than the
// /cpu/classes do), and the page does not have PauseTotalNs.
type memStats struct {
	values   map[string]uint64
	pauses   []uint64 // PauseNs, a ring: the last cycle's is at (NumGC+255)%256
	pauseEnd []uint64
}

const ringSize = 256

var errNoMemStats = errors.New("not a heap profile of Go with runtime.MemStats at its end")

// parseMemStats reads heap?debug=1 to its end.
func parseMemStats(r io.Reader) (*memStats, error) {
	m := &memStats{values: make(map[string]uint64)}
	started, trailer := false, false
	err := eachLine(r, func(line []byte) error {
		switch {
		case !started:
			if !bytes.HasPrefix(line, []byte("heap profile: ")) {
				return errNoMemStats
			}
			started = true
		case bytes.HasPrefix(line, []byte("# runtime.MemStats")):
			trailer = true
		case trailer:
			m.field(line)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, ok := m.values["NumGC"]; !ok || len(m.pauses) != ringSize || len(m.pauseEnd) != ringSize {
		return nil, errNoMemStats
	}
	return m, nil
}

// field reads `# HeapAlloc = 123`, `# Stack = 1 / 2` and `# PauseNs = [1 2 3]`.
func (m *memStats) field(line []byte) {
	name, value, ok := bytes.Cut(bytes.TrimPrefix(line, []byte("# ")), []byte(" = "))
	if !ok {
		return
	}
	switch string(name) {
	case "PauseNs":
		m.pauses = ring(value)
		return
	case "PauseEnd":
		m.pauseEnd = ring(value)
		return
	case "Stack", "MSpan", "MCache":
		inuse, sys, _ := bytes.Cut(value, []byte(" / "))
		m.set(string(name)+"Inuse", inuse)
		m.set(string(name)+"Sys", sys)
		return
	}
	if len(m.values) < 100 {
		m.set(string(name), value)
	}
}

func (m *memStats) set(name string, value []byte) {
	if v, err := strconv.ParseUint(string(value), 10, 64); err == nil {
		m.values[name] = v
	}
}

func ring(value []byte) []uint64 {
	var out []uint64
	for _, f := range bytes.Fields(bytes.Trim(value, "[]")) {
		v, err := strconv.ParseUint(string(f), 10, 64)
		if err != nil || len(out) == ringSize {
			return nil
		}
		out = append(out, v)
	}
	return out
}

// samples adds what has an equal in runtime/metrics.
func (m *memStats) samples(s *sampler.Snapshot) {
	for _, x := range []struct {
		metric     sampler.Metric
		from, less string
	}{
		{sampler.GoClassObjects, "HeapAlloc", ""},
		{sampler.GoClassUnused, "HeapInuse", "HeapAlloc"},
		{sampler.GoClassFree, "HeapIdle", "HeapReleased"},
		{sampler.GoClassReleased, "HeapReleased", ""},
		{sampler.GoClassStacks, "StackInuse", ""},
		{sampler.GoClassOSStacks, "StackSys", "StackInuse"},
		{sampler.GoClassMSpanUse, "MSpanInuse", ""},
		{sampler.GoClassMSpanFree, "MSpanSys", "MSpanInuse"},
		{sampler.GoClassMCacheUse, "MCacheInuse", ""},
		{sampler.GoClassMCacheFre, "MCacheSys", "MCacheInuse"},
		{sampler.GoClassMetaOther, "GCSys", ""},
		{sampler.GoClassProfiling, "BuckHashSys", ""},
		{sampler.GoClassOther, "OtherSys", ""},
		{sampler.GoClassTotal, "Sys", ""},
		{sampler.GoHeapGoal, "NextGC", ""},
		{sampler.GoHeapAllocs, "TotalAlloc", ""},
		{sampler.GoHeapFrees, "TotalAlloc", "HeapAlloc"},
		{sampler.GoHeapCount, "HeapObjects", ""},
		{sampler.GoCyclesTotal, "NumGC", ""},
		{sampler.GoCyclesForced, "NumForcedGC", ""},
		{"/gc/cycles/automatic:gc-cycles", "NumGC", "NumForcedGC"},
	} {
		v, ok := m.values[x.from]
		var less uint64
		if x.less != "" {
			var known bool
			less, known = m.values[x.less]
			ok = ok && known && less <= v
		}
		if ok {
			s.Add(x.metric, float64(v-less))
		}
	}
	if n := m.values["NumGC"]; n <= ringSize {
		var sum float64
		for _, ns := range m.pauses {
			sum += float64(ns)
		}
		s.Add(sampler.GoPauseTotal, sum/1e9)
	}
}

// cycles adds the collections after the one numbered since, as far back as the ring goes. forced says how many were
// forced before since.
func (m *memStats) cycles(s *sampler.Snapshot, since, forced uint64) {
	last := m.values["NumGC"]
	if last <= since {
		return
	}
	kind := ""
	switch f, ok := m.values["NumForcedGC"]; {
	case ok && f == forced:
		kind = "automatic"
	case ok && f-forced == last-since:
		kind = "forced"
	}
	for n := max(since, last-min(last, ringSize)) + 1; n <= last; n++ {
		i := (n - 1) % ringSize
		end := m.pauseEnd[i]
		if end == 0 || end > 1<<62 {
			continue
		}
		s.Cycles = append(s.Cycles, sampler.GCCycle{
			Number: n, Kind: kind, End: time.Unix(0, int64(end)), Pause: sampler.Known(float64(m.pauses[i]) / 1e9),
		})
	}
}
