package contest

import (
	"fmt"
	"math"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/internal/labelled"
	"github.com/alloc-dev/heaptop/analysis/stats"
)

// Rate is how well the rate of one kind of leak is told.
type Rate struct {
	Kind      string
	Live, RSS RateOf
}

// RateOf counts over the series that were called growing.
type RateOf struct {
	Judged float64 // how many
	Holds  float64 // how many of them have the true rate in their interval
	Error  float64 // median of the relative error of the rate
}

// String prints the three as cells of a table.
func (r RateOf) String() string {
	if r.Judged == 0 {
		return "0 | | "
	}
	return fmt.Sprintf("%.0f | %.2f | %.0f %%", r.Judged, r.Holds/r.Judged, 100*r.Error)
}

// Rates compares the rates of leaks with steady ones with the truth.
func Rates(first uint64, n int) []Rate {
	kinds := labelled.Kinds()
	type told struct {
		growing, holds bool
		err            float64
	}
	all := make([][][2]told, len(kinds))
	for k := range all {
		all[k] = make([][2]told, n)
	}
	Each(first, n, func(kind, i int, s *labelled.Series) {
		if !s.Steady {
			return
		}
		if s.LeaksLive {
			l := analysis.JudgeLeak(s.Live, Options(s))
			all[kind][i][0] = told{l.Verdict == analysis.LeakGrowing, l.Low <= s.PerHour && s.PerHour <= l.High, math.Abs(l.PerHour/s.PerHour - 1)}
			if !(s.Live == nil) && kinds[kind].Native {
				return
			}
		}
		if kinds[kind].Native {
			l := analysis.JudgeLeak(s.RSS, Options(s))
			all[kind][i][1] = told{l.Verdict == analysis.LeakGrowing, l.Low <= s.PerHour && s.PerHour <= l.High, math.Abs(l.PerHour/s.PerHour - 1)}
		}
	})
	var out []Rate
	for k := range kinds {
		if !kinds[k].Steady {
			continue
		}
		r := Rate{Kind: kinds[k].Name}
		for which, to := range []*RateOf{&r.Live, &r.RSS} {
			var errors []float64
			for _, t := range all[k] {
				if t[which].growing {
					to.Judged++
					errors = append(errors, t[which].err)
					if t[which].holds {
						to.Holds++
					}
				}
			}
			if len(errors) > 0 {
				to.Error = stats.Median(errors)
			}
		}
		out = append(out, r)
	}
	return out
}
