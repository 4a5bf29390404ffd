package tab

import (
	"time"

	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// Scene is what belongs to the target that is shown and not to one instant of it: the watched one's, or a file's.
type Scene struct {
	Info       sampler.Info
	Hints      []string          // what would show more, cleaned for the screen
	History    *sampler.History  // of what is charted; draw up to Data().At only
	Sites      *SiteHistory      // memory in use of each site over time
	Log        []sampler.LogLine // what the program printed, oldest first; read while the log is shown
	LogDropped int               // how many older lines were dropped
}

func (c *Scene) describe(info sampler.Info) {
	c.Info = info
	c.Hints = c.Hints[:0:0]
	for _, h := range info.Hints {
		c.Hints = append(c.Hints, theme.Clean(h))
	}
}

// The readings that rates are taken from: the first of each five seconds, a minute old at most. Moments of the past are
// found by the same rule, so that a rate is the same when it is looked at again.
const (
	RecentEvery = 5 * time.Second
	RecentSpan  = time.Minute
)

// RecentSlot returns the five seconds that an instant lies in.
func RecentSlot(t time.Time) int64 { return t.UnixNano() / int64(RecentEvery) }

// notOfThen is why something cannot be done to a moment of the past.
func notOfThen(st *State) string {
	if !st.Watching {
		return "is of a program that runs, and this is how one was"
	}
	return "is of now, and this is how it was: p goes back to now"
}

// Visit is a moment of the past, read to be shown. The root fills Data as far as it is recorded; what follows from the
// readings State works out itself, as it does live.
type Visit struct {
	Scene
	Data Data
	// File is the recording or snapshot that the moment is from, "" for the watched target's own last minutes.
	File        string
	First, Last time.Time     // the span that one can move in
	Gone        *sampler.Gone // how the target of the file ended; nil when it lived, or that is not known
	// TableBefore is a process table before Data's, to take CPU time from; nil without one.
	TableBefore *sampler.ProcessTable
}

// target is the scene of the watched target, shown or not.
func (s *State) target() *Scene {
	if s.visit != nil {
		return &s.own
	}
	return &s.Scene
}

// Target returns what belongs to the watched target, whatever is shown.
func (s *State) Target() *Scene { return s.target() }

// Visit shows a moment of the past. A moment of the watched target's own past has its series and its mark; one of a file
// brings both along.
func (s *State) Visit(v *Visit) {
	if s.visit == nil {
		s.own = s.Scene
	}
	if s.frozen == nil {
		s.edge = s.live.At
	}
	if v.File == "" {
		v.History, v.Sites = s.own.History, s.own.Sites
		v.Data.Mark, v.Data.Collected = s.live.Mark, s.live.Collected
	}
	v.describe(v.Info)
	s.judge(&v.Data, &v.Scene)
	s.visit, s.frozen, s.Scene = v, &v.Data, v.Scene
	s.Version++
}

// SetSites takes the memory of each site over time of the file that is shown.
func (s *State) SetSites(h *SiteHistory) {
	if s.visit != nil && s.visit.File != "" {
		s.Sites = h
		s.Version++
	}
}

// Visiting returns the moment of the past that is shown, nil when none is.
func (s *State) Visiting() *Visit { return s.visit }

// Freeze keeps what is shown as it is, while sampling goes on.
func (s *State) Freeze() {
	if s.frozen == nil {
		frozen := s.live
		s.frozen, s.edge = &frozen, s.live.At
		s.Version++
	}
}

// Resume shows the live data again.
func (s *State) Resume() {
	if s.visit != nil {
		s.Scene, s.visit = s.own, nil
	}
	if s.frozen != nil {
		s.frozen = nil
		s.Version++
	}
}

// SetMark makes what is shown now the mark. While a file is shown it is the file's own.
func (s *State) SetMark() {
	d := s.Data()
	mark := Mark{At: d.At, Snapshot: d.Snapshot, Heap: d.Heap, Goroutines: d.Goroutines, Mappings: d.Mappings}
	if s.visit == nil || s.visit.File == "" {
		s.live.Mark = mark
	}
	if s.frozen != nil {
		s.frozen.Mark = mark
	}
	s.Version++
}

// Cursor is the instant that charts mark and tables show.
func (s *State) Cursor() time.Time { return s.Data().At }

// Edge is where the charts end: at the last reading, or, while the person moves in the past, where that ended when the
// screen was frozen.
func (s *State) Edge() time.Time {
	edge := s.Data().At
	if s.visit == nil {
		return edge
	}
	if s.visit.File != "" {
		return s.visit.Last
	}
	if s.edge.After(edge) {
		return s.edge
	}
	return edge
}

// Span is how much of the past the charts show: one minute at first, so that they are not empty for long, then two,
// then MaxSpan.
func (s *State) Span() time.Duration {
	first := s.Data().At
	for _, m := range []sampler.Metric{sampler.ProcessRSS, sampler.GoClassTotal} {
		if series := s.History.Series(m); series != nil {
			if p, ok := series.First(); ok && p.Time.Before(first) {
				first = p.Time
			}
		}
	}
	watched := s.Edge().Sub(first)
	for _, span := range []time.Duration{time.Minute, 2 * time.Minute} {
		if watched <= span {
			return span
		}
	}
	return MaxSpan
}

// Window is the time that the charts show. It stays where it is while the cursor moves in it, and moves with a cursor
// that would leave it, which then stands a fifth of the chart from the left.
func (s *State) Window() (from, to time.Time) {
	span := s.Span()
	to = s.Edge()
	if cursor := s.Cursor(); to.Sub(cursor) > span*4/5 {
		to = cursor.Add(span * 4 / 5)
	}
	return to.Add(-span), to
}
