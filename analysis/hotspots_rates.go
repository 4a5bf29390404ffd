package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// staysShare is from what on a site that keeps so much of all it ever allocated is said to keep it, in percent.
const staysShare = 95

// garbageFinding tells who makes garbage: what a site allocates and does not keep. Sites come by the bytes that die a
// second, which is the allocation rate of short-lived objects.
func garbageFinding(t *Trace) Finding {
	f := Finding{Analyzer: "garbage", Severity: Info, Evidence: numbers{"watched_seconds": t.To.Sub(t.From).Seconds()}, Sites: []FoundSite{}}
	e := numbers(f.Evidence)
	e.add("alloc_bytes_per_second", t.BytesPerSec)
	e.add("alloc_count_per_second", t.ObjectsPerSec)
	e.add("freed_bytes_per_second", t.FreedPerSec)
	e.add("collections_count", t.Collections)
	f.Details = garbageDetails(t)
	seconds := t.SitesTo.Sub(t.SitesFrom).Seconds()
	total := 0.0
	if seconds > 0 {
		e["sites_seconds"] = seconds
		for i := range t.Sites {
			if s := garbageSite(&t.Sites[i], seconds); *s.GarbagePerSecond > 0 {
				total += *s.GarbagePerSecond
				f.Sites = append(f.Sites, s)
			}
		}
		if len(t.Sites) > 0 {
			e["garbage_bytes_per_second"] = total
		}
	}
	slices.SortStableFunc(f.Sites, func(a, b FoundSite) int { return cmp.Compare(*b.GarbagePerSecond, *a.GarbagePerSecond) })
	f.Sites = f.Sites[:min(len(f.Sites), mostRows)]
	e["listed_count"] = float64(len(f.Sites))
	for i := range f.Sites {
		f.Sites[i].SharePercent = partOf(*f.Sites[i].GarbagePerSecond, total)
	}
	f.Title = garbageTitle(t, total)
	return f
}

func garbageTitle(t *Trace, total float64) string {
	switch {
	case t.BytesPerSec.OK && t.BytesPerSec.Value == 0:
		return "Nothing was allocated in " + unit.Duration(t.To.Sub(t.From))
	case total > 0:
		return "Where garbage comes from: about " + unit.Rate(total) + " dies again"
	case t.BytesPerSec.OK:
		return "Where garbage comes from: not told by site, of " + unit.Rate(t.BytesPerSec.Value) + " that are allocated"
	}
	return "Where garbage comes from: not told"
}

// garbageDetails says what the runtime counts, and over which time the sites were compared.
func garbageDetails(t *Trace) []string {
	var out []string
	if t.BytesPerSec.OK {
		text := fmt.Sprintf("In %s the runtime counts %s allocated", unit.Duration(t.To.Sub(t.From)), unit.Rate(t.BytesPerSec.Value))
		if t.FreedPerSec.OK {
			text += ", " + unit.Rate(t.FreedPerSec.Value) + " freed"
		}
		if t.Collections.OK {
			text += ", in " + unit.Things(t.Collections.Value, "collection")
		}
		if t.Lifetime.Bound != LifetimeUnknown {
			text += "; a byte lives " + t.Lifetime.String()
		}
		out = append(out, text+".")
	}
	if d := t.SitesTo.Sub(t.SitesFrom); d > 0 {
		out = append(out, fmt.Sprintf("By site, from samples: over the %s up to %s, of which the newest profile tells.", unit.Duration(d), t.SitesTo.Format(time.TimeOnly)))
	}
	for _, n := range t.Notes {
		out = append(out, n+".")
	}
	return out
}

func garbageSite(s *TraceSite, seconds float64) FoundSite {
	garbage := math.Max(s.Bytes-math.Max(s.Kept, 0), 0) / seconds
	out := FoundSite{
		Site: SiteName(s.Frame.Function, s.Frame.File, s.Frame.Line), Stack: FrameTexts(s.Stack), Bytes: s.InUseBytes,
		AllocPerSecond: new(s.BytesPerSec), GarbagePerSecond: new(garbage), Lifetime: s.Lifetime.String(), Holders: []FoundHolder{},
	}
	if s.Lifetime.Bound != LifetimeUnknown {
		out.LifetimeSeconds = new(s.Lifetime.Seconds)
	}
	return out
}

// staysFinding tells what is never freed: sites of which nearly all that they ever allocated is still in use, and, with an
// earlier profile, sites whose growth is more than sampling can explain. The growth of a minute is no leak: that takes
// longer to judge.
func staysFinding(in *HotspotInput, t *Trace) []Finding {
	var before *profile.Heap
	hours := 0.0
	if t != nil && !t.Unchanged {
		before, hours = in.From.Heap, t.SitesTo.Sub(t.SitesFrom).Hours()
	}
	f := Finding{Analyzer: "stays", Severity: Info, Sites: []FoundSite{}, Evidence: numbers{}}
	sum, growing := 0.0, 0
	rows := profile.Rows(*in.To.Heap, before, nil)
	for i := range rows {
		s, ok := staysSite(&rows[i], hours, in)
		if !ok {
			continue
		}
		sum += s.Bytes
		if s.Verdict == siteGrows {
			growing++
		}
		f.Sites = append(f.Sites, s)
	}
	if len(f.Sites) == 0 {
		return nil
	}
	f.Evidence = numbers{
		"in_use_bytes": sum, "heap_bytes": in.To.Heap.TotalInUse, "sites_count": float64(len(f.Sites)), "growing_count": float64(growing),
		"kept_at_least_percent": staysShare,
	}
	f.Title = fmt.Sprintf("What stays: %s in %s", unit.Bytes(sum), unit.Things(len(f.Sites), "site"))
	f.Details = []string{fmt.Sprintf("Of all that such a site ever allocated at least %d%% is still in use, or it grew by more than sampling explains.", staysShare)}
	if growing > 0 {
		f.Title += fmt.Sprintf(", %d of them growing", growing)
		f.Advice = "Growth over so short a time may be warm-up or a cache that fills: heaptop debug leaks judges it."
	}
	slices.SortStableFunc(f.Sites, func(a, b FoundSite) int {
		return cmp.Or(cmp.Compare(order(&b), order(&a)), cmp.Compare(b.Bytes, a.Bytes))
	})
	f.Sites = f.Sites[:min(len(f.Sites), mostRows)]
	listed := 0.0
	for i := range f.Sites {
		listed += f.Sites[i].Bytes
	}
	f.Evidence["listed_count"], f.Evidence["listed_bytes"] = float64(len(f.Sites)), listed
	return []Finding{f}
}

// order puts what grows before what is only old.
func order(s *FoundSite) float64 {
	if s.Verdict == siteGrows {
		return *s.BytesPerHour
	}
	return 0
}

func staysSite(r *profile.SiteRow, hours float64, in *HotspotInput) (s FoundSite, ok bool) {
	if r.InUseBytes <= 0 || r.InUseBytes < in.Threshold {
		return s, false
	}
	s = foundSite(&r.Site, in.To.Heap.TotalInUse, nil)
	kept := 0.0
	if r.AllocBytes > 0 {
		kept = partOf(r.InUseBytes, r.AllocBytes)
		s.KeptPercent = new(kept)
	}
	s.Verdict = "old"
	if r.Change.OK && hours > 0 {
		wide := profile.Deviations * r.ChangeError
		s.BytesPerHour, s.Low, s.High = new(r.Change.Value/hours), new((r.Change.Value-wide)/hours), new((r.Change.Value+wide)/hours)
		if r.Change.Value > wide && r.Change.Value > 0 {
			s.Verdict = siteGrows
		}
	}
	return s, s.Verdict == siteGrows || kept >= staysShare
}

// stacksFinding is the goroutines by the memory of their stacks, where that is known.
func stacksFinding(g *sampler.Goroutines) []Finding {
	f := Finding{
		Analyzer: "stacks", Severity: Info, RowsOf: "goroutines",
		Columns: []FoundColumn{{"stacks_bytes", "stacks"}, {"share_percent", "share"}, {"mean_stack_bytes", "each"}, {"goroutines_count", "count"}},
	}
	rows, sum, n := profile.GoroutineRows(g, nil), 0.0, 0
	for i := range rows {
		if rows[i].Stacks.OK {
			sum += rows[i].Stacks.Value
			n += rows[i].Count
		}
	}
	if sum == 0 {
		return nil
	}
	for i := range rows {
		r := &rows[i]
		if !r.Stacks.OK || r.Count == 0 {
			continue
		}
		row := namedRow(r)
		row.Numbers["share_percent"] = partOf(r.Stacks.Value, sum)
		row.Numbers["mean_stack_bytes"] = r.Stacks.Value / float64(r.Count)
		f.Rows = append(f.Rows, row)
	}
	f.Evidence = numbers{"stacks_bytes": sum, "goroutines_count": float64(n), "mean_stack_bytes": sum / float64(n)}
	f.Title = fmt.Sprintf("Goroutine stacks take %s, %s each on average", unit.Bytes(sum), unit.Bytes(sum/float64(n)))
	f.keepLargest("stacks_bytes", "groups")
	return []Finding{f}
}
