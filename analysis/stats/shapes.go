package stats

import "math"

// The first two columns of every basis.
const (
	constant = 0
	line     = 1
)

// maxColumns is the most that a model has: a constant, a line, load, two shapes and a period, or a constant and six stairs.
const maxColumns = 8

// basis holds every column that a model may be made of: the values, what they are, and their indices by use.
type basis struct {
	values                        [][]float64
	parts                         []Part
	y                             []float64
	warmups, fills, steps, onsets []int
	periods                       [][2]int
	stairs                        []int
	load                          int // 0: none
	same, shifted                 [][]float64
	sameY, shiftedY               []float64
	squares, shiftedSquares       float64
}

// newBasis makes the columns for times x, which run from 0 to 1, and prepares their products.
func newBasis(x, y, load []float64) *basis {
	b := &basis{y: y}
	n := len(x)
	b.add(Part{}, x, func(float64) float64 { return 1 })
	b.add(Part{Term: Straight}, x, func(u float64) float64 { return u })
	for _, tau := range []float64{0.02, 0.04, 0.07, 0.11, 0.16, 0.23, 0.33} {
		b.warmups = append(b.warmups, b.add(Part{Warmup, tau}, x, func(u float64) float64 { return 1 - math.Exp(-u/tau) }))
	}
	for k := 1; k <= 8; k++ {
		at := float64(k) / 10
		b.fills = append(b.fills, b.add(Part{Fill, at}, x, func(u float64) float64 { return math.Min(u, at) }))
	}
	for i := 2; i <= n-3; i += 1 + n/48 {
		b.steps = append(b.steps, b.step(Step, x, i))
	}
	for k := 1; k <= 7; k++ {
		at := float64(k) / 10
		b.onsets = append(b.onsets, b.add(Part{Onset, at}, x, func(u float64) float64 { return math.Max(u-at, 0) }))
	}
	for p := 0.1; p <= 1.01; p *= 1.25 {
		b.periods = append(b.periods, [2]int{
			b.add(Part{Period, p}, x, func(u float64) float64 { return math.Sin(2 * math.Pi * u / p) }),
			b.add(Part{Period, p}, x, func(u float64) float64 { return math.Cos(2 * math.Pi * u / p) }),
		})
	}
	b.addLoad(load)
	for _, i := range staircase(y) {
		b.stairs = append(b.stairs, b.step(Stairs, x, i))
	}
	b.multiply()
	return b
}

func (b *basis) add(p Part, x []float64, f func(u float64) float64) int {
	c := make([]float64, len(x))
	for i, u := range x {
		c[i] = f(u)
	}
	b.values = append(b.values, c)
	b.parts = append(b.parts, p)
	return len(b.values) - 1
}

func (b *basis) step(t Term, x []float64, i int) int {
	at := x[i]
	return b.add(Part{t, at}, x, func(u float64) float64 {
		if u >= at {
			return 1
		}
		return 0
	})
}

func (b *basis) addLoad(load []float64) {
	scale := meanAbs(load)
	if len(load) != len(b.y) || scale == 0 {
		return
	}
	c := make([]float64, len(load))
	for i, v := range load {
		c[i] = v/scale - 1
	}
	b.values = append(b.values, c)
	b.parts = append(b.parts, Part{Term: Load})
	b.load = len(b.values) - 1
}

// multiply computes the products of all columns once. Under a correlation phi the first value of a column is scaled by
// sqrt(1-phi²) and every later one becomes v[t] - phi v[t-1], so that its products are sums of these.
func (b *basis) multiply() {
	m := len(b.values)
	b.same, b.shifted = make([][]float64, m), make([][]float64, m)
	b.sameY, b.shiftedY = make([]float64, m), make([]float64, m)
	for i, c := range b.values {
		b.same[i], b.shifted[i] = make([]float64, m), make([]float64, m)
		for j := range i + 1 {
			b.same[i][j], b.shifted[i][j] = products(c, b.values[j])
		}
		b.sameY[i], b.shiftedY[i] = products(c, b.y)
	}
	b.squares, b.shiftedSquares = products(b.y, b.y)
}

// products returns the sum of a[t] b[t] and that of a[t] b[t-1] + a[t-1] b[t].
func products(a, b []float64) (same, shifted float64) {
	b = b[:len(a)]
	beforeA, beforeB := 0.0, 0.0
	for t, v := range a {
		w := b[t]
		same += v * w
		shifted += v*beforeB + beforeA*w
		beforeA, beforeB = v, w
	}
	return same, shifted
}

// staircase returns where a series goes up in four to six steps that look unending: the last of them late and none of them
// more than half of the growth. It returns nil for any other series, one with a step down in particular.
func staircase(y []float64) []int {
	n := len(y)
	s := stairSearch{sums: make([]float64, n+1)}
	steps := make([]float64, n-1)
	for i := range steps {
		steps[i] = math.Abs(y[i+1] - y[i])
	}
	noise := Median(steps)/0.954 + 2e-4*meanAbs(y)
	s.least = 6 * noise * noise * math.Log(float64(n))
	for i, v := range y {
		s.sums[i+1] = s.sums[i] + v
	}
	s.split(0, n)
	if s.down || len(s.at) < 4 || len(s.at) > 6 || float64(s.at[len(s.at)-1]) <= 0.6*float64(n) {
		return nil
	}
	ends := append(append([]int{0}, s.at...), n)
	biggest := 0.0
	for i := 1; i+1 < len(ends); i++ {
		biggest = math.Max(biggest, s.mean(ends[i], ends[i+1])-s.mean(ends[i-1], ends[i]))
	}
	whole := s.mean(ends[len(ends)-2], n) - s.mean(0, ends[1])
	if whole <= 0 || biggest >= 0.55*whole {
		return nil
	}
	return s.at
}

// stairSearch splits a series where its mean changes most, and each half again, as long as it changes enough.
type stairSearch struct {
	sums  []float64
	least float64 // what a split must explain
	at    []int
	down  bool
}

func (s *stairSearch) mean(from, to int) float64 {
	return (s.sums[to] - s.sums[from]) / float64(to-from)
}

func (s *stairSearch) split(from, to int) {
	if to-from < 5 {
		return
	}
	gain, at, rise := 0.0, 0, 0.0
	for k := from + 2; k <= to-2; k++ {
		d := s.mean(k, to) - s.mean(from, k)
		if g := d * d * float64(k-from) * float64(to-k) / float64(to-from); g > gain {
			gain, at, rise = g, k, d
		}
	}
	if at == 0 || gain <= s.least {
		return
	}
	s.down = s.down || rise < 0
	s.split(from, at)
	s.at = append(s.at, at)
	s.split(at, to)
}
