package capture

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// tableAt returns the last table of a kind at or before t. It belongs to the shelf and is good until the next call.
func (s *shelf) tableAt(k kind, t time.Time) (*table, error) {
	places := s.placesOf(k)
	i := places.last(t)
	if i < 0 {
		return nil, fmt.Errorf("%v by %s: %w", k, t.Format(time.TimeOnly), ErrNotRecorded)
	}
	return s.tableIn(places.slots[i])
}

// Latest implements Past.
func (s *shelf) Latest(t time.Time) Latest {
	s.mu.Lock()
	defer s.mu.Unlock()
	made := func(k kind) (at time.Time) {
		places := s.placesOf(k)
		if i := places.last(t); i >= 0 {
			at = time.Unix(0, s.slots[places.slots[i]].from)
		}
		return at
	}
	return Latest{made(kindHeap), made(kindGoroutines), made(kindMappings), made(kindProcesses)}
}

// tableIn returns the table in slot i, which belongs to the shelf and is good until the next call.
func (s *shelf) tableIn(i int) (*table, error) {
	cached := &s.tables[s.slots[i].kind]
	if cached.slot == s.slots[i] {
		return cached.t, nil
	}
	have, path, err := s.pathTo(i)
	if err != nil {
		return nil, err
	}
	cached.slot = nil
	for _, x := range slices.Backward(path) {
		raw, err := s.unpack(x)
		if err != nil {
			return nil, err
		}
		j, err := decodeTable(raw)
		if err == nil {
			have, err = have.apply(j)
		}
		if err != nil {
			return nil, s.broken(x, err)
		}
	}
	cached.slot, cached.t = s.slots[i], have
	return have, nil
}

// pathTo returns the members that lead to the table in slot last, that one first, down to the key or to the table that
// is at hand, which it returns.
func (s *shelf) pathTo(last int) (have *table, path []*slot, err error) {
	k := s.slots[last].kind
	for _, x := range slices.Backward(s.slots[:last+1]) {
		if x.kind != k {
			continue
		}
		if x == s.tables[k].slot {
			return s.tables[k].t, path, nil
		}
		path = append(path, x)
		if x.key {
			return nil, path, nil
		}
		if len(path) > maxPath {
			break
		}
	}
	return nil, nil, s.broken(s.slots[last], fmt.Errorf("no whole table in the %d before it", len(path)))
}

// maxPath is how many tables may follow a whole one. We write keyEvery.
const maxPath = 1024

// tableOf calls f with the table at t, which is the shelf's.
func tableOf[T any](s *shelf, k kind, t time.Time, f func(*table) (*T, error)) (*T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.tableAt(k, t)
	if err != nil {
		return nil, err
	}
	out, err := f(found)
	if err != nil {
		return nil, s.broken(s.tables[k].slot, err)
	}
	return out, nil
}

// HeapAt implements Past.
func (s *shelf) HeapAt(t time.Time) (*sampler.Profile, error) {
	return tableOf(s, kindHeap, t, (*table).heapProfile)
}

// GoroutinesAt implements Past.
func (s *shelf) GoroutinesAt(t time.Time) (*sampler.Goroutines, error) {
	return tableOf(s, kindGoroutines, t, (*table).goroutines)
}

// GoroutineProfileAt implements Past.
func (s *shelf) GoroutineProfileAt(t time.Time) (*sampler.Profile, error) {
	g, err := s.GoroutinesAt(t)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := goroutineProfile(g).WriteUncompressed(&b); err != nil {
		return nil, fmt.Errorf("goroutine profile: %w", err)
	}
	return &sampler.Profile{Time: g.Time, Took: g.Took, Source: g.Source, Data: b.Bytes()}, nil
}

// MappingsAt implements Past.
func (s *shelf) MappingsAt(t time.Time) (*sampler.Mappings, error) {
	return tableOf(s, kindMappings, t, (*table).mappings)
}

// ProcessesAt implements Past.
func (s *shelf) ProcessesAt(t time.Time) (*sampler.ProcessTable, error) {
	return tableOf(s, kindProcesses, t, (*table).processes)
}

// LogUntil implements Past.
func (s *shelf) LogUntil(t time.Time) (lines []sampler.LogLine, dropped int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := [][]sampler.LogLine{until(s.lines, t)} // the newest first
	n, total := len(parts[0]), 0
	if n > 0 {
		total = n + s.lost
	}
	for _, x := range slices.Backward(s.slots) {
		if x.kind != kindLog {
			continue
		}
		if n >= maxLogLines {
			total += x.count
			continue
		}
		list, lost, err := s.logOf(x)
		if err != nil {
			return nil, 0, err
		}
		if list = until(list, t); len(list) == 0 {
			continue
		}
		parts, n, total = append(parts, list), n+len(list), total+len(list)+lost
	}
	slices.Reverse(parts)
	lines = slices.Clone(tail(slices.Concat(parts...), maxLogLines))
	return lines, total - len(lines), nil
}

// until returns the lines written by t.
func until(lines []sampler.LogLine, t time.Time) []sampler.LogLine {
	for len(lines) > 0 && lines[len(lines)-1].Time.After(t) {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func (s *shelf) logOf(x *slot) (lines []sampler.LogLine, dropped int, err error) {
	raw, err := s.unpack(x)
	if err != nil {
		return nil, 0, err
	}
	err = eachLine(raw, func(text []byte) error {
		var l lineJSON
		if err := decodeLine(text, &l); err != nil || l.Log == nil {
			return err
		}
		if len(l.Log.Lines) > 2*maxLogLines {
			return fmt.Errorf("%d lines are more than %d", len(l.Log.Lines), 2*maxLogLines)
		}
		dropped += max(0, l.Log.Dropped)
		for _, j := range l.Log.Lines {
			lines = append(lines, sampler.LogLine{Time: j.Time, Stderr: j.Stderr, Text: j.Text})
		}
		return nil
	})
	if err != nil {
		return nil, 0, s.broken(x, err)
	}
	return lines, dropped, nil
}
