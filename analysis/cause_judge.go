package analysis

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// LeakSeries is a series that was judged.
type LeakSeries struct {
	Series string // the metric, or the column of a file
	Name   string // in words: "the live heap"
	Unit   string // as sampler.Metric.Unit tells it
	Leak   Leak
	Until  *LeakLimit // of a growing one, where a limit is known
	Per    *PerWork   // of one that was judged, where a counter of work is known
	cause  causeKind
	// relative says that the series is a difference whose height says nothing: only its changes do.
	relative bool
}

// LeakLimit is when the nearest limit is reached.
type LeakLimit struct {
	Limit Limit
	Until UntilLimit
}

// PerWork is growth by a counter of the work done, in units of the series for each unit of the counter.
type PerWork struct {
	Counter string
	Slope   stats.Slope
}

// causeKind says where the cause of a series' growth is to be found.
type causeKind int

const (
	causeUnknown causeKind = iota
	causeSites
	causeGroups
	causeMappings
	causeUsed     // the parts of a data server's memory, and its keys
	causeResident // the same of what is resident
	causeClients
)

// NativeSeries is the name of the series of memory that the Go heap does not explain. It is no metric: it is resident
// memory without files, less what the Go runtime has from the system.
const NativeSeries = "/process/outside_go_heap:bytes"

// LeakJudgement says how a watch is judged.
type LeakJudgement struct {
	Material  float64           // as in LeakOptions
	Live      bool              // as in LeakOptions: it is judged again and again
	Limits    []Limit           // besides those of the target
	Walk      *sampler.HeapWalk // who holds the objects; nil when nobody asked
	Threshold float64           // sites that grew by fewer bytes are not listed
	// AskHolders is the advice that tells how to learn who holds the objects, where nobody asked; "" where it cannot be told.
	AskHolders string
}

// judge judges each series alone. Of a Go program: the live heap, what the Go heap does not explain, goroutines,
// descriptors and threads; of a data server: what it uses, and what is resident; of another program: memory of its own, and
// then what it shares.
func (w *LeakWatch) judge(o LeakJudgement) []LeakSeries {
	var out []LeakSeries
	add := func(m sampler.Metric, name string, cause causeKind) bool {
		k := w.tracks[m]
		if k == nil {
			return false
		}
		s := LeakSeries{Series: string(m), Name: name, Unit: m.Unit(), cause: cause}
		points := k.points
		if collected := slices.IndexFunc(points, func(p sampler.Point) bool { return p.Min > 0 }); m == sampler.GoHeapLive && collected > 0 {
			points = points[collected:] // not known before, and the runtime says 0
		}
		s.Leak = JudgeLeak(points, w.options(o))
		s.Per = w.perWork(m, points)
		out = append(out, s)
		return true
	}
	isGo := w.tracks[sampler.GoClassObjects] != nil || w.tracks[sampler.GoHeapLive] != nil
	switch {
	case w.tracks[sampler.RedisUsed] != nil:
		judgeServer(add)
	case !isGo:
		_ = add(sampler.ProcessAnon, "anonymous memory", causeMappings) || add(sampler.ProcessUSS, "private memory (USS)", causeMappings) ||
			add(sampler.ProcessPSS, "proportional memory (PSS)", causeMappings) || add(sampler.ProcessRSS, "resident memory (RSS)", causeMappings)
	case add(sampler.GoHeapLive, "the live heap", causeSites):
		w.weigh(&out[0].Leak, w.options(o))
	default:
		add(sampler.GoClassObjects, "the heap in use", causeSites)
	}
	if isGo && len(w.native.points) > 0 {
		out = append(out, w.judgeNative(o))
	}
	add(sampler.GoGoroutines, "the number of goroutines", causeGroups)
	add(sampler.ProcessFDs, "the number of open files", causeUnknown)
	add(sampler.ProcessThreads, "the number of threads", causeUnknown)
	return out
}

func (w *LeakWatch) options(o LeakJudgement) LeakOptions {
	return LeakOptions{Started: w.started(), Restarts: w.restarts, Load: w.load(), Material: o.Material, Live: o.Live}
}

// load is what may explain a series: the work done where it is known, else what is allocated, else the CPU's time.
func (w *LeakWatch) load() []sampler.Point {
	for _, m := range []sampler.Metric{w.per, sampler.GoHeapAllocs, sampler.ProcessCPU} {
		if k := w.tracks[m]; k != nil && len(k.points) > 1 {
			return k.rates()
		}
	}
	return nil
}

// judgeNative judges what the Go heap does not explain. It is a small difference of large numbers, so that it is judged
// against the whole: what the Go heap had on average is added to it, and taken out again.
func (w *LeakWatch) judgeNative(o LeakJudgement) LeakSeries {
	mean := func(points []sampler.Point) float64 {
		sum := 0.0
		for i := range points {
			sum += points[i].Last
		}
		return sum / float64(len(points))
	}
	shift := 0.0
	if rss := w.tracks[sampler.ProcessRSS]; rss != nil {
		shift = mean(rss.points) - mean(w.native.points)
	}
	shifted := slices.Clone(w.native.points)
	for i := range shifted {
		p := &shifted[i]
		p.Min, p.Max, p.Last = p.Min+shift, p.Max+shift, p.Last+shift
	}
	s := LeakSeries{Series: NativeSeries, Name: "memory outside the Go heap", Unit: "bytes", cause: causeMappings, relative: true}
	s.Leak = JudgeLeak(shifted, w.options(o))
	if s.Leak.Judged {
		s.Leak.First, s.Leak.Last, s.Leak.Level = s.Leak.First-shift, s.Leak.Last-shift, s.Leak.Level-shift
	}
	s.Per = w.perWork(NativeSeries, w.native.points)
	w.weighNative(&s.Leak)
	return s
}

// weighNative takes growth outside the Go heap back where the address space shows none: memory that the Go runtime has had
// for long becomes resident when it is touched for the first time.
func (w *LeakWatch) weighNative(l *Leak) {
	if !w.placed || l.Verdict != LeakGrowing && l.Verdict != LeakSettling && l.Verdict != LeakInconclusive {
		return
	}
	from := w.settled()
	if grown, ok := w.maps.grown(from, w.last.Time); ok && grown < growthTail*l.PerHour*w.maps.span(from).Hours() {
		l.Verdict, l.Excluded, l.Needed = LeakFlat, true, sampler.Reading{}
		l.Reason = "the mappings that are not the Go heap's did not grow"
	}
}

// perWork divides the growth of a series by the work done meanwhile: the slope of its floors over the counter.
func (w *LeakWatch) perWork(m sampler.Metric, points []sampler.Point) *PerWork {
	if w.per == "" || w.per == m || w.tracks[w.per] == nil || len(w.restarts) > 0 {
		return nil
	}
	return perWorkOf(string(w.per), points, w.tracks[w.per].points, w.started())
}

// perWorkOf is nil where the counter falls or stands still, and where there is too little to tell.
func perWorkOf(name string, points, counter []sampler.Point, started time.Time) *PerWork {
	points, counter = finitePoints(points), finitePoints(counter)
	if len(points) < growthSamples || len(counter) < 2 {
		return nil
	}
	for i := 1; i < len(counter); i++ {
		if counter[i].Last < counter[i-1].Last {
			return nil
		}
	}
	kept := dropHead(points, started, points[len(points)-1].Time.Sub(points[0].Time))
	if len(kept) < growthSamples {
		return nil
	}
	f := floorsOf(kept).withoutHead()
	x := make([]float64, len(f.x))
	at := 0
	for i, hours := range f.x {
		t := kept[0].Time.Add(time.Duration(hours * float64(time.Hour)))
		for at+1 < len(counter) && !counter[at+1].Time.After(t) {
			at++
		}
		x[i] = counter[at].Last
	}
	slope, ok := stats.TheilSen(x, f.y)
	if !ok {
		return nil
	}
	return &PerWork{Counter: name, Slope: slope}
}

// limitOf projects a growing series to the nearest limit. A Go heap takes room for what is allocated until the next
// collection besides, by GOGC, so that the process grows faster than its live heap.
func (w *LeakWatch) limitOf(s *LeakSeries, extra []Limit) *LeakLimit {
	if s.Leak.Verdict != LeakGrowing || s.Unit != "bytes" || w.last == nil {
		return nil
	}
	limit, ok := NearestLimit(w.last, extra...)
	if !ok {
		return nil
	}
	factor := 1.0
	inside := limit.Metric == sampler.GoHeapLive || limit.Metric == sampler.GoClassObjects || limit.Name == "GOMEMLIMIT"
	if percent := w.last.Reading(sampler.GoGCPercent); s.cause == causeSites && !inside && percent.OK && percent.Value > 0 {
		factor += percent.Value / 100
	}
	return &LeakLimit{limit, s.Leak.Until((limit.Bytes - limit.Used) / factor)}
}

// LeakReport is what a watch, or the series of a file, came to.
type LeakReport struct {
	Verdict  LeakVerdict // of all series together
	Reason   string      // in words
	Series   []LeakSeries
	Findings []Finding // one for each series, those that grow first
	Warnings []string
}

// JudgeSeries judges series from elsewhere, each alone.
func JudgeSeries(series []LeakSeries) *LeakReport {
	r := &LeakReport{Series: series}
	r.conclude()
	return r
}

// conclude finds the verdict of all series, and puts them in order.
func (r *LeakReport) conclude() {
	if len(r.Series) == 0 {
		r.Verdict, r.Reason = LeakInsufficient, "no series could be read that tells of a leak"
		return
	}
	order := make([]*LeakSeries, len(r.Series))
	for i := range r.Series {
		order[i] = &r.Series[i]
	}
	slices.SortStableFunc(order, compareSeries)
	r.Verdict = order[0].Leak.Verdict
	var of, unsure []string
	for _, s := range order {
		switch {
		case s.Leak.Verdict != r.Verdict:
		case s.Leak.Verdict == LeakFlat && !s.Leak.Excluded:
			unsure = append(unsure, s.Name)
		default:
			of = append(of, s.Name)
		}
		r.Findings = append(r.Findings, s.finding())
	}
	switch r.Verdict {
	case LeakGrowing:
		r.Reason = "growth is proven for " + strings.Join(of, ", ")
	case LeakFlat:
		r.Reason = flatWords(of, unsure)
	default:
		r.Reason = order[0].Name + ": " + order[0].Leak.Reason
	}
}

// flatWords says of which series growth is excluded, and which only show none.
func flatWords(excluded, unsure []string) string {
	switch {
	case len(unsure) == 0:
		return "growth is excluded for " + strings.Join(excluded, ", ")
	case len(excluded) == 0:
		return "there is no sign of growth in " + strings.Join(unsure, ", ")
	}
	return "growth is excluded for " + strings.Join(excluded, ", ") + "; there is no sign of it in " + strings.Join(unsure, ", ")
}

func compareSeries(a, b *LeakSeries) int {
	return cmp.Compare(rankOf(b.Leak.Verdict), rankOf(a.Leak.Verdict))
}

// rankOf orders verdicts: what is worse, or less sure, comes after.
func rankOf(v LeakVerdict) int {
	order := []LeakVerdict{LeakFlat, LeakInsufficient, LeakSettling, LeakInconclusive, LeakGrowing}
	return slices.Index(order, v)
}

// JudgeColumn judges a series from elsewhere. work is the readings of a counter of the work done, by that name; empty where
// there is none. material is as in LeakOptions.
func JudgeColumn(name string, points []sampler.Point, counter string, work []sampler.Point, material float64) LeakSeries {
	s := LeakSeries{Series: name, Name: name, Unit: columnUnit(name)}
	o := LeakOptions{Material: material}
	if len(work) > 1 {
		o.Load = (&track{points: work}).rates()
		s.Per = perWorkOf(counter, points, work, time.Time{})
	}
	s.Leak = JudgeLeak(points, o)
	return s
}

// columnUnit finds the unit in the name of a column: "/gc/heap/live:bytes", "rss_bytes".
func columnUnit(name string) string {
	if u := sampler.Metric(name).Unit(); u != "" {
		return u
	}
	if lower := strings.ToLower(name); lower == "bytes" || strings.HasSuffix(lower, "_bytes") {
		return "bytes"
	}
	return ""
}
