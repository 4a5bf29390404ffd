package tab

import (
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/tui/theme"
)

// MaxSpan is the most of the past that the charts show.
const MaxSpan = 5 * time.Minute

// Data is what the screens draw from, as it was at one instant. What its pointers and slices lead to never changes
// once it is here, so a shallow copy is a frozen one.
type Data struct {
	At       time.Time          // of Snapshot; charts end here
	Snapshot *sampler.Snapshot  // the latest reading; nil before the first
	Recent   *sampler.Snapshot  // a reading up to a minute older, to take rates from; nil before the second
	Seldom   [len(seldom)]dated // the last readings of what is not in every snapshot
	Cost     float64            // share of one CPU that readings take, 0 to 1
	Failed   error              // why the latest reading was not possible; nil when it was
	Gone     *sampler.Gone      // how the target ended; nil while it lives

	Ledger   analysis.Ledger
	LedgerOK bool
	Growth   analysis.Growth // of RSS
	Counted  analysis.Growth // of what counts against Limit, where that is not the RSS; else not OK
	Limit    analysis.Limit  // the nearest
	LimitOK  bool
	Reach    analysis.Reach    // when Limit is reached
	GC       analysis.GC       // between Recent and Snapshot
	WhatIf   []analysis.WhatIf // what other settings of the collector would cost, by what was between the two
	Cycles   []sampler.GCCycle // oldest first, at most 512
	Judged   *Judged           // what the full analysis found out; nil before the first, and of the past

	Heap           *profile.Heap // allocation sites; nil when not read
	HeapBefore     *profile.Heap // a profile up to half a minute older, to take rates from; nil before the second
	HeapRaw        *sampler.Profile
	HeapFailed     error // why there is no Heap
	Goroutines     *sampler.Goroutines
	GoroutinesFail error
	Mappings       *sampler.Mappings
	MappingsFail   error
	Processes      *sampler.ProcessTable // in ascending order of PID
	ProcessesFail  error
	Keys           *sampler.Keys    // the biggest keys of a database; nil when not read
	KeysFailed     error            // why there are no Keys
	Clients        *sampler.Clients // the connections of a server; nil when not read
	ClientsFailed  error

	Mark      Mark
	Collected *Collected // the last forced collection; nil when there was none
}

// seldom are the metrics that are read within a budget of time, and of a large process not with every snapshot.
var seldom = [...]sampler.Metric{sampler.ProcessPSS, sampler.ProcessFDs, sampler.TreeRSS}

// dated is a reading with the time of its snapshot, zero when there was none.
type dated struct {
	value float64
	at    time.Time
}

// keepSeldom takes what snap tells of the metrics that not every snapshot has.
func (d *Data) keepSeldom(snap *sampler.Snapshot) {
	for i, m := range seldom {
		if v, ok := snap.Get(m); ok {
			d.Seldom[i] = dated{v, snap.Time}
		}
	}
}

// latest returns the newest reading of m and how much older than the snapshot it is; ok is false when there is none.
func (d *Data) latest(m sampler.Metric) (v float64, age time.Duration, ok bool) {
	if v, ok = d.Snapshot.Get(m); ok {
		return v, 0, true
	}
	if i := slices.Index(seldom[:], m); i >= 0 && !d.Seldom[i].at.IsZero() {
		return d.Seldom[i].value, d.At.Sub(d.Seldom[i].at), true
	}
	return 0, 0, false
}

// Mark is what changes count from: the first reading of each kind, until the person sets another. A part that was not
// read by then is filled by the next reading of it.
type Mark struct {
	At         time.Time // zero before the first reading
	Snapshot   *sampler.Snapshot
	Heap       *profile.Heap
	Goroutines *sampler.Goroutines
	Mappings   *sampler.Mappings
	Processes  *sampler.ProcessTable // of a file only: the tab itself keeps those of the watched target
}

// Collected is a garbage collection that the person forced, and the readings around it.
type Collected struct {
	At     time.Time
	Took   time.Duration
	Before *sampler.Snapshot
	After  *sampler.Snapshot
}

// Freed returns how many bytes of objects were freed between the readings, and how many were allocated meanwhile, by the
// runtime's own totals: a program that goes on working fills its heap again before the second reading. Where the totals were
// not read, it is the difference of the heap in use, and allocated is unknown. freed is unknown when that was not read either.
func (c *Collected) Freed() (freed, allocated sampler.Reading) {
	passed := func(m sampler.Metric) sampler.Reading {
		before, after := c.Before.Reading(m), c.After.Reading(m)
		if !before.OK || !after.OK || after.Value < before.Value {
			return sampler.Reading{}
		}
		return sampler.Known(after.Value - before.Value)
	}
	freed, allocated = passed(sampler.GoHeapFrees), passed(sampler.GoHeapAllocs)
	if freed.OK && allocated.OK {
		return freed, allocated
	}
	before, after := c.Before.Reading(sampler.GoClassObjects), c.After.Reading(sampler.GoClassObjects)
	if !before.OK || !after.OK {
		return sampler.Reading{}, sampler.Reading{}
	}
	return sampler.Known(max(before.Value-after.Value, 0)), sampler.Reading{}
}

// Saved is a snapshot file that was written in this session.
type Saved struct {
	At   time.Time
	Path string
}

// State is everything the screens draw from. The root model alone changes it, through its methods, before it tells
// the screens; screens read. It belongs to the program's one goroutine.
type State struct {
	Scene    // what is shown
	Theme    *theme.Theme
	Watching bool      // a target is watched; false on a dashboard that shows the machine alone
	Now      time.Time // of the last message that carried a time; nothing here reads a clock
	Heard    time.Time // when the watch loop last reported something; zero before it did
	Interval time.Duration
	Limits   []analysis.Limit // the person's own (--limit)
	Saved    []Saved          // oldest first

	Output        sampler.Output // of the command heaptop started; nil without one
	CannotCollect error          // why a collection cannot be forced; nil when it can, or before that is known
	CannotWalk    error          // why nobody can tell who holds what, in the same way
	CannotRecord  error          // why the recording of allocation sites cannot be switched on, in the same way
	Walk          Walking        // who holds what

	// Version changes whenever anything a View could draw has changed, but for Now. Views cache by it.
	Version uint64

	live    Data
	emptied bool // the last reading told nothing of memory and was waited over
	frozen  *Data
	visit   *Visit                  // the moment of the past that is shown; nil for none
	own     Scene                   // of the watched target, while another one is shown
	edge    time.Time               // where the charts end while the screen is frozen
	heaps   []*profile.Heap         // of the last half minute, oldest first
	recent  []*sampler.Snapshot     // a reading every few seconds, for a minute
	tables  [3]sampler.ProcessTable // one live, one frozen, one to read into
}

// NewState returns the state before anything was read.
func NewState(t *theme.Theme, interval time.Duration, limits []analysis.Limit) *State {
	return &State{
		Theme: t, Interval: interval, Limits: limits,
		Scene: Scene{History: NewHistory(), Sites: NewSiteHistory()},
	}
}

// Data returns what is to be drawn: what was frozen while paused, else what arrived last.
func (s *State) Data() *Data {
	if s.frozen != nil {
		return s.frozen
	}
	return &s.live
}

// Live returns what arrived last, paused or not.
func (s *State) Live() *Data { return &s.live }

// Paused tells since which instant the screen is frozen; ok is false while it is live.
func (s *State) Paused() (at time.Time, ok bool) {
	if s.frozen == nil {
		return time.Time{}, false
	}
	return s.frozen.At, true
}
