package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// LargeObject is the size, in bytes, from which Trace lists single objects: half the distance of samples in a program
// that did not change runtime.MemProfileRate, so that about four of ten are seen.
const LargeObject = 256 << 10

// TracePoint is what was known of a program at one moment.
type TracePoint struct {
	Snapshot *sampler.Snapshot
	Cycles   []sampler.GCCycle // that ended by then, oldest first; nil where the source does not tell them
	Heap     *profile.Heap     // nil where it was not read
}

// AsOf returns the moment whose allocations the heap profile shows. The runtime publishes what was allocated until the end
// of a collection when the next one ends, so the profile is as of the last collection but one before it was read; before
// the second one ended, as long as it has published nothing, it shows all there is. ok is false without a profile, and
// where it is not known when the collections ended.
func (p *TracePoint) AsOf() (t time.Time, ok bool) {
	if p.Heap == nil {
		return t, false
	}
	ended := 0
	for _, c := range slices.Backward(p.Cycles) {
		if c.End.IsZero() || c.End.After(p.Heap.Time) {
			continue
		}
		if ended++; ended == 2 {
			return c.End, true
		}
	}
	if p.Snapshot != nil {
		if n, known := p.Snapshot.Get(sampler.GoCyclesTotal); known && n < 2 {
			return p.Heap.Time, true
		}
	}
	return t, false
}

// Trace is what a program allocated from one moment to another.
type Trace struct {
	From, To time.Time

	// These are exact, counted by the runtime; unknown where the target is not Go or was not read so deeply.
	Bytes, Objects             sampler.Reading
	BytesPerSec, ObjectsPerSec sampler.Reading
	FreedPerSec                sampler.Reading // bytes a second that the sweeper found dead
	Collections                sampler.Reading // that ended, forced ones included
	Cycles                     []sampler.GCCycle
	Lifetime                   Lifetime // of a byte on average, from the live heap and BytesPerSec

	// Sites is who allocated from SitesFrom to SitesTo, most bytes first, estimated from samples. These are not From and
	// To: a profile shows a moment up to two collections back. Unchanged says that no newer one was published since, so
	// that there are none.
	Sites              []TraceSite
	SitesFrom, SitesTo time.Time
	Unchanged          bool
	Large              []profile.Large // objects of LargeObject bytes or more that were seen, largest first
	Notes              []string        // how far the figures can be trusted, and why some are missing
}

// TraceSite is a line that allocated. Figures are the profile's estimates for the whole program.
type TraceSite struct {
	Frame         sampler.Frame
	Stack         []sampler.Frame // that allocated most, innermost first
	Bytes         float64         // allocated from SitesFrom to SitesTo
	Objects       float64
	BytesPerSec   float64
	ObjectsPerSec float64
	Uncertainty   float64 // of Bytes, profile.Deviations standard deviations
	Samples       int64   // what Bytes rests on
	InUseBytes    float64 // at SitesTo
	Kept          float64 // how many more bytes are in use at SitesTo than at SitesFrom; negative where it shrank
	Lifetime      Lifetime
}

// TraceBetween tells what was allocated from one point to a later one of the same program. It reads both profiles stack by
// stack, which takes some ten milliseconds for a program with thousands of stacks.
func TraceBetween(from, to TracePoint) Trace {
	t := traceTotals(from, to)
	t.addSites(from, to)
	return t
}

// Tracer makes traces of one point after the other. Totals are from the point before; sites from the last point with
// another profile, so that the sites of all traces together are everything that was allocated, none twice. The zero Tracer
// is ready for use.
type Tracer struct {
	before, sites TracePoint
	started       bool
}

// Next returns what was allocated since the point before; ok is false for the first one.
func (r *Tracer) Next(p TracePoint) (t Trace, ok bool) {
	if !r.started {
		r.started, r.before, r.sites = true, p, p
		return t, false
	}
	t = traceTotals(r.before, p)
	switch {
	case r.sites.Heap == nil:
		r.sites = p
		t.addSites(TracePoint{}, p)
	case p.Heap == nil:
		t.addSites(r.sites, p)
	default:
		t.addSites(r.sites, p)
		if !t.Unchanged {
			r.sites = p
		}
	}
	r.before = p
	return t, true
}

// traceTotals takes the differences of the runtime's counters.
func traceTotals(from, to TracePoint) Trace {
	var t Trace
	if from.Snapshot == nil || to.Snapshot == nil {
		return t
	}
	t.From, t.To = from.Snapshot.Time, to.Snapshot.Time
	for _, c := range to.Cycles {
		if c.End.After(t.From) && !c.End.After(t.To) {
			t.Cycles = append(t.Cycles, c)
		}
	}
	seconds := to.Snapshot.RuntimeTime().Sub(from.Snapshot.RuntimeTime()).Seconds()
	if seconds <= 0 {
		return t
	}
	counted := func(m sampler.Metric) (change, rate sampler.Reading) {
		d := delta{from.Snapshot, to.Snapshot, true}
		v := d.of(m)
		if !d.ok {
			return change, rate
		}
		return sampler.Known(v), sampler.Known(v / seconds)
	}
	t.Bytes, t.BytesPerSec = counted(sampler.GoHeapAllocs)
	t.Objects, t.ObjectsPerSec = counted(sampler.GoHeapAllocCount)
	_, t.FreedPerSec = counted(sampler.GoHeapFrees)
	t.Collections, _ = counted(sampler.GoCyclesTotal)
	if !t.Bytes.OK {
		t.note("this source does not count what the program allocates")
	}
	live0, live1 := from.Snapshot.Reading(sampler.GoHeapLive), to.Snapshot.Reading(sampler.GoHeapLive)
	if live0.OK && live1.OK && t.Bytes.OK {
		t.Lifetime = lifetime{
			inUse: (live0.Value + live1.Value) / 2, allocated: t.Bytes.Value, kept: live1.Value - live0.Value, seconds: seconds,
			cycles: t.Collections,
		}.estimate()
	}
	return t
}

func (t *Trace) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// addSites compares the profiles.
func (t *Trace) addSites(from, to TracePoint) {
	if from.Heap == nil || to.Heap == nil {
		if to.Heap != nil && to.Heap.Empty != "" {
			t.note("%s", to.Heap.Empty)
		}
		return
	}
	cycles := t.window(from, to)
	if t.Unchanged {
		return
	}
	j, err := profile.Join(from.Heap, to.Heap, false)
	if err != nil {
		t.note("allocation sites are not told: %v", err)
		return
	}
	if !j.SameRun && !sameProfile(from.Heap, to.Heap) {
		t.note("allocation sites are not told: less was allocated than before, as after a new start of the program")
		return
	}
	seconds := t.SitesTo.Sub(t.SitesFrom).Seconds()
	for _, c := range j.Sites(profile.Filter{}) {
		if c.AllocChange() > 0 {
			t.Sites = append(t.Sites, traceSite(&c, seconds, cycles))
		}
	}
	slices.SortFunc(t.Sites, func(a, b TraceSite) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Objects, a.Objects),
			cmp.Compare(a.Frame.Function, b.Frame.Function), cmp.Compare(a.Frame.File, b.Frame.File), cmp.Compare(a.Frame.Line, b.Frame.Line))
	})
	if t.Large, err = profile.LargeBetween(from.Heap, to.Heap, LargeObject); err != nil {
		t.note("large allocations are not told: %v", err)
	}
	if len(t.Sites) == 0 {
		t.note("nothing that was allocated was sampled: about one in every %d bytes is", to.Heap.Rate)
	}
}

// window finds the moments that the profiles show, whether they differ, and how many collections lie between.
func (t *Trace) window(from, to TracePoint) (cycles sampler.Reading) {
	a, okA := from.AsOf()
	b, okB := to.AsOf()
	timed := okA && okB
	switch {
	case timed && !b.After(a), !timed && sameProfile(from.Heap, to.Heap):
		t.SitesFrom, t.SitesTo, t.Unchanged = a, b, true
		t.note("below the resolution: the runtime tells sites two collections later, and none newer since%s", clock(b, okB))
		return cycles
	case timed:
		t.SitesFrom, t.SitesTo = a, b
		n := 0.0
		for _, c := range to.Cycles {
			if c.End.After(a) && !c.End.After(b) {
				n++
			}
		}
		return sampler.Known(n)
	}
	t.SitesFrom, t.SitesTo = from.Heap.Time, to.Heap.Time
	t.note("when the collections ended is not known: rates by site are over the time between two profiles, each of up to two collections back")
	return cycles
}

func clock(t time.Time, ok bool) string {
	if !ok {
		return ""
	}
	return " " + t.Format(time.TimeOnly)
}

// sameProfile reports whether nothing was published between two profiles.
func sameProfile(a, b *profile.Heap) bool {
	return a.TotalAlloc == b.TotalAlloc && a.TotalInUse == b.TotalInUse && len(a.Sites) == len(b.Sites)
}

func traceSite(c *profile.SiteChange, seconds float64, cycles sampler.Reading) TraceSite {
	s := TraceSite{
		Frame: c.Frame, Bytes: c.AllocChange(), Objects: max(0, c.To.AllocObjects-c.From.AllocObjects),
		Uncertainty: c.AllocUncertainty, Samples: max(0, c.To.AllocSamples-c.From.AllocSamples), InUseBytes: c.To.InUseBytes,
		Kept: c.Change(),
	}
	if seconds > 0 {
		s.BytesPerSec, s.ObjectsPerSec = s.Bytes/seconds, s.Objects/seconds
	}
	most := -1.0
	for i := range c.Stacks {
		if x := &c.Stacks[i]; x.AllocChange() > most {
			most, s.Stack = x.AllocChange(), x.Frames
		}
	}
	s.Lifetime = lifetime{
		inUse: (c.From.InUseBytes + c.To.InUseBytes) / 2, samples: c.From.Samples + c.To.Samples, allocated: s.Bytes,
		kept: c.Change(), noise: c.AllocUncertainty, seconds: seconds, cycles: cycles,
	}.estimate()
	return s
}
