package analysis

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
)

// LeakWatch takes what is read of a target over time and says at the end what leaks, how fast, and what the cause is. Its
// memory is bounded: some 30 MB at the most, where a program has thousands of sites, of groups of goroutines and of mappings.
// It is not safe for concurrent use.
type LeakWatch struct {
	per    sampler.Metric // the counter of the work done; "" for none
	tracks map[sampler.Metric]*track
	native track // what the Go heap does not explain: RSS without files, less what the runtime has from the system

	info     sampler.Info
	last     *sampler.Snapshot
	first    time.Time
	restarts []time.Time
	since    time.Time   // of the process that runs now: what causes rest on is read after it
	ends     []time.Time // of the last collections, oldest first

	sites  panel
	heap   *profile.Heap // the last one
	heaps  int           // profiles that were read, those included that told nothing new
	groups panel
	rows   map[string]profile.GoroutineRow // of the last reading
	maps   panel
	counts map[string]int // mappings of each name, in the last reading
	placed bool           // the mappings tell which are the Go heap's
	server serverWatch    // of a data server

	setBacks int       // how often the clock was set back
	wasLast  time.Time // the last reading before that, where nothing before it is judged
}

// NewLeakWatch returns an empty watch. per is the counter of the work done, by which growth is divided; "" for none.
func NewLeakWatch(per sampler.Metric) *LeakWatch {
	return &LeakWatch{per: per, tracks: map[sampler.Metric]*track{}}
}

// watchedMetrics are those that are kept besides the counter of work.
func watchedMetrics() []sampler.Metric {
	return []sampler.Metric{
		sampler.GoHeapLive, sampler.GoClassObjects, sampler.GoGoroutines, sampler.GoCyclesTotal, sampler.GoHeapAllocs,
		sampler.ProcessFDs, sampler.ProcessThreads, sampler.ProcessAnon, sampler.ProcessUSS, sampler.ProcessPSS,
		sampler.ProcessRSS, sampler.ProcessCPU, sampler.RedisUsed, sampler.RedisClients,
	}
}

// Add takes a reading, which it keeps no memory of, and what was known of the target then. A process that took the place
// of another, by its id, its start or a counter that fell, begins the search for causes anew.
func (w *LeakWatch) Add(s *sampler.Snapshot, info sampler.Info) {
	if w.last != nil && w.replaced(s, info) {
		w.restart(s.Time)
	}
	if w.last != nil && w.last.Time.Round(0).Sub(s.Time.Round(0)) > setBack {
		w.clockSetBack(s)
	}
	if w.first.IsZero() {
		w.first, w.since = s.Time, s.Time
	}
	for _, c := range s.Cycles {
		if n := len(w.ends); !c.End.IsZero() && (n == 0 || c.End.After(w.ends[n-1])) {
			w.ends = append(w.ends, c.End)
		}
	}
	if n := len(w.ends); n > 2*sampler.MaxCycles {
		w.ends = slices.Delete(w.ends, 0, n-sampler.MaxCycles)
	}
	for _, m := range watchedMetrics() {
		w.keep(m, s)
	}
	if w.per != "" && !slices.Contains(watchedMetrics(), w.per) {
		w.keep(w.per, s)
	}
	if v := outsideGoHeap(s); v.OK {
		w.native.add(s.Time, v.Value)
	}
	w.server.read(s)
	w.info, w.last = info, s.Clone()
}

func (w *LeakWatch) keep(m sampler.Metric, s *sampler.Snapshot) {
	v, ok := s.Get(m)
	if !ok {
		return
	}
	k := w.tracks[m]
	if k == nil {
		k = &track{}
		w.tracks[m] = k
	}
	k.add(s.Time, v)
}

func (w *LeakWatch) replaced(s *sampler.Snapshot, info sampler.Info) bool {
	if info.PID != w.info.PID && info.PID != 0 && w.info.PID != 0 {
		return true
	}
	const tolerance = 2 * time.Second // starts are told in ticks of the kernel, or reckoned
	if d := info.Started.Sub(w.info.Started).Abs(); !info.Started.IsZero() && !w.info.Started.IsZero() && d > tolerance {
		return true
	}
	for _, m := range []sampler.Metric{sampler.GoCyclesTotal, sampler.GoHeapAllocs, sampler.ProcessCPU} {
		now, was := s.Reading(m), w.last.Reading(m)
		if now.OK && was.OK && now.Value < was.Value/2 {
			return true
		}
	}
	return false
}

func (w *LeakWatch) restart(at time.Time) {
	const most = 1000
	if len(w.restarts) < most {
		w.restarts = append(w.restarts, at)
	}
	w.since, w.ends = at, nil
	w.sites, w.groups, w.maps = panel{}, panel{}, panel{}
	w.heap, w.heaps, w.rows, w.counts = nil, 0, nil, nil
	w.server = serverWatch{}
}

// setBack is how much earlier than the last reading the next one must be to prove that the clock was set back.
const setBack = time.Minute

// clockSetBack begins anew what is ordered by the time that is shown: nothing would be taken until that has caught up. In
// a recording that is all; live readings know a clock that only runs forward, and their series go on.
func (w *LeakWatch) clockSetBack(s *sampler.Snapshot) {
	w.setBacks++
	w.ends, w.sites, w.groups, w.maps, w.server = nil, panel{}, panel{}, panel{}, serverWatch{}
	if s.Time.Before(w.last.Time) {
		w.wasLast = w.last.Time
		w.tracks, w.native, w.restarts = map[sampler.Metric]*track{}, track{}, nil
		w.first = s.Time
	}
	w.since = s.Time
}

// outsideGoHeap is the resident memory that the Go runtime did not get from the system for itself: code, data, what C code
// allocates, mappings of the program's own. Files are left out where that is known, for the kernel takes them back. The
// runtime may hold memory that was never touched, so that what is left may be below 0: only its changes count.
func outsideGoHeap(s *sampler.Snapshot) sampler.Reading {
	rss, total, released := s.Reading(sampler.ProcessRSS), s.Reading(sampler.GoClassTotal), s.Reading(sampler.GoClassReleased)
	if !rss.OK || !total.OK || !released.OK {
		return sampler.Reading{}
	}
	file := s.Reading(sampler.ProcessFile) // 0 where it is not known
	return sampler.Known(rss.Value - file.Value - (total.Value - released.Value))
}

// Heap takes a heap profile. One that says what the last one said is the same observation, for a profile changes with
// each collection alone.
func (w *LeakWatch) Heap(h *profile.Heap) {
	if h.Time.Before(w.since) {
		return
	}
	w.heaps++
	values := make(map[string]float64, len(h.Sites))
	for i := range h.Sites {
		if s := &h.Sites[i]; s.InUseBytes > 0 {
			values[s.Key()] += s.InUseBytes
		}
	}
	if !w.sites.same(values, h.TotalInUse) {
		w.sites.add(w.published(h.Time), values, h.TotalInUse)
	}
	w.heap = h
}

// published returns the time of which a profile read at t tells: the end of the last collection but one. Where the
// collections are not known it is t, later than the truth by the same two collections each time.
func (w *LeakWatch) published(t time.Time) time.Time {
	for i := len(w.ends) - 1; i > 0; i-- {
		if !w.ends[i].After(t) {
			return w.ends[i-1]
		}
	}
	return t
}

// Goroutines takes the goroutines.
func (w *LeakWatch) Goroutines(g *sampler.Goroutines) {
	if g.Time.Before(w.since) {
		return
	}
	values := map[string]float64{}
	w.rows = map[string]profile.GoroutineRow{}
	for _, row := range profile.GoroutineRows(g, nil) {
		values[row.Key] = float64(row.Count)
		w.rows[row.Key] = row
	}
	w.groups.add(g.Time, values, float64(g.Total))
}

// Mappings takes the address space. The Go heap's own part of it is left out.
func (w *LeakWatch) Mappings(m *sampler.Mappings) {
	if m.Time.Before(w.since) {
		return
	}
	values, total := map[string]float64{}, 0.0
	w.counts = map[string]int{}
	heap := w.goHeapIn(m)
	w.placed = slices.ContainsFunc(m.List, func(x sampler.Mapping) bool { return x.Go })
	for i := range m.List {
		x := &m.List[i]
		if x.Go {
			continue
		}
		name := mappingGroup(x)
		v := x.RSS + x.Swap
		if strings.HasPrefix(x.Name, "/") && !inMemory(x.Name) {
			v = x.Anon + x.Swap // the file's own pages are the kernel's to take back
		}
		if x.Name == "" && !x.Stack {
			v -= heap
		}
		values[name] += v
		w.counts[name] += x.Count
		total += v
	}
	w.maps.add(m.Time, values, total)
}

// goHeapIn returns how much of the anonymous memory is the Go runtime's, where the mappings do not tell it apart.
func (w *LeakWatch) goHeapIn(m *sampler.Mappings) float64 {
	if w.last == nil || slices.ContainsFunc(m.List, func(x sampler.Mapping) bool { return x.Go }) {
		return 0
	}
	total, released := w.last.Reading(sampler.GoClassTotal), w.last.Reading(sampler.GoClassReleased)
	if !total.OK || !released.OK {
		return 0
	}
	return math.Max(total.Value-released.Value, 0)
}

// inMemory reports whether a file's pages have no disk to go to.
func inMemory(name string) bool {
	return strings.HasPrefix(name, "/memfd:") || strings.HasPrefix(name, "/dev/shm/") || strings.HasPrefix(name, "/SYSV")
}

// mappingGroup names the memory that a mapping counts with: what has no name of its own counts together.
func mappingGroup(x *sampler.Mapping) string {
	switch {
	case x.Stack:
		return "stacks of threads"
	case x.Name == "":
		return "anonymous memory"
	}
	return x.Name
}

// Span returns the times of the first and the last reading; zero when there is none.
func (w *LeakWatch) Span() (from, to time.Time) {
	if w.last == nil {
		return from, to
	}
	return w.first, w.last.Time
}

// Last returns the last reading, nil when there is none. It is the watch's own.
func (w *LeakWatch) Last() *sampler.Snapshot { return w.last }

// started is when the process began that ran at first; zero where that is not known.
func (w *LeakWatch) started() time.Time {
	if len(w.restarts) > 0 { // the start that is known is that of another process
		return time.Time{}
	}
	return w.info.Started
}

// settled is from when on profiles count: a process that has just begun fills its tables.
func (w *LeakWatch) settled() time.Time {
	from, to := w.since, w.last.Time
	if s := w.info.Started; !s.IsZero() && !s.After(to) {
		if up := s.Add(startup(to.Sub(w.first))); up.After(from) {
			return up
		}
	}
	return from
}
