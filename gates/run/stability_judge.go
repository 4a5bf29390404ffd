package run

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/gates"
	"github.com/alloc-dev/heaptop/gates/policy"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// stabilitySeen is what was seen of a workload while it was alive.
type stabilitySeen struct {
	leaks       *analysis.LeakReport
	work        *analysis.Work // nil where nobody counts it
	sites       []analysis.FoundSite
	first, last *sampler.Snapshot
	collected   *sampler.Snapshot // the first one that tells the live heap; nil where none does
	watched     time.Duration
	cut         bool // by the user, before the time was over
}

// judgeStability makes the verdict of what was seen. A proven leak, growth beyond the threshold that has not ended, and a
// proven fall of the work's rate fail. What the time did not decide is what the options say, with how much longer would.
// What has grown or fallen and does so no more passes, with a warning where it was more than is allowed.
func judgeStability(o *StabilityOptions, seen *stabilitySeen) *gates.Stability {
	out := &gates.Stability{Verdict: gates.Passed, PlannedS: o.Duration.Seconds(), WatchedS: seen.watched.Seconds()}
	j := &stabilityVerdict{out: out, undecided: gates.Comparison{Verdict: gates.Inconclusive, OnInconclusive: o.OnInconclusive}.Means()}
	j.series(seen)
	j.memory(seen)
	j.threshold(o.Threshold, seen)
	j.operations(seen.work)
	j.doubts(j.open)
	out.Causes = causesOf(seen.leaks, seen.sites)
	if seen.cut {
		j.say(gates.Warned, "it was interrupted after "+unit.Duration(seen.watched.Round(time.Second))+" of "+unit.Duration(o.Duration))
	}
	if len(j.reasons) == 0 {
		out.Reason = seen.leaks.Reason
		return out
	}
	slices.SortStableFunc(j.reasons, func(a, b reason) int { return b.verdict.ExitCode() - a.verdict.ExitCode() })
	words := make([]string, len(j.reasons))
	for i, r := range j.reasons {
		words[i] = r.text
	}
	out.Reason = strings.Join(words, "; ")
	return out
}

type reason struct {
	verdict gates.Verdict
	text    string
}

type stabilityVerdict struct {
	out       *gates.Stability
	undecided gates.Verdict
	reasons   []reason
	open      []doubt
}

// say adds a reason; the verdict is the worst of all.
func (j *stabilityVerdict) say(v gates.Verdict, text string) {
	j.out.Verdict = gates.Worse(j.out.Verdict, v)
	j.reasons = append(j.reasons, reason{v, text})
}

func finiteNumber(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// doubt is something that the time did not decide.
type doubt struct {
	what    string
	why     string
	needed  sampler.Reading // seconds more
	atLeast bool            // that is what is needed for any verdict at all
}

// doubts says in one sentence what the time did not decide, and what would.
func (j *stabilityVerdict) doubts(list []doubt) {
	if len(list) == 0 {
		return
	}
	var names []string
	needed, atLeast, known := 0.0, false, true
	for _, d := range list {
		names = append(names, d.what)
		known = known && d.needed.OK && finiteNumber(d.needed.Value)
		if known {
			needed, atLeast = max(needed, d.needed.Value), atLeast || d.atLeast
		}
	}
	text := "too short to decide: "
	switch more := unit.Duration(max(time.Duration(needed*float64(time.Second)).Round(time.Second), time.Second)); {
	case known && atLeast:
		text += "at least " + more + " more is needed"
	case known:
		text += more + " more would"
	default:
		text += "how much longer would cannot be told"
	}
	if known {
		j.out.NeededS = &needed
	}
	text += " (" + strings.Join(names, ", ") + ")"
	if len(list) == 1 && list[0].why != "" {
		text += "; " + list[0].why
	}
	j.say(j.undecided, text)
}

// series judges what was read of memory, goroutines, files and threads.
func (j *stabilityVerdict) series(seen *stabilitySeen) {
	for i := range seen.leaks.Findings { // in their order: what grows first
		for k := range seen.leaks.Series {
			if s := &seen.leaks.Series[k]; s.Series == seen.leaks.Findings[i].Series {
				j.out.Series = append(j.out.Series, trendRow(s))
				j.seriesVerdict(s, seen.leaks.Findings[i].Title)
			}
		}
	}
	if len(j.out.Series) == 0 {
		j.say(gates.Unmeasured, "nothing could be read that tells of a leak")
	}
}

func (j *stabilityVerdict) seriesVerdict(s *analysis.LeakSeries, title string) {
	switch s.Leak.Verdict {
	case analysis.LeakGrowing:
		j.say(gates.Failed, title)
	case analysis.LeakInconclusive, analysis.LeakInsufficient:
		j.open = append(j.open, doubt{s.Name, s.Leak.Reason, s.Leak.Needed, s.Leak.Verdict == analysis.LeakInsufficient})
	}
}

func trendRow(s *analysis.LeakSeries) gates.StabilityTrend {
	l := &s.Leak
	t := gates.StabilityTrend{Metric: s.Series, Name: s.Name, Unit: s.Unit, Verdict: string(l.Verdict), Reason: l.Reason, NeededS: pointer(l.Needed)}
	if !l.Judged {
		return t
	}
	t.RatePerHour, t.Low, t.High = &l.PerHour, &l.Low, &l.High
	if s.Series != analysis.NativeSeries { // a difference, whose height says nothing
		t.First, t.Last = &l.First, &l.Last
	}
	if s.Per != nil {
		t.PerWork = &s.Per.Slope.Slope
	}
	return t
}

func pointer(r sampler.Reading) *float64 {
	if !r.OK || !finiteNumber(r.Value) {
		return nil
	}
	return &r.Value
}

// mainSeries is the one that tells most of the program's memory: the live heap, or the process's own memory.
func mainSeries(r *analysis.LeakReport) *analysis.LeakSeries {
	for i := range r.Series {
		if s := &r.Series[i]; s.Unit == "bytes" && s.Series != analysis.NativeSeries {
			return s
		}
	}
	return nil
}

// memory tells from where to where memory went.
func (j *stabilityVerdict) memory(seen *stabilitySeen) {
	s := mainSeries(seen.leaks)
	if s == nil {
		return
	}
	from, of := seen.first, func(snap *sampler.Snapshot) sampler.Reading { return snap.Reading(sampler.Metric(s.Series)) }
	if s.Series == string(sampler.GoHeapLive) {
		from, of = seen.collected, (*sampler.Snapshot).LiveHeap
	}
	if from == nil {
		return
	}
	first, last := of(from), of(seen.last)
	if !first.OK || !last.OK {
		return
	}
	m := &gates.MemoryGrowth{Metric: s.Series, Name: s.Name, Initial: first.Value, Final: last.Value, Growth: last.Value - first.Value}
	if later := from.Time.Sub(seen.first.Time).Seconds(); later > 0 {
		m.InitialAtS = &later
	}
	if s.Leak.Judged {
		m.RatePerHour, m.Low, m.High = &s.Leak.PerHour, &s.Leak.Low, &s.Leak.High
	}
	j.out.Memory = m
}

// threshold judges growth in all, once the warm-up is left out.
func (j *stabilityVerdict) threshold(limit float64, seen *stabilitySeen) {
	s := mainSeries(seen.leaks)
	if limit <= 0 || s == nil {
		return
	}
	t := &gates.GrowthThreshold{Limit: limit, Verdict: gates.Passed}
	j.out.Threshold = t
	if !s.Leak.Judged {
		t.Verdict, t.Reason = j.undecided, "the warm-up cannot be told from growth yet"
		return
	}
	grown := s.Leak.Last - s.Leak.First
	t.Grown = &grown
	if grown <= limit {
		return
	}
	words := fmt.Sprintf("%s grew by %s, more than the threshold of %s", s.Name, unit.Bytes(grown), unit.Bytes(limit))
	switch s.Leak.Verdict {
	case analysis.LeakGrowing, analysis.LeakInconclusive:
		t.Verdict, t.Reason = gates.Failed, words
	case analysis.LeakSettling:
		t.Verdict, t.Reason = gates.Warned, words+", but its end does not carry on"
	default:
		t.Reason = "it varies by more than the threshold, and does not grow"
		return
	}
	j.say(t.Verdict, t.Reason)
}

// operations judges how fast the work is done.
func (j *stabilityVerdict) operations(w *analysis.Work) {
	if w == nil {
		return
	}
	d := w.Rate
	o := &gates.Operations{Metric: string(w.Metric), Total: w.Total, PerHour: w.PerHour, Verdict: string(d.Verdict), LimitPercent: 100 * analysis.DeclineLimit, Reason: d.Reason, NeededS: pointer(d.Needed)}
	o.ChangePercent, o.LowPercent, o.HighPercent = declinePercents(d, 1)
	j.out.Operations = o
	switch d.Verdict {
	case analysis.DeclineFalling:
		j.say(gates.Failed, fmt.Sprintf("operations become fewer by %.3g %% an hour (%.3g to %.3g %%)", -100*d.PerHour, -100*d.High, -100*d.Low))
	case analysis.DeclineSettled:
		j.say(gates.Warned, "operations became fewer, but no longer do")
	case analysis.DeclineInconclusive, analysis.DeclineInsufficient:
		j.open = append(j.open, doubt{"operations per hour", d.Reason, d.Needed, d.Verdict == analysis.DeclineInsufficient})
	}
	if !w.HasCost || !(w.CPUPer > 0) {
		return
	}
	o.CPU = &gates.OpsCPU{SecondsPerOp: w.CPUPer, Verdict: string(w.Cost.Verdict)}
	o.CPU.ChangePercent, o.CPU.LowPercent, o.CPU.HighPercent = declinePercents(w.Cost, -1)
	if w.Cost.Verdict == analysis.DeclineFalling { // a neighbour that takes the caches does the same: it fails nothing
		j.say(gates.Warned, fmt.Sprintf("an operation takes more of the CPU by %.3g %% an hour (%.3g to %.3g %%)", -100*w.Cost.PerHour, -100*w.Cost.High, -100*w.Cost.Low))
	}
}

// declinePercents are percents an hour; a sign of -1 turns a fall of work by CPU into a rise of CPU by work.
func declinePercents(d analysis.Decline, sign float64) (change, low, high *float64) {
	if !d.Judged {
		return nil, nil, nil
	}
	c, l, h := 100*sign*d.PerHour, 100*sign*d.Low, 100*sign*d.High
	if l > h {
		l, h = h, l
	}
	return &c, &l, &h
}

// The kinds of causes.
const (
	causeSite    = "allocation site"
	causeRoutine = "goroutines"
	causeMapping = "mapping"
	mostCauses   = 40
)

// causesOf lists what carries the growth of what grows, and the sites that grow where nothing does as a whole.
func causesOf(r *analysis.LeakReport, sites []analysis.FoundSite) []gates.StabilityCause {
	var out []gates.StabilityCause
	for i := range r.Findings {
		f := &r.Findings[i]
		for k := range f.Sites {
			out = append(out, siteCause(f.Series, &f.Sites[k]))
		}
		for _, row := range f.Rows {
			out = append(out, rowCause(f, &row))
		}
	}
	if len(out) == 0 {
		for k := range sites {
			if sites[k].Verdict == "growing" { // what is below the resolution is no cause of anything that does not grow
				out = append(out, siteCause("", &sites[k]))
			}
		}
	}
	return out[:min(len(out), mostCauses)]
}

// blameOf is the allocation sites of what grows as other formats know them.
func blameOf(r *analysis.LeakReport) []gates.Blame {
	var out []gates.Blame
	for i := range r.Findings {
		for _, s := range r.Findings[i].Sites {
			if s.GrownBytes != nil && s.Low != nil { // without an interval nothing is proven: it is told as a cause, with that word
				out = append(out, gates.Blame{Site: s.Site, ChangeBytes: *s.GrownBytes, SharePercent: s.SharePercent, Of: ofInUse})
			}
		}
	}
	return out[:min(len(out), mostCauses)]
}

func siteCause(series string, s *analysis.FoundSite) gates.StabilityCause {
	c := gates.StabilityCause{Kind: causeSite, Series: series, Name: s.Site, RatePerHour: s.BytesPerHour, Low: s.Low, High: s.High, Stack: s.Stack}
	if s.SharePercent > 0 {
		c.SharePercent = &s.SharePercent
	}
	if s.Verdict != "growing" {
		c.Note = s.Verdict
	}
	return c
}

func rowCause(f *analysis.Finding, row *analysis.FoundRow) gates.StabilityCause {
	c := gates.StabilityCause{Kind: causeMapping, Series: f.Series, Name: row.Name, Note: row.Note}
	per := "bytes"
	switch f.RowsOf {
	case "waiting in":
		c.Kind, per = causeRoutine, "count"
	case "part", "keys", "key", "client": // of a data server
		c.Kind = f.RowsOf
	}
	number := func(key string) *float64 {
		if v, ok := row.Numbers[key]; ok && finiteNumber(v) {
			return &v
		}
		return nil
	}
	c.RatePerHour, c.Low, c.High = number("growth_"+per+"_per_hour"), number("low_"+per+"_per_hour"), number("high_"+per+"_per_hour")
	c.SharePercent = number("share_percent")
	return c
}

// metrics measures what gates know, as of a target that runs already, and judges the limits.
func (w *longWatch) metrics(out *gates.Scenario, r *analysis.LeakReport) {
	limits := w.subject.limits(w.o)
	measured := w.readings.values(&policy.Scenario{Sessions: w.subject.Sessions}, w.began, w.leaks.Last().Time)
	for _, metric := range []string{"growth", "growth_rate"} { // by the verdict that is shown, which knows of the process's start
		delete(measured.values, metric)
		delete(measured.missing, metric)
	}
	if s := mainSeries(r); s != nil {
		measured.growth(s.Leak, s.Series, limits)
	}
	out.Metrics = summarize([]*once{measured})
	out.Gates = gates.Evaluate(limits, out.Metrics)
	out.Warnings = append(out.Warnings, measured.notes...)
}

// moments are what the report keeps: one an interval, and every second one is left out once there are too many.
type moments struct {
	every time.Duration
	list  []gates.Moment
}

// add takes a moment, and says whether it was the first of another interval.
func (m *moments) add(p gates.Moment) bool {
	if n := len(m.list); n > 0 && p.AtS < m.list[n-1].AtS+m.every.Seconds()*0.999 {
		return false
	}
	if len(m.list) == gates.MaxMoments {
		for i := range m.list[:len(m.list)/2] {
			m.list[i] = m.list[2*i]
		}
		m.list = m.list[:len(m.list)/2]
		m.every *= 2
	}
	m.list = append(m.list, p)
	return true
}
