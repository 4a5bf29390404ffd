package labelled

import (
	"math"
	"math/rand/v2"
)

// Kind is a way in which memory behaves.
type Kind struct {
	Name   string
	Leak   bool // memory grows for good
	Native bool // outside of the Go heap alone
	Steady bool // at one rate, so that a rate can be compared with it
	draw   func(r *rand.Rand, p *plan)
}

// Kinds lists 11 kinds without a leak and 16 with one.
func Kinds() []Kind { return append(bounded(), leaking()...) }

func bounded() []Kind {
	return []Kind{
		{Name: "flat", draw: func(*rand.Rand, *plan) {}},
		{Name: "strong noise", draw: strongNoise},
		{Name: "warm-up", draw: func(r *rand.Rand, p *plan) { p.shape = warmUp(r, p) }},
		{Name: "cache fills to its cap", draw: fills},
		{Name: "step", draw: func(r *rand.Rand, p *plan) { p.shape = step(r, p) }},
		{Name: "period", draw: periodic},
		{Name: "bursts", draw: bursty},
		{Name: "heap falls, RSS stays", draw: falls},
		{Name: "restarts", draw: func(r *rand.Rand, p *plan) { p.shape = warmUpIn(r, even(r, 0.01, 0.04)*p.total); restarts(r, p, 3) }},
		{Name: "doubling, then full", draw: doublesOnce},
		{Name: "warm-up with a period", draw: func(r *rand.Rand, p *plan) {
			warm := warmUp(r, p)
			periodic(r, p)
			p.shape = sum(warm, p.shape)
		}},
	}
}

func leaking() []Kind {
	linear := func(name string, perMinute float64) Kind {
		return Kind{Name: name, Leak: true, Steady: true, draw: func(_ *rand.Rand, p *plan) { p.leak(perMinute) }}
	}
	// over lets something else happen while a leak of 0.3 to 3 % a minute runs.
	over := func(name string, what func(r *rand.Rand, p *plan)) Kind {
		return Kind{Name: name, Leak: true, Steady: true, draw: func(r *rand.Rand, p *plan) {
			what(r, p)
			p.leak(usual(r))
		}}
	}
	return []Kind{
		linear("0.1 % a minute", 0.1), linear("0.3 % a minute", 0.3), linear("1 % a minute", 1), linear("3 % a minute", 3), linear("10 % a minute", 10),
		{Name: "late onset", Leak: true, draw: lateOnset},
		over("after a warm-up", func(r *rand.Rand, p *plan) { p.shape = warmUp(r, p) }),
		over("under a period", periodic),
		over("under bursts", bursty),
		over("under strong noise", strongNoise),
		over("across restarts", func(r *rand.Rand, p *plan) { restarts(r, p, 2) }),
		{Name: "grows by doubling", Leak: true, draw: doubles},
		{Name: "driven by load", Leak: true, draw: drivenByLoad},
		over("with a step", func(r *rand.Rand, p *plan) { p.shape = step(r, p) }),
		{Name: "quadratic", Leak: true, draw: func(r *rand.Rand, p *plan) {
			faster := usual(r) / 6000 / p.total
			p.shape = func(t float64) float64 { return 1 + faster*t*t }
		}},
		{Name: "native only", Leak: true, Native: true, Steady: true, draw: func(r *rand.Rand, p *plan) {
			p.rate = usual(r) / 6000
			p.native = func(t float64) float64 { return p.rate * t }
		}},
	}
}

// usual draws the rate of a leak that is not its kind's name, percent a minute.
func usual(r *rand.Rand) float64 { return between(r, 0.3, 3) }

// leak adds a line to the shape.
func (p *plan) leak(percentPerMinute float64) {
	p.rate = percentPerMinute / 6000
	shape := p.shape
	p.shape = func(t float64) float64 { return shape(t) + p.rate*t }
}

func sum(a, b func(float64) float64) func(float64) float64 {
	return func(t float64) float64 { return a(t) + b(t) - 1 }
}

func strongNoise(r *rand.Rand, p *plan) {
	p.sigma, p.tau = between(r, 0.03, 0.05), between(r, 300, 900)
}

func warmUp(r *rand.Rand, p *plan) func(float64) float64 {
	return warmUpIn(r, even(r, 0.03, 0.3)*p.total)
}

func warmUpIn(r *rand.Rand, tau float64) func(float64) float64 {
	share := even(r, 0.2, 0.6)
	return func(t float64) float64 { return 1 - share*math.Exp(-t/tau) }
}

func fills(r *rand.Rand, p *plan) {
	gain, full := even(r, 0.2, 1), even(r, 0.1, 0.75)*p.total
	p.shape = func(t float64) float64 { return 1 + gain*math.Min(t/full, 1) }
}

func step(r *rand.Rand, p *plan) func(float64) float64 {
	at, height := even(r, 0.15, 0.85)*p.total, even(r, 0.1, 0.5)
	return func(t float64) float64 {
		if t >= at {
			return 1 + height
		}
		return 1
	}
}

func periodic(r *rand.Rand, p *plan) {
	height, period, phase := even(r, 0.05, 0.2), even(r, 0.08, 0.5)*p.total, r.Float64()
	p.shape = func(t float64) float64 { return 1 + height*math.Sin(2*math.Pi*(t/period+phase)) }
}

// bursty lets requests come that hold memory for a while.
func bursty(r *rand.Rand, p *plan) {
	every := between(r, 60, 300)
	for t := r.ExpFloat64() * every; t < p.total; t += r.ExpFloat64() * every {
		p.bursts = append(p.bursts, burst{t, t + even(r, 5, 40), even(r, 0.2, 1)})
	}
}

// falls lets the live set shrink while the allocator keeps what it has.
func falls(r *rand.Rand, p *plan) {
	from, to, at := even(r, 1.3, 2), even(r, 0.6, 1), even(r, 0.1, 0.7)*p.total
	width := even(r, 0.02, 0.2) * p.total
	p.scavenge = 0
	p.shape = func(t float64) float64 { return to + (from-to)/(1+math.Exp((t-at)/width*4)) }
}

func restarts(r *rand.Rand, p *plan, most int) {
	n := 1 + r.IntN(most)
	for i := range n {
		p.restarts = append(p.restarts, (float64(i)+even(r, 0.6, 1.2))/float64(n+1)*p.total)
	}
}

// doublesOnce lets a table grow by doubling until all is in it.
func doublesOnce(r *rand.Rand, p *plan) {
	gain, full, doublings := even(r, 0.3, 1), even(r, 0.2, 0.6)*p.total, 2+r.IntN(3)
	p.shape = func(t float64) float64 {
		filled := math.Min(t/full, 1)
		capacity := math.Pow(2, -float64(doublings))
		for capacity < filled {
			capacity *= 2
		}
		return 1 + gain*capacity
	}
}

// doubles lets a slice grow without end: its capacity by a quarter at a time, as Go does it, or by half.
func doubles(r *rand.Rand, p *plan) {
	rate, first := usual(r)/6000, even(r, 0.02, 0.1)
	factor := 1.25
	if r.IntN(2) == 0 {
		factor = 1.5
	}
	p.shape = func(t float64) float64 {
		capacity := first
		for capacity < first+rate*t {
			capacity *= factor
		}
		return 1 + capacity
	}
}

func lateOnset(r *rand.Rand, p *plan) {
	rate, from := between(r, 0.5, 5)/6000, even(r, 0.2, 0.6)*p.total
	p.shape = func(t float64) float64 { return 1 + rate*math.Max(t-from, 0) }
}

// drivenByLoad leaks a share of what is allocated, and holds more while there is more to do.
func drivenByLoad(r *rand.Rand, p *plan) {
	rate, held := usual(r)/6000, even(r, 0, 0.1)
	height, period, phase := even(r, 0.2, 0.8), even(r, 0.1, 0.6)*p.total, r.Float64()
	p.load = func(t float64) float64 { return 1 + height*math.Sin(2*math.Pi*(t/period+phase)) }
	done := func(t float64) float64 { // the integral of load
		return t - height*period/(2*math.Pi)*math.Cos(2*math.Pi*(t/period+phase))
	}
	p.shape = func(t float64) float64 { return 1 + held*(p.load(t)-1) + rate*(done(t)-done(0)) }
}
