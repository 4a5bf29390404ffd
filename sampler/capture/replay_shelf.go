package capture

import (
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// slot is a member on a shelf.
type slot struct {
	entry
	number int    // of the member in its file, from 0
	data   []byte // nil in a file
	cycles *[]sampler.GCCycle
}

// What a shelf keeps of what it has unpacked.
const (
	cachedSlots  = 8
	cachedCycles = 1 << 17
)

// shelf is members in the order they were made, which it unpacks when they are asked for.
type shelf struct {
	mu      sync.Mutex
	name    string // for errors: "recording a.heaprec"
	slots   []*slot
	fetch   func(*slot, []byte) error // of a member whose data is nil; safe for concurrent use
	pending []*Moment                 // the newest, in no member yet
	lines   []sampler.LogLine         // the same
	lost    int                       // lines that were dropped before those
	end     *endJSON

	in      unpacker       // of what is read one by one
	decoder samplesDecoder // the same
	places  [kindCount]*places

	moments map[*slot][]*Moment
	recent  []*slot // of moments, the oldest first
	tables  [kindCount]struct {
		slot *slot
		t    *table
	}
	cycles int // in slots
}

// unpack returns the lines of a member, good until the next call. The error says where it stands.
func (s *shelf) unpack(x *slot) (raw []byte, err error) { return s.unpackWith(&s.in, x) }

// unpackWith does the same with another unpacker. It is safe for concurrent use, each with its own.
func (s *shelf) unpackWith(u *unpacker, x *slot) (raw []byte, err error) {
	data := x.data
	if data == nil {
		data = u.room(x.size)
		if err = s.fetch(x, data); err != nil {
			return nil, s.broken(x, err)
		}
	}
	if raw, err = u.unpack(x.entry, data); err != nil {
		return nil, s.broken(x, err)
	}
	return raw, nil
}

func (s *shelf) broken(x *slot, err error) error {
	return fmt.Errorf("read %s: member %d (%v) at byte %d: %w", s.name, x.number, x.kind, x.offset, err)
}

// momentsOf returns the moments of a member of samples, which stay the shelf's.
func (s *shelf) momentsOf(x *slot) ([]*Moment, error) {
	if list, ok := s.moments[x]; ok {
		return list, nil
	}
	list, err := s.decode(x)
	if err != nil {
		return nil, err
	}
	if s.moments == nil {
		s.moments = make(map[*slot][]*Moment)
	}
	if len(s.recent) >= cachedSlots {
		delete(s.moments, s.recent[0])
		s.recent = s.recent[1:]
	}
	s.moments[x], s.recent = list, append(s.recent, x)
	return list, nil
}

// decode returns the moments of a member of samples, and keeps its collections.
func (s *shelf) decode(x *slot) ([]*Moment, error) {
	raw, err := s.unpack(x)
	if err != nil {
		return nil, err
	}
	list, err := s.decoder.decode(raw)
	if err != nil {
		return nil, s.broken(x, err)
	}
	s.keepCycles(x, list)
	return list, nil
}

// keepCycles keeps the collections of a member's moments, so that going back needs not unpack it again for them.
func (s *shelf) keepCycles(x *slot, list []*Moment) {
	if x.cycles != nil || s.cycles >= cachedCycles {
		return
	}
	cycles := []sampler.GCCycle{}
	for _, m := range list {
		if m.Snapshot != nil {
			cycles = append(cycles, m.Snapshot.Cycles...)
		}
	}
	cycles = slices.Clone(tail(cycles, sampler.MaxCycles))
	x.cycles = &cycles
	s.cycles += len(cycles)
}

// Span implements Past.
func (s *shelf) Span() (from, to time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	add := func(a, b time.Time) {
		if from.IsZero() || a.Before(from) {
			from = a
		}
		if b.After(to) {
			to = b
		}
	}
	for _, x := range s.slots {
		if x.kind == kindSamples {
			add(time.Unix(0, x.from), time.Unix(0, x.to))
		}
	}
	for _, m := range s.pending {
		add(m.From, m.at())
	}
	return from, to
}

// find returns the last moment at or before t with a snapshot. It goes from the end back, so that after the clock was
// set back the later reading is found.
func (s *shelf) find(t time.Time) (*Moment, error) {
	if m := lastBy(s.pending, t); m != nil {
		return m, nil
	}
	places := s.placesOf(kindSamples)
	for i := places.last(t); i >= 0; i-- {
		x := s.slots[places.slots[i]]
		if time.Unix(0, x.from).After(t) {
			continue
		}
		list, err := s.momentsOf(x)
		if err != nil {
			return nil, err
		}
		if m := lastBy(list, t); m != nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("reading by %s: %w", t.Format(time.TimeOnly), ErrNotRecorded)
}

func lastBy(list []*Moment, t time.Time) *Moment {
	for _, m := range slices.Backward(list) {
		if m.Snapshot != nil && !m.Snapshot.Time.After(t) {
			return m
		}
	}
	return nil
}

// At implements Past.
func (s *shelf) At(t time.Time) (*sampler.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(t)
	if err != nil {
		return nil, err
	}
	return m.Snapshot.Clone(), nil
}

// InfoAt implements Past.
func (s *shelf) InfoAt(t time.Time) (sampler.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(t)
	if err != nil {
		return sampler.Info{}, err
	}
	return m.Info, nil
}

// Before implements Past.
func (s *shelf) Before(t time.Time) (at time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.find(t.Add(-1))
	if err != nil {
		return at, false
	}
	return m.Snapshot.Time, true
}

// Next implements Past.
func (s *shelf) Next(t time.Time) (at time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := func(list []*Moment) bool {
		for _, m := range list {
			if m.Snapshot != nil && m.Snapshot.Time.After(t) {
				at = m.Snapshot.Time
				return true
			}
		}
		return false
	}
	for _, x := range s.slots {
		if x.kind != kindSamples || !time.Unix(0, x.to).After(t) {
			continue
		}
		list, err := s.momentsOf(x)
		if err != nil {
			return at, false
		}
		if first(list) {
			return at, true
		}
	}
	return at, first(s.pending)
}

// CyclesUntil implements Past.
func (s *shelf) CyclesUntil(t time.Time) ([]sampler.GCCycle, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found [][]sampler.GCCycle // the newest first
	n := 0
	keep := func(list []sampler.GCCycle) { found, n = append(found, list), n+len(list) }
	by := func(list []*Moment) {
		for _, m := range slices.Backward(list) {
			if m.Snapshot != nil && !m.Snapshot.Time.After(t) {
				keep(m.Snapshot.Cycles)
			}
		}
	}
	by(s.pending)
	for _, x := range slices.Backward(s.slots) {
		if n >= sampler.MaxCycles {
			break
		}
		if x.kind != kindSamples || time.Unix(0, x.from).After(t) {
			continue
		}
		if x.cycles != nil && !time.Unix(0, x.to).After(t) {
			keep(*x.cycles)
			continue
		}
		list, err := s.momentsOf(x)
		if err != nil {
			return nil, err
		}
		by(list)
	}
	slices.Reverse(found)
	return slices.Clone(tail(slices.Concat(found...), sampler.MaxCycles)), nil
}

// All implements Past.
func (s *shelf) All() iter.Seq2[*Moment, error] { return s.all(false) }

// all yields every moment; lean leaves out what a history does not keep.
func (s *shelf) all(lean bool) iter.Seq2[*Moment, error] {
	return func(yield func(*Moment, error) bool) {
		s.mu.Lock()
		slots, pending := slices.Clone(s.slots), slices.Clone(s.pending)
		s.mu.Unlock()
		slots = slices.DeleteFunc(slots, func(x *slot) bool { return x.kind != kindSamples })
		for list, err := range s.ahead(slots, lean) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, m := range list {
				if !yield(m, nil) {
					return
				}
			}
		}
		for _, m := range pending {
			if !yield(m.clone(), nil) {
				return
			}
		}
	}
}

// Load implements Past. The extremes of a span enter the series as readings of their own, a little before its last one,
// so that a bucket of a series has the same minimum and maximum as if it had seen all of them.
func (s *shelf) Load(h *sampler.History) error {
	var extreme sampler.Snapshot
	for m, err := range s.all(true) {
		if err != nil {
			return err
		}
		if m.Snapshot == nil {
			continue
		}
		for back, values := range [][]float64{m.Max, m.Min} {
			if values == nil {
				continue
			}
			extreme.Reset(m.Snapshot.Time.Add(-time.Duration(2 - back)))
			for i, v := range values {
				extreme.Add(m.Snapshot.Samples[i].Metric, v)
			}
			h.Add(&extreme)
		}
		h.Add(m.Snapshot)
	}
	return nil
}

// Gone implements Past.
func (s *shelf) Gone() *sampler.Gone {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end.gone()
}
