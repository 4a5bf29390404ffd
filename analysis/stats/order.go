package stats

import (
	"math"
	"slices"
)

// Median returns the middle value of x, or the mean of the two middle values. It returns NaN when x is empty.
func Median(x []float64) float64 {
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	a := slices.Clone(x)
	return medianInPlace(a)
}

// Quantile returns the value below which the share q of x lies, 0 <= q <= 1, interpolated linearly between order
// statistics (R's type 7, what numpy and benchstat use). It returns NaN when x is empty; q beyond its range is taken as
// the nearer end.
func Quantile(x []float64, q float64) float64 {
	n := len(x)
	if n == 0 {
		return math.NaN()
	}
	a := slices.Clone(x)
	position := math.Min(math.Max(q, 0), 1) * float64(n-1)
	i := int(position)
	low := nth(a, i)
	if i+1 >= n || position == float64(i) {
		return low
	}
	high := slices.Min(a[i+1:]) // nth leaves the larger values behind i
	share := position - float64(i)
	return low*(1-share) + high*share
}

// Mean returns the arithmetic mean, NaN when x is empty.
func Mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

func medianInPlace(a []float64) float64 {
	n := len(a)
	upper := nth(a, n/2)
	if n%2 == 1 {
		return upper
	}
	lower := slices.Max(a[:n/2])
	return lower + (upper-lower)/2
}

// nth moves the value that sorting would put at place k there, smaller ones before it and larger ones behind it, and
// returns it (Hoare's selection, median of three as the pivot). It takes time in proportion to len(a) on average.
func nth(a []float64, k int) float64 {
	low, high := 0, len(a)-1
	for low < high {
		pivot := medianOfThree(a[low], a[low+(high-low)/2], a[high])
		i, j := low, high
		for i <= j {
			for a[i] < pivot {
				i++
			}
			for a[j] > pivot {
				j--
			}
			if i <= j {
				a[i], a[j] = a[j], a[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return a[k]
		}
	}
	return a[k]
}

func medianOfThree(a, b, c float64) float64 {
	return math.Max(math.Min(a, b), math.Min(math.Max(a, b), c))
}
