package analysis

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

const (
	shortLife     = 5.0 // seconds: what lives no longer could be used again
	enoughSamples = 16  // allocations that a rate rests on at least
	pooledSize    = 1 << 10
)

// churn is what a site allocated while the program was watched.
type churn struct {
	site    *profile.Site
	rate    float64 // bytes a second
	size    float64 // bytes of an object on average
	samples int64
	life    Lifetime
	appends float64 // bytes a second of it by append that grew a slice
	maps    float64 // bytes a second of it by maps that grew
}

// churns returns what the sites allocated between the two profiles, and the sum of all. Both are empty where there are
// not two profiles, or none of the collections between that publish allocations.
func (f *facts) churns() (list []churn, total float64) {
	if f.Heap == nil || f.HeapFrom == nil {
		return nil, 0
	}
	span := f.Heap.Time.Sub(f.HeapFrom.Time).Seconds()
	if span <= 0 {
		return nil, 0
	}
	before := make(map[string]*profile.Site, len(f.HeapFrom.Sites))
	for i := range f.HeapFrom.Sites {
		before[f.HeapFrom.Sites[i].Key()] = &f.HeapFrom.Sites[i]
	}
	for i := range f.Heap.Sites {
		now, old := &f.Heap.Sites[i], before[f.Heap.Sites[i].Key()]
		if old == nil {
			old = &profile.Site{}
		}
		bytes, objects := now.AllocBytes-old.AllocBytes, now.AllocObjects-old.AllocObjects
		if bytes <= 0 {
			continue
		}
		c := churn{site: now, rate: bytes / span, samples: now.AllocSamples - old.AllocSamples}
		c.appends, c.maps = max(now.AppendBytes-old.AppendBytes, 0)/span, max(now.MapBytes-old.MapBytes, 0)/span
		if objects > 0 {
			c.size = bytes / objects
		}
		c.life = lifetime{
			inUse: (now.InUseBytes + old.InUseBytes) / 2, samples: now.Samples, allocated: bytes, kept: now.InUseBytes - old.InUseBytes,
			seconds: span, cycles: f.whatIf.Cycles,
		}.estimate()
		total += c.rate
		list = append(list, c)
	}
	return list, total
}

// worth says whether so much of the allocation rate is worth a word: by the GC CPU that goes with it where that is known.
func (f *facts) worth(rate, total float64) (gcPercent float64, worth bool) {
	if total <= 0 || rate < leastRateGain*total {
		return 0, false
	}
	if !f.gc.CPUPercent.OK {
		return 0, rate >= leastRate
	}
	gcPercent = f.gc.CPUPercent.Value * rate / total
	return gcPercent, gcPercent >= leastGCPercent
}

// adviseShortLived looks for sites whose objects die at once.
func adviseShortLived(f *facts) []Finding {
	list, total := f.churns()
	out := found("short_lived", Info, "")
	sum, percent, large := 0.0, 0.0, 0.0
	for _, c := range sorted(list, (*churn).dropped) {
		rate := c.dropped()
		gc, worth := f.worth(rate, total)
		dies := c.life.Bound == LifetimeBelow || c.life.Bound == LifetimeAbout
		if !worth || !dies || c.life.Seconds > shortLife || c.samples < enoughSamples || len(out.Sites) == mostAdvised {
			continue
		}
		sum += rate
		percent += gc
		if c.size >= pooledSize {
			large += rate
		}
		out.Sites = append(out.Sites, f.churnSite(&c, total))
	}
	if len(out.Sites) == 0 {
		return nil
	}
	f.gain(&out, sum, total, percent)
	out.Title = fmt.Sprintf("%s of what is allocated dies at once, and comes from %s", unit.Percent(sum/total), places(len(out.Sites)))
	how := "Small objects: values instead of pointers, one allocation for many, buffers that the caller hands in."
	if large >= sum/2 {
		how = "Objects of this size are worth a sync.Pool, or a buffer that is kept and used again."
	}
	out.Advice = how + gainWords(percent, "All of it gone") + " The price is code, and that what is kept for use again stays in memory."
	return []Finding{out}
}

// adviseGrowing looks for slices and maps that are allocated anew each time they grow.
func adviseGrowing(f *facts) []Finding {
	list, total := f.churns()
	var out []Finding
	for _, kind := range []struct {
		analyzer, what, advice string
		rate                   func(*churn) float64
	}{
		{"append_growth", "by append that grows a slice",
			"Each growth allocates a larger array, copies, and drops the old one: all arrays together are at least twice the last one. make([]T, 0, n), slices.Grow, " +
				"or a slice that is kept and cut to [:0], leaves about half or less. The price is memory where n is guessed too high.",
			(*churn).appending},
		{"map_growth", "by maps that grow",
			"A map doubles its tables as it fills, and drops the old ones: all together are about twice the last. make(map[K]V, n) with the size that is expected, or " +
				"clear(m) to use it again, leaves about half or less. The price is memory where n is guessed too high.",
			func(c *churn) float64 { return c.maps }},
	} {
		finding := found(kind.analyzer, Info, "")
		sum, percent := 0.0, 0.0
		for _, c := range sorted(list, kind.rate) {
			rate := kind.rate(&c)
			if rate <= 0 || len(finding.Sites) == mostAdvised {
				break
			}
			gc, worth := f.worth(rate, total)
			if !worth || c.samples < enoughSamples {
				continue
			}
			sum += rate
			percent += gc
			finding.Sites = append(finding.Sites, f.churnSite(&c, total))
		}
		if len(finding.Sites) == 0 {
			continue
		}
		f.gain(&finding, sum, total, percent)
		finding.Title = fmt.Sprintf("%s of what is allocated is %s, at %s", unit.Percent(sum/total), kind.what, places(len(finding.Sites)))
		finding.Advice = kind.advice + gainWords(percent/2, "Half of it gone")
		out = append(out, finding)
	}
	return out
}

// appending is what a site allocates by growing slices. What the standard library grows is seen by the name of its
// function; append itself only where the profile tells which function of the runtime allocated.
func (c *churn) appending() float64 {
	for _, name := range []string{"bytes.growSlice", "strings.(*Builder).grow", "slices.Grow"} {
		if strings.HasPrefix(c.site.Function, name) {
			return c.rate
		}
	}
	return c.appends
}

// dropped is what a site allocates and is no growth, which has advice of its own.
func (c *churn) dropped() float64 { return max(c.rate-c.appending()-c.maps, 0) }

func sorted(list []churn, by func(*churn) float64) []churn {
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b churn) int { return cmp.Compare(by(&b), by(&a)) })
	return out
}

func places(n int) string {
	if n == 1 {
		return "one line"
	}
	return fmt.Sprintf("%d lines", n)
}

// gain is the evidence for advice about allocations.
func (f *facts) gain(out *Finding, rate, total, percent float64) {
	out.Evidence["alloc_bytes_per_second"], out.Evidence["share_percent"] = rate, 100*rate/total
	if f.gc.CPUPercent.OK {
		out.Evidence["gc_cpu_percent"], out.Evidence["gain_cpu_percent"] = f.gc.CPUPercent.Value, percent
	}
}

func gainWords(percent float64, when string) string {
	if percent <= 0 {
		return ""
	}
	return fmt.Sprintf(" %s saves about %s of the CPU in collections, and the time of allocating.", when, unit.Percent(percent/100))
}

func known(v float64) *float64 { return &v }

// churnSite is a site with what it allocates. The share is of the allocation rate.
func (f *facts) churnSite(c *churn, total float64) FoundSite {
	s := foundSite(c.site, f.Heap.TotalInUse, nil)
	s.SharePercent = partOf(c.rate, total)
	s.AllocPerSecond = known(c.rate)
	if c.life.Bound != LifetimeUnknown {
		s.LifetimeSeconds = known(c.life.Seconds)
		if c.life.Bound != LifetimeAbove {
			s.GarbagePerSecond = known(c.rate)
		}
	}
	s.Lifetime = c.life.String()
	if own, ok := callerOf(c.site); ok {
		s.Site += " for " + SiteName(own.Function, own.File, own.Line)
	}
	return s
}

// callerOf is the program's own line that a line of a library worked for.
func callerOf(s *profile.Site) (sampler.Frame, bool) {
	for i, frame := range s.Stack {
		if profile.PassesOwn(s.Stack[i : i+1]) {
			return frame, i > 0
		}
	}
	return sampler.Frame{}, false
}
