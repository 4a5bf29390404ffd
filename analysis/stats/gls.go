package stats

import "math"

// model names the columns of a basis that it is made of.
type model struct {
	columns  [maxColumns]int
	n        int
	free     int    // parameters besides the coefficients: where a step lies, how long a warm-up takes
	positive uint16 // bit i: the coefficient of columns[i] must be above 0
}

func (m model) with(column int, positive bool, free int) model {
	if positive {
		m.positive |= 1 << m.n
	}
	m.columns[m.n] = column
	m.n++
	m.free += free
	return m
}

func (m model) period(p [2]int) model { return m.with(p[0], false, 0).with(p[1], false, 1) }

func (m *model) used() []int { return m.columns[:m.n] }

// equations are the normal equations of all columns under one correlation of neighbouring errors.
type equations struct {
	phi      float64
	products [][]float64 // lower triangle
	withY    []float64
	squares  float64
	misfit   float64 // added to the squares that remain
	logDet   float64
	n        float64
	lower    [maxColumns][maxColumns]float64
	z, beta  [maxColumns]float64
}

func (b *basis) equations(phi, misfit float64) *equations {
	n := len(b.y)
	m := len(b.values)
	e := &equations{phi: phi, n: float64(n), misfit: misfit * misfit * float64(n), logDet: math.Log(1 - phi*phi)}
	of := func(same, shifted float64, v, w []float64) float64 {
		return same + phi*phi*(same-v[0]*w[0]-v[n-1]*w[n-1]) - phi*shifted
	}
	e.products, e.withY = make([][]float64, m), make([]float64, m)
	cells := make([]float64, m*(m+1)/2)
	for i, c := range b.values {
		e.products[i], cells = cells[:i+1], cells[i+1:]
		for j := range i + 1 {
			e.products[i][j] = of(b.same[i][j], b.shifted[i][j], c, b.values[j])
		}
		e.withY[i] = of(b.sameY[i], b.shiftedY[i], c, b.y)
	}
	e.squares = of(b.squares, b.shiftedSquares, b.y, b.y)
	return e
}

func (e *equations) product(i, j int) float64 {
	if i < j {
		i, j = j, i
	}
	return e.products[i][j]
}

// fit solves for the coefficients and returns the BIC and the squares that are explained. The BIC is an infinity when the
// columns depend on each other or a coefficient that must be above 0 is not.
func (e *equations) fit(m *model) (bic, explained float64) {
	explained, ok := e.solve(m)
	if !ok {
		return math.Inf(1), 0
	}
	for i := range m.n {
		if m.positive&(1<<i) != 0 && e.beta[i] <= 0 {
			return math.Inf(1), 0
		}
	}
	parameters := float64(m.n + m.free + 2)
	return e.n*math.Log(e.left(explained)/e.n) - e.logDet + parameters*math.Log(e.n), explained
}

func (e *equations) left(explained float64) float64 {
	return math.Max(e.squares-explained, 0) + e.misfit
}

// solve factors the equations of the model by Cholesky's method, fills beta and returns the squares explained.
func (e *equations) solve(m *model) (explained float64, ok bool) {
	l := &e.lower
	for i := range m.n {
		for j := range i + 1 {
			s := e.product(m.columns[i], m.columns[j])
			for k := range j {
				s -= l[i][k] * l[j][k]
			}
			if i != j {
				l[i][j] = s / l[j][j]
				continue
			}
			if s <= 1e-10*e.products[m.columns[i]][m.columns[i]] || s <= 0 {
				return 0, false
			}
			l[i][i] = math.Sqrt(s)
		}
		s := e.withY[m.columns[i]]
		for k := range i {
			s -= l[i][k] * e.z[k]
		}
		e.z[i] = s / l[i][i]
		explained += e.z[i] * e.z[i]
	}
	for i := m.n - 1; i >= 0; i-- {
		s := e.z[i]
		for k := i + 1; k < m.n; k++ {
			s -= l[k][i] * e.beta[k]
		}
		e.beta[i] = s / l[i][i]
	}
	return explained, true
}

// errorOf returns the standard error of the coefficient at place i of the model solved last.
func (e *equations) errorOf(m *model, i int, explained float64) float64 {
	// The variance is the sum of squares of column i of the inverse of the factor.
	sum := 0.0
	var v [maxColumns]float64
	for r := i; r < m.n; r++ {
		s := 0.0
		if r == i {
			s = 1
		}
		for k := i; k < r; k++ {
			s -= e.lower[r][k] * v[k]
		}
		v[r] = s / e.lower[r][r]
		sum += v[r] * v[r]
	}
	return math.Sqrt(sum * e.left(explained) / math.Max(e.n-float64(m.n), 1))
}

// describe fits the best model once more and says what it is made of. perUnit turns a slope over the whole time into one
// per unit of x.
func (b *basis) describe(t best, misfit, perUnit float64) (s Shape, beta [maxColumns]float64) {
	e := b.equations(t.phi, misfit)
	m := t.model
	explained, ok := e.solve(&m)
	if !ok {
		return Shape{}, beta
	}
	s.BIC, s.Phi = t.bic, t.phi
	s.Slope, s.SE = b.slope(e, &m, explained)
	s.Slope, s.SE = s.Slope*perUnit, s.SE*perUnit
	for _, column := range m.used() {
		part := b.parts[column]
		last := len(s.Parts) - 1
		switch {
		case column == constant:
		case last >= 0 && s.Parts[last].Term == part.Term && (part.Term == Period || part.Term == Stairs):
			s.Parts[last] = part // a sine and its cosine, a stair and the next
		default:
			s.Parts = append(s.Parts, part)
		}
	}
	return s, e.beta
}

// slope returns the slope of the model solved last, over the whole time, and its standard error.
func (b *basis) slope(e *equations, m *model, explained float64) (slope, se float64) {
	height := 0.0
	for i, column := range m.used() {
		switch b.parts[column].Term {
		case Straight, Onset:
			return e.beta[i], e.errorOf(m, i, explained)
		case Stairs:
			height += e.beta[i]
		}
	}
	return height, height / math.Sqrt(float64(max(m.n-1, 1)))
}
