package analysis

import (
	"math"
	"time"

	"github.com/alloc-dev/heaptop/analysis/profile"
	"github.com/alloc-dev/heaptop/sampler"
	"github.com/alloc-dev/heaptop/sampler/unit"
)

// Bound says what the seconds of a Lifetime are.
type Bound int

// The bounds.
const (
	LifetimeUnknown Bound = iota // nothing was allocated, or what is in use is not known
	LifetimeAbout                // an estimate of the average
	LifetimeBelow                // next to nothing of it was in use at a collection: it lives less than this
	LifetimeAbove                // next to nothing of it was freed: it lives longer than this
)

// Lifetime is how long what was allocated lives on average, weighted by bytes, by Little's law: what is in use, over what
// is allocated per second. The law holds for a program whose memory neither grows nor shrinks; where next to nothing is
// freed the figure is a lower bound. Where what is in use rests on a handful of samples it is an upper bound, with what
// they may be wrong by; without any, the time between two collections is.
type Lifetime struct {
	Seconds float64
	Bound   Bound
}

// String puts the lifetime in words: "about 12s", "below 3.1s", "above 10m"; "unknown" where it is.
func (l Lifetime) String() string {
	d := unit.Duration(time.Duration(min(l.Seconds, farthest.Seconds()) * float64(time.Second)))
	switch l.Bound {
	case LifetimeAbout:
		return "about " + d
	case LifetimeBelow:
		return "below " + d
	case LifetimeAbove:
		return "above " + d
	}
	return "unknown"
}

// keptShare is the part of what was allocated of which less was freed than that "nothing was freed" is said.
const keptShare = 0.05

// fewSamples is how many sampled objects are too few for an average: their uncertainty is as large as what they tell.
const fewSamples = profile.Deviations * profile.Deviations

// lifetime is what an estimate rests on.
type lifetime struct {
	inUse     float64         // bytes in use on average
	samples   int64           // what inUse rests on; 0 for a count
	allocated float64         // bytes, in seconds
	kept      float64         // how many more bytes were in use at the end
	noise     float64         // uncertainty of allocated
	seconds   float64         // the time all of that is about
	cycles    sampler.Reading // collections in that time
}

func (l lifetime) estimate() Lifetime {
	if l.allocated <= 0 || l.seconds <= 0 {
		return Lifetime{}
	}
	if l.inUse <= 0 {
		if !l.cycles.OK || l.cycles.Value < 1 {
			return Lifetime{}
		}
		return Lifetime{l.seconds / l.cycles.Value, LifetimeBelow}
	}
	out := Lifetime{l.inUse / (l.allocated / l.seconds), LifetimeAbout}
	if freed := l.allocated - l.kept; freed <= math.Min(math.Max(keptShare*l.allocated, l.noise), l.allocated/2) {
		out.Bound = LifetimeAbove
	} else if l.samples > 0 && l.samples <= fewSamples {
		out.Bound = LifetimeBelow
		out.Seconds *= 1 + profile.Deviations/math.Sqrt(float64(l.samples))
	}
	return out
}
