package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/stats"
	"github.com/alloc-dev/heaptop/sampler"
)

// Growth is a verdict over one series: does it grow for good, and how fast.
type Growth struct {
	PerHour   float64       // estimated rate, units of the series per hour
	Low, High float64       // its 95 % interval
	Span      time.Duration // watched, from the first point to the last
	Level     float64       // mean of the floors that the rate is judged by
	Score     float64       // evidence: trend plus size; growthScore is the threshold; below 0 the end of the series does not rise
	OK        bool          // the series was long enough to be judged
	Growing   bool          // it grows, and has done so at every look over the last 40 % of the time
	Reason    string        // when !OK what is missing: "12 s watched, 1m04s needed"
}

const (
	growthSamples  = 60               // after the head is dropped
	growthSpan     = 60 * time.Second // and no less time than that
	growthBlocks   = 48               // floors at least, where there are as many samples
	growthFloors   = 24               // below that many the readings were too unevenly spaced
	growthHead     = 0.05             // of the series is dropped: what follows the start of watching
	growthScore    = 8.0              // what the evidence must reach
	growthTail     = 0.35             // of the claimed rate must be left in the last third
	growthMaterial = 0.03             // of the level per hour: slower growth is not called so
	maxWitness     = 9.0              // the most that the trend test adds to the score
	maxRelative    = 0.3              // growth beyond this share of the level adds nothing more
)

const unevenReadings = "readings are too unevenly spaced to judge"

// GrowthSince judges whether a series grows: the live heap after each collection, RSS, goroutines, descriptors. Points
// must ascend in time; 240 over the time to be judged are enough and 60 the least. What lies within 60 s of started (20 s
// in a series shorter than 5 minutes) is left out, and the first 5 % in any case. A zero time is a start that is not known.
//
// It is the cheap form of the leak test, made for every tick: block minima (the floors, which a sawtooth of collections
// and bursts leave alone), outliers clipped, a head steeper than the rest cut, then the Mann-Kendall score of what remains
// plus 20 times its relative growth. It fits no model of warm-up, period or load. A cache that fills looks like a leak
// while it fills, and the verdict is withdrawn when it stays. Growth that stopped in the last third is none.
func GrowthSince(points []sampler.Point, started time.Time) Growth {
	points = finitePoints(points)
	var g Growth
	if len(points) > 0 {
		g.Span = points[len(points)-1].Time.Sub(points[0].Time)
	}
	kept := dropHead(points, started, g.Span)
	if reason, _ := tooShort(points, kept, started, g.Span); reason != "" {
		g.Reason = reason
		return g
	}
	f := floorsOf(kept)
	if len(f.y) < growthFloors {
		g.Reason = unevenReadings
		return g
	}
	g.OK = true
	g.Level = f.level()
	g.Score = f.score()
	g.Growing = g.Score >= growthScore && persists(kept)
	g.PerHour, g.Low, g.High = f.rate()
	return g
}

// score returns the evidence for growth, -1 when the last third does not carry on.
func (f floors) score() float64 {
	if len(f.y) < 12 {
		return -1
	}
	level := f.level()
	t := f.trend(level)
	if !t.lasts(t.claimed, growthMaterial*level) {
		return -1
	}
	return math.Min(t.witness, maxWitness) + t.size
}

// persists looks back: the score must have been reached at every tenth over the last 40 % of the time, as it would have
// been judged then.
func persists(points []sampler.Point) bool {
	for _, share := range looks() {
		if floorsOf(until(points, share)).score() < growthScore {
			return false
		}
	}
	return true
}

func looks() []float64 { return []float64{0.6, 0.7, 0.8, 0.9} }

// rate returns the mean of the Theil-Sen and the least-squares slope without the head, and the union of their intervals.
func (f floors) rate() (perHour, low, high float64) {
	rest := f.withoutHead()
	line, ok := stats.Fit(rest.at, rest.y)
	if !ok {
		return 0, 0, 0
	}
	return rest.rateWith(line.Slope, line.SE)
}

// rateWith returns the mean of a slope and of the Theil-Sen slope of the floors, and the union of their intervals.
func (f floors) rateWith(slope, se float64) (perHour, low, high float64) {
	const quantile = 2.02 // of Student's t at about 40 degrees of freedom
	sen, ok := stats.TheilSen(f.at, f.y)
	if !ok {
		return 0, 0, 0
	}
	return (sen.Slope + slope) / 2, math.Min(sen.Low, slope-quantile*se), math.Max(sen.High, slope+quantile*se)
}
