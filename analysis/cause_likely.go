package analysis

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// notProven is the verdict on a site that holds much of what was added, without a proof that it grows for itself.
const notProven = "not proven"

const (
	likelyShare = 0.2 // of what was added, to be named without a proof
	likelyMost  = 3
	provenShare = 0.5 // of the growth: where the sites that are proven hold less, others are asked for
)

// added is what the profiles from one on add to the first of them.
type added struct {
	sites []suspect // those with much of it, the largest first; of their slope only the rate is known
	bytes float64   // of all sites, what was freed taken off
	span  time.Duration
}

// likely returns what was added since the process had settled, or since the first profile where that is too little to tell,
// and the sites that hold much of it, but for the ones in proven. Two profiles tell no trend: what they differ by must only
// stand out of the sampling error of both, and of the resolution of a profile.
func (p *panel) likely(from time.Time, rate float64, proven []suspect) added {
	settled, _ := p.since(from)
	for _, start := range []int{settled, 0} {
		if a := p.addedSince(start, rate, proven); len(a.sites) > 0 {
			return a
		}
	}
	return added{}
}

func (p *panel) addedSince(start int, rate float64, proven []suspect) added {
	n := len(p.times)
	if n-start < 2 {
		return added{}
	}
	a := added{bytes: p.total[n-1] - p.total[start], span: p.times[n-1].Sub(p.times[start])}
	if a.bytes < 4*rate {
		return added{}
	}
	for key, row := range p.rows {
		if len(row) < n || slices.ContainsFunc(proven, func(s suspect) bool { return s.key == key }) {
			continue
		}
		grown := row[n-1] - row[start]
		if grown < likelyShare*a.bytes || grown < 4*rate || grown < suspectScore*math.Sqrt((row[n-1]+row[start])*rate) {
			continue
		}
		perHour := grown / a.span.Hours()
		a.sites = append(a.sites, suspect{
			key: key, last: row[n-1], grown: grown, share: math.Min(grown/a.bytes, 1), slope: stats.Slope{Slope: perHour, N: 2},
		})
	}
	slices.SortFunc(a.sites, func(x, y suspect) int { return cmp.Or(cmp.Compare(y.grown, x.grown), cmp.Compare(x.key, y.key)) })
	a.sites = a.sites[:min(len(a.sites), likelyMost)]
	return a
}

// blameLikely names what holds much of what was added where nothing is proven, or next to nothing: marked as not proven.
func (w *LeakWatch) blameLikely(f *Finding, proven []suspect, rate float64, o LeakJudgement, found func(suspect) (FoundSite, bool)) {
	carried := 0.0
	for i := range proven {
		carried += proven[i].share
	}
	if carried >= provenShare {
		return
	}
	a := w.sites.likely(w.settled(), rate, proven)
	var named []string
	for _, s := range a.sites {
		site, ok := found(s)
		if !ok || s.grown < o.Threshold || len(f.Sites) == mostSuspects {
			continue
		}
		site.BytesPerHour, site.GrownBytes = new(s.slope.Slope), new(s.grown)
		site.SharePercent, site.Verdict = partOf(s.share, 1), notProven
		f.Sites = append(f.Sites, site)
		named = append(named, site.Site+" by "+unit.Bytes(s.grown))
	}
	if len(named) > 0 {
		f.Details = append(f.Details, fmt.Sprintf("In the %s of the profiles the heap grew by %s, %s: that is likely the cause, and not proven.",
			unit.Duration(a.span.Round(time.Second)), unit.Bytes(a.bytes), strings.Join(named, ", ")))
	}
	if len(proven) == 0 {
		f.Details = append(f.Details, w.noSites(len(named) > 0))
	}
}

// noSites says why the profiles prove no site. named says that one is likely all the same.
func (w *LeakWatch) noSites(named bool) string {
	n, of := w.sites.counted(w.settled()), ""
	if n < len(w.sites.times) {
		from, to := w.Span()
		of = " after the first " + unit.Duration(startup(to.Sub(from))) + " of the program"
	}
	switch {
	case n < leastProfiles:
		return fmt.Sprintf("A proof takes %d heap profiles that differ, and there %s%s: a profile changes with each collection alone.", leastProfiles, wasOf(n), of)
	case named:
		return "No allocation site is proven to grow throughout: a profile is a sample, and the growth of each was uneven."
	}
	return "No allocation site grows for itself: what leaks is spread over many, or too little for a profile, which is a sample."
}

func wasOf(n int) string {
	switch n {
	case 0:
		return "was none"
	case 1:
		return "was 1"
	}
	return "were " + unit.Count(float64(n))
}
