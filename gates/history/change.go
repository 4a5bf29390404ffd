package history

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/alloc-dev/heaptop/analysis/stats"
)

// How a change of level is judged. Of all ways to divide a series in two, the one is taken at which the ranks of the two parts
// differ most (the rank CUSUM, standardised for where it is divided). How large that maximum is without a change is not looked
// up but drawn: the same maximum of the same values in random orders. So the search over all places is paid for, and the noise
// may be distributed in any way; it must not depend on the night before, though, as no order would be as good as another then.
// Where a change is proven, both parts are searched again.
const (
	// MinSegment is how many reports must be on each side of a change: one night is no level.
	MinSegment = 5
	// Significance is the probability with which a series without a change is said to have one.
	Significance = 0.005
	orders       = 1999
	resamples    = 399
	nearby       = 20 // reports of each side that the size of a change is judged by
	level        = 0.05
)

// Change is a place where the level of a series changed.
type Change struct {
	At    int     `json:"at"`   // index in Series.Points of the first report of the new level
	From  int     `json:"from"` // it lies between From and To, both within, with a probability of about 95 %
	To    int     `json:"to"`
	Epoch int     `json:"epoch"`
	P     float64 `json:"p"` // of the permutation test, 1/2000 at the least
	Size
}

// Size is how far a level moved: from the median Before to the median After, and in percent with its 95 % interval. Percentages
// are nil where not all values are above 0, and the interval where there are too few reports. The interval holds for reports
// that do not depend on each other, and takes the place of the change for known.
type Size struct {
	Before        float64  `json:"before"`
	After         float64  `json:"after"`
	Percent       *float64 `json:"percent,omitempty"`
	LowPercent    *float64 `json:"low_percent,omitempty"`
	HighPercent   *float64 `json:"high_percent,omitempty"`
	ReportsBefore int      `json:"reports_before"`
	ReportsAfter  int      `json:"reports_after"`
}

// judge finds the changes of each epoch.
func (s *Series) judge() {
	s.Changes = nil
	for e := range s.Epochs {
		at := s.measured(e)
		values := s.values(at)
		found := changesIn(values)
		for i, f := range found {
			from, to := 0, len(values)
			if i > 0 {
				from = found[i-1].at
			}
			if i+1 < len(found) {
				to = found[i+1].at
			}
			low, high := placeInterval(values[from:to], f.at-from)
			s.Changes = append(s.Changes, Change{
				At: at[f.at], From: at[from+low], To: at[from+high], Epoch: e, P: f.p,
				Size: sizeOf(values[max(from, f.at-nearby):f.at], values[f.at:min(to, f.at+nearby)]),
			})
		}
	}
	slices.SortFunc(s.Changes, func(a, b Change) int { return cmp.Compare(a.At, b.At) })
}

func (s *Series) values(at []int) []float64 {
	values := make([]float64, len(at))
	for i, j := range at {
		values[i] = s.Points[j].Median
	}
	return values
}

// split is a place where values were divided: at is the first of the right side.
type split struct {
	at int
	p  float64
}

// changesIn divides values until no part has a change that is proven, and returns the places in order.
func changesIn(values []float64) []split {
	var found []split
	var search func(from, to int)
	search = func(from, to int) {
		at, p, ok := change(values[from:to])
		if !ok {
			return
		}
		found = append(found, split{from + at, p})
		search(from, from+at)
		search(from+at, to)
	}
	search(0, len(values))
	slices.SortFunc(found, func(a, b split) int { return cmp.Compare(a.at, b.at) })
	return found
}

// change looks for one change. The same values give the same answer.
func change(values []float64) (at int, p float64, ok bool) {
	n := len(values)
	if n < 2*MinSegment {
		return 0, 1, false
	}
	ranks := stats.Ranks(values)
	weights := weightsOf(n)
	seen, at := farthest(ranks, weights)
	if seen == 0 {
		return 0, 1, false // all are equal
	}
	lot := rand.New(rand.NewPCG(uint64(n), 1))
	// With so many orders as far apart, no more of them can make it significant.
	const enough = int(Significance * (orders + 1))
	beyond := 0
	for range orders {
		lot.Shuffle(n, func(i, j int) { ranks[i], ranks[j] = ranks[j], ranks[i] })
		if d, _ := farthest(ranks, weights); d >= seen {
			if beyond++; beyond >= enough {
				return at, 1, false
			}
		}
	}
	return at, float64(beyond+1) / (orders + 1), true
}

// weightsOf standardises the sum of the first k of n values in random order, but for the spread of the values.
func weightsOf(n int) []float64 {
	w := make([]float64, n+1)
	for k := MinSegment; k <= n-MinSegment; k++ {
		w[k] = math.Sqrt(float64(n) / (float64(k) * float64(n-k)))
	}
	return w
}

// farthest returns the largest standardised difference between the two sides of any place, and the place.
func farthest(ranks []int, weights []float64) (d float64, at int) {
	n := len(ranks)
	mean, sum := n+1, 0 // ranks are doubled
	for k := 1; k <= n-MinSegment; k++ {
		sum += ranks[k-1] - mean
		if x := math.Abs(float64(sum)) * weights[k]; x > d {
			d, at = x, k
		}
	}
	return d, at
}

// placeInterval is where a change may lie: each side is drawn again from its own values, and the place is looked for again.
func placeInterval(values []float64, at int) (low, high int) {
	n := len(values)
	lot := rand.New(rand.NewPCG(uint64(n), uint64(at)))
	weights := weightsOf(n)
	again := make([]float64, n)
	places := make([]int, 0, resamples)
	for range resamples {
		for i := range again {
			if i < at {
				again[i] = values[lot.IntN(at)]
			} else {
				again[i] = values[at+lot.IntN(n-at)]
			}
		}
		if d, k := farthest(stats.Ranks(again), weights); d > 0 {
			places = append(places, k)
		}
	}
	if len(places) == 0 {
		return at, at
	}
	sort.Ints(places)
	cut := int(level / 2 * float64(len(places)))
	return min(at, places[cut]), max(at, places[len(places)-1-cut])
}

// sizeOf compares two groups of reports.
func sizeOf(before, after []float64) Size {
	s := Size{Before: stats.Median(before), After: stats.Median(after), ReportsBefore: len(before), ReportsAfter: len(after)}
	block := []stats.Block{{A: logs(before), B: logs(after)}}
	if block[0].A == nil || block[0].B == nil {
		return s
	}
	s.Percent = percent(stats.ShiftEstimate(block))
	low, ok := stats.ShiftAbove(block, level/2)
	high, okHigh := stats.ShiftBelow(block, level/2)
	if ok && okHigh {
		s.LowPercent, s.HighPercent = percent(low), percent(high)
	}
	return s
}

// logs returns nil where a value is not above 0.
func logs(values []float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		if v <= 0 {
			return nil
		}
		out[i] = math.Log(v)
	}
	return out
}

// percent turns a difference of logarithms into percent; nil where it overflows.
func percent(shift float64) *float64 {
	v := 100 * math.Expm1(shift)
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}
