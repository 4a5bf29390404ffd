// Package labelled makes series of a process's memory of which it is known whether they leak, for tests of the leak verdict
// and for the tables of its documentation. A seed gives the same series for ever.
//
// It is a model, not a recording: a live set with a shape and its own noise, a collector that starts when the heap has
// doubled or two minutes have passed, and an allocator that gives memory back late or never. It leaves out what has no
// say in the verdict (threads, page sizes, the kernel). Tests with real programs stand beside it, not below it.
package labelled

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/alloc-dev/heaptop/sampler"
)

// How a series is watched unless a Watch says otherwise: an hour, every five seconds.
const (
	Duration = time.Hour
	Interval = 5 * time.Second
)

// Series is one process watched, and the truth about it.
type Series struct {
	Live, RSS []sampler.Point // bytes
	Load      []sampler.Point // allocation rate, bytes per second
	Started   time.Time       // of the first process
	Restarts  []time.Time     // it was replaced
	LeaksLive bool            // the live heap grows for good
	LeaksRSS  bool            // RSS does
	Steady    bool            // it leaks at one rate all the time
	PerHour   float64         // that rate, bytes per hour
	Limit     float64         // memory the process may have, bytes
}

// Make makes series number seed of a kind.
func Make(k Kind, seed uint64) Series { return Watched(k, seed, Duration, Interval) }

// Watched makes a series that is watched for a time at an interval. The shape of a kind fills that time, whatever it is;
// leaks keep their rate.
func Watched(k Kind, seed uint64, duration, interval time.Duration) Series {
	h := uint64(14695981039346656037) // FNV-1a of the name: kinds do not share their randomness
	for _, c := range []byte(k.Name) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	r := rand.New(rand.NewPCG(h, seed))
	p := newPlan(r, duration.Seconds())
	k.draw(r, p)
	s := p.run(r, interval.Seconds())
	s.LeaksLive, s.LeaksRSS = k.Leak && !k.Native, k.Leak
	s.Steady, s.PerHour = k.Steady, p.rate*3600*p.level
	return s
}

// plan is a process as it was drawn. Its functions take seconds since the process began; sizes are shares of level.
type plan struct {
	total    float64 // seconds watched
	level    float64 // live set without anything special, bytes
	sigma    float64 // its noise, relative
	tau      float64 // memory of that, seconds
	churn    float64 // allocated per second at load 1, as a share of the level
	scavenge float64 // share of the spare memory given back per second, 0: never
	rate     float64 // leak per second, as a share of the level
	restarts []float64
	bursts   []burst

	shape  func(t float64) float64 // live set
	native func(t float64) float64 // memory outside of the Go heap
	load   func(t float64) float64 // since the first process began
}

type burst struct{ from, to, height float64 }

func newPlan(r *rand.Rand, total float64) *plan {
	p := &plan{
		total: total,
		level: between(r, 20e6, 2e9),
		sigma: between(r, 0.003, 0.05),
		tau:   between(r, 10, 900),
		churn: between(r, 0.02, 0.4),
	}
	if r.IntN(2) == 0 {
		p.scavenge = between(r, 0.002, 0.05)
	}
	p.shape = func(float64) float64 { return 1 }
	p.native = func(float64) float64 { return 0 }
	slow, phase := between(r, 600, 3600), r.Float64()
	p.load = func(t float64) float64 { return 1 + 0.2*math.Sin(2*math.Pi*(t/slow+phase)) }
	return p
}

// between draws between low and high, evenly on a logarithmic scale.
func between(r *rand.Rand, low, high float64) float64 {
	return low * math.Exp(r.Float64()*math.Log(high/low))
}

// even draws between low and high.
func even(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// process is the state of a run.
type process struct {
	born      float64
	noise     float64
	marked    float64 // found live by the last collection
	allocated float64 // since then
	collected float64 // when that was
	resident  float64 // memory of the heap that the system has given
}

func (p *plan) run(r *rand.Rand, interval float64) Series {
	const step = 0.5
	const startUp = 8 // seconds in which a process builds up its live set
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(t float64) time.Time { return start.Add(time.Duration(t * float64(time.Second))) }
	s := Series{Started: start, Limit: 2 * 2.4 * p.level}
	phi := math.Exp(-step / p.tau)
	now := process{noise: r.NormFloat64()}
	restarts := p.restarts
	next := 0.0
	for t := 0.0; t <= p.total; t += step {
		if len(restarts) > 0 && t >= restarts[0] {
			now, restarts = process{born: t, noise: now.noise}, restarts[1:]
			s.Restarts = append(s.Restarts, at(t))
		}
		age := t - now.born
		now.noise = phi*now.noise + math.Sqrt(1-phi*phi)*r.NormFloat64()
		live := p.level * (p.shape(age) + p.burst(t) + p.sigma*now.noise) * (1 - 0.98*math.Exp(-age/startUp))
		now.advance(p, live, t, step)
		if t >= next {
			next += interval
			load := p.churn * p.level * p.load(t)
			point := func(v float64) sampler.Point { return sampler.Point{Time: at(t), Min: v, Max: v, Last: v} }
			s.Live = append(s.Live, point(now.marked))
			s.RSS = append(s.RSS, point(12e6+now.resident+p.level*(0.05+p.native(age))+4096*math.Floor(p.level*1e-8*r.NormFloat64())))
			s.Load = append(s.Load, point(load*(1+0.02*r.NormFloat64())))
		}
	}
	return s
}

func (p *plan) burst(t float64) float64 {
	sum := 0.0
	for _, b := range p.bursts {
		if t >= b.from && t < b.to {
			sum += b.height
		}
	}
	return sum
}

// advance lets the process allocate for one step, collect when its heap has doubled or two minutes have passed, and give
// memory back.
func (n *process) advance(p *plan, live, t, step float64) {
	const least = 4e6 // the smallest heap that is collected
	n.allocated += p.churn * p.level * p.load(t) * step
	inUse := math.Max(n.marked, live) + n.allocated
	goal := math.Max(2*n.marked, least)
	n.resident = math.Max(n.resident, 1.04*math.Min(inUse, math.Max(goal, live)))
	if inUse >= goal || t-n.collected >= 120 {
		n.marked, n.allocated, n.collected = live, 0, t
	}
	kept := 1.1 * math.Max(goal, inUse)
	n.resident -= p.scavenge * step * math.Max(n.resident-kept, 0)
}
