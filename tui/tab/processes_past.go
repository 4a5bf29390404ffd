package tab

import (
	"github.com/alloc-dev/heaptop/sampler"
)

// showPast makes the rows of the table of a moment in the past. What was not recorded is unknown: rates, and the peak
// and swap of processes that were not on screen then.
func (s *Processes) showPast(st *State) {
	table := st.Data().Processes
	s.all, s.at = nil, table
	if table != nil {
		var tracks processTracks
		if before := st.Visiting().TableBefore; before != nil {
			tracks.add(before)
		}
		tracks.add(table)
		s.all = tracks.collect(table, nil)
		marks := s.marksOf(st)
		for i := range s.all {
			row := &s.all[i]
			mark, known := marks[row.key]
			row.fresh = !known && len(marks) > 0
			row.change = change(row.p.RSS, mark)
		}
	}
	s.arrange()
}

// marksOf returns the resident memory of each process at the mark.
func (s *Processes) marksOf(st *State) map[processKey]sampler.Reading {
	marks := map[processKey]sampler.Reading{}
	if st.Visiting().File != "" {
		if at := st.Data().Mark.Processes; at != nil {
			for i := range at.Processes {
				marks[keyOf(&at.Processes[i])] = at.Processes[i].RSS
			}
		}
		return marks
	}
	for i := range s.tracks.list {
		if k := &s.tracks.list[i]; !k.fresh {
			marks[k.key] = k.mark
		}
	}
	return marks
}
