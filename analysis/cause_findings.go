package analysis

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// mostSuspects is how many causes of a growing series are listed.
const mostSuspects = 20

// usualRate is Go's runtime.MemProfileRate where nobody set it.
const usualRate = 512 << 10

// Report judges what was watched.
func (w *LeakWatch) Report(o LeakJudgement) *LeakReport {
	r := &LeakReport{}
	if w.last != nil {
		r.Series = w.judge(o)
	}
	for i := range r.Series {
		r.Series[i].Until = w.limitOf(&r.Series[i], o.Limits)
	}
	r.conclude()
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict != LeakGrowing {
			continue
		}
		switch r.causeOf(f.Series) {
		case causeSites:
			w.blameSites(f, o)
		case causeGroups:
			w.blameGroups(f)
		case causeMappings:
			w.blameMappings(f)
		case causeUsed:
			w.blameParts(f, &w.server.used)
		case causeResident:
			w.blameParts(f, &w.server.rss)
		}
	}
	w.blameKeys(r)
	if n := len(w.restarts); n > 0 {
		r.Warnings = append(r.Warnings, "the process was replaced by another "+timesRun(float64(n))+": each is judged for itself, and causes are those of the last")
	}
	switch {
	case !w.wasLast.IsZero():
		r.Warnings = append(r.Warnings, "the clock was set back after "+w.wasLast.Format(time.TimeOnly)+": what was read by then is not judged")
	case w.setBacks > 0:
		r.Warnings = append(r.Warnings, "the clock was set back: causes rest on what was read after that")
	}
	if w.per != "" && w.tracks[w.per] == nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s was not read: growth is not divided by it", w.per))
	}
	return r
}

func (r *LeakReport) causeOf(series string) causeKind {
	for i := range r.Series {
		if r.Series[i].Series == series {
			return r.Series[i].cause
		}
	}
	return causeUnknown
}

// finding is the verdict on one series, without its cause.
func (s *LeakSeries) finding() Finding {
	l := &s.Leak
	f := Finding{Analyzer: "leak", Severity: Info, Series: s.Series, Verdict: l.Verdict, Sites: []FoundSite{}, Evidence: map[string]float64{
		"span_seconds": round(l.Span.Seconds()),
	}}
	if l.Judged { // of a series that was too short there is no score
		f.Evidence["score_points"], f.Evidence["structure_points"] = l.Score, l.Structure
		f.Evidence["trend_points"], f.Evidence["size_points"] = l.Trend, l.Size
	}
	name := s.title()
	switch l.Verdict {
	case LeakGrowing:
		f.Severity = Critical
		f.Title = fmt.Sprintf("%s grows by %s an hour (%s to %s)", name, s.format(l.PerHour), s.format(l.Low), s.format(l.High))
		f.Details = append(f.Details, fmt.Sprintf("%s in %s%s.", s.way(), unit.Duration(l.Span.Round(time.Second)), s.shape()))
	case LeakSettling:
		f.Severity, f.Title = Warning, name+" has grown, but its end does not carry on"
	case LeakInconclusive:
		f.Severity, f.Title = Warning, name+" may grow: it is not proven"
	case LeakInsufficient:
		f.Severity, f.Title = Warning, name+" could not be judged"
	default:
		f.Title = name + " does not grow"
		if !l.Excluded {
			f.Title = name + " shows no sign of growth"
		}
		if l.Judged && !s.relative {
			f.Title += ": " + unit.Format(s.Unit, l.Level)
		}
	}
	if l.Reason != "" && l.Verdict != LeakFlat && (l.Verdict != LeakGrowing || l.Shape == shapeCollected) {
		f.Details = append(f.Details, strings.ToUpper(l.Reason[:1])+l.Reason[1:]+".")
	}
	s.rates(&f)
	return f
}

// title is the name at the beginning of a sentence. The columns of a file are named as they are.
func (s *LeakSeries) title() string {
	if s.Name == s.Series || s.Name == "" {
		return s.Series
	}
	return strings.ToUpper(s.Name[:1]) + s.Name[1:]
}

// way says from where to where it grew.
func (s *LeakSeries) way() string {
	if s.relative {
		return "It grew by " + s.format(s.Leak.Last-s.Leak.First)
	}
	return fmt.Sprintf("From %s to %s", s.format(s.Leak.First), s.format(s.Leak.Last))
}

// shape tells the best model, where there is one.
func (s *LeakSeries) shape() string {
	if s.Leak.Shape == "" {
		return ""
	}
	return ", by the shape of " + s.Leak.Shape
}

// rates adds the numbers: the rate, when a limit is reached, the growth by work.
func (s *LeakSeries) rates(f *Finding) {
	l, per := &s.Leak, s.unitWord()
	if l.Judged {
		f.Evidence["growth_"+per+"_per_hour"], f.Evidence["low_"+per+"_per_hour"], f.Evidence["high_"+per+"_per_hour"] = l.PerHour, l.Low, l.High
		f.Evidence["grown_"+per] = l.Last - l.First
		if !s.relative {
			f.Evidence["first_"+per], f.Evidence["last_"+per], f.Evidence["level_"+per] = l.First, l.Last, l.Level
		}
	}
	if l.Needed.OK {
		f.Evidence["needed_seconds"] = l.Needed.Value
	}
	if u := s.Until; u != nil {
		f.Details = append(f.Details, u.words()+".")
		f.Evidence["limit_bytes"], f.Evidence["limit_used_bytes"] = u.Limit.Bytes, u.Limit.Used
		for name, v := range map[string]sampler.Reading{"until_limit_low_seconds": u.Until.Low, "until_limit_seconds": u.Until.Mid, "until_limit_high_seconds": u.Until.High} {
			if v.OK {
				f.Evidence[name] = v.Value
			}
		}
	}
	if p := s.Per; p != nil && l.Judged {
		f.Evidence["growth_per_work_ratio"], f.Evidence["low_per_work_ratio"], f.Evidence["high_per_work_ratio"] = p.Slope.Slope, p.Slope.Low, p.Slope.High
		if l.Verdict != LeakGrowing {
			return
		}
		f.Details = append(f.Details, fmt.Sprintf("That is %s for each unit of %s (%s to %s).", s.small(p.Slope.Slope), p.Counter, s.small(p.Slope.Low), s.small(p.Slope.High)))
	}
}

// words says when the limit is reached.
func (u *LeakLimit) words() string {
	limit := fmt.Sprintf("the limit of %s (%s)", unit.Bytes(u.Limit.Bytes), u.Limit.Name)
	if u.Limit.Used >= u.Limit.Bytes {
		return strings.ToUpper(limit[:1]) + limit[1:] + " is passed"
	}
	at := func(r sampler.Reading) string {
		return unit.Duration(min(time.Duration(math.Min(r.Value, farthest.Seconds())*float64(time.Second)), farthest).Round(time.Second))
	}
	switch {
	case u.Until.Low.OK && u.Until.High.OK:
		return fmt.Sprintf("At this rate %s is reached in %s to %s", limit, at(u.Until.Low), at(u.Until.High))
	case u.Until.Low.OK:
		return fmt.Sprintf("At this rate %s is reached in %s at the earliest", limit, at(u.Until.Low))
	}
	return "When " + limit + " is reached is not known"
}

// unitWord is what evidence in the unit of the series ends with.
func (s *LeakSeries) unitWord() string {
	switch s.Unit {
	case "":
		return "value"
	case "goroutines", "files", "threads", "clients":
		return "count"
	}
	return strings.ReplaceAll(s.Unit, "-", "_")
}

func (s *LeakSeries) format(v float64) string {
	if s.Unit != "bytes" && s.unitWord() == "count" && math.Abs(v) < 10 && v != math.Trunc(v) {
		return fmt.Sprintf("%.1f", v)
	}
	return unit.Format(s.Unit, v)
}

// small prints a number that may have a fraction.
func (s *LeakSeries) small(v float64) string {
	if s.Unit == "bytes" && math.Abs(v) >= 100 {
		return unit.Bytes(v)
	}
	return strings.TrimSpace(fmt.Sprintf("%.3g %s", v, s.Unit))
}

func round(v float64) float64 { return math.Round(v*1000) / 1000 }

// blameSites names the allocation sites that grow.
func (w *LeakWatch) blameSites(f *Finding, o LeakJudgement) {
	f.Evidence["profiles_count"] = float64(len(w.sites.times))
	if w.heap == nil {
		f.Details = append(f.Details, "Which allocation site it is cannot be told: no heap profile could be read.")
		if o.Walk != nil {
			f.Holders = largestRoots(o.Walk)
		} else {
			f.Advice = o.AskHolders
		}
		return
	}
	rate := float64(w.heap.Rate)
	if rate > 0 {
		f.Evidence["profile_rate_bytes"] = rate
	} else {
		rate = usualRate
	}
	list := w.sites.suspects(w.settled(), leastProfiles, rate)
	sites := map[string]*profile.Site{}
	for i := range w.heap.Sites {
		sites[w.heap.Sites[i].Key()] = &w.heap.Sites[i]
	}
	holdings := holdingsOf(o.Walk)
	found := func(s suspect) (FoundSite, bool) {
		site := sites[s.key]
		if site == nil {
			return FoundSite{}, false
		}
		return foundSite(site, w.heap.TotalInUse, holdings[s.key]), true
	}
	for _, s := range list {
		site, ok := found(s)
		if !ok || s.grown < o.Threshold || len(f.Sites) == mostSuspects {
			continue
		}
		f.Sites = append(f.Sites, growingSite(site, s, rate, w.sites.span(w.settled())))
	}
	w.blameLikely(f, list, rate, o, found)
	if slices.ContainsFunc(f.Sites, func(s FoundSite) bool { return s.Verdict == belowResolution }) {
		f.Details = append(f.Details, fmt.Sprintf("Growth by less than %s is below the resolution of the profile, which samples one object in every %s: such sites are hints. "+
			"In a test a smaller runtime.MemProfileRate shows them.", unit.Bytes(4*rate), unit.Bytes(rate)))
	}
	if o.Walk == nil && len(f.Sites) > 0 {
		f.Advice = o.AskHolders
	}
}

// The verdicts on a site.
const (
	siteGrows       = "growing"
	belowResolution = "below resolution"
)

// growingSite adds to a site how fast it grows. What grew by d bytes was sampled with an error of about the square root
// of d times the profile's rate; it widens the interval, and growth by less than four times the rate, 2 MiB at the usual
// one, is below the resolution.
func growingSite(site FoundSite, s suspect, rate float64, span time.Duration) FoundSite {
	grown := math.Max(s.grown, 0)
	noise := 1.96 * math.Sqrt((grown+rate)*rate) / math.Max(span.Hours(), 1e-9)
	slope := s.slope.Slope
	low, high := math.Min(s.slope.Low, slope-noise), math.Max(s.slope.High, slope+noise)
	site.BytesPerHour, site.Low, site.High, site.GrownBytes = &slope, &low, &high, &grown
	site.SharePercent = partOf(s.share, 1)
	site.Verdict = siteGrows
	if grown < 4*rate {
		site.Verdict = belowResolution
	}
	return site
}

// span is the time of the readings from from on.
func (p *panel) span(from time.Time) time.Duration {
	for _, t := range p.times {
		if !t.Before(from) {
			return p.times[len(p.times)-1].Sub(t)
		}
	}
	return 0
}

// rateColumns are the columns of a table of what grows.
func rateColumns(now, title, per string) []FoundColumn {
	return []FoundColumn{{now, title}, {"share_percent", "share"}, {"growth_" + per + "_per_hour", "an hour"}, {"low_" + per + "_per_hour", "at least"}, {"high_" + per + "_per_hour", "at most"}}
}

func rateRow(name, now, per string, s suspect) FoundRow {
	return FoundRow{Name: name, Numbers: map[string]float64{
		now: s.last, "share_percent": partOf(s.share, 1), "growth_" + per + "_per_hour": s.slope.Slope,
		"low_" + per + "_per_hour": s.slope.Low, "high_" + per + "_per_hour": s.slope.High,
	}}
}

// blameGroups names the goroutines that become more.
func (w *LeakWatch) blameGroups(f *Finding) {
	f.Evidence["profiles_count"] = float64(len(w.groups.times))
	list := w.groups.suspects(w.settled(), leastExact, 0)
	if len(list) == 0 {
		f.Details = append(f.Details, fmt.Sprintf("Which goroutines they are cannot be told: %s of their stacks, %d needed, and one stack that grows.",
			unit.Things(w.groups.counted(w.settled()), "reading"), leastExact))
		return
	}
	f.RowsOf = "waiting in"
	f.Columns = rateColumns("goroutines_count", "goroutines", "count")
	for _, s := range list[:min(len(list), mostSuspects)] {
		g := w.rows[s.key]
		name := profile.ShortName(g.Function)
		if name == "" {
			name = "(unknown)"
		}
		row := rateRow(name, "goroutines_count", "count", s)
		row.Note = groupNote(&g)
		if g.WaitMax.OK {
			row.Numbers["longest_wait_seconds"] = g.WaitMax.Value
		}
		f.Rows = append(f.Rows, row)
	}
	top := w.rows[list[0].key]
	f.Advice = fmt.Sprintf("Find what %s waits for, and who was to end it.", f.Rows[0].Name)
	if top.State != "" && top.State != "running" && top.State != "runnable" {
		f.Advice = fmt.Sprintf("Find out why %s waits for ever (%s), and who was to wake it.", f.Rows[0].Name, top.State)
		if strings.HasPrefix(w.info.GoVersion, "go1.26") {
			f.Advice += " Built with GOEXPERIMENT=goroutineleakprofile, the program proves it at /debug/pprof/goroutineleak, which costs a collection."
		}
	}
}

// groupNote says in what state the goroutines are, where, for how long, and who created them.
func groupNote(g *profile.GoroutineRow) string {
	var parts []string
	if g.State != "" {
		parts = append(parts, g.State)
	}
	for _, frame := range g.Stack {
		if frame.Function == g.Function {
			parts = append(parts, "at "+SiteName("", frame.File, frame.Line))
			break
		}
	}
	if g.WaitMax.OK {
		parts = append(parts, "for up to "+unit.Duration(time.Duration(g.WaitMax.Value*float64(time.Second)).Round(time.Second)))
	}
	if g.CreatedBy.Function != "" {
		parts = append(parts, "created by "+SiteName(g.CreatedBy.Function, g.CreatedBy.File, g.CreatedBy.Line))
	}
	return strings.Join(strings.Fields(strings.Join(parts, ", ")), " ")
}

// blameMappings names the memory that grows.
func (w *LeakWatch) blameMappings(f *Finding) {
	f.Evidence["profiles_count"] = float64(len(w.maps.times))
	if f.Series == NativeSeries {
		f.Details = append(f.Details, "The Go heap does not explain it: it is allocated by C code or system calls, and no allocation site of Go is its cause.")
	}
	list := w.maps.grow(w.settled())
	if len(list) == 0 {
		f.Details = append(f.Details, fmt.Sprintf("Which mapping it is cannot be told: none grows for itself in %s of the address space.", unit.Things(len(w.maps.times), "reading")))
		return
	}
	f.RowsOf = "mapping"
	f.Columns = rateColumns("mapped_bytes", "resident", "bytes")
	for _, s := range list[:min(len(list), mostSuspects)] {
		row := rateRow(s.key, "mapped_bytes", "bytes", s)
		if n := w.counts[s.key]; n > 0 {
			row.Numbers["mappings_count"] = float64(n)
			row.Note = unit.Things(n, "mapping")
		}
		f.Rows = append(f.Rows, row)
	}
}
