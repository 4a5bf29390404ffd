package tui

import (
	"errors"
	"fmt"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
	"github.com/alloc-dev/heaptop/tui/tab"
)

// farEnd is after every reading.
func farEnd() time.Time { return time.Unix(1<<33, 0) }

// readMoment reads everything that is known of the instant at. was is the moment shown before, or nil: what is the same
// in both is taken over. A part that cannot be read is missing, and Data says why; an error means there is no reading.
func readMoment(past capture.Past, at time.Time, was *tab.Data) (*tab.Visit, error) {
	snap, err := past.At(at)
	if err != nil {
		return nil, fmt.Errorf("go back to %s: %w", at.Format(time.TimeOnly), err)
	}
	v := &tab.Visit{Data: tab.Data{At: snap.Time, Snapshot: snap}}
	if v.Info, err = past.InfoAt(at); err != nil {
		return nil, fmt.Errorf("go back to %s: %w", at.Format(time.TimeOnly), err)
	}
	d := &v.Data
	d.Recent = recentBefore(past, snap.Time)
	if d.Cycles, err = past.CyclesUntil(at); err != nil {
		d.Failed = err
	}
	readHeaps(past, d, was)
	if d.Goroutines, err = past.GoroutinesAt(at); err != nil {
		d.GoroutinesFail = inPast("goroutines", err)
	}
	if d.Mappings, err = past.MappingsAt(at); err != nil {
		d.MappingsFail = inPast("mappings", err)
	}
	if d.Processes, err = past.ProcessesAt(at); err != nil {
		d.ProcessesFail = inPast("processes", err)
	} else if before, err := past.ProcessesAt(d.Processes.Time.Add(-1)); err == nil {
		v.TableBefore = before
	}
	if v.Log, v.LogDropped, err = past.LogUntil(at); err != nil {
		v.Log = nil // the log says nothing then
	}
	return v, nil
}

// inPast says that a part was not recorded.
func inPast(what string, err error) error {
	if errors.Is(err, capture.ErrNotRecorded) {
		return fmt.Errorf("no %s were kept by this moment", what)
	}
	return err
}

// readHeaps reads the heap profile of a moment, and the one that rates are taken from.
func readHeaps(past capture.Past, d *tab.Data, was *tab.Data) {
	raw, err := past.HeapAt(d.At)
	if err != nil {
		d.HeapFailed = inPast("allocation sites", err)
		return
	}
	if was != nil && was.HeapRaw != nil && was.Heap != nil && was.HeapRaw.Time.Equal(raw.Time) {
		d.Heap, d.HeapRaw, d.HeapBefore = was.Heap, was.HeapRaw, was.HeapBefore
		return
	}
	heap, err := profile.ParseHeap(*raw)
	if err != nil {
		d.HeapFailed = err
		return
	}
	d.Heap, d.HeapRaw = &heap, raw
	for at := raw.Time.Add(-tab.HeapSpan); at.Before(raw.Time); at = at.Add(heapEvery) {
		before, err := past.HeapAt(at)
		if err != nil || raw.Time.Sub(before.Time) > tab.HeapSpan {
			continue
		}
		if older, err := profile.ParseHeap(*before); err == nil && before.Time.Before(raw.Time) {
			d.HeapBefore = &older
		}
		return
	}
}

// recentBefore finds the reading that rates at an instant are taken from: the first of its five seconds that is no more
// than a minute older. nil when there is none.
func recentBefore(past capture.Past, at time.Time) *sampler.Snapshot {
	from := at.Add(-tab.RecentSpan)
	slot := time.Unix(0, tab.RecentSlot(from)*int64(tab.RecentEvery))
	found, ok := past.Next(slot.Add(-1))
	if ok && found.Before(from) {
		found, ok = past.Next(slot.Add(tab.RecentEvery - 1))
	}
	if !ok || !found.Before(at) {
		return nil
	}
	snap, err := past.At(found)
	if err != nil {
		return nil
	}
	return snap
}

// siteProfiles is how many heap profiles the history of sites in a file is made of, which may have a day in it: as many
// as a SiteHistory keeps.
const siteProfiles = 240

// loaded is what a file tells as a whole: its series, the memory of each site over time, its first readings.
type loaded struct {
	history     *sampler.History
	sites       *tab.SiteHistory
	mark        tab.Mark
	first, last time.Time
	gone        *sampler.Gone
	judged      *tab.Judged // what it tells as a whole; nil until that is known
}

// load reads a file's series and its first readings.
func load(past capture.Past) (*loaded, error) {
	l := &loaded{history: tab.NewHistory(), sites: tab.NewSiteHistory(), gone: past.Gone()}
	l.first, l.last = past.Span()
	if err := past.Load(l.history); err != nil {
		return nil, err
	}
	first, err := past.At(l.first)
	if err != nil {
		if at, ok := past.Next(l.first.Add(-1)); ok {
			first, err = past.At(at)
		}
	}
	if err != nil {
		return l, nil // nothing was ever read: there is no mark
	}
	l.mark = tab.Mark{At: first.Time, Snapshot: first}
	if raw := earliest(l, past.HeapAt, func(p *sampler.Profile) time.Time { return p.Time }); raw != nil {
		if heap, err := profile.ParseHeap(*raw); err == nil {
			l.mark.Heap = &heap
		}
	}
	l.mark.Goroutines = earliest(l, past.GoroutinesAt, func(g *sampler.Goroutines) time.Time { return g.Time })
	l.mark.Mappings = earliest(l, past.MappingsAt, func(m *sampler.Mappings) time.Time { return m.Time })
	l.mark.Processes = earliest(l, past.ProcessesAt, func(t *sampler.ProcessTable) time.Time { return t.Time })
	return l, nil
}

// earliest finds the first reading of a sort by halving the time in which it must lie; nil when there is none.
func earliest[T any](l *loaded, at func(time.Time) (*T, error), when func(*T) time.Time) *T {
	found, err := at(l.last)
	if err != nil {
		return nil
	}
	for none := l.first.Add(-1); ; {
		known := when(found)
		if known.Sub(none) <= time.Millisecond || known.Before(none) {
			return found
		}
		middle := none.Add(known.Sub(none) / 2)
		if earlier, err := at(middle); err == nil && when(earlier).Before(known) {
			found = earlier
		} else {
			none = middle
		}
	}
}

// sitesOf reads heap profiles evenly spread over the file. It takes some seconds for a long recording of a large program.
func (l *loaded) sitesOf(past capture.Past) *tab.SiteHistory {
	sites := tab.NewSiteHistory()
	step := max(l.last.Sub(l.first)/siteProfiles, heapEvery)
	var before time.Time
	for at := l.first; !at.After(l.last.Add(step)); at = at.Add(step) {
		raw, err := past.HeapAt(at)
		if err != nil || raw.Time.Equal(before) {
			continue
		}
		before = raw.Time
		if heap, err := profile.ParseHeap(*raw); err == nil {
			sites.Add(&heap)
		}
	}
	return sites
}
