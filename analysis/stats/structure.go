package stats

import (
	"math"
	"slices"
)

// Term is one ingredient of a Shape.
type Term int

// The terms that CompareShapes tries. Straight, Onset and Stairs have no end; the others have.
const (
	Warmup   Term = iota + 1 // 1 - exp(-x/at), rising
	Fill                     // min(x, at), rising
	Step                     // 0 before at and 1 from there on, up or down
	Period                   // sine and cosine of period at
	Load                     // the load that was given
	Straight                 // x, rising
	Onset                    // max(x - at, 0), rising
	Stairs                   // four to six steps, all upwards; at is the last
)

// Part is a Term and where it lies: At is a share of the whole time, 0 for Straight and Load.
type Part struct {
	Term Term
	At   float64
}

// Shape is a model of a series: a constant plus its Parts, with errors of the first autoregressive order.
type Shape struct {
	Parts []Part
	BIC   float64
	Phi   float64 // correlation of an error with the one before
	Slope float64 // of Straight or Onset, or the height of all Stairs over the whole time; units of y per unit of x
	SE    float64 // its standard error
}

// Structure compares the best shape with an end to the best one without.
type Structure struct {
	Bounded, Unbounded Shape
	LogBayes           float64   // half of the gap between their BIC: above 0 the unbounded one explains more
	Slope, SE          float64   // of all unbounded shapes, each by its weight (exp(-BIC/2)), with what they differ by; per unit of x
	Unloaded           []float64 // y without what load explains under the unbounded shape; y itself where load explains nothing
}

// CompareShapes asks whether a series is better explained by shapes that end (constant, warm-up, fill then flat, one or two
// steps, their combinations, periodic, driven by load) or by the same with growth that does not (a line, one that begins
// late, a staircase). Each is fitted by generalised least squares for errors of the first autoregressive order, and judged
// by Schwarz's criterion (1978), which charges for every parameter.
//
// x must ascend and y stand at about equal distances. load is nil or has a value for each y. misfit is what no model is
// expected to explain, as a share of the mean of |y|: it keeps series without noise from deciding on trifles. ok is false
// for fewer than 16 or more than 512 values, and when all are 0. The time grows with the square of the number of values:
// about 2 ms for 48.
func CompareShapes(x, y, load []float64, misfit float64) (s Structure, ok bool) {
	n := len(y)
	scale := meanAbs(y)
	if n < 16 || n > maxPoints || len(x) != n || scale == 0 || x[n-1] <= x[0] {
		return Structure{}, false
	}
	span := x[n-1] - x[0]
	relative := make([]float64, n)
	at := make([]float64, n)
	for i := range y {
		relative[i] = y[i] / scale
		at[i] = (x[i] - x[0]) / span
	}
	b := newBasis(at, relative, load)
	c := contest{basis: b}
	c.bounded.bic, c.unbounded.bic = math.Inf(1), math.Inf(1)
	c.unbounded.average = &slopes{}
	for _, phi := range correlations() {
		c.eq = b.equations(phi, misfit)
		c.run()
	}
	if c.bounded.model.n == 0 || c.unbounded.model.n == 0 {
		return Structure{}, false
	}
	s.LogBayes = (c.bounded.bic - c.unbounded.bic) / 2
	s.Bounded, _ = b.describe(c.bounded, misfit, scale/span)
	var beta [maxColumns]float64
	s.Unbounded, beta = b.describe(c.unbounded, misfit, scale/span)
	s.Slope, s.SE = c.unbounded.average.result()
	s.Slope, s.SE = s.Slope*scale/span, s.SE*scale/span
	s.Unloaded = slices.Clone(y)
	for i, column := range c.unbounded.model.used() {
		if b.parts[column].Term == Load {
			for t := range s.Unloaded {
				s.Unloaded[t] -= scale * beta[i] * b.values[column][t]
			}
		}
	}
	return s, true
}

func correlations() []float64 { return []float64{0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.96} }

// loadPrice counts as that many parameters: any load explains a little of any series, so that it must explain much.
const loadPrice = 3

// contest looks for the best bounded and the best unbounded model under one correlation after the other.
type contest struct {
	basis              *basis
	eq                 *equations
	bounded, unbounded best
}

// best is the best model so far.
type best struct {
	bic, phi float64
	model    model
	average  *slopes // over all models, nil where nobody asks
}

// slopes averages the slopes of models by their weight (Hoeting and others, 1999).
type slopes struct{ bic, weight, sum, squares float64 }

// negligible is the difference in BIC from which on a model has no weight to speak of.
const negligible = 14

func (a *slopes) add(bic, slope, se float64) {
	switch {
	case a.weight == 0:
		a.bic = bic
	case bic < a.bic:
		f := math.Exp((bic - a.bic) / 2)
		a.weight, a.sum, a.squares, a.bic = a.weight*f, a.sum*f, a.squares*f, bic
	}
	w := math.Exp((a.bic - bic) / 2)
	a.weight += w
	a.sum += w * slope
	a.squares += w * (slope*slope + se*se)
}

func (a *slopes) result() (slope, se float64) {
	if a.weight == 0 {
		return 0, 0
	}
	slope = a.sum / a.weight
	return slope, math.Sqrt(math.Max(a.squares/a.weight-slope*slope, 0))
}

func (c *contest) run() {
	b := c.basis
	if len(b.stairs) > 0 {
		m := model{}.with(constant, false, 0)
		for _, s := range b.stairs {
			m = m.with(s, true, 1)
		}
		c.offer(&c.unbounded, m)
	}
	flat := model{}.with(constant, false, 0)
	c.family(&c.bounded, flat)
	c.family(&c.unbounded, flat.with(line, true, 0))
	c.onsets(flat)
	if b.load > 0 {
		flat = flat.with(b.load, false, loadPrice)
		c.family(&c.bounded, flat)
		c.family(&c.unbounded, flat.with(line, true, 0))
		c.onsets(flat)
	}
}

// offer fits a model, keeps it when it is the best and returns its BIC, an infinity when it does not fit.
func (c *contest) offer(to *best, m model) float64 {
	bic, explained := c.eq.fit(&m)
	if to.average != nil && bic < to.bic+negligible {
		slope, se := c.basis.slope(c.eq, &m, explained)
		to.average.add(bic, slope, se)
	}
	if bic < to.bic {
		to.bic, to.phi, to.model = bic, c.eq.phi, m
	}
	return bic
}

// family tries a base with all shapes, and with all shapes under the period that suits it best.
func (c *contest) family(to *best, base model) {
	shaped := c.shapes(to, base)
	least, at := math.Inf(1), -1
	for i, p := range c.basis.periods {
		for _, m := range []model{shaped, base} {
			if bic := c.offer(to, m.period(p)); bic < least {
				least, at = bic, i
			}
		}
	}
	if at >= 0 {
		c.shapes(to, base.period(c.basis.periods[at]))
	}
}

// shapes tries a base with warm-ups, fills, steps and pairs of them, and returns the best of these.
func (c *contest) shapes(to *best, base model) model {
	b := c.basis
	top := best{bic: math.Inf(1)}
	try := func(m model) float64 {
		bic := c.offer(to, m)
		if bic < top.bic {
			top = best{bic: bic, model: m}
		}
		return bic
	}
	try(base)
	for _, w := range b.warmups {
		try(base.with(w, true, 1))
	}
	if fill := least(b.fills, func(f int) float64 { return try(base.with(f, true, 1)) }); fill > 0 {
		for _, w := range b.warmups {
			try(base.with(w, true, 1).with(fill, false, 1))
		}
		for _, s := range b.steps {
			try(base.with(fill, true, 1).with(s, false, 1))
		}
	}
	step := least(b.steps, func(s int) float64 { return try(base.with(s, false, 1)) })
	if step == 0 {
		return top.model
	}
	for _, s := range b.steps {
		if s != step {
			try(base.with(step, false, 1).with(s, false, 1))
		}
	}
	for _, w := range append(slices.Clone(b.warmups), b.fills...) {
		try(base.with(w, true, 1).with(step, false, 1))
	}
	return top.model
}

// onsets tries growth that begins late, with one shape besides.
func (c *contest) onsets(base model) {
	b := c.basis
	for _, o := range b.onsets {
		m := base.with(o, true, 1)
		c.offer(&c.unbounded, m)
		for _, w := range b.warmups {
			c.offer(&c.unbounded, m.with(w, true, 1))
		}
		for _, f := range b.fills {
			c.offer(&c.unbounded, m.with(f, true, 1))
		}
	}
}

// least returns the column with the least score, 0 when none has a finite one.
func least(columns []int, score func(int) float64) int {
	low, at := math.Inf(1), 0
	for _, c := range columns {
		if v := score(c); v < low {
			low, at = v, c
		}
	}
	return at
}

func meanAbs(y []float64) float64 {
	sum := 0.0
	for _, v := range y {
		sum += math.Abs(v)
	}
	if len(y) == 0 {
		return 0
	}
	return sum / float64(len(y))
}
