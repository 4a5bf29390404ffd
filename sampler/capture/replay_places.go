package capture

import (
	"math"
	"slices"
	"sort"
	"time"
)

// places is where the members of one kind stand on a shelf, for finding the one of a time.
type places struct {
	slots []int   // indices, rising
	least []int64 // the earliest beginning of the member and of all behind it: rising too, even where the clock was set back
}

// placesOf returns the places of a kind, which are found once: whoever adds to the shelf, or takes from it, forgets them.
func (s *shelf) placesOf(k kind) *places {
	if found := s.places[k]; found != nil {
		return found
	}
	p := new(places)
	for i, x := range s.slots {
		if x.kind == k {
			p.slots = append(p.slots, i)
		}
	}
	p.least = make([]int64, len(p.slots))
	least := int64(math.MaxInt64)
	for i, at := range slices.Backward(p.slots) {
		least = min(least, s.slots[at].from)
		p.least[i] = least
	}
	s.places[k] = p
	return p
}

// last returns the last place whose member begins at or before t, -1 when there is none.
func (p *places) last(t time.Time) int {
	return sort.Search(len(p.least), func(i int) bool { return time.Unix(0, p.least[i]).After(t) }) - 1
}
