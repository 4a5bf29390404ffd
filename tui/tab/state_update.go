package tab

import (
	"errors"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// growthPoints is how many points of RSS the growth on screen is computed from: one every two seconds, so that what is
// read each second makes points at even distances.
const growthPoints = 300

// Tick moves the time that "since" and "stale" are counted to.
func (s *State) Tick(now time.Time) {
	if now.After(s.Now) {
		s.Now = now
	}
}

// Hear takes what the watch loop reports: a reading, or why there was none. at is when it arrived.
func (s *State) Hear(at time.Time, e sampler.Event) {
	s.Tick(at)
	s.Heard = at
	s.Version++
	if s.emptied = e.Err == nil && !s.emptied && s.empties(e.Snapshot); s.emptied {
		return
	}
	if e.Info.Source != "" || e.Info.Name != "" {
		s.setInfo(e.Info)
	}
	s.live.Cost = e.Cost
	if e.Err != nil {
		s.hearError(e.Err)
		return
	}
	if e.Snapshot != nil {
		s.hearSnapshot(e.Snapshot)
	}
}

// empties says whether nothing of the memory is left that the reading before told: so reads a program that has just ended.
// One such reading is waited over, for its end is told next, and the last values from before it are what is looked for then.
func (s *State) empties(snap *sampler.Snapshot) bool {
	const rss, of = sampler.ProcessRSS, sampler.GoClassTotal
	return snap != nil && s.live.Snapshot != nil && anyOf(s.live.Snapshot, rss) && !anyOf(snap, rss, of)
}

func (s *State) setInfo(info sampler.Info) { s.target().describe(info) }

func (s *State) hearError(err error) {
	s.live.Failed = err
	var gone *sampler.Gone
	switch {
	case errors.As(err, &gone):
		s.live.Gone = gone
	case errors.Is(err, sampler.ErrGone):
		s.live.Gone = &sampler.Gone{At: s.Now, Reason: err.Error()}
	}
}

func (s *State) hearSnapshot(snap *sampler.Snapshot) {
	d := &s.live
	d.At, d.Snapshot, d.Failed = snap.Time, snap, nil
	d.keepSeldom(snap)
	history := s.target().History
	history.Add(snap)
	d.Cycles = history.Cycles()
	s.keepRecent(snap)
	s.judge(d, s.target())
	if d.Mark.At.IsZero() {
		s.SetMark()
	}
}

// keepRecent keeps the first reading of each five seconds for a minute; the oldest is what rates are taken from.
func (s *State) keepRecent(snap *sampler.Snapshot) {
	if n := len(s.recent); n == 0 || RecentSlot(s.recent[n-1].Time) != RecentSlot(snap.Time) {
		s.recent = append(s.recent, snap)
	}
	for len(s.recent) > 1 && snap.Time.Sub(s.recent[0].Time) > RecentSpan {
		s.recent = s.recent[1:]
	}
	if s.recent[0] != snap {
		s.live.Recent = s.recent[0]
	}
}

// judge tells what follows from a reading: it is the same live and for the past.
func (s *State) judge(d *Data, of *Scene) {
	d.Ledger, d.LedgerOK = analysis.NewLedger(d.Snapshot, d.Mappings)
	d.Limit, d.LimitOK = analysis.NearestLimit(d.Snapshot, s.Limits...)
	if d.Recent != nil {
		d.GC = analysis.GCBetween(d.Recent, d.Snapshot)
	}
	d.WhatIf = whatIf(d)
	d.Growth, d.Counted, d.Reach = analysis.Growth{}, analysis.Growth{}, analysis.Reach{}
	if counted := of.History.Series(sampler.RedisUsed); counted != nil && d.LimitOK && d.Limit.Metric == sampler.RedisUsed {
		d.Counted = analysis.GrowthSince(counted.Points(d.At.Add(-2*MaxSpan), d.At, growthPoints), of.Info.Started)
	}
	series := of.History.Series(sampler.ProcessRSS)
	if series == nil {
		return
	}
	d.Growth = analysis.GrowthSince(series.Points(d.At.Add(-2*MaxSpan), d.At, growthPoints), of.Info.Started)
	s.reach(d)
}

// SetHeap takes a heap profile, or why there is none.
func (s *State) SetHeap(h *profile.Heap, raw *sampler.Profile, err error) {
	s.Version++
	d := &s.live
	d.HeapFailed = err
	if err != nil {
		return
	}
	d.Heap, d.HeapRaw = h, raw
	d.HeapBefore = s.keepHeap(h)
	s.target().Sites.Add(h)
	if d.Mark.Heap == nil {
		d.Mark.Heap = h
	}
}

// HeapSpan is how far before a heap profile the one may lie that rates are taken from. A profile changes with each
// collection only, so a rate between two that follow each other would jump between 0 and twice the truth.
const HeapSpan = 30 * time.Second

// keepHeap keeps a profile for half a minute and returns the oldest one kept before it.
func (s *State) keepHeap(h *profile.Heap) (before *profile.Heap) {
	for len(s.heaps) > 0 && h.Time.Sub(s.heaps[0].Time) > HeapSpan {
		s.heaps = s.heaps[1:]
	}
	if len(s.heaps) > 0 {
		before = s.heaps[0]
	}
	s.heaps = append(s.heaps, h)
	return before
}

// SetGoroutines takes goroutine groups, or why there are none.
func (s *State) SetGoroutines(g *sampler.Goroutines, err error) {
	s.Version++
	d := &s.live
	d.GoroutinesFail = err
	if err != nil {
		return
	}
	d.Goroutines = g
	if d.Mark.Goroutines == nil {
		d.Mark.Goroutines = g
	}
}

// SetMappings takes the address space, or why it could not be read. One that was put off leaves the last in place.
func (s *State) SetMappings(m *sampler.Mappings, err error) {
	if errors.Is(err, sampler.ErrBudget) {
		return
	}
	s.Version++
	s.live.MappingsFail = err
	if err != nil {
		return
	}
	s.live.Mappings = m
	if s.live.Mark.Mappings == nil {
		s.live.Mark.Mappings = m
	}
}

// SetKeys takes what a walk over the keys found so far, or why it could not go on.
func (s *State) SetKeys(k *sampler.Keys, err error) {
	s.Version++
	s.live.KeysFailed = err
	if err == nil {
		s.live.Keys = k
	}
}

// SetClients takes the connections of a server, or why they could not be read.
func (s *State) SetClients(c *sampler.Clients, err error) {
	s.Version++
	s.live.ClientsFailed = err
	if err == nil {
		s.live.Clients = c
	}
}

// SetProcesses takes a process table that SpareTable gave out, or why it could not be read.
func (s *State) SetProcesses(t *sampler.ProcessTable, err error) {
	s.Version++
	s.live.ProcessesFail = err
	if err == nil {
		s.live.Processes = t
	}
}

// SpareTable returns a table to read processes into: one that neither the live nor the frozen data show.
func (s *State) SpareTable() *sampler.ProcessTable {
	for i := range s.tables {
		t := &s.tables[i]
		if t != s.live.Processes && (s.frozen == nil || t != s.frozen.Processes) {
			return t
		}
	}
	return &sampler.ProcessTable{}
}

// SetCollected takes a forced collection that ended.
func (s *State) SetCollected(c *Collected) { s.live.Collected = c; s.Version++ }

// AddSaved records a snapshot file.
func (s *State) AddSaved(f Saved) { s.Saved = append(s.Saved, f); s.Version++ }

// SetLog takes what the started program printed.
func (s *State) SetLog(lines []sampler.LogLine, dropped int) {
	of := s.target()
	of.Log, of.LogDropped = lines, dropped
	s.Version++
}

// SetAbilities takes what a look at the session found it unable to do.
func (s *State) SetAbilities(cannotCollect error) { s.CannotCollect = cannotCollect; s.Version++ }

// SetInterval records how often the target is read.
func (s *State) SetInterval(d time.Duration) { s.Interval = d; s.Version++ }

// Reset forgets history and peaks and sets the mark. The last readings stay.
func (s *State) Reset() {
	s.Resume()
	s.History.Reset()
	s.Sites.Reset()
	s.recent, s.live.Recent, s.live.Cycles = nil, nil, nil
	s.heaps, s.live.HeapBefore, s.live.Collected = nil, nil, nil
	s.live.Growth, s.live.Reach, s.live.GC, s.live.Judged = analysis.Growth{}, analysis.Reach{}, analysis.GC{}, nil
	if s.live.Snapshot != nil {
		s.History.Add(s.live.Snapshot)
	}
	s.SetMark()
}

// Retarget forgets everything about the old target, but for the process table, which is the machine's.
func (s *State) Retarget(info sampler.Info, out sampler.Output) {
	s.Resume()
	table, fail := s.live.Processes, s.live.ProcessesFail
	s.live = Data{Processes: table, ProcessesFail: fail}
	s.recent, s.heaps = nil, nil
	s.History, s.Sites = NewHistory(), NewSiteHistory()
	s.Output, s.Log, s.LogDropped = out, nil, 0
	s.CannotCollect, s.CannotWalk, s.CannotRecord, s.Walk = nil, nil, nil, Walking{}
	s.Watching = true
	s.Heard = time.Time{}
	s.setInfo(info)
	s.Version++
}
