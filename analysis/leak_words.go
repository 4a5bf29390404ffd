package analysis

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// words says what was found and what would help.
func (l Leak) words() string {
	switch l.Verdict {
	case LeakGrowing:
		return "has grown throughout " + unit.Duration(l.Span.Round(time.Second)) + " and goes on; a cache that is still filling would look the same"
	case LeakSettling:
		return "still settling: it has grown, but not at the end; " + l.wouldDecide()
	case LeakInconclusive:
		if l.Score >= leakScore && !l.Certain {
			return "may be growing, but how fast is not certain; " + l.wouldDecide()
		}
		if l.Score >= leakScore {
			return "grows now, but has not done so for long enough; " + l.wouldDecide()
		}
		return "may be growing: the evidence is " + fmt.Sprintf("%.1f", l.Score) + " of 10; " + l.wouldDecide()
	}
	switch {
	case l.High <= 0:
		return "does not grow"
	case l.Excluded:
		return "no sign of growth; more than " + unit.Percent(l.High/l.Level) + " of its level an hour is excluded"
	}
	return "no sign of growth"
}

func (l Leak) wouldDecide() string {
	if !l.Needed.OK {
		return "more time may not decide it"
	}
	return moreTime(l.Needed) + " would decide"
}

// moreTime rounds up to what a person would say: "40 more seconds", "12 more minutes", "2.5 more hours".
func moreTime(r sampler.Reading) string {
	switch s := r.Value; {
	case s < 100:
		return fmt.Sprintf("%.0f more seconds", math.Max(math.Ceil(s/10)*10, 10))
	case s < 100*60:
		return fmt.Sprintf("%.0f more minutes", math.Ceil(s/60))
	default:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", math.Ceil(s/360)/10), ".0") + " more hours"
	}
}

// words names the shape that explains the part best.
func (p part) words() string {
	if !p.shaped {
		return "constant"
	}
	best := p.shapes.Bounded
	if p.shapes.LogBayes > 0 {
		best = p.shapes.Unbounded
	}
	if len(best.Parts) == 0 {
		return "constant"
	}
	var names []string
	for _, t := range []stats.Term{stats.Straight, stats.Onset, stats.Stairs, stats.Warmup, stats.Fill, stats.Step, stats.Period, stats.Load} {
		steps := 0
		for _, part := range best.Parts {
			if part.Term != t {
				continue
			}
			steps++
			if t == stats.Step && steps == 2 {
				names[len(names)-1] = "two steps"
				continue
			}
			names = append(names, p.name(part))
		}
	}
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func (p part) name(t stats.Part) string {
	x := p.floors.x
	hours := x[len(x)-1] - x[0]
	switch t.Term {
	case stats.Straight:
		return "a straight line"
	case stats.Onset:
		return "growth that began late"
	case stats.Stairs:
		return "a staircase"
	case stats.Warmup:
		return "a warm-up"
	case stats.Fill:
		return "filling to a cap"
	case stats.Step:
		return "a step"
	case stats.Period:
		return "a period of " + unit.Duration(time.Duration(t.At*hours*float64(time.Hour)).Round(time.Second))
	case stats.Load:
		return "driven by load"
	}
	return "unknown"
}
