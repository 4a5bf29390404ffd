package contest

import (
	"math"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/internal/labelled"
	"github.com/alloc-dev/heaptop/analysis/stats"
)

// Rate is how well the rate of one kind of leak is told, over the series that were called growing: of the live heap, or
// of RSS where the leak lies outside of the heap.
type Rate struct {
	Kind    string
	Growing int     // how many
	Holds   float64 // share of them that have the true rate in their interval
	Error   float64 // median of the relative error of the rate
	Width   float64 // median width of the interval, relative to the true rate
}

// Rates compares the rates of leaks with steady ones with the truth.
func Rates(set Set) []Rate {
	kinds := labelled.Kinds()
	all := make([][]analysis.Leak, len(kinds))
	truth := make([][]float64, len(kinds))
	for k := range all {
		all[k], truth[k] = make([]analysis.Leak, set.N), make([]float64, set.N)
	}
	Each(set, func(kind, i int, s *labelled.Series) {
		points := s.Live
		if kinds[kind].Native {
			points = s.RSS
		}
		if s.Steady {
			all[kind][i], truth[kind][i] = analysis.JudgeLeak(points, Options(s)), s.PerHour
		}
	})
	var out []Rate
	for k := range kinds {
		if kinds[k].Steady {
			out = append(out, rateOf(kinds[k].Name, all[k], truth[k]))
		}
	}
	return out
}

func rateOf(name string, told []analysis.Leak, truth []float64) Rate {
	r := Rate{Kind: name}
	var errors, widths []float64
	for i, l := range told {
		if l.Verdict != analysis.LeakGrowing {
			continue
		}
		r.Growing++
		errors = append(errors, math.Abs(l.PerHour/truth[i]-1))
		widths = append(widths, (l.High-l.Low)/truth[i])
		if l.Low <= truth[i] && truth[i] <= l.High {
			r.Holds++
		}
	}
	if r.Growing > 0 {
		r.Holds /= float64(r.Growing)
		r.Error, r.Width = stats.Median(errors), stats.Median(widths)
	}
	return r
}
