package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// whiten takes the correlation of neighbours out of a column, the long way.
func whiten(v []float64, phi float64) []float64 {
	out := make([]float64, len(v))
	out[0] = math.Sqrt(1-phi*phi) * v[0]
	for t := 1; t < len(v); t++ {
		out[t] = v[t] - phi*v[t-1]
	}
	return out
}

// invert is Gauss and Jordan's method.
func invert(a [][]float64) [][]float64 {
	n := len(a)
	for i := range a {
		a[i] = append(a[i], make([]float64, n)...)
		a[i][n+i] = 1
	}
	for i := range a {
		p := i
		for r := i; r < n; r++ {
			if math.Abs(a[r][i]) > math.Abs(a[p][i]) {
				p = r
			}
		}
		a[i], a[p] = a[p], a[i]
		d := a[i][i]
		for c := range a[i] {
			a[i][c] /= d
		}
		for r := range a {
			if f := a[r][i]; r != i {
				for c := range a[r] {
					a[r][c] -= f * a[i][c]
				}
			}
		}
	}
	for i := range a {
		a[i] = a[i][n:]
	}
	return a
}

func TestEquationsEqualWhitenedLeastSquares(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 40
	x, y, load := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = float64(i) / (n - 1)
		y[i] = 1 + x[i] + 0.1*r.NormFloat64()
		load[i] = 1 + r.Float64()
	}
	b := newBasis(x, y, load)
	for _, phi := range correlations() {
		e := b.equations(phi, 0)
		for range 20 {
			m := model{}.with(constant, false, 0).with(line, false, 0)
			for m.n < 3+r.IntN(3) {
				m = m.with(2+r.IntN(len(b.values)-2), false, 0)
			}
			explained, ok := e.solve(&m)
			if !ok {
				continue // two columns that are the same
			}
			columns := make([][]float64, m.n)
			for i, c := range m.used() {
				columns[i] = whiten(b.values[c], phi)
			}
			white := whiten(y, phi)
			gram := make([][]float64, m.n)
			for i := range gram {
				gram[i] = make([]float64, m.n)
				for j := range gram[i] {
					gram[i][j], _ = products(columns[i], columns[j])
				}
			}
			inverse := invert(gram)
			left := append([]float64(nil), white...)
			for i := range columns {
				beta := 0.0
				for j := range columns {
					with, _ := products(columns[j], white)
					beta += inverse[i][j] * with
				}
				if math.Abs(beta-e.beta[i]) > 1e-6*(1+math.Abs(beta)) {
					t.Fatalf("correlation %v, columns %v: coefficient %d is %v, want %v", phi, m.used(), i, e.beta[i], beta)
				}
				for k := range left {
					left[k] -= beta * columns[i][k]
				}
			}
			squares, _ := products(left, left)
			if math.Abs(e.left(explained)-squares) > 1e-8*(1+squares) {
				t.Fatalf("correlation %v: %v is left, want %v", phi, e.left(explained), squares)
			}
			want := math.Sqrt(inverse[1][1] * squares / (n - float64(m.n)))
			if got := e.errorOf(&m, 1, explained); math.Abs(got/want-1) > 1e-5 {
				t.Fatalf("correlation %v: standard error %v, want %v", phi, got, want)
			}
		}
	}
}
