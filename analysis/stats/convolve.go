package stats

import "math"

// rankSums is a block's part of the distribution: the sums of all choices of so many of its ranks.
type rankSums struct {
	ranks []int
	take  int
}

// counted are the sums from offset on with the number of arrangements that have each.
type counted[N uint64 | float64] struct {
	offset int
	counts []N
}

// convolve counts for every sum in how many of all arrangements it occurs.
func convolve[N uint64 | float64](parts []rankSums) counted[N] {
	all := counted[N]{counts: []N{1}}
	for _, p := range parts {
		all = join(all, count[N](p))
	}
	return all
}

// count takes the ranks one by one; sums[j] has the sums of j ranks.
func count[N uint64 | float64](p rankSums) counted[N] {
	most, least := 0, math.MaxInt
	for _, r := range p.ranks {
		most, least = max(most, r), min(least, r)
	}
	span := (most - least) * p.take // each rank counts from the least
	width := span + 1
	sums := make([]N, (p.take+1)*width)
	sums[0] = 1
	for i, r := range p.ranks {
		r -= least
		for j := min(i+1, p.take); j >= 1; j-- {
			from, to := sums[(j-1)*width:j*width], sums[j*width:(j+1)*width]
			reach := (most-least)*(j-1) + 1
			for s, c := range from[:min(reach, width-r)] {
				if c != 0 {
					to[s+r] += c
				}
			}
		}
	}
	return counted[N]{offset: least * p.take, counts: sums[p.take*width:]}
}

func join[N uint64 | float64](a, b counted[N]) counted[N] {
	out := counted[N]{offset: a.offset + b.offset, counts: make([]N, len(a.counts)+len(b.counts)-1)}
	for s, c := range b.counts {
		if c == 0 {
			continue
		}
		for i, v := range a.counts {
			out.counts[s+i] += c * v
		}
	}
	return out
}

func tailsOf[N uint64 | float64](all counted[N], observed int) Tails {
	var total, upper, lower N
	for i, c := range all.counts {
		total += c
		if s := all.offset + i; s >= observed {
			upper += c
		}
		if s := all.offset + i; s <= observed {
			lower += c
		}
	}
	return Tails{Upper: float64(upper) / float64(total), Lower: float64(lower) / float64(total)}
}

// normalTails takes the exact mean and variance of the sum, and half a rank for continuity.
func normalTails(parts []rankSums, observed int) Tails {
	mean, variance := 0.0, 0.0
	for _, p := range parts {
		n, k := float64(len(p.ranks)), float64(p.take)
		sum, squares := 0.0, 0.0
		for _, r := range p.ranks {
			sum += float64(r)
			squares += float64(r) * float64(r)
		}
		mean += k * sum / n
		if n > 1 {
			variance += k * (n - k) / (n - 1) * (squares/n - sum/n*sum/n)
		}
	}
	if variance <= 0 {
		return Tails{Upper: 1, Lower: 1}
	}
	above := func(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
	sd := math.Sqrt(variance)
	return Tails{
		Upper: above((float64(observed) - mean - 1) / sd), // a rank is doubled, so half of one is 1
		Lower: above((mean - float64(observed) - 1) / sd),
	}
}
