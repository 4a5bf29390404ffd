package tab

import (
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// Walking is what is known of who holds the target's objects: the last walk over its heap, and the one under way.
type Walking struct {
	Running  bool
	Progress sampler.WalkProgress // of the one under way
	Failed   error                // why the last one gave nothing; nil when it did
	Last     *sampler.HeapWalk    // the last that succeeded; nil before
	Sites    []profile.Holding    // of Last, by the bytes they hold
}

// Of finds who holds the objects of a site by its key, nil when the last walk has no live sampled object of it.
func (w *Walking) Of(key string) *profile.Holding {
	for i := range w.Sites {
		if w.Sites[i].Key() == key {
			return &w.Sites[i]
		}
	}
	return nil
}

// Requests for the root model.
type (
	// WalkHeap finds out who holds the target's objects. Force does so though part of it is swapped out.
	WalkHeap struct{ Force bool }
	// StopWalk ends a walk that is under way.
	StopWalk struct{}
	// RecordSites makes the target record its allocation sites, once the person has agreed.
	RecordSites struct{}
)

// SetHoldAbilities takes why the heap cannot be walked, and why the recording of sites cannot be switched on; nil where
// it can, or before that is known.
func (s *State) SetHoldAbilities(cannotWalk, cannotRecord error) {
	s.CannotWalk, s.CannotRecord = cannotWalk, cannotRecord
	s.Version++
}

// SetWalkProgress says that a walk is under way, and how far it has come.
func (s *State) SetWalkProgress(p sampler.WalkProgress) {
	s.Walk.Running, s.Walk.Progress = true, p
	s.Version++
}

// SetWalked takes the end of a walk: what it found, or why it found nothing. Both nil means that it was stopped.
func (s *State) SetWalked(w *sampler.HeapWalk, err error) {
	s.Walk.Running, s.Walk.Failed = false, err
	if w != nil {
		s.Walk.Last, s.Walk.Sites = w, profile.Holdings(w)
	}
	s.Version++
}
