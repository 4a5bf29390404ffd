// Command leaktable prints the tables of docs/leaks.md: the leak verdict beside other rules, on the same labelled series.
//
//	go run ./analysis/internal/leaktable [-n 150] [-first 1] [-duration 1h] [-interval 5s]
//
// It measures and judges nothing by itself; the bounds are asserted by the tests of package analysis.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/alloc-dev/heaptop/analysis/internal/contest"
	"github.com/alloc-dev/heaptop/analysis/internal/labelled"
)

func main() {
	var set contest.Set
	flag.IntVar(&set.N, "n", 150, "series of each kind")
	flag.Uint64Var(&set.First, "first", 1, "seed of the first")
	flag.DurationVar(&set.Duration, "duration", labelled.Duration, "how long each is watched")
	flag.DurationVar(&set.Interval, "interval", labelled.Interval, "how often it is read")
	flag.Parse()
	if set.N < 1 || set.Interval <= 0 || set.Duration < 20*set.Interval {
		fmt.Fprintln(os.Stderr, "leaktable: at least one series and 20 readings are needed")
		os.Exit(3)
	}
	tables(os.Stdout, set)
}

func tables(w io.Writer, set contest.Set) {
	fmt.Fprintf(w, "%d series of each of %d kinds, seeds from %d on, read every %v for %v.\n", set.N, len(labelled.Kinds()), set.First, set.Interval, set.Duration)
	live := contest.Judge(contest.Rules(), false, set)
	rss := contest.Judge(contest.Rules(), true, set)
	rules(w, "live heap", live)
	rules(w, "RSS", rss)
	kinds(w, live[0], rss[0])
	rates(w, contest.Rates(set))
}

func rules(w io.Writer, of string, all []contest.Scores) {
	fmt.Fprintf(w, "\n| %s | precision | recall | F1 | false alarms | worst kind | F1 at 1 %% false alarms |\n|---|---|---|---|---|---|---|\n", of)
	for _, s := range all {
		r := s.At(s.Rule.Threshold)
		worst := "none"
		if r.WorstAlarms > 0 {
			worst = fmt.Sprintf("%s %.0f %%", r.WorstKind, 100*r.WorstAlarms)
		}
		fmt.Fprintf(w, "| %s | %.2f | %.2f | %.2f | %.1f %% | %s | %.2f |\n",
			s.Rule.Name, r.Precision, r.Recall, r.F1, 100*r.Alarms, worst, s.At(s.Threshold(0.01)).F1)
	}
}

func kinds(w io.Writer, live, rss contest.Scores) {
	fmt.Fprintf(w, "\n| kind | | live heap called growing | RSS called growing |\n|---|---|---|---|\n")
	for i, k := range rss.Kinds {
		what := "no leak"
		if k.Leak {
			what = "leak"
		}
		fmt.Fprintf(w, "| %s | %s | %.0f %% | %.0f %% |\n", k.Kind, what, 100*live.Kinds[i].Called(live.Rule.Threshold), 100*k.Called(rss.Rule.Threshold))
	}
}

func rates(w io.Writer, all []contest.Rate) {
	fmt.Fprintf(w, "\n| leak at a steady rate | called growing | interval holds the rate | error of the rate, median | width of the interval, median |\n|---|---|---|---|---|\n")
	for _, r := range all {
		if r.Growing == 0 {
			fmt.Fprintf(w, "| %s | 0 | | | |\n", r.Kind)
			continue
		}
		fmt.Fprintf(w, "| %s | %d | %.2f | %.0f %% | %.0f %% |\n", r.Kind, r.Growing, r.Holds, 100*r.Error, 100*r.Width)
	}
}
