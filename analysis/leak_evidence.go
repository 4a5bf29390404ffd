package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// evidence is what one look at a series gives.
type evidence struct {
	structure, trend, size float64
	lasting                bool // the last third carries on
	certain                bool // the rate is more than a trifle at the lower end of its interval
	judged                 part // the one that the rate and the end are judged by
	perHour, low, high     float64
}

func (e evidence) score() float64 { return e.structure + e.trend + e.size }

// part is the evidence of one process's stretch.
type part struct {
	span     time.Duration
	floors   floors // as they were read
	unloaded floors // without what load explains
	shapes   stats.Structure
	shaped   bool // shapes are there
	trend    trend
	bayes    float64
}

// look judges a series once. reason says why it cannot be judged, more how much longer would do.
func look(points []sampler.Point, o LeakOptions) (e evidence, reason string, more time.Duration) {
	if len(points) < 2 {
		reason, more = tooShort(points, nil, time.Time{}, 0)
		return e, reason, more
	}
	whole := points[len(points)-1].Time.Sub(points[0].Time)
	var parts []part
	for _, s := range stretches(points, o) {
		span := s.points[len(s.points)-1].Time.Sub(s.points[0].Time)
		kept := dropHead(s.points, s.started, span)
		if reason, more = tooShort(s.points, kept, s.started, span); reason != "" {
			continue
		}
		p, ok := judgePart(kept, o)
		if !ok {
			reason, more = unevenReadings, 0
			continue
		}
		p.span = span
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return e, reason, more
	}
	return join(parts, whole, o.material()), "", 0
}

// join adds up the evidence of all parts. The end is judged by the newest that covers a third of the time, else by the longest.
func join(parts []part, whole time.Duration, material float64) evidence {
	e := evidence{judged: parts[0]}
	witness := 0.0
	for i, p := range parts {
		e.structure += p.bayes
		witness += p.trend.witness
		if i > 0 && (p.span > e.judged.span || p.span >= whole/3) {
			e.judged = p
		}
	}
	e.structure = math.Min(e.structure, maxBayes)
	e.trend = math.Min(witness/math.Sqrt(float64(len(parts))), maxWitness)
	j := e.judged
	e.size = j.trend.size
	claimed := math.Abs(j.trend.claimed)
	if j.shaped {
		claimed = math.Max(claimed, j.shapes.Unbounded.Slope)
	}
	e.lasting = j.trend.lasts(claimed, material*j.floors.level())
	e.perHour, e.low, e.high = j.rate()
	e.certain = e.low > trifle(material, j.floors.level())
	return e
}

// trifle is the rate per hour below which growth does not count, however certain it is.
func trifle(material, level float64) float64 { return material * 2 / 3 * level }

func judgePart(kept []sampler.Point, o LeakOptions) (p part, ok bool) {
	p.floors = floorsOf(kept)
	if len(p.floors.y) < growthFloors {
		return p, false
	}
	p.unloaded = p.floors
	p.shapes, p.shaped = stats.CompareShapes(p.floors.at, p.floors.y, loadOf(kept, o.Load), shapeMisfit)
	level := p.floors.level()
	if p.shaped {
		p.unloaded.y = p.shapes.Unloaded
		p.bayes = p.shapes.LogBayes
		if p.bayes > 0 && p.shapes.Unbounded.Slope < trifle(o.material(), level) {
			p.bayes = 0
		}
		p.bayes = math.Min(math.Max(p.bayes, leastBayes), 50)
	}
	p.trend = p.unloaded.trend(level)
	return p, true
}

// rate returns the slope per hour and its interval, from the pairs of floors and from the best unbounded shape where
// that explains more than the bounded ones, else from a straight line.
func (p part) rate() (perHour, low, high float64) {
	if p.shaped && p.shapes.LogBayes > 0 {
		return p.trend.rest.rateWith(p.shapes.Slope, p.shapes.SE)
	}
	return p.unloaded.rate()
}
