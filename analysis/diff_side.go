package analysis

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/capture"
)

// SideOf makes a side of a snapshot file. name is what the user calls it. The error names the part of the file that
// cannot be what it says.
func SideOf(name string, s *capture.Snapshot) (*Side, error) {
	side := &Side{Name: name, Note: s.Note, Time: s.Meta.Time, Info: s.Info, Sample: s.Sample, Mappings: s.Mappings}
	ledger, err := readLedger(s)
	if err != nil {
		return nil, fmt.Errorf("ledger.json: %w", err)
	}
	side.Ledger = ledger
	if s.Heap != nil {
		heap, err := profile.ParseHeap(*s.Heap)
		if err != nil {
			return nil, fmt.Errorf("heap.pb.gz: %w", err)
		}
		side.Heap = &heap
	}
	if s.Goroutine != nil {
		g, err := profile.ParseGoroutines(*s.Goroutine)
		if err != nil {
			return nil, fmt.Errorf("goroutine.pb.gz: %w", err)
		}
		side.Goroutines = &g
	}
	return side, nil
}

// maxLedger is how many rows and how many warnings a ledger from a file may have; ours have some 15.
const maxLedger = 1000

// readLedger returns the ledger of the file; where it has none but the readings, the one that follows from them.
func readLedger(s *capture.Snapshot) (*Ledger, error) {
	if len(s.Ledger) == 0 {
		if s.Sample == nil {
			return nil, nil
		}
		if l, ok := NewLedger(s.Sample, s.Mappings); ok {
			return &l, nil
		}
		return nil, nil
	}
	var l Ledger
	if err := json.Unmarshal(s.Ledger, &l); err != nil {
		return nil, err
	}
	if len(l.Rows) > maxLedger || len(l.Warnings) > maxLedger {
		return nil, fmt.Errorf("%d rows and %d warnings are too many", len(l.Rows), len(l.Warnings))
	}
	keys := map[string]bool{}
	for _, r := range l.Rows {
		if r.Key == "" || keys[r.Key] {
			return nil, errors.New("a row without a key, or two with the same")
		}
		if r.Bytes < 0 || r.Bytes > l.Total {
			return nil, fmt.Errorf("a row of %g bytes in a ledger of %g", r.Bytes, l.Total)
		}
		keys[r.Key] = true
	}
	if len(l.Rows) == 0 {
		return nil, nil
	}
	return &l, nil
}

// SideOfProfile makes a side of a heap profile alone, or of a goroutine profile alone. An error that wraps
// profile.ErrNotHeap says that it is neither.
func SideOfProfile(name string, p sampler.Profile) (*Side, error) {
	side := &Side{Name: name}
	heap, err := profile.ParseHeap(p)
	if err == nil {
		side.Heap, side.Time = &heap, heap.Time
		return side, nil
	}
	if errors.Is(err, profile.ErrNotHeap) {
		if g, other := profile.ParseGoroutines(p); other == nil {
			side.Goroutines, side.Time = &g, g.Time
			return side, nil
		}
	}
	return nil, err
}
