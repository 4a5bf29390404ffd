package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// LeakVerdict says what a series does.
type LeakVerdict string

// The verdicts of JudgeLeak.
const (
	LeakGrowing      LeakVerdict = "growing"      // it grows and goes on growing: a leak, or a cache that is still filling
	LeakFlat         LeakVerdict = "flat"         // nothing speaks for growth
	LeakSettling     LeakVerdict = "settling"     // it has grown, but its end does not carry on
	LeakInconclusive LeakVerdict = "inconclusive" // some evidence, not enough
	LeakInsufficient LeakVerdict = "insufficient" // watched too briefly to judge
)

// LeakOptions is what is known besides the series. The zero value is usable.
type LeakOptions struct {
	Started  time.Time       // of the process; zero: unknown
	Restarts []time.Time     // the series is split there
	Load     []sampler.Point // what may explain the series: allocation rate, CPU or a work counter; nil: none
	Material float64         // growth below this share of the level per hour is not called growth; 0 means 0.03
}

// Leak is the verdict over one series, with its evidence.
type Leak struct {
	Verdict   LeakVerdict
	PerHour   float64 // estimated rate, units of the series per hour; valid when Judged, as are Low and High
	Low, High float64 // its 95 % interval
	Judged    bool    // false when the series is insufficient
	First     float64 // the floor at the beginning of what is judged
	Last      float64 // and at its end
	Level     float64 // mean of the floors
	Score     float64 // the evidence: Structure + Trend + Size; 10 is called growth when the last third carries on
	Structure float64 // up to 5: how much better an unbounded shape explains the series than any bounded one
	Trend     float64 // up to 9: score of the trend test
	Size      float64 // up to 6: growth relative to the level
	Span      time.Duration
	Needed    sampler.Reading // seconds more that would decide; not known when nothing could be said
	Reason    string          // in words: "still settling; 12 more minutes would decide"
	Shape     string          // the best model in words: "a straight line", "filling to a cap"
}

// JudgeLeak judges whether a series grows for good.
func JudgeLeak(points []sampler.Point, o LeakOptions) Leak {
	g := GrowthSince(points, o.Started)
	l := Leak{
		Verdict: LeakInsufficient, PerHour: g.PerHour, Low: g.Low, High: g.High, Judged: g.OK, Level: g.Level,
		Score: g.Score, Span: g.Span, Reason: g.Reason,
	}
	switch {
	case !g.OK:
	case g.Growing:
		l.Verdict, l.Reason = LeakGrowing, "it grows"
	default:
		l.Verdict, l.Reason = LeakFlat, "it does not grow"
	}
	return l
}

// UntilLimit is the time until a growing series has covered a distance, in seconds, as an interval. Low known and High
// unknown means "at least Low".
type UntilLimit struct{ Low, Mid, High sampler.Reading }

// Until returns when a series that goes on as it did has grown by distance, in the unit of the series: the distance over
// the rate and over both ends of its interval. An end of the interval at or below 0 never gets there, so the reading of it is
// unknown. All are unknown when the series was not judged or distance is no number; all are 0 when distance is not above 0.
func (l Leak) Until(distance float64) UntilLimit {
	if !l.Judged || math.IsNaN(distance) || math.IsInf(distance, 0) {
		return UntilLimit{}
	}
	after := func(perHour float64) sampler.Reading {
		seconds := math.Max(distance, 0) / perHour * 3600
		if distance > 0 && (perHour <= 0 || math.IsInf(seconds, 0)) {
			return sampler.Reading{}
		}
		if distance <= 0 {
			seconds = 0
		}
		return sampler.Known(seconds)
	}
	return UntilLimit{after(l.High), after(l.PerHour), after(l.Low)}
}
