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
	Load     []sampler.Point // what may explain the series: allocation rate, CPU or a work counter's rate; nil: none
	Material float64         // growth below this share of the level per hour is not called growth; 0 means 0.03
	Live     bool            // the series is judged again and again while it grows longer: growth must be found at every look over its last 40 %
}

func (o LeakOptions) material() float64 {
	if o.Material > 0 {
		return o.Material
	}
	return growthMaterial
}

// Leak is the verdict over one series, with its evidence. All numbers are finite.
type Leak struct {
	Verdict   LeakVerdict
	PerHour   float64         // estimated rate, units of the series per hour; valid when Judged, as are Low and High
	Low, High float64         // its 95 % interval
	Judged    bool            // false when the series is insufficient
	First     float64         // the floor at the beginning of what is judged: the newest process, without its start
	Last      float64         // the floor at its end
	Level     float64         // mean of the floors
	Score     float64         // the evidence: Structure + Trend + Size; 10 is called growth when Lasting and Certain
	Structure float64         // at most 5: how much better an unbounded shape explains the series than any bounded one
	Trend     float64         // at most 9: score of the trend test
	Size      float64         // at most 6: growth relative to the level
	Lasting   bool            // the last third carries on with the growth
	Certain   bool            // Low is more than a trifle, two thirds of what is material
	Excluded  bool            // of a flat one: it is certain that it does not grow by its own level an hour, or by more
	Span      time.Duration   // watched, from the first point to the last
	Needed    sampler.Reading // seconds more that would decide if all goes on as it did; not known when nothing can be said
	Reason    string          // in words: "still settling; 12 more minutes would decide"
	Shape     string          // the best model in words: "a straight line", "filling to a cap"
}

const (
	leakScore   = 10.0 // evidence from which on growth is certain enough
	leakDoubt   = 6.0  // and below which there is none worth mentioning
	maxBayes    = 5.0  // the most that the shape adds to the score
	leastBayes  = -3.0 // and the most that it takes away
	shapeMisfit = 2e-3 // of the level: what no model of a shape is expected to explain
)

// JudgeLeak judges whether a series grows for good: the live heap after each collection, RSS, goroutines, descriptors.
// Points must ascend in time; 240 over the time to be judged are enough and 60 of one process the least. It is a pure
// function, safe for concurrent use, and takes about 2 ms, and up to ten times that where it looks back or ahead.
//
// The series is split where the process was replaced and its start left out. Each part is reduced to block minima, which a
// sawtooth of collections and bursts leave alone. Three witnesses give evidence: how much better a shape without an end
// explains them than any with one (Structure), a trend test of what remains once load is taken out and a head steeper
// than the rest is cut (Trend), and how much was gained (Size). Their sum is called growing only if the last third
// carries on and the rate is certain to be more than a trifle; evidence of growth that does not carry on is settling.
//
// A series that is judged again and again gets many chances of a false alarm: with LeakOptions.Live, growth must have been
// found at every look over the last 40 % of the time as well.
//
// A cache that fills cannot be told from a leak while it fills. The verdict is withdrawn when it stays.
func JudgeLeak(points []sampler.Point, o LeakOptions) Leak {
	points = finitePoints(points)
	var l Leak
	if len(points) > 0 {
		l.Span = points[len(points)-1].Time.Sub(points[0].Time)
	}
	e, reason, more := look(points, o)
	if reason != "" {
		l.Verdict, l.Reason = LeakInsufficient, reason
		if more > 0 {
			l.Needed = sampler.Known(more.Seconds())
		}
		return l
	}
	l.Judged = true
	l.Structure, l.Trend, l.Size = e.structure, e.trend, e.size
	l.Lasting, l.Certain = e.lasting, e.certain
	l.Score = e.score()
	y := e.judged.floors.y
	l.First, l.Last, l.Level = y[0], y[len(y)-1], e.judged.floors.level()
	l.PerHour, l.Low, l.High = e.perHour, e.low, e.high
	l.Shape = e.judged.words()
	l.Verdict = e.verdict()
	if l.Verdict == LeakGrowing && o.Live && !persistent(points, o) {
		l.Verdict = LeakInconclusive
	}
	l.Excluded = l.Verdict == LeakFlat && (l.High <= 0 || l.High < l.Level)
	if l.Verdict == LeakSettling || l.Verdict == LeakInconclusive {
		l.Needed = lookAhead(points, o, e, l.Verdict)
	}
	l.Reason = l.words()
	return l
}

// verdict is that of one look, before its persistence is asked for.
func (e evidence) verdict() LeakVerdict {
	switch {
	case e.score() >= leakScore && !e.lasting:
		return LeakSettling
	case e.score() >= leakScore && e.certain:
		return LeakGrowing
	case e.score() >= leakDoubt && e.lasting:
		return LeakInconclusive
	}
	return LeakFlat
}

// persistent looks back: each look over the last 40 % of the time must have found growth, as it would have been judged then.
func persistent(points []sampler.Point, o LeakOptions) bool {
	for _, share := range looks() {
		e, reason, _ := look(until(points, share), o)
		if reason != "" || e.verdict() != LeakGrowing {
			return false
		}
	}
	return true
}

// lookAhead returns how many seconds more would decide: the series goes on as its last third did, flat for one that
// settles and at the claimed rate for one that may grow, and is judged after some times. Two in a row must decide alike,
// and the later one counts: what goes on is not as regular as what is repeated here. At most the threefold of the time
// that was watched is looked at.
func lookAhead(points []sampler.Point, o LeakOptions, e evidence, now LeakVerdict) sampler.Reading {
	rate := 0.0
	if now == LeakInconclusive {
		rate = e.judged.trend.claimed
	}
	span := points[len(points)-1].Time.Sub(points[0].Time)
	before := now
	for _, share := range []float64{0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3} {
		more := time.Duration(share * float64(span))
		ahead := o
		ahead.Load = prolong(o.Load, more, 0, 0)
		longer := prolong(points, more, e.judged.trend.tail, rate)
		then := now
		if e, reason, _ := look(longer, ahead); reason == "" {
			then = e.verdict()
		}
		if then == LeakGrowing && o.Live && !persistent(longer, ahead) {
			then = LeakInconclusive
		}
		if then == before && (then == LeakGrowing || then == LeakFlat) {
			return sampler.Known(more.Seconds())
		}
		before = then
	}
	return sampler.Reading{}
}

// prolong repeats the last third of a series until more time has passed, with tail, its own slope per hour, taken out
// and another rate put in.
func prolong(points []sampler.Point, more time.Duration, tail, rate float64) []sampler.Point {
	if len(points) < 3 {
		return points
	}
	last := points[len(points)-1].Time
	third := max(last.Sub(points[0].Time)/3, 1)
	again := points[firstFrom(points, last.Add(-third)):]
	period := third + min(third, typicalGap(points))
	out := append(make([]sampler.Point, 0, len(points)+len(again)), points...)
	for shift := period; ; shift += period {
		for _, p := range again {
			t := p.Time.Add(shift)
			if t.Sub(last) > more {
				return out
			}
			change := tail*last.Sub(p.Time).Hours() + rate*t.Sub(last).Hours()
			out = append(out, sampler.Point{Time: t, Min: p.Min + change, Max: p.Max + change, Last: p.Last + change})
		}
	}
}

// UntilLimit is the time until a growing series has covered a distance, in seconds, as an interval. Low known and High
// unknown means "at least Low".
type UntilLimit struct{ Low, Mid, High sampler.Reading }

// Until returns when a series that goes on as it did has grown by distance, in the unit of the series: the distance over
// the rate and over both ends of its interval. An end of the interval at or below 0 never gets there, so its reading is
// unknown. All are unknown when the series was not judged or distance is no number; all are 0 when distance is not above 0.
func (l Leak) Until(distance float64) UntilLimit {
	if !l.Judged || math.IsNaN(distance) || math.IsInf(distance, 0) {
		return UntilLimit{}
	}
	after := func(perHour float64) sampler.Reading {
		if distance <= 0 {
			return sampler.Known(0)
		}
		seconds := distance / perHour * 3600
		if perHour <= 0 || math.IsInf(seconds, 0) {
			return sampler.Reading{}
		}
		return sampler.Known(seconds)
	}
	return UntilLimit{after(l.High), after(l.PerHour), after(l.Low)}
}
