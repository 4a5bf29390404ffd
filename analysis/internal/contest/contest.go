// Package contest holds the leak verdict against other rules on the same labelled series: how many leaks each finds, how
// often it cries wolf, and at which kinds.
//
// The other rules are here for comparison alone. Nothing in the product may use them, which is why this is internal.
package contest

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/alloc-dev/heaptop/analysis"
	"github.com/alloc-dev/heaptop/analysis/internal/labelled"
	"github.com/alloc-dev/heaptop/sampler"
)

// Rule judges one series of a process.
type Rule struct {
	Name      string
	Threshold float64 // score from which on it calls a leak, as its users have it
	Score     func(points []sampler.Point, of *labelled.Series) float64
}

// Rules lists the verdict, as one look and as a live alert, its cheap form, and the rivals.
func Rules() []Rule { return append(Ours(), Rivals()...) }

// Ours lists the verdict, first as one look at a finished series, and its other forms.
func Ours() []Rule {
	return []Rule{
		{"heaptop", 10, func(p []sampler.Point, of *labelled.Series) float64 {
			if l := analysis.JudgeLeak(p, Options(of)); l.Lasting && l.Certain {
				return l.Score
			}
			return -1
		}},
		{"heaptop, as a live alert", 10, func(p []sampler.Point, of *labelled.Series) float64 {
			o := Options(of)
			o.Live = true
			switch l := analysis.JudgeLeak(p, o); {
			case l.Verdict == analysis.LeakGrowing:
				return l.Score
			case l.Lasting && l.Certain:
				return min(l.Score, 9.99)
			}
			return -1
		}},
		{"heaptop, cheap form", 8, func(p []sampler.Point, of *labelled.Series) float64 {
			g := analysis.GrowthSince(p, of.Started)
			if g.Growing {
				return g.Score
			}
			return min(g.Score, 7.99)
		}},
	}
}

// Options is what the verdict is told about a series.
func Options(of *labelled.Series) analysis.LeakOptions {
	return analysis.LeakOptions{Started: of.Started, Restarts: of.Restarts, Load: of.Load}
}

// Scores holds the scores of one rule: by kind, one for each series.
type Scores struct {
	Rule  Rule
	Kinds []KindScores
}

// KindScores is what a rule said about the series of one kind.
type KindScores struct {
	Kind   string
	Leak   bool
	Scores []float64
}

// Set says which series: N of every kind, with seeds from First on, watched for Duration every Interval (zero: as labelled
// does it).
type Set struct {
	First              uint64
	N                  int
	Duration, Interval time.Duration
}

// Judge lets all rules judge the live heap or RSS of a set. It uses all processors.
func Judge(rules []Rule, rss bool, set Set) []Scores {
	kinds := labelled.Kinds()
	out := make([]Scores, len(rules))
	for i := range out {
		out[i] = Scores{Rule: rules[i], Kinds: make([]KindScores, len(kinds))}
		for k := range kinds {
			leak := kinds[k].Leak && (rss || !kinds[k].Native)
			out[i].Kinds[k] = KindScores{kinds[k].Name, leak, make([]float64, set.N)}
		}
	}
	Each(set, func(kind, i int, s *labelled.Series) {
		points := s.Live
		if rss {
			points = s.RSS
		}
		for r := range rules {
			out[r].Kinds[kind].Scores[i] = rules[r].Score(points, s)
		}
	})
	return out
}

// Each calls f for every series of a set from as many goroutines as there are processors.
func Each(set Set, f func(kind, i int, s *labelled.Series)) {
	if set.Duration == 0 {
		set.Duration, set.Interval = labelled.Duration, labelled.Interval
	}
	kinds := labelled.Kinds()
	work := make(chan [2]int)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for w := range work {
				s := labelled.Watched(kinds[w[0]], set.First+uint64(w[1]), set.Duration, set.Interval)
				f(w[0], w[1], &s)
			}
		})
	}
	for k := range kinds {
		for i := range set.N {
			work <- [2]int{k, i}
		}
	}
	close(work)
	all.Wait()
}

// Result is how a rule does at one threshold. All are shares from 0 to 1.
type Result struct {
	Precision, Recall, F1, Alarms float64 // Alarms: of the series without a leak that were called one
	WorstKind                     string  // without a leak, with the most alarms
	WorstAlarms                   float64
}

// At counts with a threshold.
func (s Scores) At(threshold float64) Result {
	var r Result
	var found, leaks, alarms, others float64
	for _, k := range s.Kinds {
		called := 0.0
		for _, v := range k.Scores {
			if v >= threshold {
				called++
			}
		}
		n := float64(len(k.Scores))
		if k.Leak {
			found += called
			leaks += n
			continue
		}
		alarms += called
		others += n
		if called/n > r.WorstAlarms {
			r.WorstKind, r.WorstAlarms = k.Kind, called/n
		}
	}
	r.Recall = found / leaks
	r.Alarms = alarms / others
	if found > 0 {
		r.Precision = found / (found + alarms)
		r.F1 = 2 * r.Precision * r.Recall / (r.Precision + r.Recall)
	}
	return r
}

// Called returns the share of the series of a kind that are called leaks at a threshold.
func (k KindScores) Called(threshold float64) float64 {
	n := 0.0
	for _, v := range k.Scores {
		if v >= threshold {
			n++
		}
	}
	return n / float64(len(k.Scores))
}

// Threshold returns the score at which the share of false alarms is at most alarms, and no other share would be nearer to it.
func (s Scores) Threshold(alarms float64) float64 {
	var all []float64
	for _, k := range s.Kinds {
		if !k.Leak {
			all = append(all, k.Scores...)
		}
	}
	slices.Sort(all)
	allowed := int(alarms * float64(len(all)))
	border := all[len(all)-1-allowed]
	for _, v := range all {
		if v > border {
			return v
		}
	}
	least := border
	for _, k := range s.Kinds { // no series without a leak scores more: the least score of a leak that does
		for _, v := range k.Scores {
			if v > border && (least == border || v < least) {
				least = v
			}
		}
	}
	if least == border {
		return border + 1
	}
	return least
}
