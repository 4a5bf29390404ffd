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
	*TraceSite
	size    float64 // bytes of an object on average
	appends float64 // bytes a second of it by append that grew a slice
	maps    float64 // bytes a second of it by maps that grew
}

// churns finds out what the sites allocated between the two profiles.
func (f *facts) churns() {
	if f.From.Heap == nil || f.To.Heap == nil {
		return
	}
	t := TraceBetween(f.From, f.To)
	seconds := t.SitesTo.Sub(t.SitesFrom).Seconds()
	if t.Unchanged || seconds <= 0 {
		return
	}
	f.span = seconds
	before, now := growths(f.From.Heap), growths(f.To.Heap)
	for i := range t.Sites {
		c := churn{TraceSite: &t.Sites[i]}
		if c.Objects > 0 {
			c.size = c.Bytes / c.Objects
		}
		a, b := before[c.Frame], now[c.Frame]
		c.appends, c.maps = max(b.appends-a.appends, 0)/seconds, max(b.maps-a.maps, 0)/seconds
		f.churn = append(f.churn, c)
		f.total += c.BytesPerSec
	}
}

// growth is what a site allocated, since the program began, to let slices and maps grow.
type growth struct{ appends, maps float64 }

func growths(h *profile.Heap) map[sampler.Frame]growth {
	out := map[sampler.Frame]growth{}
	for i := range h.Sites {
		if s := &h.Sites[i]; s.AppendBytes > 0 || s.MapBytes > 0 {
			out[sampler.Frame{Function: s.Function, File: s.File, Line: s.Line}] = growth{s.AppendBytes, s.MapBytes}
		}
	}
	return out
}

// worth says whether so much of the allocation rate is worth a word: by the GC CPU that goes with it where that is known.
func (f *facts) worth(rate float64) (gcPercent float64, worth bool) {
	if f.total <= 0 || rate < leastRateGain*f.total {
		return 0, false
	}
	if !f.gc.CPUPercent.OK {
		return 0, rate >= leastRate
	}
	gcPercent = f.gc.CPUPercent.Value * rate / f.total
	return gcPercent, gcPercent >= leastGCPercent
}

// adviseShortLived looks for sites whose objects die at once.
func adviseShortLived(f *facts) []Finding {
	out := found("short_lived", Info, "")
	sum, percent, large := 0.0, 0.0, 0.0
	for _, c := range sorted(f.churn, (*churn).dropped) {
		rate := c.dropped()
		gc, worth := f.worth(rate)
		dies := c.Lifetime.Bound == LifetimeBelow || c.Lifetime.Bound == LifetimeAbout
		if !worth || !dies || c.Lifetime.Seconds > shortLife || c.Samples < enoughSamples || len(out.Sites) == mostAdvised {
			continue
		}
		sum += rate
		percent += gc
		if c.size >= pooledSize {
			large += rate
		}
		out.Sites = append(out.Sites, f.churnSite(&c))
	}
	if len(out.Sites) == 0 {
		return nil
	}
	f.gain(&out, sum, percent)
	out.Title = fmt.Sprintf("%s of what is allocated dies at once, and comes from %s", unit.Percent(sum/f.total), places(len(out.Sites)))
	how := "Small objects: values instead of pointers, one allocation for many, buffers that the caller hands in."
	if large >= sum/2 {
		how = "Objects of this size are worth a sync.Pool, or a buffer that is kept and used again."
	}
	out.Advice = how + gainWords(percent, "All of it gone") + " The price is code, and that what is kept for use again stays in memory."
	return []Finding{out}
}

// adviseGrowing looks for slices and maps that are allocated anew each time they grow.
func adviseGrowing(f *facts) []Finding {
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
		for _, c := range sorted(f.churn, kind.rate) {
			rate := kind.rate(&c)
			if rate <= 0 || len(finding.Sites) == mostAdvised {
				break
			}
			gc, worth := f.worth(rate)
			if !worth || c.Samples < enoughSamples {
				continue
			}
			sum += rate
			percent += gc
			finding.Sites = append(finding.Sites, f.churnSite(&c))
		}
		if len(finding.Sites) == 0 {
			continue
		}
		f.gain(&finding, sum, percent)
		finding.Title = fmt.Sprintf("%s of what is allocated is %s, at %s", unit.Percent(sum/f.total), kind.what, places(len(finding.Sites)))
		finding.Advice = kind.advice + gainWords(percent/2, "Half of it gone")
		out = append(out, finding)
	}
	return out
}

// appending is what a site allocates by growing slices. What the standard library grows is seen by the name of its
// function; append itself only where the profile tells which function of the runtime allocated.
func (c *churn) appending() float64 {
	for _, name := range []string{"bytes.growSlice", "strings.(*Builder).grow", "slices.Grow"} {
		if strings.HasPrefix(c.Frame.Function, name) {
			return c.BytesPerSec
		}
	}
	return c.appends
}

// dropped is what a site allocates and is no growth, which has advice of its own.
func (c *churn) dropped() float64 { return max(c.BytesPerSec-c.appending()-c.maps, 0) }

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
func (f *facts) gain(out *Finding, rate, percent float64) {
	out.Evidence["alloc_bytes_per_second"], out.Evidence["share_percent"] = rate, 100*rate/f.total
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

// churnSite is a site with what it allocates. The share is of the allocation rate.
func (f *facts) churnSite(c *churn) FoundSite {
	s := garbageSite(c.TraceSite, f.span)
	s.SharePercent = partOf(c.BytesPerSec, f.total)
	if own, ok := callerOf(c.Stack); ok {
		s.Site += " for " + SiteName(own.Function, own.File, own.Line)
	}
	return s
}

// callerOf is the program's own line that a line of a library worked for.
func callerOf(stack []sampler.Frame) (sampler.Frame, bool) {
	for i, frame := range stack {
		if profile.PassesOwn(stack[i : i+1]) {
			return frame, i > 0
		}
	}
	return sampler.Frame{}, false
}
