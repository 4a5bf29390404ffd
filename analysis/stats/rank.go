package stats

import (
	"math"
	"slices"
)

// MedianInterval returns the two order statistics between which the median of the distribution lies with at least the
// given probability, from the binomial distribution alone: whatever the values are distributed like, as long as they are
// independent. Where n is too small for that (five values reach 94 %), it returns the smallest and the largest value. It
// returns NaN when x is empty.
func MedianInterval(x []float64, coverage float64) (low, high float64) {
	n := len(x)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	a := slices.Clone(x)
	slices.Sort(a)
	tail := (1 - coverage) / 2
	below, k := 0.0, 0 // P(at most k-1 of n lie below the median)
	logHalf := float64(n) * math.Ln2
	for k < n/2 {
		whole, _ := math.Lgamma(float64(n + 1))
		left, _ := math.Lgamma(float64(k + 1))
		right, _ := math.Lgamma(float64(n - k + 1))
		below += math.Exp(whole - left - right - logHalf)
		if below > tail {
			break
		}
		k++
	}
	k = max(k-1, 0)
	return a[k], a[n-1-k]
}

// Ranks returns the doubled ranks of x in increasing order, from 2 on: doubled, so that the mean rank which equal values
// share is a whole number.
func Ranks(x []float64) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	out := make([]int, len(x))
	for i := 0; i < len(order); {
		j := i
		for j+1 < len(order) && x[order[j+1]] == x[order[i]] {
			j++
		}
		for _, k := range order[i : j+1] {
			out[k] = i + j + 2
		}
		i = j + 1
	}
	return out
}
