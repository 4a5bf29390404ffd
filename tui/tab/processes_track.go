package tab

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// What is remembered of each process: its resident memory every two seconds for a minute.
const (
	trackSlots = 30
	trackEvery = 2 * time.Second
	trackSpan  = trackSlots * trackEvery
	rateLeast  = 10 * time.Second // a rate over less says nothing
)

// processKey identifies a process: ids are used again.
type processKey struct {
	pid     int
	started int64 // nanoseconds
}

func keyOf(p *sampler.Process) processKey { return processKey{p.PID, p.Started.UnixNano()} }

// processTrack is what readings of the table before the last one leave behind of a process.
type processTrack struct {
	key   processKey
	mark  sampler.Reading     // resident memory at the mark
	fresh bool                // it appeared after the mark
	cpu   sampler.Reading     // cpu-seconds at the last reading
	share sampler.Reading     // CPUs used between the last two readings, 1 being one CPU
	ring  [trackSlots]float32 // resident memory, the newest last, NaN where it was not read
}

// processTracks follows the processes from one table to the next. Its memory is proportional to the table.
type processTracks struct {
	list, spare []processTrack // in ascending order of pid
	times       [trackSlots]time.Time
	last        time.Time // of the last table
	marked      bool      // a table after the mark was seen
}

// add takes the next table, which is in ascending order of pid.
func (t *processTracks) add(table *sampler.ProcessTable) {
	slot := t.last.IsZero() || table.Time.Sub(t.times[trackSlots-1]) >= trackEvery
	if slot {
		copy(t.times[:], t.times[1:])
		t.times[trackSlots-1] = table.Time
	}
	span := table.Time.Sub(t.last).Seconds()
	if t.last.IsZero() {
		span = 0
	}
	old, now := t.list, t.spare[:0]
	for i := range table.Processes {
		p := &table.Processes[i]
		key := keyOf(p)
		for len(old) > 0 && old[0].key.pid < key.pid {
			old = old[1:]
		}
		if len(old) > 0 && old[0].key == key {
			now = append(now, old[0])
		} else {
			now = append(now, t.begin(key, p))
		}
		now[len(now)-1].update(p, span, slot)
	}
	t.list, t.spare = now, t.list
	t.last, t.marked = table.Time, true
}

func (t *processTracks) begin(key processKey, p *sampler.Process) processTrack {
	track := processTrack{key: key, fresh: t.marked}
	if !t.marked {
		track.mark = p.RSS
	}
	for i := range track.ring {
		track.ring[i] = float32(math.NaN())
	}
	return track
}

func (k *processTrack) update(p *sampler.Process, span float64, slot bool) {
	k.share = sampler.Reading{}
	if k.cpu.OK && p.CPU.OK && span > 0 && p.CPU.Value >= k.cpu.Value {
		k.share = sampler.Known((p.CPU.Value - k.cpu.Value) / span)
	}
	k.cpu = p.CPU
	if slot {
		copy(k.ring[:], k.ring[1:])
		k.ring[trackSlots-1] = float32(math.NaN())
		if p.RSS.OK {
			k.ring[trackSlots-1] = float32(p.RSS.Value)
		}
	}
	if !k.fresh && !k.mark.OK {
		k.mark = p.RSS
	}
}

// setMark makes the rows on screen what changes count from. A process that is in no row appeared later.
func (t *processTracks) setMark(rows []processRow) {
	for i := range t.list {
		k := &t.list[i]
		at, found := slices.BinarySearchFunc(rows, k.key.pid, func(r processRow, pid int) int { return cmp.Compare(r.key.pid, pid) })
		found = found && rows[at].key == k.key
		k.fresh, k.mark = !found, sampler.Reading{}
		if found {
			k.mark = rows[at].p.RSS
			rows[at].change, rows[at].fresh = change(k.mark, k.mark), false
		}
	}
}

// forgetMark leaves the mark to the next table.
func (t *processTracks) forgetMark() {
	t.marked = false
	for i := range t.list {
		t.list[i].fresh, t.list[i].mark = false, sampler.Reading{}
	}
}

// rateOf returns how fast the process grew over the last minute, in bytes a second.
func (t *processTracks) rateOf(k *processTrack, now sampler.Reading) sampler.Reading {
	if !now.OK {
		return sampler.Reading{}
	}
	for i, at := range t.times {
		v := float64(k.ring[i])
		span := t.last.Sub(at)
		if at.IsZero() || math.IsNaN(v) || span > trackSpan+rateLeast {
			continue
		}
		if span < rateLeast {
			return sampler.Reading{}
		}
		return sampler.Known((now.Value - v) / span.Seconds())
	}
	return sampler.Reading{}
}

func change(now, mark sampler.Reading) sampler.Reading {
	if !now.OK || !mark.OK {
		return sampler.Reading{}
	}
	return sampler.Known(now.Value - mark.Value)
}
