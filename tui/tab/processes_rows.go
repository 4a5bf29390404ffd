package tab

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/sampler"
)

// processRow is a process with what follows from earlier tables. p points into the table that is shown.
type processRow struct {
	p      *sampler.Process
	key    processKey
	fresh  bool            // it appeared after the mark
	change sampler.Reading // bytes since the mark
	rate   sampler.Reading // bytes a second, over the last minute
	share  sampler.Reading // CPUs in use
	sum    sampler.Reading // resident memory of it and its descendants; in a tree only
	ring   [trackSlots]float32
}

// collect makes the rows of a table that the tracks have taken, in ascending order of pid.
func (t *processTracks) collect(table *sampler.ProcessTable, into []processRow) []processRow {
	rows := into[:0]
	for i := range t.list {
		k, p := &t.list[i], &table.Processes[i]
		rows = append(rows, processRow{
			p: p, key: k.key, fresh: k.fresh, change: change(p.RSS, k.mark),
			rate: t.rateOf(k, p.RSS), share: k.share, ring: k.ring,
		})
	}
	return rows
}

// number returns what a row has in a column of numbers.
func (r *processRow) number(c processColumn) sampler.Reading {
	switch c {
	case procPID:
		return sampler.Known(float64(r.p.PID))
	case procRSS:
		return r.p.RSS
	case procTree:
		return r.sum
	case procChange:
		if r.fresh {
			return r.p.RSS
		}
		return r.change
	case procRate:
		return r.rate
	case procPeak:
		return r.p.Peak
	case procSwap:
		return r.p.Swap
	case procThreads:
		return r.p.Threads
	case procCPU:
		return r.share
	}
	return sampler.Reading{}
}

// text returns what a row has in a column of text; ok is false for a column of numbers.
func (r *processRow) text(c processColumn) (text string, ok bool) {
	switch c {
	case procName:
		return r.p.Name, true
	case procUser:
		return r.p.User, true
	case procContainer:
		return r.p.Container, true
	case procCommand:
		return r.p.Command, true
	}
	return "", false
}

// sortKey is a row by its place, with the number it is ordered by.
type sortKey struct {
	value float64
	row   int32
}

// order puts the places of rows into the order of a column. What is unknown comes last, what is equal in order of pid.
func (s *Processes) order(places []int32, c processColumn, ascending bool) {
	sign := -1
	if ascending {
		sign = 1
	}
	if _, text := (&processRow{p: &sampler.Process{}}).text(c); text {
		slices.SortFunc(places, func(a, b int32) int {
			x, _ := s.all[a].text(c)
			y, _ := s.all[b].text(c)
			return cmp.Or(sign*strings.Compare(x, y), cmp.Compare(a, b))
		})
		return
	}
	s.sorted = s.sorted[:0]
	for _, i := range places {
		v := math.Inf(1)
		if n := s.all[i].number(c); n.OK {
			v = float64(sign) * n.Value
		}
		s.sorted = append(s.sorted, sortKey{v, i})
	}
	slices.SortFunc(s.sorted, func(a, b sortKey) int {
		switch {
		case a.value < b.value:
			return -1
		case a.value > b.value:
			return 1
		}
		return int(a.row) - int(b.row)
	})
	for i, k := range s.sorted {
		places[i] = k.row
	}
}

// arrange filters and orders the rows and hands the result to the table.
func (s *Processes) arrange() {
	s.shown, s.branch = s.shown[:0], s.branch[:0]
	if s.tree {
		s.arrangeTree()
	} else {
		for i := range s.all {
			if s.filter.Match(s.all[i].p) {
				s.shown = append(s.shown, int32(i))
			}
		}
		s.order(s.shown, s.column(), s.table.Ascending())
	}
	s.keys = s.keys[:0]
	for _, i := range s.shown {
		s.keys = append(s.keys, s.all[i].key)
	}
	s.table.SetRows(s.keys)
	s.drawn = drawing{}
}
